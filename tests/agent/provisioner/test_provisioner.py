"""Roots of containers over real images: who sees what, and that nothing is left of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from mesos_py.agent.provisioner import runtime
from mesos_py.agent.provisioner.provisioner import Provisioned, Provisioner, ProvisionError, ProvisionerSettings
from mesos_py.agent.provisioner.runtime import Runtime
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.flags import ImageGcConfig
from mesos_py.wire.image import Image
from mesos_py.wire.secret import Secret
from mesos_py.wire.value import DurationInfo
from tests.agent.provisioner.conftest import LIMITS, PUSHED
from tests.agent.provisioner.images import directory, file, layer, layout
from tests.agent.provisioner.registry import IMAGES, Registry

pytestmark = IMAGES

BASE = layer(directory("", mode=0o751, uid=7, gid=8), directory("etc"), file("etc/motd", b"image"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A layout with images ``a`` and ``b``."""
    layout(tmp_path / "images", "a", BASE, Entrypoint=["/a"], Env=["A=b"])
    layout(tmp_path / "images", "b", BASE, layer(file("etc/motd", b"other")))
    return tmp_path / "images"


def settings(place: Path, **given: Any) -> ProvisionerSettings:
    root = place.parent
    return ProvisionerSettings(**{
        "work_dir": str(root / "work"), "store_dir": str(root / "store"), "registry": str(place), "limits": LIMITS,
    } | given)  # fmt: skip


@asynccontextmanager
async def provisioning(
    place: Path, known: tuple[str, ...] = (), *, keep: bool = False, **given: Any
) -> AsyncIterator[Provisioner]:
    made = Provisioner(settings(place, **given))
    await made.open()
    await made.recover(known)
    try:
        yield made
    finally:
        await made.close(keep=keep)


def image(name: str = "a", **fields: Any) -> Image:
    return Image(type=Image.Type.DOCKER, docker=Image.Docker(name=name, **fields))


def mounts(place: Path) -> list[str]:
    below = str(place.parent)
    return [one.mountpoint for one in psutil.disk_partitions(all=True) if one.mountpoint.startswith(below)]


def stored(place: Path) -> int:
    return len(os.listdir(place.parent / "store/images"))


def motd(made: Provisioned) -> Path:
    return Path(made.rootfs, "etc/motd")


@pytest.mark.parametrize("backend", ["overlay", "copy"])
async def test_a_root_of_ones_own(place: Path, backend: str) -> None:
    """What one container writes nobody else sees; when it is destroyed nothing of it is left, and the image is."""
    async with provisioning(place, backend=backend) as provisioner:
        one = await provisioner.provision("one", image())
        two = await provisioner.provision("two", image())
        assert one.config.entrypoint == ("/a",)
        assert one.config.env == {"A": "b"}
        assert one.rootfs.startswith(f"{place.parent}/work/provisioner/containers/one/backends/{backend}/rootfses/")
        motd(one).write_text("one")
        Path(one.rootfs, "new").mkdir()
        assert motd(two).read_text() == "image"
        assert os.listdir(two.rootfs) == ["etc"]
        root = os.stat(one.rootfs)
        assert (stat.S_IMODE(root.st_mode), root.st_uid, root.st_gid) == (0o751, 7, 8)
        assert len(mounts(place)) == (2 if backend == "overlay" else 0)
        await provisioner.destroy("one")
        assert not os.path.exists(one.rootfs)
        assert motd(two).read_text() == "image"
        assert motd(await provisioner.provision("one", image())).read_text() == "image"
    assert mounts(place) == []
    assert os.listdir(place.parent / "work/provisioner/containers") == []
    assert stored(place) == 1


