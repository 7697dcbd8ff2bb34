"""What containers use now, for everybody who asks within a moment.

Reading /proc for every process is slow, and statistics are asked for by several exporters at once: answers are shared
for ``FRESH_S``. An executor without a process of its own uses what its tasks' containers use, unless it has cgroups
that know better.
"""

from __future__ import annotations

import asyncio

from mesos_py.agent.containerizer import Containerizer
from mesos_py.agent.core import Agent
from mesos_py.agent.entities import Executor
from mesos_py.agent.views import shown_containers
from mesos_py.algebra.resources import Resources
from mesos_py.wire.checkpoint import Kind
from mesos_py.wire.schema import evolve
from mesos_py.wire.stats import ResourceStatistics

FRESH_S = 0.5  # Mesos allows two requests a second
MB = 1 << 20
SUMMED = ("cpus_user_time_secs", "cpus_system_time_secs", "mem_rss_bytes", "processes", "threads")


class Statistics:
    """Usage by container id."""

    def __init__(self, agent: Agent, containerizer: Containerizer) -> None:
        self._agent = agent
        self._containerizer = containerizer
        self._measuring: asyncio.Task[dict[str, ResourceStatistics]] | None = None
        self._measured_at = -FRESH_S

    async def measure(self, *, nested: bool = False) -> dict[str, ResourceStatistics]:
        """Of all containers that run. A container about to end may be missing."""
        loop = asyncio.get_running_loop()
        if self._measuring is None or (self._measuring.done() and loop.time() - self._measured_at >= FRESH_S):
            self._measuring = asyncio.create_task(self._measure(), name="measure containers")
        return await asyncio.shield(self._measuring)

    async def _measure(self) -> dict[str, ResourceStatistics]:
        executors = shown_containers(self._agent.state, nested=True)
        wanted = [executor.container_id for executor in executors]
        for executor in executors:
            wanted += executor.nested_status
        wanted += [one.key for one in self._agent.api_containers.running(nested=True, standalone=True)]
        found = await self._containerizer.usage(wanted)
        for executor in executors:
            if executor.kind is Kind.DEFAULT and executor.container_id not in found:
                parts = [found[one] for one in executor.nested if one in found]
                if parts:
                    found[executor.container_id] = _total(executor, parts)
        self._measured_at = asyncio.get_running_loop().time()
        return found


def _total(executor: Executor, parts: list[ResourceStatistics]) -> ResourceStatistics:
    sums = {}
    for name in SUMMED:
        amounts = [getattr(part, name) for part in parts if getattr(part, name) is not None]
        if amounts:
            sums[name] = sum(amounts)
    used: Resources = executor.used()
    mem = used.scalar("mem") * MB // 1000
    return evolve(
        parts[0],
        **sums,
        cpus_soft_limit=used.scalar("cpus") / 1000,
        mem_limit_bytes=mem,
        mem_soft_limit_bytes=mem,
    )
