"""A session without a world: events in, frames out, time as the test says."""

from __future__ import annotations

import random
from typing import Any

from mesos_py.machine.frame import Close, Disconnected, Event, Frame, Send, Tick
from mesos_py.machine.values import SECOND, Nanos, seconds
from mesos_py.sdk.session import words
from mesos_py.sdk.session.core import Habits, Session
from mesos_py.sdk.session.kinds import kind_of
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, FrameworkID, OfferID, TaskID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus

START: Nanos = 1_000 * SECOND
FRAMEWORK_ID = FrameworkID("m-0000")
A1 = AgentID("a1")


class World:
    """One session, and what it has said since it was last looked at."""

    def __init__(self, *, habits: Habits | None = None, seed: int = 0, **info: Any) -> None:
        defaults: dict[str, Any] = {"name": "f", "user": "nobody", "roles": ("r",), "failover_timeout": 100.0}
        self.now = START
        self.session = Session(FrameworkInfo(**(defaults | info)), random.Random(seed), habits)
        #: not looked at yet
        self.calls: list[Call] = []
        self.told: list[MasterEvent] = []
        self.asked: list[words.Subscribe] = []
        self.closed: list[str] = []
        self.finished: words.Finish | None = None
        #: as a store has them
        self.kept: dict[words.Key, bytes] = {}

    def apply(self, kind: Any, body: Any = None, peer: str | None = None) -> Frame:
        frame = self.session.apply(Event(kind, body, peer), self.now)
        self.session.check()
        for write in frame.writes:
            if write.contents is None:
                self.kept.pop(write.key, None)
            else:
                self.kept[write.key] = write.contents
        for word in frame.sends:
            self._said(word)
        return frame

    def _said(self, word: Send | Close) -> None:
        if isinstance(word, Close):
            self.closed.append(word.peer)
        elif isinstance(word.message, words.Subscribe):
            self.asked.append(word.message)
        elif isinstance(word.message, words.Deliver):
            self.told.append(word.message.event)
        elif isinstance(word.message, words.Finish):
            self.finished = word.message
        else:
            assert word.peer == self.session.peer
            self.calls.append(word.message)

    def tell(self, body: Any, peer: str | None = None) -> Frame:
        return self.apply(type(body), body, peer)

    def call(self, type_: Call.Type, **payload: Any) -> Frame:
        return self.apply(type_, Call(type=type_, **payload))

    def hear(self, event: MasterEvent, peer: str | None = None) -> Frame:
        return self.apply(kind_of(event), event, peer or self.session.peer)

    def lose(self) -> Frame:
        return self.apply(Disconnected, "broken", self.session.peer)

    def wait(self, amount_s: float) -> None:
        """Time passes; timers are told when they are due."""
        until = self.now + seconds(amount_s)
        while (at := self.session.deadline()) is not None and at <= until:
            self.now = max(self.now, at)
            self.apply(Tick)
        self.now = until

    def take_calls(self, type_: Call.Type | None = None) -> list[Call]:
        """Those not looked at yet; with a type, those of it."""
        calls, self.calls = self.calls, []
        return [call for call in calls if type_ is None or call.type is type_]

    def take_told(self) -> list[MasterEvent]:
        told, self.told = self.told, []
        return told

    # ---- stories

    def begin(self, records: dict[words.Key, bytes] | None = None) -> None:
        """It has asked the leader to subscribe it."""
        self.tell(words.Begun(records or {}))
        self.tell(words.LeaderFound("m:5050"))

    def subscribe(self, records: dict[words.Key, bytes] | None = None) -> None:
        """It is subscribed, and nobody has looked at anything else."""
        self.begin(records)
        self.hear(subscribed())
        self.take_calls()
        self.take_told()
        self.asked.clear()


def subscribed(heartbeat_s: float = 15.0, framework_id: FrameworkID = FRAMEWORK_ID) -> MasterEvent:
    told = MasterEvent.Subscribed(framework_id=framework_id, heartbeat_interval_seconds=heartbeat_s)
    return MasterEvent(type=MasterEvent.Type.SUBSCRIBED, subscribed=told)


def heartbeat() -> MasterEvent:
    return MasterEvent(type=MasterEvent.Type.HEARTBEAT)


def error(text: str) -> MasterEvent:
    return MasterEvent(type=MasterEvent.Type.ERROR, error=MasterEvent.Error(message=text))


def offer(name: str, agent_id: AgentID = A1) -> Offer:
    return Offer(id=OfferID(name), framework_id=FRAMEWORK_ID, agent_id=agent_id, hostname="h")


def offers(*names: str) -> MasterEvent:
    made = MasterEvent.Offers(offers=tuple(offer(name) for name in names))
    return MasterEvent(type=MasterEvent.Type.OFFERS, offers=made)


def rescind(name: str) -> MasterEvent:
    return MasterEvent(type=MasterEvent.Type.RESCIND, rescind=MasterEvent.Rescind(offer_id=OfferID(name)))


def update(task: str, state: str, uuid: bytes | None = None) -> MasterEvent:
    """Of a task on agent a1; ``state`` without TASK_."""
    status = TaskStatus(task_id=TaskID(task), state=TaskState[f"TASK_{state}"], agent_id=A1, uuid=uuid)
    return MasterEvent(type=MasterEvent.Type.UPDATE, update=MasterEvent.Update(status=status))


def repeated(task: str, state: str) -> MasterEvent:
    """A master's answer when it is asked how a task is."""
    told = update(task, state)
    assert told.update is not None
    status = evolve(told.update.status, reason=TaskStatus.Reason.REASON_RECONCILIATION)
    return evolve(told, update=MasterEvent.Update(status=status))


def launch(*tasks: str, using: str = "o1") -> Call.Accept:
    infos = tuple(TaskInfo(name=name, task_id=TaskID(name), agent_id=A1) for name in tasks)
    operation = Offer.Operation(type=Offer.Operation.Type.LAUNCH, launch=Offer.Operation.Launch(task_infos=infos))
    return Call.Accept(offer_ids=(OfferID(using),), operations=(operation,))
