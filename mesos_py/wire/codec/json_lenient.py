"""Turns any JSON value into a message, or says exactly what is wrong with it, as Mesos would.

This is the plain twin of the compiled decoders in json.py, which know the ordinary case only and come here for
everything else: numbers in strings, single values for repeated fields, unknown enum names, missing fields, errors.
Members are visited in alphabetical order as in Mesos, so that of several errors the same one is reported.

Mesos: 3rdparty/stout/include/stout/protobuf.hpp, base64.hpp.
"""

from __future__ import annotations

import base64
import math
import re
from functools import cache
from typing import Any

import orjson

from mesos_py.wire.codec.compiler import INT_RANGES
from mesos_py.wire.codec.errors import ConversionError, DecodeError
from mesos_py.wire.codec.json_syntax import explain
from mesos_py.wire.codec.unknown import MAX_DEPTH, printable_members
from mesos_py.wire.schema import Field, fields

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_INFINITIES = {"Infinity": math.inf, "-Infinity": -math.inf}
_SKIP: Any = object()

#: How orjson is made to print what JSON has no number for; told apart by identity.
INFINITY, MINUS_INFINITY, NOT_A_NUMBER = map(orjson.Fragment, ("Infinity", "-Infinity", "NaN"))


def convert(cls: type, value: Any) -> Any:
    """The message in a JSON value; raises ConversionError."""
    try:
        if not isinstance(value, dict):
            raise DecodeError("Expecting a JSON object")
        draft = _Draft(cls)
        draft.read(value, 1)
        missing: list[str] = []
        draft.find_missing("", missing)
        if missing:
            raise DecodeError("Missing required fields: " + ", ".join(missing))
        return draft.finish()
    except DecodeError as error:
        raise ConversionError(error.text, cls.__name__) from None


@cache
def _by_name(cls: type) -> dict[str, Field]:
    return {field.name: field for field in fields(cls)}


class _Id:
    """An id on its way: a message of one string."""

    def __init__(self, value: str | None) -> None:
        self.value = value

    def find_missing(self, prefix: str, missing: list[str]) -> None:
        if self.value is None:
            missing.append(prefix + "value")

    def finish(self) -> Any:
        return self.value


