"""What we do not know passes through: a framework's newer fields reach its executor."""

from __future__ import annotations

import pytest

from mesos_py.wire import internal
from mesos_py.wire.codec import json, msgpack, protobuf
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.codec.protobuf_wire import varint
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.health import CheckInfo
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo
from mesos_py.wire.value import Label

TASK = {"name": "n", "task_id": {"value": "t"}, "agent_id": {"value": "a"}, "new": {"x": [1, None, "y"]}}
TASK |= {"command": {"shell": True, "value": "true", "newer": 2.5}}
FRAMEWORK = FrameworkInfo(user="u", name="f")


def through_the_agent(task: TaskInfo) -> TaskInfo:
    """What an executor gets of a task that the master was given."""
    run = internal.RunTask(framework=FRAMEWORK, task=task, launch_executor=True)
    return msgpack.decode(internal.RunTask, msgpack.encode(run)).task


def test_json_members_reach_the_executor() -> None:
    """From a JSON framework to a JSON executor, at every level of the task."""
    task = json.from_value(TaskInfo, TASK)
    assert json.to_value(task) == TASK
    assert json.to_value(through_the_agent(task)) == TASK


def test_protobuf_fields_reach_the_executor() -> None:
    """From a protobuf framework to a protobuf executor, byte for byte."""
    known = protobuf.encode(
        json.from_value(TaskInfo, {k: v for k, v in TASK.items() if k in ("name", "task_id")} | TASK)
    )
    strange = varint(900 << 3) + b"\x05" + varint(901 << 3 | 2) + b"\x03abc" + varint(902 << 3 | 1) + b"12345678"
    strange += varint(903 << 3 | 5) + b"1234" + varint(904 << 3 | 3) + b"\x08\x01" + varint(904 << 3 | 4)
    task = protobuf.decode(TaskInfo, known + strange)
    assert task.unknown_fields == strange  # type: ignore[attr-defined]
    assert protobuf.encode(task) == known + strange
    assert protobuf.encode(through_the_agent(task)) == known + strange
    assert json.to_value(task) == {k: v for k, v in TASK.items() if k != "new"} | {
        "command": {"shell": True, "value": "true"}
    }


def test_unknown_enum_numbers_are_kept() -> None:
    """The field is unset for us, and still there for the next reader."""
    data = b"\x08\x63"
    check = protobuf.decode(CheckInfo, data)
    assert check.type is None
    assert protobuf.encode(check) == data


def test_wrong_wire_types_are_unknown() -> None:
    """A known number with another wire type is another field."""
    data = b"\x0a\x01k" + b"\x10\x07"
    label = protobuf.decode(Label, data)
    assert label.value is None
    assert protobuf.encode(label) == data


def test_newer_msgpack_fields_are_kept() -> None:
    """A newer program of ours may have added fields, next to what it kept itself."""
    value = {1: "k", 77: {"a": [b"x", 1]}, 0: [b"\x98\x06\x01", {"new": 1}]}
    label = msgpack.from_value(Label, value)
    assert msgpack.to_value(label) == value
    assert protobuf.encode(label) == b"\x0a\x01k\x98\x06\x01"
    assert json.to_value(label) == {"key": "k", "new": 1}


@pytest.mark.parametrize("value", [{"x": 1}, {-1: 1}, {0: 1}, {0: [1]}, {0: {1: 2}}, {0: {"a": b"x"}}])
def test_nonsense_in_msgpack_is_refused(value: dict[object, object]) -> None:
    """Only field numbers are keys, only bytes and JSON members are foreign."""
    with pytest.raises(DecodeError):
        msgpack.from_value(Label, {1: "k"} | value)


def test_evolve_keeps_them() -> None:
    """A changed copy still carries what was unknown; a known member is not printed twice."""
    label = json.from_value(Label, {"key": "k", "new": 1})
    assert json.to_value(evolve(label, value="v")) == {"key": "k", "value": "v", "new": 1}
    assert evolve(label, value="v") != Label(key="k", value="v")
