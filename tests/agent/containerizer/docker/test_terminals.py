"""Tasks of docker at a terminal: who views and types, what is in the sandbox, and what outlives an agent."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from mesos_py.agent.containerizer import InputTaken, NotAttached, Stream
from mesos_py.agent.containerizer.docker.terminals import UNREAD_MAX
from tests.agent.containerizer.docker.daemon import DOCKER, Daemon
from tests.agent.containerizer.docker.running import LOOP, read, start
from tests.agent.containerizer.harness import DEADLINE_S, Harness, until
from tests.agent.containerizer.test_lines import TERMINAL, attached, everything, expect

pytestmark = DOCKER

#: It says what it is told, at a terminal; a signal ends no more than its reading.
ECHO = (
    "touch /mnt/mesos/sandbox/ready; "
    'while :; do read line || continue; echo "<$line>"; [ "$line" != end ] || exit 3; done'
)


async def begin(harness: Harness, script: str) -> None:
    start(harness, "c", script, lines=TERMINAL)
    await harness.launched("c")


async def test_who_is_attached_views_and_types(docked: Harness) -> None:
    """1 two view, and one types; 2 resized; 3 keys of dockerd's are typed; 4 the sandbox has all of it."""
    await begin(docked, f"trap 'stty size' WINCH; tty; {ECHO}")
    await until((docked.sandbox("c") / "ready").exists)
    async with attached(docked, "c") as client, attached(docked, "c") as other:
        async with attached(docked, "c", types=True) as typist:
            assert typist.is_terminal
            with pytest.raises(InputTaken):
                await docked.containerizer.attach("c", types=True)
            await typist.write(b"stty size\n")
            await expect(client, b"<stty size>\r\n")
            await typist.resize(50, 132)
            await typist.write(b"\x10\x11on\n")
            await expect(client, b"on>\r\n")
        async with attached(docked, "c", types=True) as typist:
            await typist.write(b"end\n")
            await asyncio.wait_for(typist.ended(), DEADLINE_S)
        for one in (client, other):
            assert (await everything(one))[Stream.STDOUT].endswith(b"<end>\r\n")
    assert await docked.exited("c") == 3 << 8
    assert read(docked, "c").splitlines()[-2:] == ["end", "<end>"]
    assert read(docked, "c", "stderr") == ""


async def test_a_terminal_has_the_size_that_was_asked_for(docked: Harness) -> None:
    await begin(docked, "until stty size | grep -q '24 80'; do sleep 0.02; done")
    assert await docked.exited("c") == 0


async def test_a_container_without_a_terminal_has_nobody_attached(docked: Harness) -> None:
    start(docked, "c", LOOP)
    await docked.launched("c")
    with pytest.raises(NotAttached, match="I/O switchboard server was disabled for this container"):
        await docked.containerizer.attach("c", types=False)


async def test_who_does_not_read_is_cut_off(docked: Harness) -> None:
    """The task is not held up for long, and those who read hear everything."""
    size = 16 * UNREAD_MAX
    await begin(docked, f"stty raw -echo; read go; head -c {size} /dev/zero | tr '\\0' x")
    async with attached(docked, "c") as slow, attached(docked, "c") as quick:
        async with attached(docked, "c", types=True) as typist:
            await typist.write(b"go\n")
        assert (await everything(quick))[Stream.STDOUT].count(b"x") == size
        assert await docked.exited("c") == 0
        with pytest.raises(NotAttached, match="not read in time"):
            await everything(slow)
    assert read(docked, "c").count("x") == size


async def test_a_terminal_outlives_its_agent(dockerd: Daemon, tmp_path: Path) -> None:
    """1 something is said; 2 the agent goes; 3 the next one's clients view and type; 4 nothing is written twice."""
    first, second = Harness(tmp_path), Harness(tmp_path)
    await first.docker(dockerd.socket).recover()
    try:
        await begin(first, ECHO)
        async with attached(first, "c") as client, attached(first, "c", types=True) as typist:
            await typist.write(b"first\n")
            await expect(client, b"<first>\r\n")
        await until(lambda: "<first>" in read(first, "c"))
    finally:
        await first.containerizer.close(keep=True)
    await second.docker(dockerd.socket).recover(("c",))
    try:
        async with attached(second, "c") as client, attached(second, "c", types=True) as typist:
            await typist.write(b"second\n")
            await expect(client, b"<second>\r\n")
            await typist.write(b"end\n")
            await everything(client)
        assert await second.exited("c") == 3 << 8
        assert read(second, "c").replace("\r", "") == "first\n<first>\nsecond\n<second>\nend\n<end>\n"
    finally:
        await second.containerizer.close()
        dockerd.clear()


async def test_a_container_that_is_killed_lets_its_clients_go(docked: Harness) -> None:
    await begin(docked, LOOP)
    async with attached(docked, "c") as client, attached(docked, "c", types=True) as typist:
        docked.containerizer.destroy("c")
        await asyncio.wait_for(typist.ended(), DEADLINE_S)
        await everything(client)
    assert await docked.exited("c") in (signal.SIGKILL, (128 + signal.SIGKILL) << 8)
