"""When an agent may be given up: at most so many in so long (--agent_removal_rate_limit), one after the other.

``N/DURATION`` lets one agent go each ``DURATION/N``; the first goes at once, and whoever comes back in time gives its
turn to the next. Without a limit everybody goes at once. Mesos: 3rdparty/libprocess/include/process/limiter.hpp.
"""

from __future__ import annotations

from mesos_py.flags import Rate
from mesos_py.machine.values import Nanos, seconds
from mesos_py.wire.ids import AgentID


class Removals:
    """The queue of agents that are to be given up; at most as long as there are agents."""

    def __init__(self, limit: Rate | None) -> None:
        self._pause: Nanos = 0 if limit is None else seconds(limit.per_s) // limit.count
        self._free_at: Nanos = 0
        #: agent -> why it is given up and since when, in the order of their turns
        self.waiting: dict[AgentID, tuple[str, Nanos]] = {}

    def admits(self, agent_id: AgentID, text: str, now: Nanos) -> bool:
        """Whether the agent may go now; otherwise it waits for its turn."""
        if self.waiting or now < self._free_at:
            self.waiting[agent_id] = (text, now)
            return False
        self._free_at = now + self._pause
        return True

    def deadline(self) -> Nanos | None:
        """When the next turn comes, None when nobody waits."""
        return self._free_at if self.waiting else None

    def take(self, now: Nanos) -> tuple[AgentID, str]:
        """Whose turn it is, and why it is given up."""
        self._free_at = now + self._pause
        agent_id = next(iter(self.waiting))
        return agent_id, self.waiting.pop(agent_id)[0]

    def cancel(self, agent_id: AgentID) -> bool:
        """The agent is not to go; False when it did not wait."""
        return self.waiting.pop(agent_id, None) is not None

    def since(self, agent_id: AgentID) -> Nanos | None:
        """Since when it waits; None when it does not."""
        waits = self.waiting.get(agent_id)
        return None if waits is None else waits[1]
