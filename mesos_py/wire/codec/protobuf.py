"""Messages in the proto2 wire format, compiled per class.

Encoders are here and emit fields in the order of their numbers, as C++ does; decoders are in protobuf_decoder.py.
Fields we do not know, and enum numbers we do not know, are kept as bytes (unknown_fields). Text that is not UTF-8 is
read with U+FFFD in it: proto2 does not refuse it, and no text of ours may be undecodable.

What Mesos never sends is read all the same: packed scalars, groups (skipped), messages in several pieces. Left out on
purpose: unknown fields inside of an id or of a map entry are dropped, since those are not messages here.

Source of the format: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from typing import Any, TypeVar

from mesos_py.wire.codec.compiler import INT_RANGES, Compiled, Function, Source, more_than_one, oneof_groups
from mesos_py.wire.codec.errors import ProtobufError
from mesos_py.wire.codec.protobuf_decoder import decoders
from mesos_py.wire.codec.protobuf_wire import BYTES, LENGTHS, Malformed, entry_field, length, tag_of, varint
from mesos_py.wire.codec.unknown import protobuf_bytes
from mesos_py.wire.schema import Field, fields

M = TypeVar("M")

_DOUBLE = struct.Struct("<d")

#: Expression of the encoded length `n` of a value.
_LENGTH = "L[n] if n < 2048 else length(n)"


def encode(msg: Any) -> bytes:
    """The message in protobuf; raises ValueError for an int out of range or two members of a oneof."""
    data: bytes = encoders[type(msg)](msg)
    return data


def decode(cls: type[M], data: bytes | bytearray | memoryview) -> M:
    """The message in protobuf bytes; raises ProtobufError."""
    data = bytes(data)
    try:
        message: M = decoders[cls](data, 0, len(data))
    except (Malformed, IndexError, struct.error, RecursionError) as error:
        reason = str(error) if isinstance(error, Malformed) else "truncated"
        raise ProtobufError(cls.__name__, reason) from None
    return message


# --- encoding ----------------------------------------------------------------------------------------------------


def _encoder(cls: type) -> Function:
    """The compiled function from a message of the class to its bytes."""
    source = Source(
        "def encode(o):", L=LENGTHS, length=length, varint=varint, pack=_DOUBLE.pack, kept=protobuf_bytes, cls=cls
    )
    for members in oneof_groups(fields(cls)).values():
        source.add(f"if {more_than_one('o', members)}:")
        source.add(f"raise ValueError('{cls.__qualname__}: only one of {', '.join(members)} may be set')", indent=2)
    source.add("p = []")
    for field in sorted(fields(cls), key=lambda field: field.number):
        _encode_field(source, field)
    source.add("if o.unknown_fields is not None:")
    source.add("p += (kept(o.unknown_fields),)", indent=2)
    source.add("return b''.join(p)")
    return source.build("encode", cls, "protobuf")


encoders = Compiled(_encoder)


def _encode_field(source: Source, field: Field) -> None:
    if field.label == "req":
        source.add(f"v = o.{field.name}")
        _emit(source, field, "v", 1)
    elif field.label == "rep":
        source.add(f"for v in o.{field.name}:")
        _emit(source, field, "v", 2)
    elif field.label == "map":
        source.add(f"for k, v in o.{field.name}.items():", "    outer = p", "    p = []")
        _emit(source, entry_field(field, "key"), "k", 2)
        _emit(source, entry_field(field, "value"), "v", 2)
        source.add("b = b''.join(p)", "p = outer", "n = len(b)", indent=2)
        source.add(f"p += ({varint(field.number << 3 | BYTES)!r}, {_LENGTH}, b)", indent=2)
    else:
        source.add(f"v = o.{field.name}")
        unset = "None" if field.default is None else source.bind("default", field.default)
        compare = "is not" if field.default is None or field.kind == "bool" else "!="
        source.add(f"if v {compare} {unset}:")
        _emit(source, field, "v", 2)


def _emit(source: Source, field: Field, v: str, indent: int) -> None:
    """Lines that add tag and value of the variable `v` to the list `p`."""
    kind, tag = field.kind, tag_of(field)
    if kind == "bool":
        yes, no = tag + varint(1), tag + varint(0)
        source.add(f"p += ({yes!r} if {v} else {no!r},)", indent=indent)
    elif kind == "enum":
        words = {member: tag + varint(int(member) & 0xFFFFFFFFFFFFFFFF) for member in field.type}
        source.add(f"p += ({source.bind('words', words)}[{v}],)", indent=indent)
    elif kind == "double":
        source.add(f"p += ({tag!r}, pack({v}))", indent=indent)
    elif kind in INT_RANGES:
        low, high = INT_RANGES[kind]
        source.add(f"if 0 <= {v} < 2048:", f"    p += ({tag!r}, L[{v}])", "else:", indent=indent)
        source.add(f"if not {low} <= {v} <= {high}:", indent=indent + 1)
        source.add(f"raise ValueError(f'{field.name}: {{{v}}} is no {kind}')", indent=indent + 2)
        source.add(f"p += ({tag!r}, varint({v} & 0xFFFFFFFFFFFFFFFF))", indent=indent + 1)
    elif kind == "id":
        source.add(f"b = {v}.encode('utf-8', 'replace')", "n = len(b)", "if n < 126:", indent=indent)
        source.add(f"p += ({tag!r}, L[n + 2], b'\\n', L[n], b)", indent=indent + 1)
        source.add("else:", "    b = b'\\n' + length(n) + b", indent=indent)
        source.add(f"p += ({tag!r}, length(len(b)), b)", indent=indent + 1)
    else:
        if kind == "message":
            source.add(f"b = {source.link('encode', field.type, encoders)}({v})", indent=indent)
        else:
            source.add(f"b = {v}" + (".encode('utf-8', 'replace')" if kind == "string" else ""), indent=indent)
        source.add("n = len(b)", f"p += ({tag!r}, {_LENGTH}, b)", indent=indent)
