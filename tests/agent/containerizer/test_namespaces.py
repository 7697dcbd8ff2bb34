"""Containers started by crun: what they see of the host, what they may do, and nothing left of them."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesos_py.agent.containerizer.runtime.runtime import Runtime
from mesos_py.agent.containerizer.supervisor.frames import RUNTIME_FAILED
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.linux import CapabilityInfo, LinuxInfo, RLimitInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value
from tests.agent.containerizer.conftest import CONFINED, remove_cgroups
from tests.agent.containerizer.harness import Harness, is_alive, needs_crun, until

pytestmark = [pytest.mark.root, needs_crun]

ISOLATION = f"{CONFINED},filesystem/linux,linux/capabilities,linux/nnp,namespaces/pid,namespaces/ipc"
IpcMode = LinuxInfo.IpcMode
Capability = CapabilityInfo.Capability


def linux(**fields: object) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.MESOS, linux_info=LinuxInfo(**fields))  # type: ignore[arg-type]


def caps(*names: CapabilityInfo.Capability) -> CapabilityInfo:
    return CapabilityInfo(capabilities=names)


def mounts() -> list[str]:
    """Of this process' namespace, but for those below directories of tests: of ours, and of our neighbours."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if "pytest" not in line and not line.split()[4].startswith(tempfile.gettempdir())]


def devices() -> dict[str, tuple[int, int, int]]:
    """Those that a runtime makes where they are missing: which they are, and whose."""
    names = ("ptmx", "null", "zero", "full", "tty", "random", "fd")
    found = {name: os.lstat(f"/dev/{name}") for name in names}
    return {name: (status.st_ino, status.st_uid, status.st_mode) for name, status in found.items()}


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Harness]:
    """Containers with namespaces of their own; the host's mounts and devices stay as they are, and nothing is left."""
    before, devices_before = mounts(), devices()
    harness = Harness(tmp_path)
    await harness.isolated(isolation=ISOLATION).recover()
    yield harness
    await harness.containerizer.close()
    assert mounts() == before
    assert devices() == devices_before
    assert harness.cgroups() == []
    (runtime,) = (tmp_path / "run").glob("crun-*")
    assert os.listdir(runtime / "bundles") == os.listdir(runtime / "state") == []
    remove_cgroups(harness)


async def test_processes_of_the_host_are_not_seen(own: Harness) -> None:
    said = await own.run("c", "echo /proc/[0-9]* | wc -w; cat /proc/1/comm")
    count, init = said.split()
    assert int(count) <= 4
    assert init == "catatonit"


async def test_what_is_mounted_within_stays_within(own: Harness) -> None:
    assert await own.run("c", "mkdir m && mount -t tmpfs none m && grep -c $PWD/m /proc/self/mountinfo") == "1\n"
    assert not any("tmpfs none" in line for line in mounts())


async def test_signals_reach_the_task_and_orphans_end_with_it(own: Harness) -> None:
    script = "trap 'echo told; exit 5' TERM; (setsid sleep 1000 &); touch ready; while :; do sleep 0.01; done"
    own.containerizer.launch(own.shell("c", script))
    await until((own.sandbox("c") / "ready").exists)
    own.containerizer.signal("c", signal.SIGTERM)
    assert await own.exited("c") == 5 << 8
    assert (own.sandbox("c") / "stdout").read_text() == "told\n"


async def test_a_task_without_a_handler_ends_by_a_signal(own: Harness) -> None:
    """The first process of a pid namespace would ignore it; a task is never that, and its status is its own."""
    own.containerizer.launch(own.spec("c", "sleep", "1000"))
    await own.launched("c")
    own.containerizer.signal("c", signal.SIGTERM)
    assert await own.exited("c") == signal.SIGTERM
    own.containerizer.launch(own.shell("d", "kill -SEGV $$"))
    assert await own.exited("d") == signal.SIGSEGV
    own.containerizer.launch(own.shell("e", f"exit {128 + signal.SIGTERM}"))
    assert await own.exited("e") == (128 + signal.SIGTERM) << 8


async def test_a_task_may_end_before_the_runtime_that_has_started_it(own: Harness) -> None:
    """Its status is its own, whether its pid was written before or after that."""
    scripts = [(number, number % 3) for number in range(24)]
    for number, which in scripts:
        own.containerizer.launch(own.shell(f"c{number}", ["exit 0", "kill -TERM $$", "exit 3"][which]))
    for number, which in scripts:
        assert await own.exited(f"c{number}") == [0, signal.SIGTERM, 3 << 8][which]


