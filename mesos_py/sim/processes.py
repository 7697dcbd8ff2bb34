"""Masters and agents as processes: the real core under the real Driver, with simulated rims.

A rim here is the shortest one that keeps the promises of the real one: words go to connections by peer, what arrives
becomes events, the end of a connection is told once. Every event and frame of a core passes ``Observed`` on its way,
which is all that checkers see.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mesos_py.agent import events as agent_events
from mesos_py.agent import words
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.core import Agent
from mesos_py.agent.options import AgentOptions
from mesos_py.algebra.resources import Resources
from mesos_py.journal.scribe import Scribe
from mesos_py.machine.driver import Driver, Stopped
from mesos_py.machine.frame import Close, Disconnected, Event, Frame, PeerID, Send
from mesos_py.machine.journal import Journal
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.master.core import Master
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.options import Options
from mesos_py.master.registry import Registry
from mesos_py.sim import executors
from mesos_py.sim.containers import Fate, Program, SimContainers
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import End, Network
from mesos_py.transport.channel import decode_batch, encode_batch
from mesos_py.wire import executor_api
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.codec import protobuf
from mesos_py.wire.ids import ExecutorID, FrameworkID
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as SchedulerEvent

MASTER = "master"
AGENTS, STREAMS, CALLS = "agents", "streams", "calls"

RECONNECT_MAX_S = 5.0  # as transport/master_link.py
JOURNAL_LENGTH = 20  # entries shown when a core fails


class Observer(Protocol):
    """Sees what reaches a core and what comes of it, in order."""

    def applied(self, process: str, core: Any, event: Event, frame: Frame) -> None: ...


class Clock:
    """A process's clock: it starts ``skew`` off the truth, runs at its own ``rate`` and never goes back."""

    def __init__(self, loop: SimLoop, epoch: Nanos, skew: Nanos = 0, rate_ppm: int = 0) -> None:
        self._loop, self._rate_ppm = loop, rate_ppm
        self._start = loop.now
        self._offset = epoch + loop.now + skew

    def __call__(self) -> Nanos:
        passed = self._loop.now - self._start
        return self._offset + passed + passed * self._rate_ppm // 1_000_000


class SimStore:
    """Keeps facts after a while."""

    def __init__(self, rng: random.Random, latency_max: Nanos) -> None:
        self._rng, self._latency_max = rng, latency_max
        self.facts: list[Any] = []

    async def commit(self, writes: Sequence[Any]) -> None:
        await asyncio.sleep(self._rng.random() * self._latency_max / SECOND)
        self.facts += writes


class Observed:
    """A core as its driver sees it."""

    def __init__(self, process: str, core: Any, observer: Observer) -> None:
        self._process, self._core, self._observer = process, core, observer
        self.deadline = core.deadline

    def apply(self, event: Event, now: Nanos) -> Frame:
        frame: Frame = self._core.apply(event, now)
        self._observer.applied(self._process, self._core, event, frame)
        return frame


