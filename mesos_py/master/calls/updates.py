"""Status updates: from the agent to the framework, and into what is remembered of the task.

Nothing is queued here. The agent repeats an update until its framework has acknowledged it, so an update for a
framework that is away is simply not forwarded. The first terminal state gives the task's resources back at once; the
task itself stays until the framework has acknowledged its end. Mesos: src/master/master.cpp Master::statusUpdate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.master import words
from mesos_py.master.changes import Broken, Dropped
from mesos_py.master.entities import TERMINAL, Agent
from mesos_py.master.state.tasks import forwarded, remove_task, update_task
from mesos_py.wire.internal import AcknowledgeUpdate, StatusUpdate

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("status updates")


@table.on(StatusUpdate)
def status_update(m: Master, event: Event, out: Frame) -> None:
    """The framework gets the update if it is there; the task is in the state the agent last saw it in."""
    message: StatusUpdate = event.body
    status = message.status
    state = m.state
    agent = state.peers.get(event.peer)  # type: ignore[arg-type]
    framework = state.frameworks.get(message.framework_id)
    if framework is None or not isinstance(agent, Agent):
        _drop(message, "agent is not registered" if framework is not None else "framework is unknown", out)
        return
    if status.agent_id is not None and status.agent_id != agent.id:
        _drop(message, f"agent {agent.id} speaks for another", out)
        return
    task = framework.tasks.get(status.task_id)
    if task is not None and task.agent_id != agent.id:
        _settle_stale(message, agent, out)
        return
    if framework.peer is not None:
        out.send(framework.peer, words.update(status))
    if task is None:
        # Completed, but the acknowledgement has not reached the agent: the framework will acknowledge it again.
        _drop(message, "task is unknown", out)
        return
    if task.has_told_end and status.uuid not in (None, task.status_update_uuid):
        out.change(Broken("I3", f"{task.id} of {framework.id} has ended, and is {status.state.name} by another update"))
    ended = update_task(state, task, status, message.latest_state, out)
    forwarded(task, status.state, status.uuid)
    if ended:
        m.allocator.recover(framework.id, agent.id, task.resources, out.now, used=True)
    if status.uuid is None and TERMINAL[task.state]:
        remove_task(state, task, out)  # there is nothing to acknowledge


def _settle_stale(message: StatusUpdate, agent: Agent, out: Frame) -> None:
    """An update of a task whose id has since been used on another agent is nobody's: we acknowledge it."""
    status = message.status
    if status.uuid is not None:
        word = AcknowledgeUpdate(framework_id=message.framework_id, task_id=status.task_id, uuid=status.uuid)
        out.send(agent.peer, word)
    _drop(message, "the task is on another agent", out)


def _drop(message: StatusUpdate, why: str, out: Frame) -> None:
    status = message.status
    out.change(
        Dropped(
            "StatusUpdate", why, framework_id=message.framework_id, agent_id=status.agent_id, task_id=status.task_id
        )
    )
