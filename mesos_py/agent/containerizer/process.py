"""Containers as plain processes below the supervisor; Mesos' "mesos" containerizer with the posix launcher.

One launch is a row in a table and at most two processes of the supervisor, one after the other::

    uris?  --yes-->  FETCHING (process "ID#fetch")  --exit 0-->  STARTING  --LAUNCHED-->  RUNNING  --EXITED--> gone
       \\-no------------------------------------------------------^

(How many processes a fetch takes, and whom it waits for, is the fetcher's affair.)

No asyncio task waits for a container: a command is written, and the supervisor's word moves the row on. If the
supervisor itself dies, another is started and told to destroy every container of the table, whose exits are then
reported with an unknown status: unsupervised processes are never left running.
Mesos: src/slave/containerizer/mesos/containerizer.cpp
"""

from __future__ import annotations

import asyncio
import enum
import functools
import os
from collections.abc import Callable, Collection, Iterable, Mapping

import attrs
import structlog

from mesos_py.agent import fetcher
from mesos_py.agent.containerizer import NO_SANDBOX, Attachment, ContainerSpec, KnownContainer, NotStarted
from mesos_py.agent.containerizer.attachment import SupervisorAttachment
from mesos_py.agent.containerizer.beside import BESIDE, Beside, launch_frame
from mesos_py.agent.containerizer.client import SupervisorClient, SupervisorSettings
from mesos_py.agent.containerizer.members import AT_ONCE, Members
from mesos_py.agent.containerizer.rotation import Rotation
from mesos_py.agent.containerizer.supervisor import frames
from mesos_py.agent.events import (
    ContainerEvent,
    ContainerExited,
    ContainerLaunched,
    ContainerLaunchFailed,
    DirectoryFailed,
)
from mesos_py.agent.fetcher.fetching import Fetcher
from mesos_py.agent.usage import measure
from mesos_py.machine.usage import Usage
from mesos_py.wire.resource import Resource
from mesos_py.wire.stats import ResourceStatistics
from mesos_py.wire.value import Value

#: What the supervisor calls the process that fetches for a container.
FETCH = b"#fetch"

#: Raw wait status of a container destroyed before it was started: killed by SIGKILL.
STATUS_KILLED = 9

#: Between attempts to start another supervisor (seconds): first, and at most.
REOPEN_FIRST_S, REOPEN_MAX_S = 0.1, 5.0

log = structlog.get_logger(__name__)


class _Phase(enum.Enum):
    FETCHING = enum.auto()
    STARTING = enum.auto()
    RUNNING = enum.auto()


@attrs.define(eq=False, slots=True)
class _Container:
    id: str
    key: bytes
    phase: _Phase
    #: kept until started
    spec: ContainerSpec | None
    resources: tuple[Resource, ...] = ()
    #: destroy was asked for while fetching
    is_doomed: bool = False


