"""Tasks with images and volumes, as the agent's core sees them: which it hands on, and what it says of them."""

from __future__ import annotations

import pytest

from mesos_py.agent import words
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.image import Image
from mesos_py.wire.volume import Volume
from tests.agent.world import World, task

IMAGE = Image(type=Image.Type.DOCKER, docker=Image.Docker(name="a"))
FROM_IMAGE = ContainerInfo(type=ContainerInfo.Type.MESOS, mesos=ContainerInfo.MesosInfo(image=IMAGE))
VOLUME = Volume(mode=Volume.Mode.RW, container_path="v", host_path="/srv")
WITH_VOLUME = ContainerInfo(type=ContainerInfo.Type.MESOS, volumes=(VOLUME,))
FILES = "filesystem/linux"


@pytest.mark.parametrize(
    ("container", "options", "is_launched"),
    [
        (FROM_IMAGE, {}, False),
        (FROM_IMAGE, {"isolation": FILES}, False),
        (FROM_IMAGE, {"isolation": FILES, "image_providers": "docker"}, True),
        (WITH_VOLUME, {}, False),
        (WITH_VOLUME, {"isolation": FILES}, True),
    ],
)
def test_what_needs_which_isolators(container: ContainerInfo, options: dict[str, str], is_launched: bool) -> None:
    world = World(**options)
    world.run(task(container=container))
    assert bool(world.to_containers(words.LaunchContainer)) is is_launched


def test_an_image_says_what_a_task_without_a_command_runs_and_where_programs_are() -> None:
    world = World(isolation=FILES, image_providers="docker")
    command = CommandInfo(shell=False)
    world.run(task(container=FROM_IMAGE, command=command))
    assert world.spec().command == command
    assert "PATH" not in world.spec().env
    world.launched()
    assert world.states() == ["STARTING", "RUNNING"]


def test_a_task_of_a_group_may_use_its_executors_sandbox() -> None:
    world = World(isolation=FILES)
    world.run_group([task("a", container=WITH_VOLUME)])
    assert world.spec().parent_sandbox == world.executor().sandbox
    assert world.spec().env["PATH"]
