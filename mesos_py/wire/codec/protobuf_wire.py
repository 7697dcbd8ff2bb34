"""The primitives of the protobuf wire format: tags, varints, and what decoders call when the inline case does not fit.

`s` is the whole input, `i` the position; reading beyond the input raises IndexError, which the codec takes for
"truncated". Values that reach beyond an inner message are noticed by its loop (its end is not met).
"""

from __future__ import annotations

from mesos_py.wire.schema import Field

VARINT, FIXED64, BYTES = 0, 1, 2

#: Wire types of field kinds; the others are varints.
WIRE_TYPES = {"double": FIXED64, "string": BYTES, "bytes": BYTES, "message": BYTES, "id": BYTES}

#: Groups (deprecated, never sent by Mesos) are skipped; their nesting is bounded.
MAX_GROUPS = 100


class Malformed(Exception):
    """The bytes are no protobuf message of the class."""


def varint(n: int) -> bytes:
    """A non-negative int below 2**64."""
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


#: Encoded lengths and other small ints.
LENGTHS = [varint(n) for n in range(2048)]

#: The length prefix of a long value.
length = varint


def read_varint(s: bytes, i: int) -> tuple[int, int]:
    """(value modulo 2**64, position behind it)."""
    byte = s[i]
    value = byte & 127
    shift = 7
    while byte > 127:
        if shift == 70:
            raise Malformed("varint longer than 10 bytes")
        i += 1
        byte = s[i]
        value |= (byte & 127) << shift
        shift += 7
    return value & 0xFFFFFFFFFFFFFFFF, i + 1


def skip(s: bytes, i: int, end: int, tag: int, groups: int = 0) -> int:
    """The position behind the value of an unknown field whose tag was just read."""
    wire = tag & 7
    if tag >> 3 == 0 or tag > 0xFFFFFFFF:
        raise Malformed("no field has this number")
    if wire == 0:
        i = read_varint(s, i)[1]
    elif wire == 1:
        i += 8
    elif wire == 2:
        n, i = read_varint(s, i)
        i += n
    elif wire == 5:
        i += 4
    elif wire == 3 and groups < MAX_GROUPS:
        while True:
            inner, i = read_varint(s, i)
            if inner == (tag & ~7 | 4):
                break
            i = skip(s, i, end, inner, groups + 1)
    else:
        raise Malformed("unexpected end of group" if wire == 4 else "unknown wire type")
    if i > end:
        raise Malformed("truncated")
    return i


def add_piece(s: bytes, pieces: tuple[int, int] | list[bytes], i: int, end: int) -> list[bytes]:
    """The pieces of a nested message, where the first was only known by its bounds, and one more.

    They will be joined and parsed as one, so each must end where a field ends.
    """
    if isinstance(pieces, tuple):
        pieces = [_whole_fields(s, *pieces)]
    pieces.append(_whole_fields(s, i, end))
    return pieces


def _whole_fields(s: bytes, start: int, end: int) -> bytes:
    i = start
    while i < end:
        tag, i = read_varint(s, i)
        i = skip(s, i, end, tag)
    if i != end:
        raise Malformed("truncated")
    return s[start:end]


def read_id(s: bytes, i: int, end: int) -> str:
    """The value of an id message that is not just one short field."""
    value: bytes | None = None
    while i < end:
        tag, i = read_varint(s, i)
        behind = skip(s, i, end, tag)
        if tag == 10:
            n, i = read_varint(s, i)
            value = s[i : i + n]
        i = behind
    if i != end:
        raise Malformed("truncated")
    if value is None:
        raise Malformed("id without value")
    return value.decode("utf-8", "replace")


def entry_field(field: Field, part: str) -> Field:
    """The key or value field of the implied message of a map entry."""
    entry = object.__new__(Field)
    entry.name, entry.label, entry.oneof, entry.default = part, "opt", None, None
    entry.number = 1 if part == "key" else 2
    entry.kind, entry.type = ("string", str) if part == "key" else (field.kind, field.type)
    return entry


def tag_of(field: Field) -> bytes:
    """The tag of a field, unpacked."""
    return varint(field.number << 3 | WIRE_TYPES.get(field.kind, VARINT))
