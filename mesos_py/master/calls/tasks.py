"""What schedulers ask about single tasks: KILL and ACKNOWLEDGE.

Mesos: src/master/master.cpp Master::kill, acknowledge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.master.calls.callers import known_caller
from mesos_py.master.calls.reconcile import reconcile_task
from mesos_py.master.changes import Dropped
from mesos_py.master.entities import TERMINAL
from mesos_py.master.state.tasks import remember_kill, remove_task
from mesos_py.wire.internal import AcknowledgeUpdate, KillTask
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("task calls")


@table.on(Call.Type.KILL, check=known_caller)
def kill(m: Master, event: Event, out: Frame) -> None:
    """The task's agent is told to kill it, now or when it is back; of an unknown or lost task the framework is told so.

    Mesos forgets the kill of a task that is lost, also one that was asked for before, and the task is RUNNING again.
    """
    call: Call = event.body
    assert call.kill is not None
    wanted = call.kill
    framework = m.state.frameworks[call.framework_id]  # type: ignore[index]
    task = framework.tasks.get(wanted.task_id)
    if task is None:
        lost = framework.unreachable_tasks.get(wanted.task_id)
        if lost is not None and wanted.agent_id in (None, lost.agent_id):
            holder = m.state.agents.get(lost.agent_id) or m.state.unreachable_agents[lost.agent_id]
            remember_kill(holder, lost, wanted.kill_policy)
        reconcile_task(m, framework, wanted.task_id, wanted.agent_id, out)
        return
    if wanted.agent_id is not None and wanted.agent_id != task.agent_id:
        why = f"the task is on agent {task.agent_id}"
        out.change(Dropped("KILL", why, framework_id=framework.id, agent_id=wanted.agent_id, task_id=wanted.task_id))
        return
    agent = m.state.agents[task.agent_id]
    remember_kill(agent, task, wanted.kill_policy)
    if agent.connected:
        word = KillTask(framework_id=framework.id, task_id=task.id, kill_policy=wanted.kill_policy)
        out.send(agent.peer, word)


@table.on(Call.Type.ACKNOWLEDGE, check=known_caller)
def acknowledge(m: Master, event: Event, out: Frame) -> None:
    """The agent may forget the update; a task whose terminal update this was is completed."""
    call: Call = event.body
    acknowledged = call.acknowledge
    assert acknowledged is not None
    framework = m.state.frameworks[call.framework_id]  # type: ignore[index]
    agent = m.state.agents.get(acknowledged.agent_id)
    if agent is None or not agent.connected:
        _drop(call, "agent is not registered" if agent is None else "agent is disconnected", out)
        return
    task = framework.tasks.get(acknowledged.task_id)
    if task is not None and task.agent_id == agent.id:
        if task.status_update_uuid is None:
            _drop(call, "no update of the task has been forwarded", out)
            return
        state = task.status_update_state
        if acknowledged.uuid == task.status_update_uuid and state is not None and TERMINAL[state]:
            remove_task(m.state, task, out)
    word = AcknowledgeUpdate(framework_id=framework.id, task_id=acknowledged.task_id, uuid=acknowledged.uuid)
    out.send(agent.peer, word)


def _drop(call: Call, why: str, out: Frame) -> None:
    assert call.acknowledge is not None
    acknowledged = call.acknowledge
    out.change(
        Dropped(
            "ACKNOWLEDGE",
            why,
            framework_id=call.framework_id,
            agent_id=acknowledged.agent_id,
            task_id=acknowledged.task_id,
        )
    )
