"""An executor's session with its agent: subscribed, and again when the agent is back; what is said is kept until heard.

::

    CONNECTING --SUBSCRIBED--> SUBSCRIBED --SHUTDOWN, or lost without checkpointing--> ENDING
        ^                          |
        +--------- lost -----------+     too long away: --SHUTDOWN, said by ourselves--> ENDING

* Updates are kept until they are acknowledged and said again with the next subscription, in their order; so are tasks
  of which nothing was acknowledged yet: the agent may have forgotten that we have them.
* Without checkpointing the agent that comes back does not know us, and we end with the connection; with it, we wait for
  ``recovery_timeout``.
* To end is an event like any other: the program is told SHUTDOWN, once.

Mesos: src/executor/executor.cpp.
"""

from __future__ import annotations

import attrs

from mesos_py.machine.frame import Disconnected, Event, Frame, PeerID
from mesos_py.machine.table import Table, dispatch
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import SECOND, Nanos, seconds
from mesos_py.sdk.errors import SubscriptionRefused
from mesos_py.sdk.session import words
from mesos_py.sdk.session.core import Chance
from mesos_py.sdk.session.kinds import Heartbeat, Shutdown
from mesos_py.sdk.session.phase import Phase
from mesos_py.wire import executor_api as api
from mesos_py.wire.executor_api import Call
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.task import TaskInfo, TaskStatus

table = Table("events and calls of an executor")

BACKOFF_S = 1.0  # between attempts before the first subscription; Mesos: src/launcher/executor.cpp
SUBSCRIBE_TIMEOUT_S = 15.0  # until SUBSCRIBED
HEARTBEAT_S = 30 * 60.0  # between ours; Mesos: src/executor/executor.cpp


@attrs.frozen(kw_only=True)
class Terms:
    """What the agent has started an executor with."""

    #: HOST:PORT of the agent
    agent: str
    framework_id: FrameworkID
    executor_id: ExecutorID
    #: the executor outlives its agent, and waits for the next one
    checkpoint: bool = False
    recovery_timeout: Nanos = 15 * 60 * SECOND
    #: attempts to subscribe again are at most so far apart
    backoff_max: Nanos = 2 * SECOND
    #: to end in, before it is killed
    shutdown_grace: Nanos = 5 * SECOND


class ExecutorSession:
    """One executor, from its start to its end."""

    def __init__(self, terms: Terms, rng: Chance) -> None:
        self.terms, self._rng = terms, rng
        self.phase = Phase.WAITING
        self.timers = Timers()
        self.peer: PeerID | None = None
        self._links = 0
        #: since when there is no subscription; None: there is one, or never was
        self.lost_at: Nanos | None = None
        self.has_subscribed = False
        #: SHUTDOWN was told
        self.is_ending = False
        #: nothing of them was acknowledged
        self.tasks: dict[TaskID, TaskInfo] = {}
        #: uuid -> said, not acknowledged
        self.updates: dict[bytes, TaskStatus] = {}
        self._cause = 0

    def apply(self, event: Event, now: Nanos) -> Frame:
        """Everything ``event`` causes."""
        self._cause += 1
        out = Frame(now, self._cause)
        dispatch(ROWS, self, event, out)
        return out

    def deadline(self) -> Nanos | None:
        return self.timers.deadline()

    @property
    def is_subscribed(self) -> bool:
        return self.phase is Phase.SUBSCRIBED

    def say(self, call: Call, out: Frame) -> None:
        """To the agent, if it listens."""
        if self.is_subscribed and self.peer is not None:
            out.send(self.peer, call)

    def made(self, type_: Call.Type, **payload: object) -> Call:
        terms = self.terms
        return Call(type=type_, framework_id=terms.framework_id, executor_id=terms.executor_id, **payload)  # type: ignore[arg-type]

    def connect(self, out: Frame) -> None:
        """The agent is asked to subscribe us."""
        self._links += 1
        self.peer = f"agent-{self._links}"
        self.phase = Phase.CONNECTING
        self.timers.set("silence", out.now + seconds(SUBSCRIBE_TIMEOUT_S), words.SilenceDue())
        updates = tuple(Call.Update(status=status) for status in self.updates.values())
        subscribe = Call.Subscribe(unacknowledged_tasks=tuple(self.tasks.values()), unacknowledged_updates=updates)
        call = self.made(Call.Type.SUBSCRIBE, subscribe=subscribe)
        out.send(words.CONNECTOR, words.Subscribe(self.peer, self.terms.agent, call))

    def lose(self, why: str, out: Frame) -> None:
        """It is tried again, if there is somebody to come back."""
        if self.peer is not None:
            out.close(self.peer)
        self.peer, self.phase = None, Phase.WAITING
        for key in ("silence", "heartbeat"):
            self.timers.cancel(key)
        if self.has_subscribed and self.lost_at is None:
            self.lost_at = out.now
            if self.terms.checkpoint:
                self.timers.set("recovery", out.now + self.terms.recovery_timeout, RecoveryDue())
        out.change(words.Lost(why, None))
        if self.has_subscribed and not self.terms.checkpoint:
            self.end(out)
        if self.is_ending:
            return
        pause = self.terms.backoff_max / SECOND if self.has_subscribed else BACKOFF_S
        self.timers.set("retry", out.now + seconds(self._rng.uniform(0.0, pause)), words.RetryDue())

    def end(self, out: Frame) -> None:
        """The program is told to end, if it was not before."""
        if not self.is_ending:
            self.is_ending = True
            deliver(api.Event(type=api.Event.Type.SHUTDOWN), out)

    def check(self) -> None:
        """What is always true."""
        assert (self.peer is not None) == (self.phase in (Phase.CONNECTING, Phase.SUBSCRIBED))
        assert ("retry" in self.timers) <= (self.phase is Phase.WAITING)
        assert (self.phase is Phase.SUBSCRIBED) <= (self.lost_at is None)


