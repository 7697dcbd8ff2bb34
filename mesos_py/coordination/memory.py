"""Records that survive their owner but not their process: for tests, simulations and clusters to be thrown away.

Mesos: --registry=in_memory (src/master/main.cpp, InMemoryStorage).
"""

from __future__ import annotations

import uuid

from mesos_py.coordination import Changes, Fenced, Key
from mesos_py.coordination.ledger import Book, Ledger


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
        book = Book(ledger, disk.kept)
        disk.ledger = ledger.encode()
        self._ledger, self._book = ledger, book
        return book.take_records()

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

    async def close(self) -> None:
        """Nothing is held."""
