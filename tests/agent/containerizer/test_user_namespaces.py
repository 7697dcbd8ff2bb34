"""namespaces/user: root of a container is nobody on the host, and what is the task's is still its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mesos_py.agent.containerizer.runtime.runtime import RuntimeUnavailable
from mesos_py.agent.events import ContainerLaunched
from mesos_py.agent.mapped_ids import DEFAULT, MappedIds, parse
from mesos_py.agent.provisioner.provisioner import Provisioner, ProvisionerSettings
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.image import Image
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.secret import Secret
from mesos_py.wire.volume import Volume
from tests.agent.containerizer.conftest import CONFINED, remove_cgroups
from tests.agent.containerizer.harness import Harness, needs_crun, until
from tests.agent.containerizer.netting import Bridge, fetched, needs_networks
from tests.agent.containerizer.test_isolated_lines import join
from tests.agent.containerizer.test_lines import TERMINAL, attached, everything
from tests.agent.containerizer.test_namespaces import mounts
from tests.agent.containerizer.test_persistent import volume as persistent
from tests.agent.provisioner.conftest import LIMITS
from tests.agent.provisioner.images import busybox
from tests.agent.provisioner.registry import IMAGES

ISOLATION = f"{CONFINED},filesystem/linux,namespaces/pid,namespaces/ipc,namespaces/user,volume/secret"
ROOT, NOBODY = DEFAULT.on_host(0), DEFAULT.on_host(65534)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("100000", "expecting FIRST-LAST"),
        ("0-65535", "root of the host is for no container"),
        ("100000-165534", "expecting at least 65536 ids"),
        ("4294901759-4294967295", "expecting at least 65536 ids up to 4294967294"),
    ],
)
def test_ids_that_cannot_be(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(text)


def test_ids() -> None:
    ids = parse("100000-165535")
    assert ids == MappedIds(100_000, 65_536)
    assert str(ids) == "100000-165535"
    assert ids.has(0, 65_535) and not ids.has(0, 65_536)
    assert ids.on_host(7) == 100_007


@pytest.fixture
def place() -> Iterator[Path]:
    """Nobody comes through pytest's own directories."""
    made = Path(tempfile.mkdtemp(prefix="mesos-py-user-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
async def own(place: Path) -> AsyncIterator[Harness]:
    before = mounts()
    harness = Harness(place)
    await harness.isolated(isolation=ISOLATION).recover()
    yield harness
    await harness.containerizer.close()
    assert mounts() == before
    assert harness.cgroups() == []
    remove_cgroups(harness)


def owner(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_uid, status.st_gid


@pytest.mark.root
@needs_crun
async def test_root_is_nobody_on_the_host(own: Harness, place: Path) -> None:
    """1 it is root within; 2 what root of the host alone may do or read is not its; 3 what it makes is its own."""
    (place / "mine").touch(0o600)
    look = f"id -u; cat {place}/mine || echo closed; echo x >/proc/sys/kernel/hostname || echo kept; touch file"
    assert (await own.run("c", look)).split() == ["0", "closed", "kept"]
    assert owner(own.sandbox("c")) == owner(own.sandbox("c") / "file") == (ROOT, ROOT)
    assert owner(own.sandbox("c") / "stdout") == (ROOT, ROOT)


@pytest.mark.root
@needs_crun
async def test_another_user_with_a_secret_and_a_volume(own: Harness) -> None:
    """Everything of the task is its user's, who has no capabilities, within as on the host."""
    secret = Secret(type=Secret.Type.VALUE, value=Secret.Value(data=b"word"))
    source = Volume.Source(type=Volume.Source.Type.SECRET, secret=secret)
    volume = Volume(mode=Volume.Mode.RO, container_path="secret", source=source)
    container = ContainerInfo(type=ContainerInfo.Type.MESOS, volumes=(volume,))
    script = "id -u; id -G; cat secret; stat -c :%u . secret kept; echo x >kept/file; grep CapEff /proc/self/status"
    resources = (persistent(path="kept"),)
    said = await own.run("c", script, user="nobody", container=container, resources=resources)
    assert said.split() == ["65534", "65534", "word:65534", ":65534", ":65534", "CapEff:", "0000000000000000"]
    (written,) = own.work.glob("volumes/roles/*/id/file")
    assert owner(written) == (NOBODY, NOBODY)


@pytest.mark.root
@needs_crun
async def test_a_session_at_a_terminal(own: Harness) -> None:
    own.containerizer.launch(own.spec("c", "sleep", "1000"))
    pid = await own.launched("c")
    join(own, "/bin/sh", "-c", "id -u; stat -c %u $(tty); readlink /proc/self/ns/user", lines=TERMINAL)
    async with attached(own, "s") as client:
        said = b"".join((await everything(client)).values()).split()
    assert said == [b"0", b"0", os.fsencode(os.readlink(f"/proc/{pid}/ns/user"))]
    assert await own.exited("s") == 0


@pytest.mark.root
@needs_crun
async def test_a_sandbox_without_a_process(own: Harness) -> None:
    """That of a pod: its tasks share what they put there."""
    own.containerizer.make_sandbox("pod", str(own.sandbox("pod")), None, None)
    await until(own.sandbox("pod").exists)
    await until(lambda: owner(own.sandbox("pod")) == (ROOT, ROOT))
    inner = Volume.Source.SandboxPath(type=Volume.Source.SandboxPath.Type.PARENT, path="shared")
    shared = Volume.Source(type=Volume.Source.Type.SANDBOX_PATH, sandbox_path=inner)
    container = ContainerInfo(
        type=ContainerInfo.Type.MESOS, volumes=(Volume(mode=Volume.Mode.RW, container_path="s", source=shared),)
    )
    fields = {"container": container, "parent_sandbox": str(own.sandbox("pod"))}
    await own.run("a", "echo x >s/file", **fields)
    assert await own.run("b", "cat s/file; rm s/file", **fields) == "x\n"
    own.containerizer.destroy("pod")


@pytest.mark.root
@needs_crun
async def test_who_is_none_of_its_users(place: Path) -> None:
    few = Harness(place)
    containerizer = few.isolated(isolation="namespaces/user", user_namespace_ids=MappedIds(ROOT, 1_000))
    await containerizer.recover()
    containerizer.launch(few.spec("c", "true", user="nobody"))
    assert await few.failed("c") == "User 65534, or a group of it, is none of the 1000 that containers have"
    assert not few.sandbox("c").exists()
    await containerizer.close()
    remove_cgroups(few)


@pytest.mark.root
@needs_crun
async def test_an_agent_whose_directories_are_closed_does_not_start(place: Path) -> None:
    place.chmod(0o700)
    harness = Harness(place)
    harness.work.mkdir()
    with pytest.raises(RuntimeUnavailable, match=f"root of containers, {ROOT} on the host, .* through '{place}' to"):
        await harness.isolated(isolation="namespaces/user").recover()
    remove_cgroups(harness)


from_images = IMAGES[1]

IN_IMAGE = ContainerInfo(
    type=ContainerInfo.Type.MESOS,
    mesos=ContainerInfo.MesosInfo(image=Image(type=Image.Type.DOCKER, docker=Image.Docker(name="busy"))),
)


async def opened(place: Path, ids: MappedIds | None, **flags: object) -> tuple[Harness, Provisioner]:
    made = Harness(place)
    provisioner = Provisioner(
        ProvisionerSettings(
            work_dir=str(made.work), store_dir=f"{place}/store", registry=f"{place}/images", limits=LIMITS, ids=ids
        )
    )
    made.work.mkdir(exist_ok=True)
    await provisioner.open()
    isolation = ISOLATION if ids is not None else ISOLATION.replace(",namespaces/user", "")
    isolation = f"{isolation},docker/runtime"
    made.isolated(isolation=isolation, image_providers="docker", provisioner=provisioner, **flags)
    await made.containerizer.recover()
    await provisioner.recover(())
    return made, provisioner


def from_image(harness: Harness, name: str, script: str, **fields: object) -> None:
    asked: dict[str, object] = {"command": CommandInfo(value=script), "env": {}, "container": IN_IMAGE} | fields
    harness.containerizer.launch(harness.spec(name, "/bin/sh", **asked))


@pytest.mark.root
@needs_crun
@from_images
async def test_an_image_is_its_roots(place: Path) -> None:
    """1 its files are root's within and nobody's of the host; 2 the same store serves an agent without the isolator."""
    busybox(place / "images", "busy")
    for ids, host in ((DEFAULT, ROOT), (None, 0)):
        harness, provisioner = await opened(place, ids)
        look = "stat -c %u /etc /mnt/mesos/sandbox /dev/null"
        script = f"{look}; mkdir /etc/new; mount -t tmpfs none /tmp && echo x >/tmp/f"
        from_image(harness, f"c{host}", f"{script}; exec sleep 1000")
        pid = await harness.launched(f"c{host}")
        await until(Path(f"/proc/{pid}/root/tmp/f").exists)
        assert (harness.sandbox(f"c{host}") / "stdout").read_text().split() == ["0", "0", "65534" if ids else "0"]
        assert owner(Path(f"/proc/{pid}/root/etc/new")) == owner(Path(f"/proc/{pid}/root/etc")) == (host, host)
        await harness.containerizer.close()
        await provisioner.close()
        (unpacked,) = [one for one in (place / "store").glob("images*") if os.listdir(one)]
        assert unpacked.name == ("images" if ids is None else f"images-{ids}")
        remove_cgroups(harness)


@pytest.mark.root
@needs_crun
@needs_networks
@from_images
async def test_a_port_for_root_in_a_network(place: Path) -> None:
    """Root of the container is not root of its network, and still has port 80 of its own address."""
    busybox(place / "images", "busy")
    bridge = Bridge(place)
    bridge.describe("net")
    harness, provisioner = await opened(place, DEFAULT, **bridge.flags())
    try:
        container = ContainerInfo(type=IN_IMAGE.type, mesos=IN_IMAGE.mesos, network_infos=(NetworkInfo(name="net"),))
        serves = "echo served >/tmp/index.html; /bin/busybox httpd -f -p 80 -h /tmp"
        from_image(harness, "c", serves, container=container)
        await harness.launched("c")
        launched = harness.events[0]
        assert isinstance(launched, ContainerLaunched)
        address = launched.network_infos[0].ip_addresses[0].ip_address
        assert await fetched(f"http://{address}/") == "served\n"
    finally:
        await harness.containerizer.close()
        await provisioner.close()
        left = bridge.remains()
        bridge.remove()
    remove_cgroups(harness)
    assert left == []