async def test_a_program_of_an_image(place: Path) -> None:
    """An image as people make them: it runs in its root, and what it writes is there."""
    made, tree = place.parent / "umoci", place.parent / "tree"
    (tree / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin/sh")
    for command in (
        f"init --layout {made}", f"new --image {made}:busy", f"insert --image {made}:busy {tree} /",
        f"config --image {made}:busy --config.entrypoint /bin/sh --config.cmd -c --config.cmd pwd",
    ):  # fmt: skip
        subprocess.run(["umoci", *command.split(" ")], check=True)
    async with provisioning(place, registry=str(made)) as provisioner:
        one = await provisioner.provision("c", image("busy"))
        merged = runtime.merge(CommandInfo(shell=False), {}, one.config)
        assert isinstance(merged, Runtime)
        assert merged.argv == ("/bin/sh", "-c", "pwd")
        script = [*merged.argv[:2], "pwd > /where; echo $0"]
        said = subprocess.run(["chroot", one.rootfs, *script], check=True, capture_output=True, text=True)
        assert (said.stdout, Path(one.rootfs, "where").read_text()) == ("/bin/sh\n", "/\n")


async def test_several_images_of_one_container(place: Path) -> None:
    """Its root and a volume, say; they go together."""
    async with provisioning(place) as provisioner:
        root, volume = await provisioner.provision("c", image("a")), await provisioner.provision("c", image("b"))
        assert (motd(root).read_text(), motd(volume).read_text()) == ("image", "other")
        await provisioner.destroy("c")
        assert mounts(place) == []
        await provisioner.destroy("c")
        await provisioner.destroy("nobody")
        assert provisioner.remove_errors == 0


async def test_many_at_once(place: Path) -> None:
    """One pull, a root each, and none is left."""
    names = [f"c{number}" for number in range(40)]
    async with provisioning(place) as provisioner:
        made = await asyncio.gather(*[provisioner.provision(name, image()) for name in names])
        assert len({one.rootfs for one in made}) == len(mounts(place)) == len(names)
        await asyncio.gather(*[provisioner.destroy(name) for name in (*names, *names)])
        assert mounts(place) == []
        assert provisioner.remove_errors == 0


async def test_a_root_that_is_looked_at(place: Path) -> None:
    """A forgotten shell or a mount inside keeps nobody from removing it."""
    async with provisioning(place) as provisioner:
        made = await provisioner.provision("c", image())
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", f"{made.rootfs}/etc"], check=True)
        shell = subprocess.Popen(["sleep", "1000"], cwd=f"{made.rootfs}/etc")
        try:
            await provisioner.destroy("c")
        finally:
            shell.kill()
            shell.wait()
        assert mounts(place) == []
        assert os.listdir(place.parent / "work/provisioner/containers") == []


async def test_what_a_dead_agent_left(place: Path) -> None:
    """Roots of containers that run stay as they are and keep their image; all others are unmounted and removed."""
    async with provisioning(place, keep=True) as provisioner:
        runs = await provisioner.provision("runs", image("a"))
        motd(runs).write_text("written")
        gone = await provisioner.provision("gone", image("b"))
        os.makedirs(f"{place.parent}/work/provisioner/probe-1/backends")
        os.makedirs(f"{place.parent}/work/provisioner/containers/half/backends/overlay/scratch/1/workdir")
    assert len(mounts(place)) == 2
    async with provisioning(place, ("runs", "without-image")) as provisioner:
        assert mounts(place) == [runs.rootfs]
        assert motd(runs).read_text() == "written"
        assert not os.path.exists(gone.rootfs)
        assert os.listdir(place.parent / "work/provisioner") == ["containers"]
        assert os.listdir(place.parent / "work/provisioner/containers") == ["runs"]
        await provisioner.prune()
        assert stored(place) == 1
        assert motd(runs).read_text() == "written"
        await provisioner.destroy("runs")
        await provisioner.prune()
        assert stored(place) == 0
    assert mounts(place) == []


async def test_pruning(place: Path) -> None:
    """Images in use and excluded ones stay; what --image_gc_config excludes counts when the call excludes nothing."""
    config = ImageGcConfig(
        image_disk_headroom=0.0, image_disk_watch_interval=DurationInfo(nanoseconds=1), excluded_images=(image("b"),)
    )
    async with provisioning(place, gc=config) as provisioner:
        for name in ("a", "b"):
            await provisioner.provision(name, image(name))
            await provisioner.destroy(name)
        used = await provisioner.provision("c", image("a"))
        await provisioner.prune([image("a")])
        assert stored(place) == 1
        await provisioner.provision("d", image("b"))
        await provisioner.destroy("d")
        await provisioner.prune()
        assert stored(place) == 2
        await provisioner.destroy("c")
        await provisioner.prune()
        assert stored(place) == 1
        with pytest.raises(ProvisionError, match=r"Failed to parse docker image '\.\./x'"):
            await provisioner.prune([image("../x")])
        assert not os.path.exists(used.rootfs)


@pytest.mark.parametrize(("headroom", "left"), [(1.0, 0), (0.0, 1)])
async def test_a_disk_that_fills(place: Path, headroom: float, left: int) -> None:
    """Unused images go when less than the headroom is free, and only then."""
    config = ImageGcConfig(image_disk_headroom=headroom, image_disk_watch_interval=DurationInfo(nanoseconds=10**15))
    async with provisioning(place, gc=config) as provisioner:
        await provisioner.provision("c", image())
        await provisioner.destroy("c")
        assert stored(place) == 1
        watching = asyncio.create_task(provisioner.watch_disk())
        await asyncio.sleep(0)  # it has looked now
        async with asyncio.timeout(60):
            while stored(place) != left:
                await asyncio.sleep(0.001)
        assert not watching.done()
        watching.cancel()
        await asyncio.wait({watching})


async def test_private_images(place: Path, registry: Registry) -> None:
    """The agent's docker config, or that of the image, opens the registry."""
    host = f"http://{registry.host}"
    async with provisioning(place, registry=host, docker_config=registry.docker_config()) as provisioner:
        assert motd(await provisioner.provision("c", image(PUSHED))).read_text() == "pushed"
        await provisioner.destroy("c")
        await provisioner.prune()
    secret = Secret(type=Secret.Type.VALUE, value=Secret.Value(data=registry.docker_config().encode()))
    async with provisioning(place, registry=host) as provisioner:
        with pytest.raises(ProvisionError, match="unauthorized"):
            await provisioner.provision("c", image(PUSHED))
        assert motd(await provisioner.provision("d", image(PUSHED, config=secret))).read_text() == "pushed"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (image("../etc"), "Failed to parse docker image '../etc': '..' is not a registry"),
        (image("oci:/etc:a"), "Failed to parse docker image 'oci:/etc:a': "),
        (image("nothing"), "Failed to pull image 'nothing': no descriptor found for reference \"nothing\""),
        (image("a", config=Secret(type=Secret.Type.REFERENCE, reference=Secret.Reference(name="x"))),
         "Failed to pull image 'a': Default resolver cannot resolve references"),
        (Image(type=Image.Type.DOCKER), "Failed to parse docker image '': "),
        (Image(type=Image.Type.APPC, appc=Image.Appc(name="a")), "Unsupported container image type: APPC"),
    ],
)  # fmt: skip
async def test_refusals(place: Path, wanted: Image, text: str) -> None:
    """One sentence; what is there afterwards goes with the container."""
    async with provisioning(place) as provisioner:
        with pytest.raises(ProvisionError) as caught:
            await provisioner.provision("c", wanted)
        assert str(caught.value).startswith(text)
        with pytest.raises(ProvisionError, match="is no container's id"):
            await provisioner.provision("../c", image())
        await provisioner.destroy("c")
        assert os.listdir(place.parent / "work/provisioner/containers") == []


