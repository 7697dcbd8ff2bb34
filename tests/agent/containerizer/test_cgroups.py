"""Real processes in real cgroups: what they may use, what is told when they take more, and nothing left of it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from mesos_py.agent.containerizer.cgroups.hierarchy import CgroupsUnavailable
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.linux import LinuxInfo, RLimitInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Value
from tests.agent.containerizer.conftest import CONFINED, remove_cgroups
from tests.agent.containerizer.harness import DEADLINE_S, IS_V2, Harness, is_alive, needs_cgroups, pid_in, until

pytestmark = [pytest.mark.root, needs_cgroups]

#: Grows for ever; each round holds another 8 MB.
HOG = "python3 -c 'x = []\nwhile True: x.append(bytearray(8 << 20))'"

#: Forks as often as it can, and so does whatever it has forked.
BOMB = "exec python3 -c 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass'"

#: Leaves session, parent and environment, and goes on.
ESCAPE = "(setsid env -i sh -c 'prlimit --pid=$$ --rttime=unlimited; echo $$ >daemon; exec sleep 1000' &); "


def scalar(name: str, value: float) -> Resource:
    return Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=value))


def resources(*, cpus: float = 0.1, mem: float = 64) -> tuple[Resource, ...]:
    return scalar("cpus", cpus), scalar("mem", mem)


#: Files of v1, and what v2 has instead.
IN_V2 = {
    "cpu.shares": "cpu.weight", "cpu.cfs_quota_us": "cpu.max", "memory.soft_limit_in_bytes": "memory.low",
    "memory.limit_in_bytes": "memory.max", "cgroup.procs": "leaf/cgroup.procs",
}  # fmt: skip

of_v1 = pytest.mark.skipif(IS_V2, reason="v2 counts no such thing")


def entered(harness: Harness, controller: str, container_id: str, file: str) -> str:
    """What is in a file of the container's; of the same meaning in v2."""
    if IS_V2:
        controller, file = "", IN_V2.get(file, file)
    return Path(f"/sys/fs/cgroup/{controller}/{harness.cgroups_root}/{container_id}/{file}").read_text().strip()


async def test_memory_hog_ends_with_its_reason_and_its_neighbour_lives(confined: Harness) -> None:
    confined.containerizer.launch(confined.spec("neighbour", "sleep", "1000", resources=resources()))
    await confined.launched("neighbour")
    confined.containerizer.launch(confined.shell("c", f"exec {HOG}", resources=resources()))
    assert await confined.exited("c") == signal.SIGKILL
    limited = confined.limited("c")
    assert limited is not None
    assert confined.of("c")[-2:] == ["ContainerLimited", "ContainerExited"]
    assert limited.reason is TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY
    text, _, statistics = limited.message.partition("\n\nMEMORY STATISTICS: \n")
    assert text == "Memory limit exceeded: Requested: 64MB Maximum Used: 64MB"
    assert ("anon " if IS_V2 else "total_rss ") in statistics
    assert [(one.name, one.scalar.value) for one in limited.resources if one.scalar] == [("mem", 64)]
    assert confined.of("neighbour") == ["ContainerLaunched"]


async def test_a_child_that_takes_all_memory_is_told_while_the_container_runs(confined: Harness) -> None:
    confined.containerizer.launch(confined.shell("c", f"{HOG} || sleep 1000", resources=resources()))
    await until(lambda: confined.limited("c"))
    confined.containerizer.destroy("c")
    assert await confined.exited("c") == signal.SIGKILL
    assert confined.of("c").count("ContainerLimited") == 1


async def test_whoever_leaves_session_parent_and_environment_dies_with_the_container(confined: Harness) -> None:
    confined.containerizer.launch(confined.shell("c", f"{ESCAPE}until [ -s daemon ]; do sleep 0.01; done"))
    assert await confined.exited("c") == 0
    assert not is_alive(int((confined.sandbox("c") / "daemon").read_text()))
    await until(lambda: not confined.cgroups())


