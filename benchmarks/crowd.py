"""A master with thousands of agents and their tasks in this process: everything but the sockets.

What agents and schedulers send comes as bytes, is decoded, applied, written and answered as in a server (``turns``,
``driver``, streams and channels are those of a real master); what the master sends is encoded and then dropped.
``Meter`` tells for how long the loop was ever kept from its other work meanwhile, in processor time of its thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Self

from aiohttp import WSMessage, WSMsgType

from benchmarks.emulated_agents import RESOURCES
from benchmarks.failover import admit
from benchmarks.returning_agents import framework_info, report
from mesos_py.algebra.parse import parse_resources
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.coordination.sqlite_file import REGISTRY_FILE
from mesos_py.journal.recorder import Recorder
from mesos_py.loop.turns import Turns
from mesos_py.machine.driver import Clock, Driver, Store
from mesos_py.machine.frame import Event, Tick
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.master.core import Master
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.logbook import Logbook
from mesos_py.master.metrics import Metrics
from mesos_py.master.options import Options
from mesos_py.master.registry.store import RegistryStore
from mesos_py.master.server import master_info
from mesos_py.master.streams import MasterRim, Operators, Schedulers
from mesos_py.master.timing import TimedCore, TimedStore
from mesos_py.master.views.context import Context
from mesos_py.transport.agent_channel import AgentChannels
from mesos_py.transport.channel import encode_batch
from mesos_py.web.response import JSON
from mesos_py.web.streams import RecordStream
from mesos_py.wire import internal
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as Word

PATIENCE_S = 120.0  # for any one thing to happen
SOCKETS_AT_ONCE = 1_000  # that have something to read when the loop looks: libuv asks for 1,024 at a time

_PING, _PONG = (encode_batch((word,)) for word in (internal.Ping(connected=True), internal.Pong()))


class Meter:
    """The longest turn of the loop, in seconds of its thread's processor time. It keeps the loop busy."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._since = time.thread_time()
        self._handle = asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        now = time.thread_time()
        self.longest_s = max(self.longest_s, now - self._since)
        self._since = now
        self._handle = asyncio.get_running_loop().call_soon(self._turn)

    def stop(self) -> None:
        self._handle.cancel()


class AgentEnd:
    """A WebSocket whose other end is an agent without a machine, which answers pings and understands nothing else."""

    def __init__(self) -> None:
        self.answers = True
        self._said: asyncio.Queue[bytes | None] = asyncio.Queue()

    def say(self, *messages: Any) -> None:
        self.say_bytes(encode_batch(messages))

    def say_bytes(self, batch: bytes) -> None:
        self._said.put_nowait(batch)

    def leave(self) -> None:
        """The connection ends."""
        self._said.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[WSMessage]:
        while (data := await self._said.get()) is not None:
            yield WSMessage(WSMsgType.BINARY, data, None)

    async def send_bytes(self, message: bytes) -> None:
        if message == _PING and self.answers:
            self.say_bytes(_PONG)

    async def close(self) -> bool:
        self.leave()
        return True


class Answer:
    """An HTTP answer that nobody reads."""

    chunked = False

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(0)  # or nobody else would have a turn before it has all been written

    @classmethod
    async def pump(cls, stream: RecordStream) -> None:
        await stream.pump(cls(), None, lambda: asyncio.sleep(0))  # type: ignore[arg-type]


class Scheduler:
    """A framework's scheduler: what it says is decoded already, what it hears is encoded and dropped."""

    def __init__(self, crowd: Crowd, info: FrameworkInfo) -> None:
        self._crowd, self.info = crowd, info
        self._peers = itertools.count()
        self.peer = ""
        self._stream: RecordStream | None = None

    def subscribe(self) -> None:
        """On a new stream."""
        self.peer = f"{self.info.name}-{next(self._peers)}"
        stream = self._stream = self._crowd.schedulers.open(self.peer, JSON, ())
        self._crowd.start(Answer.pump(stream))
        call = Call(
            type=Call.Type.SUBSCRIBE, framework_id=self.info.id, subscribe=Call.Subscribe(framework_info=self.info)
        )
        self._crowd.driver.tell(Event(Call.Type.SUBSCRIBE, call, self.peer))

    def call(self, type: Call.Type, **payload: Any) -> Event:
        """What it says, ready to be told."""
        return Event(type, Call(type=type, framework_id=self.info.id, **payload), self.peer)

    def leave(self) -> None:
        """The stream breaks."""
        assert self._stream is not None
        self._stream.lost()


