"""A simulated agent: the real core, driver and locator of the leading master, with a rim of simulated connections.

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

from mesos_py.agent import events as agent_events
from mesos_py.agent import words
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.core import Agent
from mesos_py.agent.options import AgentOptions
from mesos_py.algebra.resources import Resources
from mesos_py.coordination.locator import Locator
from mesos_py.journal.scribe import Scribe
from mesos_py.machine.driver import Driver, Stopped
from mesos_py.machine.frame import Close, Event, Frame, PeerID, Send
from mesos_py.machine.journal import Journal
from mesos_py.machine.values import Nanos
from mesos_py.sim import executors
from mesos_py.sim.containers import Fate, Program, SimContainers
from mesos_py.sim.disk import SimStore
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.masters import AGENTS, JOURNAL_LENGTH
from mesos_py.sim.net import End, Network
from mesos_py.sim.observe import Observed, Observer
from mesos_py.sim.process import Process
from mesos_py.transport.channel import decode_batch, encode_batch
from mesos_py.wire import executor_api
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.ids import ExecutorID, FrameworkID

RECONNECT_MIN_S, RECONNECT_MAX_S = 0.05, 5.0  # as transport/master_link.py


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
        chance: random.Random,
        encoded: bool,
        locator: Callable[[Callable[[], None]], Locator],
        journal: str | None = None,
    ) -> None:
        """``locator`` makes the one that calls what it is given when another master leads. ``rng`` is the core's."""
        self.loop, self.net, self.host, self.name = loop, net, host, name
        self._rng, self._encoded = chance, encoded
        self.core = Agent(options, info, Resources.of(info.resources), work_dir="/w", ip=host, port=5051, rng=rng)
        self.driver = Driver(
            Observed(name, self.core, observer), store, self, clock=clock, journal=Journal(JOURNAL_LENGTH),
            recorder=None if journal is None else Scribe(journal, name, self.core, now=clock()),
        )  # fmt: skip
        self._observer = observer
        self.containers = SimContainers(loop, self._report, self._start_executor)
        self._locator = locator(self._moved)
        self._has_moved = asyncio.Event()
        self._is_lost: asyncio.Future[None] = loop.create_future()
        self.is_over = self.is_leaving = False
        self._link: tuple[PeerID, End] | None = None
        self._executors: dict[PeerID, End] = {}
        self._numbers = 0
        self._answering: dict[asyncio.Task[None], None] = {}
        self.process = Process(loop, name)
        self.process.enter(self._start)

    def crash(self) -> None:
        """kill -9: nothing more is said, nothing runs any more."""
        self.is_over = True
        self.containers.stop()
        self.net.kill(self.process)
        self.net.crash(self.host)

    def _start(self) -> None:
        self.net.listen(self.host, executors.SERVICE, self._executor)
        self.driver.tell(Event(agent_events.Recovered, agent_events.Recovered()))
        self._tasks = [
            self.loop.create_task(work, name=f"{self.name} {what}")
            for work, what in (
                (self.driver.run(), "driver"), (self._locator.run(), "locator"), (self._keep_connected(), "link")
            )
        ]  # fmt: skip
        for task in self._tasks:
            task.add_done_callback(lambda done: done.result())

    def leave(self) -> None:
        """It ends in order; what it said last still arrives."""
        self.is_leaving = True
        self._tell(agent_events.StopRequested(unregister=True))

    # ---- the driver's rim

    def send(self, word: Send | Close) -> None:
        self._observer.said(self.name, word)
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
            case words.Probe():
                self.containers.probe(message.container_id, message.what)
            case words.DestroyContainer():
                self.containers.destroy(message.container_id)

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
                    async with asyncio.timeout(backoff_s * self._rng.uniform(0.5, 1.0)):
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
            self._tell(agent_events.MasterConnected(peer, address))
            self._listen(end, peer)
            await self._is_lost
            await asyncio.sleep(RECONNECT_MIN_S * self._rng.random())

    def _listen(self, end: End, peer: PeerID) -> None:
        end.listen(lambda body: self._tell(body, peer), lambda why: self._lost(peer))

    def _moved(self) -> None:
        """Another master leads than the one we have."""
        self._has_moved.set()
        if self._link is not None:
            self._close(self._link[0])

    def _lost(self, peer: PeerID) -> None:
        if self._link is not None and self._link[0] == peer and not self.is_over:
            self._link = None
            self._tell(agent_events.MasterLost(peer))
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
        self.process.enter(self._tell, event)

    def _tell(self, body: Any, peer: PeerID | None = None) -> None:
        if not self.is_over:
            self.driver.tell(Event(type(body), body, peer))
