"""What became of tasks, and what that means for them.

=====================  ===========================================================================
the attempt            its task
=====================  ===========================================================================
starts, runs           as it was; whoever was out of reach is back
is out of reach        is waited for ``unreachable_s``, then taken for lost
succeeded              has succeeded
failed                 waits and is run again, or has failed: as ``retry`` says
lost, preempted        is run again without counting, or has failed: as ``retry.on_lost`` says;
                       who is lost again and again waits
ended as we wanted     is what we wanted it for: cancelled is failed, preempted is run again
=====================  ===========================================================================

A task that is nobody's (its job is gone, or it was given up) is killed.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

import attrs

from frameworks.batch import words
from frameworks.batch.entry import Attempt, State, Task, parsed
from frameworks.batch.outcome import End, Outcome, end_of
from frameworks.batch.settle import settle
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.sdk.session.behind import SESSION, Forget
from mesos_py.sdk.session.book import is_end
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from frameworks.batch.core import Batch

table = Table("updates of batch tasks")

LOSSES_MAX = 1_000  # of one task, before it counts as failed
LOSSES_AT_ONCE = 3  # in a row, after each of which it is run again at once; then it waits as after failures


@table.on(MasterEvent.Update)
def update(m: Batch, event: Event, out: Frame) -> None:
    """The task is what the table above says."""
    status: TaskStatus = event.body.status
    task = m.tasks.get(status.task_id)
    if task is None:
        _stranger(status, out)
        return
    container = status.container_status.container_id if status.container_status is not None else None
    if container is not None:
        task.container_id = container.value
    if is_end(status.state):
        finish(m, task, end_of(status), out)
    elif status.state is TaskState.TASK_UNREACHABLE:
        _unreachable(m, task, status, out)
    else:
        m.timers.cancel(("unreachable", task.id))
        if status.state is not TaskState.TASK_STAGING:
            m.be_running(task, out.now)


def _stranger(status: TaskStatus, out: Frame) -> None:
    """Whatever has ended need not be known; what goes on must not."""
    if is_end(status.state):
        out.send(SESSION, Forget(status.task_id))
    elif status.state is not TaskState.TASK_UNREACHABLE and parsed(status.task_id) is not None:
        kill = Call.Kill(task_id=status.task_id, agent_id=status.agent_id)
        out.send(SESSION, Call(type=Call.Type.KILL, kill=kill))


def _unreachable(m: Batch, task: Task, status: TaskStatus, out: Frame) -> None:
    since = status.unreachable_time.nanoseconds if status.unreachable_time is not None else out.now
    due = min(since, out.now) + seconds(task.entry.job.unreachable_s)
    if task.stop is not None or due <= out.now:
        finish(m, task, LOST, out)
    else:
        m.timers.set(("unreachable", task.id), due, words.UnreachableDue(task.id))


LOST = End(Outcome.LOST, message="its host has been out of reach for too long")


@table.on(words.UnreachableDue)
def unreachable_due(m: Batch, event: Event, out: Frame) -> None:
    """The task was waited for long enough. Should it come back, it is killed."""
    finish(m, m.tasks[event.body.task_id], LOST, out)


@table.on(words.RetryDue)
def retry_due(m: Batch, event: Event, out: Frame) -> None:
    """It may be run again."""
    entry = m.entries[event.body.name]
    task = entry.delayed.pop(event.body.position)
    m.wait(task, out.now, out.now)
    settle(m, entry, out)


def finish(m: Batch, task: Task, how: End, out: Frame) -> None:
    """The attempt is over: it is written down, and its task is to be run again, or not."""
    entry = task.entry
    task_id, asked = task.id, task.stop
    m.leave(task, out.now)
    if asked is not None and how.outcome is not Outcome.SUCCEEDED:
        how = attrs.evolve(how, outcome=asked)
    elif how.outcome is Outcome.CANCELLED:  # not by us: its host was emptied, or its framework was ended under us
        how = attrs.evolve(how, outcome=Outcome.LOST)
    host = m.seen.get(task.agent_id) if task.agent_id is not None else None
    hostname = task.hostname or (host.hostname if host is not None else "")  # launched by an earlier run
    attempt = Attempt(
        task.attempt, how.outcome, how.exit_code, how.signal, how.message, task.agent_id or "", hostname,
        task.container_id, task.started, out.now, how.usage,
    )  # fmt: skip
    task.history = (*task.history, attempt)
    then = _then(m, task, how, out)
    m.keep(task.record_name, task.record(then), out)
    out.send(SESSION, Forget(task_id))
    out.change(
        words.TaskEnded(
            task_id, entry.name, task.index, task.attempt, how.outcome.value, how.exit_code, how.message, then
        )
    )
    settle(m, entry, out)


def _then(m: Batch, task: Task, how: End, out: Frame) -> str:
    entry, retry = task.entry, task.entry.job.retry
    if how.outcome is Outcome.SUCCEEDED:
        entry.succeeded += 1
        if entry.job.gang:
            task.state = State.DONE
            entry.done[task.position] = task
        return "succeeded"
    if how.outcome.is_failure:
        task.failures += 1
    else:
        task.losses += 1
    failures = task.failures + _others(task)
    if entry.stop is None and task.losses <= LOSSES_MAX and retry.again(how, failures):
        vain = failures if how.outcome.is_failure else _lost_in_a_row(task) - LOSSES_AT_ONCE
        delay = retry.delay(vain, m.rng) if vain > 0 else 0
        m.wait(task, out.now + delay, out.now)
        return "again"
    entry.failed += 1
    return "failed"


def _lost_in_a_row(task: Task) -> int:
    """Attempts of which nobody knows what became, up to the last one; 0 if that was another kind."""
    return sum(1 for _ in takewhile(lambda one: one.outcome is Outcome.LOST, reversed(task.history)))


def _others(task: Task) -> int:
    """Failures of the others of its gang, which fails and is run again as one."""
    entry = task.entry
    if not entry.job.gang:
        return 0
    members = (entry.ready, entry.delayed, entry.live, entry.done)
    return sum(one.failures for tasks in members for one in tasks.values() if one is not task)
