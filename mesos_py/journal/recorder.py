"""What a driver tells its events and frames to, and what becomes of them: records, segments, gaps.

::

    heard(event) ─▶ core.apply ─▶ answered(frame)      one record, kept for FLUSH_S
                                       │
         segment full? ─▶ next segment, and a child that writes the snapshot it starts with
                                       │               snapshot complete ─▶ the oldest segments may go
                                       ▼
                           batch ─▶ Writer (a thread)  too much pending, or an error of the disk ─▶ gap

After a gap nothing is recorded for ``RETRY_S``; then a new segment begins with a snapshot of the core as it is then.
Whatever goes wrong here is logged and ends in a gap: a core decides the same whether it is recorded or not.

Bounds: a directory holds ``size_max`` bytes of this run and of those that have ended in it. A segment's events are a
quarter of that; half of it is kept when a snapshot is complete, so that the last quarter is left for the next snapshot
and for what happens while it is written. The thread has ``PENDING_MAX`` bytes to write at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from mesos_py.journal import events
from mesos_py.journal.classes import Unrecordable
from mesos_py.journal.events import Later
from mesos_py.journal.files import EVENTS, SNAPSHOT, Head, RunDirectory, opening, write_snapshot
from mesos_py.journal.records import record
from mesos_py.journal.snapshot import Child
from mesos_py.journal.writer import Writer
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import Nanos

log = structlog.get_logger(__name__)

PENDING_MAX = 32 << 20  # bytes; a disk that takes 1 MB/s less than there is to write is half a minute behind then
FLUSH_S = 0.02  # between two batches; waking the thread for each event costs as much as the event
THOROUGH = 10  # frames of a batch whose digests are of everything; beyond 500 a second they would cost too much
RETRY_S = 30.0  # after a gap
CLOSE_S = 5.0  # for what is pending when the program ends
LOOK_S = 0.1  # how often a child is asked whether it has ended

About = Callable[[], Mapping[str, Any]]


def _nothing() -> Mapping[str, Any]:
    return {}


class Recorder:
    """Records one core for as long as a program runs. Made in the loop, before the core's first event."""

    def __init__(
        self,
        directory: str,
        program: str,
        core: Any,
        *,
        size_max: int,
        about: About = _nothing,
        pending_max: int = PENDING_MAX,
        retry_s: float = RETRY_S,
    ) -> None:
        """Raises OSError when the directory cannot be written to."""
        self._core, self._program, self._about = core, program, about
        self._size_max, self._kept_max, self._segment_max = size_max, size_max // 2, size_max // 4
        self._pending_max, self._retry_s = pending_max, retry_s
        self._run = RunDirectory(directory, program)
        #: bytes of everything but the present segment's events
        self._kept = 0
        self._writer = Writer()
        self._loop = asyncio.get_running_loop()
        #: heard, and not yet answered
        self._event: list[Any] = []
        self._batch: list[bytes | Later] = []
        self._batch_size = 0
        self._is_flushing = False
        self._number = -1
        #: bytes of the present segment, as far as this side knows
        self._size = 0
        #: number of the last event applied
        self._cause = 0
        #: the present segment does not go on where the one before ended: without its snapshot it is of no use
        self._is_cut_off = False
        #: why nothing is recorded at present
        self._gap: str | None = None
        self._retry_at = 0.0
        self._child: Child | None = None
        self._look: asyncio.TimerHandle | None = None
        head = self._next_segment(time.time_ns())
        try:
            write_snapshot(self._run.file(0, SNAPSHOT), head, core)
        except Unrecordable as error:
            self._stop(f"no snapshot: {error}")
        self._run.trim(self._kept_max, 0)
        self._kept = self._run.size()

    @property
    def path(self) -> str:
        """Of the run."""
        return self._run.path

    @property
    def unwritten(self) -> int:
        """Bytes that are not on their way through the disk yet."""
        return self._batch_size + self._writer.pending

    # ---- what the driver tells

    def heard(self, event: Event, now: Nanos) -> None:
        """The core is about to apply ``event``."""
        if self._gap is not None and not self._may_start_again():
            return
        try:
            if self._gap is not None:
                self._start_again(now)
            self._event = events.told(event, now)
        except Exception as error:
            self._stop(f"{event.kind!r} cannot be recorded: {type(error).__name__}: {error}")

    def answered(self, frame: Frame) -> None:
        """``frame`` is what it caused."""
        self._cause = frame.cause
        if self._gap is not None:
            return
        try:
            digest = events.digest if len(self._batch) < THOROUGH else events.brief_digest
            self._add(record(self._event, digest(frame)))
            if self._size > self._segment_max and self._child is None:
                self._rotate(frame.now)
        except Exception as error:
            self._stop(f"frame {frame.cause} cannot be recorded: {type(error).__name__}: {error}")

    def failed(self) -> None:
        """The core failed on what it heard last."""
        if self._gap is None:
            self._add(record(self._event, b""))

    async def close(self) -> None:
        """What was recorded is on the disk, as far as that takes less than CLOSE_S."""
        self._flush()
        if self._look is not None:
            self._look.cancel()
        if self._child is not None:
            until = self._loop.time() + (CLOSE_S if self._is_cut_off else 0.0)
            while self._child.ended() is None and self._loop.time() < until:  # noqa: ASYNC110 - no event of a process
                await asyncio.sleep(LOOK_S)
            self._child.stop()
        if not await asyncio.to_thread(self._writer.close, CLOSE_S):
            log.warning("journal not written to its end", run=self.path, bytes=self._writer.pending)
        self._run.release()

    # ---- batches

    def _add(self, part: bytes | Later) -> None:
        size = part.size if isinstance(part, Later) else len(part)
        self._batch.append(part)
        self._batch_size += size
        self._size += size
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_later(FLUSH_S, self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        batch, size = self._batch, self._batch_size
        self._batch, self._batch_size = [], 0
        if self._gap is not None or not batch:
            return
        if self._writer.error is not None:
            self._stop(f"the disk: {self._writer.error}")
        elif self._writer.pending + size > self._pending_max:
            self._stop(f"the disk is {self._writer.pending} bytes behind")
        elif self._kept + self._size > self._size_max:
            self._stop(f"a snapshot and {self._size} bytes of events do not fit into {self._size_max}")
        else:
            self._writer.write(batch, size)

    # ---- gaps

    def _stop(self, why: str) -> None:
        """Nothing is recorded from here on, and some of the last events may be lost, too."""
        log.warning("journal has a gap", why=why, run=self.path, after=self._cause)
        self._gap = why
        self._batch, self._batch_size = [], 0
        self._retry_at = self._loop.time() + self._retry_s

    def _may_start_again(self) -> bool:
        return self._loop.time() >= self._retry_at and not self._writer.pending and self._child is None

    def _start_again(self, now: Nanos) -> None:
        self._gap, self._is_cut_off = None, True
        log.info("journal goes on", run=self.path, after=self._cause)
        self._rotate(now)

    # ---- segments

    def _rotate(self, now: Nanos) -> None:
        self._flush()
        if self._gap is not None:
            return
        head = self._next_segment(now)
        try:
            self._child = Child(self._run.file(self._number, SNAPSHOT), head, self._core)
        except OSError as error:
            self._stop(f"no snapshot: {error}")
            return
        self._look = self._loop.call_later(LOOK_S, self._look_at_child)

    def _next_segment(self, now: Nanos) -> Head:
        self._number += 1
        head = Head(
            program=self._program, number=self._number, before=self._cause, at_ns=now, about=dict(self._about())
        )  # fmt: skip
        self._kept += self._size
        self._size = 0
        self._writer.open(self._run.file(self._number, EVENTS), opening(head))
        return head

    def _look_at_child(self) -> None:
        assert self._child is not None
        is_there = self._child.ended()
        if is_there is None:
            self._look = self._loop.call_later(LOOK_S, self._look_at_child)
            return
        self._child = self._look = None
        if is_there:
            self._is_cut_off = False
            self._writer.call(functools.partial(self._trim, self._number))
        elif self._is_cut_off and self._gap is None:
            self._stop("no snapshot to go on with")
        else:
            log.warning("journal without a snapshot", run=self.path, segment=self._number)

    def _trim(self, number: int) -> None:
        """In the thread: the oldest segments go until there is room for others."""
        made = os.stat(self._run.file(number, SNAPSHOT)).st_size
        freed = self._run.trim(self._kept_max, number)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._count, made - freed)

    def _count(self, bytes_: int) -> None:
        self._kept += bytes_
