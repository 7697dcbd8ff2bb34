"""A disk that fills up below a running agent (spec fault F12): it stays, what runs goes on, nothing is lost."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mesos_py.agent import events, words
from mesos_py.agent.calls.room import NO_ROOM
from mesos_py.agent.checkpoint.ballast import BALLAST, Ballast
from mesos_py.agent.checkpoint.store import FILE, PURPOSE, CheckpointStore
from mesos_py.coordination import Key, NoRoom
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.machine.frame import Send
from mesos_py.wire import internal
from mesos_py.wire.checkpoint import AgentState
from mesos_py.wire.task import TaskState, TaskStatus
from tests.agent.masters import WAIT_S, Master
from tests.agent.programs import AgentProgram
from tests.agent.test_server import shell
from tests.agent.world import World, custom_task, framework, task

BY = framework(checkpoint=True)
MESSAGE = f"Failed to launch container: {NO_ROOM}"


# ---- what the core makes of it


def test_nothing_is_begun() -> None:
    """Tasks fail with the cause, for new executors and for those that run; the rest goes on."""
    world = World()
    world.run(custom_task("a"), by=BY)
    world.launched()
    world.subscribe()
    world.tell(events.RoomChanged(False))
    for info, launch in ((task("b"), True), (custom_task("c"), False)):
        world.run(info, launch=launch, by=BY)
        (update,) = world.to_master(internal.StatusUpdate)
        assert update.status.state is TaskState.TASK_FAILED
        assert update.status.reason is TaskStatus.Reason.REASON_CONTAINER_LAUNCH_FAILED
        assert update.status.message == MESSAGE
    world.update("a", TaskState.TASK_FINISHED)
    assert world.states("a") == ["FINISHED"]
    world.tell(events.RoomChanged(True))
    world.run(task("d"), by=BY)
    assert world.spec().executable == "/bin/sh"


def test_a_refusal_takes_no_room() -> None:
    """Where not even the ballast has helped, a refusal is all that can be said, and nothing is written before it."""
    world = World()
    world.tell(events.RoomChanged(False))
    frame = world.run(task("t"), by=BY)
    (update,) = world.to_master(internal.StatusUpdate)
    assert update.status.message == MESSAGE
    assert frame.writes == []


def test_launches_that_are_withheld_are_withdrawn() -> None:
    """Of command tasks and members of groups that are not known to run; the word passes what they wait for."""
    world = World()
    world.run(task("runs"), by=BY)
    world.launched()
    world.run(task("waits"), by=BY)
    waits = world.executor("waits").container_id
    world.run_group([task("a"), task("b")], by=BY)
    a, b = [word.spec.container_id for word in world.to_containers(words.LaunchContainer)]
    world.launched(a)
    world.tell(events.RoomChanged(False))
    assert world.to_containers(words.WithdrawLaunch) == [
        words.WithdrawLaunch(waits, NO_ROOM), words.WithdrawLaunch(b, NO_ROOM),
    ]  # fmt: skip
    assert all(isinstance(word, Send) and word.volatile for word in world.frame.sends)
    world.tell(events.ContainerLaunchFailed(waits, NO_ROOM))
    assert world.states("waits") == ["FAILED"]
    world.tell(events.ContainerLaunchFailed(b, NO_ROOM))
    assert world.statuses("b")[-1].message == MESSAGE


# ---- the real thing


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB."""
    path = tmp_path / "small"
    path.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(path)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
async def agent(master: Master, small: Path) -> AsyncIterator[AgentProgram]:
    made = AgentProgram(master, small)
    try:
        await made.registered()
        yield made
    finally:
        free(small)
        await made.cleanup()


def fill(directory: Path, *, leave: int = 0) -> None:
    """Nothing more fits in, but for ``leave`` bytes."""
    with (directory / "filler").open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 65536)
        except OSError:
            pass  # full, or nearly: what is left is less than that
        file.truncate(max(0, file.tell() - leave))


def free(directory: Path) -> None:
    (directory / "filler").unlink(missing_ok=True)


