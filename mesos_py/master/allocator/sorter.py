"""In which order roles, and frameworks within a role, are offered resources: what all sorters have in common.

``drf.DRFSorter``        least dominant share first
``lottery.RandomSorter`` a weighted shuffle

Clients are paths and form a tree; siblings are ordered among themselves by what their whole subtrees hold::

    root ─┬─ eng ─┬─ .     the client "eng" itself, once it has children: a virtual leaf that competes with them
          │       └─ web   the client "eng/web"
          └─ ops           the client "ops"

Sources: Mesos src/master/allocator/mesos/sorter/sorter.hpp and its two implementations.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from mesos_py.algebra.quantities import Milli, Quantities
from mesos_py.algebra.resources import Resources
from mesos_py.master.allocator.sums import Sums
from mesos_py.wire.ids import AgentID

C = TypeVar("C")


class Random(Protocol):
    """The part of random.Random the allocator uses."""

    def random(self) -> float: ...


class ClusterTotal:
    """The scalars of all agents together; shared by all sorters, who watch ``version``."""

    __slots__ = ("_excluded", "amounts", "quantities", "version")

    def __init__(self, fairness_exclude: Collection[str] = ()) -> None:
        self._excluded = tuple(fairness_exclude)
        self.quantities = Quantities()
        #: what shares are measured against: (name, amount), without names excluded from fairness
        self.amounts: tuple[tuple[str, Milli], ...] = ()
        self.version = 0

    def add(self, quantities: Quantities) -> None:
        self._set(self.quantities + quantities)

    def subtract(self, quantities: Quantities) -> None:
        self._set(self.quantities - quantities)

    def _set(self, quantities: Quantities) -> None:
        self.quantities = quantities
        self.amounts = tuple([entry for entry in quantities.items() if entry[0] not in self._excluded])
        self.version += 1


class Sorter(Protocol[C]):
    """Clients are added inactive; only active ones are ordered, but what the others hold counts in their ancestors."""

    def add(self, path: str, client: C) -> None: ...

    def remove(self, path: str) -> None: ...

    def activate(self, path: str) -> None: ...

    def deactivate(self, path: str) -> None: ...

    def set_weight(self, path: str, weight: float) -> None: ...

    def allocated(self, path: str, agent_id: AgentID, resources: Resources) -> None: ...

    def unallocated(self, path: str, agent_id: AgentID, resources: Resources) -> None: ...

    def updated(self, path: str, agent_id: AgentID, old: Resources, new: Resources) -> None: ...

    def held(self, path: str) -> Quantities: ...

    def below(self, path: str) -> Quantities: ...

    def total(self) -> Quantities: ...

    def order(self) -> Iterable[C]:
        """Every active client, best first. Later changes do not disturb an iteration that has begun."""
        ...

    def ordered(self, paths: Iterable[str]) -> Sequence[C]:
        """The clients at these paths (all active) in the order they have in ``order()``; for few of many."""
        ...


class Node(Sums, Generic[C]):
    """A role or framework (leaf with a client), or an ancestor of some (inner, with children).

    The sums are what the subtree holds (of the root: not kept).
    """

    __slots__ = ("active", "children", "client", "count", "key", "order", "parent", "path", "stale", "weight")

    def __init__(self, path: str, parent: Node[C] | None, weight: float) -> None:
        super().__init__()
        self.path, self.parent, self.weight = path, parent, weight
        #: by last component of the path
        self.children: dict[str, Node[C]] = {}
        #: what a leaf stands for
        self.client: C | None = None
        self.active = False
        #: allocations made to the subtree so far; never decreases
        self.count = 0
        #: place among the siblings
        self.key: tuple[float, int, str, Node[C]] = (0.0, 0, path, self)
        #: keys of inner and active children, ascending, unless ``stale``
        self.order: list[tuple[float, int, str, Node[C]]] = []
        self.stale = False


class Tree(Generic[C]):
    """What the sorters share: paths, the virtual leaf, weights, sums."""

    def __init__(self) -> None:
        self._root: Node[C] = Node("", None, 1.0)
        self._leaves: dict[str, Node[C]] = {}
        self._weights: dict[str, float] = {}
        #: changes with who is there, who is active and what weighs how much
        self.version = 0

    def __contains__(self, path: str) -> bool:
        return path in self._leaves

    def __len__(self) -> int:
        return len(self._leaves)

    def leaf(self, path: str) -> Node[C]:
        return self._leaves[path]

    def held(self, path: str) -> Quantities:
        """What a client holds."""
        return Quantities(self._leaves[path].sums)

    def below(self, path: str) -> Quantities:
        """What all clients at the path and below it hold."""
        node: Node[C] | None = self._root
        for component in self._components(path):
            node = node.children.get(component) if node is not None else None
        return Quantities(node.sums) if node is not None else Quantities()

    def total(self) -> Quantities:
        """What all clients hold together; for metrics, hence summed when asked for."""
        together: Node[C] = Node("", None, 1.0)
        for node in self._root.children.values():
            for name, amount in node.sums.items():
                together.sums[name] = together.sums.get(name, 0) + amount
            for shared, copies in node.shared.items():
                if shared in together.shared:
                    together.sums[shared[1].name] -= int(shared[1].whole)  # type: ignore[arg-type]
                together.shared[shared] = copies
        return Quantities(together.sums)

    def add(self, path: str, client: C) -> None:
        """A new, inactive client that holds nothing."""
        self.version += 1
        node = self._root
        for component in self._components(path):
            if node.client is not None:
                self._push_down(node)
            child = node.children.get(component)
            if child is None:
                child = self._child(node, component)
            node = child
        if node.children:  # it is an ancestor of others: the client lives in a virtual leaf
            node = self._child(node, ".")
        node.client, node.active = client, False
        self._leaves[path] = node

    def remove(self, path: str) -> None:
        """The client is gone; it must hold nothing. Ancestors that have lost their last leaf go with it."""
        self.version += 1
        node = self._leaves.pop(path)
        node.client = None
        while node.parent is not None and not node.children:
            parent = node.parent
            del parent.children[node.path.rpartition("/")[2] if self._nested else node.path]
            parent.stale = True
            node = parent
        self._collapse(node)

    def activate(self, path: str) -> None:
        self._set_active(self._leaves[path], True)

    def deactivate(self, path: str) -> None:
        self._set_active(self._leaves[path], False)

    def set_weight(self, path: str, weight: float) -> None:
        """Of a client or an ancestor, now or when it appears; 1 forgets it."""
        if weight == 1.0:
            self._weights.pop(path, None)
        else:
            self._weights[path] = weight
        self.version += 1
        node: Node[C] | None = self._root
        for component in self._components(path):
            node = node.children.get(component) if node is not None else None
        if node is not None and node.parent is not None:
            node.weight = weight
            node.parent.stale = True

    #: whether "/" separates levels; framework ids are flat
    _nested = True

    def _components(self, path: str) -> Sequence[str]:
        return path.split("/") if self._nested else (path,)

    def _child(self, parent: Node[C], component: str) -> Node[C]:
        path = f"{parent.path}/{component}" if parent.path else component
        child = parent.children[component] = Node(path, parent, self._weights.get(path, 1.0))
        parent.stale = True
        return child

    def _push_down(self, node: Node[C]) -> None:
        """A leaf becomes an inner node: its client moves to a virtual leaf that inherits what it holds."""
        leaf = self._child(node, ".")
        leaf.client, leaf.active, leaf.count = node.client, node.active, node.count
        leaf.copy_from(node)
        self._leaves[node.path] = leaf
        node.client, node.active = None, False
        assert node.parent is not None
        node.parent.stale = True  # inner nodes are in its order whether active or not

    def _collapse(self, node: Node[C]) -> None:
        """An inner node whose only child is its virtual leaf is a leaf again."""
        if node.parent is None or tuple(node.children) != (".",):
            return
        leaf = node.children.pop(".")
        node.client, node.active, node.order = leaf.client, leaf.active, []
        self._leaves[node.path] = node
        node.parent.stale = True

    def _set_active(self, node: Node[C], active: bool) -> None:
        if node.active != active:
            self.version += 1
            node.active = active
            if node.parent is not None:
                node.parent.stale = True
