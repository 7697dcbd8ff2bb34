"""A dockerd that hangs, restarts, is killed or loses containers (F30): containers go on or end, and so do we."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mesos_py.agent.containerizer.docker.containerizer import REMOVED
from mesos_py.agent.events import ContainerExited
from mesos_py.machine.values import SECOND
from tests.agent.containerizer.docker.daemon import DOCKER, Daemon, daemon
from tests.agent.containerizer.docker.running import LOOP, WAIT, ran, read, start
from tests.agent.containerizer.harness import Harness, until

pytestmark = DOCKER

TIMEOUT_S = 3  # a dockerd that works may take its time, too


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One that may be stopped and killed, and whose containers survive that."""
    with daemon(tmp_path_factory.mktemp("own"), "--live-restore") as made:
        yield made


@pytest.fixture
async def harness(own: Daemon, tmp_path: Path) -> AsyncIterator[Harness]:
    made = Harness(tmp_path)
    await made.docker(own.socket, docker_timeout=TIMEOUT_S * SECOND).recover()
    yield made
    await made.containerizer.close()
    own.clear()


async def test_one_that_hangs_delays_what_it_is_asked_and_nothing_else(own: Daemon, harness: Harness) -> None:
    """1 a container runs; 2 dockerd hangs: a kill, an exit and a launch; 3 it is back, and all of them are done."""
    start(harness, "killed", LOOP)
    start(harness, "ends", f"{WAIT}; echo done; exit 3")
    for name in ("killed", "ends"):
        await harness.launched(name)
        await until((harness.sandbox(name) / "ready").exists)
    turns = 0
    with own.hanging():
        (harness.sandbox("ends") / "go").touch()
        harness.containerizer.destroy("killed")
        start(harness, "given up", LOOP)
        harness.containerizer.destroy("given up")
        end = time.monotonic() + TIMEOUT_S + 0.5  # beyond the time-out of a call
        while time.monotonic() < end:
            await asyncio.sleep(0.01)
            turns += 1
        assert list(await harness.containerizer.usage(["killed", "ends"])) == ["killed", "ends"]
        assert [harness.exit_of(name) for name in ("killed", "ends")] == [None, None]
    assert turns > 2  # a call made from the loop would have held it for longer than all of that
    assert await harness.exited("killed") == 137 << 8
    assert await harness.exited("ends") == 3 << 8
    assert read(harness, "ends") == "done\n"
    await harness.exited("given up")
    assert "ContainerLaunched" not in harness.of("given up")
    assert await ran(harness, "next", "echo next") == "next\n"


async def test_a_launch_that_nobody_answers_fails_once_nothing_of_it_can_run(own: Daemon, harness: Harness) -> None:
    with own.hanging():
        start(harness, "c", LOOP)
        await asyncio.sleep(0.1)
    assert await harness.launched("c") > 0
    own.stop(signal.SIGKILL)
    try:
        start(harness, "d", LOOP)
        assert await harness.failed("d") == "dockerd does not answer: Connection refused"
    finally:
        own.start()
    assert "mesos-d" not in own.names()


async def test_a_launch_that_was_never_asked_for_ends_at_once(own: Daemon, harness: Harness) -> None:
    """There can be nothing of it: nobody has to wait for a dockerd to come back."""
    own.stop(signal.SIGKILL)
    try:
        start(harness, "c", LOOP)
        await until((harness.sandbox("c") / "stdout").exists)
        harness.containerizer.destroy("c")
        assert await harness.exited("c") == signal.SIGKILL
    finally:
        own.start()


async def test_one_that_is_killed_and_comes_back(own: Daemon, harness: Harness) -> None:
    """What runs goes on, and what has ended meanwhile is told; what it printed meanwhile is there."""
    start(harness, "stays", f"echo before; {WAIT}; echo after; exit 4")
    start(harness, "ends", f"{WAIT}; exit 5")
    for name in ("stays", "ends"):
        await harness.launched(name)
        await until((harness.sandbox(name) / "ready").exists)
    own.stop(signal.SIGKILL)
    (harness.sandbox("ends") / "go").touch()
    own.start()
    assert await harness.exited("ends") is not None
    assert harness.exit_of("stays") is None
    (harness.sandbox("stays") / "go").touch()
    assert await harness.exited("stays") == 4 << 8
    assert read(harness, "stays") == "before\nafter\n"


async def test_one_that_restarts_and_ends_its_containers(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without --live-restore: they are over, and that is said."""
    with daemon(tmp_path_factory.mktemp("ends")) as own:  # a short path: dockerd makes sockets below it
        harness = Harness(tmp_path)
        await harness.docker(own.socket).recover()
        try:
            start(harness, "c", f"trap 'exit 6' TERM; {LOOP}")
            await harness.launched("c")
            await until((harness.sandbox("c") / "ready").exists)
            own.stop()
            own.start()
            assert await harness.exited("c") in (6 << 8, 137 << 8)  # dockerd does not give it much time
            assert await ran(harness, "d", "echo again") == "again\n"
        finally:
            await harness.containerizer.close()


async def test_a_container_that_somebody_removes(own: Daemon, harness: Harness) -> None:
    start(harness, "c", f"echo said; {LOOP}")
    await harness.launched("c")
    await until(lambda: read(harness, "c") == "said\n")
    own.client.remove_container("mesos-c", force=True)
    await harness.exited("c")
    (event,) = [one for one in harness.events if isinstance(one, ContainerExited)]
    assert event.message in (REMOVED, "")  # it is told how it ended if that can still be seen
    assert event.status == 137 << 8
    assert read(harness, "c") == "said\n"


async def test_one_that_is_not_there_when_an_agent_begins(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    made = harness.docker(str(tmp_path / "no.sock"), docker_timeout=SECOND)
    with pytest.raises(OSError, match=r"dockerd at .*no.sock: No such file or directory"):
        await made.recover()
    await made.close()
