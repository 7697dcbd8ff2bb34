"""What a process holds of a file or directory (flock) until it lets go, or ends, however it ends."""

from __future__ import annotations

import fcntl
import os


def release(descriptor: int) -> None:
    """Closed, and the lock is nobody's, also where a child between its fork and its program shares the descriptor."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
