"""An executor's session with its agent, as stories: what is said until it is heard, and when it is over."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from mesos_py.machine.frame import Close, Disconnected, Event, Frame, Tick
from mesos_py.machine.values import SECOND, Nanos, seconds
from mesos_py.sdk.errors import SubscriptionRefused
from mesos_py.sdk.executor import terms_of
from mesos_py.sdk.session import words
from mesos_py.sdk.session.executing import HEARTBEAT_S, ROWS, ExecutorSession, Started, Terms
from mesos_py.sdk.session.kinds import Heartbeat, Shutdown, kind_of
from mesos_py.sdk.session.phase import Phase
from mesos_py.wire import executor_api as api
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.executor_api import Call
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.task import TaskGroupInfo, TaskInfo, TaskState, TaskStatus

Type = api.Event.Type


class World:
    """One session, and what it has said since it was last looked at."""

    def __init__(self, *, checkpoint: bool = True) -> None:
        self.now: Nanos = 1_000 * SECOND
        terms = Terms(
            agent="a:5051", framework_id=FrameworkID("f"), executor_id=ExecutorID("x"), checkpoint=checkpoint,
            recovery_timeout=100 * SECOND, backoff_max=2 * SECOND,
        )  # fmt: skip
        self.session = ExecutorSession(terms, random.Random(0))
        self.calls: list[Call] = []
        self.told: list[api.Event] = []
        self.asked: list[Call] = []
        self.finished: words.Finish | None = None

    def apply(self, kind: Any, body: Any = None, peer: str | None = None) -> Frame:
        frame = self.session.apply(Event(kind, body, peer), self.now)
        self.session.check()
        for word in frame.sends:
            if isinstance(word, Close):
                continue
            match word.message:
                case words.Subscribe():
                    self.asked.append(word.message.call)
                case words.Deliver():
                    self.told.append(word.message.event)
                case words.Finish():
                    self.finished = word.message
                case _:
                    assert word.peer == self.session.peer
                    self.calls.append(word.message)
        return frame

    def hear(self, type_: api.Event.Type, **payload: Any) -> None:
        event = api.Event(type=type_, **payload)
        self.apply(kind_of(event), event, self.session.peer)

    def lose(self) -> None:
        self.apply(Disconnected, "broken", self.session.peer)

    def wait(self, amount_s: float) -> None:
        until = self.now + seconds(amount_s)
        while (at := self.session.deadline()) is not None and at <= until:
            self.now = max(self.now, at)
            self.apply(Tick)
        self.now = until

    def begin(self) -> None:
        self.apply(Started)

    def subscribe(self) -> None:
        self.begin()
        self.subscribed()

    def subscribed(self) -> None:
        executor = ExecutorInfo(executor_id=ExecutorID("x"))
        agent, framework = AgentInfo(hostname="a"), FrameworkInfo(name="f", user="u")
        told = api.Event.Subscribed(executor_info=executor, framework_info=framework, agent_info=agent)
        self.hear(Type.SUBSCRIBED, subscribed=told)

    def launch(self, name: str) -> None:
        self.hear(Type.LAUNCH, launch=api.Event.Launch(task=task(name)))

    def update(self, name: str, uuid: bytes) -> None:
        status = TaskStatus(task_id=TaskID(name), state=TaskState.TASK_RUNNING, uuid=uuid)
        call = self.session.made(Call.Type.UPDATE, update=Call.Update(status=status))
        self.apply(Call.Update, call)

    def acknowledge(self, name: str, uuid: bytes) -> None:
        told = api.Event.Acknowledged(task_id=TaskID(name), uuid=uuid)
        self.hear(Type.ACKNOWLEDGED, acknowledged=told)

    def take_told(self) -> list[str]:
        told, self.told = self.told, []
        return [event.type.name for event in told if event.type is not None]


def task(name: str) -> TaskInfo:
    return TaskInfo(name=name, task_id=TaskID(name), agent_id=AgentID("a"))


U1, U2 = b"1" * 16, b"2" * 16


def test_every_event_has_a_row() -> None:
    """Nothing that an agent may say is without a meaning."""
    payloads = [one for one in vars(api.Event).values() if isinstance(one, type) and one is not Type]
    assert [one.__name__ for one in (*payloads, Heartbeat, Shutdown) if one not in ROWS] == []


def test_what_was_not_acknowledged_is_said_again() -> None:
    """Updates in their order, and tasks of which the agent may know nothing."""
    w = World()
    w.subscribe()
    w.launch("t1")
    w.launch("t2")
    w.update("t1", U1)
    w.update("t2", U2)
    assert [call.update.status.uuid for call in w.calls if call.update] == [U1, U2]
    w.acknowledge("t1", U1)
    w.lose()
    w.wait(2.0)
    again = w.asked[-1].subscribe
    assert again is not None
    assert [one.status.uuid for one in again.unacknowledged_updates] == [U2]
    assert [one.task_id for one in again.unacknowledged_tasks] == ["t2"]


def test_what_is_said_while_nobody_listens() -> None:
    """An update waits for the next subscription, a message does not."""
    w = World()
    w.subscribe()
    w.lose()
    w.update("t1", U1)
    call = w.session.made(Call.Type.MESSAGE, message=Call.Message(data=b"m"))
    assert w.apply(Call.Message, call).reply is False
    assert w.calls == []
    w.wait(2.0)
    again = w.asked[-1].subscribe
    assert again is not None and len(again.unacknowledged_updates) == 1


def test_without_checkpointing_the_end_of_the_connection_is_the_end() -> None:
    """The agent that comes back does not know us."""
    w = World(checkpoint=False)
    w.subscribe()
    w.take_told()
    w.lose()
    assert w.take_told() == ["SHUTDOWN"]
    w.wait(1_000.0)
    assert len(w.asked) == 1


def test_an_agent_that_comes_back_in_time() -> None:
    """Attempts are never further apart than the agent has said; afterwards the time counts anew."""
    w = World()
    w.subscribe()
    w.lose()
    for _ in range(40):
        w.wait(2.0)
        w.apply(words.NotSubscribed, words.NotSubscribed("refused"), w.session.peer)
    assert len(w.asked) == 41
    w.wait(2.0)
    w.subscribed()
    w.wait(50.0)
    w.lose()
    w.wait(90.0)
    assert "SHUTDOWN" not in w.take_told()


def test_an_agent_that_does_not_come_back() -> None:
    """After the recovery timeout we end, once."""
    w = World()
    w.subscribe()
    w.take_told()
    w.lose()
    for _ in range(60):
        w.wait(2.0)
        w.apply(words.NotSubscribed, words.NotSubscribed("refused"), w.session.peer)
    assert w.take_told() == ["SHUTDOWN"]
    assert w.session.is_ending


def test_an_agent_that_is_not_there_yet() -> None:
    """Before the first subscription it is asked again and again: it may be recovering."""
    w = World(checkpoint=False)
    w.begin()
    for _ in range(10):
        w.apply(words.NotSubscribed, words.NotSubscribed("503"), w.session.peer)
        w.wait(1.0)
    assert len(w.asked) == 11 and w.take_told() == []


def test_an_agent_that_does_not_know_us() -> None:
    """The program ends with its words."""
    w = World()
    w.begin()
    w.apply(words.SubscribeRefused, words.SubscribeRefused("Executor cannot be found"), w.session.peer)
    assert w.finished is not None and isinstance(w.finished.error, SubscriptionRefused)
    w.wait(100.0)
    assert len(w.asked) == 1 and w.session.phase is Phase.OVER


def test_shutdown_is_told_once() -> None:
    """Whatever the agent says afterwards, and whatever becomes of it; no new tasks are begun."""
    w = World()
    w.subscribe()
    w.take_told()
    w.hear(Type.SHUTDOWN)
    w.hear(Type.SHUTDOWN)
    w.launch("t")
    w.lose()
    assert w.take_told() == ["SHUTDOWN"]
    w.wait(1_000.0)
    assert len(w.asked) == 1, "nobody expects us back"


def test_groups_kills_messages_heartbeats() -> None:
    """The program hears all but heartbeats; a group's tasks are ours."""
    w = World()
    w.subscribe()
    w.take_told()
    group = TaskGroupInfo(tasks=(task("t1"), task("t2")))
    w.hear(Type.LAUNCH_GROUP, launch_group=api.Event.LaunchGroup(task_group=group))
    w.hear(Type.KILL, kill=api.Event.Kill(task_id=TaskID("t1")))
    w.hear(Type.MESSAGE, message=api.Event.Message(data=b"m"))
    w.hear(Type.HEARTBEAT)
    assert w.take_told() == ["LAUNCH_GROUP", "KILL", "MESSAGE"]
    assert list(w.session.tasks) == ["t1", "t2"]
    w.wait(HEARTBEAT_S + 1)
    assert [call.type for call in w.calls] == [Call.Type.HEARTBEAT]


