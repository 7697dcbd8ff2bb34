"""The tree of roles: who is in a role, what it weighs, and what is reserved for it.

There is a node for every role somebody is in, has reserved for or has given a weight to, and for each of its
ancestors; a node nobody needs any more is removed. Reservations add up along the path to the root, as quota will:
guarantee, limit and what is consumed belong here, one set per node, checked on the way up (Mesos:
src/master/allocator/mesos/hierarchical.hpp class Role, RoleTree).

Not decided here: whose turn it is (``sorter``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.resources import Resources
from mesos_py.master.allocator.sorter import Sorter

if TYPE_CHECKING:
    from mesos_py.master.allocator.filters import Slot
    from mesos_py.wire.ids import FrameworkID

DEFAULT_WEIGHT = 1.0


class Role:
    """One role path."""

    __slots__ = ("children", "frameworks", "mask", "parent", "path", "reserved", "slots", "weight")

    def __init__(self, path: str, parent: Role | None, frameworks: Sorter[Slot]) -> None:
        self.path, self.parent = path, parent
        self.children: dict[str, Role] = {}
        self.weight = DEFAULT_WEIGHT
        #: unallocated and allocated reservations of the subtree, all agents
        self.reserved = Quantities()
        #: whoever is subscribed or still holds something
        self.slots: dict[FrameworkID, Slot] = {}
        #: their bits
        self.mask = 0
        #: their order
        self.frameworks = frameworks

    @property
    def is_needed(self) -> bool:
        return bool(self.children or self.slots or self.reserved) or self.weight != DEFAULT_WEIGHT


class RoleTree:
    """All roles by path; a new role asks ``new_sorter`` for the order of its frameworks."""

    def __init__(self, new_sorter: Callable[[], Sorter[Slot]]) -> None:
        self._new_sorter = new_sorter
        self._roles: dict[str, Role] = {}

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
        mask, stack = 0, [role] if role is not None else []
        while stack:
            role = stack.pop()
            mask |= role.mask
            stack += role.children.values()
        return mask

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

    def reserve(self, total: Resources) -> None:
        """An agent with these reservations has come."""
        for path, quantities in _reserved(total):
            node: Role | None = self.ensure(path)
            while node is not None:
                node.reserved += quantities
                node = node.parent

    def unreserve(self, total: Resources) -> None:
        """An agent with these reservations has gone."""
        for path, quantities in _reserved(total):
            role = self._roles[path]
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


def _reserved(total: Resources) -> list[tuple[str, Quantities]]:
    """Reserved scalars by role. A role with only ranges or sets reserved has nothing to count (MESOS-9555)."""
    groups = total.reservations().items()
    return [(path, quantities) for path, resources in groups if (quantities := resources.quantities())]
