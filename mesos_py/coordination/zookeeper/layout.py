"""Where records are in ZooKeeper, and in what portions they are written there.

::

    <path>/log_replicas/registry/ledger           see ``coordination.ledger``
                                 7f/agents:<id>   a record; its bucket is a checksum of its name
                                 intent/3         part of a commit that is too large for one request

Pure: names, bytes and bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote
from zlib import crc32

from mesos_py.coordination import Corrupt, Key, StoreFailed
from mesos_py.coordination.ledger import Change, seal, unseal
from mesos_py.coordination.zookeeper.client import ANY_VERSION, Operation
from mesos_py.wire.codec import msgpack
from mesos_py.wire.codec.errors import DecodeError

REQUEST_MAX = 500_000  # bytes; half of ZooKeeper's jute.maxbuffer, which counts what we only estimate
OPERATIONS_MAX = 2_000  # per request, so that none occupies the servers for long
OPERATION_OVERHEAD = 100  # bytes; header, access list and version of one operation, rounded up
RECORD_MAX = 400_000  # bytes of one record
BUCKETS = tuple(f"{number:02x}" for number in range(256))


class Layout:
    """The znodes of the registry of the masters that are elected below ``path``."""

    def __init__(self, path: str) -> None:
        self.above = f"{path}/log_replicas"
        self.root = f"{self.above}/registry"
        self.ledger = f"{self.root}/ledger"
        self.intent = f"{self.root}/intent"
        self.buckets = tuple(f"{self.root}/{bucket}" for bucket in BUCKETS)

    def part(self, number: int) -> str:
        return f"{self.intent}/{number}"

    def path(self, key: Key) -> str:
        """The znode of the record ``key``."""
        name = f"{key[0]}:{quote(key[1], safe='')}"
        return f"{self.buckets[_bucket(name)]}/{name}"

    def key(self, path: str) -> Key | None:
        """The record whose znode is ``path``; None: it is none of ours."""
        bucket, _, name = path.rpartition("/")
        kind, colon, quoted = name.partition(":")
        if not colon or self.buckets[_bucket(name)] != bucket:
            return None
        return kind, unquote(quoted)

    def operation(self, change: Change) -> Operation:
        """What carries out ``change``. Raises StoreFailed for a record that is too large."""
        path, data = self.path(change.key), change.data
        if data is None:
            return ("delete", path, ANY_VERSION)
        if len(data) > RECORD_MAX:
            raise StoreFailed(f"the record {'/'.join(change.key)} has {len(data)} bytes; limit {RECORD_MAX}")
        return ("create", path, data) if change.is_new else ("set", path, data, ANY_VERSION)

    def batches(self, changes: Sequence[Change]) -> list[list[Operation]]:
        """Requests that ZooKeeper takes, which together carry out ``changes``; one, perhaps empty, if that will do."""
        made: list[list[Operation]] = [[]]
        size = 0
        for change in changes:
            operation = self.operation(change)
            operation_size = OPERATION_OVERHEAD + len(operation[1]) + len(change.data or b"")
            if made[-1] and (size + operation_size > REQUEST_MAX or len(made[-1]) == OPERATIONS_MAX):
                made.append([])
                size = 0
            made[-1].append(operation)
            size += operation_size
        return made


def _bucket(name: str) -> int:
    return crc32(name.encode()) % len(BUCKETS)


def parts(changes: Sequence[Change]) -> Iterator[bytes]:
    """The texts of an intent: ``changes``, in portions that ZooKeeper takes."""
    some: list[tuple[str, str, bytes | None]] = []
    size = number = 0
    for change in changes:
        item_size = len(change.data or b"") + sum(map(len, change.key)) * 4 + 20
        if some and size + item_size > REQUEST_MAX:
            yield seal(_part_key(number), msgpack.pack(some))
            number, size, some = number + 1, 0, []
        some.append((*change.key, change.data))
        size += item_size
    yield seal(_part_key(number), msgpack.pack(some))


def read_part(number: int, data: bytes) -> dict[Key, bytes | None]:
    """The records, sealed, that part ``number`` of an intent wants; None: not there. Raises Corrupt."""
    try:
        return {(kind, name): sealed for kind, name, sealed in msgpack.unpack(unseal(_part_key(number), data))}
    except (DecodeError, ValueError, TypeError) as error:
        raise Corrupt(f"part {number} of a large commit is damaged") from error


def _part_key(number: int) -> Key:
    return ("intent", str(number))
