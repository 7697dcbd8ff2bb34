"""What processes keep: records of a master that has no rivals, facts of an agent, on disks that take their time.

What was not committed when a process is killed is gone; a commit under way is kept or lost as a whole, whichever
moment the kill comes at. That is what SQLite in WAL mode with ``synchronous=FULL`` promises.
"""

from __future__ import annotations

import asyncio
import enum
import random
from collections.abc import Callable

from mesos_py.coordination import Changes, Key, NoRoom
from mesos_py.coordination.memory import MemoryDisk, MemoryRecords
from mesos_py.machine.values import SECOND, Nanos


class SlowRecords:
    """Records on a disk that outlives their owner."""

    path = "the disk"

    def __init__(
        self, disk: MemoryDisk, rng: random.Random, latency_max: Nanos, has_room: Callable[[], bool] = lambda: True
    ) -> None:
        self._records = MemoryRecords(disk)
        self._rng, self._latency_max, self._has_room = rng, latency_max, has_room

    async def load(self) -> dict[Key, bytes]:
        await self._pass()
        return await self._records.load()

    async def commit(self, changes: Changes) -> None:
        """Kept at some moment in between. Raises NoRoom."""
        await self._pass()
        if not self._has_room():
            raise NoRoom(f"{self.path} is full")
        await self._records.commit(changes)
        await self._pass()

    async def is_owner(self) -> bool:
        return await self._records.is_owner()

    async def salvage(self) -> tuple[dict[Key, bytes], list[str]]:
        """Nobody asks for it: simulated agents are strict."""
        return await self.load(), []

    async def close(self) -> None:
        """The disk stays."""

    async def _pass(self) -> None:
        await asyncio.sleep(self._rng.random() * self._latency_max / SECOND / 2)


class Space(enum.Enum):
    """How much of a disk is left by those who use it, too."""

    PLENTY = "plenty"
    #: what an agent's ballast occupies, once it is let go of
    SCARCE = "scarce"
    NONE = "none"


class AgentDisk:
    """The disk of an agent's host: its records, and the ballast beside them (``agent/ballast.py``)."""

    def __init__(self, latency_max: Nanos) -> None:
        self._latency_max = latency_max
        self.kept = MemoryDisk()
        self.space = Space.PLENTY
        self.ballast = SimBallast(self)

    def records(self, rng: random.Random) -> SlowRecords:
        """For one more owner."""
        return SlowRecords(self.kept, rng, self._latency_max, self._has_room)

    def _has_room(self) -> bool:
        return self.space is Space.PLENTY or (self.space is Space.SCARCE and not self.ballast.is_held)


class SimBallast:
    """Takes up what little there is when others have taken the rest."""

    def __init__(self, disk: AgentDisk) -> None:
        self._disk = disk
        self.is_held = False

    async def take(self) -> bool:
        self.is_held |= self._disk.space is Space.PLENTY
        return self.is_held

    async def release(self) -> None:
        self.is_held = False
