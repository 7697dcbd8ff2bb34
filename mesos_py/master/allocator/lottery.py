"""Offers in random order, weighted: over time everybody gets what its weight says, whatever it holds.

Source: Mesos src/master/allocator/mesos/sorter/random/sorter.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mesos_py.algebra.resources import Resources
from mesos_py.master.allocator.sorter import C, Node, Random, Tree
from mesos_py.wire.ids import AgentID


class RandomSorter(Tree[C]):
    """A weighted shuffle. A leaf's chance is its ancestors' relative weights multiplied with its own."""

    def __init__(self, rng: Random, *, nested: bool = True) -> None:
        super().__init__()
        self._rng = rng
        self._nested = nested

    def allocated(self, path: str, agent_id: AgentID, resources: Resources) -> None:
        self._change(path, agent_id, resources, +1)

    def unallocated(self, path: str, agent_id: AgentID, resources: Resources) -> None:
        self._change(path, agent_id, resources, -1)

    def updated(self, path: str, agent_id: AgentID, old: Resources, new: Resources) -> None:
        self._change(path, agent_id, old, -1)
        self._change(path, agent_id, new, +1)

    def order(self) -> Iterable[C]:
        return [node.client for node in self._shuffled(self._chances())]  # type: ignore[misc]

    def ordered(self, paths: Iterable[str]) -> Sequence[C]:
        """Draws among these only, which gives them the order they would have among all."""
        wanted = {id(self._leaves[path]) for path in paths}
        chances = [entry for entry in self._chances() if id(entry[1]) in wanted]
        return [node.client for node in self._shuffled(chances)]  # type: ignore[misc]

    def _change(self, path: str, agent_id: AgentID, resources: Resources, sign: int) -> None:
        node = self._leaves[path]
        while node.parent is not None:
            node.add(agent_id, resources, sign)
            node = node.parent

    def _chances(self) -> list[tuple[float, Node[C]]]:
        """(chance, leaf) of the active leaves."""
        found: list[tuple[float, Node[C]]] = []
        stack = [(1.0, self._root)]
        while stack:
            chance, node = stack.pop()
            if not node.children:
                found.append((chance, node))
                continue
            living = [child for child in node.children.values() if _has_active(child)]
            weights = sum(child.weight for child in living)
            stack += [(chance * child.weight / weights, child) for child in living]
        return [entry for entry in found if entry[1].active]

    def _shuffled(self, chances: list[tuple[float, Node[C]]]) -> list[Node[C]]:
        """Repeated draws without replacement: the order of u**(1/weight), descending, is distributed like that."""
        draws = [(self._rng.random() ** (1.0 / chance), node.path, node) for chance, node in chances]
        draws.sort(key=lambda draw: (-draw[0], draw[1]))
        return [node for _, _, node in draws]


def _has_active(node: Node[Any]) -> bool:
    return node.active or any(map(_has_active, node.children.values()))
