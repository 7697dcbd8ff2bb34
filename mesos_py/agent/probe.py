"""Looking at tasks: HTTP, a TCP connection, or a command next to the task.

A core says ``words.Probe`` and hears ``events.Probed``. So many probes are made at once; the others wait their turn,
and their time begins with it: a thousand checks that are due together cost a moment, not a thousand processes. If so
many hang, the others are late by the time-outs of those.

HTTP and TCP look from the network namespace of the task, which need not be ours.

HTTP is what ``curl -s -S -L -k -g -o /dev/null`` does: redirects are followed, certificates are not looked at, the
whole body is read (here at most ``BODY_MAX`` of it) and thrown away.
Mesos: src/checks/checker_process.cpp, which starts curl, mesos-tcp-connect or the command for each.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import aiohttp
import attrs

from mesos_py.agent import events, words
from mesos_py.agent.containerizer import Containerizer, ContainerSpec, NotStarted
from mesos_py.agent.namespaces import socket_in
from mesos_py.algebra.durations import format_duration
from mesos_py.executor.checks import CHECK, HEALTH
from mesos_py.executor.targets import Found, Http, Tcp
from mesos_py.machine.frame import Event
from mesos_py.machine.timers import LATE
from mesos_py.machine.values import SECOND

CONNECTIONS_AT_ONCE = 256  # HTTP and TCP probes: a socket each
COMMANDS_AT_ONCE = 64  # a process tree each
BODY_MAX = 1 << 20  # bytes of a body that are read; what is healthy has been said long before
REDIRECTS_MAX = 50  # as curl has it
_CHUNK = 1 << 16

#: container, and which of its checks
Key = tuple[str, str]


@attrs.define(eq=False)
class _Lane:
    """Probes of one kind: so many run, the others wait in the order in which they came."""

    at_once: int
    running: dict[Key, asyncio.Task[None]] = attrs.Factory(dict)
    waiting: dict[Key, words.Probe] = attrs.Factory(dict)


class Prober:
    """Makes probes within the bounds above, at most one of a name for each container."""

    def __init__(self, containerizer: Containerizer, tell: Callable[[Event], None]) -> None:
        self._containerizer = containerizer
        self._tell = tell
        self._connections, self._commands = _Lane(CONNECTIONS_AT_ONCE), _Lane(COMMANDS_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    def probe(self, word: words.Probe) -> None:
        """Now, or when it is its turn."""
        lane = self._commands if isinstance(word.target, ContainerSpec) else self._connections
        lane.waiting[word.container_id, word.what] = word
        self._go_on(lane)

    def forget(self, container_id: str) -> None:
        """The container is gone: what is under way about it ends, and nothing is told."""
        for lane in (self._connections, self._commands):
            for key in ((container_id, HEALTH), (container_id, CHECK)):
                lane.waiting.pop(key, None)
                running = lane.running.get(key)
                if running is not None:
                    running.cancel()

    async def close(self) -> None:
        """Everything that is under way ends, and nothing is told."""
        self._is_closed = True
        tasks = [*self._connections.running.values(), *self._commands.running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    # ---- parts

    def _go_on(self, lane: _Lane) -> None:
        while lane.waiting and len(lane.running) < lane.at_once and not self._is_closed:
            key = next(iter(lane.waiting))
            word = lane.waiting.pop(key)
            task = asyncio.get_running_loop().create_task(self._probe(word), name=f"probe {key[0]} {key[1]}")
            lane.running[key] = task
            task.add_done_callback(lambda done, key=key: self._done(lane, key, done))  # type: ignore[misc]

    def _done(self, lane: _Lane, key: Key, task: asyncio.Task[None]) -> None:
        del lane.running[key]
        if not task.cancelled():
            task.result()  # a bug of ours is not to be lost
        self._go_on(lane)

    async def _probe(self, word: words.Probe) -> None:
        """What is found, or that there was no answer in time; nothing, if it was we who did not listen in time."""
        timeout = word.timeout
        try:
            async with asyncio.timeout(None if timeout is None else timeout / SECOND) as bound:
                found = await self._look(word.container_id, word.target)
        except TimeoutError:
            late_s = asyncio.get_running_loop().time() - (bound.when() or 0.0)
            is_ours = late_s * SECOND > LATE
            found = Found() if is_ours else Found(error=f"timed out after {format_duration(timeout or 0)}")
        self._tell(Event(events.Probed, events.Probed(word.container_id, word.what, found)))

    async def _look(self, container_id: str, target: ContainerSpec | Http | Tcp) -> Found:
        if isinstance(target, Http):
            return await self._ask(self._containerizer.network_of(container_id), target)
        if isinstance(target, Tcp):
            return Found(await _connect(self._containerizer.network_of(container_id), target))
        try:
            return Found(await self._containerizer.run_beside(target))
        except NotStarted as error:
            return Found(error=str(error))

    async def _ask(self, network: str | None, target: Http) -> Found:
        if network is not None:
            async with _session(network) as session:
                return await _get(session, target)
        if self._session is None:
            self._session = _session(None)
        return await _get(self._session, target)


def _session(network: str | None) -> aiohttp.ClientSession:
    """Without connections or cookies that outlive a request."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=False, force_close=True, limit=0, socket_factory=lambda address: socket_in(network, address[0])
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
    )


async def _get(session: aiohttp.ClientSession, target: Http) -> Found:
    try:
        async with session.get(target.url, max_redirects=REDIRECTS_MAX) as response:
            left = BODY_MAX
            while left > 0 and (chunk := await response.content.read(_CHUNK)):
                left -= len(chunk)
            return Found(response.status)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Found(error=f"{type(error).__name__}: {error}")


async def _connect(network: str | None, target: Tcp) -> int:
    try:
        with socket_in(network, socket.AF_INET6 if ":" in target.host else socket.AF_INET) as connection:
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, (target.host, target.port))
    except OSError:
        return 0
    return 1
