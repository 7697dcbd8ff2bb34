"""The places where records can be kept, with a way in behind the back of whoever owns them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import uuid
from pathlib import Path
from typing import Any, Protocol

from mesos_py.coordination import Archive, Key
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.ledger import LEDGER_KEY
from mesos_py.coordination.memory import MemoryDisk, MemoryRecords
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.coordination.zookeeper.client import ANY_VERSION, NodeExists, Unknown
from mesos_py.coordination.zookeeper.election import ZooKeeperElector
from mesos_py.coordination.zookeeper.layout import Layout
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import Session
from tests.coordination.arenas import info
from tests.coordination.model import Model


async def candidacy(session: Session) -> str:
    """The znode of a candidate that lasts as long as the session."""
    elector = ZooKeeperElector(session)
    await elector.contend(info(uuid.uuid4().hex))
    return elector.candidacy


async def put(session: Session, path: str, data: bytes) -> None:
    """The znode holds ``data``, whether it was there or not, however often the connection breaks meanwhile."""
    while True:
        is_there = await session.owner(path) is not None
        with contextlib.suppress(Unknown, NodeExists):
            await session.transact([("set", path, data, ANY_VERSION) if is_there else ("create", path, data)])
            return


class Place(Protocol):
    """Somewhere records outlive their owners."""

    async def records(self) -> Archive:
        """A further owner, with nothing of the others in its memory."""
        ...

    async def kept(self, key: Key) -> bytes:
        """What stands there for ``key`` (or LEDGER_KEY), sealed."""
        ...

    async def put(self, key: Key, data: bytes | None) -> None:
        """Write past all owners; None removes."""
        ...

    async def close(self) -> None: ...


async def survivors(place: Place) -> dict[Key, bytes]:
    """What somebody finds who takes over."""
    return await (await place.records()).load()


class MemoryPlace:
    def __init__(self) -> None:
        self.disk = MemoryDisk()

    async def records(self) -> Archive:
        return MemoryRecords(self.disk)

    async def kept(self, key: Key) -> bytes:
        return self.disk.ledger if key == LEDGER_KEY else self.disk.kept[key]

    async def put(self, key: Key, data: bytes | None) -> None:
        if key == LEDGER_KEY:
            self.disk.ledger = data or b""
        elif data is None:
            del self.disk.kept[key]
        else:
            self.disk.kept[key] = data

    async def close(self) -> None:
        """Nothing is held."""


class SqlitePlace:
    def __init__(self, directory: Path) -> None:
        self.path = directory / "registry.db"
        self._owners: list[SqliteRecords] = []

    async def records(self) -> Archive:
        self._owners.append(SqliteRecords(str(self.path)))
        return self._owners[-1]

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.path) as database:
            found = database.execute(text, values).fetchall()
        database.close()
        return found

    async def kept(self, key: Key) -> bytes:
        if key == LEDGER_KEY:
            rows = self.sql("SELECT data FROM ledger")
        else:
            rows = self.sql("SELECT data FROM records WHERE kind = ? AND name = ?", *key)
        data: bytes = rows[0][0]
        return data

    async def put(self, key: Key, data: bytes | None) -> None:
        if key == LEDGER_KEY:
            self.sql("DELETE FROM ledger")
            if data is not None:
                self.sql("INSERT INTO ledger VALUES (1, ?)", data)
        elif data is None:
            self.sql("DELETE FROM records WHERE kind = ? AND name = ?", *key)
        else:
            self.sql("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", *key, data)

    async def close(self) -> None:
        for owner in self._owners:
            await owner.close()


class ZooKeeperPlace:
    """Every owner has a session and a candidacy of its own; all of them last until the end of the test."""

    def __init__(self, address: ZooKeeperAddress, timeout_s: float = 6.0, model: Model | None = None) -> None:
        """``model``: the simulator's ensemble instead of the real one."""
        self.address = address
        self._timeout_s = timeout_s
        self._model = model
        self._sessions: list[Session] = []

    async def session(self) -> Session:
        if self._model is not None:
            session = self._model.session(self._timeout_s)
        else:
            session = Session(self.address, timeout_s=self._timeout_s)
        await session.__aenter__()
        self._sessions.append(session)
        return session

    async def records(self) -> ZooKeeperRecords:
        session = await self.session()
        return ZooKeeperRecords(session, await candidacy(session))

    def path(self, key: Key) -> str:
        layout = Layout(self.address.path)
        return layout.ledger if key == LEDGER_KEY else layout.path(key)

    async def kept(self, key: Key) -> bytes:
        data, _ = await self._sessions[0].get(self.path(key))
        return data

    async def put(self, key: Key, data: bytes | None) -> None:
        session, path = self._sessions[0], self.path(key)
        if data is None:
            await session.delete(path)
        else:
            await put(session, path, data)

    async def close(self) -> None:
        await asyncio.gather(*(session.__aexit__(None, None, None) for session in self._sessions))
