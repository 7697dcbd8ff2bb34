"""Long v1 answers: a message whose repeated fields are encoded element by element, in JSON or protobuf.

A ``Section`` stands for a message of class ``cls`` with the fields of ``rest`` and repeated fields, each an iterator of
wire messages or of sections, or, for GET_STATE, for a message that holds sections. An iterator that needs long for the
next element yields None meanwhile. In JSON empty lists are shown, as Mesos does for these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from mesos_py.machine.values import value
from mesos_py.wire.codec import json as json_codec
from mesos_py.wire.codec import protobuf as protobuf_codec
from mesos_py.wire.master_api import Event, Response
from mesos_py.wire.schema import fields, payload_field


@value
class Section:
    """A message to be encoded in pieces. Its iterators can be used once."""

    cls: type
    parts: tuple[tuple[str, Iterable[Any] | Section], ...]
    rest: Any = None


def respond(kind: Response.Type, section: Section) -> Section:
    """``{"type": kind, <payload>: section}``."""
    return Section(_Envelope, ((kind.name, section),))


class _Envelope:
    """A Response with one payload."""


def json_pieces(section: Section) -> Iterator[bytes]:
    """The section as JSON."""
    if section.cls is _Envelope:
        kind, inner = section.parts[0]
        assert isinstance(inner, Section)
        yield b'{"type":"%s","%s":' % (kind.encode(), kind.lower().encode())
        yield from json_pieces(inner)
        yield b"}"
        return
    opening = b"{"
    if section.rest is not None:
        rest = json_codec.encode(section.rest)[:-1]
        yield rest
        opening = b"," if len(rest) > 1 else b""
    for name, part in section.parts:
        yield b'%s"%s":' % (opening, name.encode())
        opening = b","
        if isinstance(part, Section):
            yield from json_pieces(part)
            continue
        separator = b"["
        for message in part:
            if message is None:
                yield b""
                continue
            if isinstance(message, Section):
                yield separator
                yield from json_pieces(message)
            else:
                yield separator + json_codec.encode(message)
            separator = b","
        yield b"[]" if separator == b"[" else b"]"
    yield b"{}" if opening == b"{" else b"}"


def protobuf_pieces(section: Section) -> Iterator[list[bytes]]:
    """The section as protobuf. Lists of pieces that grow: the last one is all; lengths come before contents.

    Yields the same list again and again, so that the caller can pause between elements.
    """
    made: list[bytes] = []
    if section.cls is _Envelope:
        kind = Response.Type[section.parts[0][0]]
        inner = section.parts[0][1]
        assert isinstance(inner, Section)
        body: list[bytes] = []
        for body in protobuf_pieces(inner):
            yield body
        made.append(b"\x08" + varint(kind))
        made += delimited(_number(Response, payload_field(kind)), body)
        yield made
        return
    if section.rest is not None:
        made.append(protobuf_codec.encode(section.rest))
    for name, part in section.parts:
        number = _number(section.cls, name)
        if isinstance(part, Section):
            inside: list[bytes] = []
            for inside in protobuf_pieces(part):
                yield inside
            made += delimited(number, inside)
            continue
        for message in part:
            if isinstance(message, Section):
                inside = []
                for inside in protobuf_pieces(message):
                    yield inside
                made += delimited(number, inside)
            elif message is not None:
                made += delimited(number, [protobuf_codec.encode(message)])
            yield made
    yield made


def delimited(number: int, pieces: list[bytes]) -> list[bytes]:
    return [varint(number << 3 | 2) + varint(sum(map(len, pieces))), *pieces]


def _number(cls: type, name: str) -> int:
    return next(field.number for field in fields(cls) if field.name == name)


def varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


def array_pieces(name: str, elements: Iterable[bytes]) -> Iterator[bytes]:
    """``"name":[...]`` of elements that are JSON already."""
    yield orjson.dumps(name) + b":["
    separator = b""
    for element in elements:
        yield separator + element
        separator = b","
    yield b"]"


# ---- the first event of an operator's stream, which holds all of GET_STATE


def subscribed_json(state: list[bytes], heartbeat_interval_s: float) -> list[bytes]:
    """The SUBSCRIBED event around a GetState that is JSON already, in pieces."""
    end = b',"heartbeat_interval_seconds":%b}}' % orjson.dumps(heartbeat_interval_s)
    return [b'{"type":"SUBSCRIBED","subscribed":{"get_state":', *state, end]


def subscribed_protobuf(state: list[bytes], heartbeat_interval_s: float) -> list[bytes]:
    """The same around a GetState in protobuf."""
    rest = protobuf_codec.encode(Event.Subscribed(heartbeat_interval_seconds=heartbeat_interval_s))
    inside = [*delimited(_number(Event.Subscribed, "get_state"), state), rest]
    kind = protobuf_codec.encode(Event(type=Event.Type.SUBSCRIBED))
    return [kind, *delimited(_number(Event, "subscribed"), inside)]
