"""What is written into a container's cgroups for the resources and limits it has. Pure.

===============  =================================================  ==============================================
of               v1                                                 v2
===============  =================================================  ==============================================
cpus             cpu.shares = 1024 a cpu, 2 at least                cpu.weight = 100 a cpu, 1 to 10,000
cpus, limit      cpu.cfs_quota_us = 100 ms a cpu, -1: none          cpu.max = the same, max: none
mem              memory.soft_limit_in_bytes                         memory.low
mem, limit       memory.limit_in_bytes (with swap: memsw, too)      memory.max, all killed when it is reached
processes        pids.max                                           pids.max
devices          devices.deny all, devices.allow                    (not there: they are a program in the kernel)
===============  =================================================  ==============================================

Where no limit is given, it is the request: of memory always, of cpus with ``--cgroups_enable_cfs`` only.
Mesos: src/slave/containerizer/mesos/isolators/cgroups/subsystems/, cgroups2/controllers/; constants.hpp
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value

CPU_SHARES: Final = 1024  # of one cpu
CPU_SHARES_MIN: Final = 2  # the kernel's
CPU_SHARES_REVOCABLE: Final = 10
CPU_WEIGHT: Final = 100  # of one cpu
CPU_WEIGHT_MAX: Final = 10_000  # the kernel's
CFS_PERIOD_US: Final = 100_000
CFS_QUOTA_MIN_US: Final = 1_000
MEMORY_MIN_BYTES: Final = 32 << 20
MIB: Final = 1 << 20
OOM_SCORE_MAX: Final = 1000

#: What every container may do with devices; Mesos: isolators/cgroups/constants.hpp. Console, tty0, tty1, pts, ptmx,
#: net/tun, null, zero, full, tty, urandom, random.
DEVICES: Final = (
    "c *:* m", "b *:* m", "c 5:1 rwm", "c 4:0 rwm", "c 4:1 rwm", "c 136:* rwm", "c 5:2 rwm", "c 10:200 rwm",
    "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 5:0 rwm", "c 1:9 rwm", "c 1:8 rwm",
)  # fmt: skip

#: controller, file, contents
Write = tuple[str, str, str]


@attrs.frozen(kw_only=True)
class Entitled:
    """What a container may use; None: it has none of that, and nothing is set."""

    cpus: float | None
    mem_bytes: int | None
    #: infinity: no limit; None: none was given
    cpus_limit: float | None = None
    #: likewise, bytes
    mem_limit: float | None = None
    #: of ``cpus``, some can be taken away at any time
    is_revocable: bool = False

    @property
    def mem_hard_bytes(self) -> float | None:
        """Infinity: no limit."""
        return self.mem_bytes if self.mem_limit is None else self.mem_limit


@attrs.frozen(kw_only=True)
class Policy:
    """What the agent's flags say."""

    #: --cgroups_enable_cfs
    enable_cfs: bool = False
    #: --cgroups_limit_swap
    limit_swap: bool = False
    #: --revocable_cpu_low_priority
    revocable_cpu_low_priority: bool = True
    #: --cgroups_pids_limit
    pids_limit: int | None = None
    #: what --allowed_devices adds to ``DEVICES``
    devices: tuple[str, ...] = ()


def entitled(resources: Sequence[Resource], limits: Mapping[str, Value.Scalar]) -> Entitled:
    """Sums in thousandths, as everywhere."""
    mem, mem_limit = _sum("mem", resources), limits.get("mem")
    cpus_limit = limits.get("cpus")
    return Entitled(
        cpus=_sum("cpus", resources),
        mem_bytes=None if mem is None else max(round(mem * MIB), MEMORY_MIN_BYTES),
        cpus_limit=None if cpus_limit is None else cpus_limit.value,
        mem_limit=None if mem_limit is None else max(_bytes(mem_limit.value), MEMORY_MIN_BYTES),
        is_revocable=any(one.name == "cpus" and one.revocable is not None for one in resources),
    )


def _sum(name: str, resources: Sequence[Resource]) -> float | None:
    found = [one.scalar.value for one in resources if one.name == name and one.scalar is not None]
    return sum(round(value * 1000) for value in found) / 1000 if found else None


def _bytes(mebibytes: float) -> float:
    return mebibytes if math.isinf(mebibytes) else round(mebibytes * MIB)


# ---- what to write


