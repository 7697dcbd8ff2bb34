"""Containers that are kept from each other: what isolators have prepared, run by another containerizer.

::

    launch --> PREPARING (isolators, in their order) --> the inner containerizer: FETCHING, STARTING, RUNNING --> exit
                   '-- destroy, or a problem: what was prepared is undone ------------------------------------------'

The inner containerizer's words pass through here on their way to the agent. What a container ran into is said before
its exit; what was prepared is undone when the exit is durably known (``acknowledge``), so that an agent killed in
between finds it again.
Mesos: src/slave/containerizer/mesos/containerizer.cpp
"""

from __future__ import annotations

import asyncio
import functools
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import attrs
import structlog

from mesos_py.agent.containerizer import Attachment, Containerizer, ContainerSpec, KnownContainer, NotStarted
from mesos_py.agent.containerizer.cgroups.isolator import CgroupsIsolator, NoCgroup
from mesos_py.agent.containerizer.isolators import rlimits
from mesos_py.agent.containerizer.isolators.network import Joined
from mesos_py.agent.containerizer.process import STATUS_KILLED
from mesos_py.agent.containerizer.runtime.preparing import Preparer
from mesos_py.agent.containerizer.runtime.runtime import not_executed
from mesos_py.agent.containerizer.watch import Watch
from mesos_py.agent.events import ContainerEvent, ContainerExited, ContainerLaunched, ContainerLaunchFailed
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.stats import ResourceStatistics
from mesos_py.wire.value import Value

#: The directory in an executor's sandbox that holds those of its tasks (agent/paths.py).
NESTED = "containers"

log = structlog.get_logger(__name__)

Report = Callable[[ContainerEvent], None]


