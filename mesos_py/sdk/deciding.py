"""``CoreScheduler``: a framework whose decisions are a core, which here meets a session.

::

    master: offers, rescinds, updates --> core.apply --writes--> records, kept before later calls leave
    program: tell, ask ---------------->             --sends--> calls, tasks to forget, in their order
    timers: Tick ---------------------->             --changes--> on_fact at once, hearers once they are kept

One event after the other goes through the core, whoever brings it, and all that it causes goes to the session before
the next one is looked at. Nothing in between waits, so frames need no lock to keep their turn. What is said and what a
core hears of it is in ``session.behind``.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar

from mesos_py.machine.frame import Event, Frame, Send, Tick
from mesos_py.machine.journal import Core
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sdk.errors import NotKept
from mesos_py.sdk.hearers import Hearers, Queue
from mesos_py.sdk.scheduler import Scheduler
from mesos_py.sdk.session.behind import Forget, NotSaid
from mesos_py.wire.ids import OfferID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskStatus

C = TypeVar("C", bound=Core)


class CoreScheduler(Scheduler, ABC, Generic[C]):
    """``await Mine().run()``, or ``async with Mine() as mine: ... await mine.serve()`` for who serves others meanwhile.

    A framework says which core it is (``make_core``) and what the core is told first (``begun``). Handlers that it
    overrides must call these here.
    """

    declines: ClassVar[bool] = False
    #: matched in one turn of the loop; with ten tasks on each that is about a second
    offers_at_once: ClassVar[int] = 1_000
    _has_begun = False

    # ---- what a framework says

    @abstractmethod
    def make_core(self, rng: Random) -> C:
        """A core that knows nothing yet."""

    @abstractmethod
    def begun(self) -> object:
        """The core's first event: what earlier runs have kept (``self.records``) and asked for (``self.tasks``)."""

    async def on_fact(self, fact: Any) -> None:
        """A change of the core's. The update that has caused it is acknowledged when this returns."""

    def on_frame(self, frame: Frame) -> None:
        """Everything that one event has caused, before any of it leaves; for those who count. Must not wait."""

    def say(self, word: Send) -> None:
        """A word of the core's that is not for the session, in its turn; what the core says may not be kept yet. Must
        not wait, and must not tell the core anything before the next turn of the loop."""
        raise TypeError(f"nobody takes {word}")

    # ---- what a program does with it

    @property
    def core(self) -> C:
        return self._core

    @property
    def has_begun(self) -> bool:
        """What earlier runs have kept was read."""
        return self._has_begun

    def now(self) -> Nanos:
        """As the core knows it."""
        return self._clock()

    async def tell(self, body: object) -> Any:
        """The event is dealt with; returns the reply, which must not be told to others before it is ``stored``."""
        return await self._tell(Event(type(body), body))

    async def ask(self, body: object) -> Any:
        """The reply, once everything that it says is kept: a value, or a Problem that has changed nothing. Raises
        NotKept."""
        reply = await self.tell(body)
        await self.stored()
        return reply

    def listen(self) -> Queue:
        """Facts from now on, each when it is kept: nobody hears of what a crash could take back. See ``Hearers``."""
        return self._hearers.listen()

    def leave(self, queue: Queue) -> None:
        self._hearers.leave(queue)

    # ---- life

    async def run(self) -> None:
        async with self:
            await self.serve()

    async def serve(self) -> None:
        """Until the framework is torn down; raises what has ended it otherwise. It has been entered."""
        events = asyncio.create_task(self._hear(), name="events of a core")
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
        """Raises ValueError for what the core does not take."""
        self._core, self._clock = self.make_core(self._host.rng), self._host.clock()
        #: of the core, as the timers know it; and whether it is sooner by now
        self._deadline: Nanos | None = None
        self._is_sooner = asyncio.Event()
        self._hearers = Hearers()
        #: facts that hearers wait for
        self._untold: list[Any] = []
        self._happened = asyncio.Event()
        self._wants_offers = False  # until the core says so
        await super().__aenter__()
        try:
            reply = await self.tell(self.begun())
            if isinstance(reply, Problem):
                raise ValueError(reply.text)
        except BaseException:
            await super().__aexit__(None, None, None)
            raise
        self._has_begun = True
        self._timer = asyncio.create_task(self._keep_time(), name="timers of a core")
        self._teller = asyncio.create_task(self._tell_hearers(), name="facts of a core")
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
        for start in range(0, len(offers), self.offers_at_once):
            if start:
                await asyncio.sleep(0)  # whoever else is in the program has a turn
            there = [offer for offer in offers[start : start + self.offers_at_once] if offer.id in self.offers]
            await self.tell(MasterEvent.Offers(offers=tuple(there)))

    async def on_rescind(self, offer_id: OfferID) -> None:
        await self.tell(MasterEvent.Rescind(offer_id=offer_id))

    async def on_update(self, status: TaskStatus) -> None:
        await self.tell(MasterEvent.Update(status=status))

    async def _keep_time(self) -> None:
        while True:
            deadline = self._deadline = self._core.deadline()
            self._is_sooner.clear()
            wait_s = None if deadline is None else max(0.0, (deadline - self.now()) / SECOND)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._is_sooner.wait()
            if deadline is not None and deadline <= self.now():
                await self._tell(Event(Tick))

    async def _tell(self, event: Event) -> Any:
        """All that comes of it is with the session, and ``on_fact`` has heard; returns the reply."""
        reply, facts = self._decide(event)
        for fact in facts:
            await self.on_fact(fact)
        await self._there.shell.room()
        return reply

    def _decide(self, event: Event) -> tuple[Any, list[Any]]:
        """The event is applied, and so is what comes of nobody's hearing what it says; the reply, and the changes."""
        frame = self._core.apply(event, self.now())
        reply, facts, unheard = frame.reply, frame.changes, self._say(frame)
        while unheard:
            frame = self._core.apply(Event(NotSaid, NotSaid(unheard.pop(0))), self.now())
            facts, unheard = [*facts, *frame.changes], [*unheard, *self._say(frame)]
        if facts and self._hearers:
            self._untold += facts
            self._happened.set()
        deadline = self._core.deadline()
        if deadline is not None and (self._deadline is None or deadline < self._deadline):
            self._is_sooner.set()
        return reply, facts

    def _say(self, frame: Frame) -> list[Call]:
        """Records, then words, in their order; returns the calls that ask for tasks and that nobody hears."""
        self.on_frame(frame)
        for write in frame.writes:
            self.keep(write.name, write.contents)
        unheard: list[Call] = []
        for word in frame.sends:
            match word:
                case Send(message=Forget() as forget):
                    self.forget(forget.task_id)
                case Send(message=Call() as call) if call.type is Call.Type.ACCEPT and not self.is_subscribed:
                    unheard.append(call)
                case Send(message=Call() as call):
                    self._there.shell.say(call.type, call)
                case Send():
                    self.say(word)
        return unheard

    async def _tell_hearers(self) -> None:
        """Until something is not kept: whoever takes events learns why, and hearers of nothing more."""
        with contextlib.suppress(NotKept):
            while True:
                await self._happened.wait()
                self._happened.clear()  # what happens while these are kept sets it again
                facts, self._untold = self._untold, []
                await self.stored()
                self._hearers.tell(facts)
        await asyncio.Event().wait()
