"""``Launcher``: a framework that says what should run. Decisions are in ``launcher``, their shell is ``deciding``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Self

import structlog

from mesos_py.machine.problem import Problem
from mesos_py.sdk.deciding import CoreScheduler
from mesos_py.sdk.launcher import DesiredSet, Habits, Spec, words
from mesos_py.sdk.launcher.instances import Instance
from mesos_py.sdk.matching import Explanation, Step
from mesos_py.sdk.matching.filters import names
from mesos_py.wire.ids import AgentID

log = structlog.get_logger(__name__)


class Launcher(CoreScheduler[DesiredSet]):
    """``await sdk.Launcher(name="web", specs=[sdk.Spec(...)]).run()``; ``declare`` says something else later.

    Handlers that a subclass overrides must call these here. Several programs cannot be one launcher, but one can follow
    the other: it finds what the former has launched, kills what it does not declare itself, and launches the rest.
    """

    #: what should run from the start
    specs: Sequence[Spec] = ()
    habits: Habits = Habits()
    #: (): the roles that the first specs name
    roles: Sequence[str] = ()

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

    async def agent_known(self, agent_id: AgentID, capabilities: Iterable[str]) -> None:
        """Requests that name capabilities look at these; offers do not tell them."""
        await self.tell(words.AgentKnown(agent_id, tuple(capabilities)))

    async def on_launched(self, launched: words.Launched) -> None:
        """A task was asked for."""

    async def on_ended(self, ended: words.Ended) -> None:
        """A task has ended, and it is decided what becomes of its instance."""

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
