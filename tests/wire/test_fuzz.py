"""Whatever arrives, a decoder gives a message or DecodeError; and what it accepted can be encoded again."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.wire import agent_api, executor_api, internal, master_api
from mesos_py.wire import scheduler_api as api
from mesos_py.wire.codec import json, msgpack, protobuf
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.task import TaskInfo, TaskStatus
from tests.wire.samples import sample

CLASSES = (
    api.Call,
    api.Event,
    executor_api.Call,
    master_api.Call,
    agent_api.Call,
    internal.RunTask,
    TaskInfo,
    TaskStatus,
    ContainerID,
)
CODECS: tuple[Any, ...] = (json, protobuf, msgpack)
fuzz = settings(max_examples=150, deadline=None, database=None)
classes = st.sampled_from(CLASSES)
codecs = st.sampled_from(CODECS)

names = st.sampled_from(("type", "value", "kill", "accept", "operations", "task_id", "launch", "limits", "uuid", "x"))
ints = st.integers(-(2**63), 2**64 - 1)  # more than that no JSON or msgpack parser hands over
scalars = st.none() | st.booleans() | ints | st.floats() | st.text(max_size=5) | st.sampled_from(("KILL", "1"))
trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4))
numbered = st.recursive(
    scalars | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(-1, 20), inner, max_size=4),
)


def survives(codec: Any, cls: type, data: bytes) -> None:
    """Decode; if that works, all codecs can encode the result."""
    try:
        message = codec.decode(cls, data)
    except DecodeError:
        return
    for other in CODECS:
        other.encode(message)


@fuzz
@given(codecs, classes, st.binary(max_size=80))
def test_random_bytes(codec: Any, cls: type, data: bytes) -> None:
    """Noise."""
    survives(codec, cls, data)


@fuzz
@given(codecs, classes, st.integers(0, 2**32))
def test_mutated_messages(codec: Any, cls: type, seed: int) -> None:
    """Real messages with some bytes changed, lost, doubled."""
    rng = random.Random(seed)
    data = bytearray(codec.encode(sample(cls, seed))[:5000])
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        data[at : at + rng.choice((0, 1, 3))] = rng.choice(
            (b"", b"\xff", rng.randbytes(1), b"\x00", data[at : at + 20])
        )
    survives(codec, cls, bytes(data))


@fuzz
@given(classes, trees)
def test_any_json_value(cls: type, value: Any) -> None:
    """Well-formed JSON of any shape under names we know."""
    try:
        message: Any = json.from_value(cls, value)
    except DecodeError:
        return
    for codec in CODECS:
        codec.encode(message)


@fuzz
@given(classes, numbered)
def test_any_msgpack_value(cls: type, value: Any) -> None:
    """Well-formed msgpack of any shape under numbers we know."""
    try:
        message: Any = msgpack.from_value(cls, value)
    except DecodeError:
        return
    for codec in CODECS:
        codec.encode(message)
