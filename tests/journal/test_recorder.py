"""The recorder of a running program: bounded, never in the way, and honest about what it has missed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mesos_py.journal.files import Head
from mesos_py.journal.recorder import Recorder
from mesos_py.journal.replay import Replay, check
from mesos_py.journal.snapshot import Child
from mesos_py.machine.frame import Event
from mesos_py.master.options import Options
from mesos_py.master.views.context import Context
from mesos_py.master.views.state import state_pieces
from mesos_py.wire import internal
from mesos_py.wire.task import TaskState
from tests import builders
from tests.journal.recorded import WorldOnRecord

WAIT_S = 30.0


async def until(is_so: Callable[[], Any]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not is_so():
            await asyncio.sleep(0.01)


class Recorded(WorldOnRecord):
    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(Options(max_completed_tasks_per_framework=5), check=False)
        given: dict[str, Any] = {"size_max": 1 << 20} | options
        self.recorder = self.real = Recorder(str(directory), "master", self.master, **given)
        self._tasks = 0

    async def live(self, rounds: int) -> None:
        """Tasks come and go, the loop turns."""
        if not self._tasks:
            self._agent, self._scheduler = self.agent(), self.scheduler()
        agent, scheduler = self._agent, self._scheduler
        for _ in range(rounds):
            self._tasks += 1
            name = f"t{self._tasks}"
            scheduler.launch(builders.task(name, agent.id, cpus=0.1), refuse_s=0.0)
            scheduler.unread.clear()
            for state in (TaskState.TASK_RUNNING, TaskState.TASK_FINISHED):
                scheduler.acknowledge(agent.update(scheduler.id, name, state))
            self.advance(1.0)
            await asyncio.sleep(0)

    def shown(self, core: Any) -> bytes:
        context = Context(info=core.info, flags={}, started_ns=0)
        return b"".join(state_pieces(context, core.state))

    def replayed(self) -> Replay:
        """The last state, which is the present one."""
        replay = Replay(self.read())
        replay.to_end()
        assert replay.number == self.master._cause
        assert self.shown(replay.core) == self.shown(self.master)
        return replay


@contextlib.asynccontextmanager
async def recorded(directory: Path, **options: Any) -> AsyncIterator[Recorded]:
    world = Recorded(directory, **options)
    try:
        yield world
    finally:
        await world.real.close()


def bytes_of(world: Recorded) -> int:
    return sum(path.stat().st_size for path in Path(world.real.path).iterdir())


async def test_what_was_recorded_is_there_when_it_is_closed(tmp_path: Path) -> None:
    async with recorded(tmp_path) as world:
        await world.live(5)
    assert world.replayed().notes == []
    verdict = check(world.read())
    assert (verdict.count, verdict.different) == (world.master._cause, None)


async def test_it_is_there_while_the_program_runs(tmp_path: Path) -> None:
    """Killed at any moment, it loses what happened in the last turn of its loop."""
    async with recorded(tmp_path) as world:
        await world.live(5)
        await until(lambda: not world.real.unwritten)
        world.replayed()


async def test_it_is_bounded_and_yet_exact(tmp_path: Path) -> None:
    """Old segments go, each time after a snapshot; what is kept replays from its first event to the present."""
    bound = 160_000
    async with recorded(tmp_path, size_max=bound) as world:
        sizes = []
        for _ in range(8):
            await world.live(60)
            await until(lambda: world.real._child is None and not world.real.unwritten)
            sizes.append(bytes_of(world))
    assert max(sizes) <= bound
    run = world.read()
    assert run.head.number >= 3
    assert run.segments[0].snapshot.exists()
    verdict = check(run)
    assert (verdict.count, verdict.different) == (world.master._cause - run.head.before, None)
    assert world.replayed().notes == []


async def test_a_new_run_forgets_what_ended_ones_have_left(tmp_path: Path) -> None:
    """The bound is the directory's."""
    for _ in range(4):
        async with recorded(tmp_path, size_max=60_000) as world:
            await world.live(25)
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.*")) <= 60_000
        world.replayed()
    assert 1 <= len(list(tmp_path.iterdir())) < 4


async def test_a_disk_that_is_too_slow_makes_a_gap(tmp_path: Path) -> None:
    """The loop goes on; later the journal does, with a snapshot."""
    go_on = threading.Event()
    async with recorded(tmp_path, pending_max=20_000, retry_s=0.05) as world:
        world.real._writer.call(lambda: go_on.wait(WAIT_S) and None)
        with capture_logs() as logs:
            await world.live(100)
            await until(lambda: logs)
        go_on.set()
        await _after_the_gap(world, logs, "bytes behind")