async def test_a_fork_bomb_is_ended_at_once(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    await harness.isolated(isolation="cgroups/pids", cgroups_pids_limit=40).recover()
    try:
        harness.containerizer.launch(harness.shell("c", BOMB))
        await harness.launched("c")
        await until(lambda: entered(harness, "pids", "c", "pids.events") not in ("", "max 0"))
        harness.containerizer.destroy("c")
        await harness.exited("c")
    finally:
        await harness.containerizer.close()
    assert harness.cgroups() == []
    remove_cgroups(harness)


async def test_values_follow_the_resources(confined: Harness) -> None:
    """1 requests and limits; 2 more of both; 3 less: shares and soft limit follow, the hard limit stays."""
    limits = {"cpus": Value.Scalar(value=0.5), "mem": Value.Scalar(value=128)}
    confined.containerizer.launch(confined.spec("c", "sleep", "1000", resources=resources(), limits=limits))
    pid = await confined.launched("c")

    def values() -> list[str]:
        return [
            entered(confined, "cpu", "c", "cpu.shares"),
            entered(confined, "cpu", "c", "cpu.cfs_quota_us"),
            entered(confined, "memory", "c", "memory.soft_limit_in_bytes"),
            entered(confined, "memory", "c", "memory.limit_in_bytes"),
        ]

    def of(shares: str, quota: str, soft_mib: int, hard_mib: int) -> list[str]:
        if IS_V2:
            shares = {"102": "10", "2048": "200"}[shares]
            quota = f"{'max' if quota == '-1' else quota} 100000"
        return [shares, quota, str(soft_mib << 20), str(hard_mib << 20)]

    assert values() == of("102", "50000", 64, 128)
    assert int(Path(f"/proc/{pid}/oom_score_adj").read_text()) > 900
    confined.containerizer.update("c", resources(cpus=2, mem=256), {"cpus": Value.Scalar(value=float("inf"))})
    assert values() == of("2048", "-1", 256, 256)
    confined.containerizer.update("c", resources(mem=32), {})
    assert values() == of("102", "-1", 32, 256)


async def test_statistics_are_the_cgroups(confined: Harness) -> None:
    work = "python3 -c 'x = bytearray(20 << 20); sum(range(3000000)); open(\"ready\", \"w\")' && sleep 1000"
    limits = {"cpus": Value.Scalar(value=1)}
    confined.containerizer.launch(confined.shell("c", work, resources=resources(), limits=limits))
    await until((confined.sandbox("c") / "ready").exists)
    usage = (await confined.containerizer.usage(["c", "nobody"]))["c"]
    assert usage.cpus_user_time_secs is not None and usage.cpus_user_time_secs > 0  # of processes that have ended, too
    assert usage.cpus_limit == 1 and usage.cpus_soft_limit == 0.1
    assert usage.cpus_nr_periods is not None and usage.cpus_throttled_time_secs is not None
    assert usage.mem_total_bytes is not None and usage.mem_rss_bytes is not None and usage.mem_cache_bytes is not None
    assert usage.mem_limit_bytes == usage.mem_soft_limit_bytes == 64 << 20
    confined.containerizer.destroy("c")
    await confined.exited("c")
    event = confined.exit_of("c")
    assert event is not None and event.usage is not None and event.usage.user_us > 0
    assert event.usage.peak_bytes is not None and 20 << 20 < event.usage.peak_bytes <= 64 << 20


@of_v1
async def test_who_is_short_of_memory_is_counted(confined: Harness) -> None:
    """Whoever suffers at one level suffers at those below."""
    work = "until [ -e go ]; do sleep 0.01; done; dd if=/dev/zero of=file bs=1M count=80; touch done; sleep 1000"
    confined.containerizer.launch(confined.shell("c", work, resources=resources()))
    await confined.launched("c")

    async def counters() -> list[int | None]:
        usage = (await confined.containerizer.usage(["c"]))["c"]
        return [getattr(usage, f"mem_{level}_pressure_counter") for level in ("low", "medium", "critical")]

    assert await counters() == [0, 0, 0]
    (confined.sandbox("c") / "go").touch()
    await until((confined.sandbox("c") / "done").exists)
    low, medium, critical = await counters()
    async with asyncio.timeout(DEADLINE_S):
        while not low:
            await asyncio.sleep(0.01)
            low, medium, critical = await counters()
    assert low is not None and medium is not None and critical is not None
    assert low >= medium >= critical >= 0
    assert await counters() >= [low, medium, critical]


async def test_limits_of_processes_are_set_last(confined: Harness) -> None:
    Type = RLimitInfo.RLimit.Type
    info = RLimitInfo(
        rlimits=(
            RLimitInfo.RLimit(type=Type.RLMT_NOFILE, soft=64, hard=128), RLimitInfo.RLimit(type=Type.RLMT_CORE),
        )
    )  # fmt: skip
    container = ContainerInfo(type=ContainerInfo.Type.MESOS, rlimit_info=info)
    assert await confined.run("c", "ulimit -Sn; ulimit -Hn; ulimit -c", container=container) == "64\n128\nunlimited\n"


async def test_an_impossible_limit_fails_the_launch_and_leaves_nothing(confined: Harness) -> None:
    info = RLimitInfo(rlimits=(RLimitInfo.RLimit(type=RLimitInfo.RLimit.Type.RLMT_NOFILE, soft=1 << 40, hard=1 << 40),))
    container = ContainerInfo(type=ContainerInfo.Type.MESOS, rlimit_info=info)
    confined.containerizer.launch(confined.spec("c", "true", container=container))
    assert (await confined.failed("c")).startswith("Failed to isolate container: ")
    await until(lambda: not confined.cgroups())


async def test_nested_containers_share_their_executors_cgroups_or_have_their_own(confined: Harness) -> None:
    """1 an executor without a process; 2 one that shares, one that does not; 3 each ends alone; 4 all is gone."""
    made = confined.containerizer
    made.make_sandbox("pod", str(confined.sandbox("pod")), None, None)
    made.update("pod", resources(mem=96), {})
    made.launch(confined.spec("sharing", "sleep", "1000", parent_id="pod"))
    own = ContainerInfo(type=ContainerInfo.Type.MESOS, linux_info=LinuxInfo(share_cgroups=False))
    made.launch(confined.spec("own", "sleep", "1000", parent_id="pod", container=own, resources=resources(mem=40)))
    pids = {name: await confined.launched(name) for name in ("sharing", "own")}
    if not IS_V2:  # there a process is in one cgroup only
        assert entered(confined, "memory", "pod", "cgroup.procs") == str(pids["sharing"])
    assert entered(confined, "memory", "pod/mesos/own", "cgroup.procs") == str(pids["own"])
    assert entered(confined, "memory", "pod/mesos/own", "memory.limit_in_bytes") == str(40 << 20)
    assert entered(confined, "freezer", "pod/mesos/sharing", "cgroup.procs") == str(pids["sharing"])
    usage = await made.usage(["pod", "sharing", "own"])
    assert usage["pod"].mem_limit_bytes == 96 << 20
    assert usage["own"].mem_limit_bytes == 40 << 20
    made.destroy("own")
    await confined.exited("own")
    assert confined.of("sharing") == ["ContainerLaunched"]
    made.destroy("sharing")
    await confined.exited("sharing")
    made.destroy("pod")
    await until(lambda: not confined.cgroups())


async def test_resources_that_come_while_the_cgroup_is_made(confined: Harness) -> None:
    """The last ones count, for a container that is launched and for one without a process."""
    made = confined.containerizer
    made.launch(confined.spec("c", "sleep", "1000", resources=resources(mem=64)))
    made.make_sandbox("pod", str(confined.sandbox("pod")), None, None)
    for mem in (64, 96, 128):
        made.update("c", resources(mem=mem), {})
        made.update("pod", resources(mem=mem), {})
    await confined.launched("c")
    for name in ("c", "pod"):
        await until(lambda name=name: entered(confined, "memory", name, "memory.limit_in_bytes") == str(128 << 20))  # type: ignore[misc]
    made.destroy("pod")


async def test_an_executor_whose_tasks_take_too_much_is_told_with_the_exit_of_one(confined: Harness) -> None:
    made = confined.containerizer
    made.make_sandbox("pod", str(confined.sandbox("pod")), None, None)
    made.update("pod", resources(mem=64), {})
    made.launch(confined.shell("n", f"exec {HOG}", parent_id="pod"))
    assert await confined.exited("n") == signal.SIGKILL
    assert confined.limited("pod") is not None
    kinds = [(type(event).__name__, event.container_id) for event in confined.events]
    assert kinds.index(("ContainerLimited", "pod")) < kinds.index(("ContainerExited", "n"))
    made.destroy("pod")


async def test_everything_of_cgroups_that_this_host_has(tmp_path: Path) -> None:
    """Devices are closed but for some, and a container starts in every tree."""
    harness = Harness(tmp_path)
    await harness.isolated(isolation="cgroups/all").recover()
    script = "head -c1 /dev/zero | wc -c; mknod m c 1 1; cat m 2>&1 >/dev/null | grep -o 'not permitted'"
    assert await harness.run("c", script, resources=resources()) == "1\nnot permitted\n"
    await harness.containerizer.close()
    assert harness.cgroups() == []
    remove_cgroups(harness)


async def test_the_next_agent_watches_what_runs_and_removes_what_belongs_to_nobody(tmp_path: Path) -> None:
    """1 a memory hog in waiting; 2 the agent goes; 3 the next one hears of the memory; 4 remains are gone."""
    first = Harness(tmp_path)
    await first.isolated(isolation=CONFINED).recover()
    wait = "until [ -e go ]; do sleep 0.01; done; "
    first.containerizer.launch(first.shell("c", wait + HOG, resources=resources()))
    await first.launched("c")
    await first.containerizer.close(keep=True)
    for controller in ("",) if IS_V2 else ("memory", "freezer"):
        os.mkdir(f"/sys/fs/cgroup/{controller}/{first.cgroups_root}/remains")

    second = Harness(tmp_path)
    made = second.isolated(isolation=CONFINED)
    assert [one.container_id for one in await made.recover()] == ["c"]
    assert not any("remains" in path for path in second.cgroups())
    made.update("c", resources(), {})
    (second.sandbox("c") / "go").touch()
    await until(lambda: second.limited("c"))
    made.destroy("c")
    assert await second.exited("c") is not None
    await made.close()
    assert second.cgroups() == []
    remove_cgroups(second)


async def test_a_supervisor_that_dies_leaves_nothing_behind(confined: Harness) -> None:
    """Its successor kills by cgroup what carries no mark any more."""
    confined.containerizer.launch(confined.shell("c", ESCAPE + "exec sleep 1000"))
    await confined.launched("c")
    daemon = await pid_in(confined.sandbox("c") / "daemon")
    os.kill(confined.containerizer.inner.supervisor_pid, signal.SIGKILL)  # type: ignore[attr-defined]
    assert await confined.exited("c") is None
    assert not is_alive(daemon)


async def test_an_agent_is_alone_in_its_cgroups_root(confined: Harness, tmp_path: Path) -> None:
    other = Harness(tmp_path / "other")
    made = other.isolated(root=confined.cgroups_root, isolation=CONFINED)
    with pytest.raises(CgroupsUnavailable, match="another agent's containers"):
        await made.recover()
