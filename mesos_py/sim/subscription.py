"""A scheduler double's connections: the stream of events and the calls, both to the master that leads.

::

    connect --SUBSCRIBE--> a stream, its id, events ...   until it is lost, silent, or belongs to a master that does
       ^                                                  not lead: that one says who does, if it knows
       +---- in a second or so, to another master <-------+

Nothing is said again if it is lost: what was meant is found out by reconciling.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import Any

from mesos_py.machine.problem import Problem
from mesos_py.machine.values import SECOND, Nanos, seconds
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.masters import CALLS, STREAMS, Elsewhere
from mesos_py.sim.net import End, Network
from mesos_py.wire.scheduler_api import Call, Event

SILENCE = 80 * SECOND  # five heartbeats: the stream is taken for dead
RETRY_S = 1.0


class Subscription:
    """Of one scheduler, for all its lives."""

    def __init__(
        self, loop: SimLoop, net: Network, host: str, rng: random.Random, *, masters: Sequence[str],
        subscribe: Callable[[], Call], hear: Callable[[Event], None], lost: Callable[[], None],
        refused: Callable[[str], None],
    ) -> None:  # fmt: skip
        """``subscribe`` makes the first call on a stream; ``lost`` is told before another connection is looked for,
        ``refused`` the text of every Problem."""
        self.loop, self.net, self.host, self._rng, self._masters = loop, net, host, rng, masters
        self._subscribe, self._on_event, self._on_lost, self._on_refused = subscribe, hear, lost, refused
        #: where it takes the leading master to be
        self._master = masters[0]
        self._stream: End | None = None
        self._stream_id = ""
        self._calls: End | None = None
        self._heard_at: Nanos = 0
        self._requests = 0
        self._connecting: asyncio.Task[None] | None = None

    def reconnect(self, after: Nanos = 0) -> None:
        """From now on until there is a stream."""
        for end in (self._stream, self._calls):
            if end is not None:
                end.close()
        self._stream = self._calls = None
        self._on_lost()
        if self._connecting is not None:
            self._connecting.cancel()
        self._connecting = self.loop.create_task(self._connect(after), name=f"{self.host} subscribes")

    def crash(self) -> None:
        """Its scheduler is gone, and so are the connections of its host."""
        if self._connecting is not None:
            self._connecting.cancel()
        self._stream = self._calls = None
        self.net.crash(self.host)

    def leave_behind(self) -> Callable[[Call], None]:
        """A connected one subscribes once more, the old connections stay; returns what says a call on those."""
        calls, stream_id = self._calls, self._stream_id
        assert calls is not None
        self._stream = self._calls = None
        self.reconnect()
        return lambda call: calls.send((0, stream_id, call))

    @property
    def is_silent(self) -> bool:
        """Nothing, not even heartbeats, has come for too long."""
        return self._stream is not None and self.loop.now - self._heard_at > SILENCE

    def call(self, call: Call) -> None:
        if self._calls is not None:
            self._requests += 1
            self._calls.send((self._requests, self._stream_id, call))

    # ---- connections

    async def _connect(self, after: Nanos) -> None:
        await asyncio.sleep(after / SECOND)
        while True:
            with contextlib.suppress(ConnectionError):
                calls = await self.net.connect(self.host, self._master, CALLS)
                stream = await self.net.connect(self.host, self._master, STREAMS)
                self._connected(calls, stream)
                return
            self._master = self._rng.choice(self._masters)
            await asyncio.sleep(RETRY_S * self._rng.uniform(0.5, 2.0))

    def _connected(self, calls: End, stream: End) -> None:
        self._calls, self._stream, self._stream_id = calls, stream, ""
        self._heard_at = self.loop.now
        stream.listen(lambda word: self._hear(stream, word), lambda why: self._lost(stream))
        calls.listen(self._answered, lambda why: self._lost(calls))
        stream.send(self._subscribe())

    def _lost(self, end: End) -> None:
        if end in (self._stream, self._calls):
            self.reconnect()

    def _sent_elsewhere(self, elsewhere: Elsewhere) -> None:
        """The master does not lead; perhaps it knows who does."""
        self._master = elsewhere.host or self._rng.choice(self._masters)
        self.reconnect(seconds(RETRY_S * self._rng.random()))

    def _answered(self, answer: tuple[int, Any]) -> None:
        _, reply = answer
        if isinstance(reply, Elsewhere):
            self._sent_elsewhere(reply)
        elif isinstance(reply, Problem):
            self._on_refused(reply.text)

    def _hear(self, end: End, word: Any) -> None:
        if end is not self._stream:
            return
        self._heard_at = self.loop.now
        if isinstance(word, Elsewhere):
            self._sent_elsewhere(word)
        elif isinstance(word, str):
            self._stream_id = word
        else:
            self._on_event(word)
