"""The only asyncio object that knows a core: commits what must survive, then lets the words go.

Output commit: a frame's sends, reply and changes are withheld until its writes, and all writes before them, are
durable. Frames leave in the order they were made. While nothing is being written a frame is performed at once,
without a detour through the loop; that is nearly always.

A failed or fenced write means that we no longer know what is true: the driver stops for good and nothing withheld is
ever said (Mesos: src/master/registrar.cpp aborts likewise). A handler that raises is a bug with half-changed state
behind it: the driver stops as well, and so it does when a core must not go on (``MustStop``). And whoever acts on a
lease may have been suspended beyond it: it is looked at before each event and before each word that was withheld, not
when somebody tells that it is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog

from mesos_py.machine.frame import Close, Event, Frame, Send, Tick
from mesos_py.machine.journal import Core, Journal, Recorder
from mesos_py.machine.problem import MustStop
from mesos_py.machine.values import SECOND, Nanos

log = structlog.get_logger(__name__)

WRITES_AT_ONCE = 500  # in one commit, and those of the frame that reaches it; to encode them takes about 20 ms
WORDS_AT_ONCE = 500  # of frames that were withheld; the loop has its turn before the others, about 10 ms


class Store(Protocol):
    """Where writes go. Raises when it cannot promise that they survive."""

    async def commit(self, writes: Sequence[Any]) -> None: ...


class Rim(Protocol):
    """What the shell does with a frame that may be said."""

    def send(self, word: Send | Close) -> None: ...

    def publish(self, frame: Frame) -> None: ...


class Stopped(Exception):
    """The driver has stopped and takes no more events."""


class LeaseExpired(Exception):
    """Somebody else may act by now; nothing more was done or said."""


class Clock:
    """Nanoseconds since the epoch that never go back: start wall clock plus monotonic time since."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def __call__(self) -> Nanos:
        return self._offset + time.monotonic_ns()


