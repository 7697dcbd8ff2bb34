"""Messages as JSON, the way Mesos maps protobuf to it (proto field names, enum names, base64, int64 as number).

Compiled for the ordinary case: one straight-line function per class builds the dict that orjson prints, another reads
the dict that orjson parsed. A decoder that meets anything unusual gives up, and json_lenient.py starts anew; so there
is one place that knows every leniency and error text, and it is never in the way.

Two things are deliberately not as orjson does them: infinite doubles are printed as the bare token Infinity, as Mesos
does, and so they are read; text that is not valid unicode (a file name, say) is printed with U+FFFD. Of members given
twice the last wins, as in Mesos.

Mesos: 3rdparty/stout/include/stout/protobuf.hpp, json.hpp.
"""

from __future__ import annotations

import contextlib
import math
import re
from binascii import a2b_base64, b2a_base64
from functools import partial
from typing import Any, TypeVar

import orjson

from mesos_py.wire.codec.compiler import INT_RANGES, Compiled, Function, Source, more_than_one, oneof_groups
from mesos_py.wire.codec.errors import ConversionError, JSONSyntaxError
from mesos_py.wire.codec.json_lenient import INFINITY, MINUS_INFINITY, NOT_A_NUMBER, convert
from mesos_py.wire.codec.json_syntax import explain
from mesos_py.wire.codec.unknown import MAX_DEPTH, json_members, printable_members
from mesos_py.wire.schema import Field, assignment, fields

M = TypeVar("M")

#: A string, or an infinity (group 1) outside of strings.
_BARE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|(-?Infinity)')

#: What no UTF-8 text can hold.
_SURROGATE = re.compile("[\ud800-\udfff]")


def encode(msg: Any) -> bytes:
    """The message as JSON text; raises ValueError when two members of a oneof are set."""
    value = encoders[type(msg)](msg)
    try:
        return orjson.dumps(value)
    except TypeError:  # a lone surrogate somewhere
        return orjson.dumps(printable(value))


def decode(cls: type[M], data: bytes | bytearray | memoryview | str) -> M:
    """The message in a JSON text; raises JSONSyntaxError or ConversionError."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        value = _parse_infinite(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data), error)
    return from_value(cls, value)


def _parse_infinite(data: bytes, error: orjson.JSONDecodeError) -> Any:
    """The value of a text that is JSON but for bare infinities, such as a Mesos master prints; else what is wrong."""
    if b"Infinity" in data:
        quoted = _BARE.sub(lambda match: b'"%b"' % match[1] if match[1] else match[0], data)
        with contextlib.suppress(orjson.JSONDecodeError):
            return orjson.loads(quoted)
    raise JSONSyntaxError(explain(data, error.pos)) from None


def to_value(msg: Any) -> dict[str, Any]:
    """The message as the dict that orjson prints; an infinite double in it is an orjson.Fragment."""
    value: dict[str, Any] = encoders[type(msg)](msg)
    return value


def from_value(cls: type[M], obj: Any) -> M:
    """The message in a parsed JSON value; raises ConversionError."""
    try:
        try:
            message: M = decoders[cls](obj)
        except (Odd, ValueError, OverflowError):  # DecodeError is a ValueError
            message = convert(cls, obj)
    except RecursionError:
        raise ConversionError(f"nested deeper than {MAX_DEPTH}", cls.__name__) from None
    return message


class Odd(Exception):
    """A compiled decoder met something that only json_lenient.py understands."""


# --- encoding ----------------------------------------------------------------------------------------------------


def _encoder(cls: type) -> Function:
    """The compiled function from a message of the class to a dict."""
    source = Source("def encode(o):", base64=_base64, token=_token, members=json_members)
    declared = fields(cls)
    for members in oneof_groups(declared).values():
        source.add(f"if {more_than_one('o', members)}:")
        source.add(f"raise ValueError('{cls.__qualname__}: only one of {', '.join(members)} may be set')", indent=2)
    certain = []
    for field in declared:
        if not _is_certain(field):
            break
        certain.append(f"{field.name!r}: {_encoded(source, field, f'o.{field.name}')}")
    source.add(f"d = {{{', '.join(certain)}}}")
    for field in declared[len(certain) :]:
        if _is_certain(field):
            source.add(f"d[{field.name!r}] = {_encoded(source, field, f'o.{field.name}')}")
            continue
        source.add(f"v = o.{field.name}")
        source.add("if v:" if field.label in ("rep", "map") else "if v is not None:")
        source.add(f"d[{field.name!r}] = {_encoded_all(source, field)}", indent=2)
    source.add("u = o.unknown_fields", "if u is not None:")
    source.add("for k, v in members(u).items():", indent=2)
    source.add("if k not in d:", indent=3)
    source.add("d[k] = v", indent=4)
    source.add("return d")
    return source.build("encode", cls, "json")


def _is_certain(field: Field) -> bool:
    """Whether the field is printed always: it is required, or has a default to print."""
    return field.label == "req" or (field.label == "opt" and field.default is not None)


def _encoded_all(source: Source, field: Field) -> str:
    if field.label == "map":
        return f"{{k: {_encoded(source, field, 'x')} for k, x in v.items()}}"
    if field.label != "rep":
        return _encoded(source, field, "v")
    if field.kind == "message":
        return f"list(map({source.link('encode', field.type, encoders)}, v))"
    return "list(v)" if _encoded(source, field, "x") == "x" else f"[{_encoded(source, field, 'x')} for x in v]"


def _encoded(source: Source, field: Field, value: str) -> str:
    if field.kind == "message":
        return f"{source.link('encode', field.type, encoders)}({value})"
    if field.kind == "double":  # times 1.0 makes an int a float; infinity minus itself is not 0
        return f"(w if (w := {value} * 1.0) - w == 0.0 else token(w))"
    patterns = {"id": "{{'value': {0}}}", "enum": "{0}._name_", "bytes": "base64({0})"}
    return patterns.get(field.kind, "{0}").format(value)


def _base64(value: bytes) -> str:
    return b2a_base64(value, newline=False).decode()


def _token(value: float) -> orjson.Fragment:
    return NOT_A_NUMBER if math.isnan(value) else INFINITY if value > 0 else MINUS_INFINITY


def printable(value: Any) -> Any:
    """A copy of a JSON value in which every text can be encoded."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list) else value


