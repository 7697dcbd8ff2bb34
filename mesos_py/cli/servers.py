"""``mesos-py master`` and ``mesos-py agent``: one server each, until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import functools
import os
import signal

import attrs

from mesos_py.agent.checkpoint.former import RecoveryFailed
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.server import AgentServer
from mesos_py.cli.command import EXIT_OK, Command, CommandFailed
from mesos_py.cli.local import announce, start_logging, stop_event, until_ended
from mesos_py.config import CommandLine
from mesos_py.coordination import DetectionFailed, StoreFailed
from mesos_py.logs import LogOptions
from mesos_py.loop import heap
from mesos_py.master.options import Options
from mesos_py.master.server import MasterServer


async def main_master(line: CommandLine) -> int:
    """Says ``ready http://HOST:PORT`` on standard output once it answers."""
    options = line.make(Options)
    start_logging(line)
    stopped = stop_event()
    try:
        with heap.steady():
            async with MasterServer(options) as server:
                await until_ended(stopped, [server], announce(options.ip, server.port))
    except (OSError, ValueError, StoreFailed) as error:
        raise CommandFailed(f"cannot start: {error}") from error
    return EXIT_OK


async def main_agent(line: CommandLine) -> int:
    """Says ``ready http://HOST:PORT`` on standard output once it answers; it may look for its master yet."""
    options = line.make(AgentOptions)
    if "runtime_dir" not in line.given and os.geteuid() != 0:
        options = attrs.evolve(options, runtime_dir=os.path.join(options.work_dir, "run"))  # /var/run is root's
    start_logging(line)
    stopped = stop_event()
    try:
        with heap.steady():
            async with AgentServer(options) as server:
                leave = functools.partial(server.stop, unregister=True)
                asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, leave)
                await until_ended(stopped, [server], announce(options.ip, server.port))
    except DetectionFailed as error:
        raise CommandFailed(f"nobody can tell who leads: {error}") from error
    except (OSError, ValueError, StoreFailed, RecoveryFailed) as error:
        raise CommandFailed(f"cannot start: {error}") from error
    return EXIT_OK


MASTER = Command(
    usage="mesos-py master [--ip=IP] [--port=5050] [flags]",
    about="Run a master until it is told to stop; prints \"ready http://HOST:PORT\" once it answers.",
    options=(Options, LogOptions), main=main_master,
)
AGENT = Command(
    usage="mesos-py agent --master=HOST:PORT|zk://... --work_dir=DIR [flags]",
    about="""
    Run an agent until it is told to stop; prints "ready http://HOST:PORT" once it answers. SIGTERM and Ctrl-C leave
    tasks of frameworks that checkpoint running, for the next agent on the same work_dir; SIGUSR1 ends them and leaves
    the master for good.
    """,
    options=(AgentOptions, LogOptions), main=main_agent,
)
