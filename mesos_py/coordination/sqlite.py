"""Records in one SQLite file: a single master, or a whole cluster on one machine, outlives its process and its host.

One row per record, one row for the ledger, one transaction per commit. WAL with ``synchronous=FULL``: a commit that
returned survives the loss of power. Others read it meanwhile, as it was at one moment. The library is called in one
thread of its own; nothing waits for a disk in the loop. The file itself: ``sqlite_file``.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

import structlog

from mesos_py.coordination import Changes, Corrupt, Fenced, Key, Snapshot, Spares, StoreFailed, nothing_spared
from mesos_py.coordination.ledger import Book, Change, Ledger, seal, sums
from mesos_py.coordination.sqlite_file import (
    REGISTRY,
    Purpose,
    RecordFile,
    fill,
    records_in,
    transaction,
    write_changes,
    write_ledger,
)
from mesos_py.coordination.sqlite_newest import is_older

T = TypeVar("T")

log = structlog.get_logger(__name__)


class SqliteRecords:
    """Records in the file ``path``; its directory must exist. ``is_alone``: no other process uses that directory."""

    def __init__(self, path: str, purpose: Purpose = REGISTRY, *, is_alone: bool = False) -> None:
        self.path = path
        #: records of its owner's that need not be sound
        self.spares: Spares = nothing_spared
        self._file = RecordFile(path, purpose)
        self._is_alone = is_alone
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=purpose.name)
        self._database: sqlite3.Connection | None = None
        #: of the file that ``_database`` has open
        self._identity = (0, 0)
        self._ledger: Ledger | None = None
        self._book: Book | None = None

    async def load(self) -> dict[Key, bytes]:
        return await self._in_thread(self._load)

    async def salvage(self) -> tuple[dict[Key, bytes], list[str]]:
        """Take over what can be read, and say what is wrong with the rest, which is gone then. Raises StoreFailed."""
        return await self._in_thread(self._salvage)

    async def commit(self, changes: Changes) -> None:
        await self._in_thread(lambda: self._commit(changes))

    async def is_owner(self) -> bool:
        return await self._in_thread(self._is_owner)

    async def read(self) -> Snapshot:
        return await self._in_thread(self._read)

    async def replace(self, records: Mapping[Key, bytes]) -> None:
        await self._in_thread(lambda: self._replace(records))

    async def close(self) -> None:
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.DatabaseError as error:
            raise self._file.explained(error) from error
        except UnicodeDecodeError as error:  # names of tables, which SQLite puts into what it says of them
            raise Corrupt(f"{self._file.named} is damaged ({error}); {self._file.purpose.remedy}") from error
        except OSError as error:
            raise StoreFailed(f"{self._file.named} cannot be used: {error.strerror or error}") from error

    # ---- in the thread

    def _load(self) -> dict[Key, bytes]:
        self._file.make()
        noted, database = self._file.noted(), self._open()
        with transaction(database):
            self._file.check(database)
            found = self._file.ledger(database)
            self._file.check_noted(found, noted)
            ledger = found.claimed(uuid.uuid4().hex)
            book, records = self._checked(ledger, records_in(database))
            write_ledger(database, ledger)
        self._file.note(ledger)
        self._ledger, self._book = ledger, book
        return records

    def _salvage(self) -> tuple[dict[Key, bytes], list[str]]:
        database = self._open()
        problems: list[str] = []
        book, good, records = Book(), {}, {}
        with transaction(database):
            self._file.check(database)
            for key, data in records_in(database).items():
                try:
                    records[key] = book.enter(key, data)
                except Corrupt as error:
                    problems.append(str(error))
                    write_changes(database, [Change(key, None, is_new=False)])
                else:
                    good[key] = data
            ledger = Ledger()
            try:
                ledger = self._file.ledger(database)
                if not problems:
                    book.check(ledger)
            except Corrupt as error:
                problems.append(str(error))
            ledger = ledger.claimed(uuid.uuid4().hex, **sums(good))
            write_ledger(database, ledger)
        self._ledger, self._book = ledger, book
        return records, problems

    def _commit(self, changes: Changes) -> None:
        database, ledger, book = self._database, self._ledger, self._book
        if database is None or ledger is None or book is None:
            raise Fenced("nothing was taken over yet")
        planned = book.plan(changes)
        count, total = book.after(planned)
        following = ledger.next(count=count, total=total)
        with transaction(database):
            same = database.execute(
                "UPDATE ledger SET data = ? WHERE data = ?", (following.encode(), ledger.encode())
            ).rowcount
            if same != 1:
                raise Fenced(f"another {self._file.purpose.owner} has taken over {self._file.named}")
            write_changes(database, planned)
        self._file.note(following)
        self._ledger = following
        book.done(planned)

    def _is_owner(self) -> bool:
        if self._database is None or self._ledger is None:
            return False
        if not self._is_there():
            raise StoreFailed(f"{self._file.named} was removed, or another file was put in its place")
        standing = self._file.ledger(self._database)
        return (standing.epoch, standing.owner) == (self._ledger.epoch, self._ledger.owner)

    def _read(self) -> Snapshot:
        noted = self._file.noted()
        with closing(self._file.open_reader()) as database:
            self._file.check(database)
            ledger = self._file.ledger(database)
            self._file.check_noted(ledger, noted)
            _, records = self._checked(ledger, records_in(database))
        return Snapshot(records=records, epoch=ledger.epoch, owner=ledger.owner, serial=ledger.serial)

    def _replace(self, records: Mapping[Key, bytes]) -> None:
        kept = {key: seal(key, contents) for key, contents in records.items()}
        noted = self._file.noted()
        made = noted.claimed(uuid.uuid4().hex, **sums(kept))
        try:
            self._file.make(to_fill=True)
            database = self._open()
            with transaction(database):
                self._file.check(database)
                try:
                    found = self._file.ledger(database)
                    made = (noted if is_older(found, noted) else found).claimed(made.owner, **sums(kept))
                except Corrupt as error:
                    log.warning("nobody knows who had the registry before", registry=self.path, reason=str(error))
                fill(database, kept, made)
        except (Corrupt, sqlite3.DatabaseError) as error:
            damage = self._file.explained(error) if isinstance(error, sqlite3.DatabaseError) else error
            if not isinstance(damage, Corrupt):
                raise
            self._close()
            if not self._is_alone:
                text = f"{self._file.named} is damaged, and a process uses its directory; end that one first"
                raise StoreFailed(text) from error
            aside = self._file.supersede(kept, made)
            log.warning("the damaged registry is kept beside the new one", registry=aside, reason=str(damage))
            self._open()
        self._file.note(made)
        self._ledger, self._book = made, Book()
        self._book.enter_all(kept)

    def _checked(self, ledger: Ledger, kept: Mapping[Key, bytes]) -> tuple[Book, dict[Key, bytes]]:
        book = Book(self.spares)
        try:
            records = book.enter_all(kept)
            book.check(ledger)
        except Corrupt as error:
            raise Corrupt(f"{self.path}: {error}; {self._file.purpose.remedy}") from None
        return book, records

    def _open(self) -> sqlite3.Connection:
        self._close()
        self._database = self._file.open_owner()
        self._identity = _identity(self.path)
        return self._database

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
            if self._ledger is not None and self._is_there():
                self._file.closed()

    def _is_there(self) -> bool:
        """The file that we have open is the one that others find."""
        return os.path.lexists(self.path) and _identity(self.path) == self._identity


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino
