"""What it takes to part with an agent or with what ran on it; shared by everything that can end one.

Mesos: src/master/master.cpp Master::__removeSlave, removeTask, recoverResources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Frame
from mesos_py.master import words
from mesos_py.master.calls.offers import rescind_all
from mesos_py.master.changes import AgentRemovalCanceled
from mesos_py.master.entities import Agent, Task
from mesos_py.master.state.executors import remove_executor
from mesos_py.master.state.tasks import complete_lost, lost_with, update_task
from mesos_py.wire.ids import AgentID, FrameworkID
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.master.core import Master


def conclude(m: Master, task: Task, state: TaskState, reason: TaskStatus.Reason, text: str, out: Frame) -> None:
    """The task has ended with its agent, in ``state`` unless it had ended before.

    Its framework is told, unless the agent itself has told it (I3). An end that the agent was still to tell is told
    here: the agent will not.
    """
    if task.has_told_end:
        return
    end = task.state if task.is_terminal else state
    status = words.status(task.id, end, reason, text, out.now, agent_id=task.agent_id, executor_id=task.executor_id)
    update_task(m.state, task, status, None, out)
    m.say(m.state.frameworks[task.framework_id], words.update(status), out)


def settle_lost(m: Master, agent: Agent, state: TaskState, reason: TaskStatus.Reason, text: str, out: Frame) -> None:
    """Tasks told lost with the agent will not be brought back; told so where their framework expects them back."""
    for task in lost_with(m.state, agent):
        if not task.is_terminal:  # unreachable, to a partition-aware framework
            conclude(m, task, state, reason, text, out)
        complete_lost(m.state, task)


def strip(m: Master, agent: Agent, out: Frame) -> None:
    """Offers and executors of an agent that is about to be forgotten; tasks are gone already."""
    rescind_all(m, agent, out)
    for framework_id, executors in tuple(agent.executors.items()):
        for executor_id in tuple(executors):
            remove_executor(m.state, m.state.frameworks[framework_id], agent, executor_id, out)
    m.allocator.remove_agent(agent.id)


def tell_failure(m: Master, agent_id: AgentID, out: Frame) -> None:
    """Every connected framework learns that the agent failed."""
    word = words.failure(agent_id)
    for framework in m.state.frameworks.values():
        m.say(framework, word, out)


def unwatch(m: Master, agent_id: AgentID, out: Frame) -> None:
    """Nobody waits for the agent any more, and it does not wait to be given up."""
    m.allocator.unexpect(agent_id)
    m.pings.leave(agent_id)
    m.timers.cancel(("silent", agent_id))
    m.timers.cancel(("reregister", agent_id))
    if m.removals.cancel(agent_id):
        out.change(AgentRemovalCanceled(agent_id))


def recover(m: Master, framework_id: FrameworkID, agent_id: AgentID, freed: Resources, out: Frame) -> None:
    """What a task or executor had used can be offered again."""
    m.allocator.recover(framework_id, agent_id, freed, out.now, used=True)


def tell_allocator(m: Master, agent: Agent) -> None:
    """The allocator learns of an agent with everything that is used on it."""
    m.allocator.add_agent(
        agent.id,
        hostname=agent.info.hostname,
        attributes=agent.info.attributes,
        domain=agent.info.domain,
        capabilities=agent.capabilities,
        total=agent.total,
        used=dict(agent.used),
    )
    if not agent.active:
        m.allocator.deactivate_agent(agent.id)
