"""When to look at which agents.

    touched   agents to which something happened: looked at with the next call
    sweep     all agents, because something happened to a framework or an interval has passed

What somebody declined is offered to the next in turn at once, but only so often per interval: a thousand frameworks
that want nothing must not keep the master busy passing every agent round. Beyond that, declined agents wait for the
periodic sweep, as all do in Mesos. What is left of an accepted offer is not counted: there is progress.

A sweep is cut into slices by the caller's budget; agents touched meanwhile come first, but never take more than half
of a slice while a sweep is under way, so that it gets on however busy some agents are. Each group is in random order.
Mesos: src/master/allocator/mesos/hierarchical.cpp generateOffers (there, one run takes all at once).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mesos_py.machine.values import Nanos
from mesos_py.master.allocator.ledger import Agent
from mesos_py.master.allocator.sorter import Random

DECLINES_EAGER_MAX = 1000  # per interval; declines that make an agent be looked at at once
SKIPS_PER_LOOK = 20  # agents passed by that cost as much as one that is looked at


class Rounds:
    """The work list; decides nothing about offers."""

    def __init__(self, interval: Nanos, rng: Random) -> None:
        self._interval, self._rng = interval, rng
        #: when the next periodic sweep is due
        self.next_periodic: Nanos = 0
        self._eager_left = DECLINES_EAGER_MAX
        self._sweep = False
        self._queue: list[Agent] = []
        #: an ordered set
        self._touched: dict[Agent, None] = {}

    @property
    def is_due(self) -> bool:
        """True if there is something to look at without waiting for the interval."""
        return bool(self._touched or self._queue or self._sweep)

    @property
    def begins_sweep(self) -> bool:
        """True if all agents are next, and nothing is left of the sweep before."""
        return self._sweep and not self._queue

    def touch(self, agent: Agent) -> None:
        self._touched[agent] = None

    def touch_declined(self, agent: Agent) -> None:
        """Something of the agent was declined: look at it at once, or with the next sweep."""
        if agent.has_progressed:
            agent.has_progressed = False
            self.touch(agent)
        elif self._eager_left:
            self._eager_left -= 1
            self.touch(agent)

    def forget(self, agent: Agent) -> None:
        """The agent is gone; if it is in a queue, ``is_open`` must say so."""
        self._touched.pop(agent, None)

    def sweep(self) -> None:
        self._sweep = True

    def begin_period(self, now: Nanos) -> bool:
        """True, once per interval, when a periodic sweep begins."""
        if now < self.next_periodic:
            return False
        self.next_periodic = now + self._interval
        self._eager_left = DECLINES_EAGER_MAX
        self._sweep = True
        return True

    def take(self, agents: Iterable[Agent], is_open: Callable[[Agent], bool], budget: int | None) -> list[Agent]:
        """Up to ``budget`` agents to look at now, in random order; those with nothing to gain are passed by."""
        if self.begins_sweep:
            self._sweep = False
            self._touched.clear()
            self._queue = list(agents)
        queue, touched = self._queue, [agent for agent in self._touched if is_open(agent)]
        budget = len(queue) + len(touched) if budget is None else budget
        skips = SKIPS_PER_LOOK * budget
        room = (budget + 1) // 2 if queue else budget
        found: list[Agent] = []
        while touched and len(found) < room:
            found.append(self._draw(touched))
        self._touched = dict.fromkeys(touched)
        while queue and skips and len(found) < budget:
            agent = self._draw(queue)
            if is_open(agent):
                found.append(agent)
            else:
                skips -= 1
        return found

    def _draw(self, pool: list[Agent]) -> Agent:
        """Remove one at random, in constant time: a frame must not pay for shuffling what later frames look at."""
        index = int(self._rng.random() * len(pool))
        pool[index], pool[-1] = pool[-1], pool[index]
        return pool.pop()
