"""Output commit: nothing is said before what it rests on is durable, and order is kept."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from mesos_py.machine.driver import WORDS_AT_ONCE, WRITES_AT_ONCE, Driver, LeaseExpired, Stopped
from mesos_py.machine.frame import Close, Event, Frame, Send, Tick
from mesos_py.machine.journal import Journal
from mesos_py.machine.problem import MustStop
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import MILLISECOND, SECOND, Nanos


class Echo:
    """A core that says what it is told: ``write`` also writes, ``bug`` raises, ``later`` sets a timer."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.count = 0

    def apply(self, event: Event, now: Nanos) -> Frame:
        self.count += 1
        frame = Frame(now, self.count)
        if event.kind is Tick:
            for word in self.timers.due(now):
                frame.send("p", word)
        elif event.kind == "bug":
            raise RuntimeError("bug")
        elif event.kind == "stop":
            raise MustStop("somebody has to look")
        elif event.kind == "later":
            self.timers.set(event.body, now + MILLISECOND, event.body)
        else:
            if event.kind == "write":
                frame.write(event.body)
            frame.send("p", event.body, volatile=event.kind == "beat")
            frame.change(event.body)
            frame.reply = event.body
        return frame

    def deadline(self) -> Nanos | None:
        return self.timers.deadline()


class Rim:
    def __init__(self) -> None:
        self.said: list[Any] = []
        self.published: list[Any] = []
        self.heard = asyncio.Event()

    def send(self, word: Send | Close) -> None:
        assert isinstance(word, Send)
        self.said.append(word.message)
        self.heard.set()

    def publish(self, frame: Frame) -> None:
        self.published.extend(frame.changes)


class GatedStore:
    """Commits only when let; remembers the batches."""

    def __init__(self) -> None:
        self.gate = asyncio.Semaphore(0)
        self.batches: list[list[Any]] = []
        self.error: Exception | None = None

    async def commit(self, writes: Sequence[Any]) -> None:
        await self.gate.acquire()
        if self.error is not None:
            raise self.error
        self.batches.append(list(writes))


@contextlib.asynccontextmanager
async def driven(
    store: Any = None, may_act: Callable[[], bool] = lambda: True
) -> AsyncIterator[tuple[Driver, Rim, asyncio.Task[None]]]:
    rim = Rim()
    driver = Driver(Echo(), store, rim, journal=Journal(), may_act=may_act)
    running = asyncio.create_task(driver.run(), name="driver")
    await asyncio.sleep(0)
    try:
        yield driver, rim, running
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError, ConnectionError, LeaseExpired, MustStop):
            await running


async def test_without_writes_a_frame_leaves_at_once() -> None:
    """tell() has performed the frame when it returns."""
    async with driven(GatedStore()) as (driver, rim, _):
        driver.tell(Event("say", 1))
        assert rim.said == [1]
        assert rim.published == [1]
        assert await driver.ask(Event("say", 2)) == 2


async def test_words_wait_for_the_writes_before_them() -> None:
    """Nothing of this or a later frame is said, answered or published before the commit; volatile words pass."""
    store = GatedStore()
    async with driven(store) as (driver, rim, _):
        driver.tell(Event("write", 1))
        driver.tell(Event("say", 2))
        driver.tell(Event("beat", 3))
        asking = asyncio.create_task(driver.ask(Event("say", 4)), name="ask")
        await asyncio.sleep(0.01)
        assert (rim.said, rim.published, asking.done(), driver.outbox_length) == ([3], [], False, 4)
        store.gate.release()
        assert await asking == 4
        assert rim.said == [3, 1, 2, 4]
        assert rim.published == [1, 2, 3, 4]
        assert driver.outbox_length == 0


