"""The cgroups of one agent's containers: made before they start, watched while they run, gone when they are.

    cgroups = CgroupsIsolator(hierarchy, policy, report)
    cgroups.open()                                   # alone on this --cgroups_root, or OSError
    await cgroups.recover(names of what still runs)  # what belongs to nobody is killed and removed
    setup = await cgroups.prepare(spec)              # the container's process is to do this
    cgroups.update(container_id, resources, limits)
    ... cgroups.limited(container_id) at its exit ...
    await cgroups.remove(container_id)

An executor without a process of its own has cgroups, too, which the containers nested in it share.
Mesos: src/slave/containerizer/mesos/isolators/cgroups/cgroups.cpp, isolators/cgroups2/cgroups2.cpp
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import math
import os
import resource
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

import attrs
import structlog

from mesos_py import locks
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.cgroups import controls, readings
from mesos_py.agent.containerizer.cgroups.hierarchy import NESTED, CgroupsUnavailable, Hierarchy
from mesos_py.agent.containerizer.cgroups.oom import OomWatch
from mesos_py.agent.containerizer.cgroups.pressure import Pressure
from mesos_py.agent.containerizer.gpus.allotment import Gpus
from mesos_py.agent.containerizer.supervisor import cgroup as killing
from mesos_py.agent.events import ContainerLimited
from mesos_py.algebra.durations import format_size
from mesos_py.machine.usage import Usage
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Value

Result = TypeVar("Result")

log = structlog.get_logger(__name__)

REMOVE_FIRST_S, REMOVE_MAX_S = 0.01, 1.0  # between two attempts to remove a directory
REMOVE_TIMEOUT_S = 30.0  # processes in D state may hold it for longer; it is removed when an agent starts, then
MAKERS_MAX: Final = 4  # threads that make and remove directories at once; the kernel does it one after the other anyway

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_HOST_BYTES = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


class NoCgroup(Exception):
    """A container's cgroup could not be made; the text is why."""


@attrs.define(eq=False)
class _Group:
    name: str
    #: it has settings of its own
    is_own: bool
    what: controls.Entitled
    watch: OomWatch | None = None
    pressure: Pressure | None = None
    #: memory has run out, or was seen to have run out
    has_told: bool = False

    def close(self) -> None:
        """Nothing is heard of it any more."""
        for open_one in (self.watch, self.pressure):
            if open_one is not None:
                open_one.close()


