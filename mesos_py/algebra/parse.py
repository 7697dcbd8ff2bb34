"""The grammars of ``--resources`` and ``--attributes``.

    --resources   cpus:4;mem:1024;ports:[31000-32000,33000-34000];disk(eng):512;labels:{a,b}
                  or a JSON array of Resource messages
    --attributes  rack:r7;level:3;ports:[1-10]

A value that starts with "[" is ranges, with "{" a set, one that reads as a number a scalar, anything else text; sets
are no attributes, text is no resource. Everything here raises ValueError with a text meant for whoever typed the flag.
What an agent detects when the flag is silent is decided in ``agent/resources.py``.
Source: Mesos src/v1/resources.cpp Resources::parse, src/v1/attributes.cpp, src/common/values.cpp parse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from mesos_py.algebra.kinds import ranges_message
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.roles import DEFAULT_ROLE, invalid_role
from mesos_py.algebra.validation import validate
from mesos_py.wire.codec.json import from_value
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.value import Attribute, Value

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_RANGE = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)
_NAME = re.compile(r"([^()]+)(?:\(([^()]*)\))?")


def parse_resources(text: str, default_role: str = DEFAULT_ROLE) -> tuple[Resource, ...]:
    """The messages a flag stands for, in order, zeros included: ``gpus:0`` says that there are none.

    What names no role is reserved (statically) to ``default_role``. Raises ValueError.
    """
    if text.lstrip().startswith("["):
        resources = _from_json(text)
    else:
        resources = [_resource(name, value) for name, value in _entries(text, "resources")]
    made = tuple([_with_default_role(resource, default_role) for resource in resources])
    for resource in made:
        problem = validate(resource)
        if problem is not None:
            raise ValueError(f"Bad value for resources, '{resource.name}': {problem}")
    return made


def parse_attributes(text: str) -> tuple[Attribute, ...]:
    """In order; a name may come twice. Raises ValueError."""
    made = []
    for name, written in _entries(text, "attributes"):
        value = parse_value(written)
        if value.type == Value.Type.SET:
            raise ValueError(f"Bad value for attributes, '{name}': a set is no attribute")
        made.append(Attribute(name=name, type=value.type, scalar=value.scalar, ranges=value.ranges, text=value.text))
    return tuple(made)


def parse_value(text: str) -> Value:
    """Raises ValueError."""
    text = text.strip()
    if not text:
        raise ValueError("Expecting a value, found nothing")
    if text.startswith("["):
        return Value(type=Value.Type.RANGES, ranges=ranges_message(parse_ranges(text)))
    if text.startswith("{"):
        if not text.endswith("}"):
            raise ValueError(f"Expecting a set such as {{a,b}}, found '{text}'")
        items = tuple([item.strip() for item in text[1:-1].split(",") if item.strip()])
        return Value(type=Value.Type.SET, set=Value.Set(item=items))
    if _NUMBER.fullmatch(text):
        return Value(type=Value.Type.SCALAR, scalar=Value.Scalar(value=float(text)))
    return Value(type=Value.Type.TEXT, text=Value.Text(value=text))


def parse_ranges(text: str) -> Ranges:
    """``[1-5, 8-9]``; raises ValueError."""
    if not text.startswith("[") or not text.endswith("]"):
        raise ValueError(f"Expecting ranges such as [31000-32000], found '{text}'")
    intervals = []
    for part in text[1:-1].split(","):
        match = _RANGE.fullmatch(re.sub(r"\s", "", part))
        if match is None:
            raise ValueError(f"Expecting ranges such as [31000-32000], found '{text}'")
        begin, end = int(match[1]), int(match[2])
        if begin > end or end >= 2**64:
            raise ValueError(f"Bad range '{part.strip()}' in '{text}'")
        intervals.append((begin, end))
    return Ranges(intervals)


def _entries(text: str, what: str) -> Iterator[tuple[str, str]]:
    """``a:1;b:2`` cut at semicolons and new lines; an empty entry is nothing."""
    for entry in re.split(r"[;\n]", text):
        if not entry.strip():
            continue
        name, colon, value = entry.partition(":")
        # Text attributes may hold colons; resources have no value in which one makes sense.
        if not colon or not name.strip() or not value.strip() or (what == "resources" and ":" in value):
            raise ValueError(f"Bad value for {what}, missing or extra ':' in '{entry.strip()}'")
        yield name.strip(), value


def _resource(name: str, written: str) -> Resource:
    match = _NAME.fullmatch(name)
    if match is None or not match[1].strip():
        raise ValueError(f"Bad value for resources, mismatched parentheses in '{name}'")
    role = match[2].strip() if match[2] is not None else None
    if role is not None and (problem := invalid_role(role)) is not None:
        raise ValueError(f"Bad value for resources, '{name}': {problem}")
    value = parse_value(written)
    if value.type == Value.Type.TEXT:
        raise ValueError(f"Bad value for resources, '{name}': expecting a number, ranges or a set, found '{written}'")
    return Resource(
        name=match[1].strip(), type=value.type, scalar=value.scalar, ranges=value.ranges, set=value.set, role=role
    )


def _with_default_role(resource: Resource, default_role: str) -> Resource:
    """A role is said in ``role`` or in ``reservations``; what says none gets the agent's default."""
    if resource.role is not None or resource.reservations or default_role == DEFAULT_ROLE:
        return resource
    return evolve(resource, role=default_role)


def _from_json(text: str) -> list[Resource]:
    try:
        return [from_value(Resource, item) for item in json.loads(text)]
    except ValueError as problem:
        raise ValueError(f"Bad value for resources, no JSON array of resources: {problem}") from problem
