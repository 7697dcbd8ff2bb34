"""Parts of tasks that the rules about tasks, groups and launches are tried on."""

from __future__ import annotations

from typing import Any

from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.volume import Volume
from tests import builders
from tests.master.world import Scheduler, World

Variable = Environment.Variable


def cluster() -> tuple[World, Scheduler]:
    world = World()
    world.agent(cpus=8, mem=4096, resources=builders.resources(cpus=8, mem=4096, disk=1000))
    return world, world.scheduler()


def environment(**fields: Any) -> CommandInfo:
    return CommandInfo(value="x", environment=Environment(variables=(Variable(name="A", **fields),)))


def docker(**fields: Any) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.DOCKER, **fields)


def mesos(**fields: Any) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.MESOS, **fields)


def volume(**fields: Any) -> ContainerInfo:
    return mesos(volumes=(Volume(container_path="data", mode=Volume.Mode.RW, **fields),))


def disk(persistence: str | None = None, **fields: Any) -> Resource:
    if persistence is not None:
        fields["persistence"] = Resource.DiskInfo.Persistence(id=persistence)
        fields.setdefault("volume", Volume(container_path="data", mode=Volume.Mode.RW))
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="a")
    return builders.scalar("disk", 10, disk=Resource.DiskInfo(**fields), reservations=(reservation,))
