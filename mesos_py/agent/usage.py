"""What a container's processes use, as Mesos' posix isolators tell it.

The tree is the supervisor's (it knows orphans); here it is only added up from /proc. Fields are those the C++ agent
gives without cgroups: times of living processes only, resident memory summed (shared pages count in each), the
container's resources as soft limits, and the memory limit for frameworks that read only that one. (Counts of processes
and threads come with cgroups only, there as here.)
Mesos: src/slave/containerizer/mesos/isolators/posix.hpp usage(), src/usage/usage.cpp
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

from mesos_py.agent.containerizer.supervisor import procfs
from mesos_py.wire.resource import Resource
from mesos_py.wire.stats import ResourceStatistics

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024


def measure(pids: Iterable[int], resources: Sequence[Resource]) -> ResourceStatistics:
    """A snapshot of these processes; those that ended meanwhile count nothing."""
    user = system = rss = 0
    for pid in pids:
        status = procfs.stat(pid)
        if status is None:
            continue
        user += status.user
        system += status.system
        rss += status.rss
    cpus = _total("cpus", resources)
    memory = _total("mem", resources)
    memory_bytes = None if memory is None else round(memory * _MIB)
    return ResourceStatistics(
        timestamp=time.time(),
        cpus_user_time_secs=user / _TICKS_PER_S,
        cpus_system_time_secs=system / _TICKS_PER_S,
        cpus_soft_limit=cpus,
        mem_rss_bytes=rss * _PAGE_BYTES,
        mem_limit_bytes=memory_bytes,
        mem_soft_limit_bytes=memory_bytes,
    )


def _total(name: str, resources: Sequence[Resource]) -> float | None:
    """None when the container was given nothing of that name. Added in thousandths, as everywhere."""
    found = [resource.scalar for resource in resources if resource.name == name and resource.scalar is not None]
    return sum(round(scalar.value * 1000) for scalar in found) / 1000 if found else None
