"""A network as seen from above TCP: connections keep order and lose nothing but their end.

What can happen to a connection is what happens to real ones::

    delay      each message takes its time; order within one direction is kept, between connections it is not
    clog       one direction becomes slow for a while
    cut        one direction delivers nothing; what is sent waits, and goes on when the cut heals in time
    timed out  what was sent into a cut for ``give_up`` ends the sender's end; the other end knows nothing (half-open)
    reset      both ends are lost, what was under way is gone; one end may hear of it much later than the other
    crash      a host dies: its ends are gone silently, others hear when the news (or their next message) gets through
    overflow   a reader that does not read: at ``UNREAD_MAX`` messages the writer's end is lost

A half-open end that sends is told so by a reset. An end that only listens may wait for ever: noticing that is the
business of whoever owns it. Connections of a host to itself are never cut.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

import attrs

from mesos_py.machine.values import MILLISECOND, SECOND, Nanos
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.process import CURRENT, Process

UNREAD_MAX = 2_000  # messages under way in one direction; stands for the shells' bound in bytes

Address = tuple[str, str]
"""Host and service."""


@attrs.frozen(kw_only=True)
class Weather:
    """How the network is when nothing is broken."""

    delay_min: Nanos = MILLISECOND // 5
    delay_max: Nanos = 5 * MILLISECOND
    #: part of the messages that take up to ``spike`` instead
    spikes: float = 0.0
    spike: Nanos = 2 * SECOND
    #: how long TCP keeps trying
    give_up: Nanos = 60 * SECOND


class End:
    """One end of a connection. Its owner sets the two callbacks; neither is called after ``close``."""

    __slots__ = ("_early", "_lost", "_on_message", "host", "is_open", "on_lost", "other", "process", "way")

    def __init__(self, host: str, process: Process | None) -> None:
        self.host, self.process = host, process
        self.is_open = True
        self.on_lost: Callable[[str], None] = lambda why: None
        self._on_message: Callable[[Any], None] | None = None
        self._early: list[Any] = []
        #: why, if it was lost before anybody listened
        self._lost: str | None = None
        self.other: End
        #: towards the other end
        self.way: Way

    def listen(self, on_message: Callable[[Any], None], on_lost: Callable[[str], None]) -> None:
        """From now on; what has arrived before is handed over at once."""
        self._on_message, self.on_lost = on_message, on_lost
        early, self._early = self._early, []
        for message in early:
            on_message(message)
        if self._lost is not None:
            on_lost(self._lost)

    def send(self, message: Any) -> None:
        """Forgotten when the connection has ended."""
        if self.is_open:
            self.way.put(message)

    def close(self) -> None:
        """What was sent before still arrives, then the other end is lost."""
        if self.is_open:
            self.is_open = False
            self.way.put(_END)

    def lose(self, why: str) -> None:
        """The owner hears that this end is no more."""
        if self.is_open:
            self.is_open = False
            if self._on_message is None:
                self._lost = why
            elif self.process is None:
                self.on_lost(why)
            else:
                self.process.enter(self.on_lost, why)

    def take(self, message: Any) -> None:
        if not self.is_open:
            return
        if self._on_message is None:
            self._early.append(message)
        elif self.process is None:
            self._on_message(message)
        else:
            self.process.enter(self._on_message, message)

    @property
    def reads(self) -> bool:
        """Its process takes what arrives; else it stays in the buffers on the way."""
        return self.process is None or self.process.runs

    def die(self) -> None:
        """Its owner is gone; the other end hears of it when the news gets there."""
        if self.is_open:
            self.is_open = False
            self.way.drop()
            self.way.put(_END)


_END = object()


class Way:
    """One direction of one connection."""

    __slots__ = ("_last", "_loop", "_net", "_pump", "_since", "paused", "queue", "source", "target")

    def __init__(self, net: Network, source: End, target: End) -> None:
        self._net, self._loop = net, net.loop
        self.source, self.target = source, target
        self.queue: deque[tuple[Nanos, Any]] = deque()
        self._last: Nanos = 0
        self._pump: asyncio.TimerHandle | None = None
        #: since when a cut has kept something from arriving
        self._since: Nanos | None = None
        #: the reader does not read
        self.paused = False

    def put(self, message: Any) -> None:
        if len(self.queue) >= UNREAD_MAX:
            self._net.overflows += 1
            self.queue.clear()
            self._loop.call_soon(self.source.lose, "the other end does not read", context=self._net.context)
            return
        self._last = max(self._last, self._loop.now + self._net.delay(self.source.host, self.target.host))
        self.queue.append((self._last, message))
        self._net.unread_max = max(self._net.unread_max, len(self.queue))
        self.wake()

    def wake(self) -> None:
        """Deliver when the first message is due."""
        if self._pump is None and self.queue and not self.paused:
            self._pump = self._loop.call_in(
                self.queue[0][0] - self._loop.now, self._deliver, context=self._net.context
            )

    def flush(self) -> None:
        """Deliver now what is due."""
        if self._pump is None and self.queue:
            self._deliver()

    def _deliver(self) -> None:
        self._pump = None
        if self._net.is_cut(self.source.host, self.target.host):
            if self._since is None:
                self._since = self._loop.now
                self._loop.call_in(self._net.weather.give_up, self._give_up, self._since)
            return
        self._since = None
        while self.queue and self.queue[0][0] <= self._loop.now and not self.paused:
            if not self.target.reads:
                return  # woken when its process goes on
            _, message = self.queue.popleft()
            if message is _END:
                self.target.lose("closed by the other end")
            elif not self.target.is_open:
                self.queue.clear()
                self._loop.call_in(self._net.delay(self.target.host, self.source.host), self._refuse)
            else:
                self.target.take(message)
        self.wake()

    def _refuse(self) -> None:
        if not self._net.is_cut(self.target.host, self.source.host):
            self.source.lose("reset by the other end")

    def _give_up(self, since: Nanos) -> None:
        if self._since == since:
            self.queue.clear()
            self._since = None
            self.source.lose("timed out")

    def drop(self) -> None:
        """What is under way is gone."""
        self.queue.clear()


@attrs.define(eq=False)
class Connection:
    number: int
    client: End
    server: End

    @property
    def is_over(self) -> bool:
        return not (self.client.is_open or self.server.is_open)

    @property
    def hosts(self) -> tuple[str, str]:
        return self.client.host, self.server.host


class Network:
    """All hosts and connections."""

    def __init__(self, loop: SimLoop, seed: int | str, weather: Weather) -> None:
        self.loop, self.weather = loop, weather
        self._seed = seed
        #: one for each direction: what happens on one link does not change the luck of another
        self._rngs: dict[tuple[str, str], random.Random] = {}
        self._services: dict[Address, tuple[Callable[[End], None], Process | None]] = {}
        self._connections: dict[int, Connection] = {}
        self._numbers = 0
        #: (from, to) -> how many cuts are in force
        self._cuts: dict[tuple[str, str], int] = {}
        self._clogs: dict[tuple[str, str], Nanos] = {}
        self.unread_max = 0
        self.overflows = 0
        #: nobody's: what is under way gets there whatever becomes of its sender
        self.context = Context()

    # ---- what hosts do

    def listen(self, host: str, service: str, accept: Callable[[End], None]) -> None:
        """``accept`` is given the server's end of every connection, as the process that calls this."""
        self._services[host, service] = (accept, CURRENT.get())

    async def connect(self, source: str, target: str, service: str) -> End:
        """Raises ConnectionError when nobody listens, or when nothing gets through for a while."""
        await asyncio.sleep(self.delay(source, target) / SECOND)
        if self.is_cut(source, target) or self.is_cut(target, source):
            await asyncio.sleep(10.0)  # the clients' own bound
            raise ConnectionError("no answer")
        await asyncio.sleep(self.delay(target, source) / SECOND)
        found = self._services.get((target, service))
        if found is None:
            raise ConnectionError("refused")
        accept, process = found
        client, server = End(source, CURRENT.get()), End(target, process)
        client.other, server.other = server, client
        client.way, server.way = Way(self, client, server), Way(self, server, client)
        self._numbers += 1
        self._connections[self._numbers] = Connection(self._numbers, client, server)
        if len(self._connections) > 64 and self._numbers % 64 == 0:
            self._connections = {number: one for number, one in self._connections.items() if not one.is_over}
        if process is None:
            accept(server)
        else:
            process.enter(accept, server)  # a stopped one accepts it later; its kernel has done so already
        return client

    # ---- what happens to them

    def delay(self, source: str, target: str) -> Nanos:
        """How long one message takes."""
        if source == target:
            return MILLISECOND // 10
        weather, rng = self.weather, self._rngs.get((source, target))
        if rng is None:
            rng = self._rngs[source, target] = random.Random(f"{self._seed}/net {source} {target}")
        delay = weather.delay_min + int(rng.random() * (weather.delay_max - weather.delay_min))
        if weather.spikes and rng.random() < weather.spikes:
            delay += int(rng.random() * weather.spike)
        return delay + self._clogs.get((source, target), 0)

    def is_cut(self, source: str, target: str) -> bool:
        return (source, target) in self._cuts

    def cut(self, source: str, target: str) -> None:
        """Nothing gets from ``source`` to ``target``; cuts add up."""
        if source != target:
            self._cuts[source, target] = self._cuts.get((source, target), 0) + 1

    def mend(self, source: str, target: str) -> None:
        """One cut less; what waited goes on."""
        left = self._cuts.get((source, target), 0) - 1
        if left > 0:
            self._cuts[source, target] = left
            return
        self._cuts.pop((source, target), None)
        for way in self._ways(source, target):
            way.wake()

    def clog(self, source: str, target: str, delay: Nanos) -> None:
        """Every message takes ``delay`` longer; 0 ends it."""
        if delay:
            self._clogs[source, target] = delay
        else:
            self._clogs.pop((source, target), None)

    def reset(self, one: str, other: str, late: Nanos = 0, *, server_late: bool = True) -> int:
        """All connections between two hosts end; one end hears of it ``late``. Returns how many."""
        count = 0
        for connection in list(self._connections.values()):
            if set(connection.hosts) == {one, other} and not connection.is_over:
                count += 1
                first, second = connection.client, connection.server
                if not server_late:
                    first, second = second, first
                first.way.drop()
                second.way.drop()
                self.loop.call_soon(first.lose, "reset")
                self.loop.call_in(late, second.lose, "reset")
        return count

    def pause(self, reader: str, writer: str, paused: bool) -> None:
        """``reader`` stops reading what ``writer`` sends, or goes on."""
        for way in self._ways(writer, reader):
            way.paused = paused
            way.wake()

    def crash(self, host: str) -> None:
        """The host's ends and services are gone."""
        self._end(lambda end: end.host == host, [address for address in self._services if address[0] == host])

    def kill(self, process: Process) -> None:
        """SIGKILL: the process's ends and services are gone, and those of others on its host are not."""
        process.kill()
        self._end(
            lambda end: end.process is process,
            [address for address, (_, owner) in self._services.items() if owner is process],
        )

    def go_on(self, process: Process) -> None:
        """SIGCONT: it reads what has come meanwhile, and then finds its timers due, as any event loop does."""
        if process.is_dead:
            return
        process.runs = True
        for connection in list(self._connections.values()):
            for end in (connection.client, connection.server):
                if end.process is process:
                    end.other.way.flush()
        process.go_on()

    def _end(self, which: Callable[[End], bool], addresses: list[Address]) -> None:
        for address in addresses:
            del self._services[address]
        for connection in list(self._connections.values()):
            for end in (connection.client, connection.server):
                if which(end):
                    end.die()

    def heal(self) -> None:
        """No cuts and clogs, everybody reads."""
        for source, target in list(self._cuts):
            self._cuts[source, target] = 1
            self.mend(source, target)
        self._clogs.clear()
        for connection in list(self._connections.values()):
            for end in (connection.client, connection.server):
                end.way.paused = False
                end.way.wake()

    def _ways(self, source: str, target: str) -> list[Way]:
        return [
            end.way
            for connection in list(self._connections.values())
            for end in (connection.client, connection.server)
            if end.host == source and end.other.host == target
        ]
