"""Event in, Frame out: the two values every core is made of.

A frame is everything one event caused. ``writes`` must survive before anything is said; ``sends`` are words to
peers; ``reply`` answers whoever asked; ``changes`` are typed facts for logs, metrics and subscribers.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar

import attrs

from mesos_py.machine.values import Nanos

PeerID = str
"""Names one connection (a scheduler's stream, an agent's channel), never the entity behind it: a framework that
fails over gets a new peer, and words for the old one cannot reach the new one."""

Kind = Hashable | type[Any]
"""The key of the row that handles an event: a Call.Type member, or the event's or message's class."""


@attrs.define(eq=False)
class Event:
    """Something that happened or is asked for.

    ``kind`` is the key of the row that handles it (a Call.Type member, or an event class); ``body`` the message;
    ``peer`` the connection it came on, if it matters; ``principal`` who is behind it, if authenticated; ``size`` how
    many bytes it came as (0: made here), which is about what keeping it costs.
    """

    kind: Kind
    body: Any = None
    peer: PeerID | None = None
    principal: str | None = None
    size: int = 0


class Disconnected:
    """Kind of the event a shell makes when a peer's connection has ended: closed, broken or cut off for being slow."""


class Tick:
    """Kind of the event the driver makes when ``core.deadline()`` has come."""


@attrs.define(eq=True)
class Send:
    """One word to one peer. A volatile word carries no fact and passes the commit barrier (heartbeats, pings)."""

    peer: PeerID
    message: Any
    volatile: bool = False


@attrs.define(eq=True)
class Close:
    """Close the peer's connection after the words before this one have left."""

    volatile: ClassVar[bool] = False
    peer: PeerID


class Frame:
    """What one event caused; handlers append to it, the driver reads it."""

    __slots__ = ("cause", "changes", "due", "now", "reply", "sends", "writes")

    def __init__(self, now: Nanos, cause: int = 0) -> None:
        #: when the event was applied
        self.now = now
        #: number of the event, unique within one process: the thread through logs and journal
        self.cause = cause
        self.writes: list[Any] = []
        self.sends: list[Send | Close] = []
        self.changes: list[Any] = []
        #: of a Tick: the timers that it was made for
        self.due: list[Any] = []
        #: the answer to ``Driver.ask``: a value, or a Problem
        self.reply: Any = None

    def send(self, peer: PeerID, message: Any, *, volatile: bool = False) -> None:
        """Say ``message`` to ``peer`` once the writes so far are durable."""
        self.sends.append(Send(peer, message, volatile))

    def close(self, peer: PeerID) -> None:
        self.sends.append(Close(peer))

    def write(self, fact: Any) -> None:
        """``fact`` must survive before any later word is said."""
        self.writes.append(fact)

    def change(self, fact: Any) -> None:
        self.changes.append(fact)

    def __repr__(self) -> str:
        return (
            f"Frame(cause={self.cause}, writes={self.writes!r}, sends={self.sends!r}, "
            f"changes={self.changes!r}, reply={self.reply!r})"
        )
