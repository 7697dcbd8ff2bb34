"""What the protobuf codec does where senders have a choice, and with input that no sender makes."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mesos_py.wire import scheduler_api as api
from mesos_py.wire.codec import protobuf
from mesos_py.wire.codec.errors import ProtobufError
from mesos_py.wire.codec.protobuf_wire import varint
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.health import CheckInfo, HealthCheck
from mesos_py.wire.ids import AgentID, ContainerID, OfferID, TaskID
from mesos_py.wire.linux import CapabilityInfo
from mesos_py.wire.misc import FileInfo
from mesos_py.wire.offer import Filters
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import Label, TimeInfo, Value


def block(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


ID = block(1, b"t")
STATUS = block(1, ID) + b"\x10\x01"
CAPABILITY = CapabilityInfo.Capability
RUNNING = TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_RUNNING)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", Filters()),
        (STATUS, RUNNING),
        (b"\x10\x05" + STATUS, RUNNING),  # the last value of a field counts
        (block(1, block(1, b"old")) + STATUS, RUNNING),
        (block(1, block(1, b"x" * 300) + ID) + b"\x10\x01", RUNNING),
        (b"\x90\x00\x01" + STATUS, RUNNING),  # a tag may be longer than needed
        (b"\x08\x50\x20\x01\x20\x02", HealthCheck.HTTPCheckInfo(port=80, statuses=(1, 2))),
        (b"\x08\x50" + block(4, b"\x01\xac\x02"), HealthCheck.HTTPCheckInfo(port=80, statuses=(1, 300))),
        (b"\x08\xd0\x80\x80\x80\x10", HealthCheck.HTTPCheckInfo(port=80)),  # uint32 is cut to 32 bits
        (block(1, b"\x00\xe8\x07"), CapabilityInfo(capabilities=(CAPABILITY.UNKNOWN, CAPABILITY.CHOWN))),
        (b"\x08" + b"\xff" * 9 + b"\x01", TimeInfo(nanoseconds=-1)),
        (block(1, b"a\xffb"), Label(key="a\ufffdb")),
        (block(1, ID), api.Event.Rescind(offer_id=OfferID("t"))),
    ],
)
def test_reading(data: bytes, message: Any) -> None:
    """Packed or not, in pieces or whole, oddly long or not: proto2 readers take it."""
    assert protobuf.decode(type(message), data) == message


def test_pieces_of_a_message_are_merged() -> None:
    """A message field given twice is the message of both."""
    first = block(2, block(1, block(1, block(1, b"A") + block(2, b"1"))))
    second = block(2, block(1, block(1, block(1, b"B") + block(2, b"2"))))
    merged = protobuf.decode(CommandInfo, first + second + first)
    assert merged.environment is not None
    one_by_one = protobuf.decode(CommandInfo, first).environment, protobuf.decode(CommandInfo, second).environment
    assert one_by_one[0] is not None
    assert one_by_one[1] is not None
    a, b = one_by_one[0].variables, one_by_one[1].variables
    assert merged.environment.variables == (*a, *b, *a)


def test_a_piece_may_lack_what_another_has() -> None:
    """Only all pieces together need the required fields; a million pieces are read in one go."""
    start, length = b"\x08\x50", block(2, b"/")
    assert protobuf.decode(CheckInfo, block(3, length) + block(3, start)).http == CheckInfo.Http(port=80, path="/")
    with pytest.raises(ProtobufError):
        protobuf.decode(CheckInfo, block(3, length) + block(3, length))
    pieces = protobuf.decode(CheckInfo, block(3, start) * 100_000 + b"\xf8\x06\x01" * 100_000)
    assert pieces.http == CheckInfo.Http(port=80)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x0a", "truncated"),
        (b"\x0a\x05t", "truncated"),
        (STATUS[:-1], "truncated"),
        (b"\x10\x01", "TaskStatus lacks task_id"),
        (block(1, b"") + b"\x10\x01", "id without value"),
        (STATUS + b"\x31\x00", "truncated"),
        (STATUS + b"\x10" + b"\xff" * 10 + b"\x01", "varint longer than 10 bytes"),
        (STATUS + b"\x00\x00", "no field has this number"),
        (STATUS + b"\x07", "no field has this number"),
        (STATUS + b"\xa7\x06", "unknown wire type"),
        (STATUS + b"\xa4\x06", "unexpected end of group"),
        (STATUS + b"\xa3\x06" * 200, "unknown wire type"),
        (STATUS + block(13, b"\x18"), "truncated"),  # a value that would end outside of its message
        (STATUS + block(13, b"\x18\xff") + b"\x30\x00", "truncated"),
        (STATUS + block(1000, b"x" * 10)[:-1], "truncated"),
        (block(1, ID) + b"\x10\x63", "TaskStatus lacks state"),
    ],
)
def test_refusing(data: bytes, reason: str) -> None:
    """Malformed input is refused with Mesos' text; why is for our own eyes."""
    with pytest.raises(ProtobufError) as caught:
        protobuf.decode(TaskStatus, data)
    assert str(caught.value) == "Failed to parse body into TaskStatus protobuf"
    assert caught.value.reason == reason


