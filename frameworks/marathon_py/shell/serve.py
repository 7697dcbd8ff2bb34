"""``marathon-py serve``: Marathon in one process, until it is told to stop or must not go on.

It listens at once. While another instance leads, what it is asked is relayed; once elected it reads what is kept, and
answers itself. A leader that has lost that ends: others may act already on what it does not know, and a supervisor
starts it again as a standby. Tasks go on whatever becomes of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence

import structlog
import uvloop

from frameworks.marathon_py.shell import flags as flags_of_marathon
from frameworks.marathon_py.shell import given, tls
from frameworks.marathon_py.shell.api.events import Hub
from frameworks.marathon_py.shell.api.rows import rows
from frameworks.marathon_py.shell.api.site import Api
from frameworks.marathon_py.shell.ends import BAD_FLAG, FAULTY, GRACEFUL, NO_PORT, UNCAUGHT, Ended, why
from frameworks.marathon_py.shell.flags import Flags
from frameworks.marathon_py.shell.front import Front, Leadership
from frameworks.marathon_py.shell.loggers import LEVELS, Loggers
from frameworks.marathon_py.shell.metrics.reporters import reporting
from frameworks.marathon_py.shell.metrics.requests import Requests
from frameworks.marathon_py.shell.plugins.guard import Plugins
from frameworks.marathon_py.shell.plugins.loading import PluginFailed, load
from frameworks.marathon_py.shell.process import Process
from frameworks.marathon_py.shell.program import MarathonScheduler
from frameworks.marathon_py.shell.relay import Relay
from mesos_py.cli.command import EXIT_OK, say
from mesos_py.config import UsageError
from mesos_py.coordination import Records
from mesos_py.logs import LogOptions, Threshold, set_up
from mesos_py.loop import heap
from mesos_py.sdk.elected import ElectedRecords
from mesos_py.web.request import Request
from mesos_py.web.router import Answer
from mesos_py.web.server import Limits, Server

log = structlog.get_logger(__name__)

NAME = "marathon-py serve"
EVERYWHERE = "0.0.0.0"
IDLE_S = 30.0  # of a connection; Marathon's own


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """The exit code; see ``ends``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "--help" in words or "-h" in words:
        print(flags_of_marathon.usage(NAME), end="")
        return EXIT_OK
    try:
        flags = flags_of_marathon.read(words, environ)
        threshold = Threshold(LEVELS[flags.process.logging_level])
        set_up(LogOptions(), threshold)
        for name in flags.without_effect:
            log.warning("flag changes nothing here", flag=name)
        return uvloop.run(serve(flags, threshold))
    except UsageError as error:
        say(f"{NAME}: {error}\n'{NAME} --help' lists its flags")
        return BAD_FLAG
    except Ended as ended:
        say(f"{NAME}: {ended}")
        return ended.code


async def serve(flags: Flags, threshold: Threshold) -> int:
    """The exit code of an end that was asked for. Says ``ready http://HOST:PORT`` on standard output once it listens.
    Raises Ended for every other end."""
    asked = asyncio.Event()
    ends: list[int] = []

    def end(code: int) -> None:
        ends.append(code)
        asked.set()

    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, end, EXIT_OK)
    try:
        whole = _Serving(flags, threshold, lambda: end(GRACEFUL))
    except PluginFailed as error:
        raise why(error) from error
    serving = asyncio.create_task(whole.run(), name="marathon")
    waiting = asyncio.create_task(asked.wait(), name="told to end")
    try:
        with heap.steady():
            await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    except (Ended, UsageError):
        raise
    except Exception as error:
        ended = why(error)
        if ended.code == UNCAUGHT:
            log.exception("failed", error=repr(error))
        raise ended from error
    finally:
        for task in (serving, waiting):
            task.cancel()
        await asyncio.gather(serving, waiting, return_exceptions=True)
    return ends[0] if ends else EXIT_OK


class _Elected(MarathonScheduler):
    """One of several: it begins when it is elected, if what is kept is in ZooKeeper."""

    def __init__(self, place: Records | None, **settings: object) -> None:
        """``place`` None: as ``store`` says."""
        super().__init__(**settings)
        self._place = place

    async def open_place(self) -> Records:
        return self._place or await super().open_place()


