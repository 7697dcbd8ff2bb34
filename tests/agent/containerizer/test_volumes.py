"""What is mounted into containers over the host's files, and what nobody gets mounted."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent.containerizer.isolators.volumes import NOT_SHARED
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.secret import Secret
from mesos_py.wire.volume import MountPropagation, Volume
from tests.agent.containerizer.conftest import remove_cgroups
from tests.agent.containerizer.harness import Harness, needs_crun, until

pytestmark = [pytest.mark.root, needs_crun]

Source, Mode = Volume.Source, Volume.Mode
Kind = Volume.Source.SandboxPath.Type


def volumes(*given: Volume) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.MESOS, volumes=given)


def of_host(path: object, at: str, mode: Volume.Mode = Mode.RW, **fields: Any) -> Volume:
    host_path = Source.HostPath(path=str(path), **fields)
    return Volume(mode=mode, container_path=at, source=Source(type=Source.Type.HOST_PATH, host_path=host_path))


def of_sandbox(path: str, at: str, kind: Volume.Source.SandboxPath.Type = Kind.SELF) -> Volume:
    sandbox_path = Source.SandboxPath(type=kind, path=path)
    source = Source(type=Source.Type.SANDBOX_PATH, sandbox_path=sandbox_path)
    return Volume(mode=Mode.RW, container_path=at, source=source)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    made = Harness(tmp_path)
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "file").write_text("of the host\n")
    await made.isolated(
        isolation="filesystem/linux,volume/secret", host_path_volume_force_creation=f"{tmp_path}/forced"
    ).recover()
    yield made
    await made.containerizer.close()
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    remove_cgroups(made)


async def test_directories_and_files_of_the_host(harness: Harness, tmp_path: Path) -> None:
    container = volumes(
        of_host(tmp_path / "host", "a/b"), of_host(tmp_path / "host/file", "one"),
        of_host(tmp_path / "host", "read", Mode.RO), of_host(tmp_path / "forced/new", "new"),
        Volume(mode=Mode.RW, container_path="old", host_path=str(tmp_path / "host")),
    )  # fmt: skip
    script = "cat a/b/file one old/file; echo x >a/b/written; echo x >read/no 2>/dev/null || echo kept; ls new"
    said = await harness.run("c", script, container=container)
    assert said == "of the host\n" * 3 + "kept\n"
    assert (tmp_path / "host/written").read_text() == "x\n"
    assert os.listdir(harness.sandbox("c") / "a/b") == []  # on the host nothing is mounted


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A directory of the host whose mounts go on to those who want them."""
    place = tmp_path / "shared"
    (place / "below").mkdir(parents=True)
    subprocess.run(["mount", "--bind", place, place], check=True)
    try:
        subprocess.run(["mount", "--make-shared", place], check=True)
        yield place
    finally:
        subprocess.run(["umount", "--recursive", place], check=True)


async def test_what_the_host_mounts_later(harness: Harness, shared: Path) -> None:
    """It is in a volume, whether that was asked for or nothing was said (as in Mesos); the reverse is not so."""
    follows = MountPropagation(mode=MountPropagation.Mode.HOST_TO_CONTAINER)
    waits = "mkdir -p v/own; mount -t tmpfs none v/own; touch ready; until [ -e go ]; do sleep 0.01; done"
    given: dict[str, dict[str, Any]] = {"told": {"mount_propagation": follows}, "silent": {}}
    for name, fields in given.items():
        container = volumes(of_host(shared, "v", **fields))
        harness.containerizer.launch(harness.shell(name, f"{waits}; [ -e v/below/later ]", container=container))
        await until((harness.sandbox(name) / "ready").exists)
    subprocess.run(["mount", "-t", "tmpfs", "none", shared / "below"], check=True)
    (shared / "below/later").touch()
    assert f"{shared}/own" not in Path("/proc/self/mountinfo").read_text()
    for name in given:
        (harness.sandbox(name) / "go").touch()
        assert await harness.exited(name) == 0


