"""The record of an event, from both of its halves: what the core heard, and the frame it answered with.

``[digest of the frame, *event]`` in msgpack. Without a digest the core failed on the event, which is then the last one.
"""

from __future__ import annotations

from typing import Any

import attrs
import msgpack

from mesos_py.journal import events
from mesos_py.journal.classes import Unreadable
from mesos_py.journal.events import Later
from mesos_py.journal.files import framed
from mesos_py.machine.frame import Event
from mesos_py.machine.values import Nanos

BODY = 3  # where an event has its body


def record(told: list[Any], digest: bytes) -> bytes | Later:
    """Of an event as ``events.told`` it before the core saw it; empty ``digest``: the core failed on it."""
    body = told[BODY]
    if body.__class__ is Later:
        return Later(lambda: framed(_packed(digest, *told[:BODY], body.make(), *told[BODY + 1 :])), body.size)
    return framed(events.pack([digest, *told]))


def _packed(*values: Any) -> bytes:
    """As ``events.pack``, which is the loop's own."""
    data: bytes = msgpack.packb(values, unicode_errors="surrogatepass")
    return data


def bytes_of(part: bytes | Later) -> bytes:
    """Made, if that is still to be done."""
    return part.make() if isinstance(part, Later) else part


@attrs.frozen
class Record:
    """One event as it was recorded."""

    event: Event
    now: Nanos
    #: of its frame; empty: the core failed on it
    digest: bytes
    #: the event's bytes, for those who look for a text before they look closer
    data: bytes


def read(payload: bytes) -> Record:
    """Raises Unreadable."""
    try:
        digest, *told = msgpack.unpackb(payload, strict_map_key=False, unicode_errors="surrogatepass")
    except Exception as error:  # there is no end to what may be wrong with a file
        raise Unreadable(f"not a record: {type(error).__name__}: {error}") from error
    if type(digest) is not bytes or len(digest) not in (0, events.BRIEF_BYTES, events.DIGEST_BYTES):
        raise Unreadable(f"{digest!r} is no digest")
    event, now = events.event_of(told)
    return Record(event, now, digest, payload)
