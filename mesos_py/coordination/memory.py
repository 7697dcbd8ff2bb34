"""A store that survives its owner but not its process: for tests, simulations and clusters meant to be thrown away.

Mesos: --registry=in_memory (src/master/main.cpp, InMemoryStorage).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesos_py.coordination import StoreFailed


class MemoryStore:
    """Keeps facts in a list. ``fence`` makes every later commit fail, as the loss of leadership does."""

    def __init__(self) -> None:
        self._facts: list[Any] = []
        self._fenced = False

    async def load(self) -> Sequence[Any]:
        return tuple(self._facts)

    async def commit(self, writes: Sequence[Any]) -> None:
        if self._fenced:
            raise StoreFailed("another owner has taken over")
        self._facts += writes

    def fence(self) -> None:
        self._fenced = True