def test_every_cut_is_noticed() -> None:
    """No prefix of a message whose last field is required is taken for a message."""
    data = protobuf.encode(api.Call.Kill(task_id=TaskID("t" * 200)))
    for end in range(len(data)):
        with pytest.raises(ProtobufError):
            protobuf.decode(api.Call.Kill, data[:end])


def test_nesting_is_bounded() -> None:
    """A hundred containers within each other are enough."""
    data = block(1, b"c")
    for _ in range(90):
        data = block(1, b"c") + block(2, data)
    assert protobuf.decode(ContainerID, data).parent is not None
    for _ in range(3000):
        data = block(1, b"c") + block(2, data)
    with pytest.raises(ProtobufError):
        protobuf.decode(ContainerID, data)


def test_defaults_are_left_out_required_are_not() -> None:
    """A field that holds its proto default is not sent; a required one always is."""
    assert protobuf.encode(Filters(refuse_seconds=5.0)) == b""
    assert protobuf.encode(Filters(refuse_seconds=0)) == b"\x09" + b"\x00" * 8
    assert protobuf.encode(Value.Scalar(value=0)) == b"\x09" + b"\x00" * 8
    assert protobuf.decode(CommandInfo, protobuf.encode(CommandInfo(shell=False))).shell is False


def test_maps() -> None:
    """An entry without key or value has the default of it; of equal keys the last counts."""
    base = TaskInfo(name="n", task_id=TaskID("t"), agent_id=AgentID("a"))
    scalar = b"\x09" + b"\x00" * 8
    data = protobuf.encode(base) + block(15, block(2, scalar)) + block(15, block(1, b"k") + block(2, scalar))
    assert set(protobuf.decode(TaskInfo, data).limits) == {"", "k"}
    with pytest.raises(ProtobufError):  # a Scalar without its required value
        protobuf.decode(TaskInfo, protobuf.encode(base) + block(15, block(1, b"k")))


def test_oneof_keeps_the_last() -> None:
    """Setting one member clears the others; we never send two."""
    selector = api.AttributeConstraint.Selector
    by_name, by_kind = block(2, b"rack"), b"\x08\x03"
    assert protobuf.decode(selector, by_kind + by_name) == selector(attribute_name="rack")
    assert protobuf.decode(selector, by_name + by_kind).attribute_name is None
    with pytest.raises(ValueError, match="only one of"):
        protobuf.encode(selector(attribute_name="a", pseudoattribute_type=selector.PseudoattributeType.ZONE))


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_ints_out_of_range_are_our_bug(number: int) -> None:
    """Encoding does not cut ints silently."""
    with pytest.raises(ValueError, match="is no int64"):
        protobuf.encode(TimeInfo(nanoseconds=number))


def test_text_that_is_no_unicode() -> None:
    """A file name with a stray byte does not stop an answer."""
    assert protobuf.decode(FileInfo, protobuf.encode(FileInfo(path="a\udc80"))).path == "a?"


def test_nan_travels() -> None:
    """NaN is a double like any other."""
    assert math.isnan(protobuf.decode(Value.Scalar, protobuf.encode(Value.Scalar(value=math.nan))).value)
