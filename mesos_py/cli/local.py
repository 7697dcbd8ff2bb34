"""A whole cluster in one process: one master and a few agents, over real HTTP on one address.

Everything is as it is in a real cluster, but that the parts share an event loop: agents connect to the master's port,
tasks are processes under each agent's supervisor. One process was chosen by measurement on two busy cores: a master
and three agents are ready after 1 to 2 s and take 57 MB, four processes 6 s and 227 MB; idle, they use 1 % of a core.

Prints ``ready http://HOST:PORT`` on a line of its own on standard output once every agent is registered, and nothing
else there, but with ``--marathon`` a line ``marathon http://HOST:PORT`` before it. SIGINT and SIGTERM end it, and with
it every process of every task; the working directory goes, too. With ``--work_dir`` it is a cluster that can be
stopped, or killed, and started again: agents have the ids and ports that they had, and tasks of frameworks that
checkpoint run on.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import tempfile
from collections.abc import Coroutine, Sequence
from typing import Any

import attrs
import structlog

from mesos_py.agent.checkpoint.former import RecoveryFailed
from mesos_py.agent.containerizer.isolation import SANDBOX_PATH
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.server import AgentServer
from mesos_py.cli.beside import Beside
from mesos_py.cli.command import EXIT_OK, Command, CommandFailed, say
from mesos_py.config import CommandLine
from mesos_py.coordination import StoreFailed
from mesos_py.coordination.address import MasterAddress
from mesos_py.coordination.work_dir import WorkDir
from mesos_py.flags import BOOLEAN, INTEGER, PORT, TEXT, bounded, option
from mesos_py.logs import LogOptions, set_up
from mesos_py.loop import heap
from mesos_py.master.options import Options
from mesos_py.master.server import MasterServer

log = structlog.get_logger(__name__)

READY_TIMEOUT_S = 60.0
LOOK_AGAIN_S = 0.01
#: each agent without --resources; the ports of agents on one host must differ
AGENT_RESOURCES = "cpus:4;mem:4096;disk:10240"
ISOLATION = f"posix/cpu,posix/mem,{SANDBOX_PATH}"  # an agent's, and what tasks of a pod may share without root
FIRST_PORT, PORTS_EACH, PORT_MAX = 31000, 1000, 65535
MARATHON = "frameworks.marathon_py.shell.cli"


@attrs.frozen(kw_only=True)
class LocalOptions:
    """Flags of the cluster as a whole; every flag of master and agent is accepted beside them."""

    ip: str = option(TEXT, "127.0.0.1", "Address everything listens on.", group="Cluster")
    port: int = option(PORT, 5050, "Port of the master; 0 picks a free one. Agents always pick.", group="Cluster")
    agents: int = option(bounded(INTEGER, least=0, most=100), 3, "How many agents.", group="Cluster")
    resources: str = option(
        TEXT, "", f"What each agent offers; unset: {AGENT_RESOURCES} and ports of its own.", group="Cluster")
    marathon: bool = option(
        BOOLEAN, False, "Run Marathon beside it, on --marathon_port; marathon-py asks it.", group="Cluster")
    marathon_port: int = option(PORT, 8080, "Port of Marathon; 0 picks a free one.", group="Cluster")
    work_dir: str | None = option(
        TEXT,
        None,
        "Where everything is kept for the next start, which goes on with tasks; unset: nothing is, all ends with it.",
        group="Cluster",
    )


async def main(line: CommandLine) -> int:
    """Runs until SIGINT or SIGTERM. Raises CommandFailed if it cannot start, or if a part of it ends."""
    options = line.make(LocalOptions)
    start_logging(line)
    stopped = stop_event()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(heap.steady())
        if options.work_dir is None:
            work_dir = stack.enter_context(tempfile.TemporaryDirectory(prefix="mesos-py-", ignore_cleanup_errors=True))
        else:
            work_dir = os.path.abspath(options.work_dir)
        try:
            WorkDir(work_dir, "cluster").check_kind()
            master = await stack.enter_async_context(
                MasterServer(line.make(Options, **_places(line, work_dir, "master"))))
            agents = [
                await stack.enter_async_context(
                    AgentServer(
                        _agent_options(line, options, work_dir, n, master.port), keeps=options.work_dir is not None
                    )
                )
                for n in range(options.agents)
            ]
        except (OSError, ValueError, StoreFailed, RecoveryFailed) as error:
            raise CommandFailed(f"cannot start: {error}") from error
        await until_ended(stopped, [master, *agents], _announce(options, master, work_dir, stack))
    left = sum(agent.left_running for agent in agents)
    if left:
        say(f"{left} task{'s are' if left > 1 else ' is'} left running; --work_dir={options.work_dir} finds them again")
    return EXIT_OK


async def _announce(
    options: LocalOptions, master: MasterServer, work_dir: str, stack: contextlib.AsyncExitStack
) -> None:
    """Say ``ready`` once every agent is registered; what runs beside the cluster is kept running from then on."""
    for waited in itertools.count():
        if len(master.core.state.agents) >= options.agents:
            break
        if waited * LOOK_AGAIN_S > READY_TIMEOUT_S:
            raise CommandFailed(f"{len(master.core.state.agents)} of {options.agents} agents registered in time")
        await asyncio.sleep(LOOK_AGAIN_S)
    if not options.marathon:
        await announce(options.ip, master.port)
        return
    flags = (
        f"--master={options.ip}:{master.port}", f"--http_address={options.ip}", f"--hostname={options.ip}",
        f"--state_file={os.path.join(work_dir, 'marathon.db')}", "--enable_features=task_killing",
        "--logging_level=warn",
    )  # fmt: skip
    marathon = await stack.enter_async_context(
        Beside("Marathon", MARATHON, lambda port: ["serve", f"--http_port={port}", *flags], options.marathon_port)
    )
    print(f"marathon {marathon.url}", flush=True)
    await announce(options.ip, master.port)
    await marathon.keep()


def _agent_options(line: CommandLine, local: LocalOptions, work_dir: str, number: int, port: int) -> AgentOptions:
    ports = min(PORTS_EACH, (PORT_MAX + 1 - FIRST_PORT) // local.agents)
    first = FIRST_PORT + number * ports
    name = f"agent-{number + 1}"
    places = _places(line, work_dir, name)
    images = line.given.get("docker_store_dir")
    store = os.path.join(images[-1], name) if images else os.path.join(places["work_dir"], "store")
    if "fetcher_cache_dir" not in line.given:
        places["fetcher_cache_dir"] = os.path.join(places["work_dir"], "fetch")
    if "isolation" not in line.given:
        places["isolation"] = ISOLATION
    return line.make(
        AgentOptions,
        master=f"{local.ip}:{port}",
        port=0,
        runtime_dir=os.path.join(places["work_dir"], "run"),
        docker_store_dir=store,
        resources=local.resources or f"{AGENT_RESOURCES};ports:[{first}-{first + ports - 1}]",
        registration_backoff_factor=0,  # nobody else wants to register
        **places,
    )


def _places(line: CommandLine, work_dir: str, name: str) -> dict[str, str]:
    """Each part of the cluster has directories of its own."""
    places = {"work_dir": os.path.join(work_dir, name)}
    if "journal" in line.given:
        places["journal"] = os.path.join(line.given["journal"][-1], name)
    return places


def start_logging(line: CommandLine) -> None:
    """Raises CommandFailed when the log cannot be written."""
    try:
        set_up(line.make(LogOptions))
    except OSError as error:
        raise CommandFailed(f"--log_dir: {error}") from error


def stop_event() -> asyncio.Event:
    """Set by SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    return stopped