async def test_an_agent_that_ends_while_it_pulls(place: Path) -> None:
    """Whoever waits hears it, and is not taken for cancelled."""
    async with provisioning(place) as provisioner:
        asked = asyncio.create_task(provisioner.provision("c", image()))
        await asyncio.sleep(0)
        await provisioner.close()
        with pytest.raises(ProvisionError, match=r"^Failed to pull image 'a': the agent ends$"):
            await asked


async def test_where_there_is_no_overlay(place: Path) -> None:
    """An overlay lies over no overlay: images are copied, unless the operator insists."""
    work = place.parent / "work"
    for name in ("lower", "upper", "scratch", "work"):
        (place.parent / name).mkdir()
    subprocess.run(["mount", "-t", "overlay", "-o", "lowerdir=lower,upperdir=upper,workdir=scratch", "overlay", "work"],
                   cwd=place.parent, check=True)  # fmt: skip
    try:
        async with provisioning(place) as provisioner:
            made = await provisioner.provision("c", image())
            assert "/backends/copy/" in made.rootfs
            motd(made).write_text("written")
            assert motd(await provisioner.provision("d", image())).read_text() == "image"
        refusing = Provisioner(settings(place, backend="overlay"))
        with pytest.raises(ValueError, match="The specified provisioner backend 'overlay' is not supported: "):
            await refusing.open()
        await refusing.close()
        assert mounts(place) == [str(work)]
    finally:
        subprocess.run(["umount", "--lazy", work], check=True)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"registry": "hdfs://x"}, "expecting https://HOST"),
        ({"registry": "/no/such/directory"}, "--docker_registry: there is no directory '/no/such/directory'"),
        ({"docker_config": "x"}, "a docker config is a JSON object"),
        ({"store_dir": "{tmp}/a:b"}, "skopeo takes no path with a colon"),
        ({"gc": ImageGcConfig(image_disk_headroom=0.1, image_disk_watch_interval=DurationInfo(nanoseconds=1),
                              excluded_images=(image("A"),))}, "--image_gc_config: Failed to parse docker image 'A'"),
    ],
)  # fmt: skip
async def test_settings_that_make_no_sense(place: Path, given: dict[str, Any], text: str) -> None:
    given = {name: value.replace("{tmp}", str(place.parent)) if isinstance(value, str) else value
             for name, value in given.items()}  # fmt: skip
    refusing = Provisioner(settings(place, **given))
    with pytest.raises(ValueError, match=text.replace("(", "[(]")):
        await refusing.open()
    await refusing.close()


@pytest.mark.parametrize(
    ("before", "path", "text"),
    [
        ("os.setuid(65534)", os.environ["PATH"], "--image_providers needs root"),
        ("", "/no/such/directory", "--image_providers needs skopeo (apt-get install skopeo)"),
    ],
)
def test_what_is_needed(before: str, path: str, text: str) -> None:
    """Told at the start and not by the first task."""
    program = f"""
import asyncio, os
from mesos_py.agent.provisioner.provisioner import Provisioner, ProvisionerSettings
{before}
try:
    asyncio.run(Provisioner(ProvisionerSettings(work_dir="/x", store_dir="/x", registry="/x")).open())
except ValueError as error:
    print(error)
"""
    env = {"PATH": path, "PYTHONPATH": os.getcwd()}
    said = subprocess.run([sys.executable, "-c", program], env=env, check=True, capture_output=True, text=True)
    assert said.stdout == f"{text}\n"
