"""Batches survive the wire, and nothing but a batch gets through."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesos_py.transport.channel import decode_batch, encode_batch
from mesos_py.wire import internal
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus

MESSAGES = [
    internal.Pong(),
    internal.Ping(connected=False),
    internal.AgentRegistered(agent_id=AgentID("m-S0"), total_ping_timeout_seconds=75.0),
    internal.RunTask(
        framework=FrameworkInfo(user="root", name="f", id=FrameworkID("m-0000")),
        task=TaskInfo(
            name="t", task_id=TaskID("t"), agent_id=AgentID("m-S0"), command=CommandInfo(value="true"), data=b"\0" * 9
        ),
        launch_executor=True,
    ),
    internal.StatusUpdate(
        framework_id=FrameworkID("m-0000"),
        status=TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_RUNNING, uuid=b"u" * 16, timestamp=1.5),
        latest_state=TaskState.TASK_FINISHED,
    ),
    internal.ExitedExecutor(framework_id=FrameworkID("m-0000"), executor_id=ExecutorID("e"), status=-1),
]


def test_a_batch_arrives_as_it_was_sent() -> None:
    """Order, types and content of every message are kept."""
    assert decode_batch(encode_batch(MESSAGES)) == MESSAGES


def test_an_empty_batch_is_no_message() -> None:
    """Nothing in, nothing out."""
    assert decode_batch(encode_batch([])) == []


def test_every_tag_names_one_message() -> None:
    """A message without a tag could not be sent; two with the same would be confused."""
    declared = {v for v in vars(internal).values() if isinstance(v, type) and v.__module__ == internal.__name__}
    assert set(internal.TAGS.values()) == declared
    assert len(set(internal.TAGS.values())) == len(internal.TAGS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgpack.packb({}),
        msgpack.packb([1]),
        msgpack.packb([99, {}]),
        msgpack.packb(["1", {}]),
        msgpack.packb([23, None]),
        msgpack.packb([23, {}]),
        msgpack.packb([31, {1: "yes"}]),
        b"\x91" * 5000,
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    """What is not a batch is a DecodeError, whatever is wrong with it."""
    with pytest.raises(DecodeError):
        decode_batch(data)


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_decode_errors(data: bytes) -> None:
    """No input reaches a core unparsed and none raises anything else."""
    try:
        decode_batch(data)
    except DecodeError:
        return


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_batch_raises_nothing_but_decode_errors(at: int, byte: int) -> None:
    """One byte changed anywhere: either another valid batch or a DecodeError."""
    data = bytearray(encode_batch(MESSAGES))
    data[at % len(data)] = byte
    try:
        decode_batch(bytes(data))
    except DecodeError:
        return
