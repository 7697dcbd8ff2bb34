"""The Containerizer port on dockerd.

::

    launch --> LAUNCHING (launching.py) --> RUNNING --"die"--> looked at, its output written --> told --> removed later
                  '-- destroy, or a problem: whatever was created is removed -------------------^

That a container has ended is heard, or seen when all are looked at: whenever events may have been missed, and every so
often. A kill is repeated until the container is seen to have ended, so it outlasts a dockerd that hangs or restarts. A
container stays until its exit is durably known, and then for --docker_remove_delay: whatever happens to agents, the
next one sees what has become of each.
Mesos: src/slave/containerizer/docker.cpp
"""

from __future__ import annotations

import asyncio
import functools
import signal
import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from typing import Any, Final

import structlog

from mesos_py.agent.containerizer import Attachment, ContainerSpec, KnownContainer, NotAttached
from mesos_py.agent.containerizer.cgroups.controls import MIB
from mesos_py.agent.containerizer.docker import described, execs, recovery
from mesos_py.agent.containerizer.docker.described import Ended, Inspected
from mesos_py.agent.containerizer.docker.dockerd import AGAIN_FIRST_S, AGAIN_MAX_S, Away, Dockerd, Refused
from mesos_py.agent.containerizer.docker.ends import Container, Ends
from mesos_py.agent.containerizer.docker.images import Images
from mesos_py.agent.containerizer.docker.launching import Launch, Launcher, NotLaunched
from mesos_py.agent.containerizer.docker.logs import Logs
from mesos_py.agent.containerizer.docker.removal import Remover
from mesos_py.agent.containerizer.docker.request import PREFIX, SANDBOX, Settings, limits, name_of
from mesos_py.agent.containerizer.docker.sandboxes import Sandboxes
from mesos_py.agent.containerizer.docker.sessions import Sessions
from mesos_py.agent.containerizer.docker.terminals import Terminals
from mesos_py.agent.containerizer.docker.usage import usage
from mesos_py.agent.containerizer.docker.warden import Warden
from mesos_py.agent.events import (
    ContainerEvent,
    ContainerExited,
    ContainerLaunched,
    ContainerLaunchFailed,
    ContainerLimited,
)
from mesos_py.algebra.durations import format_size
from mesos_py.wire.resource import Resource
from mesos_py.wire.stats import ResourceStatistics
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Value

#: Raw wait status of a container destroyed before it was started: killed by SIGKILL.
STATUS_KILLED: Final = 9

REMOVED: Final = "Container was removed from Docker by somebody else"

#: Fields of a HostConfig that dockerd changes while a container runs, and what the SDK calls them.
UPDATED: Final = {
    "CpuPeriod": "cpu_period", "CpuQuota": "cpu_quota", "CpuShares": "cpu_shares", "Memory": "mem_limit",
    "MemoryReservation": "mem_reservation",
}  # fmt: skip

log = structlog.get_logger(__name__)


