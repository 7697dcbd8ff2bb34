"""disk/du: how much of the disk each sandbox takes, and what is said of a container that takes more than it has.

``du`` looks at one sandbox after the other, so there is never more than one at work; the sandboxes of nested containers
lie in their executor's, and count there. Persistent volumes are looked at, too, each with the quota of its own size.
Mesos: src/slave/containerizer/mesos/isolators/posix/disk.cpp
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
import structlog

from mesos_py.agent.containerizer.isolators import persistent
from mesos_py.agent.events import ContainerLimited
from mesos_py.agent.provisioner.tools import DIE_WITH_US, ToolFailed, run
from mesos_py.algebra.durations import format_size
from mesos_py.machine.problem import Problem
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.stats import DiskStatistics
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Value

log = structlog.get_logger(__name__)

DU_TIMEOUT_S: Final = 600  # for a sandbox of many millions of files
KIB: Final = 1024
MIB: Final = 1024 * 1024


@attrs.define(eq=False)
class _Place:
    """A directory that is measured: a sandbox, or a persistent volume."""

    path: str
    #: bytes; None: it has no disk, and may take what it likes
    limit: int | None
    #: the volume; None: it is a sandbox
    volume: Resource | None = None
    used: int | None = None
    has_told: bool = False


class DiskIsolator:
    """A Watch; ``report`` is called for a container that takes too much, if ``enforces``."""

    def __init__(
        self, report: Callable[[ContainerLimited], None], *, work_dir: str, interval_s: float, enforces: bool
    ) -> None:
        self._report = report
        self._work_dir = work_dir
        self._interval_s = interval_s
        self._enforces = enforces
        #: of each container the sandbox, and then its volumes
        self._places: dict[str, list[_Place]] = {}
        self._watching: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="measure sandboxes")

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    def add(self, container_id: str, sandbox: str, resources: Sequence[Resource] | None) -> None:
        self._places[container_id] = [_Place(sandbox, quota(resources or ())), *self._volumes(resources or ())]

    def update(self, container_id: str, resources: Sequence[Resource]) -> None:
        known = self._places.get(container_id)
        if known is None:
            return
        sandbox, *volumes = known
        sandbox.limit = quota(resources)
        before = {place.path: place for place in volumes}
        self._places[container_id] = [sandbox, *[before.get(one.path, one) for one in self._volumes(resources)]]

    def remove(self, container_id: str) -> None:
        self._places.pop(container_id, None)

    def usage(self, container_id: str) -> dict[str, Any]:
        places = self._places.get(container_id)
        if places is None:
            return {}
        sandbox, *volumes = places
        fields = {
            "disk_limit_bytes": sandbox.limit, "disk_used_bytes": sandbox.used,
            "disk_statistics": tuple([_statistics(place) for place in volumes]) or None,
        }  # fmt: skip
        return {name: value for name, value in fields.items() if value is not None}

    # ---- parts

    async def _watch(self) -> None:
        while True:
            began = time.monotonic()
            for container_id, places in list(self._places.items()):
                for place in places:
                    if place in self._places.get(container_id, ()):
                        await self._look(container_id, place)
            await asyncio.sleep(max(0.0, self._interval_s - (time.monotonic() - began)))

    async def _look(self, container_id: str, place: _Place) -> None:
        try:
            argv = ("du", "--summarize", "--block-size=1024", "--one-file-system", "--", place.path)
            said = await run(*DIE_WITH_US, *argv, timeout_s=DU_TIMEOUT_S)
        except ToolFailed as error:
            # Files come and go while it looks; it is made only when the container is launched, too.
            log.debug("not measured", container_id=container_id, why=str(error))
            return
        place.used = int(said.split()[0]) * KIB
        limit = place.limit
        if not self._enforces or limit is None or place.used <= limit or place.has_told:
            return
        place.has_told = True
        amount = Value.Scalar(value=place.used / MIB)
        taken = Resource(name="disk", type=Value.Type.SCALAR, scalar=amount)
        taken = taken if place.volume is None else evolve(place.volume, scalar=amount)
        text = f"Disk usage ({format_size(place.used)}) exceeds quota ({format_size(limit)})"
        reason = TaskStatus.Reason.REASON_CONTAINER_LIMITATION_DISK
        self._report(ContainerLimited(container_id, reason, text, (taken,)))

    def _volumes(self, resources: Sequence[Resource]) -> list[_Place]:
        """Those that can be mounted; the others fail their launch."""
        found = []
        for one in resources:
            volumes = persistent.wanted((one,), self._work_dir)
            if not isinstance(volumes, Problem) and one.scalar is not None:
                found += [_Place(volume.path, round(one.scalar.value * MIB), one) for volume in volumes]
        return found


def _statistics(place: _Place) -> DiskStatistics:
    assert place.volume is not None and place.volume.disk is not None
    disk = place.volume.disk
    return DiskStatistics(
        source=disk.source, persistence=disk.persistence, limit_bytes=place.limit, used_bytes=place.used
    )


def quota(resources: Sequence[Resource]) -> int | None:
    """Bytes for the sandbox: disk that is nobody's volume."""
    found = [one.scalar.value for one in resources
             if one.name == "disk" and one.scalar is not None and one.disk is None]  # fmt: skip
    return round(sum(found) * MIB) if found else None