class Started:
    """The program has begun."""


class RecoveryDue:
    """A timer: the agent was to be back by now."""


class HeartbeatDue:
    """A timer: the agent is to see that we are there."""


def deliver(event: api.Event, out: Frame) -> None:
    out.send(words.PROGRAM, words.Deliver(event))


# ---- the connection


@table.on(Started)
def started(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The agent is asked to subscribe us."""
    s.connect(out)


@table.on(words.RetryDue)
def retry_due(s: ExecutorSession, event: Event, out: Frame) -> None:
    """Likewise, again."""
    s.connect(out)


@table.on(words.SilenceDue)
def silence_due(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The agent takes the connection and says nothing: it is asked again."""
    s.lose("nothing is heard of the agent", out)


@table.on(Disconnected)
def disconnected(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The agent is gone, and perhaps comes back."""
    if event.peer == s.peer and s.peer is not None:
        s.lose(event.body or "the connection has ended", out)


@table.on(words.NotSubscribed)
def not_subscribed(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The agent is not there yet."""
    if event.peer == s.peer and s.peer is not None:
        s.lose(event.body.why, out)


@table.on(words.SentElsewhere)
def sent_elsewhere(s: ExecutorSession, event: Event, out: Frame) -> None:
    """Agents do not do that; it is asked again."""
    if event.peer == s.peer and s.peer is not None:
        s.lose("the agent sends us elsewhere", out)


@table.on(words.SubscribeRefused)
def subscribe_refused(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The agent does not know us, and will not."""
    if event.peer == s.peer and s.peer is not None:
        s.lose(event.body.why, out)
        s.timers.cancel("retry")
        s.phase = Phase.OVER
        out.send(words.PROGRAM, words.Finish(SubscriptionRefused(event.body.why)))


@table.on(RecoveryDue)
def recovery_due(s: ExecutorSession, event: Event, out: Frame) -> None:
    """Nobody knows us any more."""
    if s.lost_at is not None:
        s.timers.cancel("retry")
        s.end(out)


@table.on(HeartbeatDue)
def heartbeat_due(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The agent sees that we are there."""
    s.say(s.made(Call.Type.HEARTBEAT), out)
    s.timers.set("heartbeat", out.now + seconds(HEARTBEAT_S), HeartbeatDue())


# ---- what the agent says


def _is_ours(s: ExecutorSession, event: Event) -> bool:
    return event.peer == s.peer and s.is_subscribed


@table.on(api.Event.Subscribed)
def subscribed(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The agent knows us, with everything that we have told with the subscription."""
    if event.peer == s.peer and s.phase is Phase.CONNECTING:
        s.phase, s.lost_at, s.has_subscribed = Phase.SUBSCRIBED, None, True
        for key in ("silence", "recovery"):
            s.timers.cancel(key)
        s.timers.set("heartbeat", out.now + seconds(HEARTBEAT_S), HeartbeatDue())
        deliver(event.body, out)


@table.on(api.Event.Launch)
def launch(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The task is ours; one that the agent tells again is known already."""
    if _is_ours(s, event) and not s.is_ending:
        task: TaskInfo = event.body.launch.task
        s.tasks[task.task_id] = task
        deliver(event.body, out)


@table.on(api.Event.LaunchGroup)
def launch_group(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The tasks are ours."""
    if _is_ours(s, event) and not s.is_ending:
        s.tasks.update((task.task_id, task) for task in event.body.launch_group.task_group.tasks)
        deliver(event.body, out)


@table.on(api.Event.Kill)
def kill(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The program hears it."""
    if _is_ours(s, event):
        deliver(event.body, out)


@table.on(api.Event.Message)
def message(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The program hears it."""
    if _is_ours(s, event):
        deliver(event.body, out)


@table.on(api.Event.Acknowledged)
def acknowledged(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The agent has the update; it need not be said again, nor its task."""
    s.updates.pop(event.body.acknowledged.uuid, None)
    s.tasks.pop(event.body.acknowledged.task_id, None)
    deliver(event.body, out)


@table.on(api.Event.Error)
def error(s: ExecutorSession, event: Event, out: Frame) -> None:
    """There is no use in going on."""
    if event.peer == s.peer and s.peer is not None:
        out.send(words.PROGRAM, words.Finish(SubscriptionRefused(event.body.error.message)))


@table.on(Shutdown)
def shutdown(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The program is told to end."""
    if event.peer == s.peer and s.peer is not None:
        s.end(out)


@table.on(Heartbeat)
def heartbeat(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The connection lives."""


# ---- what the program says


@table.on(Call.Update)
def update(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The agent hears it, now or with the next subscription, until it has acknowledged it."""
    status: TaskStatus = event.body.update.status
    assert status.uuid is not None
    s.updates[status.uuid] = status
    s.say(event.body, out)
    out.reply = True


@table.on(Call.Message)
def send_message(s: ExecutorSession, event: Event, out: Frame) -> None:
    """The framework hears it, unless it is lost on the way."""
    s.say(event.body, out)
    out.reply = s.is_subscribed


ROWS = Table.merge(table)
