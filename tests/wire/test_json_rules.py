"""How Mesos maps protobuf to JSON, rule by rule."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest

from mesos_py.wire import agent_api, master_api
from mesos_py.wire import scheduler_api as api
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.codec import json
from mesos_py.wire.codec.errors import ConversionError, DecodeError, JSONSyntaxError
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.health import HealthCheck
from mesos_py.wire.ids import AgentID, ContainerID, TaskID
from mesos_py.wire.image import Image
from mesos_py.wire.misc import FileInfo, Metric
from mesos_py.wire.offer import Filters
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import Label, Labels, TimeInfo, Value
from mesos_py.wire.volume import Volume

STATUS = {"task_id": {"value": "t"}, "state": "TASK_RUNNING"}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Filters(), '{"refuse_seconds":5.0}'),
        (Filters(refuse_seconds=1), '{"refuse_seconds":1.0}'),
        (FrameworkInfo(user="u", name="n"), '{"user":"u","name":"n","failover_timeout":0.0,"checkpoint":false}'),
        (CommandInfo(value="x"), '{"shell":true,"value":"x"}'),
        (CommandInfo.URI(value="u"), '{"value":"u","extract":true}'),
        (AgentInfo(hostname="h"), '{"hostname":"h","port":5051}'),
        (ContainerInfo.DockerInfo(image="i"), '{"image":"i","network":"HOST","privileged":false}'),
        (Image(type=Image.Type.APPC), '{"type":"APPC","cached":true}'),
        (
            HealthCheck(),
            (
                '{"delay_seconds":15.0,"interval_seconds":10.0,"timeout_seconds":20.0,'
                '"consecutive_failures":3,"grace_period_seconds":10.0}'
            ),
        ),
        (Resource(name="cpus", type=Value.Type.SCALAR), '{"name":"cpus","type":"SCALAR"}'),
        (Resource(name="c", type=Value.Type.SET, role="r"), '{"name":"c","type":"SET","role":"r"}'),
        (Value.Scalar(value=0.1), '{"value":0.1}'),
        (Value.Scalar(value=1e22), '{"value":1e+22}'),
        (Value.Scalar(value=-0.0), '{"value":-0.0}'),
        (Value.Scalar(value=math.inf), '{"value":Infinity}'),
        (Value.Scalar(value=-math.inf), '{"value":-Infinity}'),
        (TimeInfo(nanoseconds=2**63 - 1), '{"nanoseconds":9223372036854775807}'),
        (Value.Range(begin=0, end=2**64 - 1), '{"begin":0,"end":18446744073709551615}'),
        (Labels(), "{}"),
        (Resource.SharedInfo(), "{}"),
        (
            TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_LOST, uuid=b"\xff" * 16, healthy=False),
            '{"task_id":{"value":"t"},"state":"TASK_LOST","uuid":"/////////////////////w==","healthy":false}',
        ),
        (
            agent_api.Call.LaunchContainer(
                container_id=ContainerID(value="c", parent=ContainerID(value="p")),
                limits={"cpus": Value.Scalar(value=1.5), "mem": Value.Scalar(value=math.inf)},
            ),
            (
                '{"container_id":{"value":"c","parent":{"value":"p"}},'
                '"limits":{"cpus":{"value":1.5},"mem":{"value":Infinity}}}'
            ),
        ),
        (FileInfo(path="a\udc80b"), '{"path":"a\ufffdb"}'),
    ],
)
def test_printing(message: Any, text: str) -> None:
    """Defaults that are not deprecated show always; other unset and empty fields never; doubles have a point."""
    assert json.encode(message) == text.encode()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"refuse_seconds": "1.5"}, Filters(refuse_seconds=1.5)),
        ({"refuse_seconds": 7}, Filters(refuse_seconds=7.0)),
        ({"refuse_seconds": "Infinity"}, Filters(refuse_seconds=math.inf)),
        ({"refuse_seconds": "-Infinity"}, Filters(refuse_seconds=-math.inf)),
        ({"refuse_seconds": None}, Filters()),
        ({"refuse_seconds": None, "new": None}, Filters()),
        ({"shell": "false"}, CommandInfo(shell=False)),
        ({"arguments": "one"}, CommandInfo(arguments=("one",))),
        ({"arguments": ["a", None, ["b"]]}, CommandInfo(arguments=("a", "b"))),
        ({"arguments": []}, CommandInfo()),
        ({"uris": {"value": "u"}}, CommandInfo(uris=(CommandInfo.URI(value="u"),))),
    ],
)
def test_leniency(value: Any, message: Any) -> None:
    """Numbers and booleans may be strings, null is unset, a single value stands for a list of one."""
    assert json.from_value(type(message), value) == message
    assert json.decode(type(message), orjson.dumps(value)) == message


@pytest.mark.parametrize(
    ("uuid", "expected"),
    [("AAEC", b"\0\1\2"), ("AAE=", b"\0\1"), ("AAE", b"\0\1"), ("AA EC\n", b"\0\1\2"), ("", b""), ("AAECA", b"\0\1\2")],
)
def test_base64(uuid: str, expected: bytes) -> None:
    """White space is skipped and padding may be absent."""
    assert json.from_value(TaskStatus, STATUS | {"uuid": uuid}).uuid == expected


def test_enums() -> None:
    """An unknown name is unset, or skipped in a list; the number 0 has a name like any other."""
    assert json.from_value(api.Call, {"type": "FOO"}).type is None
    assert json.from_value(api.Call, {"type": "UNKNOWN"}).type is api.Call.Type.UNKNOWN
    assert json.from_value(HealthCheck, {"type": "NEW"}).type is None
    starting = {"task_id": {"value": "t"}, "state": "TASK_STARTING"}
    assert json.from_value(TaskStatus, starting).state is TaskState.TASK_STARTING


def test_oneof() -> None:
    """Of several members of a oneof the last in alphabetical order is kept; we never print two."""
    selector = api.AttributeConstraint.Selector
    both = {"pseudoattribute_type": "ZONE", "attribute_name": "rack"}
    assert json.from_value(selector, both) == selector(pseudoattribute_type=selector.PseudoattributeType.ZONE)
    with pytest.raises(ValueError, match="only one of"):
        json.encode(selector(pseudoattribute_type=selector.PseudoattributeType.ZONE, attribute_name="rack"))


@pytest.mark.parametrize(
    ("cls", "value", "text"),
    [
        (api.Call, [], "Expecting a JSON object"),
        (api.Call, None, "Expecting a JSON object"),
        (api.Call, {"type": 1}, "Not expecting a JSON number for field 'type'"),
        (api.Call, {"type": True}, "Not expecting a JSON boolean for field 'type'"),
        (api.Call, {"type": {}}, "Not expecting a JSON object for field 'type'"),
        (api.Call, {"type": ["KILL"]}, "Not expecting a JSON array for field 'type'"),
        (api.Call, {"kill": "x"}, "Not expecting a JSON string for field 'kill'"),
        (api.Call, {"framework_id": "x"}, "Not expecting a JSON string for field 'framework_id'"),
        (api.Call, {"framework_id": {"value": 1}}, "Not expecting a JSON number for field 'value'"),
        (api.Call, {"framework_id": {}}, "Missing required fields: framework_id.value"),
        (api.Call, {"kill": {}, "accept": 1}, "Not expecting a JSON number for field 'accept'"),
        (
            api.Call,
            {"subscribe": {"framework_info": {}}, "kill": {}},
            "Missing required fields: subscribe.framework_info.user, subscribe.framework_info.name, kill.task_id",
        ),
        (TaskStatus, {"task_id": {"value": "t"}, "state": "NEW"}, "Failed to find enum for 'NEW'"),
        (TaskStatus, STATUS | {"healthy": "yes"}, "as a JSON boolean for field 'healthy'"),
        (TaskStatus, STATUS | {"timestamp": "x"}, "Failed to parse 'x' as a JSON number for field 'timestamp'"),
        (TaskStatus, STATUS | {"uuid": "@@"}, "Failed to base64 decode bytes field 'uuid': Invalid character '@'"),
        (TaskStatus, STATUS | {"uuid": "é"}, "Failed to base64 decode bytes field 'uuid': Invalid character 'é'"),
        (TimeInfo, {"nanoseconds": 2**63}, "Number 9223372036854775808 is out of range for field 'nanoseconds'"),
        (TimeInfo, {"nanoseconds": 1e300}, "Number 1e+300 is out of range for field 'nanoseconds'"),
        (Value.Range, {"begin": -1, "end": 1}, "Number -1 is out of range for field 'begin'"),
        (
            TaskInfo,
            {"name": "n", "task_id": {"value": "t"}, "agent_id": {"value": "a"}, "limits": {"cpus": {}}},
            "Missing required fields: limits[0].value.value",
        ),
        (TaskInfo, {"limits": {"cpus": 1}}, "Not expecting a JSON number for field 'value'"),
        (TaskInfo, {"limits": 1}, "Not expecting a JSON number for field 'limits'"),
    ],
)
def test_refusals(cls: type, value: Any, text: str) -> None:
    """The first error in alphabetical order of members; else all missing fields with their paths."""
    with pytest.raises(ConversionError) as caught:
        json.decode(cls, orjson.dumps(value))
    assert text in caught.value.text
    assert str(caught.value) == f"Failed to convert JSON into {cls.__name__} protobuf: {caught.value.text}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not json", "syntax error at line 1 near: ot json"),
        ("junk", "syntax error at line 1 near: junk"),
        ("{", "syntax error at line 1 near: "),
        ("", "syntax error at line 1 near: "),
        ('{"a":NaN}', "syntax error at line 1 near: NaN}"),
        ('{"a":1,}', "syntax error at line 1 near: }"),
        ('{\n"a":\n tru}', "syntax error at line 3 near: }"),
        ('{"a":"\\ud800"}', 'syntax error at line 1 near: "}'),
        ('{"a":"\\udc00"}', 'syntax error at line 1 near: "}'),
        ('{"a":"\x01"}', 'syntax error at line 1 near: "}'),
        ('{"a":-}', "syntax error at line 1 near: }"),
        ("[1 2]", "syntax error at line 1 near: 2]"),
        ("{} x", "Parsed JSON included non-whitespace trailing characters:  x"),
        ("// no\n{}", "syntax error at line 1 near: // no"),
        ('{"a":01}', "syntax error at line 1 near: "),
        ("[" * 5000, "syntax error at line 1 near: [[["),
        ('{"a":' * 5000, "syntax error at line 1 near: "),
    ],
)
def test_syntax_errors(text: str, complaint: str) -> None:
    """The complaint names the line and what is left of it where Mesos' parser stops."""
    with pytest.raises(JSONSyntaxError) as caught:
        json.decode(api.Call, text.encode())
    assert caught.value.text.startswith(complaint)
    assert str(caught.value).startswith("Failed to parse body into JSON: ")