class _Serving:
    """The whole process, put together."""

    def __init__(self, flags: Flags, threshold: Threshold, abdicated: Callable[[], None]) -> None:
        """``abdicated`` is called when the leader is to end. Raises UsageError, PluginFailed."""
        self._flags, self._threshold, self._abdicated = flags, threshold, abdicated
        self._leadership = Leadership("")
        self._preparing: asyncio.Timeout | None = None
        process = flags.process
        self._zookeeper, self._tls = given.zookeeper(process), given.certificate(process)
        self._basic, self._secret = given.password(process), given.secret(flags.scheduling)
        self._reporters = given.reporters(process)
        self._plugins = Plugins(load(process.plugin_conf) if process.plugin_conf is not None else ())

    async def run(self) -> None:
        """Until it is cancelled. Raises what has ended it otherwise."""
        process, leadership = self._flags.process, self._leadership
        async with contextlib.AsyncExitStack() as stack:
            server = Server(self._asked, limits=Limits(idle_s=IDLE_S), compresses=process.http_compression)
            stack.push_async_callback(server.close)
            leadership.ours = await self._listen(server)
            trusted = None
            if process.ssl_keystore_path is not None:
                trusted = tls.of_client(process.ssl_keystore_path, process.leader_proxy_ssl_ignore_hostname)
            relay = Relay(
                leadership.ours.partition("://")[2], connect_s=process.leader_proxy_connection_timeout_s,
                read_s=process.leader_proxy_read_timeout_s,
                connections_max=process.leader_proxy_max_open_connections, trusted=trusted,
            )  # fmt: skip
            stack.push_async_callback(relay.close)
            self._front = Front(
                leadership, relay, identify=self._identify, requests_max=process.http_max_concurrent_requests,
                origins=process.access_control_allow_origin, requests=Requests(lambda: server.gzipped_bytes),
            )  # fmt: skip
            print(f"ready {leadership.ours}", flush=True)
            await self._lead()

    async def _listen(self, server: Server) -> str:
        """The URL under which others reach us: http, or https if that is all there is."""
        process, name = self._flags.process, self._flags.process.hostname or socket.gethostname()
        ours = ""
        places = [("https", process.https_address, process.https_port)] if self._tls is not None else []
        places += [("http", process.http_address, process.http_port)] if process.http else []
        for scheme, address, wanted in places:
            try:
                port = await server.start(address or EVERYWHERE, wanted, self._tls if scheme == "https" else None)
            except OSError as error:
                raise Ended(f"cannot listen on port {wanted}: {error}", NO_PORT) from error
            ours = f"{scheme}://{name}:{port}"
            log.info("listening", url=ours)
            if self._basic is None and not self._plugins.asks_who and not given.is_loopback(address):
                log.warning("whoever reaches this may run anything: nobody is asked who he is", url=ours)
        return ours

    async def _asked(self, request: Request) -> Answer:
        return await self._front(request)

    async def _identify(self, request: Request) -> None:
        if self._basic is not None:
            self._basic.identify(request)
        await self._plugins.identify(request)

    # ---- leading

    async def _lead(self) -> None:
        """As a candidate, as the leader being prepared, and as the leader."""
        leadership, origins = self._leadership, self._flags.process.access_control_allow_origin
        scheduler = self._scheduler()
        async with contextlib.AsyncExitStack() as stack:
            limit = self._preparing = asyncio.timeout(None)  # until it is elected
            try:
                async with limit:
                    await stack.enter_async_context(scheduler)
            except TimeoutError as error:
                if limit.expired():
                    raise Ended("elected, but not prepared in time", FAULTY) from error
                raise
            self._preparing = None
            process = Process(
                scheduler, self._flags.shown(), leadership.ours, self._plugins, self._front.requests,
                Loggers(self._threshold, self._flags.process.logging_level), self._abdicated,
            )  # fmt: skip
            hub = Hub(process)
            stack.push_async_callback(hub.close)
            prefix = self._flags.process.metrics_name_prefix
            await stack.enter_async_context(reporting(self._reporters, process.readings, prefix))
            leadership.leader, leadership.site = leadership.ours, Api(process, rows(hub), origins)
            log.info("leading", address=leadership.ours, framework_id=scheduler.framework_id)
            try:
                await scheduler.serve()
            finally:
                leadership.leader = leadership.site = None

    def _heard(self, leader: str | None) -> None:
        """The election has a result: a URL as ``Leadership`` has it."""
        leadership, process = self._leadership, self._flags.process
        leadership.leader = leader
        if leader == leadership.ours and self._preparing is not None:
            self._preparing.reschedule(asyncio.get_running_loop().time() + process.on_elected_prepare_timeout_s)
        log.info("a leader was elected" if leader else "nobody leads", leader=leader, ours=leadership.ours)

    def _scheduler(self) -> MarathonScheduler:
        flags, process, settings = self._flags, self._flags.process, self._flags.scheduling
        place: Records | None = None
        store = "memory" if process.internal_store_backend == "mem" else ""
        if self._zookeeper is not None:
            place = elected = ElectedRecords(
                self._zookeeper, self._leadership.ours, heard=self._heard, timeout_s=process.zk_session_timeout_s,
                reached_within_s=process.zk_connection_timeout_s,
            )  # fmt: skip
            self._leadership.is_held = lambda: elected.is_held
        elif not store and process.state_file is not None:
            store = f"sqlite:{process.state_file}"
        return _Elected(
            place, store=store, master=settings.master, name=settings.framework_name, roles=(settings.mesos_role,),
            user=settings.mesos_user, failover_timeout_s=settings.failover_timeout_s, checkpoint=settings.checkpoint,
            principal=settings.mesos_authentication_principal or "", secret=self._secret,
            habits=flags.habits(), settings=flags.settings(), hooks=self._plugins.hooks(),
            webui_url=process.webui_url or self._leadership.ours, backup_location=process.backup_location or "",
            probes_at_once=settings.max_concurrent_marathon_health_checks,
        )  # fmt: skip
