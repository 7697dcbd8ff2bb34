"""Tasks that cannot be: each ends with a reason and a sentence that names the cause, and leaves nothing on the host."""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from mesos_py.wire.command import CommandInfo
from mesos_py.wire.linux import CapabilityInfo, LinuxInfo, RLimitInfo
from mesos_py.wire.secret import Secret
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.volume import Volume
from tests.agent.containerizer.harness import until
from tests.agent.kinds import IMAGE, KINDS, Host, Kind, forget, host_directory, needs, scalars
from tests.agent.provisioner.images import file, layer, layout
from tests.agent.provisioner.registry import PASSWORD, registry

pytestmark = [pytest.mark.xdist_group("kinds"), pytest.mark.asyncio(loop_scope="module")]

Reason = TaskStatus.Reason
FINISHED = TaskState.TASK_FINISHED
Source = Volume.Source
Capability = CapabilityInfo.Capability
NO_DIGEST = f"sha256:{'0' * 64}"


async def refused(host: Host, script: str | CommandInfo, **fields: Any) -> TaskStatus:
    """How a task ended that has never run; another one runs afterwards."""
    task_id = host.run(script, **fields)
    end = await host.end(task_id)
    assert host.master.states[task_id][-1:] == [end.state.name.removeprefix("TASK_")]
    assert "RUNNING" not in host.master.states[task_id]
    assert await host.said("echo well") == "well\n"
    return end


async def not_launched(host: Host, text: str, script: str | CommandInfo = "true", **fields: Any) -> str:
    """What is said of it after this beginning."""
    end = await refused(host, script, **fields)
    assert (end.state, end.reason) == (TaskState.TASK_FAILED, Reason.REASON_CONTAINER_LAUNCH_FAILED)
    assert end.message is not None and end.message.startswith(f"Failed to launch container: {text}"), end.message
    return end.message.removeprefix(f"Failed to launch container: {text}")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="users are switched by root")
async def test_a_user_that_nobody_is(host: Host) -> None:
    """There is no sandbox that could be its own: the task counts as never launched (docs/decisions/isolation.md)."""
    end = await refused(host, CommandInfo(value="true", user="no-such-user"))
    assert (end.state, end.reason) == (TaskState.TASK_LOST, Reason.REASON_EXECUTOR_TERMINATED)
    assert end.message is not None
    assert re.fullmatch(
        "Failed to create executor directory '/.*': Failed to chown directory to 'no-such-user': "
        "No such user 'no-such-user'", end.message,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("soft", "hard", "text"),
    [
        (2, 1, "Failed to set rlimit RLMT_NOFILE: its soft limit is above the hard one"),
        (1, None, "Failed to set rlimit RLMT_NOFILE: both hard and soft limits or none"),
    ],
)
async def test_limits_of_processes_that_make_no_sense(host: Host, soft: int, hard: int | None, text: str) -> None:
    limit = RLimitInfo.RLimit(type=RLimitInfo.RLimit.Type.RLMT_NOFILE, soft=soft, hard=hard)
    await not_launched(host, text, container={"rlimit_info": RLimitInfo(rlimits=(limit,))})


def archive(directory: Path, name: str, type: bytes = tarfile.REGTYPE, link: str = "") -> str:
    """A tar file with one member."""
    path = directory / "bad.tar"
    with tarfile.open(path, "w") as made:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = type, link
        made.addfile(info, io.BytesIO())
    return str(path)


@pytest.mark.parametrize(
    ("member", "text"),
    [
        (("../evil",), "leads out of the sandbox"),
        (("/tmp/evil",), "absolute path"),
        (("link", tarfile.SYMTYPE, "/etc"), "out of the sandbox"),
        (("link", tarfile.LNKTYPE, "/etc/passwd"), "absolute path"),
        (("device", tarfile.BLKTYPE), "device or FIFO"),
    ],
)
async def test_an_archive_that_leads_elsewhere(host: Host, member: tuple[Any, ...], text: str) -> None:
    """X06: nothing of it is unpacked outside, and the sandbox says why."""
    uri = CommandInfo.URI(value=archive(host.directory, *member))
    command = CommandInfo(value="true", uris=(uri,))
    await not_launched(host, "Failed to fetch all URIs for container", command)
    assert text in host.read(f"t{host.count - 1}", "stderr")
    assert not Path("/tmp/evil").exists() and not list(host.agent.work_dir.rglob("evil"))


async def test_a_program_that_is_a_directory(host: Host) -> None:
    """It counts as one that ran and failed, as in Mesos; the sandbox says why."""
    task_id = host.run(CommandInfo(shell=False, value="/etc"))
    end = await host.end(task_id)
    exited = "Container exited with status 126" if host.dockerd is not None else "Command exited with status 1"
    assert (end.state, end.message) == (TaskState.TASK_FAILED, exited)
    assert host.read(task_id, "stderr").rstrip().endswith(("Permission denied", "Operation not permitted"))


# ---- volumes


def of_host(path: str, at: str = "v") -> Volume:
    return Volume(mode=Volume.Mode.RW, container_path=at, host_path=path)


def of_sandbox(path: str, type: Source.SandboxPath.Type = Source.SandboxPath.Type.SELF) -> Volume:
    sandbox_path = Source.SandboxPath(type=type, path=path)
    return Volume(
        mode=Volume.Mode.RW, container_path="v", source=Source(type=Source.Type.SANDBOX_PATH, sandbox_path=sandbox_path)
    )


