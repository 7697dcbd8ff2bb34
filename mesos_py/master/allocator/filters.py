"""What a framework does not want, or cannot be given, on an agent.

A *slot* is one framework in one role. Slots are numbered, and the number is a bit, so that "nobody here wants
anything of this agent" is one operation on ints however many frameworks there are::

    active slots & ~agent.closed == 0

``agent.closed`` remembers slots for which a look at the agent was in vain. That stays true while the agent's
available resources do not grow (a subset of what was refused is refused, Mesos: OfferFilter::filter), while the slot's
filters stay, and while neither framework nor agent is updated; each of these opens what it may have opened.

Declines lapse with the periodic run: a decline for N seconds covers at least the next periodic run, and ends with the
first one after N seconds (Mesos stretches the timeout to the allocation interval and expires behind the run). A
decline for 0 seconds ends with the next periodic run: until then the same slot is not offered the same again, which
is what keeps an event-driven allocator from offering in a circle; others are offered it at once.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf
from typing import TYPE_CHECKING

import attrs

from mesos_py.algebra.quantities import Milli
from mesos_py.algebra.resources import Resources
from mesos_py.machine.values import Nanos, seconds
from mesos_py.wire.ids import AgentID, FrameworkID

if TYPE_CHECKING:
    from mesos_py.algebra.offer_constraints import OfferConstraintsFilter
    from mesos_py.master.allocator.ledger import Agent
    from mesos_py.master.allocator.roles import Role
    from mesos_py.master.capabilities import FrameworkCapabilities

REFUSE_MAX_S = 365 * 86_400  # seconds; Mesos: hierarchical.cpp recoverResources caps at 365 days
REFUSE_DEFAULT_S = 5.0  # seconds; proto default of Filters.refuse_seconds
DECLINES_MAX = 64  # per slot and agent; beyond it the decline that ends first is forgotten
HEAP_SLACK = 1024  # dead entries the expiry heap may hold beyond as many as live ones

Minimum = tuple[tuple[str, Milli], ...]
"""Amounts of which all must be there."""


@attrs.define(eq=False)
class Framework:
    """One framework, as far as allocation is concerned."""

    id: FrameworkID
    capabilities: FrameworkCapabilities
    #: role -> any one of these must be available for an offer; () means anything will do; absent: the cluster's default
    minima: dict[str, tuple[Minimum, ...]]
    constraints: OfferConstraintsFilter | None
    active: bool
    #: by role: subscribed ones, and those left that still hold something
    slots: dict[str, Slot] = attrs.Factory(dict)


@attrs.define(eq=False)
class Slot:
    """One framework in one role."""

    framework: Framework
    role: Role
    bit: int
    subscribed: bool = True
    suppressed: bool = False
    #: agent -> what was declined there -> when that ends (ns), and a number that tells declines apart
    declined: dict[AgentID, dict[Resources, tuple[int, int]]] = attrs.Factory(dict)
    #: the number of declines in ``declined``
    declines: int = 0

    @property
    def is_live(self) -> bool:
        """True if it may be offered anything at all."""
        return self.framework.active and self.subscribed and not self.suppressed

    def refuses(self, agent_id: AgentID, offered: Resources) -> bool:
        """True if the same or more was declined and the decline has not ended."""
        declined = self.declined.get(agent_id)
        if declined is not None:
            for resources in declined:
                if offered <= resources:
                    return True
        return False


class Declines:
    """Every decline of every slot, and when it ends."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Slot, Agent, Resources]] = []
        self._sequence = 0
        self._live = 0

    def __len__(self) -> int:
        """The number of declines in force."""
        return self._live

    def add(self, slot: Slot, agent: Agent, resources: Resources, until: int) -> None:
        """``slot`` does not want these (unallocated), nor less, of ``agent`` until a periodic run at or after then."""
        before = slot.declined.get(agent.id, {})
        if resources in before and before[resources][0] > until:
            return
        for old in [old for old, end in before.items() if end[0] <= until and old <= resources]:
            self._drop(slot, agent, old)
        if len(before) >= DECLINES_MAX:
            self._drop(slot, agent, min(before, key=before.__getitem__))
        self._sequence += 1
        slot.declined.setdefault(agent.id, {})[resources] = (until, self._sequence)
        slot.declines += 1
        self._live += 1
        agent.refused[resources] = agent.refused.get(resources, 0) | slot.bit
        agent.closed |= agent.covered(resources, slot.bit)
        heappush(self._heap, (until, self._sequence, slot, agent, resources))

    def expire(self, now: int) -> None:
        """End what ends at or before ``now``; the slots concerned may be offered the agent again."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            entry = heappop(heap)
            if _is_current(entry):
                self._drop(*entry[2:])
        if len(heap) > 2 * self._live + HEAP_SLACK:
            self._heap = [entry for entry in heap if _is_current(entry)]
            heapify(self._heap)

    def forget_slot(self, slot: Slot, agents: dict[AgentID, Agent]) -> None:
        """REVIVE, a role left, a framework disconnected: all declines of the slot end."""
        for agent_id in list(slot.declined):
            for resources in list(slot.declined[agent_id]):
                self._drop(slot, agents[agent_id], resources)

    def forget_agent(self, agent: Agent, slots: list[Slot]) -> None:
        """The agent is gone or another one than was declined: all declines of it end."""
        for slot in slots:
            for resources in list(slot.declined.get(agent.id, ())):
                self._drop(slot, agent, resources)

    def _drop(self, slot: Slot, agent: Agent, resources: Resources) -> None:
        declined = slot.declined[agent.id]
        del declined[resources]
        if not declined:
            del slot.declined[agent.id]
        slot.declines -= 1
        self._live -= 1
        left = agent.refused[resources] & ~slot.bit
        if left:
            agent.refused[resources] = left
        else:
            del agent.refused[resources]
        agent.closed &= ~slot.bit


def declined_until(refuse_s: float, now: Nanos, next_periodic: Nanos) -> Nanos:
    """When a decline ends. Nonsense means the default (Mesos: 5 s), and a year is the most."""
    if refuse_s == 0:
        return next_periodic
    if refuse_s == inf:
        refuse_s = REFUSE_MAX_S
    elif not refuse_s > 0:
        refuse_s = REFUSE_DEFAULT_S
    return max(now + seconds(min(refuse_s, REFUSE_MAX_S)), next_periodic + 1)


def _is_current(entry: tuple[int, int, Slot, Agent, Resources]) -> bool:
    """False for an entry whose decline was dropped, replaced or prolonged."""
    until, sequence, slot, agent, resources = entry
    return slot.declined.get(agent.id, {}).get(resources) == (until, sequence)


def slots_in(mask: int, slots: list[Slot | None]) -> list[Slot]:
    """The slots whose bits are set, lowest first; linear in the number of set bits."""
    found = []
    while mask:
        lowest = mask & -mask
        mask ^= lowest
        slot = slots[lowest.bit_length() - 1]
        assert slot is not None
        found.append(slot)
    return found