class _Draft:
    """A message whose required fields may still be missing."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.values: dict[str, Any] = {}
        self.unknown: dict[str, Any] = {}

    def read(self, members: dict[str, Any], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise DecodeError(f"nested deeper than {MAX_DEPTH}")
        known = _by_name(self.cls)
        for name in sorted(name for name in members if isinstance(name, str)):
            if name in known:
                self.put(known[name], members[name], depth)
            elif members[name] is not None:
                self.unknown |= printable_members({name: members[name]})

    def put(self, field: Field, value: Any, depth: int) -> None:
        if value is None:
            return
        if isinstance(value, (list, tuple)):
            if field.label not in ("rep", "map"):
                raise _unexpected(value, field.name)
            if depth > MAX_DEPTH:
                raise DecodeError(f"nested deeper than {MAX_DEPTH}")
            for item in value:
                self.put(field, item, depth + 1)
        elif field.label == "map":
            if not isinstance(value, dict):
                raise _unexpected(value, field.name)
            entries: dict[str, Any] = self.values.setdefault(field.name, {})
            for key in sorted(key for key in value if isinstance(key, str)):
                entry = _SKIP if value[key] is None else _single(field, "value", value[key], depth)
                if entry is _SKIP:  # a map entry without a value has the default value
                    entry = _Draft(field.type) if field.kind == "message" else ""
                entries[key] = entry
        else:
            single = _single(field, field.name, value, depth)
            if single is _SKIP:
                return
            if field.label == "rep":
                self.values.setdefault(field.name, []).append(single)
                return
            if field.oneof is not None:
                for other in fields(self.cls):
                    if other.oneof == field.oneof:
                        self.values.pop(other.name, None)
            self.values[field.name] = single

    def find_missing(self, prefix: str, missing: list[str]) -> None:
        """Own fields in the order of declaration, then those of nested messages in the order of field numbers."""
        declared = fields(self.cls)
        missing += [prefix + f.name for f in declared if f.label == "req" and f.name not in self.values]
        for field in sorted(declared, key=lambda f: f.number):
            value = self.values.get(field.name)
            if isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, (_Draft, _Id)):
                        item.find_missing(f"{prefix}{field.name}[{index}].", missing)
            elif isinstance(value, dict):
                for index, item in enumerate(value.values()):
                    if isinstance(item, (_Draft, _Id)):
                        item.find_missing(f"{prefix}{field.name}[{index}].value.", missing)
            elif isinstance(value, (_Draft, _Id)):
                value.find_missing(f"{prefix}{field.name}.", missing)

    def finish(self) -> Any:
        values: dict[str, Any] = {}
        for name, value in self.values.items():
            if isinstance(value, list):
                values[name] = tuple(_finished(item) for item in value)
            elif isinstance(value, dict):
                values[name] = {key: _finished(item) for key, item in value.items()}
            else:
                values[name] = _finished(value)
        return self.cls(**values, unknown_fields=self.unknown or None)


def _finished(value: Any) -> Any:
    return value.finish() if isinstance(value, (_Draft, _Id)) else value


def _unexpected(value: Any, name: str) -> DecodeError:
    word = (
        "boolean"
        if isinstance(value, bool)
        else "string"
        if isinstance(value, str)
        else "array"
        if isinstance(value, (list, tuple))
        else "object"
        if isinstance(value, dict)
        else "number"
    )
    return DecodeError(f"Not expecting a JSON {word} for field '{name}'")


def _single(field: Field, name: str, value: Any, depth: int) -> Any:
    """One value of a field, or _SKIP for an enum name we do not know."""
    kind = field.kind
    if kind in ("message", "id"):
        if not isinstance(value, dict):
            raise _unexpected(value, name)
        if kind == "id":
            inner = value.get("value")
            if inner is not None and not isinstance(inner, str):
                raise _unexpected(inner, "value")
            return _Id(inner)
        draft = _Draft(field.type)
        draft.read(value, depth + 1)
        return draft
    if kind in ("string", "bytes", "enum"):
        if not isinstance(value, str):
            raise _unexpected(value, name)
        if kind == "string":
            return value
        if kind == "bytes":
            return unbase64(value, name)
        member = field.type.__members__.get(value)
        if member is None and field.label == "req":
            raise DecodeError(f"Failed to find enum for '{value}'")
        return _SKIP if member is None else member
    if kind == "bool":
        if isinstance(value, str):
            if value.strip() not in ("true", "false"):
                raise DecodeError(f"Failed to parse '{value}' as a JSON boolean for field '{name}': {_why(value)}")
            return value.strip() == "true"
        if not isinstance(value, bool):
            raise _unexpected(value, name)
        return value
    return _number(kind, name, value)


def _number(kind: str, name: str, value: Any) -> int | float:
    if isinstance(value, orjson.Fragment):
        value = math.inf if value is INFINITY else -math.inf if value is MINUS_INFINITY else math.nan
    if isinstance(value, str):
        text = value.strip()
        if kind == "double" and text in _INFINITIES:
            return _INFINITIES[text]
        if not _NUMBER.fullmatch(text):
            raise DecodeError(f"Failed to parse '{value}' as a JSON number for field '{name}': {_why(value)}")
        value = int(text) if len(text) < 25 and text.lstrip("-").isdigit() else float(text)
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _unexpected(value, name)
    try:
        if kind == "double":
            return float(value)
        low, high = INT_RANGES[kind]
        number = int(value)
    except (OverflowError, ValueError):
        number, low, high = 1, 0, 0
    if not low <= number <= high:
        raise DecodeError(f"Number {value} is out of range for field '{name}'")
    return number


def _why(text: str) -> str:
    """Why a text in a string is not the JSON value wanted."""
    data = text.encode("utf-8", "replace")
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return explain(data, error.pos)
    return "Unexpected JSON type parsed"


def unbase64(text: str, name: str) -> bytes:
    """Decode as Mesos does: white space is skipped, the text ends at '=', padding may be absent."""
    digits = "".join(text.partition("=")[0].split())
    for char in digits:
        if not (char.isascii() and (char.isalnum() or char in "+/")):
            raise DecodeError(f"Failed to base64 decode bytes field '{name}': Invalid character '{char}'")
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return base64.b64decode(digits + "=" * (-len(digits) % 4))
