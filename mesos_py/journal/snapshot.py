"""A snapshot is written by a forked child, which has the core as it was at that moment while the parent goes on.

The parent stands still for as long as the kernel copies page tables (measured: benchmarks/journal.py), and pays later
for pages that it changes while the child still reads them; until the child is done, what either of them touches takes
memory twice. The child has nothing of its parent's but the core: every descriptor is closed at once, so that no
connection or lock outlives the parent in it, and it ends by itself.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from typing import Any

from mesos_py.journal.files import PARTIAL, Head, write_snapshot

TIME_MAX_S = 300  # for 100,000 tasks it takes a few seconds; one that hangs must not stay for ever
NICENESS = 10
DESCRIPTORS_MAX = 1 << 20
_STDERR = 2


class Child:
    """A snapshot on its way into the file ``path``."""

    def __init__(self, path: str, head: Head, core: Any) -> None:
        """Raises OSError when there can be no child."""
        self.path = path
        self._ended: bool | None = None
        self._pid = os.fork()
        if self._pid == 0:
            _write_and_exit(path, head, core)

    def ended(self) -> bool | None:
        """None: it is still at work; else whether the snapshot is there."""
        if self._ended is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid != 0:
                self._clean(status)
        return self._ended

    def stop(self) -> None:
        """It has ended when this returns, with a snapshot or without."""
        if self.ended() is None:
            os.kill(self._pid, signal.SIGKILL)
            self._clean(os.waitpid(self._pid, 0)[1])

    def _clean(self, status: int) -> None:
        self._ended = status == 0
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path + PARTIAL)


def _write_and_exit(path: str, head: Head, core: Any) -> None:
    code = 1
    try:
        os.closerange(_STDERR + 1, DESCRIPTORS_MAX)
        signal.set_wakeup_fd(-1)
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(signum, signal.SIG_DFL)
        signal.alarm(TIME_MAX_S)
        gc.disable()
        os.nice(NICENESS)
        write_snapshot(path, head, core)
        code = 0
    except BaseException as error:
        os.write(_STDERR, f"journal: no snapshot {path}: {type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)
