"""What a declaration becomes."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping

import attrs
import pytest

from mesos_py.wire import scheduler_api as api
from mesos_py.wire.codec import json, msgpack, protobuf
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.ids import AgentID, ContainerID, FrameworkID, TaskID
from mesos_py.wire.schema import WireEnum, evolve, fields, mapping, message, oneof, opt, payload_field, rep, req
from mesos_py.wire.task import TaskState, TaskStatus


@message
class Sample:
    """One field of each sort."""

    class Kind(WireEnum):
        ZERO = 0
        ONE = 1

    kind: Kind = opt(7, default=Kind.ONE)
    agent: AgentID | None = opt(1)
    count: int = req(2, kind="uint32")
    parts: tuple[Sample, ...] = rep(3)
    table: Mapping[str, TaskStatus] = mapping(4)
    left: str | None = oneof(5, "side")
    right: bytes | None = oneof(6, "side")


def test_fields() -> None:
    """Order of declaration, kinds from annotations."""
    assert [(f.name, f.number, f.label, f.kind, f.oneof) for f in fields(Sample)] == [
        ("kind", 7, "opt", "enum", None),
        ("agent", 1, "opt", "id", None),
        ("count", 2, "req", "uint32", None),
        ("parts", 3, "rep", "message", None),
        ("table", 4, "map", "message", None),
        ("left", 5, "opt", "string", "side"),
        ("right", 6, "opt", "bytes", "side"),
    ]


def test_construction() -> None:
    """Keyword only; unset is None, the default, an empty tuple, an own empty dict."""
    sample = Sample(count=1)
    assert (sample.kind, sample.agent, sample.parts, sample.table, sample.left) == (Sample.Kind.ONE, None, (), {}, None)
    assert sample.table is not Sample(count=1).table
    with pytest.raises(TypeError):
        Sample()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Sample(count=1, wrong=2)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        sample.wrong = 1  # type: ignore[attr-defined]


def test_values() -> None:
    """Equal by value, of one class only; hashable, so that a ContainerID can be a key."""
    one, two = (
        ContainerID(value="c", parent=ContainerID(value="p")),
        ContainerID(value="c", parent=ContainerID(value="p")),
    )
    assert one == two
    assert one != ContainerID(value="c")
    assert one != object()
    assert {one: 1}[two] == 1
    assert hash(Sample(count=1, table={"a": TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_LOST)})) is not None
    assert copy.copy(one) == pickle.loads(pickle.dumps(one)) == one


def test_repr_shows_what_is_set() -> None:
    """Messages have up to 55 fields."""
    assert repr(api.Call.Kill(task_id=TaskID("t"))) == "Call.Kill(task_id='t')"


def test_evolve() -> None:
    """A copy; field names are checked. attrs' own helpers work too."""
    call = api.Call(type=api.Call.Type.KILL, framework_id=FrameworkID("f"))
    changed = evolve(call, framework_id=FrameworkID("g"))
    assert (changed.framework_id, changed.type, call.framework_id) == ("g", api.Call.Type.KILL, "f")
    with pytest.raises(TypeError, match="frame"):
        evolve(call, frame=1)
    assert attrs.evolve(CommandInfo(), value="x") == CommandInfo(value="x")  # type: ignore[misc]
    assert [field.name for field in attrs.fields(CommandInfo)][:2] == ["uris", "environment"]  # type: ignore[arg-type]


def test_payload_field() -> None:
    """The union trick holds for every call and event that has a payload."""
    assert payload_field(api.Call.Type.ACCEPT_INVERSE_OFFERS) == "accept_inverse_offers"
    assert payload_field(api.Event.Type.UPDATE) in {field.name for field in fields(api.Event)}


def test_doubled_numbers_are_refused() -> None:
    """A slip in a declaration is found at import."""
    with pytest.raises(TypeError, match="twice"):

        @message
        class Wrong:
            a: str = req(1)
            b: str = req(1)


def test_frozen_when_asked() -> None:
    """With MESOS_PY_FREEZE messages refuse assignment, and all codecs still work."""
    script = (
        "from mesos_py.wire.codec import json, msgpack, protobuf\n"
        "from mesos_py.wire.value import Label\n"
        "label = Label(key='k')\n"
        "for codec in (json, msgpack, protobuf):\n"
        "    assert codec.decode(Label, codec.encode(label)) == label\n"
        "try:\n"
        "    label.key = 'x'\n"
        "except AttributeError as error:\n"
        "    print(type(error).__name__)\n"
    )
    environment = os.environ | {"MESOS_PY_FREEZE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "FrozenInstanceError\n"


def test_all_codecs_take_a_new_declaration() -> None:
    """Nothing but the declaration is needed."""
    sample = Sample(count=3, parts=(Sample(count=1, left="l"),), right=b"r", kind=Sample.Kind.ZERO)
    for codec in (json, protobuf, msgpack):
        assert codec.decode(Sample, codec.encode(sample)) == sample


def test_importing_an_api_is_cheap() -> None:
    """An executor starts with the words it needs: no codec library, none of the statistics."""
    script = (
        "import sys, mesos_py.wire.executor_api\n"
        "loaded = {'orjson', 'msgpack', 'mesos_py.wire.stats', 'mesos_py.wire.master_api'}\n"
        "print(sorted(loaded & set(sys.modules)))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
