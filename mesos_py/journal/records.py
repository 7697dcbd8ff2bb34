"""Records from the two halves of what happens: the event before the core sees it, the frame after.

A payload is the length of the digest, the digest, and the event. Without a digest the core failed on the event, which
is then the last one.
"""

from __future__ import annotations

import attrs

from mesos_py.journal import events
from mesos_py.journal.classes import Unreadable
from mesos_py.journal.files import framed
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import Nanos


class Records:
    """``heard``, then ``answered`` or ``failed``, each of which returns the record."""

    def __init__(self) -> None:
        self._event = b""

    def heard(self, event: Event, now: Nanos) -> None:
        """Raises Unrecordable."""
        self._event = events.encode(event, now)

    def answered(self, frame: Frame) -> bytes:
        digest = events.digest(frame)
        return framed(bytes((len(digest),)) + digest + self._event)

    def failed(self) -> bytes:
        return framed(b"\0" + self._event)


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
    length = payload[0]
    if length not in (0, events.DIGEST_BYTES):
        raise Unreadable(f"a digest of {length} bytes")
    data = payload[1 + length :]
    event, now = events.decode(data)
    return Record(event, now, payload[1 : 1 + length], data)
