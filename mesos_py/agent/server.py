"""One agent, put together: options -> core, driver, containerizer, HTTP, link to the master.

    async with AgentServer(options) as agent:      # recovered, listening, looking for its master
        await agent.wait()                         # until it is told to end

Stopping leaves the executors of checkpointing frameworks running: the next agent on the same work directory takes them
up again, as it does when this one is killed. The others end with it; so does everything when nothing is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import structlog

from mesos_py.agent import events, sandboxes
from mesos_py.agent.api.endpoints import AgentHttp
from mesos_py.agent.checkpoint import recovery
from mesos_py.agent.checkpoint.former import FormerRun
from mesos_py.agent.containerizer import Containerizer
from mesos_py.agent.containerizer.compose import compose, make_fetcher, mapped_ids
from mesos_py.agent.core import Agent
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.parting import left_running
from mesos_py.agent.probe import Prober
from mesos_py.agent.provisioner.provisioner import Provisioner, ProvisionerSettings
from mesos_py.agent.provisioner.puller import Limits
from mesos_py.agent.registration import Phase
from mesos_py.agent.resources import of_agent
from mesos_py.agent.rim import AgentRim
from mesos_py.algebra.parse import parse_attributes
from mesos_py.algebra.resources import Resources
from mesos_py.coordination.address import parse_address
from mesos_py.coordination.locator import Locator
from mesos_py.coordination.work_dir import WorkDir
from mesos_py.files import Files
from mesos_py.journal.recorder import Recorder
from mesos_py.logs import log_path
from mesos_py.machine.driver import Driver, Stopped
from mesos_py.machine.frame import Event, PeerID
from mesos_py.machine.journal import Journal
from mesos_py.machine.values import SECOND
from mesos_py.transport.master_link import MasterLink
from mesos_py.web.metrics import Timer
from mesos_py.web.server import Server
from mesos_py.wire.agent import AgentInfo

log = structlog.get_logger(__name__)

Report = Callable[[Any], None]
Locate = Callable[[], Awaitable[str]]

LEAVE_TIMEOUT_S = 1.0  # for the last words to the master
JOURNAL_LENGTH = 500  # events; they hold what executors send, which may be megabytes each
SANDBOXES_AT_ONCE = 1_000  # of earlier runs, told in one event
STOP_TIMEOUT_S = 10.0  # for containers to be destroyed when the agent ends


class AgentServer:
    """An agent and everything it needs. ``port`` is known once it has been entered."""

    def __init__(
        self,
        options: AgentOptions,
        *,
        containerizer: Callable[[Report], Containerizer] | None = None,
        locate: Locate | None = None,
        rng: random.Random | None = None,
        keeps: bool = True,
        boot_id: str | None = None,
    ) -> None:
        """Without ``keeps`` nothing outlives it. ``boot_id`` stands for what the host says of its last boot."""
        self.options = options
        self.keeps = keeps
        self.files = Files()
        if options.log_dir is not None:
            self.files.attach("/slave/log", log_path(options.log_dir))
        self.port = options.port
        #: None: without --image_providers
        self.provisioner = _provisioner(options)
        self._fetcher = make_fetcher(options)
        #: how long dockerd takes to pull an image
        self._docker_pulls = Timer("containerizer/docker/image_pull_ms")
        self._make_containerizer = containerizer or functools.partial(
            compose, options, provisioner=self.provisioner, fetcher=self._fetcher, docker_pulls=self._docker_pulls
        )
        self._locator = None if locate else Locator(parse_address(options.master), self._master_moved)
        self._locate = locate or self._locator.locate  # type: ignore[union-attr]
        self._link: MasterLink | None = None
        self._work_dir = WorkDir(options.work_dir, "agent")
        self._former = FormerRun(options, boot_id)
        #: what was reported before the core has recovered
        self._early: list[Event] | None = []
        self._rng = rng or random.Random(os.urandom(16))
        self._tasks: list[asyncio.Task[None]] = []
        self._ended: asyncio.Future[str | None] | None = None
        self._server: Server | None = None
        self._recorder: Recorder | None = None
        self._prober: Prober | None = None
        #: the connection to the master has ended
        self._left = asyncio.Event()
        self._is_closing = False
        #: tasks that run on after the end of this agent
        self.left_running = 0
        self.core: Agent
        self.driver: Driver
        self.containerizer: Containerizer

    async def __aenter__(self) -> Self:
        """Listening and recovered.

        Raises ValueError for senseless options, OSError for a port or work_dir in use, StoreFailed and RecoveryFailed
        when what a former run has kept cannot be used, or not with these options.
        """
        options = self.options
        self._ended = asyncio.get_running_loop().create_future()
        rim = AgentRim(self.files, self.tell, self._end, keeps=self.keeps)
        http = AgentHttp(options, self.files)
        self._server = Server(http)
        try:
            self._work_dir.hold()
            rim.watch(options.work_dir)
            if self.provisioner is not None:
                await self.provisioner.open()
            began = time.monotonic()
            if self.keeps:
                await self._former.read(self._room_changed)
            self.port = await self._former.listen(self._server)
            self._work_dir.announce(f"{options.ip}:{self.port}")
            info = self._info()
            state = await self._former.settle(info)
            store = self._former.store
            link_rng = random.Random(self._rng.random())  # the core's own is drawn from by its events alone
            self.core = self._make_core(info)
            if options.journal is not None:
                self._recorder = Recorder(
                    options.journal, "agent", self.core, size_max=options.journal_size, about=http.about
                )
            self.driver = Driver(
                self.core, store, rim, journal=Journal(JOURNAL_LENGTH), recorder=self._recorder
            )
            self.containerizer = self._make_containerizer(self._report)
            rim.containerizer = self.containerizer
            rim.prober = self._prober = Prober(self.containerizer, self.tell)
            rim.link = self._link = MasterLink(self._locate, self, rng=link_rng)
            http.serve(self.core, self.driver, rim, self.containerizer, self.provisioner, self._fetcher.cache)
            pulls = () if self.provisioner is None else (self.provisioner.pull_time,)
            http.metrics.timers = (self._docker_pulls, *pulls)
            self._start(self.driver.run(), "agent driver")
            running = await self.containerizer.recover(recovery.expected(state))
            if self.provisioner is not None:
                await self.provisioner.recover([one.container_id for one in running])
                if options.image_gc_config is not None:
                    self._start(self.provisioner.watch_disk(), "images' disk")
            self._recovered(events.Recovered(running, state, len(self._former.problems)))
            http.metrics.recovery_s = time.monotonic() - began
            if store is not None:
                self._start(store.watch(), "room")
            self._start(self._find_sandboxes(), "find sandboxes", is_eternal=False)
            if self._locator is not None:
                self._start(self._locator.run(), "locator")
            self._start(rim.link.run(), "link to the master")
        except BaseException:
            await self._close()
            raise
        log.info("agent listens", ip=options.ip, port=self.port, work_dir=options.work_dir)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def wait(self) -> str | None:
        """Until the agent has ended by itself: None, or what was wrong. Raises what stopped its driver."""
        assert self._ended is not None
        return await asyncio.shield(self._ended)

    def stop(self, *, unregister: bool = False) -> None:
        """Ask the agent to end; ``wait`` returns then."""
        self.tell(Event(events.StopRequested, events.StopRequested(unregister)))

    def tell(self, event: Event) -> None:
        self.driver.tell(event)

    # ---- the link's listener

    def master_connected(self, peer: PeerID, address: str) -> None:
        if self.core.registration.phase is not Phase.TERMINATING:
            self._left.clear()
        self.tell(Event(events.MasterConnected, events.MasterConnected(peer, address)))

    def master_said(self, peer: PeerID, message: Any, size: int) -> None:
        self.tell(Event(type(message), message, peer, size=size))

    def master_lost(self, peer: PeerID) -> None:
        if self._is_closing:
            return  # it is we who part
        self.tell(Event(events.MasterLost, events.MasterLost(peer)))
        self._left.set()

    # ---- parts

    def _report(self, event: Any) -> None:
        if self._early is None:
            self.tell(Event(type(event), event))
        else:
            self._early.append(Event(type(event), event))

    def _recovered(self, event: events.Recovered) -> None:
        self.tell(Event(events.Recovered, event))
        early, self._early = self._early or [], None
        for one in early:
            self.tell(one)

    def _info(self) -> AgentInfo:
        options = self.options
        ip = options.advertise_ip or options.ip
        port = options.advertise_port or self.port
        return AgentInfo(
            hostname=options.hostname or ip,
            port=port,
            resources=of_agent(options),
            attributes=parse_attributes(options.attributes) if options.attributes else (),
        )

    def _make_core(self, info: AgentInfo) -> Agent:
        options = self.options
        ip, work_dir = options.advertise_ip or options.ip, os.path.realpath(options.work_dir)
        total = Resources.of(info.resources)
        return Agent(options, info, total, work_dir=work_dir, ip=ip, port=info.port, rng=self._rng)

    def _master_moved(self) -> None:
        if self._link is not None:
            self._link.leave()

    def _room_changed(self, has_room: bool) -> None:
        self.tell(Event(events.RoomChanged, events.RoomChanged(has_room)))

    async def _find_sandboxes(self) -> None:
        found = await asyncio.to_thread(sandboxes.find, os.path.realpath(self.options.work_dir))
        for start in range(0, len(found), SANDBOXES_AT_ONCE):
            some = found[start : start + SANDBOXES_AT_ONCE]
            self.tell(Event(events.SandboxesFound, events.SandboxesFound(some)))
            await asyncio.sleep(0)

    def _start(self, work: Any, name: str, *, is_eternal: bool = True) -> None:
        task = asyncio.create_task(work, name=name)
        if is_eternal:
            task.add_done_callback(self._task_ended)
        self._tasks.append(task)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if self._ended is not None and not self._ended.done() and not task.cancelled():
            error = task.exception()
            self._ended.set_exception(error if error is not None else RuntimeError(f"{task.get_name()} has ended"))

    def _end(self, problem: str | None) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(problem)

    async def _leave(self) -> None:
        """Tell the master that nothing of what runs here will be heard of again, unless a later agent will know it."""
        if self.keeps or not hasattr(self, "driver") or self.core.registration.peer is None:
            return
        if self.core.registration.phase is not Phase.TERMINATING:
            self.stop(unregister=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await self._left.wait()

    async def _close(self) -> None:
        """Everything ends, last the driver, so that what the others say is still heard."""
        await self._leave()
        self._is_closing = True
        for task in reversed(self._tasks[1:]):
            task.cancel()
        await asyncio.gather(*self._tasks[1:], return_exceptions=True)
        if self._server is not None:
            await self._server.close()
        if self._prober is not None:
            await self._prober.close()
        are_left = True
        if hasattr(self, "containerizer"):
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    are_left = await self._part_from_containers()
            except TimeoutError:
                log.error("containers are left running", work_dir=self.options.work_dir)
        if self.provisioner is not None:
            await self.provisioner.close(keep=are_left)
        for task in self._tasks[:1]:
            task.cancel()
        await asyncio.gather(*self._tasks[:1], return_exceptions=True)
        if self._recorder is not None:
            await self._recorder.close()
        store, self._former.store = self._former.store, None
        if store is not None:
            await store.close()
        self._work_dir.release()

    async def _part_from_containers(self) -> bool:
        """Whether anything runs on. What was heard of exits is kept before."""
        with contextlib.suppress(Stopped):
            await self.driver.barrier()
        left = left_running(self.core) if self.keeps else None
        await self.containerizer.close(keep=left is not None)
        if left is None:
            return False
        self.left_running = left
        log.info("tasks are left running", tasks=left, work_dir=self.options.work_dir)
        return True


def _provisioner(options: AgentOptions) -> Provisioner | None:
    if options.image_providers is None:
        return None
    return Provisioner(
        ProvisionerSettings(
            work_dir=os.path.realpath(options.work_dir),
            store_dir=options.docker_store_dir,
            registry=options.docker_registry,
            docker_config=options.docker_config,
            backend=options.image_provisioner_backend,
            gc=options.image_gc_config,
            limits=Limits(stall_timeout_s=options.fetcher_stall_timeout / SECOND),
            ids=mapped_ids(options),
        )
    )
