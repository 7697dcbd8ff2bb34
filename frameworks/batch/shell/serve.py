"""``mesos-batch serve``: the framework and its REST API in one process, until it is told to stop.

It may be killed at any moment and started again on its store: it is the same framework then, and goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket

import attrs

from frameworks.batch.core import Habits
from frameworks.batch.shell import chronos, chronos_history
from frameworks.batch.shell.api import ROUTES, Api
from frameworks.batch.shell.front import Front
from frameworks.batch.shell.program import BatchScheduler
from mesos_py.cli.command import EXIT_NOT_RUN, EXIT_OK, Command, CommandFailed
from mesos_py.config import CommandLine
from mesos_py.coordination import Records, StoreFailed
from mesos_py.coordination.address import AddressError, ZooKeeperAddress, parse_address
from mesos_py.flags import INTEGER, NAMES, SECONDS, SECRET, TEXT, URL, bounded, option
from mesos_py.logs import LogOptions, set_up
from mesos_py.loop import heap
from mesos_py.sdk import SdkError
from mesos_py.sdk.elected import ElectedRecords
from mesos_py.web.server import Server

DEFAULT_PORT = 5070


@attrs.frozen(kw_only=True)
class ServeOptions:
    master: str = option(URL, "127.0.0.1:5050", "The master: HOST:PORT, or zk://host:port/path.")
    ip: str = option(TEXT, "127.0.0.1", "Address to listen on; whoever reaches it may run anything.")
    port: int = option(INTEGER, DEFAULT_PORT, "Port to listen on; 0 picks a free one.")
    hostname: str = option(
        TEXT, "", "Where standbys send clients who ask us while we lead; unset: --ip, or this host if that is any.")
    store: str = option(TEXT, "", "Where jobs are kept: sqlite:PATH, zk://...; unset: a file of its own.")
    framework_name: str = option(TEXT, "batch", "The framework's name; a file of its own is called after it.")
    roles: tuple[str, ...] = option(NAMES, ("*",), "Queues: the roles to be offered resources in.")
    user: str = option(TEXT, "", "Run tasks as this user; unset: who runs this.")
    principal: str = option(TEXT, "", "Who we are to a master that asks.")
    secret: str = option(SECRET, "", "And how it knows.")
    preempt_after_s: float = option(
        bounded(SECONDS, least=1), 30.0, "A job without room for so long may have tasks of lower priority ended.")


async def main(line: CommandLine) -> int:
    """Says ``ready http://HOST:PORT`` on standard output once it answers, and ``leading`` once it serves."""
    options = line.make(ServeOptions)
    set_up(line.make(LogOptions))
    stopped = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    serving = asyncio.create_task(_serve(options), name="batch")
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


class _Candidate(BatchScheduler):
    """Several share a store in ZooKeeper: ``front`` hears who leads."""

    def __init__(self, front: Front, **settings: object) -> None:
        super().__init__(**settings)
        self._front = front

    async def open_place(self) -> Records:
        address = parse_address(self.store) if self.store.startswith("zk://") else None
        if isinstance(address, ZooKeeperAddress):
            return ElectedRecords(address, self._front.ours, heard=self._front.hear)
        self._front.hear(self._front.ours)
        return await super().open_place()


async def _serve(options: ServeOptions) -> None:
    """Until the framework is torn down. Raises what has ended it otherwise."""
    front = Front()
    batch = _Candidate(
        front, master=options.master, store=options.store, name=options.framework_name, roles=options.roles,
        user=options.user, principal=options.principal, secret=options.secret,
        habits=Habits(preempt_after_s=options.preempt_after_s),
    )  # fmt: skip
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(heap.steady())
        server = Server(front)
        port = await server.start(options.ip, options.port)
        stack.push_async_callback(server.close)
        front.ours = f"{options.hostname or _name_of(options.ip)}:{port}"
        print(f"ready http://{options.ip}:{port}", flush=True)
        await stack.enter_async_context(batch)
        front.leader, front.api = front.ours, Api(batch, (*ROUTES, *chronos.ROUTES, *chronos_history.ROUTES))
        print("leading", flush=True)
        try:
            await batch.serve()
        finally:
            front.api = None


def _name_of(ip: str) -> str:
    """By which others reach it."""
    name = socket.gethostname() if ip in ("", "0.0.0.0", "::") else ip
    return f"[{name}]" if ":" in name else name


COMMAND = Command(
    usage="mesos-batch serve [--master=HOST:PORT|zk://...] [--store=sqlite:PATH] [--port=5070]",
    about="""
    Run the batch framework until it is told to stop; prints "ready http://HOST:PORT" once it answers, and "leading"
    once it leads. Its jobs outlive it: started again on the same store it goes on where it was. Of several on one store
    in ZooKeeper one leads, the others send clients there, and the next one takes over when it has ended.
    """,
    options=(ServeOptions, LogOptions), main=main,
)
