"""A simulated master: the real core, driver, leadership, campaign and registry, with a rim of simulated connections.

::

    with rivals    Session on a simulated ensemble --> Reign.campaign --> leads, or sends others to who does
    alone          records on its own disk         --> Reign.lead

The rim is the shortest one that keeps the promises of the real one (``master/server.py``): words go to connections by
peer, what arrives becomes events, the end of a connection is told once, and who does not lead answers nothing but who
does. A master that leads no more ends, as the real program does.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import attrs

from mesos_py.coordination import DetectionFailed, Records, StoreFailed
from mesos_py.coordination.campaign import LeadershipLost
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.journal.scribe import Scribe
from mesos_py.machine.driver import Driver, LeaseExpired, Stopped, Store
from mesos_py.machine.frame import Close, Disconnected, Event, Frame, PeerID, Send
from mesos_py.machine.values import Nanos
from mesos_py.master.core import Master
from mesos_py.master.leadership import Leadership
from mesos_py.master.options import Options
from mesos_py.master.reign import Reign
from mesos_py.master.views.agents import agent_message
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import End, Network
from mesos_py.sim.observe import Observed, Observer
from mesos_py.sim.process import Process
from mesos_py.transport.channel import decode_batch, encode_batch
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.codec import protobuf
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.master_response import Response
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as SchedulerEvent

KnownAgent = Response.GetAgents.Agent

AGENTS, STREAMS, CALLS, OPERATORS = "agents", "streams", "calls", "operators"  # services

#: what ends a master that has done nothing wrong
EXPECTED = (LeadershipLost, LeaseExpired, StoreFailed, DetectionFailed)


@attrs.frozen
class Elsewhere:
    """Answer of a master that does not lead: the host of the one that does, if it knows. HTTP: 307, or 503."""

    host: str | None


def recovered(info: AgentInfo) -> KnownAgent:
    """As clients take an agent that has not come back to a new master yet (``sdk/http.py``)."""
    return KnownAgent(agent_info=info, active=False, version="", total_resources=info.resources)


class MasterProcess:
    """One master, from its start to its end."""

    def __init__(
        self, loop: SimLoop, net: Network, observer: Observer, host: str, *, name: str, options: Options,
        clock: Callable[[], Nanos], rng: random.Random, encoded: bool, records: Records | None = None,
        session: Callable[[], Session] | None = None, ended: Callable[[MasterProcess, str], None],
        journal: str | None = None,
    ) -> None:  # fmt: skip
        """With ``records`` it is alone, with ``session`` elected; ``ended`` is told why it has ended by itself."""
        self.loop, self.net, self.host, self.name = loop, net, host, name
        self._observer, self._encoded = observer, encoded
        self._records, self._make_session, self._ended = records, session, ended
        self.info = MasterInfo(id=name, ip=1, port=5050, hostname=host, version="1.12.0")
        self.core = Master(self.info, options, rng)
        self.leadership = Leadership()
        self.store: Store | None = None
        self.session: Session | None = None
        self.driver = Driver(
            Observed(name, self.core, observer), self, self, clock=clock,
            may_act=None if session is None else self.leadership.is_held,  # who is alone has no rivals
            recorder=None if journal is None else Scribe(journal, name, self.core, now=clock()),
        )  # fmt: skip
        self._peers: dict[PeerID, End] = {}
        self._numbers = 0
        self._answering: dict[asyncio.Task[None], None] = {}
        self.process = Process(loop, name)
        self.process.enter(self._start)

    @property
    def leads(self) -> bool:
        """It answers calls."""
        return self.process.runs and self.leadership.may_answer and self.leadership.is_recovered

    def kill(self) -> None:
        """kill -9: what was not committed has not been said, and is gone."""
        self.net.kill(self.process)

    def tell(self, event: Event) -> None:
        """An operator's call."""
        self.process.enter(self.driver.tell, event)

    def ask(self, event: Event) -> asyncio.Future[Any]:
        """The same, of somebody who waits for the answer; there is none if the master ends before."""
        answer: asyncio.Future[Any] = self.loop.create_future()

        async def put() -> None:
            with contextlib.suppress(Stopped):
                answer.set_result(await self.driver.ask(event))

        self.process.enter(lambda: self._start_answer(put(), "answer of an operator"))
        return answer

    # ---- its life

    def _start(self) -> None:
        self.net.listen(self.host, AGENTS, self._agent)
        self.net.listen(self.host, STREAMS, self._stream)
        self.net.listen(self.host, CALLS, self._calls)
        self.net.listen(self.host, OPERATORS, self._operators)
        self._living = self.loop.create_task(self._live(), name=self.name)
        self._living.add_done_callback(lambda done: done.result())

    async def _live(self) -> None:
        reign = Reign(self.info, self.leadership, self.driver, self)
        driving = self.loop.create_task(self.driver.run(), name=f"{self.name} driver")
        if self._make_session is None:
            assert self._records is not None
            ruling = self.loop.create_task(reign.lead(self._records), name=f"{self.name} takes over")
            await ruling
        else:
            self.session = await self._make_session().__aenter__()
            ruling = self.loop.create_task(reign.campaign(self.session), name=f"{self.name} campaign")
            ruling.add_done_callback(lambda done: driving.cancel())
        await asyncio.wait((driving, ruling) if self.session is not None else (driving,),
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        why = self._why(ruling, driving)
        self.leadership.is_leading = False
        driving.cancel()
        ruling.cancel()
        if self.session is not None:
            await self.session.__aexit__(None, None, None)
        self._ended(self, why)

    def _why(self, *tasks: asyncio.Task[None]) -> str:
        """Raises what no master should end by."""
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                if not isinstance(error, EXPECTED):
                    raise error
                return f"{type(error).__name__}: {error}"
        return ""

    # ---- the driver's store and rim

    async def commit(self, writes: Sequence[Any]) -> None:
        """Nothing is written before the registry has been read."""
        assert self.store is not None
        await self.store.commit(writes)
        self._observer.kept(self.name, writes)

    def send(self, word: Send | Close) -> None:
        self._observer.said(self.name, word)
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

    def _elsewhere(self) -> Elsewhere | None:
        """What everybody is told who asks a master that does not lead."""
        if self.leads:
            return None
        leader = self.leadership.leader
        return Elsewhere(None if leader is None or leader.id == self.info.id else leader.hostname)

    def _agent(self, end: End) -> None:
        if not self.leads:
            end.close()  # turned away, as with 307 or 503: agents back off, and ask ZooKeeper who leads
            return
        peer, tell = self._open("agent", end), self.driver.tell
        end.listen(lambda body: tell(Event(type(body), body, peer)), lambda why: self._lost(peer))

    def _stream(self, end: End) -> None:
        """The first thing a scheduler sends is SUBSCRIBE; the first thing it hears is its stream's id."""
        peers: list[PeerID] = []

        def subscribe(call: Call) -> None:
            elsewhere = self._elsewhere()
            if elsewhere is not None:
                end.send(elsewhere)
                end.close()
                return
            peers.append(self._open("stream", end))
            end.send(peers[0])
            self.driver.tell(Event(Call.Type.SUBSCRIBE, call, peers[0]))

        end.listen(subscribe, lambda why: self._lost(peers[0]) if peers else None)

    def _calls(self, end: End) -> None:
        """Requests are answered one after the other."""

        def ask(request: tuple[int, PeerID, Call]) -> None:
            number, stream, call = request
            self._start_answer(self._answer(end, number, stream, call), f"answer {number}")

        end.listen(ask, lambda why: None)

    async def _answer(self, end: End, number: int, stream: PeerID, call: Call) -> None:
        elsewhere = self._elsewhere()
        if elsewhere is not None:
            end.send((number, elsewhere))
            return
        with contextlib.suppress(Stopped):
            reply = await self.driver.ask(Event(call.type, call, stream))
            end.send((number, reply))

    def _operators(self, end: End) -> None:
        """Whoever asks is told which agents there are."""

        async def tell() -> None:
            with contextlib.suppress(Stopped):
                await self.driver.barrier()
                state = self.core.state
                agents = [agent_message(agent) for agent in state.agents.values()]
                agents += [recovered(agent.info) for agent in state.recovered_agents.values()]
                end.send(self._elsewhere() or tuple(agents))

        def ask(word: str) -> None:
            self._start_answer(tell(), "answer of agents")

        end.listen(ask, lambda why: None)

    def _start_answer(self, work: Coroutine[Any, Any, None], what: str) -> None:
        task = self.loop.create_task(work, name=what)
        self._answering[task] = None
        task.add_done_callback(lambda done: self._answering.pop(done, None))

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