class DockerContainerizer:
    """Containers of type DOCKER. Its parts are ready collaborators; ``report`` is called from the event loop."""

    def __init__(
        self, *, dockerd: Dockerd, images: Images, sandboxes: Sandboxes, logs: Logs, settings: Settings,
        report: Callable[[ContainerEvent], None], remove_delay_s: float, kills_orphans: bool, cgroups: str,
    ) -> None:  # fmt: skip
        """``cgroups`` is where they are mounted."""
        self._dockerd = dockerd
        self._images = images
        self._sessions = Sessions(dockerd, report)
        self._terminals = Terminals(dockerd)
        self._sandboxes = sandboxes
        self._logs = logs
        self._settings = settings
        self._report = report
        self._remove_delay_s = remove_delay_s
        self._kills_orphans = kills_orphans
        self._cgroups = cgroups
        self._warden = Warden(dockerd.socket, settings.run)
        self._launcher = Launcher(dockerd, images, sandboxes, settings, self._warden, patience_s=dockerd.timeout_s)
        self._remover = Remover(dockerd)
        self._containers: dict[str, Container] = {}
        self._ends = Ends(dockerd, logs, self._containers, over=self._over, start=self._start)
        #: ended, not acknowledged: whether they are removed at once then
        self._told: dict[str, bool] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    def owns(self, container_id: str) -> bool:
        """It runs here, or its end has not been acknowledged."""
        return container_id in self._containers or container_id in self._told or self._sessions.owns(container_id)

    # ---- the port

    def launch(self, spec: ContainerSpec) -> None:
        if self.owns(spec.container_id):
            failed = ContainerLaunchFailed(spec.container_id, "Container has already been started")
            asyncio.get_running_loop().call_soon(self._report, failed)
            return
        if spec.inside is not None:
            self._sessions.launch(spec)
            return
        one = Container(Launch(spec), resources=spec.resources)
        self._containers[spec.container_id] = one
        one.limits = one.told = self._limits(spec.resources, spec.limits)
        one.launching = asyncio.create_task(self._launcher.run(one.launch), name=f"launch {one.name}")
        one.launching.add_done_callback(functools.partial(self._after_launch, one))

    def signal(self, container_id: str, signum: int) -> None:
        """To the first process, which is what dockerd can do; SIGTERM as whichever signal the image wants instead."""
        if self._sessions.owns(container_id):
            self._sessions.signal(container_id, signum)
            return
        one = self._containers.get(container_id)
        if one is None:
            return
        if one.launching is not None:
            self.destroy(container_id)  # there is no process yet that could handle it
        else:
            number = one.stop_signal if signum == signal.SIGTERM else signum
            self._start(self._signal(one, int(number)), f"signal {one.name}")

    def destroy(self, container_id: str) -> None:
        if self._sessions.owns(container_id):
            self._sessions.destroy(container_id)
            return
        one = self._containers.get(container_id)
        if one is None or one.is_doomed:
            return
        one.is_doomed = True
        if one.launching is not None:
            one.launching.cancel()
        else:
            self._start(self._kill(one), f"kill {one.name}")

    async def run_beside(self, spec: ContainerSpec) -> int | None:
        return await execs.run_beside(self._dockerd, self._logs, spec)

    def network_of(self, container_id: str) -> str | None:
        one = self._containers.get(container_id)
        return None if one is None else one.network

    async def attach(self, container_id: str, *, types: bool) -> Attachment:
        if self._sessions.owns(container_id):
            return await self._sessions.attach(container_id, types=types)
        one = self._containers.get(container_id)
        if one is None or not one.is_terminal:
            raise NotAttached("I/O switchboard server was disabled for this container")
        return await self._terminals.attach(container_id, types=types)

    def make_sandbox(self, container_id: str, path: str, latest_link: str | None, user: str | None) -> None:
        raise NotImplementedError("no containers are nested in those of docker")

    def update(
        self, container_id: str, resources: tuple[Resource, ...], bounds: Mapping[str, Value.Scalar]
    ) -> None:
        one = self._containers.get(container_id)
        if one is None:
            return
        one.resources = resources
        one.limits = self._limits(resources, bounds)
        self._update(one)

    async def usage(self, container_ids: Iterable[str]) -> dict[str, ResourceStatistics]:
        known = [self._containers[name] for name in container_ids if name in self._containers]
        wanted = [(one.id, one.pid, one.resources) for one in known if one.pid is not None]
        return await asyncio.to_thread(
            lambda: {name: usage(pid, resources, self._cgroups) for name, pid, resources in wanted}
        )

    async def recover(self, expected: Collection[str] = ()) -> tuple[KnownContainer, ...]:
        """Of the expected only those of which there is a trace: the others are somebody else's.

        Raises OSError when dockerd does not answer.
        """
        self._dockerd.open()
        await self._logs.open()
        await self._sandboxes.open()
        try:
            summaries = await self._dockerd.insist(
                lambda client: client.containers(all=True, filters={"name": PREFIX}), patience_s=self._dockerd.timeout_s
            )
            found = recovery.sort(summaries, expected, self._settings.work_dir)
            adopted = [await self._adopt(name) for name in found.ours]
        except (Away, Refused) as error:
            raise OSError(f"dockerd at {self._dockerd.socket}: {error}") from error
        for name in found.orphans:
            log.info("orphan container", name=name, is_removed=self._kills_orphans)
            if self._kills_orphans:
                self._remover.start(self._remover.remove(name))
        self._remover.start(self._remove_over(found.over))
        for container_id in self._logs.ids():
            if container_id in expected and not self.owns(container_id):
                self._told[container_id] = False
                asyncio.get_running_loop().call_soon(self._tell, container_id, Ended(status=None, is_removed=True))
            elif container_id not in expected:
                self._logs.forget(container_id)
        await self._sessions.recover([one.name for one in self._containers.values()])
        self._ends.listen(self._settings.work_dir)
        self._looking = asyncio.create_task(self._ends.look_often(), name="look at docker's containers")
        return tuple([one for one in adopted if one is not None])

    def acknowledge(self, container_id: str) -> None:
        at_once = self._told.pop(container_id, None)
        if at_once is not None:
            self._logs.forget(container_id)
            self._remover.schedule(name_of(container_id), 0.0 if at_once else self._remove_delay_s)

    async def close(self, *, keep: bool = False) -> None:
        await self._sessions.close()
        for one in list(self._containers.values()):
            if not (keep and one.launch.spec.is_kept and one.launching is None):
                self.destroy(one.id)
        while any(one.is_doomed for one in self._containers.values()):
            await asyncio.wait(self._working | {one.launching for one in self._containers.values() if one.launching})
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        if not keep:
            for container_id in list(self._told):
                self._remover.schedule(name_of(container_id), 0.0)
        await self._remover.close(keep=keep)
        await self._images.close()
        await self._logs.close()
        await self._sandboxes.close()
        await self._warden.close()
        self._dockerd.close()

    # ---- beginnings

    def _after_launch(self, one: Container, task: asyncio.Task[Inspected]) -> None:
        one.launching = None
        error = None if task.cancelled() else task.exception()
        one.is_looked_at = task.cancelled() or error is not None  # then its end is no news
        if task.cancelled():
            self._start(self._give_up(one, ContainerExited(one.id, STATUS_KILLED)), f"give up {one.name}")
        elif error is not None:
            if not isinstance(error, NotLaunched):
                log.error("launch failed", container_id=one.id, exc_info=error)
            failed = ContainerLaunchFailed(one.id, str(error) or type(error).__name__)
            self._start(self._give_up(one, failed), f"give up {one.name}")
        else:
            self._launched(one, task.result())

    def _launched(self, one: Container, what: Inspected) -> None:
        one.pid = described.pid(what)
        one.stop_signal = described.stop_signal(what)
        one.network = described.network(what)
        lines, one.is_terminal = one.launch.spec.lines, described.has_terminal(what)
        if one.is_terminal and lines is not None:
            self._start(self._terminals.resize(one.id, lines.rows, lines.columns), f"resize {one.name}")
        self._report(
            ContainerLaunched(
                one.id, one.pid, network_infos=described.network_infos(what, one.launch.spec), data=described.data(what)
            )
        )
        self._update(one)
        if one.is_doomed:
            self._start(self._kill(one), f"kill {one.name}")
        spec = one.launch.spec
        self._logs.follow(one.id, one.name, spec.sandbox, spec.command, is_terminal=one.is_terminal)
        if one.heard_status is not None or not described.is_running(what):
            self._ends.check(one)

    async def _give_up(self, one: Container, event: ContainerExited | ContainerLaunchFailed) -> None:
        if one.launch.may_exist:
            await self._remover.remove(one.name)
        del self._containers[one.id]
        self._report(event)

    async def _adopt(self, name: str) -> KnownContainer | None:
        """A former agent's; None: it has ended, which will be told. Raises Away and Refused."""
        what = await self._dockerd.insist(
            lambda client: client.inspect_container(name), patience_s=self._dockerd.timeout_s
        )
        sandbox = str((what["Config"].get("Labels") or {}).get(SANDBOX, ""))
        spec = ContainerSpec(
            container_id=name.removeprefix(PREFIX), sandbox=sandbox, argv=(name,), executable=name, env={}, is_kept=True
        )
        one = Container(Launch(spec, may_exist=True), pid=described.pid(what), stop_signal=described.stop_signal(what))
        one.network, one.is_terminal = described.network(what), described.has_terminal(what)
        one.limits = one.told = {field: what["HostConfig"].get(field) or 0 for field in UPDATED}
        self._containers[one.id] = one
        if sandbox:
            self._logs.follow(one.id, name, sandbox, is_terminal=one.is_terminal)
        if one.pid is None or not described.is_running(what):
            self._ends.check(one)
            return None
        return KnownContainer(
            container_id=one.id, pid=one.pid, sandbox=sandbox,
            network_infos=described.network_infos(what, one.launch.spec), data=described.data(what),
        )  # fmt: skip

    # ---- what is done to them

    async def _signal(self, one: Container, signum: int) -> None:
        try:
            await self._dockerd.insist(lambda client: client.kill(one.name, signum))
        except Refused as error:
            log.info("not signalled", container_id=one.id, signum=signum, why=str(error))
            self._ends.check(one)

    async def _kill(self, one: Container) -> None:
        """Until it is seen to have ended."""
        pause = AGAIN_FIRST_S
        while self._containers.get(one.id) is one:
            await self._signal(one, signal.SIGKILL)
            await asyncio.sleep(pause)
            pause = min(pause * 2, AGAIN_MAX_S)

    def _update(self, one: Container) -> None:
        """dockerd is told what it may use, if that is news and nobody does it."""
        if one.limits != one.told and not one.is_updated and one.launching is None:
            one.is_updated = True
            self._start(self._tell_limits(one), f"update {one.name}")

    async def _tell_limits(self, one: Container) -> None:
        while one.limits != one.told:
            one.told = one.limits
            now = one.told
            fields: dict[str, Any] = {argument: now[field] for field, argument in UPDATED.items() if now[field]}
            if "mem_limit" in fields:
                fields["memswap_limit"] = 2 * fields["mem_limit"]  # as docker run has it; less than that is refused
            try:
                await self._dockerd.insist(lambda client: client.update_container(one.name, **fields))  # noqa: B023
            except Refused as error:
                log.warning("container not updated", container_id=one.id, why=str(error))
        one.is_updated = False

    def _limits(self, resources: tuple[Resource, ...], bounds: Mapping[str, Value.Scalar]) -> dict[str, int]:
        found = limits(resources, bounds, self._settings)
        return {field: found.get(field, 0) for field in UPDATED}

    # ---- ends

    def _over(self, one: Container, ended: Ended) -> None:
        del self._containers[one.id]
        self._terminals.end(one.id)
        self._told[one.id] = one.launch.is_removed_at_once
        if ended.is_out_of_memory:
            # What it had is what it may have: dockerd does not tell, and the kernel kills who has all of that.
            limit = one.limits.get("Memory", 0)
            text = f"Memory limit exceeded: Requested: {format_size(limit)} Maximum Used: {format_size(limit)}"
            taken = Resource(name="mem", type=Value.Type.SCALAR, scalar=Value.Scalar(value=limit / MIB))
            reason = TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY
            self._report(ContainerLimited(one.id, reason, text, (taken,)))
        self._tell(one.id, ended)

    def _tell(self, container_id: str, ended: Ended) -> None:
        self._report(ContainerExited(container_id, ended.status, REMOVED if ended.is_removed else ""))

    async def _remove_over(self, names: Iterable[str]) -> None:
        """Each when its delay is over, which has begun with its end."""
        for name in names:
            try:
                what = await self._dockerd.insist(lambda client, name=name: client.inspect_container(name))  # type: ignore[misc]
            except Refused:
                continue  # it has just been removed
            finished = described.finished_at(what)
            age = 0.0 if finished is None else time.time() - finished
            self._remover.schedule(name, self._remove_delay_s - age)

    # ---- parts

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._working.add(task)
        task.add_done_callback(self._worked)

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if not task.cancelled():
            task.result()  # a bug of ours is not to be lost
