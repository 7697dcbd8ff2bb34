"""One connection: two ends, a way in each direction, and the link between their hosts that the way shares.

The world (``net.Network``) decides what happens to them; here is what then becomes of messages.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from mesos_py.machine.values import MILLISECOND, SECOND, Nanos
from mesos_py.sim.process import Process

if TYPE_CHECKING:
    from mesos_py.sim.net import Network

UNREAD_MAX = 2_000  # messages under way in one direction; stands for the shells' bound in bytes


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

    __slots__ = ("_lost", "early", "host", "is_open", "on_lost", "on_message", "other", "process", "way")

    def __init__(self, host: str, process: Process | None) -> None:
        self.host, self.process = host, process
        self.is_open = True
        self.on_lost: Callable[[str], None] = lambda why: None
        self.on_message: Callable[[Any], None] | None = None
        #: what has arrived before anybody listened
        self.early: list[Any] = []
        #: why, if it was lost before anybody listened
        self._lost: str | None = None
        self.other: End
        #: towards the other end
        self.way: Way

    def listen(self, on_message: Callable[[Any], None], on_lost: Callable[[str], None]) -> None:
        """From now on; what has arrived before is handed over at once."""
        self.on_message, self.on_lost = on_message, on_lost
        early, self.early = self.early, []
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
            self.way.finish()

    def lose(self, why: str) -> None:
        """The owner hears that this end is no more."""
        if self.is_open:
            self.is_open = False
            if self.on_message is None:
                self._lost = why
            elif self.process is None:
                self.on_lost(why)
            else:
                self.process.enter(self.on_lost, why)

    def die(self) -> None:
        """Its owner is gone; the other end hears of it when the news gets there."""
        if self.is_open:
            self.is_open = False
            self.way.drop()
            self.way.finish()


_END = object()


#: A linear congruential generator (Knuth's MMIX), of which the upper half is good enough for delays: there is one for
#: every link of very many, and random.Random has 2,500 bytes of state.
_MULTIPLIER, _INCREMENT, _ALL_64 = 6364136223846793005, 1442695040888963407, (1 << 64) - 1


class Link:
    """One direction between two hosts, for all their connections: its luck, and what is wrong with it."""

    __slots__ = ("_least", "_luck", "_span", "_weather", "clog", "cuts", "is_local")

    def __init__(self, weather: Weather, seed: str, *, is_local: bool) -> None:
        self._weather, self._least, self._span = weather, weather.delay_min, weather.delay_max - weather.delay_min
        #: its own: what happens on one link does not change the luck of another
        self._luck = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "big")
        self.is_local = is_local
        #: how many are in force
        self.cuts = 0
        #: how much longer every message takes
        self.clog: Nanos = 0

    def heal(self, weather: Weather) -> None:
        """Nothing is wrong with it, and from now on it has this weather's spikes."""
        self._weather, self.cuts, self.clog = weather, 0, 0

    def delay(self) -> Nanos:
        """How long one message takes."""
        if self.is_local:
            return MILLISECOND // 10
        self._luck = luck = (self._luck * _MULTIPLIER + _INCREMENT) & _ALL_64
        delay = self._least + ((luck >> 32) * self._span >> 32) + self.clog
        weather = self._weather
        if weather.spikes and self._draw() < weather.spikes * (1 << 32):
            delay += self._draw() * weather.spike >> 32
        return delay

    def _draw(self) -> int:
        """One of 2**32."""
        self._luck = (self._luck * _MULTIPLIER + _INCREMENT) & _ALL_64
        return self._luck >> 32


class Way:
    """One direction of one connection."""

    __slots__ = ("_back", "_is_pumped", "_last", "_link", "_loop", "_net", "_since", "paused", "queue", "source",
                 "target")  # fmt: skip

    def __init__(self, net: Network, source: End, target: End) -> None:
        self._net, self._loop = net, net.loop
        self.source, self.target = source, target
        self._link, self._back = net.link(source.host, target.host), net.link(target.host, source.host)
        self.queue: deque[tuple[Nanos, Any]] = deque()
        self._last: Nanos = 0
        #: the first message's time is set
        self._is_pumped = False
        #: since when a cut has kept something from arriving
        self._since: Nanos | None = None
        #: the reader does not read
        self.paused = False

    def put(self, message: Any) -> None:
        queue, loop = self.queue, self._loop
        if len(queue) >= UNREAD_MAX:
            self._net.overflows += 1
            self.drop()
            loop.call_soon(self.source.lose, "the other end does not read", context=self._net.context)
            return
        due = loop.now + self._link.delay()
        if due < self._last:
            due = self._last  # nothing is overtaken
        else:
            self._last = due
        queue.append((due, message))
        if not (self._is_pumped or self.paused):
            self._is_pumped = True
            loop.post(queue[0][0], self._deliver)
        elif len(queue) > self._net.unread_max:
            self._net.unread_max = len(queue)

    def wake(self) -> None:
        """Deliver when the first message is due."""
        if not self._is_pumped and self.queue and not self.paused:
            self._is_pumped = True
            self._loop.post(self.queue[0][0], self._deliver)

    def flush(self) -> None:
        """Deliver now what is due."""
        if not self._is_pumped and self.queue:
            self._deliver()

    def _deliver(self) -> None:
        self._is_pumped = False
        if self._link.cuts:
            if self._since is None:
                self._since = self._loop.now
                self._loop.call_in(self._net.weather.give_up, self._give_up, self._since)
            return
        self._since = None
        queue, target, now = self.queue, self.target, self._loop.now
        process = target.process
        while queue and queue[0][0] <= now and not self.paused:
            if not target.is_open:
                if queue[0][1] is _END:
                    queue.popleft()
                else:
                    self.drop()
                    self._loop.post(now + self._back.delay(), self._refuse)
                continue
            if process is not None and not process.runs:
                return  # it stays in the buffers on the way until the process goes on
            _, message = queue.popleft()
            if message is _END:
                target.lose("closed by the other end")
            elif (on_message := target.on_message) is None:
                target.early.append(message)
            elif process is None:
                on_message(message)
            else:
                process.context.run(on_message, message)  # it runs, and it is the world that delivers
        if queue:
            self.wake()

    def _refuse(self) -> None:
        if not self._back.cuts:
            self.source.lose("reset by the other end")

    def _give_up(self, since: Nanos) -> None:
        if self._since == since:
            self.drop()
            self._since = None
            self.source.lose("timed out")

    def finish(self) -> None:
        """The other end is lost after everything that is under way."""
        self.put(_END)

    def drop(self) -> None:
        """What is under way is gone."""
        self._net.lost += len(self.queue)
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
