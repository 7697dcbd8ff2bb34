"""The agent's file, cut anywhere: what was kept at some commit is there as a whole, or the agent refuses."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesos_py.agent.checkpoint import records as checkpoint
from mesos_py.agent.checkpoint.store import FILE, META, open_store
from mesos_py.coordination import Corrupt, StoreFailed
from mesos_py.wire.checkpoint import AgentState
from mesos_py.wire.task import TaskState
from tests.agent.world import World, custom_task, framework, task

BY = framework(checkpoint=True)


def history() -> list[list[object]]:
    """What an agent has written, commit by commit."""
    world = World()
    commits: list[list[object]] = [list(world.frame.writes)]

    def keep() -> None:
        if world.frame.writes:
            commits.append(list(world.frame.writes))

    world.run(task("c"), by=BY)
    keep()
    world.launched()
    keep()
    world.run(custom_task("t", data=b"x" * 20_000), by=BY)
    keep()
    world.launched(world.executor("e").container_id)
    keep()
    world.subscribe()
    for number, state in enumerate((TaskState.TASK_STARTING, TaskState.TASK_RUNNING, TaskState.TASK_FINISHED), 1):
        world.update("t", state, number)
        keep()
    world.acknowledge_all()
    keep()
    world.exited(0, world.executor("e").container_id)
    keep()
    return commits


async def load(work_dir: Path) -> AgentState:
    store = open_store(str(work_dir), lambda _: None)
    try:
        return await store.load()
    finally:
        await store.close()


@pytest.fixture
async def written(tmp_path: Path) -> AsyncIterator[tuple[Path, list[AgentState]]]:
    """A directory as after a kill -9 (the log is not in the file yet), and the states there were."""
    work_dir = tmp_path / "work"
    store = open_store(str(work_dir), lambda _: None)
    await store.load()
    states, records = [AgentState()], {}
    for commit in history():
        await store.commit(commit)
        for key, contents in checkpoint.changes(commit).items():
            records.pop(key, None)
            if contents is not None:
                records[key] = contents
        states.append(checkpoint.state_of(records))
    killed = tmp_path / "killed"
    shutil.copytree(work_dir, killed)
    await store.close()
    yield killed, states


async def test_everything_is_there_after_a_kill(written: tuple[Path, list[AgentState]]) -> None:
    work_dir, states = written
    assert await load(work_dir) == states[-1]


@pytest.mark.parametrize("name", [FILE, f"{FILE}-wal"])
async def test_cut_anywhere(written: tuple[Path, list[AgentState]], tmp_path: Path, name: str) -> None:
    """At every boundary of a page or a frame of the log, and around it."""
    work_dir, states = written
    whole = (work_dir / META / name).read_bytes()
    step = 4096 if name == FILE else 4096 + 24
    head = 0 if name == FILE else 32
    edges = [0, len(whole), *range(head, len(whole), step)]
    lengths = sorted({at + by for at in edges for by in (-1, 0, 1, 2000) if 0 <= at + by < len(whole)})
    refused = 0
    for number, length in enumerate(lengths):
        cut = tmp_path / f"cut-{number}"
        shutil.copytree(work_dir, cut)
        (cut / META / f"{FILE}-shm").unlink(missing_ok=True)  # it does not outlive the host
        (cut / META / name).write_bytes(whole[:length])
        try:
            assert await load(cut) in states, length
        except StoreFailed as error:
            assert isinstance(error, Corrupt), (length, error)
            assert "remove it to start" in str(error)
            refused += 1
        await asyncio.to_thread(shutil.rmtree, cut)
    assert len(lengths) > 10
    assert (refused > 0) == (name == FILE)


async def test_cut_at_every_byte_of_the_last_commit(written: tuple[Path, list[AgentState]]) -> None:
    """The log as far as it got: the commit is there when its last byte is, and the one before it until then."""
    killed, states = written
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as memory:
        work_dir = Path(shutil.copytree(killed, Path(memory, "work")))
        file, log = work_dir / META / FILE, work_dir / META / f"{FILE}-wal"
        kept, whole = file.read_bytes(), log.read_bytes()
        for length in range(len(whole) - 4096 - 24, len(whole) + 1):
            file.write_bytes(kept)
            log.write_bytes(whole[:length])
            (work_dir / META / f"{FILE}-shm").unlink(missing_ok=True)
            assert await load(work_dir) == states[-1 if length == len(whole) else -2], length


async def test_damaged_anywhere(written: tuple[Path, list[AgentState]], tmp_path: Path) -> None:
    """A byte of the file that is another one: it is found, or it meant nothing."""
    work_dir, states = written
    await load(work_dir)  # and closed: everything is in the file
    path = work_dir / META / FILE
    whole = path.read_bytes()
    found = 0
    for at in range(0, len(whole), 101):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            assert await load(work_dir) == states[-1], at
        except StoreFailed:
            found += 1
    assert found > 0