encoders = Compiled(_encoder)


# --- decoding ----------------------------------------------------------------------------------------------------


def _decoder(cls: type) -> Function:
    """The compiled function from a dict to a message; raises Odd, ValueError or OverflowError when it is unsure."""
    declared = fields(cls)
    recursive = any(field.type is cls for field in declared)
    source = Source(
        "def decode(d, depth=0):" if recursive else "def decode(d):",
        Odd=Odd,
        new=object.__new__,
        cls=cls,
        _store=object.__setattr__,
        known=frozenset(field.name for field in declared),
        unknown=_unknown,
        unbase64=partial(a2b_base64, strict_mode=True),
    )
    source.add("if type(d) is not dict" + (f" or depth > {MAX_DEPTH - 50}:" if recursive else ":"))
    source.add("raise Odd", indent=2)
    source.add("n = 0", "o = new(cls)", "get = d.get")
    for field in declared:
        source.add(f"v = get({field.name!r})")
        _decode_field(source, field, cls)
    for members in oneof_groups(declared).values():
        source.add(f"if {more_than_one('o', members)}:")
        source.add("raise Odd", indent=2)
    source.add(assignment("o", "unknown_fields", "None if n == len(d) else unknown(d, known)"), "return o")
    return source.build("decode", cls, "json")


def _decode_field(source: Source, field: Field, cls: type) -> None:
    if field.label == "req":  # None fails every check below
        _check(source, field, cls, "v", 1)
        source.add(assignment("o", field.name, "v"), "n += 1")
        return
    empty = {"rep": "()", "map": "{}"}.get(field.label) or source.bind("default", field.default)
    source.add("if v is None:")
    source.add(assignment("o", field.name, "None" if field.default is None and empty != "{}" else empty), indent=2)
    source.add("else:")
    if field.label == "opt":
        _check(source, field, cls, "v", 2)
        value = "v"
    elif field.label == "rep":
        source.add("if type(v) is not list:", indent=2)
        source.add("raise Odd", indent=3)
        if field.kind == "message":
            value = f"tuple(map({source.link('decode', field.type, decoders)}, v))"
        else:
            source.add("a = []", "for x in v:", indent=2)
            _check(source, field, cls, "x", 3)
            source.add("a.append(x)", indent=3)
            value = "tuple(a)"
    else:
        source.add("if type(v) is not dict:", indent=2)
        source.add("raise Odd", indent=3)
        source.add("a = {}", "for k, x in v.items():", indent=2)
        _check(source, field, cls, "x", 3)
        source.add("a[k] = x", indent=3)
        value = "a"
    source.add(assignment("o", field.name, value), "n += 1", indent=2)


def _check(source: Source, field: Field, cls: type, v: str, indent: int) -> None:
    """Lines that leave the converted value in the variable `v`, or raise."""
    kind = field.kind
    if kind == "message":
        deeper = ", depth + 1" if field.type is cls else ""
        source.add(f"{v} = {source.link('decode', field.type, decoders)}({v}{deeper})", indent=indent)
        return
    if kind == "id":
        source.add(f"if type({v}) is not dict or len({v}) != 1:", "    raise Odd", indent=indent)
        source.add(f"{v} = {v}.get('value')", indent=indent)
    if kind in ("string", "id", "bytes", "enum"):
        source.add(f"if type({v}) is not str:", "    raise Odd", indent=indent)
    elif kind == "bool":
        source.add(f"if {v} is not True and {v} is not False:", "    raise Odd", indent=indent)
    elif kind == "double":
        source.add(f"if type({v}) is not float:", indent=indent)
        source.add(f"if type({v}) is not int:", "    raise Odd", f"{v} = float({v})", indent=indent + 1)
    else:
        low, high = INT_RANGES[kind]
        source.add(f"if type({v}) is not int or not {low} <= {v} <= {high}:", "    raise Odd", indent=indent)
    if kind == "bytes":
        source.add(f"{v} = unbase64({v})", indent=indent)
    elif kind == "enum":
        source.add(f"{v} = {source.bind('names', dict(field.type.__members__))}.get({v})", indent=indent)
        source.add(f"if {v} is None:", "    raise Odd", indent=indent)


def _unknown(members: dict[str, Any], known: frozenset[str]) -> dict[str, Any] | None:
    """The members that are no fields; null ones are nothing."""
    unknown = {k: v for k, v in members.items() if k not in known and v is not None and isinstance(k, str)}
    return printable_members(unknown) or None


decoders = Compiled(_decoder)
