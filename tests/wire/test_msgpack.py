"""msgpack between our own programs."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.wire.codec import msgpack
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.constraints import AttributeConstraint
from mesos_py.wire.health import CheckInfo
from mesos_py.wire.ids import ContainerID, TaskID
from mesos_py.wire.misc import FileInfo
from mesos_py.wire.offer import Filters
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.value import TimeInfo, Value

RUNNING = TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_RUNNING)


@pytest.mark.parametrize(
    ("message", "value"),
    [
        (RUNNING, {1: "t", 2: 1}),
        (Filters(), {}),
        (Filters(refuse_seconds=1), {1: 1.0}),
        (CommandInfo(shell=False, arguments=("a",)), {6: False, 7: ("a",)}),
        (Value.Ranges(range=(Value.Range(begin=1, end=2),)), {1: [{1: 1, 2: 2}]}),
        (ContainerID(value="c", parent=ContainerID(value="p")), {1: "c", 2: {1: "p"}}),
        (FileInfo(path="a\udc80"), {1: "a\udc80"}),
    ],
)
def test_form(message: Any, value: Any) -> None:
    """Field numbers as keys, ids bare, enums as numbers, defaults left out."""
    assert msgpack.to_value(message) == value
    assert msgpack.decode(type(message), msgpack.pack(value)) == message


@pytest.mark.parametrize(
    ("cls", "value"),
    [
        (TaskStatus, {2: 1}),
        (TaskStatus, {1: "t"}),
        (TaskStatus, {1: "t", 2: 99}),
        (TaskStatus, {1: "t", 2: "TASK_RUNNING"}),
        (TaskStatus, {1: b"t", 2: 1}),
        (TaskStatus, {1: "t", 2: 1, 8: 1}),
        (TaskStatus, {1: "t", 2: 1, 6: 1}),
        (TaskStatus, {1: "t", 2: 1, 12: []}),
        (TaskStatus, []),
        (TimeInfo, {1: 2**63}),
        (CommandInfo, {7: "a"}),
        (CommandInfo, {7: [1]}),
        (AttributeConstraint.Selector, {1: 1, 2: "a"}),
    ],
)
def test_refusals(cls: type, value: Any) -> None:
    """No leniency: only our own programs write this."""
    with pytest.raises(DecodeError):
        msgpack.from_value(cls, value)


def test_unknown_enum_number_is_unset() -> None:
    """As in protobuf."""
    assert msgpack.from_value(CheckInfo, {1: 99}) == CheckInfo()


@pytest.mark.parametrize(
    "data", [b"", b"\x81", b"\xc1", b"\x80\x80", b"\x81\x80\x01", b"\x91" * 2000, b"\x81\x01" * 600]
)
def test_not_msgpack(data: bytes) -> None:
    """Nothing but DecodeError, whatever the bytes."""
    with pytest.raises(DecodeError):
        msgpack.decode(ContainerID, data)


def test_nesting_is_bounded() -> None:
    """A hundred containers within each other are enough."""
    value: dict[int, Any] = {1: "c"}
    for _ in range(200):
        value = {1: "c", 2: value}
    with pytest.raises(DecodeError):
        msgpack.from_value(ContainerID, value)
