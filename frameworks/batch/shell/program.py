"""``BatchScheduler``: the batch framework as a program on the SDK. ``core`` decides; here it meets a session.

One event after the other goes through the core, whoever brings it, and all that it causes is said before the next one
is looked at. Records are kept by the session before any later call leaves, and before whoever asked is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, ClassVar, Self

from frameworks.batch import words
from frameworks.batch.core import Batch, Habits
from mesos_py.machine.frame import Event, Frame, Send, Tick
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sdk import Scheduler
from mesos_py.wire.ids import OfferID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskStatus

CALLS_AT_ONCE = 500  # that wait for the same commit
HEARERS_MAX = 1_000
BEHIND_MAX = 10_000  # facts that a hearer has not taken; he is cut off then


class BatchScheduler(Scheduler):
    """``await BatchScheduler(master="zk://...", store="sqlite:/var/lib/batch").run()``."""

    name = "batch"
    habits: Habits = Habits()
    declines: ClassVar[bool] = False

    # ---- what is asked of it

    async def ask(self, body: Any) -> Any:
        """The reply, once everything that it says is kept: a value, or a Problem that has changed nothing."""
        reply = await self._tell(body)
        await self.stored()
        return reply

    @property
    def has_begun(self) -> bool:
        """What earlier runs have kept was read."""
        return hasattr(self, "_core") and self._core.has_begun

    @property
    def core(self) -> Batch:
        return self._core

    def now(self) -> Nanos:
        return self._clock()

    def listen(self) -> asyncio.Queue[Any]:
        """Facts from now on, in their order, each as (number, fact); None: too many were not taken. Raises RuntimeError
        when there are too many who listen."""
        if len(self._hearers) >= HEARERS_MAX:
            raise RuntimeError(f"{HEARERS_MAX} listen already")
        queue: asyncio.Queue[Any] = asyncio.Queue(BEHIND_MAX + 1)
        self._hearers[queue] = None
        return queue

    def leave(self, queue: asyncio.Queue[Any]) -> None:
        self._hearers.pop(queue, None)

    # ---- life

    async def run(self) -> None:
        async with self:
            await self.serve()

    async def serve(self) -> None:
        """Until the framework is torn down; raises what has ended it otherwise. It has been entered."""
        events = asyncio.create_task(self._hear(), name="batch events")
        try:
            await asyncio.wait((events, self._timer, self._teller), return_when=asyncio.FIRST_COMPLETED)
            for done in (self._timer, self._teller, events):
                if done.done():
                    done.result()
        finally:
            events.cancel()
            await asyncio.gather(events, return_exceptions=True)

    async def _hear(self) -> None:
        async for event in self.events():
            await self.handle(event)

    async def __aenter__(self) -> Self:
        self._core = Batch(self._host.rng, self.habits)
        self._clock = self._host.clock()
        self._turn, self._changed, self._happened = asyncio.Lock(), asyncio.Event(), asyncio.Event()
        self._hearers: dict[asyncio.Queue[Any], None] = {}
        self._facts = 0
        self._untold: list[Any] = []
        self._wants_offers = False  # until the core says so
        await super().__aenter__()
        try:
            under_way = {task.id: task.agent_id for task in self.tasks.values() if not task.has_ended}
            await self._tell(words.Begun(dict(self.records), under_way))
        except BaseException:
            await super().__aexit__(None, None, None)
            raise
        for task in list(self.tasks.values()):
            if task.has_ended:
                self.forget(task.id)  # its end is kept by the core: nothing is acknowledged before
        self._timer = asyncio.create_task(self._keep_time(), name="batch timers")
        self._teller = asyncio.create_task(self._tell_hearers(), name="batch facts")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (self._timer, self._teller):
            task.cancel()
        await asyncio.gather(self._timer, self._teller, return_exceptions=True)
        await super().__aexit__(kind, error, trace)

    # ---- events

    async def on_offers(self, offers: Sequence[Offer]) -> None:
        await self._tell(MasterEvent.Offers(offers=tuple(offers)))

    async def on_rescind(self, offer_id: OfferID) -> None:
        await self._tell(MasterEvent.Rescind(offer_id=offer_id))

    async def on_update(self, status: TaskStatus) -> None:
        await self._tell(MasterEvent.Update(status=status))

    async def _keep_time(self) -> None:
        while True:
            deadline = self._core.deadline()
            self._changed.clear()
            wait_s = None if deadline is None else max(0.0, (deadline - self.now()) / SECOND)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            if deadline is not None and deadline <= self.now():
                await self._tell(None, Tick)

    async def _tell(self, body: object, kind: type | None = None) -> Any:
        """Apply, and say what comes of it; returns the reply."""
        async with self._turn:
            frame = self._core.apply(Event(kind or type(body), body), self.now())
            reply = frame.reply
            waiting = [frame]
            while waiting:
                frame = waiting.pop(0)
                self._changed.set()
                unheard = await self._perform(frame)
                if frame.changes and self._hearers:
                    self._untold += frame.changes
                    self._happened.set()
                waiting += [self._core.apply(Event(words.NotSaid, words.NotSaid(call)), self.now()) for call in unheard]
        return reply

    async def _perform(self, frame: Frame) -> list[Call]:
        """Records, then words in their order; returns the calls that ask for tasks and that nobody has heard."""
        for write in frame.writes:
            self.keep(write.name, write.contents)
        said = [word.message for word in frame.sends if isinstance(word, Send)]
        for word in said:
            if isinstance(word, words.Forget) and word.task_id in self.tasks:
                self.forget(word.task_id)
        calls = iter([word for word in said if isinstance(word, Call)])
        unheard: list[Call] = []
        while some := list(islice(calls, CALLS_AT_ONCE)):
            are_said = await asyncio.gather(*[self.call(call) for call in some])
            unheard += [
                call for call, is_said in zip(some, are_said, strict=True)
                if not is_said and call.type is Call.Type.ACCEPT
            ]  # fmt: skip
        return unheard

    async def _tell_hearers(self) -> None:
        """Facts are told when they are kept: nobody hears of what a crash could take back."""
        while True:
            self._happened.clear()
            await self._happened.wait()
            facts, self._untold = self._untold, []
            if facts:
                await self.stored()
                self._publish(facts)

    def _publish(self, facts: Iterable[Any]) -> None:
        for fact in facts:
            self._facts += 1
            for queue in list(self._hearers):
                if queue.qsize() >= BEHIND_MAX:
                    queue.put_nowait(None)
                    del self._hearers[queue]
                else:
                    queue.put_nowait((self._facts, fact))


