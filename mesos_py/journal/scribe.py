"""Records a core whose disk may be waited for: in the simulator and in tests. Nothing is bounded, nothing is lost."""

from __future__ import annotations

import os
from typing import Any

from mesos_py.journal import events
from mesos_py.journal.files import EVENTS, SNAPSHOT, Head, RunDirectory, create, opening, write_all, write_snapshot
from mesos_py.journal.records import bytes_of, record
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import Nanos


class Scribe:
    """One run in ``directory``; made before the core's first event. ``turn`` begins another segment."""

    def __init__(self, directory: str, program: str, core: Any, *, now: Nanos = 0) -> None:
        self._core, self._program, self._now = core, program, now
        self._run = RunDirectory(directory, program)
        self._event: list[Any] = []
        self._number = self._cause = 0
        self._descriptor = self._open()

    @property
    def path(self) -> str:
        return self._run.path

    def heard(self, event: Event, now: Nanos) -> None:
        self._now = now
        self._event = events.told(event, now)

    def answered(self, frame: Frame) -> None:
        self._cause = frame.cause
        write_all(self._descriptor, bytes_of(record(self._event, events.digest(frame))))

    def failed(self) -> None:
        write_all(self._descriptor, bytes_of(record(self._event, b"")))

    def turn(self) -> None:
        """What follows belongs to a new segment, which begins with the core as it is now."""
        os.close(self._descriptor)
        self._number += 1
        self._descriptor = self._open()

    def close(self) -> None:
        os.close(self._descriptor)
        self._run.release()

    def _open(self) -> int:
        head = Head(program=self._program, number=self._number, before=self._cause, at_ns=self._now)
        descriptor = create(self._run.file(self._number, EVENTS))
        write_all(descriptor, opening(head))
        write_snapshot(self._run.file(self._number, SNAPSHOT), head, self._core)
        return descriptor
