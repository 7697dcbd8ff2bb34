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
from collections.abc import Callable
from contextvars import Context
from functools import partial

import attrs

from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sim.connection import UNREAD_MAX, Connection, End, Link, Way, Weather
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.process import CURRENT, Process

__all__ = ["UNREAD_MAX", "End", "Network", "Weather"]


class Network:
    """All hosts and connections."""

    def __init__(self, loop: SimLoop, seed: int | str, weather: Weather) -> None:
        self.loop, self.weather = loop, weather
        self._seed = seed
        #: (from, to) -> what is between them
        self._links: dict[tuple[str, str], Link] = {}
        #: host -> service -> who accepts, as which process
        self._services: dict[str, dict[str, tuple[Callable[[End], None], Process | None]]] = {}
        #: where processes are that have listened or connected
        self._hosts: dict[Process, str] = {}
        self._connections: dict[int, Connection] = {}
        #: the same by host, oldest first; some may be over
        self._of_host: dict[str, list[Connection]] = {}
        self._numbers = 0
        self._forget_at = 64
        self.unread_max = 0
        self.overflows = 0
        #: messages that were on their way and never arrived
        self.lost = 0
        #: connections that were closed when they were accepted
        self.turned_away = 0
        #: nobody's: what is under way gets there whatever becomes of its sender
        self.context = Context()

    # ---- what hosts do

    def listen(self, host: str, service: str, accept: Callable[[End], None]) -> None:
        """``accept`` is given the server's end of every connection, as the process that calls this."""
        self._services.setdefault(host, {})[service] = (accept, self._caller(host))

    def _caller(self, host: str) -> Process | None:
        """The process that calls us, which is on that host."""
        process = CURRENT.get()
        if process is not None:
            self._hosts[process] = host
        return process

    async def connect(self, source: str, target: str, service: str) -> End:
        """Raises ConnectionError when nobody listens, or when nothing gets through for a while; and when who accepts
        closes its end at once, which is how HTTP refuses an upgrade."""
        there, back = self.link(source, target), self.link(target, source)
        await asyncio.sleep(there.delay() / SECOND)
        if there.cuts or back.cuts:
            await asyncio.sleep(10.0)  # the clients' own bound
            raise ConnectionError("no answer")
        await asyncio.sleep(back.delay() / SECOND)
        found = self._services.get(target, {}).get(service)
        if found is None:
            raise ConnectionError("refused")
        accept, process = found
        client, server = End(source, self._caller(source)), End(target, process)
        client.other, server.other = server, client
        client.way, server.way = Way(self, client, server), Way(self, server, client)
        self._numbers += 1
        made = self._connections[self._numbers] = Connection(self._numbers, client, server)
        for host in dict.fromkeys(made.hosts):
            self._of_host.setdefault(host, []).append(made)
        if len(self._connections) >= self._forget_at:
            self._forget()
        if process is None:
            accept(server)
        else:
            process.enter(accept, server)  # a stopped one accepts it later; its kernel has done so already
        if not server.is_open:
            self.turned_away += 1
            client.is_open = False
            raise ConnectionError("turned away")
        return client

    def _forget(self) -> None:
        """Those that are over, once they may be as many as the others."""
        self._connections = {number: one for number, one in self._connections.items() if not one.is_over}
        for host in self._of_host:
            self._living(host)
        self._forget_at = max(64, 2 * len(self._connections))

    # ---- what happens to them

    def link(self, source: str, target: str) -> Link:
        """What is between two hosts in one direction."""
        link = self._links.get((source, target))
        if link is None:
            seed = f"{self._seed}/net {source} {target}"
            link = self._links[source, target] = Link(self.weather, seed, is_local=source == target)
        return link

    def is_cut(self, source: str, target: str) -> bool:
        return self.link(source, target).cuts > 0

    def cut(self, source: str, target: str) -> None:
        """Nothing gets from ``source`` to ``target``; cuts add up."""
        if source != target:
            self.link(source, target).cuts += 1

    def mend(self, source: str, target: str) -> None:
        """One cut less; what waited goes on."""
        link = self.link(source, target)
        link.cuts = max(0, link.cuts - 1)
        if not link.cuts:
            for way in self._ways(source, target):
                way.wake()

    def clog(self, source: str, target: str, delay: Nanos) -> None:
        """Every message takes ``delay`` longer; 0 ends it."""
        self.link(source, target).clog = delay

    def reset(
        self, one: str, other: str, late: Nanos = 0, *, server_late: bool = True, arrives: bool = False
    ) -> int:
        """All connections between two hosts end; one end hears of it ``late``. Returns how many.

        ``arrives``: what is under way to that one still gets there, and may come after what is said on the next
        connection; the other end cannot know.
        """
        count = 0
        for connection in self._between(one, other):
            if not connection.is_over:
                count += 1
                first, second = connection.client, connection.server
                if not server_late:
                    first, second = second, first
                second.way.drop()
                if arrives:
                    first.way.finish()
                else:
                    first.way.drop()
                self.loop.post(self.loop.now, partial(first.lose, "reset"))
                self.loop.post(self.loop.now + late, partial(second.lose, "reset"))
        return count

    def pause(self, reader: str, writer: str, paused: bool) -> None:
        """``reader`` stops reading what ``writer`` sends, or goes on."""
        for way in self._ways(writer, reader):
            way.paused = paused
            way.wake()

    def crash(self, host: str) -> None:
        """The host's ends and services are gone."""
        self._services.pop(host, None)
        for end in self._ends(host):
            end.die()

    def kill(self, process: Process) -> None:
        """SIGKILL: the process's ends and services are gone, and those of others on its host are not."""
        process.kill()
        host = self._hosts.pop(process, "")
        services = self._services.get(host, {})
        for service in [service for service, (_, owner) in services.items() if owner is process]:
            del services[service]
        for end in self._ends(host):
            if end.process is process:
                end.die()

    def go_on(self, process: Process) -> None:
        """SIGCONT: it reads what has come meanwhile, and then finds its timers due, as any event loop does."""
        if process.is_dead:
            return
        process.runs = True
        for end in self._ends(self._hosts.get(process, "")):
            if end.process is process:
                end.other.way.flush()
        process.go_on()

    def heal(self) -> None:
        """No cuts, clogs and spikes, everybody reads.

        Where now and then a message takes two seconds, sessions of six end by chance, and no leader stays for the ten
        minutes after which it may judge agents that are gone (seed 503722).
        """
        self.weather = attrs.evolve(self.weather, spikes=0.0)
        for link in self._links.values():
            link.heal(self.weather)
        for connection in list(self._connections.values()):
            for end in (connection.client, connection.server):
                end.way.paused = False
                end.way.wake()

    def _living(self, host: str) -> list[Connection]:
        """Those of the host that are not over; the others are forgotten."""
        found = self._of_host[host] = [one for one in self._of_host.get(host, ()) if not one.is_over]
        return list(found)

    def _ends(self, host: str) -> list[End]:
        return [end for one in self._living(host) for end in (one.client, one.server) if end.host == host]

    def _between(self, one: str, other: str) -> list[Connection]:
        fewer = min((one, other), key=lambda host: len(self._of_host.get(host, ())))
        return [connection for connection in self._living(fewer) if set(connection.hosts) == {one, other}]

    def _ways(self, source: str, target: str) -> list[Way]:
        return [
            end.way
            for connection in self._between(source, target)
            for end in (connection.client, connection.server)
            if end.host == source
        ]
