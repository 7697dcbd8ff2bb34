"""Where a core's facts are kept: the port, and its implementations.

A ``Store`` holds what was written, in order, for one owner (a master, a framework). ``commit`` returns when the facts
survive whatever the store is meant to survive; it raises when it cannot promise that, and then the owner must stop:
it does not know any more what is true. ``load`` gives back every fact that was committed, oldest first, or what they
fold into; only the one who leads may call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class StoreFailed(Exception):
    """The facts may or may not have been kept."""


class Store(Protocol):
    """What ``machine.driver.Driver`` commits to, and what a new owner starts from."""

    async def load(self) -> Sequence[Any]:
        """Every fact committed so far, oldest first. Raises StoreFailed."""
        ...

    async def commit(self, writes: Sequence[Any]) -> None:
        """All of ``writes`` or none of them survive from now on. Raises StoreFailed."""
        ...
