"""X07 (spec/faults.md): what the fetcher may reach, by flags of the agent, and what of the host is no task's."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest

from mesos_py.agent.containerizer.compose import make_fetcher
from mesos_py.agent.containerizer.docker.sandboxes import NoSandbox, Sandboxes
from mesos_py.agent.containerizer.process import ProcessContainerizer
from mesos_py.agent.fetcher import FetcherSettings
from mesos_py.agent.fetcher.fetching import Fetcher
from mesos_py.agent.options import AgentOptions
from mesos_py.config import UsageError, parse
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.image import Image
from tests.agent.containerizer.harness import Harness, until

OF_IMAGE = ContainerInfo(
    type=ContainerInfo.Type.MESOS,
    mesos=ContainerInfo.MesosInfo(image=Image(type=Image.Type.DOCKER, docker=Image.Docker(name="busybox"))),
)
OWN = "Failed to copy '{}': it is the kernel's or the agent's own"
ELSEWHERE = "Failed to copy '{}': it is not in a place to fetch from (fetcher_allowed_paths)"


class World(Harness):
    """Fetches from a directory with a file ``inside`` in it, under whatever rules."""

    fetcher: Fetcher

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.source = directory / "source"
        self.source.mkdir()
        (self.source / "inside").write_text("inside")
        self.count = 0

    async def fetch(self, settings: FetcherSettings, uri: str, *, cache: bool = False, **changes: object) -> str:
        """Why it was refused; empty: it was not."""
        self.count += 1
        name = f"c{self.count}"
        self.fetcher.settings = settings
        uris = (CommandInfo.URI(value=uri, cache=cache),)
        self.containerizer.launch(self.spec(name, "true", uris=uris, **changes))
        await until(lambda: self.of(name))
        if self.of(name)[0] == "ContainerLaunchFailed":
            text = await self.failed(name)
            return text.removeprefix(f"Failed to fetch all URIs for container '{name}': ")
        assert (self.sandbox(name) / os.path.basename(uri)).exists()
        return ""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    world.fetcher = Fetcher(FetcherSettings(cache_directory=str(tmp_path / "fetch" / "mine")))
    await world.process(fetching=world.fetcher).recover()
    yield world
    await world.containerizer.close()


def options(world: World, *flags: str) -> AgentOptions:
    """Of an agent like any."""
    given = ["--master=127.0.0.1:1", f"--work_dir={world.work}", f"--runtime_dir={world.directory}/run", *flags]
    return parse(given, [AgentOptions], {}).make(AgentOptions)


async def test_what_is_the_agents_own_is_no_tasks(world: World) -> None:
    """By whatever way it is named; also where operators have allowed everything; also through the cache."""
    secret = world.work / "secret"
    secret.write_text("of another task")
    link = world.source / "link"
    link.symlink_to(secret)
    for flags in ([], ["--fetcher_allowed_paths=/"]):
        settings = make_fetcher(options(world, *flags)).settings
        assert await world.fetch(settings, str(secret)) == OWN.format(secret)
        assert await world.fetch(settings, f"file://{link}") == OWN.format(link)
        assert await world.fetch(settings, str(link), cache=True) == OWN.format(link)
        assert await world.fetch(settings, "/proc/self/environ") == OWN.format("/proc/self/environ")
        assert await world.fetch(settings, str(world.source / "inside")) == ""


async def test_operators_may_say_what_there_is_to_fetch(world: World) -> None:
    """A file or a directory, whole components of it, where links lead; empty: nothing local."""
    inside, beside = world.source / "inside", world.directory / "source-2"
    beside.mkdir()
    (beside / "file").write_text("beside")
    out = world.source / "out"
    out.symlink_to(beside / "file")
    only = make_fetcher(options(world, f"--fetcher_allowed_paths={world.source}:/etc/hostname")).settings
    assert await world.fetch(only, str(inside)) == ""
    for path in (beside / "file", out, Path("/etc/passwd")):
        assert await world.fetch(only, str(path)) == ELSEWHERE.format(path)
    none = make_fetcher(options(world, "--fetcher_allowed_paths=")).settings
    assert await world.fetch(none, str(inside)) == ELSEWHERE.format(inside)


@pytest.mark.root
async def test_root_of_an_image_is_nobody_to_the_host(world: World) -> None:
    """1 what everybody may read he gets; 2 the rest he does not, 3 unless operators say so; 4 plain tasks do."""
    settings = make_fetcher(options(world)).settings
    assert await world.fetch(settings, "/etc/passwd", container=OF_IMAGE) == ""
    for cache in (False, True):
        assert await world.fetch(settings, "/etc/shadow", container=OF_IMAGE, cache=cache) == (
            "Failed to copy '/etc/shadow': Permission denied to those who are nobody (fetcher_allowed_paths)"
        )
    allowed = attrs.evolve(settings, allowed_paths=("/etc",))
    assert await world.fetch(allowed, "/etc/shadow", container=OF_IMAGE) == ""
    assert await world.fetch(settings, "/etc/shadow") == ""


@pytest.mark.root
async def test_root_of_a_docker_container_is_nobody_to_the_host(world: World) -> None:
    """Its sandbox is made, and filled, by a containerizer of processes."""
    await world.containerizer.close()
    place = {"work_dir": str(world.work), "runtime_dir": str(world.directory / "run")}
    sandboxes = Sandboxes(lambda report: ProcessContainerizer(report=report, fetching=world.fetcher, **place))
    await sandboxes.open()
    try:
        spec = world.shell("c", "true", container=ContainerInfo(type=ContainerInfo.Type.DOCKER))
        await sandboxes.make(attrs.evolve(spec, uris=(CommandInfo.URI(value="/etc/passwd"),)))
        assert (world.sandbox("c") / "passwd").exists()
        with pytest.raises(NoSandbox, match="Permission denied to those who are nobody"):
            await sandboxes.make(attrs.evolve(spec, uris=(CommandInfo.URI(value="/etc/shadow"),)))
    finally:
        await sandboxes.close()


async def test_networks_are_a_matter_of_operators(world: World) -> None:
    """The metadata of clouds by default; others instead, or more; what is no network ends the agent."""
    settings = make_fetcher(options(world)).settings
    text = "is in 169.254.0.0/16 (fetcher_denied_networks)"
    assert text in await world.fetch(settings, "http://169.254.169.254/latest/meta-data")
    more = make_fetcher(options(world, "--fetcher_denied_networks=127.0.0.0/8,::1/128")).settings
    assert "is in 127.0.0.0/8" in await world.fetch(more, "http://127.0.0.1:1/x")
    assert "Connection refused" in await world.fetch(settings, "http://127.0.0.1:1/x")
    with pytest.raises(UsageError, match="fetcher_denied_networks"):
        options(world, "--fetcher_denied_networks=somewhere")
