"""A master with schedulers and agents around it, in one thread and with time that stands still until told.

``World`` applies events to a real core, keeps what every peer is told, and checks all invariants after every frame.
``Scheduler`` and ``AgentDouble`` are peers that say what they are told to say; what a test asserts on is what they
have heard.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any, TypeVar

from mesos_py.machine.frame import Close, Disconnected, Event, Frame, Tick
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import seconds
from mesos_py.master.changes import Dropped
from mesos_py.master.core import Master
from mesos_py.master.events import MarkGone, RegistryRecovered
from mesos_py.master.options import Options
from mesos_py.master.registry import AdmitAgent, Registry, Write
from mesos_py.wire import internal
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, FrameworkID, OfferID, TaskID
from mesos_py.wire.offer import Filters, Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as Word
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import Task, TaskState, TaskStatus
from tests import builders

T = TypeVar("T")
START = 1_700_000_000 * 10**9


class World:
    """Everything said is remembered by peer; ``frames`` by event."""

    def __init__(self, options: Options | None = None, *, seed: int = 0, check: bool = True) -> None:
        self.now = START
        self.master = Master(builders.master_info(), options or Options(), random.Random(seed))
        self.heard: dict[str, list[Any]] = {}
        self.closed: dict[str, None] = {}
        self.frames: list[Frame] = []
        #: channels whose agents do not answer pings
        self.silent: dict[str, None] = {}
        self._check = check
        self._peers = 0
        self._pinged: list[str] = []

    @property
    def state(self) -> Any:
        return self.master.state

    def peer(self, kind: str) -> str:
        self._peers += 1
        return f"{kind}-{self._peers}"

    def apply(self, kind: Any, body: Any = None, peer: str | None = None, principal: str | None = None) -> Frame:
        """One event; nothing else happens, not even what is due."""
        frame = self.master.apply(Event(kind, body, peer, principal), self.now)
        self.frames.append(frame)
        for word in frame.sends:
            if isinstance(word, Close):
                self.closed[word.peer] = None
            else:
                assert word.peer not in self.closed, f"{word} after the end of its connection"
                self.heard.setdefault(word.peer, []).append(word.message)
                if isinstance(word.message, internal.Ping):
                    self._pinged.append(word.peer)
        if self._check:
            self.master.check()
        return frame

    def settle(self) -> None:
        """Everything that is due by now happens, and pings are answered."""
        self._pong()
        while (deadline := self.master.deadline()) is not None and deadline <= self.now:
            self.apply(Tick)
            self._pong()

    def _pong(self) -> None:
        pinged, self._pinged = self._pinged, []
        for peer in pinged:
            if peer not in self.silent and peer in self.state.peers:
                self.apply(internal.Pong, internal.Pong(), peer)

    def advance(self, seconds_: float) -> None:
        """Time passes; everything happens when it is due."""
        end = self.now + seconds(seconds_)
        self._pong()
        while (deadline := self.master.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.apply(Tick)
            self._pong()
        self.now = end

    def hang(self, seconds_: float) -> None:
        """SIGSTOP for so long: what has become due meanwhile is done before anything is read that has come."""
        self.now += seconds(seconds_)
        self.apply(Tick)

    def changes(self, kind: type[T]) -> list[T]:
        """Every fact of this kind, oldest first."""
        return [change for frame in self.frames for change in frame.changes if isinstance(change, kind)]

    def writes(self) -> list[Any]:
        return [write for frame in self.frames for write in frame.writes]

    def recover(self, *admitted: AgentInfo, facts: Iterable[Write] = ()) -> Frame:
        """An earlier master had admitted these agents, and kept these facts."""
        registry = Registry()
        for fact in (*map(AdmitAgent, admitted), *facts):
            registry.apply(fact)
        return self.apply(RegistryRecovered, RegistryRecovered(registry))

    def mark_gone(self, agent_id: str) -> Frame:
        """By an operator."""
        return self.apply(MarkGone, MarkGone(AgentID(agent_id)))

    def scheduler(self, info: FrameworkInfo | None = None, **fields: Any) -> Scheduler:
        """A scheduler that has subscribed."""
        made = Scheduler(self, info or builders.framework_info(**fields))
        made.subscribe()
        return made

    def agent(self, info: AgentInfo | None = None, **fields: Any) -> AgentDouble:
        """An agent that has registered."""
        made = AgentDouble(self, info or builders.agent_info(**fields))
        made.register()
        return made


class Scheduler:
    """One framework's scheduler; ``call`` says anything, the others the usual."""

    def __init__(self, world: World, info: FrameworkInfo) -> None:
        self.world, self.info = world, info
        self.peer = ""
        self.principal: str | None = None

    def subscribe(self, **fields: Any) -> Frame:
        """On a new stream."""
        self.peer = self.world.peer("scheduler")
        call = Call(
            type=Call.Type.SUBSCRIBE,
            framework_id=self.info.id,
            subscribe=Call.Subscribe(framework_info=self.info, **fields),
        )
        frame = self.world.apply(Call.Type.SUBSCRIBE, call, self.peer, self.principal)
        for word in self.take():
            if word.subscribed is not None:
                self.info = _with_id(self.info, word.subscribed.framework_id)
            else:
                self.unread.append(word)
        return frame

    @property
    def unread(self) -> list[Word]:
        return self.world.heard.setdefault(self.peer, [])

    @property
    def id(self) -> FrameworkID:
        assert self.info.id is not None
        return self.info.id

    def take(self) -> list[Word]:
        """Everything heard since the last time."""
        words = list(self.unread)
        self.unread.clear()
        return words

    def disconnect(self) -> Frame:
        return self.world.apply(Disconnected, peer=self.peer)

    def call(self, type_: Call.Type, **payload: Any) -> Frame:
        return self.world.apply(type_, Call(type=type_, framework_id=self.id, **payload), self.peer, self.principal)

    def problem(self, type_: Call.Type, **payload: Any) -> Problem:
        reply = self.call(type_, **payload).reply
        assert isinstance(reply, Problem)
        return reply

    # ---- what is said

    def accept(self, offers: Iterable[Offer], *operations: Offer.Operation, refuse_s: float | None = None) -> Frame:
        filters = None if refuse_s is None else Filters(refuse_seconds=refuse_s)
        accept = Call.Accept(offer_ids=tuple(offer.id for offer in offers), operations=operations, filters=filters)
        return self.call(Call.Type.ACCEPT, accept=accept)

    def launch(self, *tasks: Any, refuse_s: float | None = None) -> Frame:
        """On the first offer there is of the tasks' agent; everything is acted on."""
        self.world.settle()
        offer = next(offer for offer in self.offers() if offer.agent_id == tasks[0].agent_id)
        return self.accept([offer], builders.launch(*tasks), refuse_s=refuse_s)

    def decline(self, *offer_ids: OfferID, refuse_s: float | None = None) -> Frame:
        filters = None if refuse_s is None else Filters(refuse_seconds=refuse_s)
        return self.call(Call.Type.DECLINE, decline=Call.Decline(offer_ids=offer_ids, filters=filters))

    def acknowledge(self, status: TaskStatus) -> Frame:
        assert status.agent_id is not None
        assert status.uuid is not None
        acknowledge = Call.Acknowledge(agent_id=status.agent_id, task_id=status.task_id, uuid=status.uuid)
        return self.call(Call.Type.ACKNOWLEDGE, acknowledge=acknowledge)

    def kill(self, task_id: str, agent_id: str | None = None) -> Frame:
        kill = Call.Kill(task_id=TaskID(task_id), agent_id=None if agent_id is None else AgentID(agent_id))
        return self.call(Call.Type.KILL, kill=kill)

    def reconcile(self, *tasks: tuple[str, str | None]) -> list[TaskStatus]:
        """Returns the answers."""
        asked = tuple(
            Call.Reconcile.Task(task_id=TaskID(task_id), agent_id=None if agent_id is None else AgentID(agent_id))
            for task_id, agent_id in tasks
        )
        self.take()
        self.call(Call.Type.RECONCILE, reconcile=Call.Reconcile(tasks=asked))
        return self.statuses()

    # ---- what is heard

    def offers(self) -> list[Offer]:
        """Offers that are still alive, oldest first."""
        return [offer for offer in self._offered() if offer.id in self.world.state.offers]

    def _offered(self) -> list[Offer]:
        return [offer for word in self.unread if word.offers is not None for offer in word.offers.offers]

    def statuses(self) -> list[TaskStatus]:
        return [word.update.status for word in self.unread if word.update is not None]

    def states(self, task_id: str = "t") -> list[TaskState]:
        return [status.state for status in self.statuses() if status.task_id == task_id]

    def of(self, type_: Word.Type) -> list[Word]:
        return [word for word in self.unread if word.type is type_]

    def errors(self) -> list[str]:
        return [word.error.message for word in self.unread if word.error is not None]


