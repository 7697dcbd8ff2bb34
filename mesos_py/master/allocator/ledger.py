"""What an agent has, who holds it, and what is left to offer.

    total      what the agent has; no allocation in it
    held       by framework: offered to it or used by its tasks and executors; allocated to roles
    used       the part of held that is not merely offered
    available  total - held; shared volumes are always available, however many hold them

A total may shrink below what is held (oversubscription revoked, an agent re-registered with less): then nothing is
available until enough has come back, and no amount ever becomes negative.

Totals are kept in the order offers show them: reserved, revocable and non-scalar resources first, then the unreserved
scalars (Mesos: src/master/allocator/mesos/hierarchical.cpp __generateOffers builds them like that).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from mesos_py.algebra.kinds import SCALAR, Kind
from mesos_py.algebra.quantities import Milli
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.master.capabilities import AgentCapabilities
from mesos_py.wire.ids import AgentID, FrameworkID
from mesos_py.wire.value import Attribute, DomainInfo


@attrs.define(eq=False)
class Agent:
    """One registered agent, as far as allocation is concerned."""

    id: AgentID
    hostname: str
    attributes: tuple[Attribute, ...]
    domain: DomainInfo | None
    capabilities: AgentCapabilities
    #: bits of the slots in a role and below it
    slots_below: Callable[[str], int]
    total: Resources = NONE
    held: dict[FrameworkID, Resources] = attrs.Factory(dict)
    used: dict[FrameworkID, Resources] = attrs.Factory(dict)
    #: all that is held, without allocation
    taken: Resources = NONE
    #: the total has all that is held, each copy of a shared volume taken for itself
    fits: bool = True
    available: Resources = NONE
    #: offered only while active: an agent that is connected, not deactivated, not draining
    active: bool = True
    #: every framework may have all that is available: no reservations, no shared volumes, nothing revocable
    is_plain: bool = True
    has_shared: bool = False
    #: something of it has been used since something of it was declined
    has_progressed: bool = False
    gpus: Milli = 0
    #: (framework, role) slots, as bits, for which there is nothing here as long as ``available`` does not grow
    closed: int = 0
    #: those of them, and perhaps others, that quota leaves nothing
    cut: int = 0
    #: what was declined -> the slots that declined it
    refused: dict[Resources, int] = attrs.Factory(dict)

    @property
    def region(self) -> str | None:
        if self.domain is None or self.domain.fault_domain is None:
            return None
        return self.domain.fault_domain.region.name

    def set_total(self, total: Resources) -> None:
        self.total = in_offer_order(total)
        self.has_shared = total.any_shared
        self.is_plain = not total.any(_is_special)
        self.gpus = total.scalar("gpus")
        self._grown()

    def hold(self, framework_id: FrameworkID, resources: Resources, unallocated: Resources, *, used: bool) -> None:
        """``resources`` (allocated to a role; ``unallocated`` is the same without) are the framework's now."""
        held = self.held
        before = held.get(framework_id)
        held[framework_id] = resources if before is None else before + resources
        if used:
            self.used[framework_id] = self.used.get(framework_id, NONE) + resources
        if unallocated is self.available and self.fits and not self.has_shared:
            self.taken, self.available = self.total, NONE  # all that was left
            return
        self.taken += unallocated
        if used or self.has_shared:
            self.fits = self.taken <= self.total
        self.available = self._left()

    def use(self, framework_id: FrameworkID, resources: Resources) -> None:
        """What was offered is used from now on."""
        self.has_progressed = True
        used = self.used.get(framework_id, NONE) + resources
        held = self.held.get(framework_id, NONE)
        assert used <= held, f"{framework_id} uses {used} on {self.id}, but holds {held}"
        self.used[framework_id] = used

    def release(self, framework_id: FrameworkID, resources: Resources, used: Resources) -> None:
        """The framework no longer holds these, of which it used so many; available is what the total still has."""
        left = self.held.get(framework_id, NONE)
        assert resources <= left, f"{framework_id} gives back {resources} on {self.id}, but holds {left}"
        _set(self.held, framework_id, left - resources)
        if used:
            _set(self.used, framework_id, self.used.get(framework_id, NONE) - used)
        self.taken -= resources.unallocate()
        self._grown()

    def convert(self, framework_id: FrameworkID, old: Resources, new: Resources, total: Resources) -> None:
        """What the framework holds, and with it the total, has changed its kind."""
        _set(self.held, framework_id, self.held[framework_id] - old + new)
        self.taken = self.taken - old.unallocate() + new.unallocate()
        self.set_total(total)

    def reopen(self) -> None:
        """Forget which slots have nothing to get here, but for those that declined all there is."""
        closed = 0
        for resources, slots in self.refused.items():
            closed |= self.covered(resources, slots)
        self.closed, self.cut = closed, 0

    def covered(self, refused: Resources, slots: int) -> int:
        """Which of the slots that refused these can get nothing here but what they refused."""
        if self.available <= refused:
            return slots
        if self.is_plain:
            return 0
        for kind, _ in self.available - refused:
            if not kind.reservations:
                return 0
            slots &= ~self.slots_below(kind.reserved_role)
        return slots

    def takers(self) -> int:
        """Bits of the slots that may have anything of what is available, as far as reservations tell; -1: all."""
        if self.is_plain:
            return -1
        slots = 0
        for kind, _ in self.available:
            if not kind.reservations:
                return -1
            slots |= self.slots_below(kind.reserved_role)
        return slots

    def _grown(self) -> None:
        self.fits = self.taken <= self.total
        self.available = self._left()
        self.reopen()

    def _left(self) -> Resources:
        if not self.taken:
            return self.total
        if self.has_shared:
            return (self.total.nonshared - self.taken.nonshared) + self.total.shared
        return self.total - self.taken

    def check(self) -> None:
        taken = NONE
        for resources in self.held.values():
            assert resources
            taken += resources.unallocate()
        assert taken == self.taken, f"{self.id}: {taken} are held, {self.taken} counted"
        for framework_id, resources in self.used.items():
            assert resources <= self.held.get(framework_id, NONE), (
                f"{self.id}: {framework_id} does not hold {resources}"
            )
        assert self.fits == (self.taken <= self.total)
        assert self.available == self._left(), f"{self.id}: {self.available} is not what is left"


def _set(by_framework: dict[FrameworkID, Resources], framework_id: FrameworkID, resources: Resources) -> None:
    if resources:
        by_framework[framework_id] = resources
    else:
        by_framework.pop(framework_id, None)


def in_offer_order(total: Resources) -> Resources:
    return total.filter(lambda kind: not _is_common(kind)) + total.filter(_is_common)


def _is_common(kind: Kind) -> bool:
    return kind.type == SCALAR and not kind.reservations and not kind.revocable


def _is_special(kind: Kind) -> bool:
    return bool(kind.reservations) or kind.shared or kind.revocable
