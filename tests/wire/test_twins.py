"""All three codecs on every message class; protobuf against google.protobuf, JSON against its plain twin."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.wire.codec import json, msgpack, protobuf
from mesos_py.wire.codec.json_lenient import convert
from tests.wire.samples import ALL, name_of, sample
from tests.wire.twin import twin_class, twin_of

each_class = pytest.mark.parametrize("cls", ALL, ids=name_of)
few = settings(max_examples=4, deadline=None, database=None)
seeds = st.integers(0, 2**32)


def test_there_are_all_messages() -> None:
    """The walk over the modules finds what the wire document lists (457 messages without ids and internal ones)."""
    assert len(ALL) > 440


@each_class
@few
@given(seed=seeds)
def test_protobuf_agrees_with_google(cls: type, seed: int) -> None:
    """We write what google.protobuf writes, and read what it writes."""
    message = sample(cls, seed)
    ours = protobuf.encode(message)
    theirs = twin_of(message).SerializeToString(deterministic=True)
    parsed = twin_class(cls)()
    assert parsed.ParseFromString(ours) == len(ours)
    assert parsed.SerializeToString(deterministic=True) == theirs
    assert len(ours) == len(theirs)
    assert protobuf.decode(cls, theirs) == message
    assert protobuf.decode(cls, ours) == message


@each_class
@few
@given(seed=seeds)
def test_json_round_trip(cls: type, seed: int) -> None:
    """What we print we read, and the compiled decoder reads what the plain one does."""
    message = sample(cls, seed)
    text = json.encode(message)
    assert json.decode(cls, text) == message
    assert json.from_value(cls, json.to_value(message)) == message
    if b"Infinity" not in text:
        assert convert(cls, orjson.loads(text)) == message


@each_class
@few
@given(seed=seeds)
def test_msgpack_round_trip(cls: type, seed: int) -> None:
    """What one of our programs says another understands."""
    message = sample(cls, seed)
    assert msgpack.decode(cls, msgpack.encode(message)) == message
