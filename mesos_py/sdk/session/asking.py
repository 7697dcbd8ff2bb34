"""What is asked again until it is answered: tasks are reconciled, kills repeated, updates acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.sdk.session import words
from mesos_py.sdk.session.book import Task
from mesos_py.wire.ids import TaskID
from mesos_py.wire.operation import OperationStatus
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskStatus

if TYPE_CHECKING:
    from mesos_py.sdk.session.core import Session

table = Table("questions of a framework")

KILL_EVERY_S = 30.0
TASK = "task"  # kind of records


def begin(s: Session, out: Frame) -> None:
    """Every task that is open will be spoken of, and what is to be killed is killed."""
    if s.habits.reconciles:
        s.reconciliation.begin((task.id, task.agent_id) for task in s.book.open.values())
        ask(s, out)
    kill_unwanted(s, out)


def ask(s: Session, out: Frame) -> None:
    for question in s.reconciliation.ask():
        s.say(Call(type=Call.Type.RECONCILE, reconcile=question), out)
    again = out.now + seconds(s.reconciliation.wait_s * s.rng.uniform(0.9, 1.1))
    s.timers.set("reconcile", again, words.ReconcileDue())


@table.on(words.ReconcileDue)
def reconcile_due(s: Session, event: Event, out: Frame) -> None:
    """Asked again is what nobody has spoken of, or, after a while, everything."""
    if s.reconciliation.is_over:
        begin(s, out)
    else:
        ask(s, out)


# ---- kills


def kill(s: Session, task: Task, out: Frame) -> None:
    """The task is killed until it has ended."""
    task.is_unwanted = True
    kill_ = Call.Kill(task_id=task.id, agent_id=task.agent_id, kill_policy=task.kill_policy)
    s.say(Call(type=Call.Type.KILL, kill=kill_), out)
    if s.is_subscribed and "kills" not in s.timers:
        s.timers.set("kills", out.now + seconds(KILL_EVERY_S), words.KillsDue())


def kill_unwanted(s: Session, out: Frame) -> None:
    for task in s.book.open.values():
        if task.is_unwanted:
            kill(s, task, out)


@table.on(words.KillsDue)
def kills_due(s: Session, event: Event, out: Frame) -> None:
    """What should be dead by now is killed again."""
    kill_unwanted(s, out)


# ---- updates


def acknowledge(s: Session, status: TaskStatus, out: Frame) -> None:
    if status.uuid is not None and status.agent_id is not None:
        acknowledge_ = Call.Acknowledge(agent_id=status.agent_id, task_id=status.task_id, uuid=status.uuid)
        s.say(Call(type=Call.Type.ACKNOWLEDGE, acknowledge=acknowledge_), out)


@table.on(words.Handled)
def handled(s: Session, event: Event, out: Frame) -> None:
    """An update that the program has dealt with is acknowledged, unless it does so itself."""
    told = event.body.event
    if told.update_operation_status is not None:
        _operation_handled(s, told.update_operation_status.status, out)
    if told.update is None:
        return
    status: TaskStatus = told.update.status
    task = s.book.get(status.task_id)
    if task is not None and task.pending == status.uuid:
        task.pending = None
    if s.habits.acknowledges or status.uuid is None:
        settled(s, status, out)
    if s.habits.acknowledges:
        acknowledge(s, status, out)


def settled(s: Session, status: TaskStatus, out: Frame) -> None:
    """The program has nothing more to do about it. An end is kept now, before it is acknowledged, and not earlier: a
    run that dies of it leaves it to the next one."""
    task = s.book.get(status.task_id)
    if task is not None:
        task.handled = status.uuid or task.handled
        if task.has_ended and task.status == status:
            keep(s, task, out)


def _operation_handled(s: Session, status: OperationStatus, out: Frame) -> None:
    if s.habits.acknowledges and status.uuid is not None and status.operation_id is not None:
        acknowledge_ = Call.AcknowledgeOperationStatus(
            agent_id=status.agent_id, resource_provider_id=status.resource_provider_id, uuid=status.uuid.value,
            operation_id=status.operation_id,
        )  # fmt: skip
        call = Call(type=Call.Type.ACKNOWLEDGE_OPERATION_STATUS, acknowledge_operation_status=acknowledge_)
        s.say(call, out)


# ---- what is kept


def keep(s: Session, task: Task, out: Frame) -> None:
    """Where the task is, or how it ended, survives; those that ended long ago are forgotten if there are too many."""
    out.write(words.Keep((TASK, task.id), task.record()))
    surplus = s.book.surplus()
    if surplus is not None:
        forget(s, surplus, out)


def forget(s: Session, task_id: TaskID, out: Frame) -> None:
    """Its id is free."""
    if s.book.forget(task_id):
        out.write(words.Keep((TASK, task_id), None))
