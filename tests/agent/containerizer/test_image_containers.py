"""Containers from images, without a daemon: what they run, what they see, and nothing left of their roots."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from mesos_py.agent.events import ContainerLaunched
from mesos_py.agent.provisioner.provisioner import Provisioner, ProvisionerSettings
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.image import Image
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.schema import evolve
from mesos_py.wire.volume import MountPropagation, Volume
from tests.agent.containerizer.conftest import CONFINED, remove_cgroups
from tests.agent.containerizer.harness import Harness, needs_crun, until
from tests.agent.containerizer.netting import Bridge, needs_networks
from tests.agent.containerizer.test_volumes import of_host, shared
from tests.agent.provisioner.conftest import LIMITS
from tests.agent.provisioner.images import busybox, file, layer, layout
from tests.agent.provisioner.registry import IMAGES

__all__ = ["shared"]

pytestmark = [pytest.mark.root, needs_crun, *IMAGES]

ISOLATION = f"{CONFINED},filesystem/linux,docker/runtime,namespaces/pid,namespaces/ipc"


def image(name: str) -> ContainerInfo:
    found = Image(type=Image.Type.DOCKER, docker=Image.Docker(name=name))
    return ContainerInfo(type=ContainerInfo.Type.MESOS, mesos=ContainerInfo.MesosInfo(image=found))


def roots(place: Path) -> list[str]:
    return [one.mountpoint for one in psutil.disk_partitions(all=True) if one.mountpoint.startswith(f"{place}/")]


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout with an image of busybox that prints where it is, and one that has nothing to run."""
    place = tmp_path_factory.mktemp("images")
    config = {"Entrypoint": ["/bin/sh", "-c"], "Cmd": ["pwd; cat /etc/motd; echo $A"], "Env": ["A=image", "PATH=/bin"],
              "WorkingDir": "/tmp"}  # fmt: skip
    busybox(place, "busy", **config)
    layout(place, "empty", layer(file("data", b"volume\n")))
    return place


async def opened(place: Path, images: Path, **flags: object) -> tuple[Harness, Provisioner]:
    """An agent's containers and images, not recovered yet."""
    made = Harness(place)
    provisioner = Provisioner(
        ProvisionerSettings(
            work_dir=str(made.work), store_dir=str(place / "store"), registry=str(images), limits=LIMITS
        )
    )
    made.work.mkdir(exist_ok=True)
    await provisioner.open()
    made.isolated(isolation=ISOLATION, image_providers="docker", provisioner=provisioner, **flags)
    return made, provisioner


@pytest.fixture
async def harness(tmp_path: Path, images: Path) -> AsyncIterator[Harness]:
    made, provisioner = await opened(tmp_path, images)
    await made.containerizer.recover()
    await provisioner.recover(())
    yield made
    await made.containerizer.close()
    assert roots(tmp_path) == []
    assert os.listdir(made.work / "provisioner/containers") == []
    await provisioner.close()
    remove_cgroups(made)


async def said(harness: Harness, command: CommandInfo, **fields: object) -> str:
    asked: dict[str, object] = {"env": {}, "container": image("busy")} | fields
    harness.containerizer.launch(harness.spec("c", "/bin/sh", command=command, **asked))
    assert await harness.exited("c") == 0, (harness.sandbox("c") / "stderr").read_text()
    return (harness.sandbox("c") / "stdout").read_text()


async def test_an_image_runs_as_it_says(harness: Harness) -> None:
    assert await said(harness, CommandInfo(shell=False)) == "/tmp\nof the image\nimage\n"


async def test_a_tasks_command_and_environment_go_before_the_images(harness: Harness) -> None:
    command = CommandInfo(value="echo $A; echo $PATH; echo $MESOS_SANDBOX")
    lines = (await said(harness, command, env={"A": "task", "MESOS_SANDBOX": "/elsewhere"})).splitlines()
    assert lines == ["task", "/bin", "/mnt/mesos/sandbox"]


async def test_the_sandbox_is_where_images_expect_it(harness: Harness) -> None:
    await said(harness, CommandInfo(value="echo x >/mnt/mesos/sandbox/f; echo y >/gone; ls /; cat /etc/resolv.conf"))
    assert (harness.sandbox("c") / "f").read_text() == "x\n"


