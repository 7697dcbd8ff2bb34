"""The one thread that touches the journal's disk; whoever records only hands bytes over.

Bytes are written in the order they were handed over and not synced: they survive the process, not the host. After an
error the rest of the file is thrown away, ``error`` says why, and the next ``open`` starts anew.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from mesos_py.journal.events import Later
from mesos_py.journal.files import create, write_all
from mesos_py.journal.records import bytes_of


class Writer:
    """``pending`` bytes are handed over and not yet written, work that is no bytes counted as one.

    Each end of that is counted by one thread alone, so there is no lock.
    """

    def __init__(self) -> None:
        #: why the file could not be written; None: it could. Set by the thread, cleared by ``open``
        self.error: OSError | None = None
        self._handed = 0  # counted by whoever records
        self._done = 0  # counted by the thread
        self._descriptor: int | None = None
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        return self._handed - self._done

    def open(self, path: str, data: bytes) -> None:
        """What is handed over from now on belongs into this new file."""
        self.error = None
        self._handed += len(data)
        self._work.put(lambda: self._open(path, data))

    def write(self, parts: Sequence[bytes | Later], size: int) -> None:
        """``size`` is how many bytes they are, about."""
        self._handed += size
        self._work.put(lambda: self._write(parts, size))

    def call(self, work: Callable[[], None]) -> None:
        """Anything else that has to do with the disk, in its turn; OSError counts as one of the file."""
        self._handed += 1
        self._work.put(lambda: self._call(work))

    def close(self, timeout_s: float) -> bool:
        """Write what was handed over, for so long at most; True if all of it is written."""
        self._work.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # ---- in the thread

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except OSError as error:
                self._close()
                self.error = error
        self._close()

    def _open(self, path: str, data: bytes) -> None:
        self._close()
        try:
            self._descriptor = create(path)
        except OSError:
            self._done += len(data)
            raise
        self._write((data,), len(data))

    def _write(self, parts: Sequence[bytes | Later], size: int) -> None:
        try:
            if self._descriptor is not None:
                write_all(self._descriptor, b"".join(map(bytes_of, parts)))
        finally:
            self._done += size

    def _call(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._done += 1

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
