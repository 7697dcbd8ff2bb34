"""Endpoints every Mesos process has: /health, /version, /flags, /system/stats.json, /logging/toggle.

Mesos: 3rdparty/libprocess/include/process/system.hpp, 3rdparty/libprocess/src/logging.cpp.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping

from mesos_py.algebra.durations import SECOND, parse_duration
from mesos_py.build import version_json
from mesos_py.web.request import Request
from mesos_py.web.response import OK, HttpError, Response, json, text
from mesos_py.web.router import Router


def system_stats() -> dict[str, float]:
    """What the host has and how busy it is; load averages of 1, 5, 15 minutes, memory in bytes."""
    load_1, load_5, load_15 = os.getloadavg()
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        "avg_load_15min": load_15,
        "avg_load_1min": load_1,
        "avg_load_5min": load_5,
        "cpus_total": os.cpu_count() or 1,
        "mem_free_bytes": os.sysconf("SC_AVPHYS_PAGES") * page,
        "mem_total_bytes": os.sysconf("SC_PHYS_PAGES") * page,
    }


class LoggingLevel:
    """How much is logged: level 0 is usual, more is more; raised for a while, never for good."""

    def __init__(self, apply: Callable[[int], None], original: int = 0) -> None:
        self._apply = apply
        self.original = original
        self.level = original
        self._revert: asyncio.TimerHandle | None = None

    def raise_to(self, level: int, duration_ns: int) -> None:
        """Log at ``level`` for so long. Raises HttpError 400 below the original level."""
        if level < 0:
            raise HttpError(400, f"Invalid level '{level}'.\n")
        if level < self.original:
            raise HttpError(400, f"'{level}' < original level.\n")
        if self._revert is not None:
            self._revert.cancel()
            self._revert = None
        self._set(level)
        if level != self.original:
            self._revert = asyncio.get_running_loop().call_later(duration_ns / SECOND, self._set, self.original)

    def _set(self, level: int) -> None:
        self.level = level
        self._apply(level)


class SystemEndpoints:
    """The endpoints, over what differs between processes."""

    def __init__(self, *, flags: Mapping[str, str], logging: LoggingLevel, started_ns: int | None = None) -> None:
        self.flags = flags
        self.logging = logging
        self.started_ns = time.time_ns() if started_ns is None else started_ns

    def add_to(self, router: Router, *, readonly: str, readwrite: str) -> None:
        router.add("/health", self.health)
        router.add("/version", self.version)
        router.add("/flags", self.show_flags, realm=readonly)
        router.add("/system/stats.json", self.stats)
        router.add("/logging/toggle", self.toggle, realm=readwrite)

    async def health(self, request: Request) -> Response:
        return OK

    async def version(self, request: Request) -> Response:
        return json(version_json(), request.query.get("jsonp"))

    async def show_flags(self, request: Request) -> Response:
        return json({"flags": dict(self.flags)}, request.query.get("jsonp"))

    async def stats(self, request: Request) -> Response:
        return json(system_stats(), request.query.get("jsonp"))

    async def toggle(self, request: Request) -> Response:
        level, duration = request.query.get("level"), request.query.get("duration")
        if level is None and duration is None:
            return text(f"{self.logging.level}\n")
        if level is None:
            raise HttpError(400, "Expecting 'level=value' in query.\n")
        if duration is None:
            raise HttpError(400, "Expecting 'duration=value' in query.\n")
        if not level.lstrip("-").isdecimal() or len(level) > 9:
            raise HttpError(400, f"Failed to convert '{level}' to number.\n")
        try:
            duration_ns = parse_duration(duration)
        except ValueError as error:
            raise HttpError(400, f"{error}.\n") from error
        self.logging.raise_to(int(level), duration_ns)
        return OK