async def test_a_container_changes_its_own_root_only(harness: Harness, tmp_path: Path) -> None:
    assert await said(harness, CommandInfo(value="echo changed >/etc/motd; cat /etc/motd")) == "changed\n"
    harness.containerizer.launch(
        harness.spec("d", "/bin/sh", container=image("busy"), command=CommandInfo(value="cat /etc/motd"), env={})
    )
    assert await harness.exited("d") == 0
    assert (harness.sandbox("d") / "stdout").read_text() == "of the image\n"
    await until(lambda: roots(tmp_path) == [])


async def test_another_user(harness: Harness) -> None:
    assert "uid=65534" in await said(harness, CommandInfo(value="id; touch /mnt/mesos/sandbox/f"), user="nobody")


async def test_an_image_as_a_volume(harness: Harness) -> None:
    source = Image(type=Image.Type.DOCKER, docker=Image.Docker(name="empty"))
    volume = Volume(mode=Volume.Mode.RO, container_path="/data", image=source)
    container = ContainerInfo(type=ContainerInfo.Type.MESOS, mesos=image("busy").mesos, volumes=(volume,))
    script = CommandInfo(value="cat /data/data; echo x 2>/dev/null >/data/x || echo kept")
    assert await said(harness, script, container=container) == "volume\nkept\n"


async def test_the_host_sees_what_is_mounted_in_a_volume_that_says_so(harness: Harness, shared: Path) -> None:
    """1 both ways; 2 nothing else of the container is seen; 3 another directory is under no shared mount."""
    both = MountPropagation(mode=MountPropagation.Mode.BIDIRECTIONAL)
    container = evolve(image("busy"), volumes=(of_host(shared, "v", mount_propagation=both),))
    waits = "touch v/own/file ready; until [ -e v/below/later ]; do sleep 0.02; done"
    command = CommandInfo(value=f"cd $MESOS_SANDBOX && mkdir v/own && mount -t tmpfs none v/own && {waits}")
    before = Path("/proc/self/mountinfo").read_text().splitlines()
    harness.containerizer.launch(harness.spec("c", "true", command=command, container=container))
    await until((harness.sandbox("c") / "ready").exists)
    assert (shared / "own/file").exists()
    after = Path("/proc/self/mountinfo").read_text().splitlines()
    more = [line.split()[4] for line in after if line not in before and f"{harness.directory}/" in line]
    assert more == [*[root for root in more if root.startswith(f"{harness.work}/provisioner")], f"{shared}/own"]
    subprocess.run(["mount", "-t", "tmpfs", "none", shared / "below"], check=True)
    (shared / "below/later").touch()
    assert await harness.exited("c") == 0
    no = evolve(image("busy"), volumes=(of_host(harness.directory, "v", mount_propagation=both),))
    harness.containerizer.launch(harness.spec("d", "true", command=CommandInfo(value="true"), container=no))
    assert await harness.failed("d") == (
        f"Cannot setup bidirectional mount propagation for host path '{harness.directory}' because it is not under a "
        "shared mount"
    )


async def test_a_command_beside_it_is_in_the_same_root(harness: Harness) -> None:
    command = CommandInfo(value="echo mine >/mine; exec sleep 1000")
    harness.containerizer.launch(harness.spec("c", "/bin/sh", container=image("busy"), command=command, env={}))
    await harness.launched("c")
    beside = harness.spec("c", "/bin/sh", "-c", "until [ -e /mine ]; do :; done; cat /etc/motd /mine; echo $A", env={})
    assert await harness.containerizer.run_beside(beside) == 0
    assert (harness.sandbox("c") / "stderr").read_text() == "of the image\nmine\nimage\n"


@pytest.mark.parametrize(
    ("name", "command", "text"),
    [
        ("none", CommandInfo(value="true"), "Failed to pull image 'none': "),
        ("A", CommandInfo(value="true"), "Failed to parse docker image 'A': "),
        ("busy", CommandInfo(shell=True), "Shell specified but no command value provided"),
        ("empty", CommandInfo(shell=False), "No executable is found"),
    ],
)
async def test_what_cannot_run(harness: Harness, tmp_path: Path, name: str, command: CommandInfo, text: str) -> None:
    harness.containerizer.launch(harness.spec("c", "/bin/sh", container=image(name), command=command, env={}))
    assert (await harness.failed("c")).startswith(text)
    await until(lambda: roots(tmp_path) == [])


