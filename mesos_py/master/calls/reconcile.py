"""RECONCILE: what this master knows about tasks, told again.

Explicit reconciliation of one task goes through the table in ``reconcile_task``, first match first. Answers are
updates without uuid: nothing is to be acknowledged. Mesos: src/master/master.cpp Master::reconcile, _reconcileTasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.master import words
from mesos_py.master.calls.callers import known_caller
from mesos_py.master.entities import Framework, Task
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("reconciliation")
_REASON = TaskStatus.Reason.REASON_RECONCILIATION


@table.on(Call.Type.RECONCILE, check=known_caller)
def reconcile(m: Master, event: Event, out: Frame) -> None:
    """The framework is told the latest state of the tasks it names, or of all it has."""
    call: Call = event.body
    assert call.reconcile is not None
    framework = m.state.frameworks[call.framework_id]  # type: ignore[index]
    if not call.reconcile.tasks:
        for task in framework.tasks.values():
            _tell_latest(m, framework, task, out)
        return
    for asked in call.reconcile.tasks:
        reconcile_task(m, framework, asked.task_id, asked.agent_id, out)


def reconcile_task(m: Master, framework: Framework, task_id: TaskID, agent_id: AgentID | None, out: Frame) -> None:
    """One task: told as known, or what its absence means; nothing while a recovered agent may still bring it."""
    task = framework.tasks.get(task_id)
    if task is not None:
        _tell_latest(m, framework, task, out)
        return
    state = m.state
    waited_for = bool(state.recovered_agents) if agent_id is None else agent_id in state.recovered_agents
    if waited_for:
        return
    aware = framework.capabilities.partition_aware
    unreachable_ns = None
    if agent_id is not None and agent_id in state.agents:
        what, text = TaskState.TASK_GONE, "Reconciliation: Task is unknown to the agent"
    elif agent_id is not None and agent_id in state.unreachable_agents:
        what, text = TaskState.TASK_UNREACHABLE, "Reconciliation: Task is unreachable"
        unreachable_ns = state.unreachable_agents[agent_id].since_ns
    elif agent_id is not None and agent_id in state.gone_agents:
        what, text = TaskState.TASK_GONE_BY_OPERATOR, "Reconciliation: Task is gone"
    else:
        what, text = TaskState.TASK_UNKNOWN, "Reconciliation: Task is unknown"
    status = words.status(
        task_id,
        what if aware else TaskState.TASK_LOST,
        _REASON,
        text,
        out.now,
        agent_id=agent_id,
        unreachable_ns=unreachable_ns,
    )
    m.say(framework, words.update(status), out)


def _tell_latest(m: Master, framework: Framework, task: Task, out: Frame) -> None:
    state = task.status_update_state if task.status_update_state is not None else task.state
    status = words.latest(task, state, _REASON, "Reconciliation: Latest task state", out.now)
    m.say(framework, words.update(status), out)
