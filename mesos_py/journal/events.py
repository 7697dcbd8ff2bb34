"""One event as plain values, and the digest of the frame it caused.

An event is ``[now, kind, body's class, body, peer, principal, size]``: a wire message as its msgpack codec has it (its
class is left out where the kind says it), anything else as an object graph of its own. It is taken down before the core
sees it, since a core may take over what an event brings.

A digest covers everything a frame says: writes, words and the reply in full, changes by their ids, texts and states.
Equal digests mean equal frames, for whoever hears them; nothing can be read from a digest. Where frames come by the
thousand a brief one must do.
"""

from __future__ import annotations

import enum
import hashlib
import types
import typing
import zlib
from collections import deque
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import attrs
import msgpack

from mesos_py.algebra.resources import Resources
from mesos_py.journal.classes import Unreadable, class_named, kind_named, name_of, name_of_kind
from mesos_py.journal.graph import dump, load, unpacked
from mesos_py.machine.frame import Event, Frame, Send
from mesos_py.machine.values import Nanos
from mesos_py.master.events import RegistryRecovered
from mesos_py.wire.codec.msgpack import encoders, from_value
from mesos_py.wire.schema import is_message

DIGEST_BYTES, BRIEF_BYTES = 8, 4
AGENT_BYTES = 200  # of an agent in the registry, about

#: Made once, since that takes longer than packing an event; of enums that are no numbers the names are packed.
pack = msgpack.Packer(unicode_errors="surrogatepass", default=lambda member: member.name).pack


@attrs.frozen
class Later:
    """Bytes that take a while to make; whoever writes them makes them."""

    make: Callable[[], bytes]
    #: about how many
    size: int


def told(event: Event, now: Nanos) -> list[Any]:
    """The event as msgpack packs it, but for a body that is made ``Later``.

    Raises Unrecordable for what is no event of a core.
    """
    body, kind = event.body, event.kind
    name: str | None = None
    if body is not None:
        cls = body.__class__
        if is_message(cls):
            name = "" if cls is kind else name_of(cls)
            body = encoders[cls](body)
        elif cls is RegistryRecovered:  # of 10,000 agents takes a tenth of a second
            kept = RegistryRecovered(body.registry.copy())
            body = Later(lambda: b"".join(dump(kept)), AGENT_BYTES * len(kept.registry.agents))
        else:
            body = b"".join(dump(body))
    return [now, name_of_kind(kind), name, body, event.peer, event.principal, event.size]  # type: ignore[arg-type]


def event_of(told: Any) -> tuple[Event, Nanos]:
    """The reverse, once unpacked. Raises Unreadable."""
    try:
        now, kind_name, name, body, peer, principal, size = told
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
    """Of everything the frame says; the same for equal frames, in every process."""
    return hashlib.blake2b(packed(frame), digest_size=DIGEST_BYTES).digest()


def brief_digest(frame: Frame) -> bytes:
    """Of who is told what kind of word, and of what changed: a fifth of the work."""
    told: list[Any] = [frame.cause, frame.reply.__class__.__qualname__]
    for word in frame.sends:
        told += (word.peer, word.message.__class__.__qualname__ if isinstance(word, Send) else "")
    told += [fact.__class__.__qualname__ for fact in frame.writes]
    for change in frame.changes:
        cls = change.__class__
        told += (_BRIEF.get(cls) or _brief_of(cls))(change)
    return zlib.crc32(pack(told)).to_bytes(BRIEF_BYTES, "big")


def digest_like(recorded: bytes, frame: Frame) -> bytes:
    """The digest of the frame that is to be compared with a recorded one."""
    return brief_digest(frame) if len(recorded) == BRIEF_BYTES else digest(frame)


def packed(frame: Frame) -> bytes:
    """All that counts, in which an id can be looked for; not to be read again."""
    told: list[Any] = [frame.cause, _plain(frame.reply)]
    for word in frame.sends:
        if word.__class__ is Send:
            told += (word.peer, _plain(word.message), word.volatile)
        else:
            told.append(word.peer)
    told += map(_plain, frame.writes)
    for change in frame.changes:
        cls = change.__class__
        told += (_BRIEF.get(cls) or _brief_of(cls))(change)
    data: bytes = pack(told)
    return data


def _plain(value: Any) -> Any:
    """All of it, as something that msgpack packs."""
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
        made = lambda message: (name, encode_message(message))  # noqa: E731 - one of several
    elif issubclass(cls, enum.Enum):
        made = lambda member: member.name  # noqa: E731
    elif attrs.has(cls) and cls.__eq__ is not object.__eq__:
        fields = [field.name for field in attrs.fields(cls)]
        made = lambda value: [name, *_sequence([getattr(value, field) for field in fields])]  # noqa: E731
    else:  # an entity: who it is; what became of it is told by the words
        made = lambda entity: (name, getattr(entity, "id", None))  # noqa: E731
    _PLAIN[cls] = made
    return made


def _brief_of(cls: type) -> Callable[[Any], tuple[Any, ...]]:
    """What is told of a change: its class, its ids, texts and states.

    Not the messages and entities it has: words tell of the former, and events to come of the latter.
    """
    try:
        hints = typing.get_type_hints(cls) if attrs.has(cls) else {}
    except NameError:  # of a type that only checkers see
        hints = {}
    names = [name for name, hint in hints.items() if _is_brief(hint)]
    _BRIEF[cls] = made = attrgetter("__class__.__qualname__", *names, "__class__.__module__")
    return made


def _is_brief(hint: Any) -> bool:
    """Whether values of the type are short: text, numbers, members of enums, and tuples of these."""
    if isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    inner = [one for one in typing.get_args(hint) if one is not Ellipsis]
    if inner:
        return all(map(_is_brief, inner))
    return isinstance(hint, type) and issubclass(hint, (types.NoneType, str, bytes, int, float, enum.Enum))


_BRIEF: dict[type, Callable[[Any], tuple[Any, ...]]] = {}
