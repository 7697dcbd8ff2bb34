"""What a framework keeps: its id, its tasks, and the program's own records, where the kernel keeps its registry.

    memory                       for as long as the process lives
    sqlite:PATH                  a file; another process that opens it takes over, and the first one is fenced off
    zk://host:2181/path          in ZooKeeper; another instance waits until the first one has ended (``elected``)
    (nothing)                    a file of the host's choice, one for each name of a framework and master

The records and their fences are ``coordination``'s; see its ``Records``.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import structlog

from mesos_py.coordination import Damaged, Fenced, Key, Records, StoreFailed
from mesos_py.coordination.address import ZooKeeperAddress, parse_address
from mesos_py.coordination.memory import MemoryRecords
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.coordination.sqlite_file import Purpose
from mesos_py.sdk.elected import ElectedRecords
from mesos_py.sdk.session.asking import TASK
from mesos_py.sdk.session.connecting import OWN
from mesos_py.sdk.session.words import Keep

log = structlog.get_logger(__name__)

PURPOSE = Purpose("store", "framework", "remove it to start as a new framework", 0x4D455346)  # "MESF"
LOOK_EVERY_S = 2.0  # whose the records are
_UNFIT = re.compile(r"[^\w.-]+")


class FrameworkStore:
    """What a session's driver commits to."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def load(self) -> dict[Key, bytes]:
        """Take over; everything earlier runs have kept. Of a task whose record is damaged, and was spared, nothing but
        its id. Raises Corrupt, StoreFailed."""
        kept = await self._records.load()
        damaged = [key for key, contents in kept.items() if isinstance(contents, Damaged)]
        for key in damaged:
            log.error("record is damaged", kind=key[0], name=key[1])
        return {**kept, **{key: b"" for key in damaged if key[0] == TASK}}

    async def commit(self, writes: Sequence[Keep]) -> None:
        """All of ``writes`` survive from now on. Raises Fenced, StoreFailed."""
        changes: dict[Key, bytes | None] = {}
        for write in writes:
            changes[write.key] = write.contents
        await self._records.commit(changes)

    async def hold(self) -> NoReturn:
        """For as long as it is ours. Raises Fenced once somebody else has taken over, StoreFailed."""
        while True:
            if not await self._records.is_owner():
                raise Fenced("another instance has taken over what we keep: it is the framework now")
            await asyncio.sleep(LOOK_EVERY_S)

    async def close(self) -> None:
        await self._records.close()


async def open_records(place: str, framework: str, master: str) -> Records:
    """The records at ``place``. Raises StoreFailed, ValueError."""
    if place == "memory":
        return MemoryRecords()
    if place == "":
        place = f"sqlite:{_usual_place(framework, master)}"
    if place.startswith("sqlite:"):
        path = Path(place.removeprefix("sqlite:")).absolute()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFailed(f"the store {path} cannot be made: {error}") from error
        return SqliteRecords(str(path), PURPOSE)
    if place.startswith("zk://"):
        address = parse_address(place)
        assert isinstance(address, ZooKeeperAddress)
        return ElectedRecords(address, f"{framework}@{socket.gethostname()}:{os.getpid()}")
    raise ValueError(f"'{place}' is no place to keep things: use memory, sqlite:PATH or zk://host:port/path")


def _usual_place(framework: str, master: str) -> Path:
    """Where users' programs keep their state (XDG)."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(state) / "mesos-py" / f"{_UNFIT.sub('-', framework)}@{_UNFIT.sub('-', master)}.store"


def spare(records: Records) -> Records:
    """From now on those of its tasks and the program's own need not be sound; the framework's id must be."""
    if isinstance(records, SqliteRecords | ElectedRecords):
        records.spares = lambda key: key[0] in (TASK, OWN)
    return records