async def test_destroyed_while_its_image_is_pulled(harness: Harness, tmp_path: Path) -> None:
    harness.containerizer.launch(
        harness.spec("c", "/bin/sh", container=image("busy"), command=CommandInfo(value="sleep 1000"), env={})
    )
    await until((tmp_path / "store").exists)
    harness.containerizer.destroy("c")
    assert await harness.exited("c") == signal.SIGKILL
    assert harness.of("c") == ["ContainerExited"]
    await until(lambda: roots(tmp_path) == [])


async def test_json_of_a_bundle_has_no_path_of_the_host_but_those_mounted(harness: Harness, tmp_path: Path) -> None:
    """X20: a container from an image sees nothing of the work directory but its own sandbox."""
    command = CommandInfo(value="exec sleep 1000")
    harness.containerizer.launch(harness.spec("c", "/bin/sh", container=image("busy"), command=command, env={}))
    await harness.launched("c")
    (bundle,) = (tmp_path / "run").glob("crun-*/bundles/c/config.json")
    mounts = json.loads(bundle.read_text())["mounts"]
    sources = [one["source"] for one in mounts if one["source"].startswith(str(tmp_path))]
    assert sources == [str(harness.sandbox("c"))]


async def test_they_outlive_their_agent_with_their_roots(tmp_path: Path, images: Path) -> None:
    """1 two run; 2 the agent goes, one ends meanwhile; 3 the next one finds the other in its root; 4 all is gone."""
    first, provisioner = await opened(tmp_path, images)
    await first.containerizer.recover()
    await provisioner.recover(())
    waits = "until [ -e /mnt/mesos/sandbox/go ]; do :; done; cat /etc/motd; exit 6"
    for name in ("stays", "leaves"):
        spec = first.spec(name, "/bin/sh", container=image("busy"), command=CommandInfo(value=waits), env={})
        first.containerizer.launch(spec)
        await first.launched(name)
    await first.containerizer.close(keep=True)
    await provisioner.close(keep=True)
    (first.sandbox("leaves") / "go").touch()

    second, provisioner = await opened(tmp_path, images)
    known = await second.containerizer.recover(("stays", "leaves"))
    await provisioner.recover([one.container_id for one in known])
    assert await second.exited("leaves") == 6 << 8
    (second.sandbox("stays") / "go").touch()
    assert await second.exited("stays") == 6 << 8
    assert (second.sandbox("stays") / "stdout").read_text() == "of the image\n"
    await until(lambda: roots(tmp_path) == [])
    await second.containerizer.close()
    await provisioner.close()
    assert second.cgroups() == []
    remove_cgroups(second)


@needs_networks
async def test_an_image_in_a_network(tmp_path: Path, images: Path) -> None:
    """It has its own links, name, hosts and name servers, and may change none of these files."""
    bridge = Bridge(tmp_path)
    bridge.describe("net", dns={"nameservers": ["192.0.2.1"]})
    made, provisioner = await opened(tmp_path, images, **bridge.flags())
    try:
        await made.containerizer.recover()
        await provisioner.recover(())
        container = evolve(image("busy"), network_infos=(NetworkInfo(name="net"),), hostname="web")
        names = "hostname; cat /etc/hostname /etc/resolv.conf; grep web /etc/hosts"
        look = f"{names}; ls /sys/class/net /sys/fs/cgroup/pids"
        command = CommandInfo(value=f"{look} | head -4; ! echo x 2>&- >/etc/hosts")
        lines = (await said(made, command, container=container)).splitlines()
        launched = made.events[0]
        assert isinstance(launched, ContainerLaunched)
        address = launched.network_infos[0].ip_addresses[0].ip_address
        assert lines[:4] == ["web", "web", "nameserver 192.0.2.1", f"{address} web"]
        assert lines[4:8] == ["/sys/class/net:", "eth0", "lo", ""]
    finally:
        await made.containerizer.close()
        await provisioner.close()
        left = [*bridge.remains(), *roots(tmp_path)]
        bridge.remove()
    remove_cgroups(made)
    assert left == []