class Slow:
    """A store that is far away."""

    def __init__(self, store: Store, delay_s: float) -> None:
        self._store, self._delay_s = store, delay_s

    async def commit(self, writes: Sequence[Any]) -> None:
        await asyncio.sleep(self._delay_s)
        await self._store.commit(writes)


class Crowd:
    """``async with Crowd(agents, each) as crowd``: a master that leads, and agents that are not back yet."""

    def __init__(self, agents: int, each: int, *, journal: str | None = None, commit_s: float = 0.0) -> None:
        """``commit_s``: how long each commit to the registry takes in addition."""
        self.agents, self.each = agents, each
        self._commit_s = commit_s
        self._journal = journal
        self._clock, self._skipped = Clock(), 0
        self._stack = contextlib.AsyncExitStack()
        self._turns = Turns()
        self._tasks: set[asyncio.Task[None]] = set()
        self.ends: list[AgentEnd] = []
        self.heard = 0

    async def __aenter__(self) -> Self:
        work_dir = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mesos-py-bench-"))
        await admit(work_dir, self.agents)
        options = Options()
        info = master_info(options, 5050)
        self.core = Master(info, options, random.Random(1))
        self.metrics = Metrics(self.core, started_ns=self.now(), per_framework=True)
        self.context = Context(info=info, flags={}, started_ns=self.now(), leader=info)
        self.schedulers = Schedulers(self._tell, self._sent)
        self.channels = AgentChannels(self._tell, self._turns)
        self.operators = Operators(limit=1, heartbeat_s=15.0, cap=1 << 30)
        rim = MasterRim(self.schedulers, self.operators, self.channels, (self.metrics.observe, Logbook().observe))
        slot = TimedStore(self.metrics)
        recorder = None
        if self._journal is not None:
            recorder = Recorder(self._journal, "master", self.core, size_max=1 << 30)
            self._stack.push_async_callback(recorder.close)
        self.driver = Driver(TimedCore(self.core, self.metrics), slot, rim, clock=self.now, recorder=recorder)
        self.start(self.driver.run())
        records = SqliteRecords(os.path.join(work_dir, REGISTRY_FILE))
        self._stack.push_async_callback(records.close)
        store = RegistryStore(records)
        slot.store = Slow(store, self._commit_s)
        self._recovered = RegistryRecovered(await store.load(info))
        await asyncio.sleep(0)  # the driver runs
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._stack.aclose()

    def start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def now(self) -> Nanos:
        return self._clock() + self._skipped

    def skip(self, seconds: float) -> None:
        """So much time is over at once."""
        self._skipped += round(seconds * SECOND)
        self.driver.tell(Event(Tick))

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for it, and for everything to be written and said."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so() or self.driver.outbox_length:
                await asyncio.sleep(0)

    def _tell(self, event: Event) -> None:
        self.driver.tell(event)

    def _sent(self, peer: str, word: Word) -> None:
        self.heard += 1
        self.metrics.sent(self.core.state.framework_of(peer), word)

    # ---- who takes part

    def recover(self) -> None:
        """The registry has been read."""
        self.driver.tell(Event(RegistryRecovered, self._recovered))

    def reports(self) -> Sequence[bytes]:
        """What each agent says when it comes back, with its tasks of one framework; made ahead."""
        resources = parse_resources(RESOURCES)
        return [encode_batch((report(number, resources, self.each, 1),)) for number in range(self.agents)]

    def connect(self) -> AgentEnd:
        """One more agent's connection."""
        end = AgentEnd()
        self.start(self.channels.serve(end, lambda peer, why: end.leave()))
        self.ends.append(end)
        return end

    async def come_back(self, reports: Sequence[bytes]) -> None:
        """All agents, on connections that there are already."""
        for number, (end, batch) in enumerate(zip(self.ends, reports, strict=True)):
            end.say_bytes(batch)
            if number % SOCKETS_AT_ONCE == 0:
                await asyncio.sleep(0)
        await self.until(lambda: len(self.core.state.agents) == self.agents)

    async def leave(self) -> None:
        """All agents' connections end."""
        for number, end in enumerate(self.ends):
            end.leave()
            if number % SOCKETS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def scheduler(self) -> Scheduler:
        """Of the framework whose tasks the agents bring."""
        return Scheduler(self, framework_info(0))
