"""What a container's cgroup files say it uses. Pure: files come in as text, and one that is missing says nothing.

Mesos: src/slave/containerizer/mesos/isolators/cgroups/subsystems/{cpuacct,cpu,memory,blkio}.cpp usage(), cgroups2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from mesos_py.wire.container import CgroupInfo
from mesos_py.wire.linux import Device

#: controller and file to contents; None: there is no such file
Read = Callable[[str, str], str | None]

Blkio = CgroupInfo.Blkio
_OPERATIONS: Final = {
    "Read": Blkio.Operation.READ, "Write": Blkio.Operation.WRITE, "Sync": Blkio.Operation.SYNC,
    "Async": Blkio.Operation.ASYNC, "Discard": Blkio.Operation.DISCARD, "Total": Blkio.Operation.TOTAL,
}  # fmt: skip

#: how io.stat of v2 begins the names of operations
_IO_V2: Final = (("r", Blkio.Operation.READ), ("w", Blkio.Operation.WRITE), ("d", Blkio.Operation.DISCARD))

#: field of ResourceStatistics -> key in memory.stat
_MEMORY_V1: Final = {
    "mem_file_bytes": "total_cache", "mem_cache_bytes": "total_cache",
    "mem_anon_bytes": "total_rss", "mem_rss_bytes": "total_rss",
    "mem_mapped_file_bytes": "total_mapped_file", "mem_swap_bytes": "total_swap",
    "mem_unevictable_bytes": "total_unevictable",
}  # fmt: skip
_MEMORY_V2: Final = {
    "mem_file_bytes": "file", "mem_cache_bytes": "file", "mem_anon_bytes": "anon", "mem_rss_bytes": "anon",
    "mem_mapped_file_bytes": "file_mapped", "mem_unevictable_bytes": "unevictable", "mem_kmem_usage_bytes": "kernel",
    "mem_kmem_tcp_usage_bytes": "sock",
}  # fmt: skip


def of_v1(read: Read, *, ticks_per_s: int, is_counted: bool) -> dict[str, Any]:
    """Fields of ResourceStatistics; processes and threads only if they are to be counted."""
    found: dict[str, Any] = {}
    times = _pairs(read("cpuacct", "cpuacct.stat"))
    if "user" in times:
        found["cpus_user_time_secs"] = times["user"] / ticks_per_s
    if "system" in times:
        found["cpus_system_time_secs"] = times["system"] / ticks_per_s
    throttling = _pairs(read("cpu", "cpu.stat"))
    if "nr_periods" in throttling:
        found["cpus_nr_periods"] = throttling["nr_periods"]
        found["cpus_nr_throttled"] = throttling.get("nr_throttled", 0)
        found["cpus_throttled_time_secs"] = throttling.get("throttled_time", 0) / 1e9
    if is_counted:
        for field, name in (("processes", "cgroup.procs"), ("threads", "tasks")):
            text = read("cpu", name)
            if text is not None:
                found[field] = len(text.split())
    for field, name in (
        ("mem_total_bytes", "memory.usage_in_bytes"),
        ("mem_total_memsw_bytes", "memory.memsw.usage_in_bytes"),
        ("mem_kmem_usage_bytes", "memory.kmem.usage_in_bytes"),
        ("mem_kmem_tcp_usage_bytes", "memory.kmem.tcp.usage_in_bytes"),
    ):
        _number(found, field, read("memory", name))
    _renamed(found, _MEMORY_V1, _pairs(read("memory", "memory.stat")))
    blkio = _blkio(read)
    if blkio is not None:
        found["blkio_statistics"] = blkio
    return found


def of_v2(read: Read, *, is_counted: bool) -> dict[str, Any]:
    """The same from cgroup v2's files."""
    found: dict[str, Any] = {}
    cpu = _pairs(read("cpu", "cpu.stat"))
    for field, key in (("cpus_user_time_secs", "user_usec"), ("cpus_system_time_secs", "system_usec")):
        if key in cpu:
            found[field] = cpu[key] / 1e6
    if "nr_periods" in cpu:
        found["cpus_nr_periods"] = cpu["nr_periods"]
        found["cpus_nr_throttled"] = cpu.get("nr_throttled", 0)
        found["cpus_throttled_time_secs"] = cpu.get("throttled_usec", 0) / 1e6
    if is_counted:
        for field, name in (("processes", "cgroup.procs"), ("threads", "cgroup.threads")):
            text = read("leaf", name)
            if text is not None:
                found[field] = len(text.split())
    _number(found, "mem_total_bytes", read("memory", "memory.current"))
    _number(found, "mem_swap_bytes", read("memory", "memory.swap.current"))
    if "mem_total_bytes" in found and "mem_swap_bytes" in found:
        found["mem_total_memsw_bytes"] = found["mem_total_bytes"] + found["mem_swap_bytes"]
    _renamed(found, _MEMORY_V2, _pairs(read("memory", "memory.stat")))
    operations = _io(read("io", "io.stat"))
    if operations:
        found["blkio_statistics"] = Blkio.Statistics(throttling=operations)
    return found


