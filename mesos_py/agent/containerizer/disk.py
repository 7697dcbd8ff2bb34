"""disk/du: how much of the disk each sandbox takes, and what is said of a container that takes more than it has.

``du`` looks at one sandbox after the other, so there is never more than one at work; the sandboxes of nested containers
lie in their executor's, and count there.
Mesos: src/slave/containerizer/mesos/isolators/posix/disk.cpp
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
import structlog

from mesos_py.agent.events import ContainerLimited
from mesos_py.agent.provisioner.tools import DIE_WITH_US, ToolFailed, run
from mesos_py.algebra.durations import format_size
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Value

log = structlog.get_logger(__name__)

DU_TIMEOUT_S: Final = 600  # for a sandbox of many millions of files
KIB: Final = 1024
MIB: Final = 1024 * 1024


@attrs.define(eq=False)
class _Sandbox:
    path: str
    #: bytes; None: it has no disk, and may take what it likes
    limit: int | None
    used: int | None = None
    has_told: bool = False


class DiskIsolator:
    """A Watch; ``report`` is called for a container that takes too much, if ``enforces``."""

    def __init__(self, report: Callable[[ContainerLimited], None], *, interval_s: float, enforces: bool) -> None:
        self._report = report
        self._interval_s = interval_s
        self._enforces = enforces
        self._sandboxes: dict[str, _Sandbox] = {}
        self._watching: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="measure sandboxes")

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    def add(self, container_id: str, sandbox: str, resources: Sequence[Resource] | None) -> None:
        self._sandboxes[container_id] = _Sandbox(sandbox, quota(resources or ()))

    def update(self, container_id: str, resources: Sequence[Resource]) -> None:
        sandbox = self._sandboxes.get(container_id)
        if sandbox is not None:
            sandbox.limit = quota(resources)

    def remove(self, container_id: str) -> None:
        self._sandboxes.pop(container_id, None)

    def usage(self, container_id: str) -> dict[str, Any]:
        sandbox = self._sandboxes.get(container_id)
        if sandbox is None:
            return {}
        fields = {"disk_limit_bytes": sandbox.limit, "disk_used_bytes": sandbox.used}
        return {name: value for name, value in fields.items() if value is not None}

    # ---- parts

    async def _watch(self) -> None:
        while True:
            began = time.monotonic()
            for container_id, sandbox in list(self._sandboxes.items()):
                if self._sandboxes.get(container_id) is sandbox:
                    await self._look(container_id, sandbox)
            await asyncio.sleep(max(0.0, self._interval_s - (time.monotonic() - began)))

    async def _look(self, container_id: str, sandbox: _Sandbox) -> None:
        try:
            argv = ("du", "--summarize", "--block-size=1024", "--one-file-system", "--", sandbox.path)
            said = await run(*DIE_WITH_US, *argv, timeout_s=DU_TIMEOUT_S)
        except ToolFailed as error:
            # Files come and go while it looks; it is made only when the container is launched, too.
            log.debug("sandbox not measured", container_id=container_id, why=str(error))
            return
        sandbox.used = int(said.split()[0]) * KIB
        limit = sandbox.limit
        if not self._enforces or limit is None or sandbox.used <= limit or sandbox.has_told:
            return
        sandbox.has_told = True
        taken = Resource(name="disk", type=Value.Type.SCALAR, scalar=Value.Scalar(value=sandbox.used / MIB))
        text = f"Disk usage ({format_size(sandbox.used)}) exceeds quota ({format_size(limit)})"
        reason = TaskStatus.Reason.REASON_CONTAINER_LIMITATION_DISK
        self._report(ContainerLimited(container_id, reason, text, (taken,)))


def quota(resources: Sequence[Resource]) -> int | None:
    """Bytes for the sandbox: disk that is nobody's volume."""
    found = [one.scalar.value for one in resources
             if one.name == "disk" and one.scalar is not None and one.disk is None]  # fmt: skip
    return round(sum(found) * MIB) if found else None