async def test_writes_are_committed_in_groups() -> None:
    """What gathers while one commit is under way goes together in the next."""
    store = GatedStore()
    async with driven(store) as (driver, _rim, _):
        driver.tell(Event("write", 0))
        await asyncio.sleep(0)
        for number in range(1, 5):
            driver.tell(Event("write", number))
        store.gate.release()
        store.gate.release()
        assert await driver.ask(Event("say", "end")) == "end"
        assert store.batches[0][0] == 0
        assert [write for batch in store.batches for write in batch] == [0, 1, 2, 3, 4]
        assert len(store.batches) == 2


async def test_a_group_is_bounded() -> None:
    """However slow the store, what it is given in one go stays small; order is kept."""
    store, count = GatedStore(), 2 * WRITES_AT_ONCE + 10
    async with asyncio.timeout(60), driven(store) as (driver, rim, _):
        for number in range(count):
            driver.tell(Event("write", number))
        for _ in range(3):
            store.gate.release()
        assert await driver.ask(Event("say", count)) == count
        assert [len(batch) for batch in store.batches] == [WRITES_AT_ONCE, WRITES_AT_ONCE, 10]
        assert [write for batch in store.batches for write in batch] == list(range(count))
        assert rim.said == list(range(count + 1))


async def test_what_was_withheld_is_said_a_part_at_a_time() -> None:
    """A long write does not end in a long turn of the loop, and what happens meanwhile comes after."""
    store, count = GatedStore(), 2 * WORDS_AT_ONCE
    async with asyncio.timeout(60), driven(store) as (driver, rim, _):
        driver.tell(Event("write", 0))
        for number in range(1, count):
            driver.tell(Event("say", number))
        store.gate.release()
        most, is_late_told = 0, False
        while len(rim.said) <= count:
            before = len(rim.said)
            await asyncio.sleep(0)  # one turn of the loop
            most = max(most, len(rim.said) - before)
            if rim.said and not is_late_told:
                driver.tell(Event("say", count))
                is_late_told = True
        assert 0 < most <= WORDS_AT_ONCE
        assert rim.said == list(range(count + 1))


async def test_a_failed_commit_stops_the_driver_and_nothing_is_ever_said() -> None:
    """Lost leadership: run() raises the store's error, whoever asked hears Stopped."""
    store = GatedStore()
    store.error = ConnectionError("fenced")
    async with driven(store) as (driver, rim, running):
        asking = asyncio.create_task(driver.ask(Event("write", 1)), name="ask")
        await asyncio.sleep(0)
        store.gate.release()
        with pytest.raises(ConnectionError, match="fenced"):
            await running
        with pytest.raises(Stopped):
            await asking
        driver.tell(Event("say", 2))
        with pytest.raises(Stopped):
            await driver.ask(Event("say", 3))
        assert rim.said == []


async def test_after_its_lease_a_driver_does_nothing() -> None:
    """Suspended and continued too late: events and timers are not applied, what was withheld is not said."""
    store = GatedStore()
    lease = [True]
    async with driven(store, lambda: lease[0]) as (driver, rim, running), asyncio.timeout(60):
        driver.tell(Event("later", "timer"))
        driver.tell(Event("write", 1))
        asking = asyncio.create_task(driver.ask(Event("say", 2)), name="ask")
        await asyncio.sleep(0)
        lease[0] = False
        store.gate.release()
        driver.tell(Event("beat", 3))
        for question in (driver.ask(Event("say", 4)), driver.barrier()):
            with pytest.raises(Stopped):
                await question
        with pytest.raises(LeaseExpired):
            await running
        with pytest.raises(Stopped):
            await asking
        assert rim.said == []


async def test_a_lease_that_ends_during_a_commit_keeps_the_words_back() -> None:
    """The facts are kept, for whoever leads next; they are not ours to tell any more."""
    store = GatedStore()
    lease = [True]
    async with driven(store, lambda: lease[0]) as (driver, rim, running), asyncio.timeout(60):
        driver.tell(Event("write", 1))
        await asyncio.sleep(0)
        lease[0] = False
        store.gate.release()
        with pytest.raises(LeaseExpired):
            await running
        assert (store.batches, rim.said) == ([[1]], [])


