"""Several containerizers as one: each container is run by the first that supports it.

What was launched before the agent started belongs to whoever has a trace of it; what nobody has is gone.
Mesos: src/slave/containerizer/composing.cpp
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from mesos_py.agent.containerizer import Attachment, Containerizer, ContainerSpec, KnownContainer, NotAttached
from mesos_py.agent.containerizer.docker.containerizer import DockerContainerizer
from mesos_py.agent.containerizer.docker.tasks import is_docker
from mesos_py.agent.events import ContainerEvent, ContainerExited, ContainerLaunchFailed
from mesos_py.agent.specs import UNKNOWN_CONTAINER
from mesos_py.wire.resource import Resource
from mesos_py.wire.stats import ResourceStatistics
from mesos_py.wire.value import Value


class ComposingContainerizer:
    """The Containerizer port over ``docker`` and, if there is one, ``mesos``, which runs everything else."""

    def __init__(
        self, *, docker: DockerContainerizer, mesos: Containerizer | None, report: Callable[[ContainerEvent], None]
    ) -> None:
        self._docker = docker
        self._mesos = mesos
        self._report = report

    def launch(self, spec: ContainerSpec) -> None:
        if is_docker(spec.container):
            self._docker.launch(spec)
        elif self._mesos is not None:
            self._mesos.launch(spec)
        else:
            self._say(ContainerLaunchFailed(spec.container_id, UNKNOWN_CONTAINER))

    def signal(self, container_id: str, signum: int) -> None:
        for one in self._of(container_id):
            one.signal(container_id, signum)

    def destroy(self, container_id: str) -> None:
        for one in self._of(container_id):
            one.destroy(container_id)

    async def run_beside(self, spec: ContainerSpec) -> int | None:
        for one in self._of(spec.container_id):
            return await one.run_beside(spec)
        return None

    def network_of(self, container_id: str) -> str | None:
        for one in self._of(container_id):
            return one.network_of(container_id)
        return None

    async def attach(self, container_id: str, *, types: bool) -> Attachment:
        for one in self._of(container_id):
            return await one.attach(container_id, types=types)
        raise NotAttached(f"Container '{container_id}' is unknown")

    def make_sandbox(self, container_id: str, path: str, latest_link: str | None, user: str | None) -> None:
        if self._mesos is not None:
            self._mesos.make_sandbox(container_id, path, latest_link, user)

    def update(
        self, container_id: str, resources: tuple[Resource, ...], limits: Mapping[str, Value.Scalar]
    ) -> None:
        for one in self._of(container_id):
            one.update(container_id, resources, limits)

    async def usage(self, container_ids: Iterable[str]) -> dict[str, ResourceStatistics]:
        wanted = list(container_ids)
        found = await self._docker.usage(wanted)
        if self._mesos is not None:
            found |= await self._mesos.usage([one for one in wanted if not self._docker.owns(one)])
        return found

    async def recover(self, expected: Collection[str] = ()) -> tuple[KnownContainer, ...]:
        known = await self._docker.recover(expected)
        others = [container_id for container_id in expected if not self._docker.owns(container_id)]
        if self._mesos is not None:
            return (*known, *await self._mesos.recover(others))
        for container_id in others:
            self._say(ContainerExited(container_id, None))
        return known

    def acknowledge(self, container_id: str) -> None:
        for one in self._of(container_id):
            one.acknowledge(container_id)

    async def close(self, *, keep: bool = False) -> None:
        await asyncio.gather(*[one.close(keep=keep) for one in (self._docker, self._mesos) if one is not None])

    def _of(self, container_id: str) -> Sequence[Containerizer]:
        if self._docker.owns(container_id):
            return (self._docker,)
        return () if self._mesos is None else (self._mesos,)

    def _say(self, event: ContainerEvent) -> None:
        asyncio.get_running_loop().call_soon(self._report, event)
