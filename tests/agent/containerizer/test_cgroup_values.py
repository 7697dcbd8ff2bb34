"""What is written into cgroup files and read from them, for both versions, as tables."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mesos_py.agent.containerizer.cgroups import controls, readings
from mesos_py.agent.containerizer.cgroups.hierarchy import CgroupsUnavailable, Hierarchy, detect
from mesos_py.wire.container import CgroupInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value

INF = float("inf")
MIB = 1 << 20
ALL = ("cpu", "memory", "pids")


def scalar(name: str, value: float, *, revocable: bool = False) -> Resource:
    return Resource(
        name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=value),
        revocable=Resource.RevocableInfo() if revocable else None,
    )  # fmt: skip


def entitled(
    cpus: float | None = None, mem: float | None = None, *, revocable: bool = False, **bounds: float
) -> controls.Entitled:
    """``cpus_limit`` and ``mem_limit`` among the bounds."""
    resources = [] if cpus is None else [scalar("cpus", cpus, revocable=revocable)]
    resources += [] if mem is None else [scalar("mem", mem)]
    limits = {name.removesuffix("_limit"): Value.Scalar(value=value) for name, value in bounds.items()}
    return controls.entitled(resources, limits)


PLAIN, CFS = controls.Policy(), controls.Policy(enable_cfs=True)


@pytest.mark.parametrize(
    ("what", "policy", "v1", "v2"),
    [
        (entitled(), PLAIN, [], []),
        (entitled(2), PLAIN, ["shares 2048"], ["weight 200", "max max 100000"]),
        (entitled(0.001), PLAIN, ["shares 2"], ["weight 1", "max max 100000"]),
        (entitled(1000), PLAIN, ["shares 1024000"], ["weight 10000", "max max 100000"]),
        (entitled(2, revocable=True), PLAIN, ["shares 20"], ["weight 2", "max max 100000"]),
        (entitled(0.5), CFS, ["shares 512", "cfs_period_us 100000", "cfs_quota_us 50000"],
         ["weight 50", "max 50000 100000"]),
        (entitled(0.5, cpus_limit=2), PLAIN, ["shares 512", "cfs_period_us 100000", "cfs_quota_us 200000"],
         ["weight 50", "max 200000 100000"]),
        (entitled(0.5, cpus_limit=INF), CFS, ["shares 512", "cfs_period_us 100000", "cfs_quota_us -1"],
         ["weight 50", "max max 100000"]),
        (entitled(0.001), CFS, ["shares 2", "cfs_period_us 100000", "cfs_quota_us 1000"],
         ["weight 1", "max 1000 100000"]),
    ],
)  # fmt: skip
def test_cpus(what: controls.Entitled, policy: controls.Policy, v1: list[str], v2: list[str]) -> None:
    assert controls.of_v1(ALL, what, policy, None) == [("cpu", f"cpu.{s.split()[0]}", s.split(" ", 1)[1]) for s in v1]
    assert controls.of_v2(ALL, what, policy, None) == [("cpu", f"cpu.{s.split()[0]}", s.split(" ", 1)[1]) for s in v2]


@pytest.mark.parametrize(
    ("what", "now", "soft", "hard"),
    [
        (entitled(mem=64), None, 64, 64),
        (entitled(mem=1), None, 32, 32),  # nothing lives in less
        (entitled(mem=64, mem_limit=128), None, 64, 128),
        (entitled(mem=64, mem_limit=INF), None, 64, INF),
        (entitled(mem=64), 128 * MIB, 64, None),  # never lowered
        (entitled(mem=256), 128 * MIB, 256, 256),
        (entitled(mem=64), INF, 64, None),
    ],
)  # fmt: skip
def test_memory(what: controls.Entitled, now: float | None, soft: int, hard: float | None) -> None:
    v1 = controls.of_v1(ALL, what, PLAIN, now)
    v2 = [write for write in controls.of_v2(ALL, what, PLAIN, now) if write[1] != "memory.oom.group"]
    assert v1[0] == ("memory", "memory.soft_limit_in_bytes", str(soft * MIB))
    assert v2[0] == ("memory", "memory.low", str(soft * MIB))
    if hard is None:
        assert len(v1) == len(v2) == 1
    else:
        assert v1[1] == ("memory", "memory.limit_in_bytes", "-1" if hard == INF else str(hard * MIB))
        assert v2[1] == ("memory", "memory.max", "max" if hard == INF else str(hard * MIB))


def test_swap_is_never_limited_to_less_than_memory() -> None:
    """Set after the first limit of memory, raised before it."""
    policy = controls.Policy(limit_swap=True)
    first = [file for _, file, _ in controls.of_v1(ALL, entitled(mem=64), policy, None)]
    raised = [file for _, file, _ in controls.of_v1(ALL, entitled(mem=128), policy, 64 * MIB)]
    assert first[1:] == ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
    assert raised[1:] == ["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]


@pytest.mark.parametrize(("limit", "score"), [(None, None), (64, None), (128, 938), (INF, 938)])
def test_whoever_may_use_more_than_he_asked_for_is_killed_first(limit: float | None, score: int | None) -> None:
    what = entitled(mem=64) if limit is None else entitled(mem=64, mem_limit=limit)
    assert controls.oom_score(what, 1024 * MIB) == score


V1 = {
    "cpuacct.stat": "user 150\nsystem 50\n",
    "cpu.stat": "nr_periods 7\nnr_throttled 3\nthrottled_time 2500000000\n",
    "cgroup.procs": "10\n11\n",
    "tasks": "10\n11\n12\n",
    "memory.usage_in_bytes": "5000\n",
    "memory.memsw.usage_in_bytes": "6000\n",
    "memory.kmem.usage_in_bytes": "70\n",
    "memory.stat": "cache 1\ntotal_cache 100\ntotal_rss 200\ntotal_mapped_file 30\ntotal_swap 4\ntotal_unevictable 5\n",
    "blkio.throttle.io_serviced": "8:0 Read 2\n8:0 Write 3\n8:0 Total 5\nTotal 5\n",
    "blkio.throttle.io_service_bytes": "8:0 Read 8192\nTotal 8192\n",
}
V2 = {
    "cpu.stat": "usage_usec 9\nuser_usec 1500000\nsystem_usec 500000\nnr_periods 7\nnr_throttled 3\n"
    "throttled_usec 2500000\n",
    "cgroup.procs": "10\n11\n",
    "cgroup.threads": "10\n11\n12\n",
    "memory.current": "5000\n",
    "memory.swap.current": "1000\n",
    "memory.stat": "anon 200\nfile 100\nkernel 70\nsock 6\nfile_mapped 30\nunevictable 5\n",
}
SAME = {
    "cpus_user_time_secs": 1.5, "cpus_system_time_secs": 0.5, "cpus_nr_periods": 7, "cpus_nr_throttled": 3,
    "cpus_throttled_time_secs": 2.5, "processes": 2, "threads": 3, "mem_total_bytes": 5000,
    "mem_total_memsw_bytes": 6000, "mem_cache_bytes": 100, "mem_file_bytes": 100, "mem_rss_bytes": 200,
    "mem_anon_bytes": 200, "mem_mapped_file_bytes": 30, "mem_unevictable_bytes": 5, "mem_kmem_usage_bytes": 70,
}  # fmt: skip


def test_readings_of_both_versions_say_the_same() -> None:
    v1 = readings.of_v1(lambda _, file: V1.get(file), ticks_per_s=100, is_counted=True)
    v2 = readings.of_v2(lambda _, file: V2.get(file), is_counted=True)
    assert v1.items() >= SAME.items()
    assert v2.items() >= SAME.items()
    assert (v1["mem_swap_bytes"], v2["mem_swap_bytes"]) == (4, 1000)


def test_operations_of_disks_are_told_by_device() -> None:
    Blkio, Operation = CgroupInfo.Blkio, CgroupInfo.Blkio.Operation
    found = readings.of_v1(lambda _, file: V1.get(file), ticks_per_s=100, is_counted=False)["blkio_statistics"]
    device, total = found.throttling
    assert (device.device.major_number, device.device.minor_number) == (8, 0)
    assert device.io_serviced == tuple(
        [Blkio.Value(op=op, value=n) for op, n in ((Operation.READ, 2), (Operation.WRITE, 3), (Operation.TOTAL, 5))]
    )
    assert total.device is None
    assert total.io_service_bytes == (Blkio.Value(op=Operation.TOTAL, value=8192),)


def test_operations_of_disks_in_v2() -> None:
    """As in v1; lines that say nothing are left out."""
    Blkio, Operation = CgroupInfo.Blkio, CgroupInfo.Blkio.Operation
    text = "8:0 rbytes=8192 wbytes=4096 rios=2 wios=3 dbytes=0 dios=0\n8:16 \nnonsense\n"
    found = readings.of_v2(lambda _, file: {"io.stat": text}.get(file), is_counted=False)["blkio_statistics"]
    (device,) = found.throttling
    assert (device.device.major_number, device.device.minor_number) == (8, 0)
    kinds = (Operation.READ, Operation.WRITE, Operation.DISCARD, Operation.TOTAL)
    assert device.io_serviced == tuple([Blkio.Value(op=op, value=n) for op, n in zip(kinds, (2, 3, 0, 5), strict=True)])
    assert device.io_service_bytes[-1] == Blkio.Value(op=Operation.TOTAL, value=12288)


@pytest.mark.parametrize("version", [1, 2])
def test_files_that_are_not_there_say_nothing(version: int) -> None:
    def nothing(controller: str, file: str) -> None:
        return None

    found = (
        readings.of_v1(nothing, ticks_per_s=100, is_counted=True)
        if version == 1
        else readings.of_v2(nothing, is_counted=True)
    )
    assert found == {}


@pytest.mark.parametrize(
    ("text", "count"),
    [("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", 2), ("low 0\noom 1\noom_kill 0\n", 0), (None, 0)],
)
def test_ooms_are_counted(text: str | None, count: int) -> None:
    assert readings.oom_kills(text) == count


# ---- cgroup v2 on a directory tree: this host's kernel has no controllers in it


def version_2(tmp_path: Path) -> Hierarchy:
    for name in ("", "mesos"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "cgroup.subtree_control").touch()
    made = Hierarchy(is_v2=True, mounts={"": str(tmp_path)}, root="mesos", controllers=("cpu", "memory"))
    made.open()
    return made


def test_version_2_keeps_processes_in_leaves(tmp_path: Path) -> None:
    made = version_2(tmp_path)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory"
    assert (tmp_path / "mesos" / "cgroup.subtree_control").read_text() == "+cpu +memory"
    made.make("c", is_own=True)
    made.make("c/mesos/n", is_own=False)
    made.write("c", "memory", "memory.max", "4096")
    assert made.entrances("c", "c") == [f"{tmp_path}/mesos/c/leaf/cgroup.procs"]
    assert made.entrances("c/mesos/n", "c") == [f"{tmp_path}/mesos/c/mesos/n/leaf/cgroup.procs"]
    assert made.read("c", "memory", "memory.max") == "4096"
    assert list(made.names()) == ["c", "c/mesos/n"]
    os.unlink(tmp_path / "mesos" / "c" / "memory.max")  # there it goes with its directory
    assert made.remove("c") == []
    assert list(made.names()) == []


def test_version_2_settings_of_a_nested_container_need_them_on_the_way_down(tmp_path: Path) -> None:
    made = version_2(tmp_path)
    made.make("c", is_own=True)
    made.make("c/mesos/n", is_own=True)
    for directory in ("c", "c/mesos"):
        assert (tmp_path / "mesos" / directory / "cgroup.subtree_control").read_text() == "+cpu +memory"


@pytest.mark.parametrize("root", ["", "/mesos", "a/../b"])
def test_a_root_is_the_name_of_a_cgroup(root: str) -> None:
    with pytest.raises(CgroupsUnavailable, match="is not the name of a cgroup"):
        detect("/sys/fs/cgroup", root, ())


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="cgroups need root")
def test_what_is_not_mounted_is_named(tmp_path: Path) -> None:
    with pytest.raises(CgroupsUnavailable, match=r"cgroups/cpu: the controller 'cpu' is not mounted below"):
        detect(str(tmp_path), "mesos", ("cpu",))
