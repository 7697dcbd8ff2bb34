"""Compiles the protobuf decoder of a message class: one loop over tags, with a binary search for the field.

A decoder is called with the whole input and the bounds of its message in it, so that nested messages are not copied.
A field occupies the local f<index> until the message is complete. A nested message that is not repeated may come in
pieces, which are parsed as one: until the end f<index> holds where it is, or a list of its pieces. Unknown fields are
gathered in `u`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from mesos_py.wire.codec.compiler import Compiled, Function, Source
from mesos_py.wire.codec.protobuf_wire import (
    BYTES,
    VARINT,
    WIRE_TYPES,
    Malformed,
    add_piece,
    entry_field,
    read_id,
    read_varint,
    skip,
    tag_of,
    varint,
)
from mesos_py.wire.schema import Field, assignment, fields

#: Nesting that protobuf's C++ parser allows (CodedInputStream's default recursion limit).
MAX_DEPTH = 100

_DOUBLE = struct.Struct("<d")


def _decoder(cls: type) -> Function:
    declared = fields(cls)
    recursive = any(field.type is cls for field in declared)
    source = Source(
        "def decode(s, i, end, depth=0):" if recursive else "def decode(s, i, end):",
        new=object.__new__,
        cls=cls,
        _store=object.__setattr__,
        Malformed=Malformed,
        read_varint=read_varint,
        read_id=read_id,
        skip=skip,
        add_piece=add_piece,
        unpack=_DOUBLE.unpack_from,
    )
    if recursive:
        source.add(f"if depth > {MAX_DEPTH}:", "    raise Malformed('nested too deep')")
    for index, field in enumerate(declared):
        start = {"rep": "[]", "map": "{}"}.get(field.label, "None")
        source.add(f"f{index} = {start}")
    source.add("u = None", "while i < end:", "    start = i", "    t = s[i]", "    i += 1")
    source.add("if t > 127:", "    t, i = read_varint(s, start)", indent=2)
    rows: list[tuple[int, Callable[[int], None]]] = []
    for index, field in enumerate(declared):
        rows += _rows(source, field, index, cls)
    _search(source, sorted(rows, key=lambda row: row[0]), 2)
    source.add("if i != end:", "    raise Malformed('truncated')", "o = new(cls)")
    for index, field in enumerate(declared):
        _finish(source, field, index, cls)
    source.add(assignment("o", "unknown_fields", "None if u is None else b''.join(u)"), "return o")
    return source.build("decode", cls, "protobuf")


def _search(source: Source, rows: list[tuple[int, Callable[[int], None]]], indent: int) -> None:
    """Lines that find the row of tag `t` by bisection, and skip a tag without a row."""
    if len(rows) > 4:
        middle = len(rows) // 2
        source.add(f"if t < {rows[middle][0]}:", indent=indent)
        _search(source, rows[:middle], indent + 1)
        source.add("else:", indent=indent)
        _search(source, rows[middle:], indent + 1)
        return
    for position, (tag, write) in enumerate(rows):
        source.add(f"{'el' if position else ''}if t == {tag}:", indent=indent)
        write(indent + 1)
    inner = indent
    if rows:
        source.add("else:", indent=indent)
        inner += 1
    source.add("i = skip(s, i, end, t)", indent=inner)
    _keep(source, "s[start:i]", inner)


def _keep(source: Source, unknown: str, indent: int) -> None:
    """Lines that add an expression of bytes to the unknown fields."""
    source.add("if u is None:", "    u = []", f"u.append({unknown})", indent=indent)


def _rows(source: Source, field: Field, index: int, cls: type) -> list[tuple[int, Callable[[int], None]]]:
    """(tag, writer of the lines for it); repeated scalars have a second row for the packed form."""
    wire = WIRE_TYPES.get(field.kind, VARINT)
    if field.label == "map":
        return [(field.number << 3 | BYTES, lambda indent: _read_entry(source, field, index, indent))]
    rows = [(field.number << 3 | wire, lambda indent: _read(source, field, index, cls, indent))]
    if field.label == "rep" and wire != BYTES:
        rows.append((field.number << 3 | BYTES, lambda indent: _read_packed(source, field, index, indent)))
    return rows


def _read_length(source: Source, indent: int) -> None:
    """Lines that set `e` to the end of a length-delimited value that begins at `i`."""
    source.add("e = s[i]", "i += 1", "if e > 127:", "    e, i = read_varint(s, i - 1)", indent=indent)
    source.add("e += i", "if e > end:", "    raise Malformed('truncated')", indent=indent)


def _read(source: Source, field: Field, index: int, cls: type, indent: int) -> None:
    kind, slot = field.kind, f"f{index}"
    if kind == "message" and field.label != "rep":
        _read_length(source, indent)
        source.add(f"{slot} = (i, e) if {slot} is None else add_piece(s, {slot}, i, e)", indent=indent)
        source.add("i = e", indent=indent)
    else:
        value = _value(source, field, indent)
        if field.kind == "enum":
            _known_member(source, field, indent)
            indent += 1
        source.add(f"{slot}.append({value})" if field.label == "rep" else f"{slot} = {value}", indent=indent)
    if field.oneof is not None:
        for other, rival in enumerate(fields(cls)):
            if rival.oneof == field.oneof and other != index:
                source.add(f"f{other} = None", indent=indent)


def _value(source: Source, field: Field, indent: int) -> str:
    """Lines that read one value at `i` and move `i` behind it; returns the expression of the value."""
    kind = field.kind
    if kind == "double":
        source.add("if i + 8 > end:", "    raise Malformed('truncated')", "i += 8", indent=indent)
        return "unpack(s, i - 8)[0]"
    if kind in ("string", "bytes", "id", "message"):
        _read_length(source, indent)
        if kind == "message":
            source.add(f"v = {source.link('decode', field.type, decoders)}(s, i, e)", indent=indent)
        elif kind == "id":
            source.add("if e - i > 1 and s[i] == 10 and s[i + 1] == e - i - 2:", indent=indent)
            source.add("v = s[i + 2:e].decode('utf-8', 'replace')", indent=indent + 1)
            source.add("else:", "    v = read_id(s, i, e)", indent=indent)
        else:
            source.add("v = s[i:e]" + (".decode('utf-8', 'replace')" if kind == "string" else ""), indent=indent)
        source.add("i = e", indent=indent)
        return "v"
    source.add("v = s[i]", "i += 1", "if v > 127:", "    v, i = read_varint(s, i - 1)", indent=indent)
    if kind == "bool":
        return "v != 0"
    if kind == "uint32":
        return "v & 0xFFFFFFFF"
    if kind == "int64":
        return "(v if v < 0x8000000000000000 else v - 0x10000000000000000)"
    if kind in ("int32", "enum"):
        source.add("if v > 0x7FFFFFFF:", "    v = (v & 0xFFFFFFFF ^ 0x80000000) - 0x80000000", indent=indent)
    return "v"


def _known_member(source: Source, field: Field, indent: int) -> None:
    """Lines that turn a number into a member, or keep the number among the unknown fields."""
    members = source.bind("members", {int(member): member for member in field.type})
    source.add(f"v = {members}.get(v)", "if v is None:", indent=indent)
    _keep(source, "s[start:i]", indent + 1)
    source.add("else:", indent=indent)


def _read_packed(source: Source, field: Field, index: int, indent: int) -> None:
    _read_length(source, indent)
    source.add("outer = end", "end = e", "while i < e:", indent=indent)
    value = _value(source, field, indent + 1)
    if field.kind == "enum":
        members = source.bind("members", {int(member): member for member in field.type})
        tag = source.bind("tag", tag_of(field))
        source.add(f"if v in {members}:", f"    f{index}.append({members}[v])", indent=indent + 1)
        source.names["varint"] = varint
        source.add("else:", indent=indent + 1)
        _keep(source, f"{tag} + varint(v & 0xFFFFFFFFFFFFFFFF)", indent + 2)
    else:
        source.add(f"f{index}.append({value})", indent=indent + 1)
    source.add("if i != e:", "    raise Malformed('truncated')", "end = outer", indent=indent)


def _read_entry(source: Source, field: Field, index: int, indent: int) -> None:
    """Lines that read one entry of a map: a message of key and value."""
    key, value = entry_field(field, "key"), entry_field(field, "value")
    source.add("outer = end", indent=indent)
    _read_length(source, indent)
    source.add("end = e", "k = ''", "w = None", "while i < end:", indent=indent)
    source.add("at = i", "t, i = read_varint(s, at)", f"if t == {1 << 3 | BYTES}:", indent=indent + 1)
    source.add(f"k = {_value(source, key, indent + 2)}", indent=indent + 2)
    source.add(f"elif t == {2 << 3 | WIRE_TYPES[value.kind]}:", indent=indent + 1)
    source.add(f"w = {_value(source, value, indent + 2)}", indent=indent + 2)
    source.add("else:", "    i = skip(s, i, end, t)", indent=indent + 1)
    source.add("if i != end:", "    raise Malformed('truncated')", "end = outer", "if w is None:", indent=indent)
    empty = f"{source.link('decode', field.type, decoders)}(s, 0, 0)" if field.kind == "message" else "''"
    source.add(f"w = {empty}", indent=indent + 1)
    source.add(f"f{index}[k] = w", indent=indent)


def _finish(source: Source, field: Field, index: int, cls: type) -> None:
    """Lines that store a field in the finished message."""
    slot = f"f{index}"
    if field.label == "rep":
        source.add(assignment("o", field.name, f"tuple({slot})"))
        return
    if field.kind == "message" and field.label != "map":
        decode_ = source.link("decode", field.type, decoders)
        deeper = ", depth + 1" if field.type is cls else ""
        source.add(f"if type({slot}) is tuple:", f"    {slot} = {decode_}(s, {slot}[0], {slot}[1]{deeper})")
        source.add(f"elif {slot} is not None:", f"    b = b''.join({slot})")
        source.add(f"{slot} = {decode_}(b, 0, len(b){deeper})", indent=2)
    if field.label == "req":
        source.add(f"if {slot} is None:", f"    raise Malformed('{cls.__qualname__} lacks {field.name}')")
    elif field.label == "opt" and field.default is not None:
        source.add(f"if {slot} is None:", f"    {slot} = {source.bind('default', field.default)}")
    source.add(assignment("o", field.name, slot))


decoders = Compiled(_decoder)
