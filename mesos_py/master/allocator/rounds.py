"""When to look at which agents.

    touched   agents to which something happened: looked at with the next call
    sweep     all agents, because something happened to a framework or an interval has passed

A sweep is cut into slices by the caller's budget; agents touched meanwhile come first, but never take more than half
of a slice while a sweep is under way, so that it gets on however busy some agents are. Each group is in random order.
Mesos: src/master/allocator/mesos/hierarchical.cpp generateOffers (there, one run takes all at once).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mesos_py.machine.values import Nanos
from mesos_py.master.allocator.ledger import Agent
from mesos_py.master.allocator.sorter import Random


class Rounds:
    """The work list; decides nothing about offers."""

    def __init__(self, interval: Nanos, rng: Random) -> None:
        self._interval, self._rng = interval, rng
        #: when the next periodic sweep is due
        self.next_periodic: Nanos = 0
        self._sweep = False
        self._queue: list[Agent] = []
        #: an ordered set
        self._touched: dict[Agent, None] = {}

    @property
    def is_due(self) -> bool:
        """True if there is something to look at without waiting for the interval."""
        return bool(self._touched or self._queue or self._sweep)

    def touch(self, agent: Agent) -> None:
        self._touched[agent] = None

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
        self._sweep = True
        return True

    def take(self, agents: Iterable[Agent], is_open: Callable[[Agent], bool], budget: int | None) -> list[Agent]:
        """Up to ``budget`` agents to look at now; those that are not open (nothing to gain there) are passed by."""
        if self._sweep and not self._queue:
            self._sweep = False
            self._touched.clear()
            self._queue = [agent for agent in agents if is_open(agent)]
            self._rng.shuffle(self._queue)
        found = [agent for agent in self._touched if is_open(agent)]
        self._touched.clear()
        self._rng.shuffle(found)
        if budget is None:
            found += self._queue
            self._queue = []
            return found
        room = (budget + 1) // 2 if self._queue else budget
        self._touched = dict.fromkeys(found[room:])
        del found[room:]
        cut = max(len(self._queue) - (budget - len(found)), 0)
        found += self._queue[cut:]
        del self._queue[cut:]
        return found