class MasterProcess:
    """One master, from start to crash; it begins with what the store has kept of those before it."""

    def __init__(
        self,
        loop: SimLoop,
        net: Network,
        observer: Observer,
        *,
        name: str,
        options: Options,
        clock: Callable[[], Nanos],
        store: SimStore,
        rng: random.Random,
        encoded: bool,
        journal: str | None = None,
    ) -> None:
        self.loop, self.net, self.name = loop, net, name
        self.core = Master(MasterInfo(id=name, ip=1, port=5050, hostname=MASTER, version="1.12.0"), options, rng)
        self.driver = Driver(
            Observed(MASTER, self.core, observer), store, self, clock=clock, journal=Journal(JOURNAL_LENGTH),
            recorder=None if journal is None else Scribe(journal, name, self.core, now=clock()),
        )  # fmt: skip
        self._encoded = encoded
        self._peers: dict[PeerID, End] = {}
        self._numbers = 0
        self._answering: dict[asyncio.Task[None], None] = {}
        net.listen(MASTER, AGENTS, self._agent)
        net.listen(MASTER, STREAMS, self._stream)
        net.listen(MASTER, CALLS, self._calls)
        registry = Registry()
        for fact in store.facts:
            registry.apply(fact)
        self.driver.tell(Event(RegistryRecovered, RegistryRecovered(registry)))
        self.running = loop.create_task(self.driver.run(), name="master")

    def crash(self) -> None:
        """kill -9: what was not committed has not been said, and is gone."""
        self.running.cancel()
        self.net.crash(MASTER)
        self._peers.clear()

    # ---- the driver's rim

    def send(self, word: Send | Close) -> None:
        end = self._peers.get(word.peer)
        if end is None:
            return
        if isinstance(word, Close):
            self._closed(word.peer)
            end.close()
        elif not self._encoded:
            end.send(word.message)
        elif isinstance(word.message, SchedulerEvent):
            end.send(protobuf.decode(SchedulerEvent, protobuf.encode(word.message)))
        else:
            end.send(decode_batch(encode_batch((word.message,)))[0])

    def publish(self, frame: Frame) -> None:
        """Observers have seen it when it was applied."""

    # ---- connections

    def _agent(self, end: End) -> None:
        peer = self._open("agent", end)
        end.listen(lambda body: self.driver.tell(Event(type(body), body, peer)), lambda why: self._lost(peer))

    def _stream(self, end: End) -> None:
        """The first thing a scheduler sends is SUBSCRIBE; the first thing it hears is its stream's id."""
        peer = self._open("stream", end)

        def subscribe(call: Call) -> None:
            end.send(peer)
            self.driver.tell(Event(Call.Type.SUBSCRIBE, call, peer))

        end.listen(subscribe, lambda why: self._lost(peer))

    def _calls(self, end: End) -> None:
        """Requests are answered one after the other."""

        def ask(request: tuple[int, PeerID, Call]) -> None:
            number, stream, call = request
            task = self.loop.create_task(self._answer(end, number, stream, call), name=f"answer {number}")
            self._answering[task] = None
            task.add_done_callback(lambda done: self._answering.pop(done, None))

        end.listen(ask, lambda why: None)

    async def _answer(self, end: End, number: int, stream: PeerID, call: Call) -> None:
        with contextlib.suppress(Stopped):
            reply = await self.driver.ask(Event(call.type, call, stream))
            end.send((number, reply))

    def _open(self, kind: str, end: End) -> PeerID:
        self._numbers += 1
        peer = f"{kind}-{self.name}-{self._numbers}"
        self._peers[peer] = end
        return peer

    def _closed(self, peer: PeerID) -> None:
        """We end it: an agent's channel tells so, a scheduler's stream does not."""
        del self._peers[peer]
        if peer.startswith("agent"):
            self.loop.call_soon(self.driver.tell, Event(Disconnected, None, peer))

    def _lost(self, peer: PeerID) -> None:
        if self._peers.pop(peer, None) is not None:
            self.driver.tell(Event(Disconnected, None, peer))


