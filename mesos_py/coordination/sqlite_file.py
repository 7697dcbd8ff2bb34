"""An SQLite file of records: made, opened, checked, and put in the place of a damaged one.

A new file is made under another name and moved into place when it is complete. A file that is there but empty, cut
off or of another kind is therefore damage, and is refused rather than started afresh. SQLite keeps what it has not yet
moved into the file in a second one (``-wal``), which belongs to it and must never meet another. What became of that one
tells a third (``-newest``).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

import attrs

from mesos_py import locks
from mesos_py.coordination import RESTORE_HINT, Corrupt, Key, NoRoom, NothingKept, StoreFailed
from mesos_py.coordination.ledger import Change, Ledger
from mesos_py.coordination.sqlite_newest import SUFFIX, Newest, is_older

BUSY_TIMEOUT_S = 5.0  # another process in the middle of its commit
REGISTRY_FILE = "registry.db"  # in the work_dir of a master
LOG = "-wal"
COMPANIONS = (LOG, "-shm", SUFFIX)

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
    #: where C++ Mesos keeps beside it what we must not overlook; "": it has nothing of the kind
    foreign: str = ""
    #: an earlier state than the last that was written is damage; else its owner can live with it
    is_last: bool = False


REGISTRY = Purpose(  # "MESP"; mesos src/master/main.cpp
    "registry", "master", RESTORE_HINT, 0x4D455350, "replicated_log", is_last=True
)


@attrs.frozen
class RecordFile:
    """The file ``path``. Whatever is done with it raises Corrupt, StoreFailed, sqlite3.Error and OSError."""

    path: str
    purpose: Purpose

    @property
    def named(self) -> str:
        return f"the {self.purpose.name} {self.path}"

    def explained(self, error: sqlite3.DatabaseError) -> StoreFailed:
        """What SQLite's errors mean here."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT):
            return Corrupt(f"{self.named} is damaged ({error}); {self.purpose.remedy}")
        if code == sqlite3.SQLITE_ERROR:
            return Corrupt(f"{self.named} has not the tables of one ({error}); {self.purpose.remedy}")
        if code == sqlite3.SQLITE_BUSY:
            return StoreFailed(f"{self.named} is locked by another program for {BUSY_TIMEOUT_S:g} s; end that one")
        if code == sqlite3.SQLITE_FULL:
            return NoRoom(f"{self.named} cannot grow: {error}; make space")
        return StoreFailed(f"{self.named} cannot be used: {error}")

    # ---- opening

    def open_owner(self) -> sqlite3.Connection:
        """A connection that writes, each commit safe from the loss of power."""
        self._check_access(os.R_OK | os.W_OK)
        database = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            self._check_kind(database)  # before anything is changed
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
        except BaseException:
            database.close()
            raise
        return database

    def open_reader(self) -> sqlite3.Connection:
        """A connection that sees one moment and writes nothing. Raises NothingKept."""
        if not os.path.lexists(self.path):
            raise NothingKept(f"no {self.purpose.owner} has kept a {self.purpose.name} at {self.path}")
        self._check_access(os.R_OK)
        uri = f"file:{quote(os.path.abspath(self.path))}?mode=ro"
        database = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            database.execute("BEGIN")
            self._check_kind(database)
        except BaseException:
            database.close()
            raise
        return database

    def _check_access(self, how: int) -> None:
        if os.path.exists(self.path) and not os.access(self.path, how):
            status = os.stat(self.path)
            whose = f"it belongs to user {status.st_uid}, with mode {stat.S_IMODE(status.st_mode):04o}"
            raise StoreFailed(f"{self.named} may not be used by this user: {whose}")
        if os.path.getsize(self.path) == 0:
            raise Corrupt(f"{self.named} is empty; {self.purpose.remedy}, or remove it to start anew")

    def _check_kind(self, database: sqlite3.Connection) -> None:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        if application != self.purpose.application_id:
            what = f"{self.path} is a database, but no {self.purpose.name} of a {self.purpose.owner}"
            raise Corrupt(f"{what}; {self.purpose.remedy}")

    # ---- reading, in a transaction

    def check(self, database: sqlite3.Connection) -> None:
        """SQLite finds no damage."""
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise Corrupt(f"{self.named} is damaged ({verdict}); {self.purpose.remedy}")

    def ledger(self, database: sqlite3.Connection) -> Ledger:
        row = database.execute("SELECT CAST(data AS BLOB) FROM ledger").fetchone()
        if row is None:
            raise Corrupt(f"{self.named} has no ledger; {self.purpose.remedy}")
        try:
            return Ledger.decode(row[0])
        except Corrupt as error:
            raise Corrupt(f"{self.path}: {error}; {self.purpose.remedy}") from None

    # ---- what was there last

    def noted(self) -> Ledger:
        """The ledger that was noted last; to be asked before the records are read."""
        return Newest(self.path).read() if self.purpose.is_last else Ledger()

    def check_noted(self, found: Ledger, noted: Ledger) -> None:
        """``found`` is no older. Raises Corrupt."""
        if is_older(found, noted):
            newest, kept = [f"write {each.serial} of owner {each.epoch}" for each in (noted, found)]
            what = f"{self.named} has lost what was last written to it: {newest} was there, and {kept} is"
            anyway = f"remove {Newest(self.path).path} to go on with what is left"
            raise Corrupt(f"{what}; {self.purpose.remedy}, or {anyway}")

    def note(self, ledger: Ledger) -> None:
        """``ledger`` is committed."""
        if self.purpose.is_last:
            Newest(self.path).note(ledger)

    def closed(self) -> None:
        """An owner has closed it; if that was the last one, everything is in the file itself."""
        if not os.path.lexists(self.path + LOG):
            Newest(self.path).remove()

    # ---- making

    def make(self, *, to_fill: bool = False) -> None:
        """A complete, empty file appears, unless one is there. Raises StoreFailed where there is another kind.

        One that was there and is not is lost, and no reason to begin with nothing, unless that is ``to_fill``.
        """
        if os.path.lexists(self.path):
            return
        if not to_fill and self.noted() != Ledger():
            anyway = f"remove {Newest(self.path).path} to start anew"
            raise Corrupt(f"{self.named} is gone; {self.purpose.remedy}, or {anyway}")
        foreign, owner = os.path.join(os.path.dirname(self.path), self.purpose.foreign), self.purpose.owner
        if self.purpose.foreign and os.path.lexists(foreign):
            raise StoreFailed(f"{foreign} is of a C++ Mesos, and this {owner} cannot read it; name another work_dir")
        made = self._made({}, Ledger())
        try:
            with self._directory() as descriptor:
                if not os.path.lexists(self.path):  # nobody was faster
                    self._part_from_companions()  # of a file that was removed
                    os.link(made, self.path)
                    os.fsync(descriptor)
        finally:
            os.unlink(made)

    def supersede(self, kept: Mapping[Key, bytes], ledger: Ledger) -> str:
        """A complete file is in the place of a damaged one that nobody uses; that one has another name now: returned.

        Cut short anywhere, this leaves the damaged file, an empty one (refused), or the new one; never the new one
        with the changes that SQLite had still to make to the old one.
        """
        aside = f"{self.path}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        made, empty = self._made(kept, ledger), self._spare()
        try:
            with self._directory() as descriptor:
                for suffix in ("", *COMPANIONS):
                    if os.path.lexists(self.path + suffix):
                        os.link(self.path + suffix, aside + suffix)
                status = os.stat(self.path)
                for new in (made, empty):
                    with open(new, "ab") as file:
                        os.fchown(file.fileno(), status.st_uid, status.st_gid)
                os.replace(empty, self.path)
                self._part_from_companions()
                os.fsync(descriptor)
                os.replace(made, self.path)
                os.fsync(descriptor)
        finally:
            for left in (made, empty):
                if os.path.lexists(left):
                    os.unlink(left)
        return aside

    def _made(self, kept: Mapping[Key, bytes], ledger: Ledger) -> str:
        """The path of a complete file, on disk, beside the real one."""
        made = self._spare()
        database = sqlite3.connect(made, isolation_level=None)
        try:
            database.execute(f"PRAGMA application_id = {self.purpose.application_id}")
            database.executescript(_SCHEMA)
            with transaction(database):
                fill(database, kept, ledger)
            with open(made, "rb") as file:
                os.fsync(file)
        except BaseException:
            os.unlink(made)
            raise
        finally:
            database.close()
        return made

    def _spare(self) -> str:
        return f"{self.path}.{uuid.uuid4().hex}.new"

    def _part_from_companions(self) -> None:
        for suffix in COMPANIONS:
            if os.path.lexists(self.path + suffix):
                os.unlink(self.path + suffix)

    @contextmanager
    def _directory(self) -> Iterator[int]:
        """The directory, locked: whoever makes a file in it at the same moment waits."""
        descriptor = os.open(os.path.dirname(os.path.abspath(self.path)), os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            locks.release(descriptor)


class transaction:  # noqa: N801 - reads as a statement
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


def records_in(database: sqlite3.Connection) -> dict[Key, bytes]:
    """As they are kept."""
    rows = database.execute("SELECT kind, name, CAST(data AS BLOB) FROM records ORDER BY kind, name")
    return {(kind, name): data for kind, name, data in rows}


def write_ledger(database: sqlite3.Connection, ledger: Ledger) -> None:
    database.execute("INSERT OR REPLACE INTO ledger VALUES (1, ?)", (ledger.encode(),))


def write_changes(database: sqlite3.Connection, changes: Iterable[Change]) -> None:
    planned = list(changes)
    database.executemany(
        "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
        [(*change.key, change.data) for change in planned if change.data is not None],
    )
    database.executemany(
        "DELETE FROM records WHERE kind = ? AND name = ?",
        [change.key for change in planned if change.data is None],
    )


def fill(database: sqlite3.Connection, kept: Mapping[Key, bytes], ledger: Ledger) -> None:
    """The file has ``kept`` and nothing else."""
    database.execute("DELETE FROM records")
    database.executemany("INSERT INTO records VALUES (?, ?, ?)", [(*key, data) for key, data in kept.items()])
    write_ledger(database, ledger)
