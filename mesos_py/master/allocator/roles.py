"""The tree of roles: who is in a role, what it weighs, what is reserved for it, and what is held in it.

There is a node for every role somebody is in, holds something in, has reserved for or has given a weight or a quota
to, and for each of its ancestors; a node nobody needs any more is removed. All sums are of subtrees, kept along the
path to the root. What is held is counted only while there is quota, for that is what it is for.

A role *consumes* what is used of unreserved resources, and what is reserved for it, used or not; revocable resources
are no part of it (Mesos: src/master/allocator/mesos/hierarchical.hpp class Role, RoleTree).

Not decided here: whose turn it is (``sorter``), what follows from quota (``quotas``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from mesos_py.algebra.kinds import Kind
from mesos_py.algebra.quantities import Milli, Quantities
from mesos_py.algebra.quota import NO_QUOTA, Quota
from mesos_py.algebra.resources import Resources
from mesos_py.master.allocator.sorter import Sorter
from mesos_py.master.allocator.sums import Sums

if TYPE_CHECKING:
    from mesos_py.master.allocator.filters import Slot
    from mesos_py.wire.ids import AgentID, FrameworkID

DEFAULT_WEIGHT = 1.0


class Role:
    """One role path."""

    __slots__ = (
        "below", "children", "frameworks", "held", "mask", "parent", "path", "quota", "reserved", "slots", "top",
        "used", "weight",
    )  # fmt: skip

    def __init__(self, path: str, parent: Role | None, frameworks: Sorter[Slot]) -> None:
        self.path, self.parent = path, parent
        #: the first of its ancestors, or itself: quotas are theirs
        self.top: Role = parent.top if parent is not None else self
        self.children: dict[str, Role] = {}
        self.weight = DEFAULT_WEIGHT
        #: of the subtree
        self.quota = NO_QUOTA
        #: unallocated and allocated reservations of the subtree, all agents
        self.reserved = Quantities()
        #: unreserved and not revocable, offered or used in the subtree, all agents; if the tree counts that
        self.held = Sums()
        #: the part of it that is not merely offered
        self.used = Sums()
        #: whoever is subscribed or still holds something
        self.slots: dict[FrameworkID, Slot] = {}
        #: their bits
        self.mask = 0
        #: bits of the subtree
        self.below = 0
        #: their order
        self.frameworks = frameworks

    @property
    def is_needed(self) -> bool:
        return (
            bool(self.children or self.slots or self.reserved)
            or self.weight != DEFAULT_WEIGHT
            or self.quota is not NO_QUOTA
            or any(self.held.sums.values())
        )

    @property
    def consumed(self) -> Quantities:
        return self.reserved + Quantities(self.used.sums)

    @property
    def offered_or_consumed(self) -> Quantities:
        return self.reserved + Quantities(self.held.sums)

    def join(self, slot: Slot) -> None:
        """The slot's framework is in the role."""
        self.slots[slot.framework.id] = slot
        self.mask |= slot.bit
        node: Role | None = self
        while node is not None:
            node.below |= slot.bit
            node = node.parent

    def leave(self, slot: Slot) -> None:
        del self.slots[slot.framework.id]
        self.mask &= ~slot.bit
        node: Role | None = self
        while node is not None:
            node.below &= ~slot.bit
            node = node.parent


