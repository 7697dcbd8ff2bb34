"""The file of a sandbox, or the pipe to the logger, to which a switchboard writes everything that a container says."""

from __future__ import annotations

import os


class Sink:
    """Open until it is closed; its descriptor is ours."""

    __slots__ = ("_unwritten", "fd")

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self._unwritten = bytearray()

    @property
    def is_busy(self) -> bool:
        """What was said last is not written yet."""
        return bool(self._unwritten)

    def write(self, data: bytes) -> None:
        self._unwritten += data
        self.flush()

    def flush(self) -> None:
        """A logger that is busy holds the container up, as it does without a switchboard; a full disk does not."""
        while self._unwritten:
            try:
                del self._unwritten[: os.write(self.fd, self._unwritten)]
            except BlockingIOError:
                return
            except OSError:
                self._unwritten.clear()
