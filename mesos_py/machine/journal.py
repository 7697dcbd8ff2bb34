"""What reached a core, kept for the story of an entity and for replaying a run.

The journal is a ring of (now, cause, event, changes), bounded in entries and in bytes. ``story`` answers "what happened
to task-7?" from the changes that name it; ``replay`` feeds the recorded events to a fresh core and yields the frames it
makes, which must equal the ones of the first run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
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


class Journal:
    """The last ``length`` events of one core, fewer when they are large."""

    def __init__(self, length: int = JOURNAL_LENGTH, bytes_max: int = JOURNAL_BYTES_MAX) -> None:
        self._entries: deque[Entry] = deque()
        self._length, self._bytes_max = length, bytes_max
        self._bytes = 0

    def record(self, event: Event, frame: Frame) -> None:
        self._entries.append(Entry(frame.now, frame.cause, event, tuple(frame.changes)))
        self._bytes += event.size
        while len(self._entries) > self._length or (self._bytes > self._bytes_max and len(self._entries) > 1):
            self._bytes -= self._entries.popleft().event.size

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def tail(self, count: int) -> list[Entry]:
        return list(self._entries)[-count:]

    def story(self, *ids: str) -> list[Entry]:
        """The entries whose changes name one of ``ids``, oldest first."""
        wanted = set(ids)
        return [entry for entry in self._entries if any(_names(change, wanted) for change in entry.changes)]


def _names(change: Any, wanted: set[str]) -> bool:
    return any(getattr(change, name, None) in wanted for name in ("task_id", "agent_id", "framework_id", "offer_id"))


def replay(core: Core, entries: Iterable[Entry]) -> Iterator[Frame]:
    """Apply the recorded events to ``core`` at their recorded times; yields the frames."""
    for entry in entries:
        yield core.apply(entry.event, entry.now)