class RoleTree:
    """All roles by path; a new role asks ``new_sorter`` for the order of its frameworks."""

    def __init__(self, new_sorter: Callable[[], Sorter[Slot]]) -> None:
        self._new_sorter = new_sorter
        self._roles: dict[str, Role] = {}
        #: of roles that have one
        self.quotas: dict[str, Quota] = {}
        #: roles with quota whose sums or slots have changed since somebody looked (``quotas``)
        self.stale: dict[Role, None] = {}
        #: whether what is held is counted: while there is any quota
        self.is_counting = False
        #: if so, what can be held of unreserved resources that are not revocable, and what is, all agents
        self.measured: dict[str, Milli] = {}
        self.held = Sums()

    def __iter__(self) -> Iterator[Role]:
        return iter(self._roles.values())

    def __len__(self) -> int:
        return len(self._roles)

    def get(self, path: str) -> Role | None:
        return self._roles.get(path)

    def ensure(self, path: str) -> Role:
        """The node of a role; made, with its ancestors, if it is new."""
        role = self._roles.get(path)
        if role is None:
            above = path.rpartition("/")[0]
            parent = self.ensure(above) if above else None
            role = self._roles[path] = Role(path, parent, self._new_sorter())
            if parent is not None:
                parent.children[path] = role
        return role

    def slots_below(self, path: str) -> int:
        """Bits of everybody in the role or in a role below it: whom its reservations may go to."""
        role = self._roles.get(path)
        return role.below if role is not None else 0

    def tidy(self, role: Role) -> None:
        """Remove the node and its ancestors, as far as nobody needs them."""
        node: Role | None = role
        while node is not None and not node.is_needed:
            del self._roles[node.path]
            if node.parent is not None:
                del node.parent.children[node.path]
            node = node.parent

    def set_weight(self, path: str, weight: float) -> None:
        role = self.ensure(path)
        role.weight = weight
        self.tidy(role)

    def set_quota(self, path: str, quota: Quota) -> None:
        """NO_QUOTA takes it away."""
        role = self.ensure(path)
        assert role is role.top, "quotas are for first components of paths"
        self.stale[role] = None
        if quota == NO_QUOTA:
            role.quota = NO_QUOTA
            self.quotas.pop(path, None)
        else:
            role.quota = self.quotas[path] = quota
        self.tidy(role)

    def count(self, agent_id: AgentID, resources: Resources, sign: int, *, held: bool, used: bool) -> None:
        """So much (allocated) is held or used of the agent from now on, or is no longer (``sign`` -1)."""
        if not self.is_counting:
            return
        resources = resources.filter(_is_consumed)
        for path, part in by_role(resources):
            part = part.unallocate() if part.any_shared else part  # the same volume in two roles is one volume
            if held:
                self.held.add(agent_id, part, sign)
            role = self.ensure(path)
            self.touch(role)
            node: Role | None = role
            while node is not None:
                if held:
                    node.held.add(agent_id, part, sign)
                if used:
                    node.used.add(agent_id, part, sign)
                node = node.parent
            if sign < 0:
                self.tidy(role)

    def measure(self, total: Resources, sign: int) -> None:
        """An agent with this total counts as what can be held, or no longer does."""
        if self.is_counting:
            for name, amount in total.filter(_is_consumed).quantities().items():
                self.measured[name] = self.measured.get(name, 0) + sign * amount

    def touch(self, role: Role) -> None:
        """Something has changed that quota depends on."""
        if role.top.quota is not NO_QUOTA:
            self.stale[role.top] = None

    def reserve(self, total: Resources) -> None:
        """An agent with this total, and its reservations, has come."""
        self.measure(total, +1)
        for path, quantities in _reserved(total):
            role = self.ensure(path)
            self.touch(role)
            node: Role | None = role
            while node is not None:
                node.reserved += quantities
                node = node.parent

    def unreserve(self, total: Resources) -> None:
        """An agent with this total has gone."""
        self.measure(total, -1)
        for path, quantities in _reserved(total):
            role = self._roles[path]
            self.touch(role)
            node: Role | None = role
            while node is not None:
                node.reserved -= quantities
                node = node.parent
            self.tidy(role)

    def check(self) -> None:
        for role in self._roles.values():
            assert role.is_needed, f"role '{role.path}' is needed by nobody"
            assert role.parent is None or role.parent.children[role.path] is role
            mask = 0
            for slot in role.slots.values():
                mask |= slot.bit
            assert role.mask == mask
            for child in role.children.values():
                mask |= child.below
            assert role.below == mask


def _is_consumed(kind: Kind) -> bool:
    return not kind.reservations and not kind.revocable


def _reserved(total: Resources) -> list[tuple[str, Quantities]]:
    """Reserved scalars by role. A role with only ranges or sets reserved has nothing to count (MESOS-9555)."""
    groups = total.reservations().items()
    return [(path, quantities) for path, resources in groups if (quantities := resources.quantities())]


def by_role(resources: Resources) -> Iterable[tuple[str, Resources]]:
    """What is allocated, by role. Nearly always one, and then nothing is copied."""
    roles = dict.fromkeys(kind.allocated_role for kind, _ in resources)
    if len(roles) == 1:
        (role,) = roles
        assert role is not None, f"{resources} is allocated to no role"
        return ((role, resources),)
    return resources.allocations().items()
