"""A file that takes up space, to be let go of when there is none left.

What an agent still has to keep when its disk is full (how its tasks end, and that this was heard) fits into it by far.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil

BALLAST = 8 << 20  # bytes; the log of the records grows to half of that at most between two checkpoints of SQLite


class Ballast:
    """The file ``path``."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def take(self) -> bool:
        """It is there, if there is room for as much again. What others need is not taken from them."""
        return await asyncio.to_thread(self._take)

    async def release(self) -> None:
        """Its space is free."""
        await asyncio.to_thread(self._release)

    def _take(self) -> bool:
        if self._is_whole():
            return True
        if shutil.disk_usage(os.path.dirname(self.path)).free < 2 * BALLAST:
            return False
        part = self.path + ".part"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, BALLAST)
        except OSError:
            os.unlink(part)
            return False
        finally:
            os.close(descriptor)
        os.rename(part, self.path)
        return True

    def _release(self) -> None:
        for path in (self.path, self.path + ".part"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def _is_whole(self) -> bool:
        try:
            return os.stat(self.path).st_size == BALLAST
        except FileNotFoundError:
            return False
