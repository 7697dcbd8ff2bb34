"""Tasks of a master's state: live, lost with their agent, completed."""

from __future__ import annotations

from collections import deque

from mesos_py.machine.frame import Frame
from mesos_py.master import changes
from mesos_py.master.entities import TERMINAL, Agent, Framework, Task, UnreachableAgent
from mesos_py.master.state import State, trim
from mesos_py.wire.ids import TaskID
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import KillPolicy, TaskState, TaskStatus

MAX_STATUSES_PER_TASK = 100  # entries; states may alternate for as long as a task lives


def add_task(state: State, task: Task, out: Frame) -> None:
    """Launched or reported; counts as used unless terminal already. Agent and framework must be known."""
    framework, agent = state.frameworks[task.framework_id], state.agents[task.agent_id]
    framework.tasks[task.id] = task
    here = agent.tasks.get(task.framework_id)
    if here is None:
        here = agent.tasks[task.framework_id] = {}
    here[task.id] = task
    state.task_counts[task.state] += 1
    if not TERMINAL[task.state]:
        state.use(framework, agent, task.resources)
    out.changes.append(changes.TaskAdded(task.id, task.framework_id, task.agent_id, task))


def update_task(state: State, task: Task, status: TaskStatus, latest: TaskState | None, out: Frame) -> bool:
    """The task has got ``status`` and is in ``latest`` (or the status') state; True when it ended by this.

    A terminal task stays in the state it ended in. Statuses of one state in a row are collapsed to the last.
    """
    framework = state.frameworks.get(task.framework_id)
    is_live = framework is not None and framework.tasks.get(task.id) is task
    previous = task.state
    after = previous if TERMINAL[previous] else (latest if latest is not None else status.state)
    if after is not previous:
        task.state = after
        if is_live:
            state.task_counts[previous] -= 1
            state.task_counts[after] += 1
    kept = status if status.data is None else evolve(status, data=None)
    statuses = task.statuses
    if statuses and statuses[-1].state is status.state:
        task.statuses = (*statuses[:-1], kept) if len(statuses) > 1 else (kept,)
    else:
        task.statuses = (*statuses[-MAX_STATUSES_PER_TASK + 1 :], kept)
    task.cached_wire = task.json = None
    ended = TERMINAL[after] and not TERMINAL[previous]
    if ended and is_live:
        assert framework is not None
        state.unuse(framework, state.agents[task.agent_id], task.resources)
    out.changes.append(changes.TaskUpdated(task.id, task.framework_id, task.agent_id, previous, after, status, task))
    return ended


def forwarded(task: Task, state: TaskState, uuid: bytes | None) -> None:
    """An update of the task is on its way to the framework."""
    task.status_update_state, task.status_update_uuid = state, uuid
    task.cached_wire = task.json = None


def remember_kill(agent: Agent | UnreachableAgent, task: Task, policy: KillPolicy | None) -> None:
    """The kill is repeated when the agent reregisters with the task alive."""
    agent.killed[task.framework_id, task.id] = policy


def remove_task(state: State, task: Task, out: Frame, *, unreachable: bool = False) -> None:
    """No longer live: completed, or lost with its agent until that is back or the bound pushes it out."""
    framework, agent = state.frameworks[task.framework_id], state.agents[task.agent_id]
    del framework.tasks[task.id]
    here = agent.tasks[task.framework_id]
    del here[task.id]
    if not here:
        del agent.tasks[task.framework_id]
    if agent.killed and not unreachable:
        agent.killed.pop((task.framework_id, task.id), None)
    state.task_counts[task.state] -= 1
    if not TERMINAL[task.state]:
        state.unuse(framework, agent, task.resources)
    if unreachable:
        framework.unreachable_tasks[task.id] = task
        agent.lost[framework.id, task.id] = None
        state.unreachable_task_count += 1
        for forgotten in trim(framework.unreachable_tasks, state.options.max_unreachable_tasks_per_framework):
            _strike_lost(state, forgotten).killed.pop((framework.id, forgotten.id), None)
    else:
        framework.completed_tasks.append(task)
    out.changes.append(changes.TaskRemoved(task.id, task.framework_id, task.agent_id, task))


def lost_with(state: State, agent: Agent | UnreachableAgent) -> list[Task]:
    """Tasks that were told lost with the agent."""
    return [state.frameworks[framework_id].unreachable_tasks[task_id] for framework_id, task_id in agent.lost]


def complete_lost(state: State, task: Task) -> None:
    """A task that was lost with its agent is known to have ended."""
    framework = state.frameworks[task.framework_id]
    del framework.unreachable_tasks[task.id]
    _strike_lost(state, task).killed.pop((framework.id, task.id), None)
    framework.completed_tasks.append(task)


def forget_past_tasks(state: State, framework: Framework, reported: dict[TaskID, None]) -> None:
    """Tasks that an agent brings back are neither unreachable nor completed; linear in the completed ones.

    Whether they are to be killed is not forgotten.
    """
    for task_id in reported:
        lost = framework.unreachable_tasks.pop(task_id, None)
        if lost is not None:
            _strike_lost(state, lost)
    if any(task.id in reported for task in framework.completed_tasks):
        kept = [task for task in framework.completed_tasks if task.id not in reported]
        framework.completed_tasks = deque(kept, maxlen=framework.completed_tasks.maxlen)


def _strike_lost(state: State, task: Task) -> Agent | UnreachableAgent:
    """It is off the list of what its agent may bring back; returns that."""
    state.unreachable_task_count -= 1
    agent = state.agents.get(task.agent_id) or state.unreachable_agents[task.agent_id]
    del agent.lost[task.framework_id, task.id]
    return agent
