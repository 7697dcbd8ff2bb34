"""Records that survive their owner but not their process: for tests, simulations and clusters to be thrown away.

Mesos: --registry=in_memory (src/master/main.cpp, InMemoryStorage).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from mesos_py.coordination import Changes, Corrupt, Fenced, Key, NothingKept, Snapshot
from mesos_py.coordination.ledger import Book, Ledger, seal, sums


class MemoryDisk:
    """What outlives an owner: give it to the next ``MemoryRecords``. Tests damage it."""

    def __init__(self) -> None:
        self.ledger = Ledger().encode()
        #: sealed, as they would stand on a disk
        self.kept: dict[Key, bytes] = {}


class MemoryRecords:
    """Records in a ``MemoryDisk``. Mesos: --registry=in_memory (src/master/main.cpp, InMemoryStorage)."""

    def __init__(self, disk: MemoryDisk | None = None) -> None:
        self._disk = disk or MemoryDisk()
        self._ledger: Ledger | None = None
        self._book: Book | None = None

    async def load(self) -> dict[Key, bytes]:
        disk = self._disk
        ledger = Ledger.decode(disk.ledger).claimed(uuid.uuid4().hex)
        book = Book()
        records = book.enter_all(disk.kept)
        book.check(ledger)
        disk.ledger = ledger.encode()
        self._ledger, self._book = ledger, book
        return records

    async def commit(self, changes: Changes) -> None:
        disk = self._disk
        if self._ledger is None or self._book is None:
            raise Fenced("nothing was taken over yet")
        if disk.ledger != self._ledger.encode():
            raise Fenced("another owner has taken over")
        planned = self._book.plan(changes)
        count, total = self._book.after(planned)
        self._ledger = self._ledger.next(count=count, total=total)
        disk.ledger = self._ledger.encode()
        for change in planned:
            if change.data is None:
                del disk.kept[change.key]
            else:
                disk.kept[change.key] = change.data
        self._book.done(planned)

    async def is_owner(self) -> bool:
        return self._ledger is not None and self._disk.ledger == self._ledger.encode()

    async def read(self) -> Snapshot:
        ledger, book = Ledger.decode(self._disk.ledger), Book()
        if ledger.epoch == 0:
            raise NothingKept("no master has kept a registry here")
        records = book.enter_all(self._disk.kept)
        book.check(ledger)
        return Snapshot(records=records, epoch=ledger.epoch, owner=ledger.owner, serial=ledger.serial)

    async def replace(self, records: Mapping[Key, bytes]) -> None:
        try:
            standing = Ledger.decode(self._disk.ledger)
        except Corrupt:
            standing = Ledger()
        kept = {key: seal(key, contents) for key, contents in records.items()}
        self._ledger = standing.claimed(uuid.uuid4().hex, **sums(kept))
        self._disk.kept, self._disk.ledger = kept, self._ledger.encode()
        self._book = Book()
        self._book.enter_all(kept)

    async def close(self) -> None:
        """Nothing is held."""
