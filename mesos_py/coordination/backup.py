"""A backup of the registry: one file that stands for itself, and the hash that tells whether two registries agree.

::

    "mesos-py registry backup\\n"    25 bytes, so that ``file`` and people know what it is
    format                          1 byte, FORMAT
    length                          8 bytes, big endian: of what follows the checksum
    checksum                        32 bytes, SHA-256 of what follows
    msgpack                         {"made_ns", "source", "program", "epoch", "owner", "serial", "state_hash",
                                     "records": [[kind, name, contents] ...], in order}

``contents`` is what records hold: of a master, messages of wire/registry.py in msgpack. Whatever is cut off, altered,
of another program or of a later format is refused as what it is. Pure.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import attrs

from mesos_py import __version__
from mesos_py.coordination import Key, Snapshot
from mesos_py.machine.values import Nanos
from mesos_py.wire.codec import msgpack
from mesos_py.wire.codec.errors import DecodeError

MAGIC = b"mesos-py registry backup\n"
FORMAT = 1
#: kinds of records that are no state: who led last is another one as soon as somebody leads
PASSING_KINDS = frozenset({"master"})

_HEAD = struct.Struct(">BQ32s")  # format, length, checksum


class BadBackup(Exception):
    """A file that nobody should restore; the text says why."""


@attrs.frozen(kw_only=True)
class Backup:
    """What a registry held, and when."""

    records: Mapping[Key, bytes]
    made_ns: Nanos
    #: where it was: the path of a file, or zk://...
    source: str
    epoch: int
    owner: str
    serial: int

    @staticmethod
    def of(snapshot: Snapshot, source: str, now: Nanos) -> Backup:
        return Backup(
            records=snapshot.records,
            made_ns=now,
            source=source,
            epoch=snapshot.epoch,
            owner=snapshot.owner,
            serial=snapshot.serial,
        )

    def encode(self) -> bytes:
        body = msgpack.pack(
            {
                "made_ns": self.made_ns,
                "source": self.source,
                "program": f"mesos_py {__version__}",
                "epoch": self.epoch,
                "owner": self.owner,
                "serial": self.serial,
                "state_hash": state_hash(self.records),
                "records": [[*key, contents] for key, contents in sorted(self.records.items())],
            }
        )
        return MAGIC + _HEAD.pack(FORMAT, len(body), sha256(body).digest()) + body

    @staticmethod
    def decode(data: bytes) -> Backup:
        """Raises BadBackup."""
        if not data.startswith(MAGIC):
            if data and MAGIC.startswith(data[: len(MAGIC)]):
                raise BadBackup("it is cut off in its first line")
            raise BadBackup("it is empty" if not data else "it is no backup of a registry")
        if len(data) > len(MAGIC) and data[len(MAGIC)] != FORMAT:
            raise BadBackup(f"it has format {data[len(MAGIC)]}; this program knows {FORMAT}: use the one that made it")
        start = len(MAGIC) + _HEAD.size
        if len(data) < start:
            raise BadBackup("it is cut off in its head")
        _, length, checksum = _HEAD.unpack_from(data, len(MAGIC))
        body = data[start:]
        if len(body) != length:
            what = "cut off" if len(body) < length else "longer than it should be"
            raise BadBackup(f"it is {what}: {len(body)} bytes instead of {length}")
        if sha256(body).digest() != checksum:
            raise BadBackup("it is damaged: its checksum does not match")
        return _of_body(body)


def state_hash(records: Mapping[Key, bytes]) -> str:
    """Equal for registries that say the same, in whatever order they were read, and for no others."""
    summed = sha256()
    for key, contents in sorted(records.items()):
        if key[0] not in PASSING_KINDS:
            summed.update(msgpack.pack([*key, contents]))
    return summed.hexdigest()


def _of_body(body: bytes) -> Backup:
    """Raises BadBackup: the checksum fits, so it was made like this."""
    try:
        match msgpack.unpack(body):
            case {
                "made_ns": int() as made_ns,
                "source": str() as source,
                "epoch": int() as epoch,
                "owner": str() as owner,
                "serial": int() as serial,
                "state_hash": str() as told,
                "records": list() as listed,
            }:
                records = dict(map(_record, listed))
            case _:
                raise BadBackup("it was not made by this program: something is missing in it")
    except DecodeError as error:
        raise BadBackup(f"it was not made by this program: {error}") from error
    if len(records) != len(listed) or state_hash(records) != told:
        raise BadBackup("it contradicts itself: its records do not have the state hash that it tells")
    return Backup(records=records, made_ns=made_ns, source=source, epoch=epoch, owner=owner, serial=serial)


def _record(entry: Any) -> tuple[Key, bytes]:
    match entry:
        case [str() as kind, str() as name, bytes() as contents]:
            return (kind, name), contents
    raise BadBackup("it was not made by this program: a record is none")
