"""RECONCILE: what this master knows about tasks, told again.

Explicit reconciliation of one task goes through the table in ``reconcile_task``, first match first. Answers are
updates without uuid: nothing is to be acknowledged. Mesos: src/master/master.cpp Master::reconcile, _reconcileTasks.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import MILLISECOND, Nanos
from mesos_py.master import words
from mesos_py.master.calls.callers import known_caller
from mesos_py.master.changes import Dropped
from mesos_py.master.entities import Framework, Task
from mesos_py.master.events import ReconcileDue
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("reconciliation")

# 100,000 tasks told in one frame would hold the loop for more than a second and overrun the stream of a framework that
# reads as fast as it can; so they take five.
TOLD_AT_ONCE = 200
PAUSE: Nanos = 10 * MILLISECOND
QUESTIONS_MAX = 500_000  # waiting of one framework, about 100 bytes each; who asks on is expected to ask again

_REASON = TaskStatus.Reason.REASON_RECONCILIATION


@table.on(Call.Type.RECONCILE, check=known_caller)
def reconcile(m: Master, event: Event, out: Frame) -> None:
    """The framework is told the latest state of the tasks it names, or of all it has: some at once, the rest soon.

    Nothing of what was asked before is forgotten (nor more than ``QUESTIONS_MAX`` remembered), but asking for all
    again starts over.
    """
    call: Call = event.body
    assert call.reconcile is not None
    framework = m.state.frameworks[call.framework_id]  # type: ignore[index]
    if not call.reconcile.tasks:
        _answer(m, framework, ReconcileDue(framework.id, False, deque(framework.tasks)), out)
        return
    before = m.timers.take(("reconcile", framework.id, True))
    questions: deque[Call.Reconcile.Task] = deque() if before is None else before.questions
    room = QUESTIONS_MAX - len(questions)
    if len(call.reconcile.tasks) > room:
        out.change(Dropped("RECONCILE", f"more than {QUESTIONS_MAX} tasks asked for", framework_id=framework.id))
    questions.extend(call.reconcile.tasks[:room])
    _answer(m, framework, ReconcileDue(framework.id, True, questions), out)


@table.on(ReconcileDue)
def reconcile_due(m: Master, event: Event, out: Frame) -> None:
    """The next tasks of a long reconciliation are told."""
    _answer(m, m.state.frameworks[event.body.framework_id], event.body, out)


def _answer(m: Master, framework: Framework, due: ReconcileDue, out: Frame) -> None:
    for _ in range(min(TOLD_AT_ONCE, len(due.questions))):
        asked = due.questions.popleft()
        if isinstance(asked, Call.Reconcile.Task):
            reconcile_task(m, framework, asked.task_id, asked.agent_id, out)
        elif asked in framework.tasks:
            reconcile_task(m, framework, asked, None, out)
    if due.questions:
        m.timers.set(("reconcile", framework.id, due.named), out.now + PAUSE, due)


def forget(m: Master, framework: Framework) -> None:
    """Whoever asked has gone."""
    for named in (False, True):
        m.timers.cancel(("reconcile", framework.id, named))


def reconcile_task(m: Master, framework: Framework, task_id: TaskID, agent_id: AgentID | None, out: Frame) -> None:
    """One task: told as known, or what its absence means; nothing while a recovered agent may still bring it."""
    task, lost = framework.tasks.get(task_id), framework.unreachable_tasks.get(task_id)
    if task is None and lost is not None and lost.has_told_end:
        task = lost  # its end has been told before its agent was lost: it stands, where Mesos says UNREACHABLE
    if task is not None:
        _tell_latest(m, framework, task, out)
        return
    if _may_bring_it(m, framework, agent_id):
        return
    state = m.state
    unreachable_ns = None
    if agent_id is not None and agent_id in state.unreachable_agents:
        what, text = TaskState.TASK_UNREACHABLE, "Reconciliation: Task is unreachable"
        unreachable_ns = state.unreachable_agents[agent_id].since_ns
    elif agent_id is not None and agent_id in state.recovered_agents:
        what, text = TaskState.TASK_UNREACHABLE, "Reconciliation: Task is unreachable"
        unreachable_ns = m.removals.since(agent_id)
    elif lost is not None and lost.agent_id == agent_id:
        # Told lost while its agent is only disconnected: there is nobody who could say that the task is gone.
        what, text = TaskState.TASK_UNREACHABLE, "Reconciliation: Task is unreachable"
        told = lost.statuses[-1].unreachable_time
        unreachable_ns = None if told is None else told.nanoseconds
    elif agent_id is not None and agent_id in state.agents:
        what, text = TaskState.TASK_GONE, "Reconciliation: Task is unknown to the agent"
    elif agent_id is not None and agent_id in state.gone_agents:
        what, text = TaskState.TASK_GONE_BY_OPERATOR, "Reconciliation: Task is gone"
    else:
        what, text = TaskState.TASK_UNKNOWN, "Reconciliation: Task is unknown"
    status = words.status(
        task_id,
        what if framework.capabilities.partition_aware else TaskState.TASK_LOST,
        _REASON,
        text,
        out.now,
        agent_id=agent_id,
        unreachable_ns=unreachable_ns,
    )
    m.say(framework, words.update(status), out)


def _may_bring_it(m: Master, framework: Framework, agent_id: AgentID | None) -> bool:
    """A recovered agent is expected that may have the task.

    Its time may be over and only its turn to be given up not have come, which may take days; who is partition-aware
    does not wait for that (calls/liveness, ``_cut_off``).
    """
    expected = m.state.recovered_agents
    if not expected or (agent_id is not None and agent_id not in expected):
        return False
    if not framework.capabilities.partition_aware:
        return True
    return ("recovery",) in m.timers if agent_id is None else m.removals.since(agent_id) is None


def _tell_latest(m: Master, framework: Framework, task: Task, out: Frame) -> None:
    state = task.status_update_state if task.status_update_state is not None else task.state
    status = words.latest(task, state, _REASON, "Reconciliation: Latest task state", out.now)
    m.say(framework, words.update(status), out)
