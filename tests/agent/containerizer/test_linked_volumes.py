"""Parts of sandboxes in containers that see the host's files as they are: symbolic links that lead nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import attrs
import pytest

from mesos_py.agent import specs
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.isolation import parse_isolation
from mesos_py.agent.containerizer.runtime.places import Sandboxes
from mesos_py.agent.options import AgentOptions
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.volume import Volume

Source = Volume.Source
Type = Source.SandboxPath.Type


def shown(
    path: str = "shared", at: str = "data", of: Type = Type.PARENT, mode: Volume.Mode = Volume.Mode.RW
) -> Volume:
    source = Source(type=Source.Type.SANDBOX_PATH, sandbox_path=Source.SandboxPath(type=of, path=path))
    return Volume(container_path=at, mode=mode, source=source)


def container(root: Path, name: str, *volumes: Volume, nested: bool = True) -> ContainerSpec:
    return ContainerSpec(
        container_id=name, sandbox=str(root / "executor/containers" / name), argv=("true",), executable="true", env={},
        container=ContainerInfo(type=ContainerInfo.Type.MESOS, volumes=volumes),
        parent_sandbox=str(root / "executor") if nested else None,
    )  # fmt: skip


@pytest.fixture
def sandboxes(tmp_path: Path) -> Sandboxes:
    (tmp_path / "executor").mkdir()
    return Sandboxes(str(tmp_path))


def test_what_one_task_of_a_pod_writes_the_other_reads(sandboxes: Sandboxes, tmp_path: Path) -> None:
    one = container(tmp_path, "one", shown(), shown("mine", "deep/er", of=Type.SELF))
    other = container(tmp_path, "other", shown(at="from/one"))
    assert (sandboxes.link(one), sandboxes.link(other)) == (None, None)
    Path(one.sandbox, "data", "file").write_text("hello")
    assert Path(other.sandbox, "from/one/file").read_text() == "hello"
    assert os.readlink(f"{one.sandbox}/deep/er") == f"{one.sandbox}/mine"


@pytest.mark.parametrize(
    ("volume", "nested", "text"),
    [
        (shown(at="/data"), True, "Path '/data' of a volume is not in the sandbox"),
        (shown(at="../data"), True, "Path '../data' of a volume is not in the sandbox"),
        (shown("../other"), True, "Path '../other' of a volume leads elsewhere"),
        (shown(), False, "PARENT type SANDBOX_PATH is only allowed for nested container"),
        (shown(mode=Volume.Mode.RO), True,
         "Volume 'data' is read-only, which needs the 'filesystem/linux' isolator"),
    ],
)  # fmt: skip
def test_what_is_refused(sandboxes: Sandboxes, tmp_path: Path, volume: Volume, nested: bool, text: str) -> None:
    assert sandboxes.link(container(tmp_path, "one", volume, nested=nested)) == text


def test_nobody_of_that_name(sandboxes: Sandboxes, tmp_path: Path) -> None:
    said = sandboxes.link(attrs.evolve(container(tmp_path, "one", shown()), user="no-such-user"))
    assert said is not None and "no-such-user" in said


def test_a_link_that_a_sibling_has_put_there_is_not_followed(sandboxes: Sandboxes, tmp_path: Path) -> None:
    (tmp_path / "executor/shared").symlink_to("/etc")
    said = sandboxes.link(container(tmp_path, "one", shown("shared/mesos-py")))
    assert said == "Path 'shared/mesos-py' of a volume leads elsewhere or cannot be made: Not a directory"
    assert not os.path.exists("/etc/mesos-py")


def test_only_agents_that_are_told_to_take_them() -> None:
    wanted = ContainerInfo(type=ContainerInfo.Type.MESOS, volumes=(shown(),))
    of_host = Volume(container_path="x", host_path="/", mode=Volume.Mode.RW)
    others = ContainerInfo(type=ContainerInfo.Type.MESOS, volumes=(shown(), of_host))
    refusal = "Volumes in ContainerInfo is not supported"

    def said(isolation: str, container: ContainerInfo) -> str | None:
        options = AgentOptions(master="m:1", work_dir="/w", isolation=isolation)
        return specs.unsupported(options, container, None)

    assert parse_isolation("volume/sandbox_path") == ("filesystem/posix", "volume/sandbox_path", "environment_secret")
    assert said("posix/cpu", wanted) == refusal
    assert said("volume/sandbox_path", wanted) is None
    assert said("volume/sandbox_path", others) == refusal
