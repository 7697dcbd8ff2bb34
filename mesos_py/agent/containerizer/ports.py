"""network/ports: who listens on ports that are not his, among containers in the host's network.

``ss`` tells every socket that listens; whose it is, is found among the descriptors of the processes in a container's
cgroup. (``ss`` tells processes, too, by names that they choose themselves.) What is nested counts for its executor, to
which the ports belong. Containers in networks of their own listen elsewhere, and are not seen.
Mesos: src/slave/containerizer/mesos/isolators/network/ports.cpp, which looks at IPv4 only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import attrs
import structlog

from mesos_py.agent.containerizer.supervisor.cgroup import members
from mesos_py.agent.events import ContainerLimited
from mesos_py.agent.provisioner.tools import DIE_WITH_US, ToolFailed, run
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import Resources
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Value

log = structlog.get_logger(__name__)

SS_TIMEOUT_S: Final = 60
SS_OUTPUT_MAX: Final = 16 << 20  # bytes; a socket takes about a hundred

#: State, two queues, local address and port, ..., the socket's number.
_SOCKET: Final = re.compile(r"^LISTEN\s+\d+\s+\d+\s+\S*:(\d+)\s.*?\bino:(\d+)\b", re.MULTILINE)


def listening(said: str) -> dict[str, int]:
    """What ``ss -Htlne`` says, as descriptors have it: ``socket:[number]`` -> port."""
    return {f"socket:[{number}]": int(port) for port, number in _SOCKET.findall(said)}


@attrs.define(eq=False)
class _Container:
    #: those it may listen on; None: they are not known yet, because an earlier agent has launched it
    ports: Ranges | None
    #: what it was told of last, so that nothing is said twice
    told: Ranges = attrs.Factory(Ranges)


class PortsIsolator:
    """A Watch; ``report`` is called for a container that listens where it may not, if ``enforces``."""

    def __init__(
        self, report: Callable[[ContainerLimited], None], cgroup_of: Callable[[str], str], *, interval_s: float,
        enforces: bool, within: Ranges | None,
    ) -> None:  # fmt: skip
        """``cgroup_of`` is the directory that holds a container; ports that are not ``within`` interest nobody."""
        self._report = report
        self._cgroup_of = cgroup_of
        self._interval_s = interval_s
        self._enforces = enforces
        self._within = within
        self._containers: dict[str, _Container] = {}
        self._watching: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="look at ports")

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    def add(self, container_id: str, sandbox: str, resources: Sequence[Resource] | None) -> None:
        self._containers[container_id] = _Container(None if resources is None else _ports(resources))

    def update(self, container_id: str, resources: Sequence[Resource]) -> None:
        container = self._containers.get(container_id)
        if container is not None:
            container.ports = _ports(resources)

    def remove(self, container_id: str) -> None:
        self._containers.pop(container_id, None)

    def usage(self, container_id: str) -> Mapping[str, object]:
        """No field of ResourceStatistics."""
        return {}

    # ---- parts

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                said = await run(*DIE_WITH_US, "ss", "-Htlne", timeout_s=SS_TIMEOUT_S, output_max=SS_OUTPUT_MAX)
            except ToolFailed as error:
                log.warning("ports not looked at", why=str(error))
                continue
            directories = {one: self._cgroup_of(one) for one in self._containers}
            for container_id, ports in (await asyncio.to_thread(_by_container, said, directories)).items():
                self._found(container_id, ports)

    def _found(self, container_id: str, ports: Ranges) -> None:
        container = self._containers.get(container_id)
        if container is None or container.ports is None:
            return
        beyond = (ports if self._within is None else ports & self._within) - container.ports
        if not beyond or beyond == container.told:
            return
        container.told = beyond
        text = f"Container {container_id} is listening on unallocated port(s): {beyond}"
        log.info("unallocated ports", container_id=container_id, ports=str(beyond), is_ended=self._enforces)
        if self._enforces:
            ranges = Value.Ranges(range=tuple([Value.Range(begin=begin, end=end) for begin, end in beyond.intervals]))
            taken = Resource(name="ports", type=Value.Type.RANGES, ranges=ranges)
            reason = TaskStatus.Reason.REASON_CONTAINER_LIMITATION
            self._report(ContainerLimited(container_id, reason, text, (taken,)))


def _ports(resources: Sequence[Resource]) -> Ranges:
    return Resources.of(resources).ranges("ports")


def _by_container(said: str, directories: Mapping[str, str]) -> dict[str, Ranges]:
    """On which ports each container listens, if on any."""
    sockets = listening(said)
    found = {}
    for container_id, directory in directories.items() if sockets else ():
        pids = members(os.fsencode(directory)) if directory else set()
        ports = {sockets[name] for pid in pids for name in _descriptors(pid) if name in sockets}
        if ports:
            found[container_id] = Ranges([(port, port) for port in ports])
    return found


def _descriptors(pid: int) -> Iterator[str]:
    """What the process has open, but for what it closes meanwhile."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:  # it has just ended
        return
    for name in names:
        with contextlib.suppress(OSError):
            yield os.readlink(f"/proc/{pid}/fd/{name}")
