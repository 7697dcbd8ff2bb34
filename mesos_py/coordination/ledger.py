"""How records are sealed, and the ledger that tells whether all of them are there.

Each record is kept as version byte, checksum of its key and contents, contents: a record that was cut off, altered or
moved is found out. Beside the records stands one ledger::

    epoch    how many owners there have been; each one adds one
    owner    the owner's own mark, a random text
    serial   how many times this owner has written
    count    how many records there are
    total    all their checksums, exclusive-or: a record that is missing, foreign or of yesterday is found out
    intent   parts of a large commit that is decided but not yet carried out (only where commits are bounded)

Every write replaces the ledger it knows with the next one, and succeeds only if the old one still stands. That is the
fence (a new owner has replaced the ledger), and the receipt (a write of unknown outcome happened if and only if its
ledger stands there). Pure: nothing here touches a store, or knows whether the records are those of masters or of an
agent.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import attrs

from mesos_py.coordination import Changes, Corrupt, Damaged, Key, Spares, nothing_spared
from mesos_py.wire.codec import msgpack
from mesos_py.wire.codec.errors import DecodeError

VERSION = 1
_HEAD = struct.Struct(">BQ")  # version, checksum
LEDGER_KEY: Key = ("ledger", "")
UNFINISHED = -1  # number of records that no registry has: the ledger of one that is being put in order


def seal(key: Key, contents: bytes) -> bytes:
    """The bytes that are kept for a record."""
    return _HEAD.pack(VERSION, _sum(key, contents)) + contents


def unseal(key: Key, data: bytes) -> bytes:
    """The contents of a record as kept. Raises Corrupt."""
    what = f"the record {'/'.join(part for part in key if part)}"
    if len(data) < _HEAD.size:
        raise Corrupt(f"{what} is cut off: {len(data)} bytes are left of it")
    version, checksum = _HEAD.unpack_from(data)
    if version != VERSION:
        raise Corrupt(f"{what} has format {version}; this program knows {VERSION}")
    contents = bytes(data[_HEAD.size :])
    if _sum(key, contents) != checksum:
        raise Corrupt(f"{what} is damaged: its checksum does not match")
    return contents


def checksum_of(sealed: bytes) -> int:
    """The checksum a sealed record carries."""
    checksum: int = _HEAD.unpack_from(sealed)[1]
    return checksum


def _sum(key: Key, contents: bytes) -> int:
    """Not a CRC: those of records that were changed alike would cancel each other out in the total."""
    kind, name = key
    return int.from_bytes(blake2b(f"{kind}\0{name}\0".encode() + contents, digest_size=8).digest(), "big")


@attrs.frozen
class Ledger:
    """See above."""

    epoch: int = 0
    owner: str = ""
    serial: int = 0
    count: int = 0
    total: int = 0
    intent: int = 0

    def encode(self) -> bytes:
        fields = [self.epoch, self.owner, self.serial, self.count, self.total, self.intent]
        return seal(LEDGER_KEY, msgpack.pack(fields))

    @staticmethod
    def decode(data: bytes) -> Ledger:
        """Raises Corrupt."""
        try:
            match msgpack.unpack(unseal(LEDGER_KEY, data)):
                case [int() as epoch, str() as owner, int() as serial, int() as count, int() as total, int() as intent]:
                    return Ledger(epoch, owner, serial, count, total, intent)
        except DecodeError as error:
            raise Corrupt(f"the ledger cannot be read: {error}") from error
        raise Corrupt("the ledger cannot be read")

    def claimed(self, owner: str, **changed: Any) -> Ledger:
        """The next epoch, owned by ``owner``; what is ``changed`` thereby."""
        return attrs.evolve(self, epoch=self.epoch + 1, owner=owner, serial=0, **changed)

    def next(self, **changed: Any) -> Ledger:
        """This owner's next write; what is ``changed`` by it."""
        return attrs.evolve(self, serial=self.serial + 1, **changed)


@attrs.frozen
class Change:
    """One record to be written: ``data`` is sealed, None deletes."""

    key: Key
    data: bytes | None
    #: nothing is kept under the key yet
    is_new: bool


class Book:
    """What an owner knows of the records: the checksum of each."""

    def __init__(self, spares: Spares = nothing_spared) -> None:
        self._spares = spares
        self._sums: dict[Key, int] = {}
        self._total = 0

    def enter(self, key: Key, sealed: bytes) -> bytes:
        """The record is among those that were found; its contents, or, of one that is spared, what is left of them: it
        still has its place in the ledger, by the checksum that it carries. Raises Corrupt."""
        try:
            contents = unseal(key, sealed)
        except Corrupt:
            if not self._spares(key) or len(sealed) < _HEAD.size:
                raise
            contents = Damaged(sealed[_HEAD.size :])
        self._sums[key] = checksum_of(sealed)
        self._total ^= self._sums[key]
        return contents

    def enter_all(self, kept: Mapping[Key, bytes]) -> dict[Key, bytes]:
        """The contents of all of ``kept``. Raises Corrupt."""
        return {key: self.enter(key, sealed) for key, sealed in kept.items()}

    def check(self, ledger: Ledger) -> None:
        """What was found is what ``ledger`` says. Raises Corrupt."""
        if ledger.count == UNFINISHED:
            raise Corrupt("a restore was broken off")
        if len(self._sums) != ledger.count:
            raise Corrupt(f"there should be {ledger.count} records but there are {len(self._sums)}")
        if self._total != ledger.total:
            raise Corrupt("there is another record than the one that was written")

    def plan(self, changes: Changes) -> list[Change]:
        """What has to be written for ``changes``; what is as wanted already is left out."""
        planned = []
        for key, contents in changes.items():
            known = self._sums.get(key)
            if contents is None:
                if known is not None:
                    planned.append(Change(key, None, is_new=False))
            else:
                planned.append(Change(key, seal(key, contents), is_new=known is None))
        return planned

    def after(self, planned: list[Change]) -> tuple[int, int]:
        """Count and total of the ledger once ``planned`` is written."""
        count, total = len(self._sums), self._total
        for change in planned:
            if not change.is_new:
                total ^= self._sums[change.key]
            if change.data is None:
                count -= 1
            else:
                total ^= checksum_of(change.data)
                count += change.is_new
        return count, total

    def done(self, planned: list[Change]) -> None:
        """``planned`` is written."""
        _, self._total = self.after(planned)
        for change in planned:
            if change.data is None:
                del self._sums[change.key]
            else:
                self._sums[change.key] = checksum_of(change.data)


def plan_replacement(kept: Mapping[Key, bytes], wanted: Mapping[Key, bytes]) -> list[Change]:
    """What has to be written where ``kept`` stands so that ``wanted`` does (both sealed)."""
    planned = [Change(key, None, is_new=False) for key in kept if key not in wanted]
    planned += [Change(key, data, is_new=key not in kept) for key, data in wanted.items() if kept.get(key) != data]
    return planned


def sums(kept: Mapping[Key, bytes]) -> dict[str, int]:
    """What the ledger of ``kept`` (sealed) says of them."""
    total = 0
    for data in kept.values():
        total ^= checksum_of(data)
    return {"count": len(kept), "total": total}