async def test_a_full_disk_makes_a_gap(tmp_path: Path) -> None:
    """What is recorded before and after it can be replayed, and how much is missing is said."""
    async with recorded(tmp_path, retry_s=0.05) as world:
        await world.live(3)
        await until(lambda: not world.real.unwritten)
        with files_end_at(bytes_of(world)), capture_logs() as logs:
            async with asyncio.timeout(WAIT_S):
                while not logs:
                    await world.live(20)
                    await asyncio.sleep(0.01)
        await _after_the_gap(world, logs, "the disk: [Errno 27]")


async def _after_the_gap(world: Recorded, logs: Any, why: str) -> None:
    gap = next(log for log in logs if log["event"] == "journal has a gap")
    assert why in gap["why"]
    async with asyncio.timeout(WAIT_S):
        while world.real._gap is not None or world.real._child is not None:
            await asyncio.sleep(0.01)
            await world.live(world.real._gap is not None)  # an event is what makes it try again
    await world.live(3)
    await until(lambda: not world.real.unwritten)
    verdict = check(world.read())
    assert verdict.different is None
    missing = [note for note in verdict.notes if "missing" in note]
    first = int(missing[0].split()[1])
    assert 1 <= first <= gap["after"] + 1, "what was handed over last may be lost as well"
    assert verdict.count < verdict.number == world.master._cause
    world.replayed()


@contextlib.contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """No file of this process may grow beyond ``size``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_snapshot_that_fails_is_no_loss_while_events_follow_each_other(tmp_path: Path) -> None:
    """The child is killed: the segment before it is kept, and replayed from."""
    async with recorded(tmp_path, size_max=160_000) as world:
        with capture_logs() as logs:
            while world.real._child is None:
                await world.live(20)
            os.kill(world.real._child._pid, signal.SIGKILL)
            await until(lambda: world.real._child is None)
        await world.live(2)
    died = "journal without a snapshot" in [log["event"] for log in logs]
    run = world.read()
    assert run.segments[1].snapshot.exists() or died  # both, if it was killed between its last word and its end
    assert run.head.number == 0
    verdict = check(run)
    assert (verdict.count, verdict.different) == (world.master._cause, None)
    world.replayed()


async def test_what_cannot_be_recorded_makes_a_gap(tmp_path: Path) -> None:
    """An event that no core understands is a bug of a shell; the core answers it, and nothing else happens."""
    async with recorded(tmp_path, retry_s=0.0) as world:
        with capture_logs() as logs:
            world.real.heard(Event(internal.Pong, object(), "nobody"), world.now)
            world.real.answered(world.master.apply(Event(internal.Pong, None, "nobody"), world.now))
        await until(lambda: not world.real.unwritten)
        await world.live(3)
    assert "cannot be recorded: Unrecordable" in logs[0]["why"]
    replay = Replay(world.read(), from_start=True)
    replay.to_end()
    (note,) = replay.notes
    assert note.startswith("events 1 to ")
    world.replayed()


async def test_a_core_that_cannot_be_recorded_is_run_all_the_same(tmp_path: Path) -> None:
    """Something new in it is nothing a journal knows: a warning, and a program without a journal."""
    world = WorldOnRecord(check=False)
    world.master.novelty = open  # type: ignore[attr-defined]
    with capture_logs() as logs:
        world.recorder = recorder = Recorder(str(tmp_path), "master", world.master, size_max=1 << 20, retry_s=0.0)
        world.agent()
        world.agent(hostname="other")
    assert {log["event"] for log in logs} <= {"journal has a gap", "journal goes on"}
    assert "is nothing a core is made of" in logs[0]["why"]
    assert len(world.state.agents) == 2
    await recorder.close()


async def test_an_event_on_which_the_core_fails_is_the_last_one(tmp_path: Path) -> None:
    async with recorded(tmp_path) as world:
        await world.live(1)
        world.real.heard(Event(internal.StatusUpdate, None, "agent-1"), world.now)
        world.real.failed()
    *_, last = Replay(world.read(), from_start=True).steps()
    assert (last.record.digest, last.frame) == (b"", None)
    assert last.is_as_recorded


async def test_a_directory_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Recorded(tmp_path / "file")


async def test_a_child_has_nothing_of_its_parent_but_the_core(tmp_path: Path) -> None:
    """A connection that the parent closes is closed, whatever the child is at."""
    reader, writer = os.pipe()
    head = Head(program="x", number=0, before=0, at_ns=0)
    child = Child(str(tmp_path / "large"), head, [[number] for number in range(400_000)])
    try:
        os.close(writer)
        os.set_blocking(reader, False)

        def is_closed() -> bool:
            try:
                return os.read(reader, 1) == b""
            except BlockingIOError:
                return False

        await until(is_closed)
        assert child.ended() is None, "a snapshot that was done too soon shows nothing"
    finally:
        child.stop()
        os.close(reader)
    assert list(tmp_path.iterdir()) == []
