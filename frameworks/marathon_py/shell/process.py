"""``Process``: what REST asks of the process that leads; see ``api.program``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.shell import kept
from frameworks.marathon_py.shell.api.errors import Failed
from frameworks.marathon_py.shell.loggers import Loggers
from frameworks.marathon_py.shell.metrics.counts import gauges
from frameworks.marathon_py.shell.metrics.formats import as_json, exposition
from frameworks.marathon_py.shell.metrics.kinds import Gauge, Readings
from frameworks.marathon_py.shell.metrics.requests import Requests
from frameworks.marathon_py.shell.plugins.guard import Plugins
from frameworks.marathon_py.shell.program import MarathonScheduler
from mesos_py.sdk import NotKept

STARTED = time.monotonic()
ABDICATE_AFTER_S = 0.5  # so that whoever has asked for it is answered; LeaderResource.scala


class Process:
    def __init__(
        self, scheduler: MarathonScheduler, flags: Mapping[str, Any], url: str, plugins: Plugins, requests: Requests,
        loggers: Loggers, abdicated: Callable[[], None],
    ) -> None:  # fmt: skip
        """``requests`` are those of its door; ``abdicated`` is called when this process is to end."""
        self.may, self.forbidden, self.ask_plugin = plugins.may, plugins.forbidden, plugins.serve
        self._plugins, self._requests, self._leading_since = plugins, requests, time.monotonic()
        self._scheduler, self._flags, self._url, self._abdicated = scheduler, flags, url, abdicated
        self.listen, self.leave = scheduler.listen, scheduler.leave
        self.now = scheduler.now
        self._loggers = loggers
        self.set_log_level = loggers.set

    @property
    def core(self) -> Marathon:
        return self._scheduler.core

    @property
    def framework_id(self) -> str | None:
        return self._scheduler.framework_id

    @property
    def master_url(self) -> str | None:
        return self._scheduler.master_url

    @property
    def flags(self) -> Mapping[str, Any]:
        return self._flags

    @property
    def address(self) -> str:
        return self._url.partition("://")[2]

    @property
    def url(self) -> str:
        return self._url

    async def ask(self, body: object) -> Any:
        """Raises Failed 503 when nobody can say whether it was kept: somebody else leads, or soon will."""
        reply = await self._scheduler.tell(body)
        await self.stored()
        return reply

    async def stored(self) -> None:
        """Likewise."""
        try:
            await self._scheduler.stored()
        except NotKept as error:
            raise Failed(503, "This instance leads no more; the next one knows whether this was done.") from error

    # ---- the process

    async def abdicate(self, backup: str | None, restore: str | None) -> None:
        self._scheduler.keep(kept.ORDERS, kept.orders(backup, restore))
        await self.stored()
        asyncio.get_running_loop().call_later(ABDICATE_AFTER_S, self._abdicated)

    @property
    def plugins(self) -> tuple[Mapping[str, Any], ...]:
        return self._plugins.about

    # ---- the log

    @property
    def log_levels(self) -> Mapping[str, str]:
        return self._loggers.shown()

    # ---- metrics

    def streamed(self, size: int) -> None:
        self._requests.event_bytes += size

    def readings(self) -> Readings:
        now = time.monotonic()
        return {
            **self._scheduler.counts.readings(), **gauges(self.core, self.now()), **self._requests.readings(),
            "leadership.duration.gauge.seconds": Gauge(now - self._leading_since),
            "uptime.gauge.seconds": Gauge(now - STARTED),
        }  # fmt: skip

    def metrics(self) -> Mapping[str, Any]:
        return as_json(self.readings(), self._flags["metrics_name_prefix"], time.monotonic())

    def exposition(self) -> str | None:
        if not self._flags["metrics_prometheus"]:
            return None
        return exposition(self.readings(), self._flags["metrics_name_prefix"], time.monotonic())
