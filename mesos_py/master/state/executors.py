"""Executors of a master's state; a framework and an agent share one dict of those that both have."""

from __future__ import annotations

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Frame
from mesos_py.master import changes
from mesos_py.master.entities import Agent, Framework
from mesos_py.master.state import State
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import ExecutorID


def add_executor(state: State, framework: Framework, agent: Agent, executor: ExecutorInfo, out: Frame) -> None:
    here = agent.executors.get(framework.id)
    if here is None:
        here = agent.executors[framework.id] = framework.executors[agent.id] = {}
    here[executor.executor_id] = executor
    state.use(framework, agent, Resources.of(executor.resources))
    out.changes.append(changes.ExecutorAdded(executor.executor_id, framework.id, agent.id, executor))


def remove_executor(state: State, framework: Framework, agent: Agent, executor_id: ExecutorID, out: Frame) -> Resources:
    """Returns what it had used."""
    here = agent.executors[framework.id]
    resources = Resources.of(here.pop(executor_id).resources)
    if not here:
        del agent.executors[framework.id], framework.executors[agent.id]
    state.unuse(framework, agent, resources)
    out.changes.append(changes.ExecutorRemoved(executor_id, framework.id, agent.id))
    return resources