Info = TypeVar("Info", FrameworkInfo, AgentInfo)


def _with_id(info: Info, given: FrameworkID | AgentID) -> Info:
    return evolve(info, id=given)


class AgentDouble:
    """An agent without executors: it reports what a test tells it to."""

    def __init__(self, world: World, info: AgentInfo) -> None:
        self.world, self.info = world, info
        self.peer = world.peer("agent")
        self.pid = f"slave(1)@127.0.0.1:{info.port}"
        self._uuids = 0

    @property
    def id(self) -> AgentID:
        assert self.info.id is not None
        return self.info.id

    @property
    def heard(self) -> list[Any]:
        return self.world.heard.setdefault(self.peer, [])

    def of(self, kind: type[T]) -> list[T]:
        return [message for message in self.heard if isinstance(message, kind)]

    def register(self, **fields: Any) -> Frame:
        message = internal.RegisterAgent(
            agent=self.info,
            pid=self.pid,
            version="1.12.0",
            capabilities=builders.AGENT_CAPABILITIES,
            **fields,
        )
        frame = self.say(message)
        registered = self.of(internal.AgentRegistered)
        if registered:
            self.info = _with_id(self.info, registered[-1].agent_id)
        return frame

    def reregister(self, **fields: Any) -> Frame:
        """On a new connection; gives what it runs as ``tasks``, ``executors`` and ``frameworks``."""
        self.peer = self.world.peer("agent")
        message = internal.ReregisterAgent(
            agent=self.info,
            pid=self.pid,
            version="1.12.0",
            **{"capabilities": builders.AGENT_CAPABILITIES} | fields,
        )
        return self.say(message)

    def say(self, message: Any) -> Frame:
        return self.world.apply(type(message), message, self.peer)

    def disconnect(self) -> Frame:
        return self.world.apply(Disconnected, peer=self.peer)

    def fall_silent(self) -> None:
        """It stops answering pings; its connection stays."""
        self.world.silent[self.peer] = None

    def update(
        self,
        framework_id: str,
        task_id: str,
        state: TaskState,
        *,
        latest: TaskState | None = None,
        **fields: Any,
    ) -> TaskStatus:
        """A status update with a uuid of its own; returned as it was sent."""
        self._uuids += 1
        status = TaskStatus(
            task_id=TaskID(task_id),
            state=state,
            source=TaskStatus.Source.SOURCE_EXECUTOR,
            agent_id=self.id,
            timestamp=self.world.now / 1e9,
            uuid=self._uuids.to_bytes(16, "big"),
            **fields,
        )
        self.say(internal.StatusUpdate(framework_id=FrameworkID(framework_id), status=status, latest_state=latest))
        return status


def launched(**fields: Any) -> tuple[World, AgentDouble, Scheduler, Task]:
    """Task ``t``, running, as its agent would report it."""
    world = World()
    agent = world.agent()
    scheduler = world.scheduler(**fields)
    scheduler.launch(builders.task())
    agent.update(scheduler.id, "t", TaskState.TASK_RUNNING)
    scheduler.take()
    return world, agent, scheduler, world.state.frameworks[scheduler.id].tasks[TaskID("t")].wire()


def dropped(world: World) -> str:
    """Why the last word without effect had none."""
    return world.changes(Dropped)[-1].why
