"""``Launcher``: a framework that says what should run. The decisions are ``launcher``'s; here they meet a session.

One event after the other goes through the desired set, whether the master, a timer or the program brings it, and all
that it causes goes to the session before anything else does. That is where records are kept before calls leave.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import ClassVar, Self

import structlog

from mesos_py.machine.frame import Event, Frame, Send, Tick
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sdk.launcher import DesiredSet, Habits, Spec, words
from mesos_py.sdk.launcher.instances import Instance
from mesos_py.sdk.matching import Explanation, Step
from mesos_py.sdk.matching.filters import names
from mesos_py.sdk.scheduler import Scheduler
from mesos_py.wire.ids import AgentID, OfferID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskStatus

log = structlog.get_logger(__name__)

OFFERS_AT_ONCE = 1_000  # matched in one turn of the loop; with ten tasks on each that is about a second


class Launcher(Scheduler):
    """``await sdk.Launcher(name="web", specs=[sdk.Spec(...)]).run()``; ``declare`` says something else later.

    Handlers that a subclass overrides must call these here. Several programs cannot be one launcher, but one can follow
    the other: it finds what the former has launched, kills what it does not declare itself, and launches the rest.
    """

    #: what should run from the start
    specs: Sequence[Spec] = ()
    habits: Habits = Habits()
    #: (): the roles that the first specs name
    roles: Sequence[str] = ()
    declines: ClassVar[bool] = False

    # ---- what a program does with it

    async def declare(self, *specs: Spec) -> None:
        """These specs are all that should run from now on. Raises ValueError for what makes no sense."""
        self._check_roles(specs)
        if self._client is not None:
            await self._tell(words.Declared(specs))
        self.specs = specs

    def instances(self, name: str) -> tuple[Instance, ...]:
        """How the instances of a spec are, by number. Raises KeyError."""
        return tuple(sorted(self._set.groups[name].instances.values(), key=lambda one: one.number))

    def why(self, name: str) -> Explanation:
        """Why instances of a spec wait, as far as the last offers say. Raises KeyError."""
        return self._set.explain(name, self._now())

    def funnel(self, name: str) -> tuple[Step, ...]:
        """What became of the offers that were looked at since the spec last had nothing to launch, filter by filter.
        Raises KeyError."""
        return self._set.groups[name].funnel.steps(names(self.habits.filters))

    async def agent_known(self, agent_id: AgentID, capabilities: Iterable[str]) -> None:
        """Requests that name capabilities look at these; offers do not tell them."""
        await self._tell(words.AgentKnown(agent_id, tuple(capabilities)))

    async def on_launched(self, launched: words.Launched) -> None:
        """A task was asked for."""

    async def on_ended(self, ended: words.Ended) -> None:
        """A task has ended, and it is decided what becomes of its instance."""

    # ---- life

    async def run(self) -> None:
        async with self:
            events = asyncio.create_task(self._hear(), name="launcher's events")
            try:
                await asyncio.wait((events, self._timer), return_when=asyncio.FIRST_COMPLETED)
                for done in (self._timer, events):
                    if done.done():
                        done.result()
            finally:
                events.cancel()
                await asyncio.gather(events, return_exceptions=True)

    async def _hear(self) -> None:
        async for event in self.events():
            await self.handle(event)

    async def __aenter__(self) -> Self:
        if not self.roles:
            self.roles = tuple(dict.fromkeys(spec.request.role for spec in self.specs)) or ("*",)
        self._check_roles(self.specs)
        self._set = DesiredSet(self._host.rng, self.habits)
        self._now = self._host.clock()
        #: of the desired set, as the timers know it; and whether it is sooner by now
        self._deadline: Nanos | None = None
        self._is_sooner = asyncio.Event()
        self._wants_offers = False  # until the desired set says so
        await super().__aenter__()
        states = {task.id: task.state for task in self.tasks.values()}
        try:
            await self._tell(words.Begun(dict(self.records), states, tuple(self.specs)))
        except BaseException:
            await super().__aexit__(None, None, None)
            raise
        self._timer = asyncio.create_task(self._keep_time(), name="launcher's timers")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await asyncio.gather(self._timer, return_exceptions=True)
        await super().__aexit__(kind, error, trace)

    # ---- events

    async def on_offers(self, offers: Sequence[Offer]) -> None:
        for start in range(0, len(offers), OFFERS_AT_ONCE):
            there = [offer for offer in offers[start : start + OFFERS_AT_ONCE] if offer.id in self.offers]
            await self._tell(MasterEvent.Offers(offers=tuple(there)))

    async def on_rescind(self, offer_id: OfferID) -> None:
        await self._tell(MasterEvent.Rescind(offer_id=offer_id))

    async def on_update(self, status: TaskStatus) -> None:
        await self._tell(MasterEvent.Update(status=status))

    async def _keep_time(self) -> None:
        while True:
            deadline = self._deadline = self._set.deadline()
            self._is_sooner.clear()
            wait_s = None if deadline is None else max(0.0, (deadline - self._now()) / SECOND)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._is_sooner.wait()
            if deadline is not None and deadline <= self._now():
                await self._tell(None, Tick)

    async def _tell(self, body: object, kind: type | None = None) -> None:
        """The event is dealt with, and handlers have heard of it. Raises ValueError for what is refused."""
        for change in self._decide(Event(kind or type(body), body)):
            if isinstance(change, words.Launched):
                await self.on_launched(change)
            elif isinstance(change, words.Ended):
                await self.on_ended(change)
            elif isinstance(change, words.HoldBegan):
                log.info("gang holds offers", gang=change.gang, at_most_s=self.habits.hold_s)
            elif isinstance(change, words.HoldEnded):
                log.info("gang holds offers no more", gang=change.gang)
        await self._there.shell.room()

    def _decide(self, event: Event) -> list[object]:
        """Apply, and say what comes of it, which leaves when its records are kept; returns the changes."""
        changes: list[object] = []
        waiting = [event]
        while waiting:
            frame = self._set.apply(waiting.pop(0), self._now())
            if isinstance(frame.reply, Problem):
                raise ValueError(frame.reply.text)
            changes += frame.changes
            waiting += [Event(words.NotSaid, words.NotSaid(call)) for call in self._say(frame)]
        deadline = self._set.deadline()
        if deadline is not None and (self._deadline is None or deadline < self._deadline):
            self._is_sooner.set()
        return changes

    def _say(self, frame: Frame) -> list[Call]:
        """Records, then calls, in their order; returns those that ask for tasks and that nobody hears."""
        for write in frame.writes:
            self.keep(write.name, write.contents)
        for change in frame.changes:
            if isinstance(change, words.Ended):
                self.forget(change.task_id)  # what matters of it is in the record of its instance
        unheard: list[Call] = []
        for word in frame.sends:
            if isinstance(word, Send):
                call: Call = word.message
                if call.type is Call.Type.ACCEPT and not self.is_subscribed:
                    unheard.append(call)
                else:
                    self._there.shell.say(call.type, call)
        return unheard

    def _check_roles(self, specs: Iterable[Spec]) -> None:
        for spec in specs:
            role = spec.request.role
            if self.roles and role not in self.roles:
                raise ValueError(f"'{spec.name}' wants offers in role '{role}'; we are of {', '.join(self.roles)}")