def of_v1(controllers: Iterable[str], what: Entitled, policy: Policy, memory_now: float | None) -> list[Write]:
    """``memory_now`` is the hard limit in force, None in a new cgroup; it is raised, never lowered."""
    found: list[Write] = []
    for controller in controllers:
        if controller == "cpu" and what.cpus is not None:
            low = what.is_revocable and policy.revocable_cpu_low_priority
            shares = max(int((CPU_SHARES_REVOCABLE if low else CPU_SHARES) * what.cpus), CPU_SHARES_MIN)
            found.append(("cpu", "cpu.shares", str(shares)))
            quota = _quota(what, policy)
            if quota is not None:
                found.append(("cpu", "cpu.cfs_period_us", str(CFS_PERIOD_US)))
                found.append(("cpu", "cpu.cfs_quota_us", "-1" if math.isinf(quota) else str(int(quota))))
        elif controller == "memory" and what.mem_bytes is not None:
            found += _memory_v1(what, policy, memory_now)
        elif controller == "pids" and policy.pids_limit is not None:
            found.append(("pids", "pids.max", str(policy.pids_limit)))
    return found


def devices_v1(policy: Policy, more: Iterable[str] = ()) -> list[Write]:
    """Once, in a new cgroup: everything is closed, then some things are opened; ``more`` for this one."""
    rules = (*DEVICES, *policy.devices, *more)
    return [("devices", "devices.deny", "a"), *[("devices", "devices.allow", rule) for rule in rules]]


def _memory_v1(what: Entitled, policy: Policy, memory_now: float | None) -> list[Write]:
    found: list[Write] = [("memory", "memory.soft_limit_in_bytes", str(what.mem_bytes))]
    hard = what.mem_hard_bytes
    assert hard is not None
    if memory_now is None or hard > memory_now:
        text = "-1" if math.isinf(hard) else str(int(hard))
        names = ["memory.limit_in_bytes"]
        if policy.limit_swap:
            # Memory with swap must never be limited to less than memory alone: lowered after it, raised before.
            names.insert(1 if memory_now is None else 0, "memory.memsw.limit_in_bytes")
        found += [("memory", name, text) for name in names]
    return found


def of_v2(controllers: Iterable[str], what: Entitled, policy: Policy, memory_now: float | None) -> list[Write]:
    """The same for cgroup v2, where one directory has all files."""
    found: list[Write] = []
    for controller in controllers:
        if controller == "cpu" and what.cpus is not None:
            low = what.is_revocable and policy.revocable_cpu_low_priority
            weight = min(max(int((1 if low else CPU_WEIGHT) * what.cpus), 1), CPU_WEIGHT_MAX)
            found.append(("cpu", "cpu.weight", str(weight)))
            quota = _quota(what, policy)
            bound = "max" if quota is None or math.isinf(quota) else str(int(quota))
            found.append(("cpu", "cpu.max", f"{bound} {CFS_PERIOD_US}"))
        elif controller == "memory" and what.mem_bytes is not None:
            found.append(("memory", "memory.low", str(what.mem_bytes)))
            hard = what.mem_hard_bytes
            assert hard is not None
            if memory_now is None or hard > memory_now:
                found.append(("memory", "memory.max", "max" if math.isinf(hard) else str(int(hard))))
            if memory_now is None:
                found.append(("memory", "memory.oom.group", "1"))
                if policy.limit_swap:
                    found.append(("memory", "memory.swap.max", "0"))
        elif controller == "pids" and policy.pids_limit is not None:
            found.append(("pids", "pids.max", str(policy.pids_limit)))
    return found


def _quota(what: Entitled, policy: Policy) -> float | None:
    """Microseconds of a period; None: nothing is said about it."""
    cpus = what.cpus_limit
    if cpus is None and policy.enable_cfs:
        cpus = what.cpus
    return None if cpus is None else max(cpus * CFS_PERIOD_US, CFS_QUOTA_MIN_US)


def oom_score(what: Entitled, host_bytes: int) -> int | None:
    """How gladly the host's killer takes it: containers that may use more than they asked for go first. None: as any.

    Mesos: isolators/cgroups/subsystems/memory.cpp MemorySubsystemProcess::isolate.
    """
    if what.mem_limit is None or what.mem_bytes is None or what.mem_limit <= what.mem_bytes:
        return None
    return max(0, OOM_SCORE_MAX - OOM_SCORE_MAX * what.mem_bytes // host_bytes)