async def until_ended(
    stopped: asyncio.Event, servers: Sequence[MasterServer | AgentServer], meanwhile: Coroutine[Any, Any, None]
) -> None:
    """Run ``meanwhile``; return when asked to stop, raise CommandFailed if it or a server fails before that.

    An agent that is alone may also end well by itself.
    """
    alone = stopped if len(servers) == 1 and isinstance(servers[0], AgentServer) else None
    watch = [asyncio.create_task(_ended(server, alone), name=type(server).__name__) for server in servers]
    watch.append(asyncio.create_task(meanwhile, name="meanwhile"))
    stop = asyncio.create_task(stopped.wait(), name="stop")
    waiting: set[asyncio.Task[Any]] = {stop, *watch}
    try:
        while not stop.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in (stop, *watch):
            task.cancel()
        await asyncio.gather(stop, *watch, return_exceptions=True)


async def _ended(server: MasterServer | AgentServer, alone: asyncio.Event | None) -> None:
    problem = await server.wait()
    if problem is None and alone is not None:
        alone.set()
        return
    raise CommandFailed(f"{type(server).__name__} has ended{': ' + problem if problem else ''}")


async def announce(ip: str, port: int) -> None:
    """The one line on standard output that whoever started us waits for."""
    print(f"ready http://{MasterAddress(ip, port)}", flush=True)


COMMAND = Command(
    usage="mesos-py local [--agents=3] [--port=5050] [--resources=...] [--work_dir=DIR] [--marathon] [flags...]",
    about="""
    Run a whole cluster on this machine until Ctrl-C. Prints "ready http://HOST:PORT" once every agent is registered.
    Nothing is left behind: tasks end with it, and the temporary directory is removed. With --work_dir the next start
    knows the same agents, and goes on with tasks of frameworks that checkpoint. With --marathon there is a Marathon on
    it, for marathon-py and other clients of Marathon.
    """,
    options=(LocalOptions, LogOptions, Options, AgentOptions), main=main,
)

