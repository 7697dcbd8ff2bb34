"""What the operator API shows of an agent: pure functions of its state.

JSON answers of GET_TASKS, GET_EXECUTORS, GET_FRAMEWORKS and GET_STATE name every list even when it is empty, unlike
all other messages (``json_value``); clients rely on it.
Mesos: src/slave/http.cpp, Http::getTasks, getExecutors, getFrameworks, getAgent, getContainers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mesos_py.agent.api_containers import ApiContainer
from mesos_py.agent.entities import Executor, Framework, Task
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.agent.state import State
from mesos_py.wire.agent_api import Response
from mesos_py.wire.codec import json
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.ids import ContainerID, TaskID
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.schema import evolve
from mesos_py.wire.stats import ResourceStatistics
from mesos_py.wire.task import Task as WireTask

Type = Response.Type
GetContainers = Response.GetContainers

_LISTS = {
    "get_tasks": ("pending_tasks", "queued_tasks", "launched_tasks", "terminated_tasks", "completed_tasks"),
    "get_executors": ("executors", "completed_executors"),
    "get_frameworks": ("frameworks", "completed_frameworks"),
}


def get_tasks(state: State) -> Response.GetTasks:
    """By how far they have come; nothing is ever pending here, since nothing is waited for before queueing."""
    queued: list[WireTask] = []
    launched: list[WireTask] = []
    terminated: list[WireTask] = []
    completed: list[WireTask] = []
    for framework in _all_frameworks(state):
        for executor in (*framework.executors.values(), *framework.completed_executors):
            queued += _wires(executor.queued)
            launched += _wires(executor.launched)
            terminated += _wires(executor.terminated)
            completed += [task.wire() for task in executor.completed]
    return Response.GetTasks(
        queued_tasks=tuple(queued),
        launched_tasks=tuple(launched),
        terminated_tasks=tuple(terminated),
        completed_tasks=tuple(completed),
    )


def get_executors(state: State) -> Response.GetExecutors:
    shown = Response.GetExecutors.Executor
    running: list[Response.GetExecutors.Executor] = []
    completed: list[Response.GetExecutors.Executor] = []
    for framework in _all_frameworks(state):
        running += [shown(executor_info=executor.info) for executor in framework.executors.values()]
        completed += [shown(executor_info=executor.info) for executor in framework.completed_executors]
    return Response.GetExecutors(executors=tuple(running), completed_executors=tuple(completed))


def get_frameworks(state: State) -> Response.GetFrameworks:
    shown = Response.GetFrameworks.Framework
    return Response.GetFrameworks(
        frameworks=tuple([shown(framework_info=framework.info) for framework in state.frameworks.values()]),
        completed_frameworks=tuple(
            [shown(framework_info=framework.info) for framework in state.completed_frameworks.values()]
        ),
    )


def get_state(state: State) -> Response.GetState:
    return Response.GetState(
        get_tasks=get_tasks(state), get_executors=get_executors(state), get_frameworks=get_frameworks(state)
    )


def get_agent(state: State) -> Response.GetAgent:
    return Response.GetAgent(agent_info=state.info)


def shown_containers(state: State, *, nested: bool) -> list[Executor]:
    """The executors that have a container now."""
    return [executor for executor in state.containers.values() if executor.state is not ExecutorState.TERMINATED]


def get_containers(
    state: State, statistics: Mapping[str, ResourceStatistics], *, nested: bool
) -> Response.GetContainers:
    """Executors' containers, and with ``nested`` those of their tasks behind them."""
    made: list[GetContainers.Container] = []
    inner: list[GetContainers.Container] = []
    for executor in shown_containers(state, nested=nested):
        made.append(
            GetContainers.Container(
                framework_id=executor.framework.id,
                executor_id=executor.id,
                executor_name=executor.info.name or "",
                container_id=ContainerID(value=executor.container_id),
                container_status=container_status(executor),
                resource_statistics=statistics.get(executor.container_id),
            )
        )
        if nested:
            for container_id, status in executor.nested_status.items():
                inner.append(
                    GetContainers.Container(
                        container_id=ContainerID(value=container_id),
                        container_status=evolve(status, network_infos=_own(status)),
                        resource_statistics=statistics.get(container_id),
                    )
                )
    return GetContainers(containers=(*made, *inner))


def get_api_containers(
    containers: Iterable[ApiContainer], statistics: Mapping[str, ResourceStatistics]
) -> Iterator[GetContainers.Container]:
    """Nested and standalone ones; only in the status is the name of a nested one whole, as Mesos has it."""
    for container in containers:
        container_id = container.record.container_id
        yield GetContainers.Container(
            container_id=ContainerID(value=container_id.value),
            container_status=ContainerStatus(
                container_id=container_id, executor_pid=container.record.pid, network_infos=container.network_infos
            ),
            resource_statistics=statistics.get(container.key),
        )


def container_status(executor: Executor) -> ContainerStatus:
    """Without the agent's addresses, which only statuses of tasks have."""
    return ContainerStatus(
        container_id=ContainerID(value=executor.container_id),
        executor_pid=executor.pid,
        network_infos=() if executor.container_status is None else _own(executor.container_status),
    )


def _own(status: ContainerStatus) -> tuple[NetworkInfo, ...]:
    """The networks a container has joined, which have names."""
    return tuple([info for info in status.network_infos if info.name is not None])


def json_value(response: Response) -> dict[str, Any]:
    """The answer for orjson, with the empty lists that Mesos shows."""
    value = json.to_value(response)
    for name, lists in _LISTS.items():
        for holder in (value, value.get("get_state")):
            if holder is not None and name in holder:
                shown = holder[name]
                holder[name] = {key: shown.get(key, []) for key in lists}
    return value


def _all_frameworks(state: State) -> Iterator[Framework]:
    yield from state.frameworks.values()
    yield from state.completed_frameworks.values()


def _wires(tasks: dict[TaskID, Task]) -> list[WireTask]:
    return [task.wire() for task in tasks.values()]
