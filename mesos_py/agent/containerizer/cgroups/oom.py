"""Hearing that a cgroup of v1 has run out of memory.

The kernel signals an eventfd before it picks a process to kill. It also signals it when the cgroup is removed, so a
watch is closed before that.
Mesos: src/linux/cgroups.cpp cgroups::memory::oom::listen
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable


class OomWatch:
    """``told`` is called once, when memory has run out for the first time. Raises OSError if nobody can be told."""

    def __init__(self, directory: str, told: Callable[[], None]) -> None:
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        try:
            with (
                open(f"{directory}/memory.oom_control", encoding="ascii") as control,
                open(f"{directory}/cgroup.event_control", "w", encoding="ascii") as events,
            ):
                events.write(f"{self._fd} {control.fileno()}")
        except OSError:
            os.close(self._fd)
            raise
        self._loop.add_reader(self._fd, self._ready)

    def _ready(self) -> None:
        self.close()
        self._told()

    def close(self) -> None:
        """Nothing is told any more."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
