"""Leaders are found, connections made and lost, and the pauses between attempts.

A connection that was given up may still be heard of: whatever comes from another peer than the current one is nobody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Disconnected, Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.sdk.errors import SubscriptionRefused
from mesos_py.sdk.session import asking, words
from mesos_py.sdk.session.book import Task
from mesos_py.sdk.session.phase import Phase
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.ids import FrameworkID, TaskID

if TYPE_CHECKING:
    from mesos_py.sdk.session.core import Session

table = Table("connections of a framework")

BACKOFF_MIN_S, BACKOFF_MAX_S = 0.1, 30.0
STABLE_S = 10.0  # a subscription that lasts so long ends the growing of pauses
REDIRECTS_MAX = 2  # followed without a pause; masters that change places may send us to and fro
SUBSCRIBE_TIMEOUT_S = 15.0  # until SUBSCRIBED; a master that was stopped still accepts connections
HEARTBEAT_S = 15.0  # unless the master says otherwise; Mesos: src/master/constants.hpp
HEARTBEATS_MISSED = 5
#: records
FRAMEWORK: words.Key = ("framework", "")
OWN = "own"


@table.on(words.Begun)
def begun(s: Session, event: Event, out: Frame) -> None:
    """What earlier runs have kept is known again. A task of which that cannot be read is asked for, as all are."""
    for (kind, name), contents in event.body.records.items():
        if kind == FRAMEWORK[0]:
            s.framework_id = FrameworkID(contents.decode())
        elif kind == asking.TASK:
            try:
                s.book.add(Task.of(contents))
            except DecodeError as error:
                s.book.add(Task(TaskID(name), None))
                out.change(words.Unreadable(TaskID(name), str(error)))
        elif kind == OWN:
            s.records[name] = contents
    s.has_begun = True
    connect(s, out)


@table.on(words.LeaderFound)
def leader_found(s: Session, event: Event, out: Frame) -> None:
    """The master that leads is asked at once, and nobody else."""
    if event.body.address == s.address and s.peer is not None:
        return
    s.address, s.redirect, s.redirects, s.attempts = event.body.address, None, 0, 0
    if not s.is_over:
        s.leave(out)
        connect(s, out)


@table.on(words.RetryDue)
def retry_due(s: Session, event: Event, out: Frame) -> None:
    """The next attempt is made."""
    connect(s, out)


def connect(s: Session, out: Frame) -> None:
    """Whoever is taken for the leader is asked to subscribe us; nobody: we wait for one."""
    address = s.redirect or s.address
    if address is None or not s.has_begun or s.is_over:
        return
    s.links += 1
    s.peer = f"master-{s.links}"
    s.phase = Phase.CONNECTING
    s.timers.set("silence", out.now + seconds(SUBSCRIBE_TIMEOUT_S), words.SilenceDue())
    out.send(words.CONNECTOR, words.Subscribe(s.peer, address, s.subscription()))


def lose(s: Session, why: str, out: Frame) -> None:
    """The next attempt is made after a pause, at the address that we know."""
    s.leave(out)
    s.redirect, s.redirects = None, 0
    if s.subscribed_at is not None and out.now - s.subscribed_at >= seconds(STABLE_S):
        s.attempts = 0
    s.subscribed_at = None
    pause_s = min(BACKOFF_MIN_S * 2.0**s.attempts, BACKOFF_MAX_S) * s.rng.uniform(0.5, 1.0)
    s.attempts = min(s.attempts + 1, 20)
    s.timers.set("retry", out.now + seconds(pause_s), words.RetryDue())
    out.change(words.Lost(why, pause_s))


@table.on(Disconnected)
def disconnected(s: Session, event: Event, out: Frame) -> None:
    """The connection has ended, and another one is made."""
    if event.peer == s.peer and s.peer is not None:
        lose(s, event.body or "the connection has ended", out)


@table.on(words.NotSubscribed)
def not_subscribed(s: Session, event: Event, out: Frame) -> None:
    """The attempt is repeated after a pause."""
    if event.peer == s.peer and s.peer is not None:
        lose(s, event.body.why, out)


@table.on(words.SentElsewhere)
def sent_elsewhere(s: Session, event: Event, out: Frame) -> None:
    """Whom the master names is asked at once, unless that is itself (elected, says ZooKeeper, but in a former life), or
    they keep sending us around."""
    if event.peer != s.peer or s.peer is None:
        return
    if event.body.address in (None, s.redirect or s.address) or s.redirects >= REDIRECTS_MAX:
        lose(s, "the master does not lead", out)
        return
    s.leave(out)
    s.redirect, s.redirects = event.body.address, s.redirects + 1
    connect(s, out)


@table.on(words.SubscribeRefused)
def subscribe_refused(s: Session, event: Event, out: Frame) -> None:
    """The program ends: asking again would not help."""
    if event.peer == s.peer and s.peer is not None:
        s.finish(SubscriptionRefused(event.body.why), out)


# ---- silence


@table.on(words.SilenceDue)
def silence_due(s: Session, event: Event, out: Frame) -> None:
    """Nothing was heard for too long: the connection is given up."""
    lose(s, "nothing is heard of the master", out)


def heard(s: Session, out: Frame) -> None:
    """The connection lives."""
    if not s.is_paused:
        s.timers.set("silence", out.now + seconds(HEARTBEATS_MISSED * s.heartbeat_s), words.SilenceDue())


@table.on(words.ReadingPaused)
def reading_paused(s: Session, event: Event, out: Frame) -> None:
    """It is our own silence, and no reason to give the connection up."""
    if event.peer == s.peer and s.is_subscribed:
        s.is_paused = True
        s.timers.cancel("silence")


@table.on(words.ReadingResumed)
def reading_resumed(s: Session, event: Event, out: Frame) -> None:
    """From now on the master should be heard again."""
    if event.peer == s.peer and s.is_paused:
        s.is_paused = False
        heard(s, out)
