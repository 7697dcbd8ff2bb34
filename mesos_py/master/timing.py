"""How long the core's rounds and the store's writes take, for the metrics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from mesos_py.machine.driver import Store
from mesos_py.machine.frame import Event, Frame, Tick
from mesos_py.machine.values import Nanos
from mesos_py.master.core import Master
from mesos_py.master.metrics import Metrics

NS_PER_MS = 1_000_000


class TimedCore:
    """The core as its driver sees it, with the allocator's rounds timed."""

    def __init__(self, core: Master, metrics: Metrics) -> None:
        self._core = core
        self._metrics = metrics
        self._wanted: Nanos | None = None
        self.deadline = core.deadline

    def apply(self, event: Event, now: Nanos) -> Frame:
        if event.kind is not Tick:
            return self._core.apply(event, now)
        allocator = self._core.allocator
        runs, wanted = allocator.runs, allocator.deadline()
        begin = time.perf_counter()
        frame = self._core.apply(event, now)
        if allocator.runs != runs:
            self._metrics.allocation_run.record(1000 * (time.perf_counter() - begin))
            self._metrics.allocation_latency.record(max(0, now - (wanted or now)) / NS_PER_MS if wanted else 0.0)
        return frame


class TimedStore:
    """The store as the driver sees it, with its writes timed. Nothing is written before there is one."""

    def __init__(self, metrics: Metrics) -> None:
        self.store: Store | None = None
        self._metrics = metrics

    async def commit(self, writes: Sequence[Any]) -> None:
        assert self.store is not None, "a fact before the registry was read"
        begin = time.perf_counter()
        await self.store.commit(writes)
        self._metrics.state_store.record(1000 * (time.perf_counter() - begin))
