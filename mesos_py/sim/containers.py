"""The containerizer of one agent: what it asks the supervisor of its host for, and what it hears from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from mesos_py.agent.containerizer import Attachment, ContainerSpec, KnownContainer, NotAttached, NotStarted
from mesos_py.agent.events import ContainerExited, ContainerLaunched, ContainerLaunchFailed
from mesos_py.agent.usage import measure
from mesos_py.sim.supervisor import SimSupervisor
from mesos_py.wire.resource import Resource
from mesos_py.wire.stats import ResourceStatistics
from mesos_py.wire.value import Value


class SimContainers:
    """The Containerizer port."""

    def __init__(self, supervisor: Callable[[], SimSupervisor], report: Callable[[Any], None]) -> None:
        """``supervisor`` is the one that runs on the host; another one is started when there is none."""
        self._running, self._report = supervisor, report
        #: the one that is asked; what it is asked after its death and before that is noticed is in vain
        self._supervisor: SimSupervisor
        #: asked for, and not known to have ended
        self._table: dict[str, ContainerSpec | None] = {}
        #: not to be launched when they are asked for, and why
        self._withdrawn: dict[str, str] = {}

    def launch(self, spec: ContainerSpec) -> None:
        why = self._withdrawn.pop(spec.container_id, None)
        if why is not None:
            asyncio.get_running_loop().call_soon(self._report, ContainerLaunchFailed(spec.container_id, why))
            return
        self._table[spec.container_id] = spec
        self._supervisor.launch(spec)

    def withdraw(self, container_id: str, why: str) -> None:
        """As AgentRim does."""
        self._withdrawn[container_id] = why

    def signal(self, container_id: str, signum: int) -> None:
        self._supervisor.signal(container_id, signum)

    def destroy(self, container_id: str) -> None:
        self._supervisor.destroy(container_id)

    async def run_beside(self, spec: ContainerSpec) -> int | None:
        """What checks find is in the fate of their tasks; nothing is run for it."""
        raise NotStarted("nothing runs beside a simulated container")

    def network_of(self, container_id: str) -> str | None:
        return None

    async def attach(self, container_id: str, *, types: bool) -> Attachment:
        raise NotAttached("I/O switchboard server was disabled for this container")

    def make_sandbox(self, container_id: str, path: str, latest_link: str | None, user: str | None) -> None:
        """There are no directories."""

    def update(self, container_id: str, resources: tuple[Resource, ...], limits: Mapping[str, Value.Scalar]) -> None:
        """Statistics show what was launched."""

    def acknowledge(self, container_id: str) -> None:
        self._withdrawn.pop(container_id, None)
        self._supervisor.acknowledge(container_id)

    def probe(self, container_id: str, what: str) -> None:
        self._supervisor.probe(container_id, what)

    async def usage(self, container_ids: Iterable[str]) -> dict[str, ResourceStatistics]:
        running = self._supervisor.running
        return {name: measure((), running[name].spec.resources) for name in container_ids if name in running}

    async def recover(self, expected: Collection[str] = ()) -> tuple[KnownContainer, ...]:
        self._supervisor = self._running()
        known = self._supervisor.attach(self._hear, expected)
        self._table = dict.fromkeys([one.container_id for one in known])
        return known

    async def close(self, *, keep: bool = False) -> None:
        supervisor = self._supervisor
        supervisor.detach()
        if not keep:
            supervisor.die()

    def lost(self) -> None:
        """The supervisor has died: everything it ran is gone, with a status that nobody knows."""
        table, self._table = self._table, {}
        self._supervisor = self._running()
        self._supervisor.attach(self._hear, ())
        for container_id, spec in table.items():
            if spec is not None:
                event: Any = ContainerLaunchFailed(container_id, "The supervisor ended during the launch")
            else:
                event = ContainerExited(container_id, None)
            asyncio.get_running_loop().call_soon(self._report, event)

    def _hear(self, event: Any) -> None:
        if isinstance(event, ContainerExited | ContainerLaunchFailed):
            self._table.pop(event.container_id, None)
        elif isinstance(event, ContainerLaunched) and event.container_id in self._table:
            self._table[event.container_id] = None
        self._report(event)
