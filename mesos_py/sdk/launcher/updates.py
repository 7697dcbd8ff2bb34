"""What became of tasks, and what that means for the places they fill.

======================  ==================================================================================
the task                its instance
======================  ==================================================================================
starts, runs            STARTING, RUNNING, also when it had been unreachable
does not run in time    STOPPING, and then as if it had failed
is unreachable          UNREACHABLE; after ``unreachable_s`` as if lost
finished                over, unless it is to be restarted always
failed, is an error     waits longer each time; over if it is not to be restarted, or has failed too often
was killed by others    over if it is not to be restarted, else waits for an offer
was lost or dropped     waits for an offer
any end, if STOPPING    is gone, or what its gang has decided
======================  ==================================================================================

If a member of a gang has to be launched again, so has all of its gang: the others are killed, and those that have
finished are to be done again. A task that is nobody's (its instance has another one by now, or is gone) is killed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.sdk.launcher import declared, words
from mesos_py.sdk.launcher.instances import Instance, State
from mesos_py.sdk.launcher.specs import Restart, parsed
from mesos_py.sdk.session.behind import SESSION, Forget
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.sdk.launcher.core import DesiredSet

table = Table("updates of a launcher's tasks")

FINISHED, KILLED = TaskState.TASK_FINISHED, TaskState.TASK_KILLED
#: that the task itself is to blame for
FAILURES = (TaskState.TASK_FAILED, TaskState.TASK_ERROR)
LOSSES = (
    TaskState.TASK_LOST, TaskState.TASK_DROPPED, TaskState.TASK_GONE, TaskState.TASK_GONE_BY_OPERATOR,
    TaskState.TASK_UNKNOWN,
)  # fmt: skip
ENDS = (FINISHED, KILLED, *FAILURES, *LOSSES)

Reason = TaskStatus.Reason
#: of ends that are somebody else's decision about the host
_NOT_ITS_FAULT = (Reason.REASON_AGENT_DRAINING, Reason.REASON_CONTAINER_PREEMPTED)


@table.on(MasterEvent.Update)
def update(m: DesiredSet, event: Event, out: Frame) -> None:
    """The instance is what the table above says."""
    status: TaskStatus = event.body.status
    instance = m.tasks.get(status.task_id)
    if instance is None:
        _stranger(status, out)
    elif status.state in ENDS:
        ended(m, instance, status.state, status.reason, out)
    elif status.state is TaskState.TASK_UNREACHABLE:
        _unreachable(m, instance, status, out)
    elif instance.state is not State.STOPPING:
        is_running = status.state in (TaskState.TASK_RUNNING, TaskState.TASK_KILLING)
        state = State.RUNNING if is_running else State.STARTING
        if instance.state is not state and not (state is State.STARTING and instance.state is State.RUNNING):
            m.move(instance, state, out)


def _stranger(status: TaskStatus, out: Frame) -> None:
    if parsed(status.task_id) is None:
        return
    if status.state in ENDS:
        out.send(SESSION, Forget(status.task_id))
    elif status.state is not TaskState.TASK_UNREACHABLE:
        kill = Call.Kill(task_id=status.task_id, agent_id=status.agent_id)
        out.send(SESSION, Call(type=Call.Type.KILL, kill=kill))


def _unreachable(m: DesiredSet, instance: Instance, status: TaskStatus, out: Frame) -> None:
    wait_s = m.groups[instance.name].spec.unreachable_s
    if instance.state is State.STOPPING:
        if wait_s is not None:
            ended(m, instance, TaskState.TASK_UNREACHABLE, None, out)
        return
    if instance.state is not State.UNREACHABLE:
        m.move(instance, State.UNREACHABLE, out)
    if wait_s is not None:
        since = status.unreachable_time.nanoseconds if status.unreachable_time is not None else out.now
        due = min(since, out.now) + seconds(wait_s)
        if due <= out.now:
            lost(m, instance, out)
        else:
            m.timers.set(("unreachable", *instance.key), due, words.UnreachableDue(*instance.key))


@table.on(words.StartDue)
def start_due(m: DesiredSet, event: Event, out: Frame) -> None:
    """A task that does not run in time has failed, and is killed before another one takes its place."""
    instance = m.groups[event.body.name].instances[event.body.number]
    then = _then(m, instance, TaskState.TASK_FAILED, None, out)
    gang = m.groups[instance.name].spec.gang
    if gang is not None:
        begin_again(m, gang, instance, then, out)
    else:
        declared.stop(m, instance, then, out)


@table.on(words.UnreachableDue)
def unreachable_due(m: DesiredSet, event: Event, out: Frame) -> None:
    """The task was waited for long enough."""
    lost(m, m.groups[event.body.name].instances[event.body.number], out)


def lost(m: DesiredSet, instance: Instance, out: Frame) -> None:
    """The task is taken not to be there."""
    ended(m, instance, TaskState.TASK_LOST, None, out)


def ended(m: DesiredSet, instance: Instance, state: TaskState, reason: Reason | None, out: Frame) -> None:
    """The instance has no task any more."""
    spec, task_id = m.groups[instance.name].spec, instance.task_id
    if instance.state is State.STOPPING:
        then = instance.then
        if then is None:
            m.remove(instance, out)
        else:
            m.move(instance, then, out)
    else:
        then = _then(m, instance, state, reason, out)
        if spec.gang is None or (then is State.OVER and state is FINISHED):
            _settle(m, instance, then, finished=state is FINISHED, out=out)
        else:
            _settle(m, instance, then, finished=False, out=out)
            begin_again(m, spec.gang, instance, then, out)
    out.send(SESSION, Forget(task_id))  # what matters of it is in the record of its instance
    out.change(words.Ended(task_id, state, then.value if then is not None else "gone"))


def _then(m: DesiredSet, instance: Instance, state: TaskState, reason: Reason | None, out: Frame) -> State:
    """What the end of its task makes of an instance; counts failures."""
    spec = m.groups[instance.name].spec
    if state in LOSSES or reason in _NOT_ITS_FAULT:
        return State.WAITING
    if state is FINISHED and spec.restart is not Restart.ALWAYS:
        return State.OVER
    if spec.restart is Restart.NEVER:
        return State.OVER
    if state is KILLED:
        return State.WAITING
    if instance.state is State.RUNNING and out.now - instance.since >= seconds(spec.backoff.max_s):
        instance.failures = 0
    instance.failures += 1
    if spec.failures_max is not None and instance.failures >= spec.failures_max:
        return State.OVER
    instance.not_before = out.now + spec.backoff.delay(instance.failures)
    return State.WAITING


def _settle(m: DesiredSet, instance: Instance, then: State, *, finished: bool, out: Frame) -> None:
    instance.finished = finished and then is State.OVER
    m.move(instance, then, out)


def begin_again(m: DesiredSet, gang: str, broken: Instance, then: State, out: Frame) -> None:
    """All of the gang are what ``broken`` is, WAITING or OVER, as soon as they have no tasks; they wait for it."""
    for instance in m.members(gang):
        instance.failures = broken.failures
        if instance.state is not State.OVER or then is not State.OVER:
            instance.finished = False
            declared.stop(m, instance, then, out)
