"""What a restarted agent believes of what its former run wrote. Pure functions; ``calls/recovery.py`` acts on them.

========================  ============================================================================================
since then                what is still true
========================  ============================================================================================
nothing happened          everything
the host was rebooted     no process runs: only the ends of tasks that nobody has acknowledged are still to be told;
                          of the other tasks the master asks, since they are not reported (reconciliation)
the settings are others   everything, if the policy allows it; after a reboot it is a new agent, else a failure
========================  ============================================================================================

Mesos: src/slave/state.cpp, src/slave/slave.cpp Slave::recover. There the ends of tasks are lost with a reboot, too, and
a task may be told finished and then dropped; here it has one end.
"""

from __future__ import annotations

from collections.abc import Iterator

from mesos_py.agent.checkpoint import compatibility
from mesos_py.agent.lifecycle import TERMINAL
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.checkpoint import AgentState, Executor, Framework, Kind, Task
from mesos_py.wire.schema import evolve


class Incompatible(Exception):
    """The agent cannot go on as the one it was."""


def reconfigured(state: AgentState, info: AgentInfo, boot_id: str, policy: str) -> AgentState:
    """``state``, of an agent that introduces itself as ``info`` now (without an id). Raises Incompatible."""
    if state.info is None:
        return AgentState(boot_id=state.boot_id, containers=state.containers)
    problem = compatibility.POLICIES[policy](state.info, info)
    if problem is None:
        return evolve(state, info=evolve(info, id=state.info.id))
    if state.boot_id == boot_id:
        raise Incompatible(problem)
    return AgentState(boot_id=state.boot_id)


def settled(state: AgentState, boot_id: str) -> AgentState:
    """What of ``state`` is true during the boot ``boot_id``."""
    if state.boot_id == boot_id:
        return state
    frameworks = tuple(_rebooted(framework) for framework in state.frameworks if not framework.terminating)
    known = tuple(one for one in frameworks if one.executors)
    return evolve(state, boot_id=boot_id, frameworks=known, containers=())


def _rebooted(framework: Framework) -> Framework:
    executors = []
    for executor in framework.executors:
        ended = tuple(task for task in executor.tasks if has_ended(task))
        if ended:
            executors.append(evolve(executor, ended=True, tasks=ended))
    return evolve(framework, executors=tuple(executors))


def has_ended(task: Task) -> bool:
    """Its end is known; it waits to be told or acknowledged."""
    return bool(task.updates) and task.updates[-1].state in TERMINAL


def expected(state: AgentState) -> tuple[str, ...]:
    """Containers that run, or whose end has not been heard."""
    of_executors = tuple(
        container_id
        for framework in state.frameworks
        for executor in framework.executors
        if not executor.ended
        for container_id in _containers(executor)
    )
    return of_executors + tuple(container.key for container in state.containers if not container.ended)


def _containers(executor: Executor) -> Iterator[str]:
    if executor.kind is not Kind.DEFAULT:
        yield executor.container_id
        return
    for task in executor.tasks:
        if task.progress is not None and task.progress.container_id is not None and is_open(task):
            yield task.progress.container_id


def is_open(task: Task) -> bool:
    """Something of the container of this task in a group may be there yet."""
    progress = task.progress
    return progress is not None and not (has_ended(task) or progress.exited or progress.launch_error is not None)
