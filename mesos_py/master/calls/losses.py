"""What it takes to part with an agent or with what ran on it; shared by everything that can end one.

Mesos: src/master/master.cpp Master::__removeSlave, removeTask, recoverResources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Frame
from mesos_py.master import words
from mesos_py.master.calls.offers import rescind_all
from mesos_py.master.entities import Agent, Task
from mesos_py.wire.ids import AgentID, FrameworkID
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.master.core import Master


def lose_task(
    m: Master, task: Task, reason: TaskStatus.Reason, text: str, out: Frame, *, unreachable: bool = False
) -> None:
    """The task is lost with its agent; one that has ended already is left as it ended.

    ``unreachable``: the agent may bring it back; until then its id cannot be used again.
    """
    framework = m.state.frameworks[task.framework_id]
    if not task.is_terminal:
        status = words.status(
            task.id,
            TaskState.TASK_LOST,
            reason,
            text,
            out.now,
            agent_id=task.agent_id,
            executor_id=task.executor_id,
        )
        m.state.update_task(task, status, None, out)
        m.say(framework, words.update(status), out)
    m.state.remove_task(task, out, unreachable=unreachable)


def strip(m: Master, agent: Agent, out: Frame) -> None:
    """Offers and executors of an agent that is about to be forgotten; tasks are gone already."""
    rescind_all(m, agent, out)
    for framework_id, executors in tuple(agent.executors.items()):
        for executor_id in tuple(executors):
            m.state.remove_executor(m.state.frameworks[framework_id], agent, executor_id, out)
    m.allocator.remove_agent(agent.id)


def tell_failure(m: Master, agent_id: AgentID, out: Frame) -> None:
    """Every connected framework learns that the agent failed."""
    word = words.failure(agent_id)
    for framework in m.state.frameworks.values():
        m.say(framework, word, out)


def unwatch(m: Master, agent: Agent) -> None:
    m.timers.cancel(("ping", agent.id))
    m.timers.cancel(("reregister", agent.id))


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
