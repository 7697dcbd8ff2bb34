"""Dominant resource fairness: who has least of what it has most of is next.

A client's share is the largest of its parts of the cluster's scalars (of cpus, mem, disk, whatever it has most of),
divided by its weight. Equal shares are ordered by how often the client was allocated something, then by path.

The order is never computed anew as long as only allocations change: every inner node keeps its children in a sorted
list, and an allocation moves one entry per level (bisect). Only a change of the cluster's total, of a weight or of
who takes part makes the next look sort again. Shares are floats that are compared, never summed; what is summed are
ints.

Source: Mesos src/master/allocator/mesos/sorter/drf/sorter.cpp.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence

from mesos_py.algebra.resources import Resources
from mesos_py.master.allocator.sorter import C, ClusterTotal, Node, Tree
from mesos_py.wire.ids import AgentID


class DRFSorter(Tree[C]):
    """``nested=False`` takes paths as plain names."""

    def __init__(self, total: ClusterTotal, *, nested: bool = True) -> None:
        super().__init__()
        self._total = total
        self._seen = total.version
        self._nested = nested

    def allocated(self, path: str, agent_id: AgentID, resources: Resources) -> None:
        self._change(path, agent_id, resources, +1, counts=1)

    def unallocated(self, path: str, agent_id: AgentID, resources: Resources) -> None:
        self._change(path, agent_id, resources, -1, counts=0)

    def updated(self, path: str, agent_id: AgentID, old: Resources, new: Resources) -> None:
        """What the client holds has been converted; not an allocation."""
        self._change(path, agent_id, old, -1, counts=0)
        self._change(path, agent_id, new, +1, counts=0)

    def share(self, path: str) -> float:
        """Weighted dominant share of a client, 0 to 1 (over its weight)."""
        return self._share(self._leaves[path])

    def order(self) -> Iterable[C]:
        self._refresh()
        return self._walk(self._root)

    def ordered(self, paths: Iterable[str]) -> Sequence[C]:
        self._refresh()
        nodes = sorted((self._leaves[path] for path in paths), key=self._place)
        return [node.client for node in nodes]  # type: ignore[misc]

    # ---- how

    def _change(self, path: str, agent_id: AgentID, resources: Resources, sign: int, *, counts: int) -> None:
        node: Node[C] = self._leaves[path]
        fresh = self._seen == self._total.version
        while (parent := node.parent) is not None:
            node.add(agent_id, resources, sign)
            node.count += counts
            if fresh and not parent.stale and (node.active or node.children):
                self._move(parent.order, node)
            else:
                parent.stale = True
            node = parent

    def _move(self, order: list[tuple[float, int, str, Node[C]]], node: Node[C]) -> None:
        old = node.key
        node.key = (self._share(node), node.count, node.path, node)
        if len(order) > 1:
            del order[bisect_left(order, old)]
            insort(order, node.key)
        else:
            order[0] = node.key

    def _share(self, node: Node[C]) -> float:
        best = 0.0
        sums = node.sums
        for name, total in self._total.amounts:
            held = sums.get(name)
            if held:
                share = held / total
                best = max(best, share)
        return best / node.weight

    def _refresh(self) -> None:
        """After the total has changed no share and no order is what it was."""
        if self._seen != self._total.version:
            self._seen = self._total.version
            stack = [self._root]
            while stack:
                node = stack.pop()
                node.stale = True
                stack += [child for child in node.children.values() if child.children]

    def _sort(self, node: Node[C]) -> None:
        node.order = []
        for child in node.children.values():
            if child.active or child.children:
                child.key = (self._share(child), child.count, child.path, child)
                node.order.append(child.key)
        node.order.sort()
        node.stale = False

    def _walk(self, node: Node[C]) -> Iterator[C]:
        if node.stale:
            self._sort(node)
        for key in tuple(node.order):
            child = key[3]
            if child.children:
                yield from self._walk(child)
            else:
                yield child.client  # type: ignore[misc]

    def _place(self, node: Node[C]) -> tuple[tuple[float, int, str], ...]:
        """A key that orders leaves as a walk of the tree would."""
        places = []
        current = node
        while current.parent is not None:
            if current.parent.stale:
                self._sort(current.parent)
            places.append(current.key[:3])
            current = current.parent
        return tuple(reversed(places))

    def check(self) -> None:
        """Sums are those of the children, and lists that claim to be sorted are."""
        stack = [self._root]
        while stack:
            node = stack.pop()
            stack += node.children.values()
            if not node.stale and self._seen == self._total.version:
                keys = [
                    (self._share(child), child.count, child.path, child)
                    for child in node.children.values()
                    if child.active or child.children
                ]
                assert node.order == sorted(keys), f"order of '{node.path}'"
            if node.children and node.parent is not None:
                for name, amount in node.sums.items():
                    assert amount >= sum(0 if c.shared else c.sums.get(name, 0) for c in node.children.values())
