"""What proves that two runs are equal: a hash of everything that happened, in order."""

from __future__ import annotations

import hashlib

from mesos_py.machine.frame import Event, Frame, Kind, Send
from mesos_py.machine.values import Nanos
from mesos_py.wire.scheduler_api import Event as SchedulerEvent

LINES_AT_ONCE = 1_000  # kept until they are hashed together


class Digest:
    """Grows with every line; equal lines in equal order make equal digests, in any process."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self._lines: list[str] = []
        #: of pings and pongs, which are nearly everything that happens: numbers alone, so that this is quick; what they
        #: carry is seen where they arrive, and processes are told apart by how much has reached them before
        self._pulse = 0
        #: numbered in the order in which they were met: numbers hash alike everywhere, names and classes do not
        self._kinds: dict[Kind, int] = {}

    def add(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) >= LINES_AT_ONCE:
            self._flush()

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        """One event of one core, with what it caused."""
        kind, sends = event.kind, frame.sends
        if not frame.changes:
            for word in sends:
                if not word.volatile:
                    break
            else:
                number = self._kinds.get(kind)
                if number is None:
                    number = self._kinds[kind] = len(self._kinds)
                self._pulse = hash((self._pulse, at, frame.cause, number, len(sends)))
                return
        line = f"{at}|{process}|{kind.__name__ if isinstance(kind, type) else _name(kind)}|{event.peer}"
        for word in sends:
            line += f"|{word.peer}:{_said(word.message) if isinstance(word, Send) else 'close'}"
        for change in frame.changes:
            line += (
                f"|{type(change).__name__}:{getattr(change, 'task_id', '')}:{getattr(change, 'offer_id', '')}"
            )
        self._lines.append(line)
        if len(self._lines) >= LINES_AT_ONCE:
            self._flush()

    def text(self) -> str:
        """Of everything so far."""
        self._flush()
        return self._hash.copy().hexdigest()

    def _flush(self) -> None:
        self._hash.update("\n".join([*self._lines, str(self._pulse), ""]).encode())
        self._lines.clear()


def _name(kind: Kind) -> str:
    name: str = getattr(kind, "name", "")
    return name


def _said(message: object) -> str:
    if isinstance(message, SchedulerEvent):
        return message.type.name if message.type is not None else ""
    return type(message).__name__
