"""Records in ZooKeeper: what a master must not forget, kept where the next one will look.

Every request that writes is one multi-operation that begins with the same two conditions::

    check   our candidacy is still there          a session that has expired writes nothing, even before a successor
    set     ledger, if its version is as we know  a successor that has taken over is never overwritten

A connection lost on the way leaves open whether the request was carried out: then the ledger is read again. It shows
our new ledger (done), the old one (not done: again), or somebody else's (refused). It cannot be done twice: the second
time the ledger's version would not fit.

ZooKeeper refuses requests above 1 MB. A commit that would be larger is written down first, in parts below ``intent``;
replacing the ledger by one that names the number of parts decides it; then the parts are carried out in several
requests, and the last one removes them. Whoever takes over first carries out what was decided, and throws away parts
of what was not: no reader ever sees half a commit.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote
from zlib import crc32

import structlog

from mesos_py.coordination import Changes, Corrupt, Fenced, Key, StoreFailed
from mesos_py.coordination.ledger import Book, Change, Ledger, seal, unseal
from mesos_py.coordination.zookeeper.client import ANY_VERSION, NodeExists, NoNode, Operation, Refused, Unknown
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.wire.codec import msgpack
from mesos_py.wire.codec.errors import DecodeError

log = structlog.get_logger(__name__)

REQUEST_MAX = 500_000  # bytes; half of ZooKeeper's jute.maxbuffer, which counts what we only estimate
OPERATIONS_MAX = 2_000  # per request, so that none occupies the servers for long
OPERATION_OVERHEAD = 100  # bytes; header, access list and version of one operation, rounded up
RECORD_MAX = 400_000  # bytes of one record
BUCKETS = tuple(f"{number:02x}" for number in range(256))
FETCH_TIMEOUT_S = 60.0  # mesos src/master/flags.cpp registry_fetch_timeout
WRITE_TIMEOUT_S = 20.0  # mesos src/master/flags.cpp registry_store_timeout


class ZooKeeperRecords:
    """Records below ``<path>/log_replicas/registry``, owned by the candidate with the znode ``candidacy``."""

    def __init__(self, session: Session, candidacy: str) -> None:
        self._session = session
        self._candidacy = candidacy
        self._root = f"{session.address.path}/log_replicas/registry"
        self._ledger_path = f"{self._root}/ledger"
        self._ledger = Ledger()
        self._version = ANY_VERSION
        self._book: Book | None = None

    async def load(self) -> dict[Key, bytes]:
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                await self._session.sync(self._root)
                if await self._session.owner(self._root) is None:
                    await self._make()
                await self._claim()
                await self._finish_intent()
                kept = await self._read_all()
            self._book = Book(self._ledger, kept)
        except TimeoutError as error:
            text = f"{self._session.address}: the registry could not be read within {FETCH_TIMEOUT_S:g} s"
            raise StoreFailed(text) from error
        except NoNode as error:
            raise Corrupt(f"{self._session.address}: the registry ({self._root}) has lost a part: {error}") from error
        except Corrupt as error:
            raise Corrupt(f"{self._session.address}: {error}; restore a backup") from error.__cause__
        return self._book.take_records()

    async def commit(self, changes: Changes) -> None:
        book = self._book
        if book is None:
            raise Fenced("nothing was taken over yet")
        planned = book.plan(changes)
        for change in planned:
            if change.data is not None and len(change.data) > RECORD_MAX:
                raise StoreFailed(f"the record {'/'.join(change.key)} has {len(change.data)} bytes; limit {RECORD_MAX}")
        count, total = book.after(planned)
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                batches = list(_batches([self._operation(change) for change in planned]))
                if len(batches) <= 1:
                    await self._write(self._ledger.next(count=count, total=total), batches[0] if batches else ())
                else:
                    await self._write_large(planned, batches, count, total)
        except TimeoutError as error:
            raise StoreFailed(f"{self._session.address}: no answer to a write for {WRITE_TIMEOUT_S:g} s") from error
        book.done(planned)

    async def close(self) -> None:
        """The session is its owner's to end."""

    # ---- writing

    def path(self, key: Key) -> str:
        """The znode of the record ``key``."""
        name = f"{key[0]}:{quote(key[1], safe='')}"
        return f"{self._root}/{BUCKETS[crc32(name.encode()) % len(BUCKETS)]}/{name}"

    def _operation(self, change: Change) -> Operation:
        path = self.path(change.key)
        if change.data is None:
            return ("delete", path, ANY_VERSION)
        return ("create", path, change.data) if change.is_new else ("set", path, change.data, ANY_VERSION)

    async def _write(self, following: Ledger, operations: Sequence[Operation]) -> None:
        """``operations`` and the following ledger are there. Raises Fenced, Corrupt, AccessDenied."""
        request: list[Operation] = [
            ("check", self._candidacy, ANY_VERSION),
            ("set", self._ledger_path, following.encode(), self._version),
            *operations,
        ]
        while True:
            failure: Exception | None = None
            try:
                await self._session.transact(request)
            except (Unknown, Refused) as error:
                failure = error
            if failure is not None and not await self._is_written(following):
                if isinstance(failure, Unknown):
                    continue
                # The ledger is ours and stands; so it is the candidacy, or a record is not as it was left.
                if await self._session.owner(self._candidacy) is None:
                    raise Fenced(f"{self._session.address}: our candidacy has ended") from failure
                raise Corrupt(f"somebody else has changed the registry: {failure!r}") from failure
            self._ledger = following
            self._version += 1
            return

    async def _is_written(self, following: Ledger) -> bool:
        """After a write went wrong: whether it happened all the same. Raises Fenced when it never can."""
        await self._session.sync(self._ledger_path)
        standing, version = await self._read_ledger()
        if standing == following:
            return True
        if standing != self._ledger or version != self._version:
            raise Fenced(f"{self._session.address}: another master has taken over the registry")
        return False

    async def _write_large(
        self, planned: Sequence[Change], batches: Sequence[Sequence[Operation]], count: int, total: int
    ) -> None:
        parts = list(self._parts(planned))
        same = {"count": self._ledger.count, "total": self._ledger.total}
        for number, part in enumerate(parts):
            await self._write(self._ledger.next(**same), [("create", self._part_path(number), part)])
        await self._write(self._ledger.next(count=count, total=total, intent=len(parts)), ())
        await self._carry_out(batches, len(parts))

    async def _carry_out(self, batches: Sequence[Sequence[Operation]], parts: int) -> None:
        """What the parts say is done, and they are gone."""
        ledger = self._ledger
        for batch in batches:
            await self._write(self._ledger.next(count=ledger.count, total=ledger.total, intent=parts), batch)
        removals: list[Operation] = [("delete", self._part_path(number), ANY_VERSION) for number in range(parts)]
        await self._write(self._ledger.next(count=ledger.count, total=ledger.total), removals)

    def _part_path(self, number: int) -> str:
        return f"{self._root}/intent/{number}"

    def _parts(self, planned: Sequence[Change]) -> Iterator[bytes]:
        some: list[tuple[str, str, bytes | None]] = []
        size = number = 0
        for change in planned:
            item_size = len(change.data or b"") + sum(map(len, change.key)) * 4 + 20
            if some and size + item_size > REQUEST_MAX:
                yield seal(self._part_key(number), msgpack.pack(some))
                number, size, some = number + 1, 0, []
            some.append((*change.key, change.data))
            size += item_size
        yield seal(self._part_key(number), msgpack.pack(some))

    @staticmethod
    def _part_key(number: int) -> Key:
        return ("intent", str(number))

    # ---- taking over

    async def _make(self) -> None:
        """An empty registry is there, made by us or by somebody who was faster."""
        await self._session.ensure(f"{self._session.address.path}/log_replicas")
        request: list[Operation] = [
            ("check", self._candidacy, ANY_VERSION),
            ("create", self._root, b""),
            ("create", f"{self._root}/intent", b""),
            *(("create", f"{self._root}/{bucket}", b"") for bucket in BUCKETS),
            ("create", self._ledger_path, Ledger().encode()),
        ]
        while True:
            try:
                await self._session.transact(request)
            except Unknown:
                continue
            except NodeExists:
                return
            except NoNode as error:
                raise Fenced(f"{self._session.address}: our candidacy has ended") from error
            return

    async def _claim(self) -> None:
        """The ledger is ours. Raises Fenced when we are no candidate any more."""
        owner = uuid.uuid4().hex
        while True:
            self._ledger, self._version = await self._read_ledger()
            try:
                await self._write(self._ledger.claimed(owner), ())
            except Fenced:
                if await self._session.owner(self._candidacy) is None:
                    raise
                continue  # somebody else claimed it in between, and we are candidate still: ours is the later claim
            return

    async def _read_ledger(self) -> tuple[Ledger, int]:
        try:
            data, version = await self._session.get(self._ledger_path)
            return Ledger.decode(data), version
        except NoNode as error:
            raise Corrupt(f"there is a registry ({self._root}), but its ledger is missing") from error

    async def _finish_intent(self) -> None:
        """No commit of an earlier owner is half done."""
        session = self._session
        found = await session.children(f"{self._root}/intent")
        if self._ledger.intent == 0:
            stale: list[Operation] = [("delete", f"{self._root}/intent/{name}", ANY_VERSION) for name in found]
            if stale:
                await self._write(self._ledger.next(count=self._ledger.count, total=self._ledger.total), stale)
            return
        log.info("finishing a commit of the master before", parts=self._ledger.intent)
        wanted: dict[Key, bytes | None] = {}
        for number in range(self._ledger.intent):
            try:
                data, _ = await session.get(self._part_path(number))
                for kind, name, sealed in msgpack.unpack(unseal(self._part_key(number), data)):
                    wanted[kind, name] = sealed
            except (NoNode, DecodeError, ValueError) as error:
                raise Corrupt(f"part {number} of a large commit is missing or damaged") from error
        kept = await self._read_all()
        changes = [
            Change(key, data, is_new=key not in kept)
            for key, data in wanted.items()
            if data != kept.get(key)  # done already
        ]
        await self._carry_out(list(_batches([self._operation(change) for change in changes])), self._ledger.intent)

    async def _read_all(self) -> dict[Key, bytes]:
        session = self._session
        buckets = [f"{self._root}/{bucket}" for bucket in BUCKETS]
        listed = await session.children_of_many(buckets)
        paths = [f"{bucket}/{name}" for bucket, names in zip(buckets, listed, strict=True) for name in names]
        found = await session.get_many(paths)
        kept: dict[Key, bytes] = {}
        for path, data in zip(paths, found, strict=True):
            kind, _, name = path.rpartition("/")[2].partition(":")
            key = (kind, unquote(name))
            if self.path(key) != path:
                raise Corrupt(f"there is a foreign znode in the registry: {path}")
            kept[key] = data
        return kept


def _batches(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Requests that ZooKeeper takes."""
    batch: list[Operation] = []
    size = 0
    for operation in operations:
        operation_size = OPERATION_OVERHEAD + len(operation[1])
        if operation[0] in ("create", "set"):
            operation_size += len(operation[2])
        if batch and (size + operation_size > REQUEST_MAX or len(batch) == OPERATIONS_MAX):
            yield batch
            batch, size = [], 0
        batch.append(operation)
        size += operation_size
    if batch:
        yield batch
