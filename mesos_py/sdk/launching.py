"""``Launcher``: a framework that says what should run. Decisions are in ``launcher``, their shell is ``deciding``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Self

import structlog

from mesos_py.machine.problem import Problem
from mesos_py.machine.values import Nanos, seconds
from mesos_py.sdk.deciding import CoreScheduler
from mesos_py.sdk.host import NotReached, Refused
from mesos_py.sdk.launcher import DesiredSet, Habits, Spec, words
from mesos_py.sdk.launcher.instances import Instance
from mesos_py.sdk.matching import Explanation, Step
from mesos_py.sdk.matching.filters import names
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID
from mesos_py.wire.offer import Offer

ASK_EVERY_S = 10.0  # at most so often is the master asked what agents can do
KNOWN_S = 600.0  # and so long is that believed: agents are upgraded
ASK_TIMEOUT_S = 5.0

log = structlog.get_logger(__name__)


class Launcher(CoreScheduler[DesiredSet]):
    """``await sdk.Launcher(name="web", specs=[sdk.Spec(...)]).run()``; ``declare`` says something else later.

    Handlers that a subclass overrides must call these here. Several programs cannot be one launcher, but one can follow
    the other: it finds what the former has launched, kills what it does not declare itself, and launches the rest.
    """

    #: what should run from the start
    specs: Sequence[Spec] = ()
    habits: Habits = Habits()
    #: GPUs are offered to nobody else; hosts that have some are for specs that want some (``matching.filters``)
    capabilities = (*CoreScheduler.capabilities, FrameworkInfo.Capability.Type.GPU_RESOURCES)
    #: (): the roles that the first specs name
    roles: Sequence[str] = ()
    #: when the master is asked what agents can do: those that we know, and others
    _ask_at: tuple[Nanos, Nanos] = (0, 0)

    # ---- what a program does with it

    async def declare(self, *specs: Spec) -> None:
        """These specs are all that should run from now on. Raises ValueError for what makes no sense."""
        self._check_roles(specs)
        if self._client is not None:
            reply = await self.ask(words.Declared(specs))
            if isinstance(reply, Problem):
                raise ValueError(reply.text)
        self.specs = specs

    def instances(self, name: str) -> tuple[Instance, ...]:
        """How the instances of a spec are, by number. Raises KeyError."""
        return tuple(sorted(self.core.groups[name].instances.values(), key=lambda one: one.number))

    def why(self, name: str) -> Explanation:
        """Why instances of a spec wait, as far as the last offers say. Raises KeyError."""
        return self.core.explain(name, self.now())

    def funnel(self, name: str) -> tuple[Step, ...]:
        """What became of the offers that were looked at since the spec last had nothing to launch, filter by filter.
        Raises KeyError."""
        return self.core.groups[name].funnel.steps(names(self.habits.filters))

    async def on_launched(self, launched: words.Launched) -> None:
        """A task was asked for."""

    async def on_ended(self, ended: words.Ended) -> None:
        """A task has ended, and it is decided what becomes of its instance."""

    # ---- agents

    async def on_offers(self, offers: Sequence[Offer]) -> None:
        if any(group.spec.request.capabilities for group in self.core.groups.values()):
            await self._know(offers)
        await super().on_offers(offers)

    async def _know(self, offers: Iterable[Offer]) -> None:
        """The core is told what these agents can do, which offers do not tell, as far as the master does."""
        are_new = any(offer.agent_id not in self.core.capabilities for offer in offers)
        if self.now() < self._ask_at[are_new]:
            return
        self._ask_at = self.now() + seconds(KNOWN_S), self.now() + seconds(ASK_EVERY_S)
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                agents = await self.agents()
        except (NotReached, Refused, TimeoutError) as error:
            log.warning("capabilities of agents are not known", why=str(error) or "no answer in time")
            return
        for agent in agents:
            names_ = tuple([one.type.name for one in agent.capabilities if one.type is not None])
            await self.tell(words.AgentKnown(agent.agent_info.id or AgentID(""), names_))

    # ---- as a core's scheduler

    def make_core(self, rng: Random) -> DesiredSet:
        return DesiredSet(rng, self.habits)

    def begun(self) -> words.Begun:
        states = {task.id: task.state for task in self.tasks.values()}
        return words.Begun(dict(self.records), states, tuple(self.specs))

    async def on_fact(self, fact: Any) -> None:
        match fact:
            case words.Launched():
                await self.on_launched(fact)
            case words.Ended():
                await self.on_ended(fact)
            case words.HoldBegan():
                log.info("gang holds offers", gang=fact.gang, at_most_s=self.habits.hold_s)
            case words.HoldEnded():
                log.info("gang holds offers no more", gang=fact.gang)

    async def __aenter__(self) -> Self:
        if not self.roles:
            self.roles = tuple(dict.fromkeys(spec.request.role for spec in self.specs)) or ("*",)
        self._check_roles(self.specs)
        return await super().__aenter__()

    def _check_roles(self, specs: Iterable[Spec]) -> None:
        for spec in specs:
            role = spec.request.role
            if self.roles and role not in self.roles:
                raise ValueError(f"'{spec.name}' wants offers in role '{role}'; we are of {', '.join(self.roles)}")