class Driver:
    """Runs one core. ``tell`` for events nobody waits for, ``ask`` for those somebody does."""

    __slots__ = ("_clock", "_deadline", "_decide", "_failed", "_has_writes", "_journal", "_may_act", "_outbox",
                 "_publish", "_recorder", "_send", "_stopped", "_store", "_timer", "_timer_at")  # fmt: skip

    def __init__(
        self,
        core: Core,
        store: Store | None,
        rim: Rim,
        *,
        clock: Callable[[], Nanos] | None = None,
        journal: Journal | None = None,
        may_act: Callable[[], bool] | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """``may_act``: whether nobody else can have taken our place by now; once it says no, the driver stops."""
        # Looked up once, and called by names of their own: that is most of what a driver does.
        self._decide, self._deadline = core.apply, core.deadline
        self._send, self._publish = rim.send, rim.publish
        self._store = store
        self._clock = clock or Clock()
        self._journal = journal
        self._may_act = may_act
        self._recorder = recorder
        self._outbox: deque[tuple[Frame, asyncio.Future[Any] | None]] = deque()
        self._has_writes = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: Nanos | None = None
        self._failed: asyncio.Future[None] | None = None
        self._stopped = False

    @property
    def outbox_length(self) -> int:
        """Frames withheld behind a write; shells stop reading sockets when it is long."""
        return len(self._outbox)

    def now(self) -> Nanos:
        return self._clock()

    def tell(self, event: Event) -> None:
        """Apply ``event`` now; its frame leaves as soon as it may. Dropped when the driver has stopped.

        Not to be called from within ``Rim.send`` or ``Rim.publish``: those defer with ``call_soon``, else words would
        overtake each other.
        """
        if not (self._stopped or (self._may_act is not None and self._is_over())):  # one call less where all go by
            self._apply(event)

    async def ask(self, event: Event) -> Any:
        """Apply ``event`` and return its reply once everything before it is durable. Raises Stopped."""
        if self._is_over():
            raise Stopped
        frame = self._apply(event)
        if frame is not None:
            return frame.reply
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._outbox[-1] = (self._outbox[-1][0], future)
        return await future

    async def barrier(self) -> None:
        """Wait until every fact that the core's state shows now is durable, so that it may be told. Raises Stopped."""
        if self._is_over():
            raise Stopped
        if self._outbox:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._outbox.append((Frame(self._clock()), future))
            await future

    def _apply(self, event: Event) -> Frame | None:
        """Apply; returns the frame when it was performed at once, None when it is the last in the outbox."""
        clock, decide, deadline_of, send = self._clock, self._decide, self._deadline, self._send
        now = clock()
        if self._recorder is not None:
            self._recorder.heard(event, now)
        try:
            frame = decide(event, now)
        except MustStop as end:
            if self._recorder is not None:
                self._recorder.failed()
            log.error("core stops", why=str(end))
            self._stop(end)
            raise Stopped from end
        except Exception as bug:
            self._fail(bug, event)
            raise Stopped from bug
        if self._recorder is not None:
            self._recorder.answered(frame)
        if self._journal is not None:
            self._journal.record(event, frame)
        deadline = deadline_of()
        if deadline is not None and (self._timer_at is None or deadline < self._timer_at):
            self._arm(deadline)
        if not self._outbox and (not frame.writes or self._store is None):
            for word in frame.sends:
                send(word)
            if frame.changes:
                self._publish(frame)
            return frame
        for word in frame.sends:
            if word.volatile:
                send(word)
        self._outbox.append((frame, None))
        if frame.writes:
            self._has_writes.set()
        return None

    def _release(self, frame: Frame, future: asyncio.Future[Any] | None) -> None:
        """What was withheld: all but the words that have passed."""
        for word in frame.sends:
            if not word.volatile:
                self._send(word)
        if frame.changes:
            self._publish(frame)
        if future is not None and not future.done():
            future.set_result(frame.reply)

    def _arm(self, deadline: Nanos) -> None:
        """The next tick comes then."""
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer_at = deadline
        self._timer = loop.call_later(max(0.0, (deadline - self._clock()) / SECOND), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._timer_at = None
        if self._is_over():
            return
        deadline = self._deadline()
        if deadline is None:
            return
        if deadline > self._clock():
            self._arm(deadline)
            return
        with contextlib.suppress(Stopped):  # already on its way to whoever awaits run()
            self._apply(Event(Tick))

    async def run(self) -> None:
        """Commit writes for ever; ends only by an exception. Cancel it to stop the driver."""
        self._failed = asyncio.get_running_loop().create_future()
        self._tick()
        committing = asyncio.create_task(self._commit_forever(), name="driver-commit")
        try:
            await asyncio.wait((committing, self._failed), return_when=asyncio.FIRST_COMPLETED)
            for done in (committing, self._failed):
                if done.done():
                    done.result()
        finally:
            self._stopped = True
            committing.cancel()
            if self._timer is not None:
                self._timer.cancel()
            for _, future in self._outbox:
                if future is not None and not future.done():
                    future.set_exception(Stopped())
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await committing

    async def _commit_forever(self) -> None:
        while True:
            await self._has_writes.wait()
            self._has_writes.clear()
            while self._outbox:
                writes, count = self._gathered()
                if writes and self._store is not None:
                    await self._store.commit(writes)
                words = 0
                for _ in range(count):
                    if self._is_over():
                        return
                    frame, future = self._outbox.popleft()
                    self._release(frame, future)
                    words += len(frame.sends) + len(frame.changes)
                    if words >= WORDS_AT_ONCE:
                        words = 0
                        await asyncio.sleep(0)

    def _gathered(self) -> tuple[list[Any], int]:
        """Group commit: what has to be written for the frames since the last one, and for how many of them."""
        writes: list[Any] = []
        count = 0
        for frame, _ in self._outbox:
            if len(writes) >= WRITES_AT_ONCE:
                break
            writes += frame.writes
            count += 1
        return writes, count

    def _fail(self, bug: BaseException, event: Event) -> None:
        tail = self._journal.tail(20) if self._journal is not None else []
        again = "run with --journal=DIR to be able to replay it"
        if self._recorder is not None:
            self._recorder.failed()
            again = f"mesos-py replay {self._recorder.path} --check"
        log.error(
            "core failed",
            kind=repr(event.kind),
            error=repr(bug),
            again=again,
            journal=[repr(entry)[:300] for entry in tail],
        )
        self._stop(bug)

    def _is_over(self) -> bool:
        if not self._stopped and self._may_act is not None and not self._may_act():
            self._stop(LeaseExpired("the lease has run out: somebody else may act by now"))
        return self._stopped

    def _stop(self, why: BaseException) -> None:
        self._stopped = True
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(why)
