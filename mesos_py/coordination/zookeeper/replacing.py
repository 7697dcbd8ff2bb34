"""All records in ZooKeeper replaced at once: a backup is put in place, of a sound registry or of a damaged one.

A sound registry is replaced as a commit is: decided by one request, so that whoever leads has all of the old one or
all of the new one. If it can be done in one request altogether, taking over is part of it. Otherwise, and if a master
writes so much that this fails, the registry is taken over first: then that master ends, and the next one may come too
early, take over from us, and have us begin again.

Where nothing fits together there is no old one to keep: the ledger is claimed with a number of records that nothing
has (``UNFINISHED``), so that nobody leads before the last step; then everything that stands there is made to be what
the backup says.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping

from mesos_py.coordination import Corrupt, Fenced, Key, StoreFailed
from mesos_py.coordination.ledger import UNFINISHED, Book, Ledger, plan_replacement, seal, sums
from mesos_py.coordination.zookeeper.client import ANY_VERSION, BadVersion, NodeExists, NoNode, Unknown
from mesos_py.coordination.zookeeper.reading import Reader, records_at, znodes
from mesos_py.coordination.zookeeper.writing import Writer

ATTEMPTS = 5
QUIET_S = 5.0  # for a moment in which no master writes; after that it is taken over without one


async def replace(writer: Writer, records: Mapping[Key, bytes]) -> Book:
    """The registry has exactly ``records``, and ``writer`` owns it. Raises Fenced when masters insist, StoreFailed."""
    wanted = {key: seal(key, contents) for key, contents in records.items()}
    for attempt in range(ATTEMPTS):
        try:
            await _attempt(writer, wanted, is_first=attempt == 0)
            break
        except (Fenced, TimeoutError):
            if attempt == ATTEMPTS - 1:
                raise
    book = Book()
    book.enter_all(wanted)
    return book


async def _attempt(writer: Writer, wanted: Mapping[Key, bytes], *, is_first: bool) -> None:
    """Raises Fenced when a master takes over or writes meanwhile, be it one that ends at once on what it finds."""
    try:
        await (_replace(writer, wanted) if is_first else _take_and_replace(writer, wanted))
    except Corrupt:
        kept = await _clear(writer)
        await writer.commit(plan_replacement(kept, wanted), **sums(wanted))


async def _replace(writer: Writer, wanted: Mapping[Key, bytes]) -> None:
    """Raises Fenced when a master writes meanwhile, TimeoutError when it does all the time."""
    async with asyncio.timeout(QUIET_S):
        found = await Reader(writer.session, writer.layout).read()
    writer.ledger, writer.version = found.ledger, found.version
    planned, owner = plan_replacement(found.kept, wanted), uuid.uuid4().hex
    batches = writer.layout.batches(planned)
    if found.ledger.intent == 0 and len(batches) == 1:
        await writer.write(found.ledger.claimed(owner, **sums(wanted)), batches[0])
        return
    await writer.write(found.ledger.claimed(owner))
    await writer.finish()
    await writer.commit(planned, **sums(wanted))


async def _take_and_replace(writer: Writer, wanted: Mapping[Key, bytes]) -> None:
    """Raises Fenced when the next master takes over meanwhile."""
    await writer.claim()
    await writer.finish()
    found = await Reader(writer.session, writer.layout).read()
    await writer.commit(plan_replacement(found.kept, wanted), **sums(wanted))


# ---- a registry that is damaged


async def _clear(writer: Writer) -> dict[Key, bytes]:
    """The ledger is ours, and nothing is in the way; what is kept under the names of records, whatever that is."""
    session, layout = writer.session, writer.layout
    await _claim(writer, uuid.uuid4().hex)
    for path in (layout.intent, *layout.buckets):
        while await session.owner(path) is None:
            try:
                await session.transact([("create", path, b"")])
            except (Unknown, NodeExists):
                continue
    paths = {path: layout.key(path) async for some in znodes(session, layout) for path in some}
    foreign = [path for path, key in paths.items() if key is None]
    debris = [f"{layout.intent}/{name}" for name in await session.children(layout.intent)]
    for path in [*foreign, *debris]:
        try:
            await session.delete(path)
        except NodeExists as error:
            raise StoreFailed(f"{session.address}: there is something below {path}; remove it by hand") from error
    kept: dict[Key, bytes] = {}
    async for some in records_at(session, {key: path for path, key in paths.items() if key is not None}):
        kept |= some
    return kept


async def _claim(writer: Writer, owner: str) -> None:
    """The ledger is ours, whatever stands there or does not."""
    session, path = writer.session, writer.layout.ledger
    while True:
        standing: Ledger | None = None
        version: int | None = None
        try:
            data, version = await session.get(path)
            standing = Ledger.decode(data)
        except (NoNode, Corrupt):
            standing = None  # there is nothing to be learned from it
        if standing is not None and version is not None and standing.owner == owner:
            writer.ledger, writer.version = standing, version
            return
        claim = (standing or Ledger()).claimed(owner, count=UNFINISHED, intent=0).encode()
        operation = ("create", path, claim) if version is None else ("set", path, claim, version)
        try:
            await session.transact([("check", writer.candidacy, ANY_VERSION), operation])
        except (Unknown, BadVersion, NodeExists):
            continue
        except NoNode as error:
            raise Fenced(f"{session.address}: our candidacy has ended") from error