def oom_kills(text: str | None) -> int:
    """From v1's memory.oom_control or v2's memory.events."""
    return _pairs(text).get("oom_kill", 0)


def _pairs(text: str | None) -> dict[str, int]:
    found = {}
    for line in (text or "").splitlines():
        key, _, value = line.partition(" ")
        if value.strip().isdigit():
            found[key] = int(value)
    return found


def _number(found: dict[str, Any], field: str, text: str | None) -> None:
    if text is not None and text.strip().isdigit():
        found[field] = int(text)


def _renamed(found: dict[str, Any], names: dict[str, str], values: dict[str, int]) -> None:
    found.update({field: values[key] for field, key in names.items() if key in values})


def _blkio(read: Read) -> CgroupInfo.Blkio.Statistics | None:
    """Throttling counts every device's operations whoever schedules them."""
    served: dict[tuple[int, int] | None, dict[str, list[CgroupInfo.Blkio.Value]]] = {}
    for field, name in (
        ("io_serviced", "blkio.throttle.io_serviced"),
        ("io_service_bytes", "blkio.throttle.io_service_bytes"),
    ):
        for number, operation, count in _operations(read("blkio", name)):
            fields = served.setdefault(number, {"io_serviced": [], "io_service_bytes": []})
            fields[field].append(Blkio.Value(op=operation, value=count))
    if not served:
        return None
    throttling = [
        Blkio.Throttling.Statistics(
            device=None if number is None else Device.Number(major_number=number[0], minor_number=number[1]),
            io_serviced=tuple(fields["io_serviced"]),
            io_service_bytes=tuple(fields["io_service_bytes"]),
        )
        for number, fields in served.items()
    ]
    return Blkio.Statistics(throttling=tuple(throttling))


def _io(text: str | None) -> tuple[CgroupInfo.Blkio.Throttling.Statistics, ...]:
    """Lines as ``8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0``."""
    found = []
    for line in (text or "").splitlines():
        device, *pairs = line.split()
        major, _, minor = device.partition(":")
        counts = {name: int(count) for name, _, count in (pair.partition("=") for pair in pairs) if count.isdigit()}
        if not (major.isdigit() and minor.isdigit() and counts):
            continue
        fields = {}
        for field, unit in (("io_serviced", "ios"), ("io_service_bytes", "bytes")):
            known = [(operation, counts[letter + unit]) for letter, operation in _IO_V2 if letter + unit in counts]
            total = (Blkio.Operation.TOTAL, sum([count for _, count in known]))
            fields[field] = tuple([Blkio.Value(op=operation, value=count) for operation, count in (*known, total)])
        number = Device.Number(major_number=int(major), minor_number=int(minor))
        found.append(Blkio.Throttling.Statistics(device=number, **fields))
    return tuple(found)


def _operations(text: str | None) -> Iterator[tuple[tuple[int, int] | None, CgroupInfo.Blkio.Operation, int]]:
    """Lines as ``8:0 Read 12``; the last is ``Total 12``."""
    for line in (text or "").splitlines():
        *device, name, count = line.split()
        operation = _OPERATIONS.get(name)
        if operation is None or not count.isdigit():
            continue
        if not device:
            yield None, operation, int(count)
        else:
            major, _, minor = device[0].partition(":")
            yield (int(major), int(minor)), operation, int(count)
