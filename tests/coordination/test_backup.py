"""The file of a backup: what was put in comes out, and nothing else is taken for one."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesos_py.coordination import Key
from mesos_py.coordination.backup import FORMAT, MAGIC, Backup, BadBackup, state_hash
from mesos_py.wire.codec import msgpack

RECORDS: dict[Key, bytes] = {
    ("agents", "a"): b"contents of a",
    ("agents", "b/ü"): b"",
    ("gone", "c"): bytes(range(256)),
    ("master", ""): b"who led",
}
BACKUP = Backup(
    records=RECORDS, made_ns=1_700_000_000 * 10**9, source="zk://h:2181/mesos", epoch=3, owner="o", serial=9
)  # fmt: skip

records = st.dictionaries(
    st.tuples(st.sampled_from(["agents", "gone", "weights"]), st.text(max_size=5)), st.binary(max_size=10), max_size=5
)


def refusal(data: bytes) -> str:
    with pytest.raises(BadBackup) as caught:
        Backup.decode(data)
    return str(caught.value)


@given(records)
def test_what_was_put_in_comes_out(kept: dict[Key, bytes]) -> None:
    """Records, and where and when they were."""
    backup = attrs.evolve(BACKUP, records=kept)
    assert Backup.decode(backup.encode()) == backup


def test_the_same_registry_is_the_same_file() -> None:
    """In whatever order its records were read."""
    shuffled = list(RECORDS.items())
    random.Random(1).shuffle(shuffled)
    assert attrs.evolve(BACKUP, records=dict(shuffled)).encode() == BACKUP.encode()


# ---- files that nobody should restore


def test_cut_off_after_any_byte() -> None:
    """It is said to be cut off, or empty; never another backup, and never an error of ours."""
    whole = BACKUP.encode()
    told = {length: refusal(whole[:length]) for length in range(len(whole))}
    assert told[0] == "it is empty"
    assert all("cut off" in told[length] for length in range(1, len(whole)))
    assert "longer than it should be" in refusal(whole + b"\n")


def test_one_bit_anywhere() -> None:
    """Head and body alike."""
    whole = BACKUP.encode()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x04
        refusal(bytes(damaged))


@pytest.mark.parametrize("data", [b"\x00" * 500, b"SQLite format 3\0" + bytes(500), b"{}", b"mesos-py registry", MAGIC])
def test_other_files(data: bytes) -> None:
    """They are told to be none, but for what may be the beginning of one."""
    expected = "cut off" if MAGIC.startswith(data) else "no backup of a registry"
    assert expected in refusal(data)


def test_a_later_format() -> None:
    """Of a program that comes later: not "damaged", since there is something to do about it."""
    whole = bytearray(BACKUP.encode())
    whole[len(MAGIC)] = FORMAT + 1
    assert refusal(bytes(whole)) == f"it has format {FORMAT + 1}; this program knows {FORMAT}: use the one that made it"


@pytest.mark.parametrize("missing", ["records", "state_hash", "epoch"])
def test_made_by_somebody_else(missing: str) -> None:
    """A sound checksum over something that is no backup."""
    assert "not made by this program" in refusal(rebuilt(lambda body: body.pop(missing)))


def test_records_that_do_not_have_the_hash_they_are_said_to_have() -> None:
    """Somebody has edited it, and made a new checksum."""
    assert "contradicts itself" in refusal(rebuilt(lambda body: body["records"].pop(0)))
    assert "contradicts itself" in refusal(rebuilt(lambda body: body["records"].append(body["records"][0])))
    assert "a record is none" in refusal(rebuilt(lambda body: body["records"].append(["agents", 1, b""])))


def rebuilt(change: Callable[[Any], object]) -> bytes:
    """The backup with its body changed, and a checksum that fits."""
    body = msgpack.unpack(BACKUP.encode()[len(MAGIC) + 41 :])
    change(body)
    packed = msgpack.pack(body)
    return MAGIC + struct.pack(">BQ", FORMAT, len(packed)) + sha256(packed).digest() + packed


# ---- the hash


@given(records, records)
def test_the_hash_tells_registries_apart(one: dict[Key, bytes], other: dict[Key, bytes]) -> None:
    """Equal if and only if they say the same."""
    assert (state_hash(one) == state_hash(other)) == (one == other)


def test_the_hash_overlooks_who_led() -> None:
    """Another master leads as soon as one leads at all; that is no other state."""
    assert state_hash(RECORDS) == state_hash({key: data for key, data in RECORDS.items() if key[0] != "master"})
    assert state_hash({("a", "bc"): b""}) != state_hash({("ab", "c"): b""}) != state_hash({("a", "b"): b"c"})
