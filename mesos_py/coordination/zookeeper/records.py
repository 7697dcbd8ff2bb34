"""Records in ZooKeeper: what a master must not forget, kept where the next one will look.

Whoever takes over makes the ledger its own, carries out what the one before had decided and not finished, and reads
everything. How records lie there: ``layout``; how they are written so that no deposed owner can: ``writing``; how
others look at them meanwhile: ``reading``; how all of them are replaced at once: ``replacing``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping

from mesos_py.coordination import (
    RESTORE_HINT,
    Changes,
    Corrupt,
    Fenced,
    Key,
    Snapshot,
    Spares,
    StoreFailed,
    nothing_spared,
)  # fmt: skip
from mesos_py.coordination.ledger import Book
from mesos_py.coordination.zookeeper.client import NoNode
from mesos_py.coordination.zookeeper.layout import Layout
from mesos_py.coordination.zookeeper.reading import Reader, ledger_of, paths_of_records, records_at
from mesos_py.coordination.zookeeper.replacing import replace
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.coordination.zookeeper.writing import Writer

FETCH_TIMEOUT_S = 60.0  # mesos src/master/flags.cpp registry_fetch_timeout
WRITE_TIMEOUT_S = 20.0  # mesos src/master/flags.cpp registry_store_timeout
REPLACE_TIMEOUT_S = 120.0


class ZooKeeperRecords:
    """Records below ``<path>/log_replicas/registry``, owned by the candidate with the znode ``candidacy``."""

    def __init__(self, session: Session, candidacy: str) -> None:
        self._session = session
        #: records of its owner's that need not be sound
        self.spares: Spares = nothing_spared
        self.layout = Layout(session.address.path)
        self._writer = Writer(session, self.layout, candidacy)
        self._book: Book | None = None

    async def load(self) -> dict[Key, bytes]:
        with self._explained():
            async with _within(FETCH_TIMEOUT_S, f"{self._session.address}: the registry could not be read"):
                await self._session.sync(self.layout.above)
                await self._writer.make()
                await self._writer.claim()
                await self._writer.finish()
                book = Book(self.spares)
                records: dict[Key, bytes] = {}
                async for some in records_at(self._session, await paths_of_records(self._session, self.layout)):
                    records |= book.enter_all(some)
            book.check(self._writer.ledger)
        self._book = book
        return records

    async def commit(self, changes: Changes) -> None:
        book = self._book
        if book is None:
            raise Fenced("nothing was taken over yet")
        planned = book.plan(changes)
        count, total = book.after(planned)
        async with _within(WRITE_TIMEOUT_S, f"{self._session.address}: no answer to a write"):
            await self._writer.commit(planned, count=count, total=total)
        book.done(planned)

    async def is_owner(self) -> bool:
        await self._session.sync(self.layout.ledger)
        ledger, _ = await ledger_of(self._session, self.layout)
        ours = self._writer.ledger
        return (ledger.epoch, ledger.owner) == (ours.epoch, ours.owner)

    async def read(self) -> Snapshot:
        with self._explained():
            async with _within(FETCH_TIMEOUT_S, f"{self._session.address}: the registry could not be read"):
                found = await Reader(self._session, self.layout).read()
        ledger = found.ledger
        return Snapshot(records=found.records, epoch=ledger.epoch, owner=ledger.owner, serial=ledger.serial)

    async def replace(self, records: Mapping[Key, bytes]) -> None:
        doubt = "it is not known whether the registry was replaced; 'mesos-py registry show' tells: no answer"
        async with _within(REPLACE_TIMEOUT_S, f"{self._session.address}: {doubt}"):
            await self._writer.make()
            self._book = await replace(self._writer, records)

    async def close(self) -> None:
        """The session is its owner's to end."""

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """What cannot be read is Corrupt, with the place and with what to do."""
        try:
            yield
        except NoNode as error:
            text = f"{self._session.address}: the registry ({self.layout.root}) has lost a part: {error}"
            raise Corrupt(f"{text}; {RESTORE_HINT}") from error
        except Corrupt as error:
            raise Corrupt(f"{self._session.address}: {error}; {RESTORE_HINT}") from error.__cause__


@contextlib.asynccontextmanager
async def _within(seconds: float, what: str) -> AsyncIterator[None]:
    """StoreFailed when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise StoreFailed(f"{what} within {seconds:g} s") from error
