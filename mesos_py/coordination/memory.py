"""A store that survives its owner but not its process: for tests, simulations and clusters meant to be thrown away.

Mesos: --registry=in_memory (src/master/main.cpp, InMemoryStorage).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mesos_py.coordination import StoreFailed

FOLD_ABOVE = 10_000  # facts kept before they are folded; some MB

Fold = Callable[[Sequence[Any]], Sequence[Any]]
"""Fewer facts that amount to the same."""


class MemoryStore:
    """Keeps facts in a list. ``fence`` makes every later commit fail, as the loss of leadership does."""

    def __init__(self, *, fold: Fold | None = None, fold_above: int = FOLD_ABOVE) -> None:
        self._facts: list[Any] = []
        self._fold, self._fold_above = fold, fold_above
        self._fenced = False

    async def load(self) -> Sequence[Any]:
        return tuple(self._facts)

    async def commit(self, writes: Sequence[Any]) -> None:
        if self._fenced:
            raise StoreFailed("another owner has taken over")
        self._facts += writes
        if self._fold is not None and len(self._facts) > self._fold_above:
            self._facts = list(self._fold(self._facts))

    def fence(self) -> None:
        self._fenced = True
