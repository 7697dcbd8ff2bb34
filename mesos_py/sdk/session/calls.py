"""What the program asks for: one row for each call. ``session.say`` drops what no master would hear.

The reply is whether the call was said; a launch that was not said was not written down either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.timers import SOON
from mesos_py.sdk.session import asking, connecting, hearing, words
from mesos_py.sdk.session.book import Task
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo

if TYPE_CHECKING:
    from mesos_py.sdk.session.core import Session

table = Table("calls of a program")
Type = Call.Type

#: in refusals that mean that this connection is not the framework's any more; Mesos: src/master/http.cpp
NOT_OURS = ("stream ID", "is not subscribed", "cannot be found")


def _say(s: Session, event: Event, out: Frame) -> None:
    """The master hears it."""
    out.reply = s.is_subscribed
    s.say(event.body, out)


#: those that change nothing here
for type_ in (
    Type.SHUTDOWN, Type.RECONCILE, Type.MESSAGE, Type.REQUEST, Type.ACCEPT_INVERSE_OFFERS,
    Type.DECLINE_INVERSE_OFFERS, Type.ACKNOWLEDGE_OPERATION_STATUS, Type.RECONCILE_OPERATIONS,
):  # fmt: skip
    table.on(type_)(_say)


@table.on(Type.ACCEPT)
def accept(s: Session, event: Event, out: Frame) -> None:
    """The offers are used up; what is launched is written down before the master hears of it."""
    call: Call = event.body
    assert call.accept is not None
    if s.is_subscribed:
        for offer_id in call.accept.offer_ids:
            s.offers.pop(offer_id, None)
        for task in launched_by(call.accept.operations):
            if task.task_id not in s.book:
                s.book.add(Task(task.task_id, task.agent_id, out.now))
                asking.keep(s, s.book[task.task_id], out)
    _say(s, event, out)


def launched_by(operations: Iterable[Offer.Operation]) -> Iterator[TaskInfo]:
    """The tasks that operations launch, by themselves and in groups."""
    for operation in operations:
        if operation.launch is not None:
            yield from operation.launch.task_infos
        if operation.launch_group is not None:
            yield from operation.launch_group.task_group.tasks


@table.on(Type.DECLINE)
def decline(s: Session, event: Event, out: Frame) -> None:
    """The offers are given back."""
    for offer_id in event.body.decline.offer_ids:
        s.offers.pop(offer_id, None)
    _say(s, event, out)


@table.on(Type.KILL)
def kill(s: Session, event: Event, out: Frame) -> None:
    """The task is killed until it has ended; one that we do not know is killed once."""
    task = s.book.get(event.body.kill.task_id)
    if task is None:
        _say(s, event, out)
    elif not task.has_ended:
        task.kill_policy = event.body.kill.kill_policy
        asking.kill(s, task, out)
        out.reply = s.is_subscribed


@table.on(Type.ACKNOWLEDGE)
def acknowledge(s: Session, event: Event, out: Frame) -> None:
    """The update will not come again."""
    told: Call.Acknowledge = event.body.acknowledge
    task = s.book.get(told.task_id)
    if task is not None and task.status is not None and task.status.uuid == told.uuid:
        asking.settled(s, task.status, out)
    _say(s, event, out)


# ---- whether offers are wanted


@table.on(Type.SUPPRESS)
def suppress(s: Session, event: Event, out: Frame) -> None:
    """Nothing is offered in these roles, or in any, until revived: not by the next master either."""
    told: Call.Suppress | None = event.body.suppress
    s.suppressed.update(dict.fromkeys((told.roles if told is not None else ()) or s.roles))
    _say(s, event, out)


@table.on(Type.REVIVE)
def revive(s: Session, event: Event, out: Frame) -> None:
    """Everything may be offered in these roles, or in all, whatever was declined or suppressed before."""
    told: Call.Revive | None = event.body.revive
    for role in (told.roles if told is not None else ()) or s.roles:
        s.suppressed.pop(role, None)
    _say(s, event, out)


@table.on(words.OffersWanted)
def offers_wanted(s: Session, event: Event, out: Frame) -> None:
    """Suppressed if not, revived if so; nothing when that is so already."""
    are_suppressed = all(role in s.suppressed for role in s.roles)
    if event.body.are_wanted == are_suppressed:
        type_ = Type.REVIVE if event.body.are_wanted else Type.SUPPRESS
        (revive if event.body.are_wanted else suppress)(s, Event(type_, Call(type=type_)), out)


@table.on(Type.UPDATE_FRAMEWORK)
def update_framework(s: Session, event: Event, out: Frame) -> None:
    """The framework is another one, to this master and the next."""
    told: Call.UpdateFramework = event.body.update_framework
    s.info, s.suppressed = evolve(told.framework_info, id=None), dict.fromkeys(told.suppressed_roles)
    known = evolve(told, framework_info=evolve(s.info, id=s.framework_id))
    s.say(Call(type=Type.UPDATE_FRAMEWORK, update_framework=known), out)
    out.reply = s.is_subscribed


@table.on(Type.TEARDOWN)
def teardown(s: Session, event: Event, out: Frame) -> None:
    """The framework ends with all its tasks, now or as soon as a master listens."""
    if not s.is_ending:
        s.is_ending = True
        _say(s, event, out)


# ---- what became of calls


@table.on(words.CallTaken)
def call_taken(s: Session, event: Event, out: Frame) -> None:
    """Torn down, the framework is no more."""
    if event.body.call.type is Type.TEARDOWN and s.is_ending and not s.is_over:
        hearing.forget_all(s, out)


@table.on(words.CallRefused)
def call_refused(s: Session, event: Event, out: Frame) -> None:
    """Whoever does not know us is left; what a refused launch has not launched is found out soon."""
    told: words.CallRefused = event.body
    if event.peer != s.peer or s.peer is None:
        return
    if told.status in (307, 503) or any(text in told.text for text in NOT_OURS):
        connecting.lose(s, f"the master refuses calls: {told.text}", out)
    elif told.call.type is Type.ACCEPT and s.habits.reconciles:
        s.reconciliation.begin((task.id, task.agent_id) for task in s.book.open.values())
        s.timers.set("reconcile", out.now + SOON, words.ReconcileDue())


# ---- the program's own records


@table.on(words.KeepAsked)
def keep_asked(s: Session, event: Event, out: Frame) -> None:
    """The record survives before anything is said after this."""
    told: words.KeepAsked = event.body
    if told.contents is not None:
        s.records[told.name] = told.contents
    elif s.records.pop(told.name, None) is None:
        return
    out.write(words.Keep((connecting.OWN, told.name), told.contents))


@table.on(words.ForgetAsked)
def forget_asked(s: Session, event: Event, out: Frame) -> None:
    """The task's id is free, unless it is under way."""
    task = s.book.get(event.body.task_id)
    if task is not None and task.has_ended:
        asking.forget(s, task.id, out)
