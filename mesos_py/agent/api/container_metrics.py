"""What each container uses, as metrics for Prometheus: ``mesos_container_...{framework_id, executor_id}``.

A container is an executor's; what is nested in it counts there. So there are as many of each metric as executors run,
``CONTAINERS_MAX`` at most: of more than that it is said how many are left out. (Mesos has nothing like it: exporters
read /monitor/statistics. The names are those of ResourceStatistics.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import attrs

from mesos_py.agent.core import Agent
from mesos_py.agent.views import shown_containers
from mesos_py.web.metrics import Sample
from mesos_py.wire.container import CgroupInfo
from mesos_py.wire.stats import ResourceStatistics

CONTAINERS_MAX: Final = 1_000  # some 20 samples each; a scrape of 20,000 lines is what Prometheus takes without advice

#: Fields that only grow while the container lives.
COUNTERS: Final = frozenset({
    "cpus_user_time_secs", "cpus_system_time_secs", "cpus_nr_periods", "cpus_nr_throttled", "cpus_throttled_time_secs",
    "net_rx_packets", "net_rx_bytes", "net_rx_errors", "net_rx_dropped", "net_tx_packets", "net_tx_bytes",
    "net_tx_errors", "net_tx_dropped", "mem_low_pressure_counter", "mem_medium_pressure_counter",
    "mem_critical_pressure_counter",
})  # fmt: skip

_Operation: Final = CgroupInfo.Blkio.Operation
_IO: Final = (
    ("io_read_operations", "io_serviced", _Operation.READ), ("io_write_operations", "io_serviced", _Operation.WRITE),
    ("io_read_bytes", "io_service_bytes", _Operation.READ), ("io_write_bytes", "io_service_bytes", _Operation.WRITE),
)  # fmt: skip
_ALL: Any = ResourceStatistics  # a message is a class of attrs, which the type checker does not see
_NAMES: Final = tuple([field.name for field in attrs.fields(_ALL) if field.name != "timestamp"])


def samples(
    agent: Agent, statistics: Mapping[str, ResourceStatistics], *, most: int = CONTAINERS_MAX
) -> Iterator[Sample]:
    """Those of containers that run, in the order in which they were launched."""
    executors = [one for one in shown_containers(agent.state, nested=False) if one.container_id in statistics]
    yield Sample("containers_left_out", max(0, len(executors) - most))
    for executor in executors[:most]:
        place = f"containers/{quote(executor.framework.id, safe='')}/{quote(executor.id, safe='')}"
        found = statistics[executor.container_id]
        for name in _NAMES:
            number = getattr(found, name)
            if isinstance(number, int | float):
                yield Sample(f"{place}/{name}", number, is_counter=name in COUNTERS)
        for name, number in _operations(found):
            yield Sample(f"{place}/{name}", number, is_counter=True)


def _operations(found: ResourceStatistics) -> Iterator[tuple[str, int]]:
    """Over all devices."""
    if found.blkio_statistics is None:
        return
    devices = [one for one in found.blkio_statistics.throttling if one.device is not None]
    for name, field, operation in _IO:
        yield name, sum(value.value or 0 for one in devices for value in getattr(one, field) if value.op is operation)
