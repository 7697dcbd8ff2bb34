"""Images from a registry on loopback that wants a password."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mesos_py.wire.command import CommandInfo
from tests.agent.containerizer.docker.daemon import DOCKER, Daemon
from tests.agent.containerizer.docker.running import ran, start
from tests.agent.containerizer.harness import Harness
from tests.agent.provisioner.images import busybox
from tests.agent.provisioner.registry import IMAGES, Registry
from tests.agent.provisioner.registry import registry as serve

pytestmark = [*DOCKER, *IMAGES]

NAME = "some/busy:1"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serve(tmp_path_factory.mktemp("registry")) as made:
        place = tmp_path_factory.mktemp("pushed")
        busybox(place, "busy")
        made.push(place, "busy", NAME)
        yield made


@pytest.fixture
def image(registry: Registry, dockerd: Daemon) -> Iterator[str]:
    """Nobody has pulled it yet."""
    name = f"{registry.host}/{NAME}"
    yield name
    dockerd.clear()
    if dockerd.client.images(name):
        dockerd.client.remove_image(name)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    made = Harness(tmp_path)
    yield made
    await made.containerizer.close()


async def test_who_has_no_password(harness: Harness, dockerd: Daemon, image: str, registry: Registry) -> None:
    await harness.docker(dockerd.socket, docker_config=registry.docker_config("wrong")).recover()
    start(harness, "c", "true", image=image)
    text = await harness.failed("c")
    assert text.startswith(f"Failed to pull image '{image}': ") and "unauthorized" in text
    assert dockerd.names() == []


async def test_the_agents_password(harness: Harness, dockerd: Daemon, image: str, registry: Registry) -> None:
    """Those who want the same image at once wait for one pull; once it is there nobody asks the registry.

    Only pulls that succeed are timed.
    """
    await harness.docker(dockerd.socket, docker_config=registry.docker_config()).recover()
    for name in ("a", "b", "c"):
        start(harness, name, f"echo {name}", image=image)
    for name in ("a", "b", "c"):
        assert await harness.exited(name) == 0
    await harness.containerizer.close()
    await harness.docker(dockerd.socket, docker_config=registry.docker_config("wrong")).recover()
    assert await ran(harness, "d", "echo d", image=image) == "d\n"
    start(harness, "e", "true", image=image, force_pull_image=True)
    assert (await harness.failed("e")).startswith(f"Failed to pull image '{image}': ")
    assert {one.name: one.number for one in harness.pulls.samples()}["pulls_ms/count"] == 1


@pytest.mark.parametrize("name", [".docker/config.json", ".dockercfg"])
async def test_a_password_that_the_task_brings(
    harness: Harness, dockerd: Daemon, image: str, registry: Registry, tmp_path: Path, name: str
) -> None:
    """Its credential helpers, which are programs, are not run."""
    given = json.loads(registry.docker_config()) | {"credsStore": "no-such-helper"}
    (tmp_path / "given").write_text(json.dumps(given))
    await harness.docker(dockerd.socket).recover()
    uris = (CommandInfo.URI(value=str(tmp_path / "given"), output_file=name, extract=False),)
    assert await ran(harness, "c", "echo pulled", image=image, uris=uris) == "pulled\n"


async def test_a_config_that_is_none(harness: Harness, dockerd: Daemon, image: str, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("no JSON")
    await harness.docker(dockerd.socket).recover()
    uris = (CommandInfo.URI(value=str(tmp_path / "given"), output_file=".dockercfg"),)
    start(harness, "c", "true", image=image, uris=uris)
    assert await harness.failed("c") == "'.dockercfg' in the sandbox: a docker config is a JSON object"