async def test_an_absolute_mount_point_is_there_or_refused(harness: Harness, tmp_path: Path) -> None:
    assert await harness.run("c", "ls /srv", container=volumes(of_host(tmp_path / "host", "/srv"))) == "file\n"
    harness.containerizer.launch(harness.spec("d", "true", container=volumes(of_host(tmp_path, "/no/such/place"))))
    assert await harness.failed("d") == (
        "Mount point '/no/such/place' is an absolute path. It must exist if the container shares the host filesystem"
    )
    assert not Path("/no").exists()


async def test_sandbox_paths(harness: Harness) -> None:
    """A task's own directory elsewhere, and one of its executor's sandbox that its tasks share."""
    own = volumes(of_sandbox("here", "there"))
    assert await harness.run("c", "echo x >there/f; cat here/f", container=own) == "x\n"
    parent = harness.sandbox("parent")
    for name, script in (("n1", "echo shared >s/f"), ("n2", "cat s/f")):
        spec = harness.shell(
            name, script, container=volumes(of_sandbox("both", "s", Kind.PARENT)), parent_sandbox=str(parent)
        )
        parent.mkdir(parents=True, exist_ok=True)
        harness.containerizer.launch(spec)
        assert await harness.exited(name) == 0
    assert (harness.sandbox("n2") / "stdout").read_text() == "shared\n"


async def test_a_secret_is_a_file_that_goes_with_the_container(harness: Harness, tmp_path: Path) -> None:
    secret = Secret(type=Secret.Type.VALUE, value=Secret.Value(data=b"\0word"))
    source = Source(type=Source.Type.SECRET, secret=secret)
    container = volumes(Volume(mode=Mode.RW, container_path="secret", source=source))
    script = "od -An -c secret; stat -c %a:%u secret; echo x 2>/dev/null >secret || echo kept"
    said = await harness.run("c", script, container=container, user="nobody")
    assert said.split() == ["\\0", "w", "o", "r", "d", "400:65534", "kept"]
    assert (harness.sandbox("c") / "secret").read_bytes() == b""


@pytest.mark.parametrize(
    ("volume", "text"),
    [
        (of_host("/etc", "../../up"), "Path '../../up' of a volume leads elsewhere"),
        (of_host("/etc/../root", "v"), "Host path '/etc/../root' of a volume leads elsewhere"),
        (of_host("etc", "v"), "Relative host path 'etc' is not supported"),
        (of_host("/no/such", "v"),
         "Path '/no/such' in HOST_PATH volume does not exist and is not whitelisted for creation"),
        (of_host("/etc", "v", mount_propagation=MountPropagation(mode=MountPropagation.Mode.BIDIRECTIONAL)),
         f"{NOT_SHARED} '/etc' because only containers with an image can have it"),
        (of_sandbox("../other", "v"), "Path '../other' of a volume leads elsewhere"),
        (of_sandbox("/etc", "v"), "Path '/etc' of a volume leads elsewhere"),
        (of_sandbox("x", "v", Kind.PARENT), "PARENT type SANDBOX_PATH is only allowed for nested container"),
        (Volume(mode=Mode.RW, container_path="v"), "Volume 'v': no isolator here knows its source (none)"),
        (Volume(mode=Mode.RW, container_path="v", source=Source(type=Source.Type.DOCKER_VOLUME)),
         "Volume 'v': no isolator here knows its source (DOCKER_VOLUME)"),
    ],
)  # fmt: skip
async def test_what_is_refused(harness: Harness, volume: Volume, text: str) -> None:
    harness.containerizer.launch(harness.spec("c", "true", container=volumes(volume)))
    assert await harness.failed("c") == text


@pytest.mark.parametrize("at", ["link", "link/below", "directory/link"])
async def test_links_in_a_sandbox_lead_nowhere(harness: Harness, tmp_path: Path, at: str) -> None:
    """Whoever could put them there would have the agent make directories wherever he likes."""
    sandbox = harness.sandbox("c")
    (sandbox / "directory").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (sandbox / "link").symlink_to(tmp_path / "outside")
    (sandbox / "directory" / "link").symlink_to(tmp_path / "outside")
    harness.containerizer.launch(harness.spec("c", "true", container=volumes(of_host(tmp_path / "host", at))))
    assert (await harness.failed("c")).startswith(f"Path '{at}' of a volume leads elsewhere or cannot be made: ")
    assert os.listdir(tmp_path / "outside") == []
