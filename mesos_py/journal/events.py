"""One event as bytes, and the digest of the frame it caused.

An event is ``[now, kind, body's class, body, peer, principal, size]`` in msgpack: a wire message as its codec has it
(its class is left out where the kind says it), anything else as an object graph of its own. It is encoded before the
core sees it, since a core may take over what an event brings.

A digest covers everything a frame says: writes, words, the reply in full, and changes with the ids of the entities
they are about. Equal digests mean equal frames, for whoever hears them; nothing can be read from a digest.
"""

from __future__ import annotations

import enum
import hashlib
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs
import msgpack

from mesos_py.algebra.resources import Resources
from mesos_py.journal.classes import Unreadable, class_named, kind_named, name_of, name_of_kind
from mesos_py.journal.graph import dump, load, unpacked
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import Nanos
from mesos_py.wire.codec.msgpack import encoders, from_value, pack
from mesos_py.wire.schema import is_message

DIGEST_BYTES = 8


def encode(event: Event, now: Nanos) -> bytes:
    """Raises Unrecordable for an event that no core understands."""
    body = event.body
    cls = body.__class__
    name: str | None = None
    if body is not None:
        if is_message(cls):
            name = "" if cls is event.kind else name_of(cls)
            body = encoders[cls](body)
        else:
            body = b"".join(dump(body))
    kind = name_of_kind(event.kind)  # type: ignore[arg-type]  # classes are hashable
    return pack([now, kind, name, body, event.peer, event.principal, event.size])


def decode(data: bytes) -> tuple[Event, Nanos]:
    """Raises Unreadable."""
    try:
        now, kind_name, name, body, peer, principal, size = msgpack.unpackb(
            data, strict_map_key=False, unicode_errors="surrogatepass"
        )
        kind = kind_named(kind_name)
        if name is not None:
            cls = class_named(name) if name else kind
            if not is_message(cls):
                raise Unreadable(f"{name} is no message")
            body = from_value(cls, body)
        elif body is not None:
            body = load(unpacked([body]))
    except Unreadable:
        raise
    except Exception as error:  # there is no end to what may be wrong with a file
        raise Unreadable(f"not an event: {type(error).__name__}: {error}") from error
    return Event(kind, body, peer, principal, size), now


# ---- digests


def digest(frame: Frame) -> bytes:
    """The same for equal frames, in every process."""
    return hashlib.blake2b(packed(frame), digest_size=DIGEST_BYTES).digest()


def packed(frame: Frame) -> bytes:
    """All that counts, in which an id can be looked for; not to be read again."""
    return pack([frame.cause, *map(_plain, (frame.writes, frame.sends, frame.changes, frame.reply))])


def _plain(value: Any) -> Any:
    """As something that msgpack packs."""
    cls = value.__class__
    return (_PLAIN.get(cls) or _plain_of(cls))(value)


def _sequence(values: Any) -> list[Any]:
    return [(_PLAIN.get(value.__class__) or _plain_of(value.__class__))(value) for value in values]


def _mapping(values: dict[Any, Any]) -> list[Any]:
    return [part for item in values.items() for part in _sequence(item)]


def _set(values: Any) -> list[Any]:
    return sorted(_sequence(values), key=pack)


_PLAIN: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((type(None), bool, float, str, bytes), lambda value: value),
    int: lambda value: value if -(2**63) <= value < 2**64 else hex(value),
    **dict.fromkeys((tuple, list, deque), _sequence),
    **dict.fromkeys((set, frozenset), _set),
    dict: _mapping,
    Resources: str,
}


def _plain_of(cls: type) -> Callable[[Any], Any]:
    """How objects of a class are told; found once."""
    name = cls.__qualname__
    made: Callable[[Any], Any]
    if is_message(cls):
        encode_message = encoders[cls]
        made = lambda message: [name, encode_message(message)]  # noqa: E731 - one of several
    elif issubclass(cls, enum.Enum):
        made = lambda member: member.name  # noqa: E731
    elif attrs.has(cls) and cls.__eq__ is not object.__eq__:
        fields = [field.name for field in attrs.fields(cls)]
        made = lambda value: [name, *_sequence([getattr(value, field) for field in fields])]  # noqa: E731
    else:  # an entity: who it is; what became of it is told by the words
        made = lambda entity: [name, getattr(entity, "id", None)]  # noqa: E731
    _PLAIN[cls] = made
    return made
