"""Sessions inside isolated containers: they see what those see, at a terminal that is their own, and end with them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mesos_py.agent.containerizer import Lines, Stream
from mesos_py.wire.command import CommandInfo
from tests.agent.containerizer.conftest import remove_cgroups
from tests.agent.containerizer.harness import Harness, is_alive, needs_cgroups, needs_crun, until
from tests.agent.containerizer.test_image_containers import harness, image, images
from tests.agent.containerizer.test_lines import PIPES, TERMINAL, attached, everything, expect
from tests.agent.containerizer.test_namespaces import ISOLATION, own
from tests.agent.kinds import scalars

__all__ = ["harness", "images", "own"]

pytestmark = pytest.mark.root


async def running(harness: Harness) -> int:
    harness.containerizer.launch(harness.spec("c", "sleep", "1000"))
    return await harness.launched("c")


def join(harness: Harness, *argv: str, lines: object = PIPES) -> None:
    sandbox = str(harness.sandbox("c"))
    spec = harness.spec("s", *argv, inside="c", parent_id="c", lines=lines, is_kept=False, sandbox=sandbox)
    harness.containerizer.launch(spec)


@needs_crun
async def test_a_session_is_where_its_container_is(own: Harness) -> None:
    """1 it has its namespaces, sandbox and cgroups; 2 it types and hears; 3 its exit status is its own."""
    pid = await running(own)
    script = "readlink /proc/self/ns/pid; pwd; cat /proc/self/cgroup; read x; echo got $x; exit 7"
    join(own, "/bin/sh", "-c", script)
    await own.launched("s")
    async with attached(own, "s") as client, attached(own, "s", types=True) as typist:
        await typist.write(b"this\n")
        lines = (await everything(client))[Stream.STDOUT].decode().splitlines()
    assert lines[:2] == [os.readlink(f"/proc/{pid}/ns/pid"), str(own.sandbox("c"))]
    assert lines[2:-1] == Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    assert lines[-1] == "got this"
    assert await own.exited("s") == 7 << 8
    assert is_alive(pid)


@needs_crun
async def test_a_terminal_inside(own: Harness) -> None:
    """1 of its size; 2 resized; 3 interrupted."""
    await running(own)
    traps = "trap 'echo; stty size' WINCH; trap 'echo caught; exit 9' INT"
    script = f"tty; stty size; {traps}; echo ready; while :; do sleep 0.01; done"
    join(own, "/bin/sh", "-c", script, lines=TERMINAL)
    await own.launched("s")
    async with attached(own, "s") as client, attached(own, "s", types=True) as typist:
        said = await expect(client, b"ready\r\n")
        assert b"/dev/pts/" in said
        assert b"24 80\r\n" in said
        await typist.resize(50, 132)
        await expect(client, b"50 132\r\n")
        await typist.write(b"\x03")
        assert (await everything(client))[Stream.STDOUT].endswith(b"caught\r\n")
    assert await own.exited("s") == 9 << 8


@needs_crun
@pytest.mark.parametrize(
    ("program", "why"), [("no-such-program", "No such file or directory"), ("/etc", "Permission denied")]
)
@pytest.mark.parametrize("lines", [PIPES, TERMINAL], ids=["pipes", "terminal"])
async def test_a_program_that_is_not_there(own: Harness, lines: Lines, program: str, why: str) -> None:
    """There is no session, as where nothing is isolated; its container goes on, and the next one is well."""
    pid = await running(own)
    join(own, program, lines=lines)
    assert await own.failed("s") == f"Failed to execute '{program}': {why}"
    own.events.pop()
    join(own, "/bin/sh", "-c", "kill -9 $$")
    await own.launched("s")
    async with attached(own, "s") as client:
        await everything(client)
    assert await own.exited("s") == signal.SIGKILL
    assert is_alive(pid)


@needs_crun
@pytest.mark.parametrize("lines", [PIPES, TERMINAL], ids=["pipes", "terminal"])
async def test_a_session_of_an_executor_without_a_process(own: Harness, lines: Lines) -> None:
    """1 it is in the pod's sandbox, below its cgroups; 2 its words are its clients' alone; 3 nothing is left of it."""
    pod = own.sandbox("c")
    own.containerizer.make_sandbox("c", str(pod), None, None)
    own.containerizer.update("c", scalars(cpus=0.1, mem=64), {})
    join(own, "/bin/sh", "-c", "pwd; cat /proc/self/cgroup; echo =; touch made; exec sleep 1000", lines=lines)
    pid = await own.launched("s")
    async with attached(own, "s") as client:
        said = (await expect(client, b"=")).decode().splitlines()
        assert said[0] == str(pod)
        assert any(line.endswith(("/c/mesos/s", "/c/s")) for line in said), said
        await until((pod / "made").exists)
        assert os.listdir(pod) == ["made"]
        own.containerizer.destroy("s")
        assert await own.exited("s") == signal.SIGKILL
    own.containerizer.destroy("c")
    await until(lambda: not own.cgroups())
    assert not is_alive(pid)


@needs_cgroups
async def test_a_session_ends_with_its_container(confined: Harness) -> None:
    """It is in its cgroups, where everything is killed."""
    await running(confined)
    join(confined, "/bin/sh", "-c", "echo $$; trap '' TERM HUP; setsid sleep 1000")
    await confined.launched("s")
    async with attached(confined, "s") as client:
        pid = int(await expect(client, b"\n"))
        assert Path(f"/proc/{pid}/cgroup").read_text().count("/c") > 0
        confined.containerizer.destroy("c")
        assert await confined.exited("c") == signal.SIGKILL
        assert await confined.exited("s") == signal.SIGKILL
    await until(lambda: not is_alive(pid))


@needs_cgroups
async def test_there_must_be_something_to_join(confined: Harness) -> None:
    """A container that has ended is none."""
    join(confined, "true")
    assert await confined.failed("s") == "Parent container has no process to join"


@needs_crun
@pytest.mark.parametrize("isolation", ["filesystem/linux", ISOLATION])
async def test_a_task_with_a_terminal(isolation: str, tmp_path: Path) -> None:
    """With an init in front of it and without: 1 its own, with job control; 2 logged; 3 its wait status; 4 checked."""
    harness = Harness(tmp_path)
    await harness.isolated(isolation=isolation).recover()
    script = "tty; stty size; trap 'stty size' WINCH; echo ready; while ! read x; do :; done; echo got $x; kill -9 $$"
    harness.containerizer.launch(harness.shell("c", script, lines=TERMINAL))
    await harness.launched("c")
    stdout = harness.sandbox("c") / "stdout"
    await until(lambda: b"ready\r\n" in stdout.read_bytes())
    assert b"/dev/pts/" in stdout.read_bytes()
    assert b"24 80\r\n" in stdout.read_bytes()
    assert await harness.containerizer.run_beside(harness.shell("c", "! tty")) == 0
    async with attached(harness, "c") as client, attached(harness, "c", types=True) as typist:
        await typist.resize(50, 132)
        await expect(client, b"50 132\r\n")
        await typist.write(b"this\n")
        await expect(client, b"got this\r\n")
    assert await harness.exited("c") == signal.SIGKILL
    assert stdout.read_bytes().endswith(b"got this\r\n")
    await harness.containerizer.close()
    remove_cgroups(harness)


@needs_crun
@pytest.mark.parametrize("lines", [PIPES, TERMINAL], ids=["pipes", "terminal"])
async def test_a_session_sees_the_image_of_its_container(harness: Harness, lines: Lines) -> None:
    """1 what is in it, where the task is, with the environment of both; 2 of its terminal, the image's own device."""
    command = CommandInfo(value="exec sleep 1000")
    task = harness.spec("c", "/bin/sh", command=command, env={}, container=image("busy"), lines=TERMINAL)
    harness.containerizer.launch(task)
    await harness.launched("c")
    session = harness.shell(
        "s", "cat /etc/motd; pwd; echo $A; tty; exit 3", inside="c", parent_id="c", lines=lines, is_kept=False, env={},
        sandbox=str(harness.sandbox("c")),
    )  # fmt: skip
    harness.containerizer.launch(session)
    await harness.launched("s")
    async with attached(harness, "s") as client:
        said = (await everything(client))[Stream.STDOUT].decode().splitlines()
    assert said == ["of the image", "/tmp", "image", "/dev/pts/1" if lines is TERMINAL else "not a tty"]
    assert await harness.exited("s") == 3 << 8
    harness.containerizer.destroy("c")
    await harness.exited("c")
