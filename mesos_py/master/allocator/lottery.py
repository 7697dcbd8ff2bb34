"""Offers in random order, weighted: over time everybody gets what its weight says, whatever it holds.

Source: Mesos src/master/allocator/mesos/sorter/random/sorter.cpp.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from mesos_py.algebra.resources import Resources
from mesos_py.master.allocator.sorter import C, Node, Random, Tree
from mesos_py.wire.ids import AgentID

MISSES_MAX = 8  # draws of somebody who was drawn before; then the rest is shuffled instead


class RandomSorter(Tree[C]):
    """A weighted shuffle. A leaf's chance is its ancestors' relative weights multiplied with its own."""

    def __init__(self, rng: Random, *, nested: bool = True) -> None:
        super().__init__()
        self._rng = rng
        self._nested = nested
        self._seen = -1
        self._found: list[tuple[float, Node[C]]] = []
        self._bounds: list[float] = []
        self._chance: dict[Node[C], float] = {}

    def allocated(self, path: str, agent_id: AgentID, resources: Resources) -> None:
        self._change(path, agent_id, resources, +1)

    def unallocated(self, path: str, agent_id: AgentID, resources: Resources) -> None:
        self._change(path, agent_id, resources, -1)

    def updated(self, path: str, agent_id: AgentID, old: Resources, new: Resources) -> None:
        self._change(path, agent_id, old, -1)
        self._change(path, agent_id, new, +1)

    def order(self) -> Iterable[C]:
        """Drawn one after the other, as far as somebody asks: mostly the first one takes all there is."""
        chances = self._chances()
        bounds, left = self._bounds, len(chances)
        drawn: dict[int, None] = {}
        misses = 0
        while left and misses < MISSES_MAX:
            number = min(bisect(bounds, self._rng.random() * bounds[-1]), len(bounds) - 1)
            if number in drawn:
                misses += 1
                continue
            drawn[number] = None
            left -= 1
            yield chances[number][1].client  # type: ignore[misc]
        rest = [entry for number, entry in enumerate(chances) if number not in drawn]
        for node in self._shuffled(rest):
            yield node.client  # type: ignore[misc]

    def ordered(self, paths: Iterable[str]) -> Sequence[C]:
        """Draws among these only, which gives them the order they would have among all."""
        self._chances()
        nodes = [self._leaves[path] for path in paths]
        return [node.client for node in self._shuffled([(self._chance[node], node) for node in nodes])]  # type: ignore[misc]

    def _change(self, path: str, agent_id: AgentID, resources: Resources, sign: int) -> None:
        node = self._leaves[path]
        while node.parent is not None:
            node.add(agent_id, resources, sign)
            node = node.parent

    def _chances(self) -> list[tuple[float, Node[C]]]:
        """(chance, leaf) of the active leaves; the same list until somebody comes, goes or weighs something else."""
        if self._seen != self.version:
            self._seen = self.version
            self._found = self._weighed()
            self._bounds = list(accumulate(chance for chance, _ in self._found))
            self._chance = {node: chance for chance, node in self._found}
        return self._found

    def _weighed(self) -> list[tuple[float, Node[C]]]:
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