OLD: dict[str, Callable[[World], None]] = {
    "launch": lambda w: w.apply(api.Event.Launch, api.Event(launch=api.Event.Launch(task=task("t"))), "agent-0").reply,
    "shutdown": lambda w: w.apply(Shutdown, api.Event(), "agent-0").reply,
    "end": lambda w: w.apply(Disconnected, "", "agent-0").reply,
}


@pytest.mark.parametrize("name", OLD)
def test_words_of_an_earlier_connection_do_not_count(name: str) -> None:
    """They are another one's."""
    w = World()
    w.subscribe()
    w.take_told()
    OLD[name](w)
    assert w.take_told() == [] and w.session.is_subscribed


def test_what_the_agent_has_put_into_the_environment() -> None:
    """Durations as Mesos writes them; what is not set is as Mesos has it."""
    environment = {
        "MESOS_AGENT_ENDPOINT": "10.0.0.1:5051", "MESOS_FRAMEWORK_ID": "f", "MESOS_EXECUTOR_ID": "x",
        "MESOS_CHECKPOINT": "1", "MESOS_RECOVERY_TIMEOUT": "10mins", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "7secs",
    }  # fmt: skip
    terms = terms_of(environment)
    assert (terms.agent, terms.checkpoint, terms.backoff_max) == ("10.0.0.1:5051", True, 2 * SECOND)
    assert (terms.recovery_timeout, terms.shutdown_grace) == (600 * SECOND, 7 * SECOND)
    with pytest.raises(RuntimeError, match="MESOS_EXECUTOR_ID"):
        terms_of({name: value for name, value in environment.items() if name != "MESOS_EXECUTOR_ID"})
