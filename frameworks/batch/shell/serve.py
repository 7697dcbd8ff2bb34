"""``mesos-batch serve``: the framework and its REST API in one process, until it is told to stop.

It may be killed at any moment and started again on its store: it is the same framework then, and goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal

import attrs

from frameworks.batch.core import Habits
from frameworks.batch.shell import chronos
from frameworks.batch.shell.api import ROUTES, Api
from frameworks.batch.shell.program import BatchScheduler
from mesos_py.cli.command import EXIT_NOT_RUN, EXIT_OK, Command, CommandFailed
from mesos_py.config import CommandLine
from mesos_py.coordination import StoreFailed
from mesos_py.coordination.address import AddressError
from mesos_py.flags import INTEGER, NAMES, SECONDS, SECRET, TEXT, URL, bounded, option
from mesos_py.logs import LogOptions, set_up
from mesos_py.sdk import SdkError
from mesos_py.web.server import Server

DEFAULT_PORT = 5070


@attrs.frozen(kw_only=True)
class ServeOptions:
    master: str = option(URL, "127.0.0.1:5050", "The master: HOST:PORT, or zk://host:port/path.")
    ip: str = option(TEXT, "127.0.0.1", "Address to listen on; whoever reaches it may run anything.")
    port: int = option(INTEGER, DEFAULT_PORT, "Port to listen on; 0 picks a free one.")
    store: str = option(TEXT, "", "Where jobs are kept: sqlite:PATH, zk://...; unset: a file of its own.")
    framework_name: str = option(TEXT, "batch", "The framework's name; a file of its own is called after it.")
    roles: tuple[str, ...] = option(NAMES, ("*",), "Queues: the roles to be offered resources in.")
    user: str = option(TEXT, "", "Run tasks as this user; unset: who runs this.")
    principal: str = option(TEXT, "", "Who we are to a master that asks.")
    secret: str = option(SECRET, "", "And how it knows.")
    preempt_after_s: float = option(
        bounded(SECONDS, least=1), 30.0, "A job without room for so long may have tasks of lower priority ended.")


async def main(line: CommandLine) -> int:
    """Says ``ready http://HOST:PORT`` on standard output once it answers: at once, or when it has been elected."""
    options = line.make(ServeOptions)
    set_up(line.make(LogOptions))
    batch = BatchScheduler(
        master=options.master, store=options.store, name=options.framework_name, roles=options.roles,
        user=options.user, principal=options.principal, secret=options.secret,
        habits=Habits(preempt_after_s=options.preempt_after_s),
    )  # fmt: skip
    stopped = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    serving = asyncio.create_task(_serve(batch, options), name="batch")
    waiting = asyncio.create_task(stopped.wait(), name="signals")
    try:
        await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    except (SdkError, StoreFailed, AddressError, OSError, ValueError) as error:
        raise CommandFailed(f"{type(error).__name__}: {error}", EXIT_NOT_RUN) from error
    finally:
        for task in (serving, waiting):
            task.cancel()
        await asyncio.gather(serving, waiting, return_exceptions=True)
    return EXIT_OK


async def _serve(batch: BatchScheduler, options: ServeOptions) -> None:
    """Until the framework is torn down. Raises what has ended it otherwise."""
    async with batch, contextlib.AsyncExitStack() as stack:
        server = Server(Api(batch, (*ROUTES, *chronos.ROUTES)))
        port = await server.start(options.ip, options.port)
        stack.push_async_callback(server.close)
        print(f"ready http://{options.ip}:{port}", flush=True)
        await batch.serve()


COMMAND = Command(
    usage="mesos-batch serve [--master=HOST:PORT|zk://...] [--store=sqlite:PATH] [--port=5070]",
    about="""
    Run the batch framework until it is told to stop; prints "ready http://HOST:PORT" once it answers. Its jobs outlive
    it: started again on the same store it goes on where it was. Of several on one store in ZooKeeper one serves, and
    the next one takes over when it has ended.
    """,
    options=(ServeOptions, LogOptions), main=main,
)
