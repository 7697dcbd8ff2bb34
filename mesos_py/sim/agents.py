"""A simulated agent: the real core, driver, recovery and locator of the leading master, with simulated connections.

::

    records of a former run --> what is true still --> core --Recovered--> looks for its master

The rim is the shortest one that keeps the promises of the real one (``agent/server.py``, ``transport/master_link.py``):
words go to connections by peer, what arrives becomes events, the end of a connection is told once, and a master that
leads no more is left for the one that does.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Any

from mesos_py.agent import events, words
from mesos_py.agent.checkpoint import recovery
from mesos_py.agent.checkpoint.store import CheckpointStore
from mesos_py.agent.core import Agent
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.parting import left_running
from mesos_py.algebra.resources import Resources
from mesos_py.coordination import DetectionFailed, StoreFailed
from mesos_py.coordination.locator import Locator
from mesos_py.journal.scribe import Scribe
from mesos_py.machine.driver import Driver, Stopped
from mesos_py.machine.frame import Close, Event, Frame, PeerID, Send
from mesos_py.machine.values import Nanos
from mesos_py.sim.containers import SimContainers
from mesos_py.sim.disk import AgentDisk
from mesos_py.sim.executors import SERVICE
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.masters import AGENTS
from mesos_py.sim.net import End, Network
from mesos_py.sim.observe import Observed, ObservedStore, Observer
from mesos_py.sim.process import Process
from mesos_py.transport.channel import decode_batch, encode_batch
from mesos_py.wire import agent_api, executor_api
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.ids import AgentID

RECONNECT_MIN_S, RECONNECT_MAX_S = 0.05, 5.0  # as transport/master_link.py
#: what ends an agent that has done nothing wrong
EXPECTED = (StoreFailed, DetectionFailed)


class AgentProcess:
    """One run of the agent of a host."""

    def __init__(
        self, loop: SimLoop, net: Network, observer: Observer, host: str, *, name: str, options: AgentOptions,
        info: AgentInfo, boot_id: str, disk: AgentDisk, clock: Callable[[], Nanos], rng: random.Random,
        chance: random.Random, encoded: bool, locator: Callable[[Callable[[], None]], Locator],
        containers: Callable[[Callable[[Any], None]], SimContainers], ended: Callable[[AgentProcess, str], None],
        journal: str | None = None,
    ) -> None:  # fmt: skip
        """``rng`` is the core's alone. ``locator`` makes the one that calls what it is given when another master leads,
        ``containers`` one that reports to what it is given; ``ended`` is told why the agent has ended by itself."""
        self.loop, self.net, self.host, self.name = loop, net, host, name
        self._observer, self._clock, self._rng, self._chance = observer, clock, rng, chance
        self._encoded, self._ended, self._journal = encoded, ended, journal
        self.process = Process(loop, name)
        self._store = CheckpointStore(disk.records(chance), disk.ballast, self._room_changed)
        self.containers = containers(self._report)
        self._locator = locator(self._moved)
        #: None: it has not read yet what was kept
        self.core: Agent | None = None
        self.driver: Driver
        self._link: tuple[PeerID, End] | None = None
        self._has_moved = asyncio.Event()
        self._is_lost: asyncio.Future[None] = loop.create_future()
        self._is_over: asyncio.Future[str] = loop.create_future()
        self._executors: dict[PeerID, End] = {}
        self._numbers = 0
        self.is_ready = False
        #: whoever waits for an answer of the container API
        self._askers: dict[PeerID, asyncio.Future[Any]] = {}
        self._answering: dict[asyncio.Task[None], None] = {}
        self.process.enter(self._start, options, info, boot_id)

    @property
    def agent_id(self) -> AgentID | None:
        return None if self.core is None else self.core.state.id

    def stop(self, *, unregister: bool = False) -> None:
        """Told to end; with ``unregister`` for good."""
        if self.core is not None:
            self.process.enter(self._tell, events.StopRequested(unregister))

    # ---- its life

    def _start(self, options: AgentOptions, info: AgentInfo, boot_id: str) -> None:
        self._living = self.loop.create_task(self._live(options, info, boot_id), name=self.name)
        self._living.add_done_callback(lambda done: done.result())

    async def _live(self, options: AgentOptions, info: AgentInfo, boot_id: str) -> None:
        tasks: list[asyncio.Task[Any]] = []
        try:
            await self._recover(options, info, boot_id, tasks)
            await asyncio.wait((self._is_over, *tasks), return_when=asyncio.FIRST_COMPLETED)
            why = next((f"{type(error).__name__}: {error}" for error in map(_failure, tasks) if error is not None), "")
        except EXPECTED as error:
            why = f"{type(error).__name__}: {error}"
        for task in reversed(tasks[1:]):
            task.cancel()
        if self._link is not None:
            self._link[1].close()
            self._link = None  # nobody waits any more to hear that it is lost
        if self.core is not None:
            with contextlib.suppress(Stopped):
                await self.driver.barrier()
            await self.containers.close(keep=left_running(self.core) is not None)
        for task in tasks[:1]:
            task.cancel()
        self._ended(self, why)

    async def _recover(
        self, options: AgentOptions, info: AgentInfo, boot_id: str, tasks: list[asyncio.Task[Any]]
    ) -> None:
        """As AgentServer.__aenter__; ``tasks`` are those that must not end, the driver first."""
        kept = await self._store.load()
        known = recovery.reconfigured(kept, info, boot_id, options.reconfiguration_policy)
        state = recovery.settled(known, boot_id)
        await self._store.replace(state)
        core = self.core = Agent(
            options, info, Resources.of(info.resources), work_dir="/w", ip=self.host, port=5051, rng=self._rng
        )
        self.driver = Driver(
            Observed(self.name, core, self._observer), ObservedStore(self.name, self._store, self._observer), self,
            clock=self._clock,
            recorder=None if self._journal is None else Scribe(self._journal, self.name, core, now=self._clock()),
        )  # fmt: skip

        def start(work: Any, what: str) -> None:
            tasks.append(self.loop.create_task(work, name=f"{self.name} {what}"))

        start(self.driver.run(), "driver")
        self.net.listen(self.host, SERVICE, self._executor)
        running = await self.containers.recover(recovery.expected(state))
        self._tell(events.Recovered(running, state))
        self.is_ready = True
        start(self._store.watch(), "room")
        start(self._locator.run(), "locator")
        start(self._keep_connected(), "link")

    # ---- the driver's rim

    def send(self, word: Send | Close) -> None:
        self._observer.said(self.name, word)
        peer, link = word.peer, self._link
        if isinstance(word, Close):
            self._close(peer)
        elif link is not None and peer == link[0]:
            message = word.message
            link[1].send(decode_batch(encode_batch((message,)))[0] if self._encoded else message)
        elif peer == words.CONTAINERS:
            self._to_containers(word.message)
        elif peer == words.PROCESS:
            self._end()
        elif peer == words.DISK:
            return
        elif peer in self._executors:
            self._executors[peer].send(word.message)
        elif peer in self._askers and not self._askers[peer].done():
            self._askers[peer].set_result(word.message)

    def _end(self) -> None:
        if not self._is_over.done():
            self._is_over.set_result("")

    def publish(self, frame: Frame) -> None:
        """Observers have seen it when it was applied."""

    def _to_containers(self, message: Any) -> None:
        match message:
            case words.LaunchContainer():
                self.containers.launch(message.spec)
            case words.WithdrawLaunch():
                self.containers.withdraw(message.container_id, message.why)
            case words.SignalContainer():
                self.containers.signal(message.container_id, message.signum)
            case words.Probe():
                self.containers.probe(message.container_id, message.what)
            case words.DestroyContainer():
                self.containers.destroy(message.container_id)
            case words.AcknowledgeExit():
                self.containers.acknowledge(message.container_id)

    def _close(self, peer: PeerID) -> None:
        if self._link is not None and peer == self._link[0]:
            self._link[1].close()
            self.loop.call_soon(self._lost, peer)
        elif peer in self._executors:
            self._executors.pop(peer).close()

    # ---- the master

    async def _keep_connected(self) -> None:
        backoff_s = RECONNECT_MIN_S
        while True:
            address = await self._locator.locate()
            self._has_moved.clear()
            try:
                end = await self.net.connect(self.host, address.partition(":")[0], AGENTS)
            except ConnectionError:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(backoff_s * self._chance.uniform(0.5, 1.0)):
                        await self._has_moved.wait()
                backoff_s = RECONNECT_MIN_S if self._has_moved.is_set() else min(2 * backoff_s, RECONNECT_MAX_S)
                continue
            backoff_s = RECONNECT_MIN_S
            if self._has_moved.is_set():
                end.close()
                continue
            self._is_lost = self.loop.create_future()
            self._numbers += 1
            peer = f"{self.name}-master-{self._numbers}"
            self._link = (peer, end)
            self._tell(events.MasterConnected(peer, address))
            self._listen(end, peer)
            await self._is_lost
            await asyncio.sleep(RECONNECT_MIN_S * self._chance.random())

    def _listen(self, end: End, peer: PeerID) -> None:
        tell = self.driver.tell
        end.listen(lambda body: tell(Event(type(body), body, peer)), lambda why: self._lost(peer))

    def _moved(self) -> None:
        """Another master leads than the one we have."""
        self._has_moved.set()
        if self._link is not None:
            self._close(self._link[0])

    def _lost(self, peer: PeerID) -> None:
        if self._link is not None and self._link[0] == peer:
            self._link = None
            self._tell(events.MasterLost(peer))
            self._is_lost.set_result(None)

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
        if self._executors.pop(peer, None) is not None:
            self._tell(events.ExecutorDisconnected(peer))

    # ---- the container API (agent/api/containers.py)

    def ask(self, call: agent_api.Call, answer: asyncio.Future[Any]) -> PeerID:
        """``answer`` will be what it says: a word or a Problem. Whoever asks ``leave``s in the end."""
        self._numbers += 1
        peer = f"{self.name}-call-{self._numbers}"
        self._askers[peer] = answer
        self.process.enter(self._ask, call, peer)
        return peer

    def leave(self, peer: PeerID) -> None:
        """The connection has ended."""
        self._askers.pop(peer, None)
        self._report(events.AskerGone(peer))

    def _ask(self, call: agent_api.Call, peer: PeerID) -> None:
        task = self.loop.create_task(self._answer(call, peer), name=f"{self.name} call")
        self._answering[task] = None
        task.add_done_callback(lambda done: self._answering.pop(done, None))

    async def _answer(self, call: agent_api.Call, peer: PeerID) -> None:
        assert call.type is not None
        payload = getattr(call, call.type.name.lower())
        with contextlib.suppress(Stopped):
            refused = await self.driver.ask(Event(type(payload), call, peer))
            if refused is not None and peer in self._askers:
                self._askers[peer].set_result(refused)

    # ---- glue

    def _room_changed(self, has_room: bool) -> None:
        self._tell(events.RoomChanged(has_room))

    def _report(self, event: Any) -> None:
        self.process.enter(self._tell, event)

    def _tell(self, body: Any, peer: PeerID | None = None) -> None:
        self.driver.tell(Event(type(body), body, peer))


def _failure(task: asyncio.Task[Any]) -> BaseException | None:
    """What ended it. Raises what no agent should end by."""
    if not task.done() or task.cancelled() or (error := task.exception()) is None:
        return None
    if not isinstance(error, EXPECTED):
        raise error
    return error
