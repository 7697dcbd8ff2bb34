"""Agents that earlier masters knew and that have not come back: what they may hold, nobody can say yet.

    (a) while fewer than four in five are back, and no longer than ten minutes, nothing is offered at all
    (b) what has not come back counts whole against every limit, until it is back or given up

(a) is Mesos': without it the first who subscribe would be offered what others have running. (b) is ours: the last
fifth may bring tasks that, with what was offered meanwhile, exceed a limit.
Mesos: src/master/allocator/mesos/hierarchical.cpp recover, addSlave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mesos_py.algebra.kinds import SCALAR
from mesos_py.algebra.quantities import Milli, to_milli
from mesos_py.machine.values import Nanos, seconds
from mesos_py.wire.ids import AgentID
from mesos_py.wire.resource import Resource

BACK_PERCENT = 80  # of the agents; Mesos: AGENT_RECOVERY_FACTOR
WAIT: Nanos = seconds(600)  # Mesos: ALLOCATION_HOLD_OFF_RECOVERY_TIMEOUT


class Expected:
    """Sums are made when somebody first asks: without quota nobody does."""

    def __init__(self) -> None:
        #: who has not come back, and what it has
        self.agents: dict[AgentID, tuple[Resource, ...]] = {}
        self._sums: dict[str, Milli] | None = None
        #: so many may be missing when offers begin
        self._missing_max = 0
        #: changes with what is expected
        self.version = 0
        #: when they begin however many are; None: nobody waits
        self.hold_until: Nanos | None = None

    def expect(self, agents: Mapping[AgentID, tuple[Resource, ...]]) -> None:
        self.agents = dict(agents)
        self._sums = None
        self.version += 1

    def hold(self, now: Nanos) -> None:
        """Nothing is offered until enough are back."""
        count = len(self.agents)
        back = count * BACK_PERCENT // 100
        if back:
            self._missing_max = count - back
            self.hold_until = now + WAIT

    def forget(self, agent_id: AgentID) -> None:
        """The agent is back, or given up."""
        resources = self.agents.pop(agent_id, None)
        if resources is None:
            return
        self.version += 1
        if self._sums is not None:
            for name, amount in _scalars(resources):
                self._sums[name] -= amount
        if len(self.agents) <= self._missing_max:
            self.hold_until = None

    def is_held(self, now: Nanos) -> bool:
        """True while nothing may be offered."""
        if self.hold_until is not None and self.hold_until <= now:
            self.hold_until = None
        return self.hold_until is not None

    def amount(self, name: str) -> Milli:
        """So much of it is on agents that have not come back."""
        return self._added().get(name, 0)

    def _added(self) -> dict[str, Milli]:
        if self._sums is None:
            self._sums = {}
            for resources in self.agents.values():
                for name, amount in _scalars(resources):
                    self._sums[name] = self._sums.get(name, 0) + amount
        return self._sums


def _scalars(resources: Iterable[Resource]) -> Iterable[tuple[str, Milli]]:
    """Straight from the messages: there may be fifty thousand agents, and each is looked at once."""
    for resource in resources:
        if resource.type == SCALAR and resource.scalar is not None:
            yield resource.name, to_milli(resource.scalar.value)
