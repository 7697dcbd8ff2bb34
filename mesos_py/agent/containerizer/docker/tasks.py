"""What is different with tasks and executors that docker is to run. Pure.

Mesos: src/docker/docker.cpp Docker::RunOptions::create, src/docker/executor.cpp
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesos_py.agent.containerizer.docker.request import name_of
from mesos_py.wire.container import ContainerInfo

if TYPE_CHECKING:
    from mesos_py.agent.options import AgentOptions


def is_docker(container: ContainerInfo | None) -> bool:
    """The docker containerizer is to run it."""
    return container is not None and container.type is ContainerInfo.Type.DOCKER


def environment(options: AgentOptions, container_id: str) -> dict[str, str]:
    """What everything learns that runs in such a container."""
    return {"MESOS_SANDBOX": options.sandbox_directory, "MESOS_CONTAINER_NAME": name_of(container_id)}


def manner(options: AgentOptions, container: ContainerInfo | None) -> dict[str, Any]:
    """In which its command executor does things: what exits, and how long a kill waits that says nothing."""
    if not is_docker(container or options.default_container_info):
        return {}
    return {"what": "Container", "grace": max(options.executor_shutdown_grace_period, options.docker_stop_timeout)}
