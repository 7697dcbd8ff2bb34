"""A core made again from its journal, as it was at any event.

A replay starts with a snapshot and applies the events after it at their recorded times. It goes on from segment to
segment for as long as no event is missing between them; after a gap it starts again with the next snapshot. What could
not be read or is missing is said in ``notes``, never passed over.
"""

from __future__ import annotations

import bisect
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from mesos_py.journal import events
from mesos_py.journal.classes import Unreadable
from mesos_py.journal.files import DEPTH_MAX, EVENTS, Head, Segment, sources_digest
from mesos_py.journal.records import Record, read
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import SECOND, Nanos


class Run:
    """What one process has recorded."""

    def __init__(self, path: Path) -> None:
        """Raises OSError; a segment that cannot be read is left out, and ``notes`` say so."""
        self.path, self.name = path, path.name
        self.segments: list[Segment] = []
        self.notes: list[str] = []
        for file in sorted(path.glob("*" + EVENTS)):
            try:
                self.segments.append(Segment(file))
            except Unreadable as error:
                self.notes.append(str(error))
        self.segments.sort(key=lambda segment: segment.head.number)

    @property
    def head(self) -> Head:
        """Of the oldest segment that is kept."""
        return self.segments[0].head


def find_runs(directory: Path) -> list[Run]:
    """All runs in or below ``directory``, oldest first. Raises Unreadable when there is none, OSError."""
    if not directory.is_dir():
        raise Unreadable(f"{directory} is no directory")
    found: list[Run] = []
    level, notes = [directory], []
    for _ in range(DEPTH_MAX):
        for path in level:
            if next(path.glob("*" + EVENTS), None) is not None:
                run = Run(path)
                notes += run.notes
                found += [run] if run.segments else []
        level = [inner for path in level for inner in sorted(path.iterdir()) if inner.is_dir()]
    if not found:
        raise Unreadable("; ".join(notes) or f"there is no journal in {directory}")
    return sorted(found, key=lambda run: (run.head.at_ns, run.name))


@attrs.frozen
class Until:
    """The last event to be replayed, by its number or by its time."""

    number: int | None = None
    at_ns: Nanos | None = None

    @staticmethod
    def parse(text: str) -> Until:
        """An event's number, or a time as ISO 8601 has it, UTC unless it says otherwise. Raises ValueError."""
        if text.lstrip("#").isdecimal():
            return Until(number=int(text.lstrip("#")))
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"expecting the number of an event, or a time as 2024-05-01T12:00:00: '{text}'") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        whole = moment.replace(microsecond=0)
        return Until(at_ns=int(whole.timestamp()) * SECOND + moment.microsecond * 1000 + 999)

    def is_before(self, number: int, at_ns: Nanos) -> bool:
        """Whether the event comes too late."""
        return (self.number is not None and number > self.number) or (self.at_ns is not None and at_ns > self.at_ns)


@attrs.frozen(kw_only=True)
class Step:
    """One event applied again."""

    number: int
    record: Record
    #: None: the core failed on it
    frame: Frame | None
    error: Exception | None = None

    @property
    def is_as_recorded(self) -> bool:
        recorded = self.record.digest
        return recorded == (b"" if self.frame is None else events.digest_like(recorded, self.frame))


class Replay:
    """The core at ``number``, and how it came there.

    ``from_start`` replays all that is kept, else as little as will do; ``anew`` takes up every snapshot on the way,
    rather than going on with the core there is.
    """

    def __init__(
        self, run: Run, until: Until | None = None, *, from_start: bool = False, anew: bool = False
    ) -> None:
        self.run, self._until, self._from_start, self._anew = run, until or Until(), from_start, anew
        self.notes = list(run.notes)
        self.core: Any = None
        #: of the segment last begun
        self.head = run.head
        #: of the last event applied, and when that was
        self.number = 0
        self.now: Nanos = 0
        own = sources_digest()
        if run.head.sources != own:
            self.notes.append(
                f"recorded by other sources (mesos_py {run.head.version}, {run.head.sources}) than these ({own}):"
                " decisions may differ"
            )

    def to_end(self) -> None:
        """Every event that is to be applied. Raises Unreadable when there is nothing to begin with."""
        for _ in self.steps():
            pass
        if self.core is None:
            raise Unreadable("; ".join(self.notes) or "there is nothing before that")

    def steps(self) -> Iterator[Step]:
        """Applies event after event; the core changes between two steps."""
        for segment in self._segments():
            if not self._begin(segment):
                continue
            for payload in segment.records():
                try:
                    record = read(payload)
                except Unreadable as error:
                    self.notes.append(f"event {self.number + 1} cannot be read: {error}")
                    break
                if self._until.is_before(self.number + 1, record.now):
                    return
                self.number, self.now = self.number + 1, record.now
                step = self._apply(record)
                yield step
                if step.frame is None:
                    self.notes.append(f"the core failed on event {self.number}: {step.error!r}")
                    return
            if segment.torn is not None:
                self.notes.append(f"{segment.torn}; the last event before that is {self.number}")

    def _apply(self, record: Record) -> Step:
        try:
            frame = self.core.apply(record.event, record.now)
        except Exception as error:
            return Step(number=self.number, record=record, frame=None, error=error)
        return Step(number=self.number, record=record, frame=frame)

    def _segments(self) -> list[Segment]:
        """From where it has to start."""
        segments = self.run.segments
        if self._from_start:
            return segments
        too_late = bisect.bisect_left(
            segments, True, key=lambda one: self._until.is_before(one.head.before, one.head.at_ns)
        )
        for number in range(too_late - 1, -1, -1):
            if segments[number].snapshot.exists():
                return segments[number:too_late]
        return segments[:too_late]

    def _begin(self, segment: Segment) -> bool:
        """The core is what it was when the segment began; False when that cannot be known."""
        head = segment.head
        goes_on = self.core is not None and self.number == head.before
        if self.core is not None and not goes_on:
            self.notes.append(f"events {self.number + 1} to {head.before} are missing")
        if goes_on and not self._anew:
            return True
        try:
            core = segment.core()
        except FileNotFoundError:
            core = None
            if not goes_on:
                self.notes.append(f"segment {head.number} has no snapshot, and does not go on from one that has")
        except Unreadable as error:
            core = None
            self.notes.append(f"a snapshot cannot be read: {error}")
        if core is not None:
            self.core = core
        elif not goes_on:
            return False
        self.head, self.number, self.now = head, head.before, max(self.now, head.at_ns)
        return True


@attrs.frozen(kw_only=True)
class Verdict:
    """Whether a run repeats."""

    #: events that make the same frames again
    count: int
    #: the first one that does not
    different: Step | None
    #: of the last event that was looked at
    number: int
    notes: list[str]


def check(run: Run, until: Until | None = None) -> Verdict:
    """Replays all that is kept, from each snapshot anew, up to the first difference. Raises OSError."""
    replay = Replay(run, until, from_start=True, anew=True)
    count, different = 0, None
    for step in replay.steps():
        if not step.is_as_recorded:
            different = step
            break
        count += 1
    return Verdict(count=count, different=different, number=replay.number, notes=replay.notes)
