"""Records in one SQLite file: a single master, or a whole cluster on one machine, outlives its process and its host.

One row per record, one row for the ledger, one transaction per commit. WAL with ``synchronous=FULL``: a commit that
returned survives the loss of power. The library is called in one thread of its own; nothing waits for a disk in the
loop.

A new file is made under another name and moved into place when it is complete. A file that is there but empty, cut
off or no registry is therefore damage, and is refused rather than started afresh.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import attrs

from mesos_py.coordination import Changes, Corrupt, Fenced, Key, NoRoom, StoreFailed
from mesos_py.coordination.ledger import Book, Change, Ledger, checksum_of, unseal

T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0  # another process in the middle of its commit

_SCHEMA = """
CREATE TABLE ledger (one INTEGER PRIMARY KEY CHECK (one = 1), data BLOB NOT NULL);
CREATE TABLE records (kind TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (kind, name))
    WITHOUT ROWID;
"""


@attrs.frozen
class Purpose:
    """What a file of records is for: another kind of file is refused, and errors say what to do."""

    #: in sentences: "the registry PATH is damaged"
    name: str
    owner: str
    remedy: str
    #: marks the file, as SQLite's PRAGMA application_id
    application_id: int
    #: where C++ Mesos keeps beside it what we must not overlook
    foreign: str


REGISTRY = Purpose(  # "MESP"; mesos src/master/main.cpp
    "registry", "master", "put a backup in its place", 0x4D455350, "replicated_log"
)


class SqliteRecords:
    """Records in the file ``path``; its directory must exist."""

    def __init__(self, path: str, purpose: Purpose = REGISTRY) -> None:
        self.path = path
        self._purpose = purpose
        self._named = f"the {purpose.name} {path}"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=purpose.name)
        self._database: sqlite3.Connection | None = None
        self._ledger: Ledger | None = None
        self._book: Book | None = None

    async def load(self) -> dict[Key, bytes]:
        return await self._in_thread(self._load)

    async def salvage(self) -> tuple[dict[Key, bytes], list[str]]:
        """Take over what can be read, and say what is wrong with the rest, which is gone then. Raises StoreFailed."""
        return await self._in_thread(self._salvage)

    async def commit(self, changes: Changes) -> None:
        await self._in_thread(lambda: self._commit(changes))

    async def close(self) -> None:
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.DatabaseError as error:
            raise self._explained(error) from error
        except OSError as error:
            raise StoreFailed(f"{self._named} cannot be used: {error.strerror or error}") from error

    def _explained(self, error: sqlite3.DatabaseError) -> StoreFailed:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return NoRoom(f"{self._named} cannot grow: {error}")
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT):
            return Corrupt(f"{self._named} is damaged ({error}); {self._purpose.remedy}")
        return StoreFailed(f"{self._named} cannot be used: {error}")

    # ---- in the thread

    def _load(self) -> dict[Key, bytes]:
        self._close()
        if not os.path.lexists(self.path):
            self._make()
        database = self._database = self._open()
        with _transaction(database):
            self._check_file(database)
            ledger = self._read_ledger(database).claimed(uuid.uuid4().hex)
            rows = database.execute("SELECT kind, name, CAST(data AS BLOB) FROM records ORDER BY kind, name").fetchall()
            try:
                book = Book(ledger, {(kind, name): data for kind, name, data in rows})
            except Corrupt as error:
                raise Corrupt(f"{self.path}: {error}; {self._purpose.remedy}") from None
            database.execute("UPDATE ledger SET data = ?", (ledger.encode(),))
        self._ledger, self._book = ledger, book
        return book.take_records()

    def _salvage(self) -> tuple[dict[Key, bytes], list[str]]:
        self._close()
        database = self._database = self._open()
        problems = []
        with _transaction(database):
            self._check_file(database)
            try:
                ledger = self._read_ledger(database)
            except Corrupt as error:
                ledger = Ledger()
                problems.append(str(error))
            good, total = {}, 0
            rows = database.execute("SELECT kind, name, CAST(data AS BLOB) FROM records ORDER BY kind, name").fetchall()
            for kind, name, data in rows:
                try:
                    unseal((kind, name), data)
                except Corrupt as error:
                    problems.append(str(error))
                    _write(database, [Change((kind, name), None, is_new=False)])
                else:
                    good[kind, name] = data
                    total ^= checksum_of(data)
            if not problems and (len(good), total) != (ledger.count, ledger.total):
                problems.append(f"there should be {ledger.count} records, but there are {len(good)}, or others")
            ledger = attrs.evolve(ledger.claimed(uuid.uuid4().hex), count=len(good), total=total, intent=0)
            database.execute("INSERT OR REPLACE INTO ledger VALUES (1, ?)", (ledger.encode(),))
        self._ledger, self._book = ledger, Book(ledger, good)
        return self._book.take_records(), problems

    def _commit(self, changes: Changes) -> None:
        database, ledger, book = self._database, self._ledger, self._book
        if database is None or ledger is None or book is None:
            raise Fenced("nothing was taken over yet")
        planned = book.plan(changes)
        count, total = book.after(planned)
        following = ledger.next(count=count, total=total)
        with _transaction(database):
            same = database.execute(
                "UPDATE ledger SET data = ? WHERE data = ?", (following.encode(), ledger.encode())
            ).rowcount
            if same != 1:
                raise Fenced(f"another {self._purpose.owner} has taken over {self._named}")
            _write(database, planned)
        self._ledger = following
        book.done(planned)

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> sqlite3.Connection:
        if os.path.getsize(self.path) == 0:
            raise Corrupt(f"{self._named} is empty; {self._purpose.remedy}, or remove it to start anew")
        database = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _make(self) -> None:
        """A complete, empty registry appears at ``path`` at once. Raises StoreFailed where there is another kind."""
        foreign, owner = os.path.join(os.path.dirname(self.path), self._purpose.foreign), self._purpose.owner
        if os.path.lexists(foreign):
            raise StoreFailed(f"{foreign} is of a C++ Mesos, and this {owner} cannot read it; name another work_dir")
        for left in ("-wal", "-shm"):  # of a file that was removed: SQLite would take them for parts of the new one
            Path(self.path + left).unlink(missing_ok=True)
        made = f"{self.path}.{uuid.uuid4().hex}.new"
        database = sqlite3.connect(made, isolation_level=None)
        try:
            database.execute(f"PRAGMA application_id = {self._purpose.application_id}")
            database.executescript(_SCHEMA)
            database.execute("INSERT INTO ledger VALUES (1, ?)", (Ledger().encode(),))
        finally:
            database.close()
        try:
            _sync(made)
            os.link(made, self.path)  # fails when another process was faster, and then that one's counts
        except FileExistsError:
            return
        finally:
            os.unlink(made)
        _sync(os.path.dirname(os.path.abspath(self.path)))

    def _check_file(self, database: sqlite3.Connection) -> None:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        if application != self._purpose.application_id:
            raise Corrupt(f"{self.path} is a database, but no {self._purpose.name} of a {self._purpose.owner}")
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise Corrupt(f"{self._named} is damaged ({verdict}); {self._purpose.remedy}")

    def _read_ledger(self, database: sqlite3.Connection) -> Ledger:
        row = database.execute("SELECT data FROM ledger").fetchone()
        if row is None:
            raise Corrupt(f"{self._named} has no ledger; {self._purpose.remedy}")
        return Ledger.decode(row[0])


class _transaction:  # noqa: N801 - reads as a statement
    """BEGIN IMMEDIATE ... COMMIT, or ROLLBACK."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        try:
            if kind is None:
                self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")


def _write(database: sqlite3.Connection, planned: list[Change]) -> None:
    database.executemany(
        "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
        [(*change.key, change.data) for change in planned if change.data is not None],
    )
    database.executemany(
        "DELETE FROM records WHERE kind = ? AND name = ?",
        [change.key for change in planned if change.data is None],
    )


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