class IsolatedContainerizer:
    """The Containerizer port around another one. ``cgroups`` is None without the linux launcher."""

    def __init__(
        self,
        *,
        inner: Callable[[Report, Callable[[str], str]], Containerizer],
        report: Report,
        cgroups: Callable[[Report], CgroupsIsolator] | None = None,
        preparer: Preparer | None = None,
        watches: Iterable[Callable[[Report, Callable[[str], str]], Watch]] = (),
        limits_processes: bool = False,
    ) -> None:
        """``inner`` and ``watches`` are made with where to report, and with which cgroup is whose.

        ``limits_processes``: rlimits.

        With a ``preparer`` containers are started by a runtime, from what it has prepared.
        """
        self._report = report
        self._cgroups = cgroups(report) if cgroups is not None else None
        self._watches = [watch(report, self._cgroup_of) for watch in watches]
        self._limits_processes = limits_processes
        self._inner = inner(self._hear, self._cgroup_of)
        self._preparer = preparer
        self._runtime = None if preparer is None else preparer.runtime
        self._networks = None if preparer is None else preparer.networks
        #: launches that the runtime has not answered yet
        self._starting: dict[str, ContainerSpec] = {}
        #: launches that are prepared
        self._preparing: dict[str, asyncio.Task[ContainerSpec | Problem]] = {}
        #: of those, the ones that were destroyed meanwhile
        self._doomed: set[str] = set()
        #: sessions that run, and the files that say what they are
        self._sessions: dict[str, tuple[ContainerSpec, str]] = {}
        #: executors without a process of their own, whose cgroups are made with the first update
        self._pods: dict[str, asyncio.Task[None] | None] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def inner(self) -> Containerizer:
        return self._inner

    # ---- the port

    def launch(self, spec: ContainerSpec) -> None:
        # Under a runtime an executor without a process is nothing to join: its session is a container like its tasks'.
        if spec.inside is not None and not (self._runtime is not None and spec.inside in self._pods):
            self._join(spec)
            return
        is_known = self._cgroups is not None and self._cgroups.knows(spec.container_id)
        if is_known or spec.container_id in self._preparing:
            self._fail(spec.container_id, "Container has already been started")
        else:
            isolating = asyncio.create_task(self._isolate(spec), name=f"isolate {spec.container_id}")
            self._preparing[spec.container_id] = isolating
            for watch in self._watches if spec.parent_id is None else ():
                watch.add(spec.container_id, spec.sandbox, spec.resources)
            isolating.add_done_callback(functools.partial(self._prepared, spec))

    def signal(self, container_id: str, signum: int) -> None:
        if container_id in self._preparing:
            self.destroy(container_id)  # there is no process yet that could handle it
        else:
            self._inner.signal(container_id, signum)

    def destroy(self, container_id: str) -> None:
        preparing = self._preparing.get(container_id)
        if preparing is not None:
            self._doomed.add(container_id)
            preparing.cancel()
        elif container_id in self._pods:
            self._end(self._end_pod(container_id, self._pods.pop(container_id)), f"end {container_id}")
        else:
            self._inner.destroy(container_id)

    async def run_beside(self, spec: ContainerSpec) -> int | None:
        """In the cgroups of the container, all of which dies with it: so what is killed there has told nothing."""
        if self._cgroups is not None and not self._cgroups.knows(spec.container_id):
            return None  # it has just ended
        if self._runtime is None:
            limits = rlimits.setup(spec) if self._limits_processes else []
            if isinstance(limits, Problem):
                raise NotStarted(limits.text)
            return await self._run_beside(spec, limits)
        try:
            launched, file = self._runtime.write_beside(spec)
        except FileNotFoundError:
            return None  # it has just ended
        except KeyError:
            raise NotStarted(f"No such user '{spec.user}'") from None
        try:
            status = await self._run_beside(launched, [])
        finally:
            why = not_executed(spec, self._runtime.end_beside(file))
        if status != 0 and why is not None:
            raise NotStarted(why)
        return status

    async def _run_beside(self, spec: ContainerSpec, limits: list[tuple[str, str]]) -> int | None:
        if self._cgroups is None:
            return await self._inner.run_beside(attrs.evolve(spec, setup=tuple(limits)))
        setup = (*self._cgroups.entrance(spec.container_id), *limits)
        status = await self._inner.run_beside(attrs.evolve(spec, setup=setup))
        return None if status == STATUS_KILLED else status

    def network_of(self, container_id: str) -> str | None:
        joined = self._network(container_id)
        return None if joined is None else joined.namespace

    async def attach(self, container_id: str, *, types: bool) -> Attachment:
        return await self._inner.attach(container_id, types=types)

    def make_sandbox(self, container_id: str, path: str, latest_link: str | None, user: str | None) -> None:
        self._pods[container_id] = None
        for watch in self._watches:
            watch.add(container_id, path, None)
        owner = user if self._preparer is None else self._preparer.owner(user)
        self._inner.make_sandbox(container_id, path, latest_link, owner)

    def update(
        self, container_id: str, resources: tuple[Resource, ...], limits: Mapping[str, Value.Scalar]
    ) -> None:
        cgroups = self._cgroups
        self._inner.update(container_id, resources, limits)
        for watch in self._watches:
            watch.update(container_id, resources)
        if cgroups is None:
            return
        making: asyncio.Task[Any] | None = self._preparing.get(container_id) or self._pods.get(container_id)
        if making is not None and not making.done():
            making.add_done_callback(lambda _: cgroups.update(container_id, resources, limits))
        elif container_id in self._pods and not cgroups.knows(container_id):
            making = asyncio.create_task(cgroups.make(container_id, resources, limits), name=f"make {container_id}")
            self._pods[container_id] = making
        else:
            cgroups.update(container_id, resources, limits)

    async def usage(self, container_ids: Iterable[str]) -> dict[str, ResourceStatistics]:
        wanted = list(container_ids)
        fields: dict[str, dict[str, Any]] = {}
        for container_id in wanted if self._cgroups is not None else ():
            told = self._cgroups.usage(container_id)  # type: ignore[union-attr]
            if told is not None:
                fields[container_id] = told
        # The processes of a container are only looked at for what its cgroups do not tell.
        others = [one for one in wanted if not fields.get(one, {}).keys() >= {"cpus_user_time_secs", "mem_rss_bytes"}]
        measured = await self._inner.usage(others)
        now = time.time()
        for container_id, more in fields.items():
            if container_id in measured:
                measured[container_id] = evolve(measured[container_id], **more)
            elif container_id not in others:
                measured[container_id] = ResourceStatistics(timestamp=now, **more)
        for watch in self._watches:
            for container_id, found in measured.items():
                measured[container_id] = evolve(found, **watch.usage(container_id))
        if self._networks is not None:
            for container_id, more in (await self._networks.usage(list(measured))).items():
                measured[container_id] = evolve(measured[container_id], **more)
        return measured

    async def recover(self, expected: Collection[str] = ()) -> tuple[KnownContainer, ...]:
        if self._preparer is not None:
            await self._preparer.open()
        if self._cgroups is not None:
            self._cgroups.open()
        known = await self._inner.recover(expected)
        running = {*expected, *[container.container_id for container in known]}
        if self._cgroups is not None:
            await self._cgroups.recover(running)
        if self._preparer is not None:
            await self._preparer.recover(running)
        for watch in self._watches:
            for container in known:
                if os.path.basename(os.path.dirname(container.sandbox)) != NESTED:
                    watch.add(container.container_id, container.sandbox, None)
            watch.open()
        return tuple([attrs.evolve(one, network_infos=self._networks_of(one.container_id)) for one in known])

    def acknowledge(self, container_id: str) -> None:
        self._inner.acknowledge(container_id)
        self._end(self._undo(container_id), f"end {container_id}")

    async def close(self, *, keep: bool = False) -> None:
        for watch in self._watches:
            await watch.close()
        for container_id in list(self._preparing):
            self.destroy(container_id)
        await asyncio.gather(*self._preparing.values(), return_exceptions=True)
        await self._inner.close(keep=keep)
        await asyncio.gather(*self._ending, return_exceptions=True)
        if self._cgroups is not None:
            if not keep:
                await self._cgroups.recover(())
            self._cgroups.close()
        if self._preparer is not None and not keep:
            await self._preparer.recover(())

    # ---- sessions

    def _join(self, spec: ContainerSpec) -> None:
        """It needs nothing of its own: it is run where its container is."""
        joining = self._joining(spec)
        if isinstance(joining, Problem):
            self._fail(spec.container_id, joining.text)
        else:
            self._inner.launch(joining)

    def _joining(self, spec: ContainerSpec) -> ContainerSpec | Problem:
        assert spec.inside is not None
        setup = [] if self._runtime is not None or not self._limits_processes else rlimits.setup(spec)
        if isinstance(setup, Problem):
            return setup
        if self._cgroups is not None:
            if not self._cgroups.knows(spec.inside):
                return bad_request("Parent container has no process to join")
            setup = [*self._cgroups.entrance(spec.inside), *setup]
        launched = spec
        if self._runtime is not None:
            try:
                launched, file = self._runtime.write_beside(spec)
            except FileNotFoundError:
                return bad_request("Parent container has no process to join")
            except KeyError:
                return bad_request(f"No such user '{spec.user}'")
            self._sessions[spec.container_id] = (spec, file)
        return attrs.evolve(launched, setup=tuple(setup))

    def _end_session(self, event: ContainerEvent) -> ContainerEvent:
        """What is to be told of it; nothing is left of it."""
        spec, file = self._sessions.pop(event.container_id)
        assert self._runtime is not None
        cause = self._runtime.end_beside(file)
        if isinstance(event, ContainerLaunchFailed):
            return ContainerLaunchFailed(event.container_id, self._runtime.why(spec, event.message, cause))
        return event

    # ---- parts

    def _prepared(self, spec: ContainerSpec, isolated: asyncio.Task[ContainerSpec | Problem]) -> None:
        container_id = spec.container_id
        del self._preparing[container_id]
        if isolated.cancelled() or container_id in self._doomed:
            self._doomed.discard(container_id)
            self._end(self._give_up(ContainerExited(container_id, STATUS_KILLED)), f"end {container_id}")
            return
        outcome = isolated.result()
        if isinstance(outcome, Problem):
            self._end(self._give_up(ContainerLaunchFailed(container_id, outcome.text)), f"end {container_id}")
        else:
            if self._runtime is not None:
                self._starting[container_id] = spec
            self._inner.launch(outcome)

    async def _give_up(self, event: ContainerExited | ContainerLaunchFailed) -> None:
        await self._undo(event.container_id)
        self._report(event)

    async def _isolate(self, spec: ContainerSpec) -> ContainerSpec | Problem:
        """What is to be launched."""
        limits = rlimits.setup(spec) if self._limits_processes and self._runtime is None else []
        if isinstance(limits, Problem):
            return limits
        launched = spec
        if self._preparer is not None:
            prepared = await self._preparer.prepare(spec)
            if isinstance(prepared, Problem):
                return prepared
            launched = prepared
        setup: list[tuple[str, str]] = []
        if self._cgroups is not None:
            try:
                making = self._pods.get(spec.parent_id or "")
                if making is not None:
                    await asyncio.shield(making)
                setup += await self._cgroups.prepare(spec)
            except NoCgroup as error:
                return bad_request(f"Failed to prepare isolator: cgroups: {error}")
        # Limits come last: a process that may open no file could enter no cgroup.
        return attrs.evolve(launched, setup=(*launched.setup, *setup, *limits))

    def _hear(self, event: ContainerEvent) -> None:
        starting = self._starting.pop(event.container_id, None)
        if isinstance(event, ContainerExited | ContainerLaunchFailed) and event.container_id in self._sessions:
            event = self._end_session(event)
        if isinstance(event, ContainerLaunched):
            event = ContainerLaunched(event.container_id, event.pid, self._networks_of(event.container_id))
        elif isinstance(event, ContainerExited) and self._cgroups is not None:
            limited = self._cgroups.limited(event.container_id)
            if limited is not None:
                self._report(limited)
            usage = self._cgroups.used(event.container_id) or event.usage
            event = ContainerExited(event.container_id, event.status, event.message, usage)
        elif isinstance(event, ContainerLaunchFailed):
            if starting is not None and self._runtime is not None:
                cause = self._runtime.cause(event.container_id)
                event = ContainerLaunchFailed(event.container_id, self._runtime.why(starting, event.message, cause))
            self._end(self._undo(event.container_id), f"end {event.container_id}")
        self._report(event)

    def _networks_of(self, container_id: str) -> tuple[NetworkInfo, ...]:
        joined = self._network(container_id)
        return () if joined is None else joined.infos

    def _network(self, container_id: str) -> Joined | None:
        session = self._sessions.get(container_id)
        where = container_id if session is None else session[0].inside
        return None if self._networks is None or where is None else self._networks.of(where)

    def _cgroup_of(self, container_id: str) -> str:
        return "" if self._cgroups is None else self._cgroups.directory(container_id)

    async def _end_pod(self, container_id: str, making: asyncio.Task[None] | None) -> None:
        if making is not None:
            await asyncio.gather(making, return_exceptions=True)
        await self._undo(container_id)

    async def _undo(self, container_id: str) -> None:
        for watch in self._watches:
            watch.remove(container_id)
        if self._cgroups is not None:
            await self._cgroups.remove(container_id)
        if self._preparer is not None:
            await self._preparer.undo(container_id)

    def _end(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _fail(self, container_id: str, message: str) -> None:
        asyncio.get_running_loop().call_soon(self._report, ContainerLaunchFailed(container_id, message))
