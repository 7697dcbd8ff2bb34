"""The agent's metrics under Mesos' names: counters the state keeps, gauges computed when asked for.

Mesos: src/slave/metrics.cpp, src/slave/slave.cpp (``_resources_used`` and the like), src/slave/gc.cpp.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mesos_py.agent.core import Agent
from mesos_py.agent.fetcher.cache import Cache
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.agent.provisioner.provisioner import Provisioner
from mesos_py.agent.registration import Phase
from mesos_py.algebra.resources import Resources
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.web.metrics import Sample, Timer
from mesos_py.web.system import system_stats
from mesos_py.wire.task import TaskState

RESOURCES = ("cpus", "gpus", "mem", "disk")

#: Of parts that do not exist here: images mounted by bind, resource providers. Exporters read a missing
#: name as a failure.
NOTHING = (
    "containerizer/mesos/container_destroy_errors",
    "containerizer/mesos/provisioner/bind/remove_rootfs_errors",
    "resource_provider_manager/events/disconnect",
    "resource_provider_manager/events/subscribe",
    "resource_provider_manager/subscribed",
)


class Metrics:
    """All samples of one agent."""

    def __init__(
        self, agent: Agent, *, started_ns: Nanos, cache: Cache, images: Provisioner | None
    ) -> None:
        self._agent = agent
        self._images = images
        self._started_ns = started_ns
        self._cache = cache
        #: how long recovery took, once it has ended
        self.recovery_s: float | None = None
        #: what others measure
        self.timers: tuple[Timer, ...] = ()

    def samples(self, now: Nanos) -> Iterator[Sample]:
        agent = self._agent
        for name, count in agent.state.counters.items():
            yield Sample(name, count, is_counter=True)
        for name in NOTHING:
            yield Sample(name, 0.0)
        yield Sample("containerizer/fetcher/cache_size_total_bytes", self._cache.size_max)
        yield Sample("containerizer/fetcher/cache_size_used_bytes", self._cache.used)
        images = self._images
        yield Sample("containerizer/mesos/provisioner/remove_container_errors", images.remove_errors if images else 0.0)
        for timer in self.timers:
            yield from timer.samples()
        yield Sample("gc/path_removals_pending", len(agent.collector))
        yield Sample("slave/executor_directory_max_allowed_age_secs", agent.collector.age_max / SECOND)
        yield Sample("slave/uptime_secs", (now - self._started_ns) / SECOND)
        yield Sample("slave/registered", float(agent.registration.phase is Phase.RUNNING))
        if self.recovery_s is not None:
            yield Sample("slave/recovery_time_secs", self.recovery_s)
        yield Sample("slave/frameworks_active", len(agent.state.frameworks))
        yield from self._executors_and_tasks()
        for name, number in system_stats().items():
            yield Sample(f"system/{name.replace('avg_load', 'load')}", number)

    def _executors_and_tasks(self) -> Iterator[Sample]:
        executors = list(self._agent.state.containers.values())
        states = Counter(executor.state for executor in executors)
        for executor_state in (ExecutorState.REGISTERING, ExecutorState.RUNNING, ExecutorState.TERMINATING):
            yield Sample(f"slave/executors_{executor_state.value.lower()}", states[executor_state])
        tasks: Counter[TaskState] = Counter()
        for executor in executors:
            tasks[TaskState.TASK_STAGING] += len(executor.queued)
            tasks.update(task.state for task in executor.launched.values())
        for name in ("STAGING", "STARTING", "RUNNING", "KILLING"):
            yield Sample(f"slave/tasks_{name.lower()}", tasks[TaskState[f"TASK_{name}"]])
        used = Resources()
        for executor in executors:
            if not executor.is_over:
                used += executor.used()
        total = self._agent.state.total
        yield from _resources("", total.nonrevocable(), used.nonrevocable())
        yield from _resources("revocable_", total.revocable(), used.revocable())


def _resources(infix: str, total: Resources, used: Resources) -> Iterator[Sample]:
    for name in RESOURCES:
        all_of_it, part = total.scalar(name) / 1000, used.scalar(name) / 1000
        yield Sample(f"slave/{name}_{infix}total", all_of_it)
        yield Sample(f"slave/{name}_{infix}used", part)
        yield Sample(f"slave/{name}_{infix}percent", part / all_of_it if all_of_it else 0.0)