class AgentProcess:
    """One run of one agent on one host; a later run on the host is another agent."""

    def __init__(
        self,
        loop: SimLoop,
        net: Network,
        observer: Observer,
        host: str,
        *,
        name: str,
        options: AgentOptions,
        info: AgentInfo,
        clock: Callable[[], Nanos],
        store: SimStore,
        rng: random.Random,
        encoded: bool,
        journal: str | None = None,
    ) -> None:
        self.loop, self.net, self.host, self.name = loop, net, host, name
        self._rng, self._encoded = random.Random(rng.random()), encoded
        self.core = Agent(options, info, Resources.of(info.resources), work_dir="/w", ip=host, port=5051, rng=rng)
        self.driver = Driver(
            Observed(name, self.core, observer), store, self, clock=clock, journal=Journal(JOURNAL_LENGTH),
            recorder=None if journal is None else Scribe(journal, name, self.core, now=clock()),
        )  # fmt: skip
        self.containers = SimContainers(loop, self._report, self._start_executor)
        self.is_over = self.is_leaving = False
        self._link: tuple[PeerID, End] | None = None
        self._executors: dict[PeerID, End] = {}
        self._numbers = 0
        self._answering: dict[asyncio.Task[None], None] = {}
        net.listen(host, executors.SERVICE, self._executor)
        self.driver.tell(Event(agent_events.Recovered, agent_events.Recovered()))
        self.running = loop.create_task(self.driver.run(), name=name)
        self._connecting = loop.create_task(self._connect(), name=f"{name} link")

    def crash(self) -> None:
        """kill -9: nothing more is said, nothing runs any more."""
        self.is_over = True
        self.containers.stop()
        self._connecting.cancel()
        self.running.cancel()
        self.net.crash(self.host)

    def leave(self) -> None:
        """It ends in order; what it said last still arrives."""
        self.is_leaving = True
        self._tell(agent_events.StopRequested(unregister=True))

    # ---- the driver's rim

    def send(self, word: Send | Close) -> None:
        if self.is_over:
            return
        peer = word.peer
        if isinstance(word, Close):
            self._close(peer)
        elif peer == words.CONTAINERS:
            self._to_containers(word.message)
        elif peer == words.PROCESS:
            self.loop.call_soon(self._exit)
        elif peer == words.DISK:
            return
        elif peer in self._executors:
            self._executors[peer].send(word.message)
        elif self._link is not None and peer == self._link[0]:
            message = word.message
            self._link[1].send(decode_batch(encode_batch((message,)))[0] if self._encoded else message)

    def _exit(self) -> None:
        if not self.is_over:
            if self._link is not None:
                self._link[1].close()
            self.crash()

    def publish(self, frame: Frame) -> None:
        """Observers have seen it when it was applied."""

    def _to_containers(self, message: Any) -> None:
        match message:
            case words.LaunchContainer():
                self.containers.launch(message.spec)
            case words.SignalContainer():
                self.containers.signal(message.container_id, message.signum)
            case words.DestroyContainer():
                self.containers.destroy(message.container_id)

    def _close(self, peer: PeerID) -> None:
        if self._link is not None and peer == self._link[0]:
            self._link[1].close()
            self.loop.call_soon(self._lost, peer)
        elif peer in self._executors:
            self._executors.pop(peer).close()

    # ---- the master

    async def _connect(self) -> None:
        backoff_s = 0.05
        while True:
            try:
                end = await self.net.connect(self.host, MASTER, AGENTS)
                break
            except ConnectionError:
                await asyncio.sleep(backoff_s * self._rng.uniform(0.5, 1.0))
                backoff_s = min(2 * backoff_s, RECONNECT_MAX_S)
        self._numbers += 1
        peer = f"{self.name}-master-{self._numbers}"
        self._link = (peer, end)
        self._tell(agent_events.MasterConnected(peer, f"{MASTER}:5050"))
        end.listen(lambda body: self._tell(body, peer), lambda why: self._lost(peer))

    def _lost(self, peer: PeerID) -> None:
        if self._link is not None and self._link[0] == peer and not self.is_over:
            self._link = None
            self._tell(agent_events.MasterLost(peer))
            self._connecting = self.loop.create_task(self._connect(), name=f"{self.name} link")

    # ---- executors

    def _executor(self, end: End) -> None:
        """One connection for all an executor says: what it sends first is SUBSCRIBE."""
        self._numbers += 1
        peer = f"{self.name}-executor-{self._numbers}"

        def heard(call: executor_api.Call) -> None:
            task = self.loop.create_task(self._call(end, peer, call), name=f"{self.name} call")
            self._answering[task] = None
            task.add_done_callback(lambda done: self._answering.pop(done, None))

        end.listen(heard, lambda why: self._executor_lost(peer))

    async def _call(self, end: End, peer: PeerID, call: executor_api.Call) -> None:
        payload = call.subscribe or call.update or call.message
        if call.subscribe is not None:
            self._executors[peer] = end
        with contextlib.suppress(Stopped):
            refused = await self.driver.ask(Event(type(payload), call, peer if call.subscribe is not None else None))
            if refused is not None and self._executors.pop(peer, None) is not None:
                end.close()

    def _executor_lost(self, peer: PeerID) -> None:
        if self._executors.pop(peer, None) is not None and not self.is_over:
            self._tell(agent_events.ExecutorDisconnected(peer))

    def _start_executor(self, spec: ContainerSpec, fate: Fate, exit_: Callable[[int], None]) -> Program:
        return executors.SimExecutor(
            self.loop,
            self.net,
            self.host,
            FrameworkID(spec.env["MESOS_FRAMEWORK_ID"]),
            ExecutorID(spec.env["MESOS_EXECUTOR_ID"]),
            fate,
            self._rng,
            exit_,
        )

    # ---- glue

    def _report(self, event: Any) -> None:
        self._tell(event)

    def _tell(self, body: Any, peer: PeerID | None = None) -> None:
        if not self.is_over:
            self.driver.tell(Event(type(body), body, peer))
