"""An operator says that an agent will never be back: what that means depends on where it was.

=============  =====================================================================================
the agent is   then
=============  =====================================================================================
registered     its tasks end, its offers are rescinded, it is told to shut down, everybody hears FAILURE
unreachable    the tasks it was lost with end
recovered      it is only remembered as gone: what it ran is not known here
gone           nothing is left to do
unknown        404
=============  =====================================================================================

Tasks end as GONE_BY_OPERATOR for partition-aware frameworks, as LOST for others; reconciliation says the same from
then on, and an agent that comes back all the same is told to shut down (calls/reregister). Mesos refuses (503) while a
registry write about the agent is under way; here there is no such time, since the answer waits for the write instead.

Mesos: src/master/http.cpp Master::Http::_markAgentGone, src/master/master.cpp Master::markGone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Kind, Problem
from mesos_py.machine.table import Table
from mesos_py.master.calls.losses import conclude, strip, tell_failure, unwatch
from mesos_py.master.entities import Agent, Task
from mesos_py.master.events import MarkGone
from mesos_py.master.registry import MarkAgentGone
from mesos_py.master.state.agents import mark_gone
from mesos_py.master.state.tasks import complete_lost, lost_with, remove_task
from mesos_py.wire.internal import ShutdownAgent
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("gone agents")
TEXT = "Agent has been marked gone"
_Reason = TaskStatus.Reason


@table.on(MarkGone)
def mark_agent_gone(m: Master, event: Event, out: Frame) -> Problem | None:
    """The agent is gone, now and for every later master, and so is what it ran."""
    state, agent_id = m.state, event.body.agent_id
    if agent_id in state.gone_agents:
        return None
    agent = state.agents.get(agent_id)
    had_lost = agent or state.unreachable_agents.get(agent_id)
    if had_lost is None and agent_id not in state.recovered_agents:
        return Problem(Kind.NOT_FOUND, f"Agent '{agent_id}' not found")
    m.persist(MarkAgentGone(agent_id, out.now), out)
    unwatch(m, agent_id, out)
    if agent is not None:
        _shut_down(m, agent, out)
    for task in lost_with(state, had_lost) if had_lost is not None else ():
        _end(m, task, out)
        complete_lost(state, task)
    mark_gone(state, agent_id, out)
    if agent is not None:
        tell_failure(m, agent_id, out)
    return None


def _shut_down(m: Master, agent: Agent, out: Frame) -> None:
    if agent.connected:
        out.send(agent.peer, ShutdownAgent(message=TEXT))
    for tasks in tuple(agent.tasks.values()):
        for task in tuple(tasks.values()):
            _end(m, task, out)
            remove_task(m.state, task, out)
    strip(m, agent, out)


def _end(m: Master, task: Task, out: Frame) -> None:
    if m.state.frameworks[task.framework_id].capabilities.partition_aware:
        conclude(m, task, TaskState.TASK_GONE_BY_OPERATOR, _Reason.REASON_AGENT_REMOVED_BY_OPERATOR, TEXT, out)
    else:
        conclude(m, task, TaskState.TASK_LOST, _Reason.REASON_AGENT_REMOVED, TEXT, out)
