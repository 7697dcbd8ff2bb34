"""Where an agent keeps what must survive it: one SQLite file in its work directory.

::

    Driver --facts--> CheckpointStore --changed records--> Records

A commit is one transaction and one fsync for all that has happened since the last one. Mesos writes a file for each
thing, ten for a task (src/slave/state.cpp).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from typing import Any

from mesos_py.agent import checkpoint
from mesos_py.coordination import Corrupt, Key
from mesos_py.coordination.sqlite import Purpose, SqliteRecords
from mesos_py.wire.checkpoint import AgentState

META = "meta"  # below the work directory; Mesos: src/slave/paths.hpp
FILE = "agent.db"
#: what to do about a file that cannot be used
REMEDY = "remove it to start as a new agent, whose predecessor's tasks are destroyed"
PURPOSE = Purpose("checkpoint", "agent", REMEDY, 0x4D455341, "slaves")  # "MESA"; mesos src/slave/paths.hpp


def open_records(work_dir: str) -> SqliteRecords:
    """The records of the agent whose work directory it is. Raises OSError."""
    os.makedirs(os.path.join(work_dir, META), exist_ok=True)
    return SqliteRecords(os.path.join(work_dir, META, FILE), PURPOSE)


class CheckpointStore:
    """What an agent's driver commits to. ``load`` and ``replace`` first."""

    def __init__(self, records: SqliteRecords) -> None:
        self._records = records
        self._kept: dict[Key, bytes] = {}

    async def load(self) -> AgentState:
        """Take over; returns what former runs have kept. Raises Corrupt, StoreFailed."""
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
        """What is kept is ``state`` from now on. Raises StoreFailed."""
        kept, self._kept = self._kept, {}
        wanted = checkpoint.records_of(state)
        changes: dict[Key, bytes | None] = {key: None for key in kept if key not in wanted}
        changes |= {key: contents for key, contents in wanted.items() if kept.get(key) != contents}
        await self._records.commit(changes)

    async def commit(self, writes: Sequence[Any]) -> None:
        """All of ``writes`` or none of them survive from now on. Raises StoreFailed."""
        await self._records.commit(checkpoint.changes(writes))

    async def close(self) -> None:
        """Let go of the records."""
        await self._records.close()


def _set_aside(path: str) -> None:
    """The file is there under another name, for whoever wants to look at it."""
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + end, f"{path}.damaged{end}")
