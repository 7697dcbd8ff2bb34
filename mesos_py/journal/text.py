"""Events and frames as JSON values and as words, for people who look at a journal."""

from __future__ import annotations

import base64
import datetime
import enum
from collections import deque
from typing import Any

import attrs

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire.codec import json
from mesos_py.wire.schema import is_message


def time_text(at_ns: Nanos) -> str:
    """``2024-05-01T12:00:00.123456Z``."""
    whole, rest = divmod(at_ns, SECOND)
    moment = datetime.datetime.fromtimestamp(whole, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def kind_text(event: Event) -> str:
    """``ACCEPT``, ``RunTask``, ``Tick``; messages of executors are called as they call them."""
    kind: Any = event.kind
    return str(kind.name if isinstance(kind, enum.Enum) else kind.__name__)


def told_event(event: Event) -> dict[str, Any]:
    told = {"kind": kind_text(event), "peer": event.peer, "principal": event.principal, "body": told_value(event.body)}
    return {name: value for name, value in told.items() if value is not None}


def told_frame(frame: Frame) -> dict[str, Any]:
    told = {
        "writes": told_value(frame.writes),
        "sends": told_value(frame.sends),
        "changes": told_value(frame.changes),
        "reply": told_value(frame.reply),
    }
    return {name: value for name, value in told.items() if value}


def told_value(value: Any) -> Any:
    """As JSON has it: messages as the API shows them, values by the names of their fields, entities by their ids."""
    cls = value.__class__
    if value is None or cls in (bool, int, float):
        return value
    if cls is str:
        return json.printable(value)
    if is_message(cls):
        return {"is": cls.__qualname__, **json.printable(json.to_value(value))}
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (list, tuple, deque)):
        return [told_value(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, dict):
        return {str(key): told_value(one) for key, one in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Resources):
        return str(value)
    if attrs.has(cls) and cls.__eq__ is not object.__eq__:
        fields = {field.name: told_value(getattr(value, field.name)) for field in attrs.fields(cls)}
        return {"is": cls.__qualname__, **{name: one for name, one in fields.items() if one is not None}}
    return {"is": cls.__qualname__, "id": getattr(value, "id", None)}