async def test_surroundings(own: Harness) -> None:
    """The sandbox, the environment and three descriptors, as for plain processes."""
    said = await own.run("c", "pwd; env | sort; ls -l /proc/self/fd | wc -l; umask", env={"PATH": os.defpath, "A": "b"})
    lines = said.splitlines()
    assert lines[0] == str(own.sandbox("c"))
    assert {"A=b", f"PATH={os.defpath}"} <= set(lines) and not any(line.startswith("MESOS") for line in lines)
    assert lines[-2:] == ["5", "0022"]  # "total", three and the one ls reads


async def test_another_user_has_no_capabilities(own: Harness) -> None:
    said = await own.run("c", "id -u; id -g; grep CapEff /proc/self/status", user="nobody")
    assert said.split() == ["65534", "65534", "CapEff:", "0000000000000000"]
    assert os.stat(own.sandbox("c") / "stdout").st_uid == 65534


@pytest.mark.parametrize(
    ("info", "user", "effective", "bounding"),
    [
        ({"effective_capabilities": caps(Capability.NET_RAW)}, None, 1 << 13, 1 << 13),
        ({"effective_capabilities": caps(Capability.NET_RAW)}, "nobody", 1 << 13, 1 << 13),
        ({"effective_capabilities": caps(Capability.NET_RAW),
          "bounding_capabilities": caps(Capability.NET_RAW, Capability.CHOWN)}, None, 1 << 13, 1 << 13 | 1),
        ({"capability_info": caps(Capability.CHOWN)}, None, 1, 1),
    ],
)  # fmt: skip
async def test_capabilities(
    own: Harness, info: dict[str, object], user: str | None, effective: int, bounding: int
) -> None:
    look = "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status"
    said = await own.run("c", look, container=linux(**info), user=user)
    values = dict(line.split() for line in said.splitlines())
    assert (int(values["CapEff:"], 16), int(values["CapBnd:"], 16)) == (effective, bounding)
    assert values["NoNewPrivs:"] == "1"


async def test_shared_memory_is_the_containers_own(own: Harness) -> None:
    container = linux(ipc_mode=IpcMode.PRIVATE, shm_size=3)
    look = "df -k /dev/shm | tail -1; touch /dev/shm/mine; readlink /proc/self/ns/ipc"
    said = await own.run("c", look, container=container)
    assert said.split()[1] == "3072"
    assert said.split()[-1] != os.readlink("/proc/self/ns/ipc")
    assert not Path("/dev/shm/mine").exists()


async def test_limits_of_processes(own: Harness) -> None:
    limit = RLimitInfo.RLimit(type=RLimitInfo.RLimit.Type.RLMT_NOFILE, soft=64, hard=128)
    container = ContainerInfo(type=ContainerInfo.Type.MESOS, rlimit_info=RLimitInfo(rlimits=(limit,)))
    assert await own.run("c", "ulimit -Sn; ulimit -Hn", container=container) == "64\n128\n"


@pytest.mark.parametrize(
    ("container", "text"),
    [
        (linux(shm_size=1), "Only support setting shm size for container whose IPC mode is private"),
        (
            linux(effective_capabilities=caps(Capability.CHOWN), bounding_capabilities=caps(Capability.KILL)),
            "Effective capabilities CHOWN are not among the bounding ones",
        ),
    ],
)
async def test_what_cannot_be_is_refused(own: Harness, container: ContainerInfo, text: str) -> None:
    own.containerizer.launch(own.spec("c", "true", container=container))
    assert await own.failed("c") == text


