"""Messages as msgpack: what our own programs say to each other and write to disk.

A message is a map from field numbers to values; ids are bare strings, enums are numbers, unset fields and defaults
are left out. Numbers instead of names make it small, and let a newer peer add fields: entries we do not know are kept
(codec/unknown.py). No foreign program speaks this.

An enum number we do not know counts as unset, as in protobuf; a required one is an error.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgpack

from mesos_py.wire.codec.compiler import INT_RANGES, Compiled, Function, Source, more_than_one, oneof_groups
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.codec.unknown import from_msgpack, to_msgpack
from mesos_py.wire.schema import Field, assignment, fields

M = TypeVar("M")

#: Nesting of a message within its own kind (a container within containers).
MAX_DEPTH = 100


def encode(msg: Any) -> bytes:
    """The message in msgpack; raises ValueError when two members of a oneof are set."""
    return pack(to_value(msg))


def decode(cls: type[M], data: bytes | bytearray | memoryview) -> M:
    """The message in msgpack bytes; raises DecodeError."""
    return from_value(cls, unpack(data))


def pack(value: Any) -> bytes:
    """Any value in msgpack, e.g. a frame made of to_value() results. Lone surrogates in text pass through."""
    data: bytes = msgpack.packb(value, unicode_errors="surrogatepass")
    return data


def unpack(data: bytes | bytearray | memoryview) -> Any:
    """The value in msgpack bytes; raises DecodeError."""
    try:
        return msgpack.unpackb(data, strict_map_key=False, unicode_errors="surrogatepass")
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise DecodeError(f"not msgpack: {type(error).__name__} {error}") from None


def to_value(msg: Any) -> dict[int, Any]:
    """The message as the dict that msgpack packs."""
    value: dict[int, Any] = encoders[type(msg)](msg)
    return value


def from_value(cls: type[M], value: Any) -> M:
    """The message in an unpacked value; raises DecodeError."""
    try:
        message: M = decoders[cls](value)
    except Mismatch as error:
        raise DecodeError(f"not a {cls.__qualname__}: {error}") from None
    except RecursionError:
        raise DecodeError("nested too deep") from None
    return message


class Mismatch(Exception):
    """A value is not of the type its field has."""


# --- encoding ----------------------------------------------------------------------------------------------------


def _encoder(cls: type) -> Function:
    declared = fields(cls)
    source = Source("def encode(o):", unknown=to_msgpack)
    for members in oneof_groups(declared).values():
        source.add(f"if {more_than_one('o', members)}:")
        source.add(f"raise ValueError('{cls.__qualname__}: only one of {', '.join(members)} may be set')", indent=2)
    required = [field for field in declared if field.label == "req"]
    items = [f"{field.number}: {_encoded(source, field, 'o.' + field.name)}" for field in required]
    source.add(f"d = {{{', '.join(items)}}}")
    for field in declared:
        if field.label == "req":
            continue
        source.add(f"v = o.{field.name}")
        if field.label in ("rep", "map"):
            source.add("if v:")
        elif field.default is None:
            source.add("if v is not None:")
        else:
            source.add(f"if v != {source.bind('default', field.default)}:")
        source.add(f"d[{field.number}] = {_encoded_all(source, field)}", indent=2)
    source.add("if o.unknown_fields is not None:")
    source.add("d.update(unknown(o.unknown_fields))", indent=2)
    source.add("return d")
    return source.build("encode", cls, "msgpack")


encoders = Compiled(_encoder)


def _encoded_all(source: Source, field: Field) -> str:
    if field.label == "map":
        value = _encoded(source, field, "x")
        return "v" if value == "x" else f"{{k: {value} for k, x in v.items()}}"
    if field.label != "rep":
        return _encoded(source, field, "v")
    if field.kind == "message":
        return f"list(map({source.link('encode', field.type, encoders)}, v))"
    value = _encoded(source, field, "x")
    return "v" if value == "x" else f"[{value} for x in v]"


def _encoded(source: Source, field: Field, value: str) -> str:
    if field.kind == "message":
        return f"{source.link('encode', field.type, encoders)}({value})"
    # An IntEnum member is an int to the packer; a double may have been given as an int.
    return f"{value} * 1.0" if field.kind == "double" else value


# --- decoding ----------------------------------------------------------------------------------------------------


def _decoder(cls: type) -> Function:
    declared = fields(cls)
    recursive = any(field.type is cls for field in declared)
    source = Source(
        "def decode(d, depth=0):" if recursive else "def decode(d):",
        new=object.__new__,
        cls=cls,
        _store=object.__setattr__,
        Mismatch=Mismatch,
        unknown=from_msgpack,
        known=frozenset(field.number for field in declared),
    )
    source.add("if type(d) is not dict" + (f" or depth > {MAX_DEPTH}:" if recursive else ":"))
    source.add(f"raise Mismatch('{cls.__qualname__}')", indent=2)
    source.add("n = 0", "o = new(cls)", "get = d.get")
    for field in declared:
        _decode_field(source, field, cls)
    for members in oneof_groups(declared).values():
        source.add(f"if {more_than_one('o', members)}:")
        source.add(f"raise Mismatch('{cls.__qualname__}: more than one of {', '.join(members)}')", indent=2)
    source.add(assignment("o", "unknown_fields", "None if n == len(d) else unknown(d, known)"), "return o")
    return source.build("decode", cls, "msgpack")


decoders = Compiled(_decoder)


def _decode_field(source: Source, field: Field, cls: type) -> None:
    refuse = _refusal(field, cls)
    source.add(f"v = get({field.number})")
    if field.label == "req":
        _check(source, field, cls, "v", 1)
        if field.kind == "enum":
            source.add("if v is None:", refuse)
        source.add(assignment("o", field.name, "v"), "n += 1")
        return
    empty = {"rep": "()", "map": "{}"}.get(field.label)
    if empty is None:
        empty = "None" if field.default is None else source.bind("default", field.default)
    source.add("if v is None:", "    " + assignment("o", field.name, empty), "else:", "    n += 1")
    if field.label == "opt":
        _check(source, field, cls, "v", 2)
        value = f"{empty} if v is None else v" if field.kind == "enum" else "v"
    elif field.label == "rep":
        source.add("if type(v) is not list:", refuse, indent=2)
        if field.kind == "message":
            value = f"tuple(map({source.link('decode', field.type, decoders)}, v))"
        else:
            source.add("a = []", "for x in v:", indent=2)
            _check(source, field, cls, "x", 3)
            keep = "if x is not None: " if field.kind == "enum" else ""
            source.add(f"{keep}a.append(x)", indent=3)
            value = "tuple(a)"
    else:
        source.add("if type(v) is not dict:", refuse, "a = {}", "for k, x in v.items():", indent=2)
        source.add("if type(k) is not str:", refuse, indent=3)
        _check(source, field, cls, "x", 3)
        source.add("a[k] = x", indent=3)
        value = "a"
    source.add(assignment("o", field.name, value), indent=2)


def _refusal(field: Field, cls: type) -> str:
    return f"    raise Mismatch('{cls.__qualname__}.{field.name}')"


def _check(source: Source, field: Field, cls: type, v: str, indent: int) -> None:
    """Lines that leave the value in the variable `v`, or raise."""
    refuse = _refusal(field, cls)
    kind = field.kind
    if kind == "message":
        deeper = ", depth + 1" if field.type is cls else ""
        source.add(f"{v} = {source.link('decode', field.type, decoders)}({v}{deeper})", indent=indent)
    elif kind in ("string", "id", "bytes"):
        source.add(f"if type({v}) is not {'bytes' if kind == 'bytes' else 'str'}:", refuse, indent=indent)
    elif kind == "bool":
        source.add(f"if {v} is not True and {v} is not False:", refuse, indent=indent)
    elif kind == "double":
        source.add(f"if type({v}) is not float:", refuse, indent=indent)
    elif kind == "enum":
        members = source.bind("members", {int(member): member for member in field.type})
        source.add(f"if type({v}) is not int:", refuse, f"{v} = {members}.get({v})", indent=indent)
    else:
        low, high = INT_RANGES[kind]
        source.add(f"if type({v}) is not int or not {low} <= {v} <= {high}:", refuse, indent=indent)