@needs("volumes")
@pytest.mark.parametrize(
    ("volume", "text"),
    [
        (of_host("/etc", at="../v"), "Path '../v' of a volume leads elsewhere"),
        (of_host("/etc", at="a/../../v"), "Path 'a/../../v' of a volume leads elsewhere"),
        (of_host("/etc/../root"), "Host path '/etc/../root' of a volume leads elsewhere"),
        (of_host("etc"), "Relative host path 'etc' is not supported"),
        (of_host("/no/such/directory"), "Path '/no/such/directory' in HOST_PATH volume does not exist"),
        (of_sandbox("../../.."), "Path '../../..' of a volume leads elsewhere"),
        (of_sandbox("/etc"), "Path '/etc' of a volume leads elsewhere"),
        (of_sandbox("p", Source.SandboxPath.Type.PARENT),
         "PARENT type SANDBOX_PATH is only allowed for nested container"),
    ],
)  # fmt: skip
async def test_volumes_that_lead_elsewhere(host: Host, volume: Volume, text: str) -> None:
    await not_launched(host, text, container={"volumes": (volume,)})


@needs("volumes")
async def test_what_the_agent_does_not_allow(host: Host) -> None:
    """Privileges within what it bounds are given, others are not."""
    info = LinuxInfo(
        effective_capabilities=CapabilityInfo(capabilities=(Capability.SYS_ADMIN,)),
        bounding_capabilities=CapabilityInfo(capabilities=(Capability.CHOWN,)),
    )
    text = "Effective capabilities SYS_ADMIN are not among the bounding ones"
    await not_launched(host, text, container={"linux_info": info})


# ---- images


@needs("image")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("none", "Failed to pull image 'none': "),
        (f"busy@{NO_DIGEST}", f"Failed to pull image 'busy@{NO_DIGEST}': "),
        ("../etc", "Failed to parse docker image '../etc': '..' is not a registry"),
        ("UPPER", "Failed to parse docker image 'UPPER': "),
        ("torn", "Failed to pull image 'torn': "),
    ],
)
async def test_images_that_cannot_be_had(host: Host, name: str, text: str) -> None:
    """``torn`` has a layer that is not what its digest says."""
    place = host.directory / "images"
    if name == "torn" and not (place / "torn").exists():
        layout(place, "torn", layer(file("torn", os.urandom(8))))
        blobs = sorted((place / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        packed = next(path for path in reversed(blobs) if path.read_bytes()[:2] == b"\x1f\x8b")
        packed.write_bytes(packed.read_bytes()[:-1] + b"x")
        (place / "torn").touch()
    await not_launched(host, text, container={"name": name})
    assert await host.said("cat /etc/motd") == "of the image\n"


@needs("image")
async def test_an_image_without_anything_to_run(host: Host) -> None:
    layout(host.directory / "images", "empty", layer(file("data", b"")))
    await not_launched(host, "No executable is found", CommandInfo(shell=False), container={"name": "empty"})


@pytest.mark.parametrize("kind", [kind.param for kind in KINDS if "image" in kind.can])
async def test_a_registry_that_refuses(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A password that is wrong, and a registry that is not there any more; with the right one it is well."""
    directory = host_directory()
    with registry(tmp_path_factory.mktemp("registry")) as made:
        flags = (*kind.flags(directory), f"--docker_registry=http://{made.host}")
        host = Host(attrs.evolve(kind, flags=lambda _: flags), directory)
        try:
            await host.open()
            made.push(directory / "images", IMAGE, "some/busy:1")
            right, wrong = (made.docker_config(password) for password in (PASSWORD, "wrong"))
            name = f"{made.host}/some/busy:1"
            assert (await host.end(host.run("true", container=secretly(name, right)))).state is FINISHED
            assert "unauthorized" in await why_not(host, f"{name}0", secretly(f"{name}0", wrong))
            made.stop()
            assert "connection refused" in await why_not(host, f"{name}0", secretly(f"{name}0", right))
            await until(lambda: not host.left())
        finally:
            await host.close()
            forget(directory)


async def why_not(host: Host, name: str, container: Mapping[str, Any]) -> str:
    end = await host.end(host.run("true", container=container))
    assert (end.state, end.reason) == (TaskState.TASK_FAILED, Reason.REASON_CONTAINER_LAUNCH_FAILED)
    assert end.message is not None
    assert end.message.startswith(f"Failed to launch container: Failed to pull image '{name}': ")
    return end.message


def secretly(name: str, config: str) -> Mapping[str, Any]:
    return {"name": name, "config": Secret(type=Secret.Type.VALUE, value=Secret.Value(data=config.encode()))}


# ---- what is too little


@needs("limits")
async def test_less_than_the_least_is_the_least(host: Host) -> None:
    """Mesos' minimum of memory is 32 MB, the kernel's of shares is 2; the executor's overhead is added before."""
    task_id = host.run("exec sleep 1000", resources=scalars(cpus=0.001, mem=0.001))
    await host.running(task_id)
    (cgroup,) = host.cgroup("memory").glob("*/")
    assert int((cgroup / "memory.limit_in_bytes").read_text()) >= 32 << 20
    (cgroup,) = host.cgroup("cpu").glob("*/")
    assert int((cgroup / "cpu.shares").read_text()) == int(0.101 * 1024)
    host.master.kill(task_id)
    await host.end(task_id)
