"""One master, put together: options -> store, core, driver, streams, endpoints, listening socket.

    async with MasterServer(options) as master:
        ...  master.port, master.core
        problem = await master.wait()      # ends only when something has failed

What must survive it is kept in SQLite below --work_dir, or not at all without one, and it leads from the start: there
is no other master. With --zk it leads once it is elected, and the registry is in ZooKeeper, too; until then it answers
that another one leads. A master that leads no more ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import time
import uuid
from functools import partial
from typing import Self

import structlog

from mesos_py import MESOS_VERSION
from mesos_py.coordination import Records
from mesos_py.coordination.address import MasterAddress, ZooKeeperAddress, parse_address
from mesos_py.coordination.introduction import address_of, packed
from mesos_py.coordination.memory import MemoryRecords
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.coordination.sqlite_file import REGISTRY_FILE
from mesos_py.coordination.work_dir import WorkDir
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.files import Files
from mesos_py.flags import shown
from mesos_py.journal.recorder import Recorder
from mesos_py.logs import log_path
from mesos_py.loop.turns import Turns
from mesos_py.loop.watch import LoopWatch
from mesos_py.machine.driver import Driver, Stopped
from mesos_py.machine.frame import Event, PeerID
from mesos_py.machine.journal import Journal
from mesos_py.master.audit import Audit
from mesos_py.master.capabilities import MASTER_CAPABILITIES
from mesos_py.master.core import Master
from mesos_py.master.http import READONLY, READWRITE, SCHEDULER, Gate, SchedulerEndpoint
from mesos_py.master.leadership import Leadership
from mesos_py.master.legacy import LegacyEndpoints
from mesos_py.master.logbook import Logbook
from mesos_py.master.metrics import Metrics
from mesos_py.master.operator_api import OperatorEndpoint
from mesos_py.master.options import Options
from mesos_py.master.registry import Registry
from mesos_py.master.reign import Reign
from mesos_py.master.streams import MasterRim, Operators, Schedulers
from mesos_py.master.timing import TimedCore, TimedStore
from mesos_py.master.views.context import Context
from mesos_py.transport.agent_channel import PATH as AGENT_PATH
from mesos_py.transport.agent_channel import AgentChannels
from mesos_py.web.app import Application
from mesos_py.web.auth import Authenticator, parse_credentials
from mesos_py.web.files import FileEndpoints
from mesos_py.web.metrics import MetricsEndpoints
from mesos_py.web.request import Request
from mesos_py.web.response import problem
from mesos_py.web.router import Answer, Router
from mesos_py.web.server import Limits, Server
from mesos_py.web.system import LoggingLevel, SystemEndpoints
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.scheduler_api import Event as SchedulerEvent
from mesos_py.wire.value import Address

log = structlog.get_logger(__name__)



class MasterServer:
    """A running master. Made with collaborators that tests may replace: the records and the source of chance."""

    core: Master
    driver: Driver
    port: int
    leadership: Leadership
    _reign: Reign

    def __init__(self, options: Options, *, records: Records | None = None, rng: random.Random | None = None) -> None:
        """Raises ValueError for credentials, firewall rules or a --zk that make no sense."""
        self.options = options
        self._work_dir = None if options.work_dir is None else WorkDir(options.work_dir, "master")
        self._ensemble = _ensemble(options)
        self._records = records or _records(options)
        self._session: Session | None = None
        self._reigning: asyncio.Task[None] | None = None
        self._rng = rng or random.Random()
        self._app: Application | None = None
        self._turns = Turns()
        self._http = Server(self._dispatch, limits=Limits(body_bytes=options.max_request_size), turns=self._turns)
        self._watch = LoopWatch()
        self._audit: Audit | None = None
        self._driving: asyncio.Task[None] | None = None
        self._operators = Operators(
            limit=options.max_operator_event_stream_subscribers,
            heartbeat_s=options.heartbeat_interval_s,
            cap=options.max_unread_events_size,
        )
        self._authenticator = _authenticator(options)
        self._disabled = disabled_endpoints(options.firewall_rules)
        self._logbook = Logbook()
        self._recorder: Recorder | None = None
        self.leadership = Leadership()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> int:
        """Listen, and lead unless an election has to decide that; returns the port.

        Raises OSError when the address or the directory cannot be had, StoreFailed when the registry cannot be used.
        """
        started_ns = time.time_ns()
        if self._work_dir is not None:
            self._work_dir.hold()
            _tell_unused(self._work_dir, self._ensemble)
        self.port = await self._http.start(self.options.ip, self.options.port)
        info = master_info(self.options, self.port)
        if self._work_dir is not None:
            self._work_dir.announce(address_of(info))
        self.core = Master(info, self.options, self._rng)
        metrics = Metrics(self.core, started_ns=started_ns, per_framework=self.options.publish_per_framework_metrics)
        schedulers = Schedulers(
            self._tell,
            lambda peer, event: self._sent(metrics, peer, event),
            cap=self.options.max_unread_events_size,
        )
        channels = AgentChannels(self._tell, self._turns)
        observers = (metrics.observe, self._logbook.observe)
        rim = MasterRim(schedulers, self._operators, channels, observers)
        self._store = TimedStore(metrics)
        flags = shown(self.options)
        context = Context(info=info, flags=flags, started_ns=started_ns)
        if self.options.journal is not None:
            self._recorder = Recorder(
                self.options.journal, "master", self.core, size_max=self.options.journal_size, about=context.about
            )
        self.driver = Driver(
            TimedCore(self.core, metrics),
            self._store,
            rim,
            journal=Journal(),
            recorder=self._recorder,
            may_act=self.leadership.is_held,
        )
        audit = self._audit = Audit(self.core, self.driver.now, observers)
        metrics.gauges |= {
            "master/invariant_checks": lambda: audit.checks,
            "master/elected": lambda: float(self.leadership.is_leading),
            "master/operator_event_stream_subscribers": lambda: len(self._operators),
            "registrar/queued_operations": lambda: self.driver.outbox_length,
            "registrar/registry_size_bytes": lambda: len(self.core.registry.agents),
            "registrar/state_fetch_ms": lambda: 1000 * self._reign.fetch_s,
            "loop/longest_stall_ms": lambda: self._watch.longest_ms,
            "loop/longest_work_ms": lambda: self._watch.longest_work_ms,
            "loop/recent_stall_ms": self._watch.recent_ms,
        }
        self._app = self._application(context, metrics, schedulers, channels)
        self._driving = asyncio.create_task(self.driver.run(), name="master driver")
        self._watch.start()
        audit.start()
        self._reign = self._make_reign(context)
        if self._ensemble is None:
            await self._reign.lead(self._records)
            self._reigning = asyncio.create_task(self._reign.hold(self._records), name="reign")
        else:
            self._session = await Session(
                self._ensemble,
                timeout_s=self.options.zk_session_timeout_s,
                is_candidate=True,
                clock=partial(time.clock_gettime, time.CLOCK_BOOTTIME),
            ).__aenter__()
            self._reigning = asyncio.create_task(self._reign.campaign(self._session), name="reign")
        self._reigning.add_done_callback(self._reign_ended)
        log.info("master started", id=info.id, pid=info.pid, hostname=info.hostname)
        return self.port

    def _make_reign(self, context: Context) -> Reign:
        def heard(leader: MasterInfo | None) -> None:
            context.leader = leader
            log.info("leading master", id=None if leader is None else leader.id, pid=leader and leader.pid)

        def recovered(registry: Registry) -> None:
            context.elected_ns = time.time_ns()
            log.info(
                "registry recovered",
                agents=len(registry.agents),
                unreachable=len(registry.unreachable),
                gone=len(registry.gone),
            )

        return Reign(context.info, self.leadership, self.driver, self._store, heard=heard, recovered=recovered)

    def _reign_ended(self, reigning: asyncio.Task[None]) -> None:
        """Whatever ended it: from now on nothing is decided any more."""
        if self._driving is not None:
            self._driving.cancel()

    def _application(
        self, context: Context, metrics: Metrics, schedulers: Schedulers, channels: AgentChannels
    ) -> Application:
        router = Router("/master")
        gate = Gate(self.leadership)
        files = Files()
        log_file = self.options.external_log_file
        if log_file is None and self.options.log_dir is not None:
            log_file = log_path(self.options.log_dir)
        if log_file is not None:
            files.attach("/master/log", log_file)
        logging = LoggingLevel(self._logbook.set_verbosity)
        numbers = MetricsEndpoints(lambda: metrics.samples(self.driver.now()))
        scheduler = SchedulerEndpoint(self.core, self.driver, schedulers, metrics)
        operator = OperatorEndpoint(
            self.core,
            self.driver,
            context,
            files=files,
            operators=self._operators,
            metrics=numbers,
            logging=logging,
        )
        router.add("/api/v1/scheduler", scheduler, realm=SCHEDULER, gate=gate.recovered, methods=("POST",))
        router.add("/api/v1", operator, realm=READWRITE, gate=gate.recovered, methods=("POST",))
        LegacyEndpoints(self.core, self.driver, context).add_to(router, gate)
        FileEndpoints(files).add_to(router, realm=READONLY)
        numbers.add_to(router, realm=READONLY)
        SystemEndpoints(flags=context.flags, logging=logging, started_ns=context.started_ns).add_to(
            router, readonly=READONLY, readwrite=READWRITE
        )

        async def agent_link(request: Request) -> Answer:
            return await channels.handle(request.incoming)

        router.add(AGENT_PATH, agent_link, gate=gate.recovered, exact=True)
        return Application(router, self._authenticator, disabled=self._disabled)

    async def wait(self) -> str | None:
        """Returns when the master has failed: why."""
        running = [task for task in (self._reigning, self._driving) if task is not None]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                return f"{type(error).__name__}: {error}"
        return None

    async def stop(self) -> None:
        """Stop listening, end streams, forget everything."""
        self.leadership.is_leading = False
        self._watch.stop()
        if self._audit is not None:
            self._audit.stop()
        self._operators.close()
        await self._http.close()
        if self._driving is not None:
            self._driving.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._driving
        if self._reigning is not None:
            self._reigning.cancel()
            await asyncio.wait((self._reigning,))
        if self._session is not None:
            await self._session.__aexit__(None, None, None)
        await self._records.close()
        if self._recorder is not None:
            await self._recorder.close()
        if self._work_dir is not None:
            self._work_dir.release()

    # ---- glue

    async def _dispatch(self, request: Request) -> Answer:
        if self._app is None:
            return problem(503)
        try:
            return await self._app(request)
        except Stopped:
            return problem(503)

    def _tell(self, event: Event) -> None:
        self.driver.tell(event)

    def _sent(self, metrics: Metrics, peer: PeerID, event: SchedulerEvent) -> None:
        metrics.sent(self.core.state.framework_of(peer), event)


def _ensemble(options: Options) -> ZooKeeperAddress | None:
    """Where masters are elected. Raises ValueError."""
    if options.zk is None:
        return None
    address = parse_address(options.zk)
    if not isinstance(address, ZooKeeperAddress):
        raise ValueError(f"--zk={options.zk}: expecting zk://host1:port1,host2:port2/path")
    return address


def _tell_unused(work_dir: WorkDir, ensemble: ZooKeeperAddress | None) -> None:
    """Who was alone and has rivals now begins with what they know, which is nothing the first time."""
    path = os.path.join(work_dir.path, REGISTRY_FILE)
    if ensemble is not None and os.path.lexists(path):
        hint = "'mesos-py registry backup' and 'restore' copy it to --zk"
        log.warning("this registry is not used: with --zk it is in ZooKeeper", registry=path, hint=hint)


def _records(options: Options) -> Records:
    """Where the registry of a master is that has no rivals."""
    if options.work_dir is None:
        return MemoryRecords()
    return SqliteRecords(os.path.join(options.work_dir, REGISTRY_FILE))


def master_info(options: Options, port: int) -> MasterInfo:
    """How this master introduces itself."""
    ip = options.advertise_ip or options.ip
    if ip in ("0.0.0.0", "::", ""):
        ip = socket.gethostbyname(socket.gethostname())
    port = options.advertise_port or port
    hostname = options.hostname or ip
    return MasterInfo(
        id=str(uuid.uuid4()),
        ip=packed(ip),
        port=port,
        pid=f"master@{MasterAddress(ip, port)}",
        hostname=hostname,
        version=MESOS_VERSION,
        address=Address(hostname=hostname, ip=ip, port=port),
        capabilities=tuple(MasterInfo.Capability(type=kind) for kind in MASTER_CAPABILITIES),
    )


def _authenticator(options: Options) -> Authenticator:
    realms = {
        READONLY: options.authenticate_http_readonly,
        READWRITE: options.authenticate_http_readwrite,
        SCHEDULER: options.authenticate_http_frameworks,
    }
    switched_on = frozenset(realm for realm, is_on in realms.items() if is_on)
    if switched_on and options.credentials is None:
        raise ValueError("authentication is switched on, but there are no --credentials")
    return Authenticator(parse_credentials(options.credentials or "[]") if options.credentials else {}, switched_on)


def disabled_endpoints(rules: str | None) -> tuple[str, ...]:
    """Paths that ``{"disabled_endpoints":{"paths":[...]}}`` switches off. Raises ValueError."""
    if rules is None:
        return ()
    try:
        return tuple(str(path) for path in json.loads(rules)["disabled_endpoints"]["paths"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"--firewall_rules make no sense: {error!r}") from error
