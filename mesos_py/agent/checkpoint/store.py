"""Where an agent keeps what must survive it: one SQLite file in its work directory.

::

    Driver --facts--> CheckpointStore --changed records--> Records

A commit is one transaction and one fsync for all that has happened since the last one. Mesos writes a file for each
thing, ten for a task (src/slave/state.cpp).

A full disk is not the end: the store lets go of its ballast, tells so (nothing new is begun then), and tries again
until the commit is made. When there is space for the ballast again, that is told, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog

from mesos_py.agent.checkpoint import records as checkpoint
from mesos_py.agent.checkpoint.ballast import Ballast
from mesos_py.coordination import Corrupt, Key, NoRoom, Records
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.coordination.sqlite_file import Purpose
from mesos_py.wire.checkpoint import AgentState

META = "meta"  # below the work directory; Mesos: src/slave/paths.hpp
FILE = "agent.db"
BALLAST_FILE = "ballast"
PAUSE_FIRST_S, PAUSE_MAX_S = 0.1, 5.0  # between attempts to commit on a full disk
LOOK_S = 2.0  # between looks for space
ENCODED_AT_ONCE = 200  # facts, in some 2 ms
#: what to do about a file that cannot be used
REMEDY = "remove it to start as a new agent, whose predecessor's tasks are destroyed"
PURPOSE = Purpose("checkpoint", "agent", REMEDY, 0x4D455341, "slaves")  # "MESA"; mesos src/slave/paths.hpp

log = structlog.get_logger(__name__)


def open_records(work_dir: str) -> SqliteRecords:
    """The records of the agent whose work directory it is. Raises OSError."""
    os.makedirs(os.path.join(work_dir, META), exist_ok=True)
    return SqliteRecords(os.path.join(work_dir, META, FILE), PURPOSE)


def open_store(work_dir: str, on_room: Callable[[bool], None]) -> CheckpointStore:
    """The store of that agent. Raises OSError."""
    return CheckpointStore(open_records(work_dir), Ballast(os.path.join(work_dir, META, BALLAST_FILE)), on_room)


class Kept(Records, Protocol):
    """Records that can be read in part."""

    #: for messages
    path: str

    async def salvage(self) -> tuple[dict[Key, bytes], list[str]]:
        """Take over what can be read, and say what is wrong with the rest, which is gone then. Raises StoreFailed."""
        ...


class Weight(Protocol):
    """What can be let go of to make room; see ``ballast``."""

    async def take(self) -> bool: ...

    async def release(self) -> None: ...


class CheckpointStore:
    """What an agent's driver commits to. ``load`` and ``replace`` first; ``watch`` runs beside it."""

    def __init__(self, records: Kept, ballast: Weight, on_room: Callable[[bool], None]) -> None:
        """``on_room`` is told when the disk is full, and when it is not any more."""
        self._records, self._ballast = records, ballast
        self._on_room = on_room
        self._has_room = True
        self._is_full = asyncio.Event()
        self._kept: dict[Key, bytes] = {}

    async def load(self) -> AgentState:
        """Take over; returns what former runs have kept. Raises Corrupt, NoRoom, StoreFailed."""
        try:
            self._kept = await self._records.load()
        except NoRoom:
            await self._ballast.release()
            self._kept = await self._records.load()
        try:
            return checkpoint.state_of(self._kept)
        except checkpoint.Unreadable as error:
            raise Corrupt(f"{self._records.path}: {error}; {REMEDY}") from error

    async def salvage(self) -> tuple[AgentState, list[str]]:
        """The same as far as it can be read, and what is wrong with the rest. Raises StoreFailed."""
        try:
            return await self.load(), []
        except Corrupt as error:
            first = str(error)
        try:
            self._kept, problems = await self._records.salvage()
        except Corrupt:
            await asyncio.to_thread(_set_aside, self._records.path)
            return await self.load(), [first]
        state, more = checkpoint.readable(self._kept)
        return state, problems + more or [first]

    async def replace(self, state: AgentState) -> None:
        """What is kept is ``state`` from now on. Raises NoRoom, StoreFailed."""
        kept, self._kept = self._kept, {}
        wanted = checkpoint.records_of(state)
        changes: dict[Key, bytes | None] = {key: None for key in kept if key not in wanted}
        changes |= {key: contents for key, contents in wanted.items() if kept.get(key) != contents}
        try:
            await self._records.commit(changes)
        except NoRoom:
            await self._ballast.release()
            await self._records.commit(changes)

    async def commit(self, writes: Sequence[Any]) -> None:
        """All of ``writes`` survive from now on, however long it takes to find space for them. Raises StoreFailed."""
        changes = await _encoded(writes)
        pause_s = 0.0
        while True:
            try:
                await self._records.commit(changes)
                return
            except NoRoom as error:
                log.error("disk full", error=str(error), again_s=pause_s)
                if self._has_room:
                    await self._ballast.release()
                    self._turn(False)  # not before: whoever looks for space must not find the ballast
            await asyncio.sleep(pause_s)
            pause_s = min(max(2 * pause_s, PAUSE_FIRST_S), PAUSE_MAX_S)

    async def watch(self) -> None:
        """Look for space for the ballast: now, and whenever it is gone. Never ends."""
        while True:
            if not await self._ballast.take():
                self._turn(False)
                await asyncio.sleep(LOOK_S)
                continue
            self._turn(True)
            self._is_full.clear()
            await self._is_full.wait()

    def _turn(self, has_room: bool) -> None:
        if has_room is self._has_room:
            return
        self._has_room = has_room
        if not has_room:
            self._is_full.set()
        log.warning("there is room again" if has_room else "no room: nothing new is begun", path=self._records.path)
        self._on_room(has_room)

    async def close(self) -> None:
        """Let go of the records."""
        await self._records.close()


async def _encoded(writes: Sequence[Any]) -> dict[Key, bytes | None]:
    """The records they change; thousands of facts at once do not keep the loop from everything else."""
    changes: dict[Key, bytes | None] = {}
    for start in range(0, len(writes), ENCODED_AT_ONCE):
        if start:
            await asyncio.sleep(0)
        changes |= checkpoint.changes(writes[start : start + ENCODED_AT_ONCE])
    return changes


def _set_aside(path: str) -> None:
    """The file is there under another name, for whoever wants to look at it."""
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + end, f"{path}.damaged{end}")
