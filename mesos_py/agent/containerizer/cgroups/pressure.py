"""How often a cgroup of v1 was short of memory: the kernel had to look for some, at three levels.

Each level has an eventfd, which is the counter: the kernel adds to it, and nobody wakes up. Whoever suffers at one
level suffers at those below, too. v2 tells how long processes have waited for memory, which is another thing; there
Mesos tells nothing, and so do we.
Mesos: src/linux/cgroups.cpp cgroups::memory::pressure::Counter, subsystems/memory.cpp
"""

from __future__ import annotations

import os
from typing import Final

#: fields of ResourceStatistics, and what the kernel calls them
LEVELS: Final = {
    "mem_low_pressure_counter": "low", "mem_medium_pressure_counter": "medium",
    "mem_critical_pressure_counter": "critical",
}  # fmt: skip


class Pressure:
    """Counts from now on. Raises OSError if the kernel does not."""

    def __init__(self, directory: str) -> None:
        self._counts = dict.fromkeys(LEVELS, 0)
        self._fds: dict[str, int] = {}
        try:
            for field, level in LEVELS.items():
                self._fds[field] = _listen(directory, level)
        except OSError:
            self.close()
            raise

    def counts(self) -> dict[str, int]:
        """Fields of ResourceStatistics."""
        for field, fd in self._fds.items():
            try:
                self._counts[field] += os.eventfd_read(fd)
            except BlockingIOError:  # nothing since the last time
                continue
        return dict(self._counts)

    def close(self) -> None:
        """Before the cgroup is removed, which the kernel would tell as another event."""
        for fd in self._fds.values():
            os.close(fd)
        self._fds = {}


def _listen(directory: str, level: str) -> int:
    fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    try:
        with (
            open(f"{directory}/memory.pressure_level", encoding="ascii") as source,
            open(f"{directory}/cgroup.event_control", "w", encoding="ascii") as events,
        ):
            events.write(f"{fd} {source.fileno()} {level}")
    except OSError:
        os.close(fd)
        raise
    return fd