async def test_agents_may_forbid_sharing_and_capabilities(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    flags = {
        "disallow_sharing_agent_pid_namespace": True, "disallow_sharing_agent_ipc_namespace": True,
        "bounding_capabilities": caps(Capability.CHOWN),
    }  # fmt: skip
    await harness.isolated(isolation=ISOLATION, **flags).recover()
    for name, container, text in (
        ("a", linux(share_pid_namespace=True), "Sharing agent pid namespace with container is not allowed"),
        ("b", linux(ipc_mode=IpcMode.SHARE_PARENT), "Sharing agent IPC namespace with container is not allowed"),
        ("c", linux(effective_capabilities=caps(Capability.SYS_ADMIN)),
         "Effective capabilities SYS_ADMIN are not allowed by the agent"),
    ):  # fmt: skip
        harness.containerizer.launch(harness.spec(name, "true", container=container))
        assert await harness.failed(name) == text
    assert int((await harness.run("d", "grep CapBnd /proc/self/status")).split()[1], 16) == 1
    await harness.containerizer.close()
    remove_cgroups(harness)


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("./missing", "No such file or directory"), ("no-such-program", "No such file or directory"),
        ("/etc/passwd", "Permission denied"),
    ],
)  # fmt: skip
async def test_a_program_that_cannot_be_executed(tmp_path: Path, program: str, text: str) -> None:
    """Told in the same words as for plain processes, and in the sandbox's stderr."""
    harness = Harness(tmp_path)
    await harness.isolated(isolation="filesystem/linux").recover()
    harness.containerizer.launch(harness.spec("c", program))
    assert await harness.failed("c") == f"Failed to execute '{program}': {text}"
    assert text in (harness.sandbox("c") / "stderr").read_text()
    await harness.containerizer.close()
    remove_cgroups(harness)


async def test_destroyed_whenever_it_may_be(own: Harness) -> None:
    """While it is prepared, while crun starts it, when it runs: one exit, and nothing left."""
    for number in range(12):
        own.containerizer.launch(own.spec(f"c{number}", "sleep", "1000"))
    own.containerizer.destroy("c0")
    for number in range(1, 12):
        await until(lambda number=number: own.cgroups() or own.of(f"c{number}"))  # type: ignore[misc]
        own.containerizer.destroy(f"c{number}")
    for number in range(12):
        await own.exited(f"c{number}")
        assert own.of(f"c{number}").count("ContainerExited") == 1


async def test_memory_hog(own: Harness) -> None:
    hog = "exec python3 -c 'x = []\nwhile True: x.append(bytearray(8 << 20))'"
    mem = (Resource(name="mem", type=Value.Type.SCALAR, scalar=Value.Scalar(value=64)),)
    own.containerizer.launch(own.shell("c", hog, resources=mem))
    await own.exited("c")
    limited = own.limited("c")
    assert limited is not None
    assert limited.message.startswith("Memory limit exceeded: Requested: 64MB Maximum Used: 64MB")


async def test_containers_outlive_their_agent(tmp_path: Path) -> None:
    """1 one runs; 2 the agent goes; 3 the next one finds it and what it is; 4 it ends, and nothing is left."""
    first = Harness(tmp_path)
    await first.isolated(isolation=ISOLATION).recover()
    first.containerizer.launch(first.shell("c", "trap 'exit 4' TERM; touch ready; while :; do sleep 0.01; done"))
    pid = await first.launched("c")
    await until((first.sandbox("c") / "ready").exists)
    await first.containerizer.close(keep=True)

    second = Harness(tmp_path)
    made = second.isolated(isolation=ISOLATION)
    assert [(one.container_id, one.pid) for one in await made.recover()] == [("c", pid)]
    made.signal("c", signal.SIGTERM)
    assert await second.exited("c") == 4 << 8
    await made.close()
    assert second.cgroups() == []
    remove_cgroups(second)


async def test_a_supervisor_that_dies_takes_its_containers_along(own: Harness) -> None:
    own.containerizer.launch(own.spec("c", "sleep", "1000"))
    pid = await own.launched("c")
    os.kill(own.containerizer.inner.supervisor_pid, signal.SIGKILL)  # type: ignore[attr-defined]
    assert await own.exited("c") is None
    assert not is_alive(pid)


async def test_a_runtime_that_has_gone_is_no_fault_of_the_tasks_program(tmp_path: Path) -> None:
    """The task has never run: an agent takes "Failed to execute" at the beginning for a program that ran and failed."""
    runtime = Runtime(runtime_dir=str(tmp_path / "run"), work_dir=str(tmp_path))
    spec = Harness(tmp_path).spec("c", "true")
    gone = "Failed to execute 'crun': No such file or directory"
    assert runtime.why(spec, gone, "") == f"Failed to start container: {gone}"
    assert runtime.why(spec, RUNTIME_FAILED, "") == "Failed to start container: crun has said nothing"
    assert runtime.why(spec, "Failed to isolate container: x", "") == "Failed to isolate container: x"
