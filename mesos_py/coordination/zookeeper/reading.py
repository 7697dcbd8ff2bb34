"""Reading records in ZooKeeper: by their owner, or by somebody who only looks, while the owner writes on.

Who only looks takes nothing over, so records may change between the first and the last that is read. The ledger tells:
what was read is what stood there at one moment if it has the number and the checksums of the ledger that is read
after it. If not, and the ledger has moved on, what came and went is read again, then everything, until it fits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import attrs

from mesos_py.coordination import Corrupt, Key, NothingKept
from mesos_py.coordination.ledger import Book, Ledger
from mesos_py.coordination.zookeeper.client import NoNode
from mesos_py.coordination.zookeeper.layout import Layout, read_part
from mesos_py.coordination.zookeeper.session import Session

CHUNK = 1000  # records that are read before the loop gets a turn
BUCKETS_AT_ONCE = 20  # likewise; 4,000 names of 50,000
PAUSE_S = 0.01  # after a look at what was changing; longer each time, so that there is a quiet moment
PAUSE_MAX_S = 0.5


async def ledger_of(session: Session, layout: Layout) -> tuple[Ledger, int]:
    """The ledger and the version of its znode. Raises Corrupt."""
    try:
        data, version = await session.get(layout.ledger)
    except NoNode as error:
        raise Corrupt(f"there is a registry ({layout.root}), but its ledger is missing") from error
    return Ledger.decode(data), version


async def paths_of_records(session: Session, layout: Layout) -> dict[Key, str]:
    """The znode of each record. Raises Corrupt for one that is none of ours, NoNode when a bucket is missing."""
    found: dict[Key, str] = {}
    async for some in znodes(session, layout):
        for path in some:
            key = layout.key(path)
            if key is None:
                raise Corrupt(f"there is a foreign znode in the registry: {path}")
            found[key] = path
    return found


async def znodes(session: Session, layout: Layout) -> AsyncIterator[list[str]]:
    """Whatever is in the buckets, some of them at a time. Raises NoNode when one is missing."""
    for start in range(0, len(layout.buckets), BUCKETS_AT_ONCE):
        buckets = layout.buckets[start : start + BUCKETS_AT_ONCE]
        names = await session.children_of_many(buckets)
        yield [f"{bucket}/{name}" for bucket, some in zip(buckets, names, strict=True) for name in some]


async def records_at(session: Session, paths: Mapping[Key, str]) -> AsyncIterator[dict[Key, bytes]]:
    """The records at ``paths``, as they are kept, some at a time. Raises NoNode."""
    keys = list(paths)
    for start in range(0, len(keys), CHUNK):
        some = keys[start : start + CHUNK]
        yield dict(zip(some, await session.get_many([paths[key] for key in some]), strict=True))


async def intended(session: Session, layout: Layout, ledger: Ledger) -> dict[Key, bytes | None]:
    """What a commit that is decided but not carried out wants. Raises Corrupt."""
    wanted: dict[Key, bytes | None] = {}
    for number in range(ledger.intent):
        try:
            data, _ = await session.get(layout.part(number))
        except NoNode as error:
            raise Corrupt(f"part {number} of a large commit is missing") from error
        wanted |= read_part(number, data)
    return wanted


@attrs.frozen
class Found:
    """The registry at one moment."""

    ledger: Ledger
    version: int
    #: as they are kept, or will be as soon as what is decided is carried out
    kept: dict[Key, bytes]
    #: their contents
    records: dict[Key, bytes]


class Reader:
    """Looks until everything fits, for as long as it is let. Raises NothingKept, Corrupt."""

    def __init__(self, session: Session, layout: Layout) -> None:
        self._session = session
        self._layout = layout
        self._kept: dict[Key, bytes] = {}

    async def read(self) -> Found:
        session, layout = self._session, self._layout
        await session.sync(layout.above)
        if await session.owner(layout.root) is None:
            raise NothingKept(f"no master has kept a registry at {session.address}")
        look = 0
        while True:
            before = await ledger_of(session, layout)
            is_fresh = look % 2 == 0
            try:
                return await self._look(is_fresh=is_fresh)
            except (Corrupt, NoNode) as error:
                await session.sync(layout.root)
                if is_fresh and await ledger_of(session, layout) == before:  # it is so, and not because it was changing
                    if isinstance(error, NoNode):
                        raise Corrupt(f"the registry ({layout.root}) has lost a part: {error}") from error
                    raise
            look += 1
            await asyncio.sleep(min(PAUSE_MAX_S, PAUSE_S * look))

    async def _look(self, *, is_fresh: bool) -> Found:
        """What is there, if it is of one moment. ``is_fresh``: everything is read, not only what came and went."""
        session, layout = self._session, self._layout
        if is_fresh:
            self._kept.clear()
        await session.children(layout.intent)  # it is there, whether or not there is something in it
        paths = await paths_of_records(session, layout)
        self._kept = {key: data for key, data in self._kept.items() if key in paths}
        missing = {key: path for key, path in paths.items() if key not in self._kept}
        async for some in records_at(session, missing):
            self._kept |= some
        ledger, version = await ledger_of(session, layout)
        meant = dict(self._kept)
        for key, data in (await intended(session, layout, ledger)).items():
            if data is None:
                meant.pop(key, None)
            else:
                meant[key] = data
        book = Book()
        records = book.enter_all(meant)
        book.check(ledger)
        return Found(ledger, version, meant, records)
