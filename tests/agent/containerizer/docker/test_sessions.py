"""Sessions in containers of a real dockerd: docker exec, with a terminal and without, and nothing left of them."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import psutil
import pytest

from mesos_py.agent.containerizer import Lines, Stream
from mesos_py.agent.containerizer.docker.dockerd import Dockerd
from mesos_py.agent.containerizer.docker.sessions import Sessions
from mesos_py.wire.command import CommandInfo
from tests.agent.containerizer.docker.daemon import DOCKER, Daemon
from tests.agent.containerizer.docker.running import LOOP, start
from tests.agent.containerizer.harness import DEADLINE_S, Harness, is_alive, until
from tests.agent.containerizer.test_lines import PIPES, TERMINAL, attached, everything, expect

pytestmark = DOCKER


async def join(harness: Harness, script: str, lines: Lines = PIPES, user: str | None = None) -> None:
    """A session in a container that runs."""
    if not harness.of("c"):
        start(harness, "c", LOOP)
        await harness.launched("c")
    spec = harness.shell(
        "s", script, inside="c", parent_id="c", lines=lines, is_kept=False, env={"A": "1"},
        command=CommandInfo(value=script, user=user), sandbox=str(harness.sandbox("c")),
    )  # fmt: skip
    harness.containerizer.launch(spec)
    await harness.launched("s")


def own_sleep() -> str:
    """A command line like no other on this host."""
    return f"sleep {random.SystemRandom().randrange(10**5, 10**9)}"


def pids_of(text: str) -> list[int]:
    """Processes of the host whose command lines end so."""
    return [one.pid for one in psutil.process_iter() if _line(one).endswith(text)]


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


async def test_a_session_is_in_its_container(docked: Harness) -> None:
    """1 files, environment and user of the container; 2 both streams, input to its end; 3 its exit code."""
    await join(docked, "cat /etc/passwd; echo $A; id -un; cat; echo err >&2; exit 3", user="nobody")
    async with attached(docked, "s") as client, attached(docked, "s", types=True) as typist:
        data = os.urandom(200_000).hex().encode()
        await typist.write(data)
        await typist.write(b"")
        said = await everything(client)
    docked.containerizer.destroy("s")  # as whoever had it does at its end
    users = b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
    assert said[Stream.STDOUT] == users + b"1\nnobody\n" + data
    assert said[Stream.STDERR] == b"err\n"
    assert await docked.exited("s") == 3 << 8


async def test_a_terminal(docked: Harness) -> None:
    """Of its size; resized; interrupted."""
    traps = "trap 'echo; stty size' WINCH; trap 'echo caught; exit 9' INT"
    await join(docked, f"tty; {traps}; echo ready; while :; do sleep 0.02; done", TERMINAL)
    async with attached(docked, "s") as client, attached(docked, "s", types=True) as typist:
        assert b"/dev/pts/" in await expect(client, b"ready\r\n")
        await typist.resize(50, 132)
        await expect(client, b"50 132\r\n")
        await typist.write(b"\x03")
        assert (await everything(client))[Stream.STDOUT].endswith(b"caught\r\n")
    assert await docked.exited("s") == 9 << 8


@pytest.mark.parametrize(
    ("program", "why"), [("no-such-program", "No such file or directory"), ("/etc", "Permission denied")]
)
@pytest.mark.parametrize("lines", [PIPES, TERMINAL], ids=["pipes", "terminal"])
async def test_a_program_that_is_not_there(docked: Harness, lines: Lines, program: str, why: str) -> None:
    """There is no session, as with the other containerizers; its container goes on, and the next one is well."""
    start(docked, "c", LOOP)
    await docked.launched("c")
    spec = docked.spec("s", program, inside="c", parent_id="c", lines=lines, is_kept=False, env={})
    docked.containerizer.launch(spec)
    assert await docked.failed("s") == f"Failed to execute '{program}': {why}"
    docked.events.pop()
    await join(docked, "exit 127")
    async with attached(docked, "s") as client:
        await everything(client)
    assert await docked.exited("s") == 127 << 8


async def test_destroyed_sessions_leave_nothing(docked: Harness) -> None:
    """Though nobody reads what it says; its container goes on."""
    sleeps = own_sleep()
    await join(docked, f"trap '' TERM HUP; {sleeps} & while :; do echo y; done")
    async with attached(docked, "s") as client:
        await client.read()
        await until(lambda: pids_of(sleeps))
        (sleeping,) = pids_of(sleeps)
    docked.containerizer.destroy("s")
    assert await docked.exited("s") == signal.SIGKILL
    await until(lambda: not is_alive(sleeping))
    assert docked.of("c") == ["ContainerLaunched"]


async def test_a_session_whose_container_ends(docked: Harness) -> None:
    """It ends with it."""
    await join(docked, "echo on; sleep 1000")
    async with attached(docked, "s") as client:
        await expect(client, b"on\n")
        docked.containerizer.destroy("c")
        await docked.exited("c")
        await everything(client)
    assert await docked.exited("s") is not None


async def test_what_a_killed_agent_has_left_is_ended_by_the_next(docked: Harness, dockerd: Daemon) -> None:
    """By the mark in its environment; what an operator executes is not touched."""
    ours, others = own_sleep(), own_sleep()
    await join(docked, f"exec {ours}")
    await until(lambda: pids_of(ours))
    (name,) = dockerd.names()
    made = dockerd.client.exec_create(name, others.split())
    dockerd.client.exec_start(made["Id"], detach=True)
    await until(lambda: pids_of(others))
    (mine,), (theirs,) = pids_of(ours), pids_of(others)
    assert b"MESOS_SESSION=s" in Path(f"/proc/{mine}/environ").read_bytes()
    door = Dockerd(dockerd.socket, timeout_s=DEADLINE_S)
    door.open()
    await Sessions(door, docked.events.append).recover([name])
    door.close()
    await until(lambda: not is_alive(mine))
    assert is_alive(theirs)
