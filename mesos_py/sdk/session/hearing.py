"""What the master says: one row for each of its events. All of them show that the connection lives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import SECOND, seconds
from mesos_py.sdk.errors import FailedOver, FrameworkRemoved, SubscriptionRefused
from mesos_py.sdk.session import asking, connecting, words
from mesos_py.sdk.session.book import Task
from mesos_py.sdk.session.kinds import Heartbeat
from mesos_py.sdk.session.phase import Phase
from mesos_py.wire.ids import FrameworkID, OfferID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.sdk.session.core import Session

table = Table("events of a master")
Type = MasterEvent.Type

#: texts of ERROR events; Mesos: src/master/master.cpp
FAILED_OVER, REMOVED = "Framework failed over", "Framework has been removed"

#: ends that are told by whoever ran the task
REPORTED = (TaskState.TASK_FINISHED, TaskState.TASK_FAILED, TaskState.TASK_KILLED)

Handler = Callable[["Session", Event, Frame], None]


def on(kind: type) -> Callable[[Handler], Handler]:
    """The row of an event that counts only if it comes on the connection that is there."""

    def register(handler: Handler) -> Handler:
        def hear(s: Session, event: Event, out: Frame) -> None:
            if event.peer == s.peer and s.peer is not None and (s.is_subscribed or kind in EARLY):
                if s.is_subscribed:
                    s.seen_at = out.now
                connecting.heard(s, out)
                handler(s, event, out)

        hear.__doc__ = handler.__doc__
        table.on(kind)(hear)
        return handler

    return register


#: what may come before SUBSCRIBED, or instead of it
EARLY = (MasterEvent.Subscribed, MasterEvent.Error)


def deliver(event: MasterEvent, out: Frame) -> None:
    out.send(words.PROGRAM, words.Deliver(event))


@on(MasterEvent.Subscribed)
def subscribed(s: Session, event: Event, out: Frame) -> None:
    """The framework has its id for good; the program is told, and tasks are asked for."""
    told: MasterEvent.Subscribed = event.body.subscribed
    s.phase, s.seen_at, s.subscribed_at = Phase.SUBSCRIBED, out.now, out.now
    s.redirects = 0
    if told.heartbeat_interval_seconds:
        s.heartbeat_s = told.heartbeat_interval_seconds
        connecting.heard(s, out)
    if told.framework_id != s.framework_id:
        s.framework_id = told.framework_id
        out.write(words.Keep(connecting.FRAMEWORK, told.framework_id.encode()))
    out.change(words.Connected(told.framework_id, s.redirect or s.address or ""))
    if s.is_ending:
        s.say(Call(type=Call.Type.TEARDOWN), out)
        return
    _say_what_is_wanted(s, out)
    deliver(event.body, out)
    asking.begin(s, out)


def _say_what_is_wanted(s: Session, out: Frame) -> None:
    """The master knows what was said about offers while the subscription was on its way."""
    revived = tuple(role for role in s.suppressed_at_first if role not in s.suppressed)
    suppressed = tuple(role for role in s.suppressed if role in s.roles and role not in s.suppressed_at_first)
    if revived:
        s.say(Call(type=Call.Type.REVIVE, revive=Call.Revive(roles=revived)), out)
    if suppressed:
        s.say(Call(type=Call.Type.SUPPRESS, suppress=Call.Suppress(roles=suppressed)), out)


@on(Heartbeat)
def heartbeat(s: Session, event: Event, out: Frame) -> None:
    """The connection lives."""


@on(MasterEvent.Offers)
def offers(s: Session, event: Event, out: Frame) -> None:
    """They are outstanding."""
    s.offers.update((offer.id, offer) for offer in event.body.offers.offers)
    deliver(event.body, out)


@on(MasterEvent.Rescind)
def rescinded(s: Session, event: Event, out: Frame) -> None:
    """The offer is gone, if it was still there."""
    if s.offers.pop(event.body.rescind.offer_id, None) is not None:
        deliver(event.body, out)


def rescind(offer_id: OfferID, out: Frame) -> None:
    """The program hears that the offer is gone."""
    deliver(MasterEvent(type=Type.RESCIND, rescind=MasterEvent.Rescind(offer_id=offer_id)), out)


@on(MasterEvent.Update)
def update(s: Session, event: Event, out: Frame) -> None:
    """The program hears what is new to it; what it has dealt with is acknowledged again."""
    status: TaskStatus = event.body.update.status
    known = s.book.get(status.task_id)
    if known is not None and _is_told_better(s, known, status):
        return
    s.reconciliation.heard(status.task_id)
    if status.uuid is not None and known is not None:
        if known.pending == status.uuid:
            return  # the program is about to deal with it
        if known.handled == status.uuid or (known.is_final and not known.is_said_by(status)):
            asking.acknowledge(s, status, out)
            return
    if s.book.hear(status):
        task = s.book[status.task_id]
        task.pending = status.uuid
        if task.has_ended:
            out.change(words.Ended(status))
        deliver(event.body, out)


def _is_told_better(s: Session, task: Task, status: TaskStatus) -> bool:
    """The master repeats how the task has ended, without the words of whoever ran it, who will say it, too, if that
    agent is still there. It is asked again, and believed then."""
    is_repeated = status.uuid is None and status.reason is TaskStatus.Reason.REASON_RECONCILIATION
    if not is_repeated or status.state not in REPORTED or task.is_repeated or not s.habits.reconciles:
        return False
    task.is_repeated = True
    return True


@on(MasterEvent.UpdateOperationStatus)
def update_operation_status(s: Session, event: Event, out: Frame) -> None:
    """The program hears of it."""
    deliver(event.body, out)


@on(MasterEvent.Message)
def message(s: Session, event: Event, out: Frame) -> None:
    """The program hears it."""
    deliver(event.body, out)


@on(MasterEvent.Failure)
def failure(s: Session, event: Event, out: Frame) -> None:
    """The program hears of it; what it means for tasks comes as updates."""
    deliver(event.body, out)


@on(MasterEvent.InverseOffers)
def inverse_offers(s: Session, event: Event, out: Frame) -> None:
    """The program hears of them."""
    deliver(event.body, out)


@on(MasterEvent.RescindInverseOffer)
def rescind_inverse_offer(s: Session, event: Event, out: Frame) -> None:
    """The program hears of it."""
    deliver(event.body, out)


# ---- ends


@on(MasterEvent.Error)
def error(s: Session, event: Event, out: Frame) -> None:
    """The subscription is over, and perhaps the framework is."""
    text: str = event.body.error.message
    if text.startswith(FAILED_OVER):
        s.finish(FailedOver("another instance has subscribed with our framework id, and goes on in our place"), out)
    elif text.startswith(REMOVED):
        _removed(s, out)
    else:
        s.finish(SubscriptionRefused(text), out)


def _removed(s: Session, out: Frame) -> None:
    """Nothing of the framework is left. Who was away for too long begins anew; who was there was ended by somebody."""
    if s.is_ending:
        forget_all(s, out)
        return
    was_there = s.seen_at is not None and out.now - s.seen_at < seconds(s.info.failover_timeout)
    former, s.framework_id, s.seen_at = s.framework_id, None, None
    out.write(words.Keep(connecting.FRAMEWORK, None))
    for task in list(s.book.open.values()):
        _lost_with(former, task, s, out)
    if was_there:
        s.finish(FrameworkRemoved(f"framework {former} was torn down"), out)
    else:
        s.leave(out)
        connecting.connect(s, out)


def _lost_with(framework_id: FrameworkID | None, task: Task, s: Session, out: Frame) -> None:
    """The master has killed the task and will not say so to anybody."""
    status = TaskStatus(
        task_id=task.id, state=TaskState.TASK_GONE, agent_id=task.agent_id, timestamp=out.now / SECOND,
        source=TaskStatus.Source.SOURCE_MASTER, reason=TaskStatus.Reason.REASON_FRAMEWORK_REMOVED,
        message=f"Framework {framework_id} removed",
    )  # fmt: skip
    s.book.hear(status)
    deliver(MasterEvent(type=Type.UPDATE, update=MasterEvent.Update(status=status)), out)


def forget_all(s: Session, out: Frame) -> None:
    """The framework has torn itself down: nothing of it is remembered."""
    out.write(words.Keep(connecting.FRAMEWORK, None))
    for task_id in list(s.book):
        asking.forget(s, task_id, out)
    for name in s.records:
        out.write(words.Keep((connecting.OWN, name), None))
    s.records.clear()
    s.framework_id = None
    s.finish(None, out)
