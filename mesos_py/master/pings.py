"""Which agents are asked together whether they are there: those whose next ping falls into the same round.

One timer and one frame are for all of a round; of 10,000 agents about twenty share one.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesos_py.machine.values import Nanos
from mesos_py.wire.ids import AgentID

ROUNDS = 512  # within an interval
ROUND_MAX = 200  # agents that begin in one round; many may come at once, and one frame asks all of a round


class Pings:
    """The rounds to come; every registered agent is in one of them."""

    def __init__(self, interval: Nanos) -> None:
        self._interval = interval
        self._step: Nanos = interval // ROUNDS
        #: when -> who, each once; agents that have left, or joined a later round, are still named
        self._rounds: dict[Nanos, dict[AgentID, None]] = {}
        self._due: dict[AgentID, Nanos] = {}

    def __contains__(self, agent_id: AgentID) -> bool:
        return agent_id in self._due

    def after(self, now: Nanos) -> Nanos:
        """The last round within an interval from ``now``."""
        return (now + self._interval) // self._step * self._step

    def first(self, now: Nanos) -> Nanos:
        """The first round with room that is a whole interval from ``now``."""
        at = self.after(now) + self._step
        while len(self._rounds.get(at, ())) >= ROUND_MAX:
            at += self._step
        return at

    def join(self, at: Nanos, agent_ids: Iterable[AgentID]) -> None:
        """They are asked at ``at`` and not before."""
        members, due = self._rounds.setdefault(at, {}), self._due
        for agent_id in agent_ids:
            due[agent_id] = at
            members[agent_id] = None

    def leave(self, agent_id: AgentID) -> None:
        """It is not asked any more."""
        self._due.pop(agent_id, None)

    def take(self, at: Nanos) -> list[AgentID]:
        """Those whose turn it is."""
        due = self._due
        return [agent_id for agent_id in self._rounds.pop(at) if due.get(agent_id) == at]