class CgroupsIsolator:
    """``report`` is called when a container runs out of memory."""

    def __init__(
        self, hierarchy: Hierarchy, policy: controls.Policy, report: Callable[[ContainerLimited], None], *,
        counts: bool = False, gpus: Gpus | None = None,
    ) -> None:  # fmt: skip
        """``counts``: usage counts processes and threads. With ``gpus`` there is the controller of devices."""
        self._hierarchy = hierarchy
        self._policy = policy
        self._report = report
        self._counts = counts
        self._gpus = gpus
        self._groups: dict[str, _Group] = {}
        self._lock = -1
        self._makers = asyncio.Semaphore(MAKERS_MAX)

    # ---- its life

    def open(self) -> None:
        """Raises OSError or CgroupsUnavailable."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each container takes four; 1024 is the usual limit
        self._hierarchy.open()
        self._lock = os.open(self._hierarchy.killing, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = -1
            text = f"--cgroups_root: another agent's containers are in '{self._hierarchy.killing}'"
            raise CgroupsUnavailable(text) from None
        for name in self._hierarchy.names():
            self._know(name)

    async def recover(self, running: Collection[str]) -> None:
        """What is neither running nor the parent of what is, is killed and removed."""
        parents = {
            group.name.partition("/")[0] for container_id, group in self._groups.items() if container_id in running
        }
        for container_id in list(self._groups):
            if container_id not in running and container_id not in parents:
                log.info("remains of a container are removed", container_id=container_id)
                await self.remove(container_id)

    def close(self) -> None:
        for group in self._groups.values():
            group.close()
        if self._lock >= 0:
            locks.release(self._lock)
            self._lock = -1

    # ---- containers

    def knows(self, container_id: str) -> bool:
        return container_id in self._groups

    def directory(self, container_id: str) -> str:
        """By which all of it is killed; empty: it has none."""
        group = self._groups.get(container_id)
        return "" if group is None else f"{self._hierarchy.killing}/{group.name}"

    async def prepare(self, spec: ContainerSpec) -> tuple[tuple[str, str], ...]:
        """The container's cgroups are there; what its process does to enter them. Raises NoCgroup."""
        parent = spec.parent_id
        linux = None if spec.container is None else spec.container.linux_info
        is_own = parent is None or (linux is not None and not linux.share_cgroups)
        await self._make(spec.container_id, parent, is_own, spec.resources, spec.limits)
        return self.entrance(spec.container_id)

    def entrance(self, container_id: str) -> tuple[tuple[str, str], ...]:
        """What a process does to enter the container's cgroups, which are there."""
        group = self._groups[container_id]
        settings = group.name if group.is_own else group.name.partition("/")[0]
        setup = [(path, "0") for path in self._hierarchy.entrances(group.name, settings)]
        score = controls.oom_score(group.what, _HOST_BYTES) if "memory" in self._hierarchy.controllers else None
        if score is not None:
            setup.append(("/proc/self/oom_score_adj", str(score)))
        return tuple(setup)

    async def make(
        self, container_id: str, resources: Sequence[Resource], limits: Mapping[str, Value.Scalar]
    ) -> None:
        """The same for one without a process of its own. Raises NoCgroup."""
        await self._make(container_id, None, True, resources, limits)

    def update(self, container_id: str, resources: Sequence[Resource], limits: Mapping[str, Value.Scalar]) -> None:
        """Its values are these from now on. What cannot be set is logged, and is as it was."""
        group = self._groups.get(container_id)
        if group is None or not group.is_own:
            return
        group.what = controls.entitled(resources, limits)
        try:
            if self._gpus is not None and "/" not in group.name:
                self._settle_gpus(self._gpus, container_id, resources)
            self._set(group)
            self._watch(container_id, group)
        except OSError as error:
            log.error("resources not updated", container_id=container_id, path=error.filename, error=error.strerror)

    def limited(self, container_id: str) -> ContainerLimited | None:
        """What the container, or its parent whose cgroups it shares, ran into, if that has not been told."""
        group = self._groups.get(container_id)
        if group is not None and not group.is_own:
            container_id = group.name.partition("/")[0]
            group = self._groups.get(container_id)
        if group is None or group.has_told or not group.is_own or "memory" not in self._hierarchy.controllers:
            return None
        file = "memory.events" if self._hierarchy.is_v2 else "memory.oom_control"
        if readings.oom_kills(self._hierarchy.read(group.name, "memory", file)) == 0:
            return None
        return self._limit(container_id, group)

    def used(self, container_id: str) -> Usage | None:
        """All in all, of a container of which nothing runs any more; None: it has no cgroup of its own to measure."""
        group, found = self._groups.get(container_id), self.usage(container_id) or {}
        if group is None or "cpus_user_time_secs" not in found or "cpus_system_time_secs" not in found:
            return None
        user, system = (round(found[f"cpus_{mode}_time_secs"] * 1e6) for mode in ("user", "system"))
        peak = self._read_memory(group, "memory.peak", "memory.max_usage_in_bytes")
        return Usage(user, system, peak_bytes=peak)

    def usage(self, container_id: str) -> dict[str, Any] | None:
        """Fields of ResourceStatistics; None: it has no cgroup of its own to measure."""
        group = self._groups.get(container_id)
        if group is None or not group.is_own:
            return None
        hierarchy = self._hierarchy

        def read(controller: str, file: str) -> str | None:
            return hierarchy.read(group.name, controller, file)

        found = (
            readings.of_v2(read, is_counted=self._counts)
            if hierarchy.is_v2
            else readings.of_v1(read, ticks_per_s=_TICKS_PER_S, is_counted=self._counts)
        )
        what = group.what
        limits = {
            "cpus_limit": what.cpus if what.cpus_limit is None and self._policy.enable_cfs else what.cpus_limit,
            "cpus_soft_limit": what.cpus,
            "mem_limit_bytes": what.mem_hard_bytes,
            "mem_soft_limit_bytes": what.mem_bytes,
        }
        found.update({field: limit for field, limit in limits.items() if limit is not None and math.isfinite(limit)})
        if group.pressure is not None:
            found |= group.pressure.counts()
        return found

    async def remove(self, container_id: str) -> None:
        """Nothing is left of it: whatever runs there yet is killed, and then the directories go."""
        group = self._groups.pop(container_id, None)
        if group is None:
            return
        if self._gpus is not None:
            self._gpus.release(container_id)  # at once: its exit is known, and the next task is on its way
        group.close()
        pause_s, waited_s = REMOVE_FIRST_S, 0.0
        while left := await self._in_thread(lambda: self._remove(group.name)):
            if waited_s >= REMOVE_TIMEOUT_S:
                log.error("cgroups of a container are left", container_id=container_id, path=left[0])
                return
            await asyncio.sleep(pause_s)
            waited_s += pause_s
            pause_s = min(pause_s * 2, REMOVE_MAX_S)

    # ---- parts

    def _settle_gpus(self, gpus: Gpus, container_id: str, resources: Sequence[Resource]) -> None:
        """It may use as many GPUs as it has been given now, and no others. Raises OSError."""
        before = gpus.rules(container_id)
        problem = gpus.settle(container_id, resources)
        if problem is not None:
            log.error("GPUs not updated", container_id=container_id, error=problem.text)
        now = gpus.rules(container_id)
        for file, rules, others in (("devices.deny", before, now), ("devices.allow", now, before)):
            for rule in rules:
                if rule not in others:
                    self._hierarchy.write(container_id, "devices", file, rule)

    def _know(self, name: str) -> None:
        container_id = name.rpartition("/")[2]
        if self._gpus is not None and "/" not in name:
            allowed = self._hierarchy.read(name, "devices", "devices.list") or ""
            self._gpus.restore(container_id, allowed.splitlines())
        is_own = "/" not in name or self._hierarchy.has_settings(name)
        self._groups[container_id] = _Group(name, is_own, controls.entitled((), {}))

    def _remove(self, name: str) -> list[str]:
        killing.kill(os.fsencode(f"{self._hierarchy.killing}/{name}"))
        return self._hierarchy.remove(name)

    async def _make(
        self, container_id: str, parent: str | None, is_own: bool, resources: Sequence[Resource],
        limits: Mapping[str, Value.Scalar],
    ) -> _Group:  # fmt: skip
        if parent is not None and parent not in self._groups:
            raise NoCgroup(f"the cgroup of container '{parent}' is not there")
        problem = self._gpus.settle(container_id, resources) if self._gpus is not None and parent is None else None
        if problem is not None:
            raise NoCgroup(problem.text)
        name = container_id if parent is None else f"{parent}/{NESTED}/{container_id}"
        group = _Group(name, is_own, controls.entitled(resources, limits))
        self._groups[container_id] = group
        try:
            await self._in_thread(lambda: self._create(group))
            self._watch(container_id, group)
        except OSError as error:
            await self.remove(container_id)
            raise NoCgroup(f"'{error.filename}': {error.strerror}") from error
        return group

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        """Finished, whatever becomes of the task: half a directory would be nobody's."""
        async with self._makers:
            running = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                with contextlib.suppress(OSError):
                    await running
                raise

    def _create(self, group: _Group) -> None:
        self._hierarchy.make(group.name, is_own=group.is_own)
        if not group.is_own:
            return
        if "devices" in self._hierarchy.controllers:
            # What is nested has its parent's GPUs.
            more = () if self._gpus is None else self._gpus.rules(group.name.partition("/")[0])
            for controller, file, contents in controls.devices_v1(self._policy, more):
                self._hierarchy.write(group.name, controller, file, contents)
        self._set(group, is_new=True)

    def _set(self, group: _Group, *, is_new: bool = False) -> None:
        controllers = self._hierarchy.controllers
        now = None if is_new else self._memory_now(group)
        of = controls.of_v2 if self._hierarchy.is_v2 else controls.of_v1
        for controller, file, contents in of(controllers, group.what, self._policy, now):
            self._hierarchy.write(group.name, controller, file, contents)

    def _memory_now(self, group: _Group) -> float | None:
        file = "memory.max" if self._hierarchy.is_v2 else "memory.limit_in_bytes"
        text = (self._hierarchy.read(group.name, "memory", file) or "").strip()
        return float("inf") if text == "max" else float(text) if text.isdigit() else None

    def _read_memory(self, group: _Group, of_v2: str, of_v1: str) -> int | None:
        text = (self._hierarchy.read(group.name, "memory", of_v2 if self._hierarchy.is_v2 else of_v1) or "").strip()
        return int(text) if text.isdigit() else None

    def _watch(self, container_id: str, group: _Group) -> None:
        """In v2 all of it is killed at once, and ``limited`` says why at its exit."""
        hierarchy = self._hierarchy
        if hierarchy.is_v2 or not group.is_own or group.watch is not None or "memory" not in hierarchy.controllers:
            return
        if group.pressure is None:
            with contextlib.suppress(OSError):  # a kernel that does not count
                group.pressure = Pressure(hierarchy.path("memory", group.name))
        told = self.limited(container_id)  # while no agent was there
        if told is not None:
            self._report(told)
        else:
            group.watch = OomWatch(hierarchy.path("memory", group.name), lambda: self._out_of_memory(container_id))

    def _out_of_memory(self, container_id: str) -> None:
        group = self._groups.get(container_id)
        if group is not None and not group.has_told:
            self._report(self._limit(container_id, group))

    def _limit(self, container_id: str, group: _Group) -> ContainerLimited:
        group.has_told = True
        limit = self._read_memory(group, "memory.max", "memory.limit_in_bytes") or 0
        used = self._read_memory(group, "memory.peak", "memory.max_usage_in_bytes") or 0
        statistics = self._hierarchy.read(group.name, "memory", "memory.stat") or ""
        return ContainerLimited(
            container_id,
            TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY,
            f"Memory limit exceeded: Requested: {format_size(limit)} Maximum Used: {format_size(used)}\n\n"
            f"MEMORY STATISTICS: \n{statistics}\n",
            (Resource(name="mem", type=Value.Type.SCALAR, scalar=Value.Scalar(value=used / controls.MIB)),),
        )