async def test_a_bug_in_the_core_stops_the_driver() -> None:
    """Half-changed state is not served: run() raises the bug."""
    async with driven() as (driver, _, running):
        with pytest.raises(Stopped):
            await driver.ask(Event("bug"))
        with pytest.raises(RuntimeError, match="bug"):
            await running


async def test_a_core_that_must_not_go_on_stops_the_driver() -> None:
    """No bug is reported, and nothing more is applied."""
    async with driven() as (driver, _, running):
        with capture_logs() as logs, pytest.raises(Stopped):
            await driver.ask(Event("stop"))
        assert [entry["event"] for entry in logs] == ["core stops"]
        with pytest.raises(MustStop, match="somebody has to look"):
            await running
        with pytest.raises(Stopped):
            await driver.ask(Event("anything"))


async def test_the_core_is_called_when_its_deadline_has_come() -> None:
    """One armed timer serves them all; an earlier deadline re-arms it."""
    async with driven() as (driver, rim, _), asyncio.timeout(60):
        driver.tell(Event("later", "a"))
        driver.tell(Event("later", "b"))
        while len(rim.said) < 2:
            rim.heard.clear()
            await rim.heard.wait()
        assert rim.said == ["a", "b"]


@pytest.mark.parametrize("seed", range(5))
async def test_nothing_uncommitted_is_ever_said(seed: int) -> None:
    """Under random commit delays: every word said rests on committed writes, and all words keep their order."""
    rng = random.Random(seed)

    class Slow:
        def __init__(self) -> None:
            self.committed: list[Any] = []

        async def commit(self, writes: Sequence[Any]) -> None:
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            self.committed.extend(writes)

    store = Slow()
    async with driven(store) as (driver, rim, _):
        written: list[int] = []
        for number in range(400):
            kind = rng.choice(["write", "say", "say"])
            written += [number] if kind == "write" else []
            driver.tell(Event(kind, number))
            if rng.random() < 0.3:
                await asyncio.sleep(0)
            last = rim.said[-1] if rim.said else -1
            assert [w for w in written if w <= last] == [w for w in store.committed if w <= last]
        await driver.ask(Event("say", 400))
        assert rim.said == list(range(401))


async def test_the_last_events_are_kept() -> None:
    """With what each of them changed."""
    rim, journal = Rim(), Journal(length=3)
    driver = Driver(Echo(), None, rim, journal=journal, clock=lambda: SECOND)
    for number in range(5):
        driver.tell(Event("say", number))
    assert [(entry.now, entry.cause, entry.changes) for entry in journal] == [
        (SECOND, 3, (2,)), (SECOND, 4, (3,)), (SECOND, 5, (4,))
    ]  # fmt: skip
    assert [entry.cause for entry in journal.tail(2)] == [4, 5]


class Told:
    """A recorder that only remembers what it was told."""

    path = "somewhere"

    def __init__(self) -> None:
        self.told: list[Any] = []

    def heard(self, event: Event, now: Nanos) -> None:
        self.told.append((event.kind, now))

    def answered(self, frame: Frame) -> None:
        self.told.append(frame.cause)

    def failed(self) -> None:
        self.told.append("failed")


async def test_a_recorder_is_told_before_and_after() -> None:
    """Also of the event on which the core fails, and the log says how to see that again."""
    recorder = Told()
    driver = Driver(Echo(), None, Rim(), recorder=recorder, clock=lambda: SECOND)
    driver.tell(Event("say", 1))
    with capture_logs() as logs, pytest.raises(Stopped):
        driver.tell(Event("bug"))
    assert recorder.told == [("say", SECOND), 1, ("bug", SECOND), "failed"]
    assert logs[0]["again"] == "mesos-py replay somewhere --check"
