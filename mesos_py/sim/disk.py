"""What processes keep: records of a master that has no rivals, facts of an agent, on disks that take their time.

What was not committed when a process is killed is gone; a commit under way is kept or lost as a whole, whichever
moment the kill comes at. That is what SQLite in WAL mode with ``synchronous=FULL`` promises.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from mesos_py.coordination import Changes, Key
from mesos_py.coordination.memory import MemoryDisk, MemoryRecords
from mesos_py.machine.values import SECOND, Nanos


class SlowRecords:
    """Records on a disk that outlives their owner."""

    def __init__(self, disk: MemoryDisk, rng: random.Random, latency_max: Nanos) -> None:
        self._records = MemoryRecords(disk)
        self._rng, self._latency_max = rng, latency_max

    async def load(self) -> dict[Key, bytes]:
        await self._pass()
        return await self._records.load()

    async def commit(self, changes: Changes) -> None:
        """Kept at some moment in between."""
        await self._pass()
        await self._records.commit(changes)
        await self._pass()

    async def is_owner(self) -> bool:
        return await self._records.is_owner()

    async def close(self) -> None:
        """The disk stays."""

    async def _pass(self) -> None:
        await asyncio.sleep(self._rng.random() * self._latency_max / SECOND / 2)


class SimStore:
    """Keeps facts after a while."""

    def __init__(self, rng: random.Random, latency_max: Nanos) -> None:
        self._rng, self._latency_max = rng, latency_max
        self.facts: list[Any] = []

    async def commit(self, writes: Sequence[Any]) -> None:
        await asyncio.sleep(self._rng.random() * self._latency_max / SECOND)
        self.facts += writes
