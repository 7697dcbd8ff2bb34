"""The last things that reached a core, kept in memory for the moment it fails.

The journal is a ring of (now, cause, event, changes), bounded in entries and in bytes. What is kept on disk is
``mesos_py.journal``; a driver tells it through the ``Recorder`` here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import Nanos, value

JOURNAL_LENGTH = 10_000  # entries kept in memory; a few MB, as events go
JOURNAL_BYTES_MAX = 32 << 20  # bytes the kept events came as; one call may carry megabytes of task data


@value
class Entry:
    """One event as it reached the core, and the facts it caused."""

    now: Nanos
    cause: int
    event: Event
    changes: tuple[Any, ...]


class Core(Protocol):
    """What the driver and the journal need of a core."""

    def apply(self, event: Event, now: Nanos) -> Frame: ...

    def deadline(self) -> Nanos | None: ...


class Recorder(Protocol):
    """What is told everything that reaches a core, before and after; it never raises and never waits."""

    @property
    def path(self) -> str:
        """Where that is kept."""
        ...

    def heard(self, event: Event, now: Nanos) -> None:
        """The core is about to apply ``event``."""
        ...

    def answered(self, frame: Frame) -> None:
        """``frame`` is what came of it."""
        ...

    def failed(self) -> None:
        """The core raised instead."""
        ...


class Journal:
    """The last ``length`` events of one core, fewer when they are large."""

    def __init__(self, length: int = JOURNAL_LENGTH, bytes_max: int = JOURNAL_BYTES_MAX) -> None:
        #: what entries are made of; they are rarely looked at
        self._kept: deque[tuple[Event, Nanos, int, list[Any]]] = deque()
        self._length, self._bytes_max = length, bytes_max
        self._bytes = 0

    def record(self, event: Event, frame: Frame) -> None:
        kept = self._kept
        kept.append((event, frame.now, frame.cause, frame.changes))
        self._bytes += event.size
        while len(kept) > self._length or (self._bytes > self._bytes_max and len(kept) > 1):
            self._bytes -= kept.popleft()[0].size

    def __iter__(self) -> Iterator[Entry]:
        return (Entry(now, cause, event, tuple(changes)) for event, now, cause, changes in self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def tail(self, count: int) -> list[Entry]:
        return list(self)[-count:]