class ProcessContainerizer:
    """The Containerizer port on real processes.

    `report` is called from the event loop with the events of a container, never from within `launch`.
    """

    def __init__(
        self,
        *,
        work_dir: str,
        runtime_dir: str,
        report: Callable[[ContainerEvent], None],
        fetching: Fetcher | None = None,
        idle_s: float = 10.0,
        orphan_s: float = 15 * 60.0,
        cgroup_of: Callable[[str], str] = lambda container_id: "",
        rotation: Rotation | None = None,
        link: Callable[[ContainerSpec], str | None] = lambda spec: None,
    ) -> None:
        """``cgroup_of`` says by which directory all of a container is killed, if there is one.

        Without ``rotation`` containers write their files themselves. ``link`` puts volumes into the sandbox,
        or says why it cannot.
        """
        self._settings = SupervisorSettings(
            work_dir=os.path.abspath(work_dir), runtime_dir=runtime_dir, idle_s=idle_s, orphan_s=orphan_s
        )
        self._fetcher = fetching or Fetcher(fetcher.FetcherSettings())
        self._report = report
        self._cgroup_of = cgroup_of
        self._rotation = rotation
        self._link = link
        self._containers: dict[str, _Container] = {}
        self._client: SupervisorClient | None = None
        self._members = Members(self._send)
        self._beside = Beside(self._send)
        self._restart: asyncio.Task[None] | None = None
        self._is_closed = False
        self._is_quiet = asyncio.Event()

    @property
    def supervisor_pid(self) -> int:
        """0 while there is none."""
        return self._client.pid if self._client is not None else 0

    # ---- the port

    async def recover(self, expected: Collection[str] = ()) -> tuple[KnownContainer, ...]:
        os.makedirs(self._settings.work_dir, exist_ok=True)
        await self._fetcher.open()
        self._client, running = await SupervisorClient.open(
            self._settings, on_frame=self._hear, on_lost=self._lost
        )  # fmt: skip
        known = []
        for _, key, pid, sandbox, signalled in running:
            if key.endswith(FETCH) or BESIDE in key:
                # The agent that wanted it is gone, and with it what was to be started or learned.
                self._client.send(frames.DESTROY, key, b"")
                continue
            container_id = os.fsdecode(key)
            self._containers[container_id] = _Container(container_id, key, _Phase.RUNNING, None)
            known.append(
                KnownContainer(
                    container_id=container_id,
                    pid=int(pid),
                    sandbox=os.fsdecode(sandbox),
                    is_signalled=signalled == b"1",
                )
            )
        for container_id in expected:
            if container_id not in self._containers:
                # Either its exit waits to be told, or whatever another supervisor left of it is destroyed.
                self._client.send(frames.DESTROY, *self._whole(container_id))
        asyncio.get_running_loop().call_soon(self._client.listen)
        return tuple(known)

    def launch(self, spec: ContainerSpec) -> None:
        if spec.container_id in self._containers:
            self._refuse(spec.container_id, "Container has already been started")
            return
        problem = fetcher.validate(spec.uris)
        problem = self._link(spec) if problem is None else f"Could not fetch: {problem}"
        if problem is not None:
            self._refuse(spec.container_id, problem)
            return
        try:
            spec = self._bounded(spec)
        except ValueError as exc:
            self._refuse(spec.container_id, str(exc))
            return
        key = os.fsencode(spec.container_id)
        container = _Container(spec.container_id, key, _Phase.STARTING, spec, resources=spec.resources)
        self._containers[spec.container_id] = container
        if spec.uris:
            container.phase = _Phase.FETCHING
            self._fetcher.begin(
                spec, functools.partial(self._start_helper, container), functools.partial(self._fetched, container)
            )
        else:
            self._start(container, key, spec.executable, spec.argv, spec.env)

    def signal(self, container_id: str, signum: int) -> None:
        container = self._containers.get(container_id)
        if container is None:
            return
        if container.phase is _Phase.FETCHING:
            self.destroy(container_id)  # there is no process of the user's yet that could handle it
        else:
            self._send(frames.SIGNAL, container.key, b"%d" % signum)

    def destroy(self, container_id: str) -> None:
        container = self._containers.get(container_id)
        if container is None:
            return
        if container.phase is _Phase.FETCHING:
            if self._fetcher.is_running(container_id):
                container.is_doomed = True
                self._send(frames.DESTROY, container.key + FETCH, b"")
            else:
                asyncio.get_running_loop().call_soon(self._give_up, container)
        else:
            self._send(frames.DESTROY, *self._whole(container_id))

    async def run_beside(self, spec: ContainerSpec) -> int | None:
        try:
            bounded = self._bounded(spec)
        except ValueError as exc:  # the flags have changed since its launch
            raise NotStarted(str(exc)) from exc
        return await self._beside.run(bounded)

    def network_of(self, container_id: str) -> str | None:
        return None

    async def attach(self, container_id: str, *, types: bool) -> Attachment:
        return await SupervisorAttachment.open(self._settings.directory, container_id, types=types)

    def make_sandbox(self, container_id: str, path: str, latest_link: str | None, user: str | None) -> None:
        fields = [container_id, path, latest_link or "", user or ""]
        self._send(frames.MAKE_SANDBOX, *[os.fsencode(field) for field in fields])

    def update(
        self, container_id: str, resources: tuple[Resource, ...], limits: Mapping[str, Value.Scalar]
    ) -> None:
        container = self._containers.get(container_id)
        if container is not None:
            container.resources = resources

    def acknowledge(self, container_id: str) -> None:
        self._send(frames.ACKNOWLEDGE, os.fsencode(container_id))

    async def usage(self, container_ids: Iterable[str]) -> dict[str, ResourceStatistics]:
        wanted = [self._containers[name] for name in container_ids if name in self._containers]
        found = {}
        for start in range(0, len(wanted) if self._client is not None else 0, AT_ONCE):
            batch = wanted[start : start + AT_ONCE]
            answer = await self._members.ask([container.key for container in batch])
            for container, pids in zip(batch, answer, strict=False):
                if pids:
                    found[container.id] = measure(pids, container.resources)
        return found

    async def close(self, *, keep: bool = False) -> None:
        self._is_closed = True
        if self._restart is not None:
            self._restart.cancel()
            await asyncio.gather(self._restart, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await (client.close() if keep else client.quit())

    # ---- words to the supervisor

    def _start_helper(self, container: _Container, argv: tuple[str, ...], env: Mapping[str, str]) -> bool:
        self._start(container, container.key + FETCH, argv[0], argv, env, frames.HELPER)
        return self._containers.get(container.id) is container

    def _start(
        self, container: _Container, key: bytes, executable: str, argv: Iterable[str], env: Mapping[str, str],
        kind: bytes = b"",
    ) -> None:  # fmt: skip
        spec = container.spec
        assert spec is not None
        if kind != frames.HELPER and spec.is_kept:
            kind = frames.KEPT
        try:
            cgroup = b"" if kind == frames.HELPER else os.fsencode(self._cgroup_of(spec.container_id))
            self._send(*launch_frame(key, spec, executable, argv, env, kind, cgroup))
        except ValueError as exc:  # FrameError and UnicodeError are ValueErrors
            del self._containers[container.id]
            self._refuse(container.id, f"Failed to execute '{executable}': {exc}")

    def _bounded(self, spec: ContainerSpec) -> ContainerSpec:
        """Raises ValueError when it wants its files bounded in a way that makes no sense."""
        return spec if self._rotation is None else attrs.evolve(spec, logs=self._rotation.bounds(spec.command))

    def _whole(self, container_id: str) -> tuple[bytes, bytes]:
        """Its name and the cgroup that holds all of it."""
        return os.fsencode(container_id), os.fsencode(self._cgroup_of(container_id))

    def _send(self, *fields: bytes) -> None:
        if self._client is None:
            if not self._is_closed and self._restart is None:
                raise RuntimeError("recover() comes before anything else")
            return  # the supervisor has died: what it ran is being destroyed, launches are answered then
        self._client.send(*fields)

    def _refuse(self, container_id: str, message: str) -> None:
        asyncio.get_running_loop().call_soon(
            self._report, ContainerLaunchFailed(container_id=container_id, message=message)
        )

    # ---- words of the supervisor

    def _hear(self, frame: list[bytes]) -> None:
        word = frame[0]
        if word == frames.MEMBERS:
            self._members.hear(frame)
            return
        key = frame[1]
        if BESIDE in key:
            if word == frames.EXITED:
                self._send(frames.ACKNOWLEDGE, key)
            self._beside.hear(frame)
            return
        is_fetch = key.endswith(FETCH)
        container_id = os.fsdecode(key.removesuffix(FETCH))
        container = self._containers.get(container_id)
        if word == frames.LAUNCHED:
            if container is not None and not is_fetch:
                container.phase, container.spec = _Phase.RUNNING, None
                self._report(ContainerLaunched(container_id=container_id, pid=int(frame[2])))
        elif word == frames.FAILED:
            self._failed(container_id, container, is_fetch, frame[2].decode(errors="replace"))
        elif word == frames.EXITED:
            status = int(frame[2]) if frame[2] else None
            if is_fetch:
                self._send(frames.ACKNOWLEDGE, key)
                if container is not None and container.is_doomed:
                    self._give_up(container)
                elif container is not None:
                    self._fetcher.ended(container_id, status, frame[3].decode(errors="replace"))
            else:
                self._exited(container_id, container, status, Usage.reported(b"".join(frame[4:])))
        elif word == frames.SANDBOX_FAILED:
            message = frame[2].decode(errors="replace")
            self._report(DirectoryFailed(container_id=container_id, message=message))

    def _failed(self, container_id: str, container: _Container | None, is_fetch: bool, text: str) -> None:
        if container is None:
            return
        if is_fetch and container.is_doomed:
            self._give_up(container)
            return
        del self._containers[container_id]
        self._fetcher.forget(container_id)
        is_fault_of_fetch = is_fetch and not text.startswith(NO_SANDBOX)
        message = fetcher.failure(container_id, text) if is_fault_of_fetch else text
        self._report(ContainerLaunchFailed(container_id=container_id, message=message))

    def _give_up(self, container: _Container) -> None:
        """It was destroyed before its process was started."""
        if self._containers.get(container.id) is container:
            del self._containers[container.id]
            self._fetcher.forget(container.id)
            self._report(ContainerExited(container_id=container.id, status=STATUS_KILLED))

    def _fetched(self, container: _Container, problem: str | None) -> None:
        spec = container.spec
        assert spec is not None
        if problem is None:
            container.phase = _Phase.STARTING
            self._start(container, container.key, spec.executable, spec.argv, spec.env)
        else:
            del self._containers[container.id]
            self._report(ContainerLaunchFailed(container_id=container.id, message=problem))

    def _exited(self, container_id: str, container: _Container | None, status: int | None, used: Usage | None) -> None:
        if container is not None:
            del self._containers[container_id]
            if container.phase is _Phase.STARTING and status is None:
                # After the loss of a supervisor: whether it was started is not known, that it is gone is. (With a
                # status it was destroyed while a runtime was starting it.)
                self._report(
                    ContainerLaunchFailed(container_id=container_id, message="The supervisor ended during the launch")
                )
                self.acknowledge(container_id)
                return
        # A container unknown to us ended while no agent was there, or is told again: its owner knows what to do.
        self._report(ContainerExited(container_id=container_id, status=status, usage=used))

    # ---- a supervisor that died

    def _lost(self) -> None:
        log.warning("the supervisor has ended", containers=len(self._containers))
        self._client = None
        self._members.lose()
        if not self._is_closed:
            self._restart = asyncio.get_running_loop().create_task(self._start_over(), name="restart supervisor")

    async def _start_over(self) -> None:
        """Another supervisor destroys all that the dead one ran; each container's end is then reported as usual."""
        client, _ = await self._reopen()
        self._client = client
        self._beside.restart()
        for container in self._containers.values():
            if container.phase is not _Phase.FETCHING:
                client.send(frames.DESTROY, *self._whole(container.id))
            elif self._fetcher.is_running(container.id):
                client.send(frames.DESTROY, container.key + FETCH, b"")
        client.listen()
        self._restart = None

    async def _reopen(self) -> tuple[SupervisorClient, list[list[bytes]]]:
        """Try until it works: without a supervisor the agent can do nothing, and its containers run unwatched."""
        pause_s = REOPEN_FIRST_S
        while True:
            try:
                return await SupervisorClient.open(self._settings, on_frame=self._hear, on_lost=self._lost)
            except OSError as exc:  # SupervisorUnavailable is one, too
                log.error("no supervisor", directory=self._settings.directory, error=str(exc))
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, REOPEN_MAX_S)