@pytest.mark.root
async def test_a_disk_that_is_full_for_a_while(master: Master, agent: AgentProgram, small: Path) -> None:
    """1 the launch that finds it full fails, so do the next; 2 what ran is told how it ends; 3 there is room again."""
    master.run(shell("runs", f"until [ -e {small.parent}/go ]; do sleep 0.01; done; exit 7"), checkpoint=True)
    await master.until("runs", "RUNNING")
    ballast = small / "work/meta/ballast"
    await master.met_soon(ballast.exists)
    number, end = 0, None
    while end is None or end.message != MESSAGE:  # the log of the records may have some room of its own
        fill(small)
        number += 1
        assert number < 200, end
        master.run(shell(f"t{number}", "true"), checkpoint=True)
        await master.until_ended(f"t{number}")
        end = master.ends[f"t{number}"]
    assert end.state is TaskState.TASK_FAILED
    assert not ballast.exists()
    master.run(shell("next", "true"), checkpoint=True)
    await master.until_ended("next")
    assert master.ends["next"].message == MESSAGE
    (small.parent / "go").touch()
    assert await master.until("runs", "FAILED") == ["STARTING", "RUNNING", "FAILED"]
    free(small)
    await master.met_soon(lambda: "there is room again" in agent.log())
    assert ballast.exists()
    master.run(shell("last", "true"), checkpoint=True)
    assert (await master.until("last", "FINISHED"))[-1] == "FINISHED"


@pytest.mark.root
async def test_a_disk_without_any_room(master: Master, agent: AgentProgram, small: Path) -> None:
    """Not even the ballast helps: pings are answered, and everything is told in order once there is space."""
    ballast = small / "work/meta/ballast"
    await master.met_soon(ballast.exists)
    for name in ("ends", "stays"):
        until = f"until [ -e {small.parent}/{name} ]; do sleep 0.01; done; exit 7"
        master.run(shell(name, until), checkpoint=True)
        await master.until(name, "RUNNING")
    (small.parent / "ends").touch()
    launched: list[str] = []
    async with asyncio.timeout(WAIT_S):
        while ballast.exists() or agent.log().count("disk full") < 4:
            fill(small)
            if ballast.exists():
                launched.append(f"t{len(launched)}")
                master.run(shell(launched[-1], "true"), checkpoint=True)
            else:  # launches are refused without a write; what the framework is like from now on has to be kept
                master.say(internal.UpdateFramework(framework=framework(user="root", checkpoint=True)))
            await asyncio.sleep(0.01)
    before = master.pongs
    master.say(internal.Ping(connected=True))
    await master.met(lambda: master.pongs > before)
    free(small)
    for one in launched:
        await master.until_ended(one)
    (small.parent / "stays").touch()
    for name in ("ends", "stays"):
        assert await master.until(name, "FAILED") == ["STARTING", "RUNNING", "FAILED"]
    assert agent.is_alive


async def test_ballast(tmp_path: Path) -> None:
    """It takes space that is there twice, and gives it back."""
    ballast = Ballast(str(tmp_path / "ballast"))
    assert await ballast.take()
    assert await ballast.take()
    assert os.stat(ballast.path).st_blocks * 512 >= BALLAST
    await ballast.release()
    await ballast.release()
    assert not os.path.exists(ballast.path)


async def test_an_agent_starts_on_a_full_disk(tmp_path: Path) -> None:
    """Taking over is a write, too, for which the ballast makes room."""

    class Full(SqliteRecords):
        """There is no room as long as the ballast is there."""

        async def load(self) -> dict[Key, bytes]:
            if (tmp_path / "ballast").exists():
                raise NoRoom("cannot grow")
            return await super().load()

    ballast = Ballast(str(tmp_path / "ballast"))
    assert await ballast.take()
    store = CheckpointStore(Full(str(tmp_path / FILE), PURPOSE), ballast, lambda has_room: None)
    assert await store.load() == AgentState()
    await store.close()
