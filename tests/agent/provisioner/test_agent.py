"""Images of a whole agent: its flags, PRUNE_IMAGES, recovery, the end; the containers are played."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from mesos_py.agent.options import AgentOptions
from mesos_py.config import UsageError, parse
from mesos_py.flags import shown
from mesos_py.wire.flags import ImageGcConfig
from mesos_py.wire.image import Image
from mesos_py.wire.value import DurationInfo
from tests.agent.provisioner.images import file, layer, layout
from tests.agent.provisioner.registry import IMAGES
from tests.agent.serving import Serving, serving


def needs_images(test: Callable[..., Any]) -> Callable[..., Any]:
    for mark in IMAGES:
        test = mark(test)
    return test


REQUIRED = ("--master=localhost:5050", "--work_dir=/w")
GC = '{"image_disk_headroom":0.1,"image_disk_watch_interval":{"nanoseconds":3600000000000}}'


def options(*arguments: str) -> AgentOptions:
    return parse([*REQUIRED, *arguments], [AgentOptions]).make(AgentOptions)


def image(name: str) -> Image:
    return Image(type=Image.Type.DOCKER, docker=Image.Docker(name=name))


@pytest.mark.parametrize(
    ("argument", "field", "value", "text"),
    [
        ("--image_providers=docker", "image_providers", "docker", "docker"),
        ("--image_provisioner_backend=copy", "image_provisioner_backend", "copy", "copy"),
        ("--docker_registry=http://localhost:5000", "docker_registry", "http://localhost:5000", "http://localhost:5000"),
        ("--docker_registry=/images", "docker_registry", "/images", "/images"),
        ('--docker_config={"auths":{}}', "docker_config", '{"auths":{}}', "***"),
        (f"--image_gc_config={GC}", "image_gc_config", ImageGcConfig(
            image_disk_headroom=0.1, image_disk_watch_interval=DurationInfo(nanoseconds=3600 * 10**9)), GC),
    ],
)  # fmt: skip
def test_flags(argument: str, field: str, value: object, text: str) -> None:
    """As they are typed, as they are meant, as /flags shows them."""
    made = options(argument)
    assert getattr(made, field) == value
    assert shown(made)[field] == text


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("--image_providers=appc", "expecting one of docker, found 'appc'"),
        ("--image_provisioner_backend=aufs", "expecting one of overlay, copy, found 'aufs'"),
        ("--docker_registry=hdfs://x", "expecting https://HOST[:PORT], http://HOST[:PORT] or /DIRECTORY"),
        ("--docker_config=x", "a docker config is a JSON object"),
        ("--docker_config=/no/such/file", "cannot read /no/such/file"),
        ("--image_gc_config=x", "Failed to parse body into JSON"),
        ("--image_gc_config={}", "Failed to convert JSON into"),
        (f"--image_gc_config={GC.replace('0.1', '1.5')}", "expecting image_disk_headroom between 0 and 1, found 1.5"),
        (f"--image_gc_config={GC.replace('3600000000000', '0')}",
         "expecting image_disk_watch_interval of at least a second"),
    ],
)  # fmt: skip
def test_mistakes(argument: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        options(argument)
    assert text in str(caught.value)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        layout(tmp_path / "images", name, layer(file(name)))
    return tmp_path


@asynccontextmanager
async def agent(place: Path, **given: Any) -> AsyncIterator[Serving]:
    given = {"image_providers": "docker", "docker_registry": str(place / "images"),
             "docker_store_dir": str(place / "store")} | given  # fmt: skip
    async with serving(place, registered=False, **given) as world:
        yield world


def stored(place: Path) -> int:
    return len(os.listdir(place / "store/images"))


def mounts(place: Path) -> list[str]:
    return [one.mountpoint for one in psutil.disk_partitions(all=True) if one.mountpoint.startswith(f"{place}/")]


@needs_images
async def test_prune_images(place: Path) -> None:
    """The call keeps what it excludes and what is in use; a name that is none is answered in a sentence."""
    async with agent(place) as world:
        provisioner = world.server.provisioner
        assert provisioner is not None
        for name in ("a", "b", "c"):
            await provisioner.provision(name, image(name))
        for name in ("a", "b"):
            await provisioner.destroy(name)
        excluded = [{"type": "DOCKER", "docker": {"name": "a"}}]
        assert await world.call("PRUNE_IMAGES", prune_images={"excluded_images": excluded}) == (200, "")
        assert stored(place) == 2
        wrong = [{"type": "DOCKER", "docker": {"name": "A"}}]
        status, text = await world.call("PRUNE_IMAGES", prune_images={"excluded_images": wrong})
        assert (status, text.startswith("Failed to parse docker image 'A': ")) == (400, True)
        assert stored(place) == 2
        assert await world.call("PRUNE_IMAGES") == (200, "")
        assert stored(place) == 1
        numbers = await world.get("/metrics/snapshot")
        assert numbers["containerizer/mesos/provisioner/docker_store/image_pull_ms/count"] == 3
        assert numbers["containerizer/mesos/provisioner/remove_container_errors"] == 0
    assert mounts(place) == []


@needs_images
async def test_images_go_by_themselves(place: Path) -> None:
    """With a headroom of everything no unused image stays; excluded ones do."""
    interval = DurationInfo(nanoseconds=10**9)
    config = ImageGcConfig(image_disk_headroom=1.0, image_disk_watch_interval=interval, excluded_images=(image("b"),))
    async with agent(place) as world:
        assert world.server.provisioner is not None
        for name in ("a", "b"):
            await world.server.provisioner.provision(name, image(name))
        assert stored(place) == 2
    async with agent(place, image_gc_config=config) as world:
        assert world.server.provisioner is not None
        await world.server.provisioner.prune([image("b")])  # waits for what the first look has begun
        assert stored(place) == 1
        flags = (await world.get("/flags"))["flags"]
        assert json.loads(flags["image_gc_config"])["image_disk_headroom"] == 1.0


@needs_images
async def test_an_agent_starts_with_what_belongs_to_its_containers(place: Path) -> None:
    """The roots of a former agent's containers are gone with them."""
    async with agent(place) as world:
        assert world.server.provisioner is not None
        made = await world.server.provisioner.provision("c", image("a"))
        await world.server.provisioner.close(keep=True)
        os.rename(place / "work/provisioner", place / "work/kept")  # what a killed agent leaves, the end would not
    os.rename(place / "work/kept", place / "work/provisioner")
    assert mounts(place) == [made.rootfs]
    async with agent(place) as world:
        assert mounts(place) == []
        assert os.listdir(place / "work/provisioner/containers") == []


@needs_images
async def test_an_agent_that_cannot_have_images(place: Path) -> None:
    """It does not start, and the next one is not kept from it."""
    with pytest.raises(ValueError, match="there is no directory '/no/such/directory'"):
        async with agent(place, docker_registry="/no/such/directory"):
            pass
    async with agent(place):
        with pytest.raises(ValueError, match="another agent uses the images in"):
            async with agent(place, work_dir=str(place / "other")):
                pass
    async with agent(place) as world:
        assert await world.call("PRUNE_IMAGES") == (200, "")
