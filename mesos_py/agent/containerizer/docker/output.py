"""What containers print, as dockerd tells it, and how much of it has been written down. Pure.

A stream is frames: eight bytes (1 or 2 for stdout or stderr, three zeros, a length), then so many bytes. Those of logs
are records, each begun by its time and a blank; what a container prints without a newline comes in several records of
the same time. Times of one output never go back, those of two may cross a little.

A **position** is, for each output, the time of the last record that was written, how many there were of that time, and
how long the file was then. So nothing is lost or written twice when an agent is killed: the next one cuts off what is
beyond that length (it is at most one batch), asks for everything since a moment before, and skips what it has.
Docker: pkg/stdcopy, daemon/logger.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator
from typing import Final

import attrs

STDOUT, STDERR = 0, 1
HEADER: Final = 8
LINE_MAX: Final = 16 << 10  # bytes; dockerd cuts records there
FRAME_MAX: Final = 1 << 20
MARGIN_NS: Final = 1_000_000_000  # by so much times of two outputs cross at most
NAMES: Final = ("stdout", "stderr")

_STAMP: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ")
_TIME: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")


class BadStream(Exception):
    """dockerd says something that is no frame or record."""


class Frames:
    """Cuts what arrives into (output, contents)."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Frames that are complete now. Raises BadStream."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= HEADER:
            kind, length = buffer[start], int.from_bytes(buffer[start + 4 : start + HEADER], "big")
            if kind > 2 or buffer[start + 1 : start + 4] != b"\0\0\0" or length > FRAME_MAX:
                raise BadStream(f"no frame: {bytes(buffer[start : start + HEADER])!r}")
            end = start + HEADER + length
            if end > len(buffer):
                break
            yield STDERR if kind == 2 else STDOUT, bytes(buffer[start + HEADER : end])
            start = end
        del buffer[:start]

    def end(self) -> Iterator[tuple[int, bytes]]:
        """What is left when nothing more comes is no frame."""
        return iter(())


class LineRecords:
    """The same of a container with a terminal, which has one output and no frames: a record ends with its line.

    dockerd cuts lines that are longer than ``LINE_MAX``; the rest follows as a record of its own.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Records that are complete now."""
        buffer = self._buffer
        buffer += data
        start = 0
        while (end := self._end(start)) >= 0:
            yield STDOUT, bytes(buffer[start:end])
            start = end
        del buffer[:start]

    def end(self) -> Iterator[tuple[int, bytes]]:
        """What is left when nothing more comes: a line without an end."""
        if self._buffer:
            yield STDOUT, bytes(self._buffer)
            self._buffer.clear()

    def _end(self, start: int) -> int:
        """Of the record that begins at ``start``; -1: it is not known yet."""
        newline = self._buffer.find(b"\n", start)
        cut = _STAMP.search(self._buffer, start + LINE_MAX)
        if cut is not None and (newline < 0 or cut.start() < newline):
            return cut.start()
        if newline < 0 and len(self._buffer) - start > FRAME_MAX:
            raise BadStream(f"a line of more than {FRAME_MAX} bytes")
        return newline + 1 if newline >= 0 else -1


@attrs.define
class Place:
    """How far one output has been written."""

    #: of the last record, as dockerd writes it; empty: there was none
    time: str = ""
    #: records of that time
    count: int = 0
    #: bytes of the file
    size: int = 0


@attrs.define
class Position:
    """How far both have been written."""

    places: tuple[Place, Place] = attrs.Factory(lambda: (Place(), Place()))

    def encode(self, length: int) -> bytes:
        """Of exactly that length, so that one short write replaces it."""
        text = json.dumps([[place.time, place.count, place.size] for place in self.places])
        return text.encode().ljust(length)

    @classmethod
    def decode(cls, data: bytes) -> Position:
        """Raises ValueError."""
        try:
            out, err = [Place(str(time), int(count), int(size)) for time, count, size in json.loads(data)]
        except (TypeError, ValueError) as error:
            raise ValueError(f"no position: {data[:80]!r}") from error
        return cls((out, err))


class Reader:
    """Records of one stream of logs that have not been written yet; it advances the position."""

    def __init__(self, position: Position, frames: Frames | LineRecords | None = None) -> None:
        self._places = position.places
        self._frames = Frames() if frames is None else frames
        #: what was written of each output before this stream began, until something newer has come
        self._before: list[Place | None] = [attrs.evolve(place) if place.time else None for place in self._places]
        self._skipped = [0, 0]

    @property
    def since(self) -> str:
        """From when on dockerd is to tell, as it wants it; empty: everything."""
        latest = max([_nanos(place.time) for place in self._places if place.time], default=0)
        if not latest:
            return ""
        start = max(0, latest - MARGIN_NS)
        return f"{start // 10**9}.{start % 10**9:09}"

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """What is new of either output. Raises BadStream."""
        return self._take(self._frames.feed(data))

    def end(self) -> tuple[bytes, bytes]:
        """The rest, when the stream has ended well. Raises BadStream."""
        return self._take(self._frames.end())

    def _take(self, records: Iterator[tuple[int, bytes]]) -> tuple[bytes, bytes]:
        found = bytearray(), bytearray()
        for output, record in records:
            time, blank, text = record.partition(b" ")
            if not blank or not _TIME.fullmatch(time):
                raise BadStream(f"no record: {record[:40]!r}")
            if self._is_new(output, time.decode("ascii")):
                found[output].extend(text)
        return bytes(found[0]), bytes(found[1])

    def _is_new(self, output: int, time: str) -> bool:
        before, place = self._before[output], self._places[output]
        if before is not None:
            if _nanos(time) < _nanos(before.time):
                return False
            if time == before.time and self._skipped[output] < before.count:
                self._skipped[output] += 1
                return False
            self._before[output] = None
        place.count = place.count + 1 if time == place.time else 1
        place.time = time
        return True


def _nanos(time: str) -> int:
    """``2026-11-29T16:06:29.857209296Z`` since the epoch."""
    date, _, fraction = time.rstrip("Z").partition(".")
    whole = datetime.datetime.fromisoformat(date).replace(tzinfo=datetime.UTC)
    return int(whole.timestamp()) * 10**9 + int(fraction.ljust(9, "0") or 0)