def test_nesting_is_bounded() -> None:
    """Neither known nor unknown members may be nested without end."""
    container: dict[str, Any] = {"value": "c"}
    for _ in range(190):
        container = {"value": "c", "parent": container}
    with pytest.raises(DecodeError):
        json.from_value(ContainerID, {"value": "c", "parent": {"value": "d", "parent": _nested(400, container)}})
    with pytest.raises(DecodeError):
        json.decode(api.Call, b'{"foo":' + b"[" * 300 + b"]" * 300 + b"}")
    assert json.decode(api.Call, b'{"foo":' + b"[" * 150 + b"]" * 150 + b"}").type is None


def _nested(times: int, value: dict[str, Any]) -> dict[str, Any]:
    for _ in range(times):
        value = {"value": "c", "parent": value}
    return value


def test_last_of_two_members_wins() -> None:
    """As in Mesos' parser."""
    assert json.decode(Label, b'{"key":"a","key":"b"}') == Label(key="b")


def test_bare_infinity_is_read() -> None:
    """We read what a Mesos master prints, but only where it is a token."""
    metric = json.decode(Metric, b'{"name":"Infinity","value":Infinity}')
    assert metric == Metric(name="Infinity", value=math.inf)


def test_ids_are_messages_outside_and_strings_inside() -> None:
    """An id is wrapped on the wire."""
    kill = api.Call.Kill(task_id=TaskID("t"), agent_id=AgentID("a"))
    assert json.to_value(kill) == {"task_id": {"value": "t"}, "agent_id": {"value": "a"}}
    assert json.from_value(api.Call.Kill, {"task_id": {"value": "t"}, "agent_id": {"value": "a"}}) == kill


def test_duration_of_drain_is_google_duration() -> None:
    """DRAIN_AGENT's max_grace_period has seconds and nanos."""
    drain = master_api.Call.DrainAgent
    value = {"agent_id": {"value": "a"}, "max_grace_period": {"seconds": 10}}
    message = json.from_value(drain, value)
    assert message.max_grace_period is not None
    assert message.max_grace_period.seconds == 10
    assert json.to_value(message) == value | {"mark_gone": False}


def test_volume_source() -> None:
    """A nested class is found by its own name before one of the same name outside."""
    value = {"mode": "RW", "container_path": "x", "source": {"type": "SECRET", "secret": {"type": "VALUE"}}}
    assert json.to_value(json.from_value(Volume, value)) == value
