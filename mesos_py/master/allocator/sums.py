"""How much somebody holds over all agents, kept by adding and subtracting; a shared volume counts once an agent."""

from __future__ import annotations

from mesos_py.algebra.kinds import Kind
from mesos_py.algebra.quantities import Milli
from mesos_py.algebra.resources import Resources
from mesos_py.wire.ids import AgentID


class Sums:
    """Scalars by name, and the copies of shared volumes that tell when one is counted first and last."""

    __slots__ = ("shared", "sums")

    def __init__(self) -> None:
        #: what went to 0 stays as 0
        self.sums: dict[str, Milli] = {}
        #: copies of shared volumes
        self.shared: dict[tuple[AgentID, Kind], int] = {}

    def add(self, agent_id: AgentID, resources: Resources, sign: int) -> None:
        sums = self.sums
        for name, amount in resources.quantities().items():
            sums[name] = sums.get(name, 0) + sign * amount
        if resources.any_shared:
            self._add_shared(agent_id, resources, sign)

    def _add_shared(self, agent_id: AgentID, resources: Resources, sign: int) -> None:
        """Undo what ``add`` counted twice: only a first copy adds, only the last one subtracts."""
        for kind, copies in resources.shared:
            before = self.shared.get((agent_id, kind), 0)
            after = before + sign * int(copies)  # type: ignore[arg-type]
            if after:
                self.shared[agent_id, kind] = after
            else:
                self.shared.pop((agent_id, kind), None)
            if before and after:
                self.sums[kind.name] -= sign * int(kind.whole)  # type: ignore[arg-type]

    def copy_from(self, other: Sums) -> None:
        """The same as ``other`` has, from here on apart from it."""
        self.sums, self.shared = other.sums.copy(), other.shared.copy()
