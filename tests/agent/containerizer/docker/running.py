"""Shell scripts in containers of a real dockerd."""

from __future__ import annotations

from typing import Any

from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.volume import MountPropagation, Volume
from tests.agent.containerizer.docker.daemon import IMAGE
from tests.agent.containerizer.harness import Harness

#: A first process ignores what it has no handler for.
LOOP = "touch /mnt/mesos/sandbox/ready; while :; do sleep 0.02; done"

#: Until somebody lets it go on.
WAIT = "cd /mnt/mesos/sandbox; touch ready; until [ -e go ]; do sleep 0.02; done"

_OF_SPEC = ("uris", "is_kept", "user", "limits", "resources", "lines")


def of_host(path: str, mode: MountPropagation.Mode | None = None) -> Volume.Source:
    """A source of a volume."""
    propagation = None if mode is None else MountPropagation(mode=mode)
    host_path = Volume.Source.HostPath(path=path, mount_propagation=propagation)
    return Volume.Source(type=Volume.Source.Type.HOST_PATH, host_path=host_path)


def start(harness: Harness, container_id: str, script: str, **fields: Any) -> None:
    """``fields`` are of the spec, of DockerInfo, and ``container`` those of ContainerInfo."""
    of_spec = {name: fields.pop(name) for name in _OF_SPEC if name in fields}
    more = fields.pop("container", {})
    docker = ContainerInfo.DockerInfo(**({"image": IMAGE} | fields))
    info = ContainerInfo(type=ContainerInfo.Type.DOCKER, docker=docker, **more)
    given = {"container": info, "command": CommandInfo(value=script), "env": {"A": "1"}} | of_spec
    harness.containerizer.launch(harness.spec(container_id, "sh", **given))


def read(harness: Harness, container_id: str, name: str = "stdout") -> str:
    return (harness.sandbox(container_id) / name).read_text()


async def ran(harness: Harness, container_id: str, script: str, **fields: Any) -> str:
    """The output of a script that must succeed."""
    start(harness, container_id, script, **fields)
    assert await harness.exited(container_id) == 0, read(harness, container_id, "stderr")
    return read(harness, container_id)
