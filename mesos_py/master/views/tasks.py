"""Tasks as the master shows them. Mesos: src/common/http.cpp json(JSON::ObjectWriter*, const Task&), getTasks."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from mesos_py.master.entities import Framework, Task
from mesos_py.master.state import State
from mesos_py.master.views.sections import Section
from mesos_py.master.views.values import labels_list, message, resources_json
from mesos_py.wire.ids import FrameworkID, TaskID
from mesos_py.wire.master_api import Response
from mesos_py.wire.task import TaskState, TaskStatus

LIMIT_DEFAULT = 100  # tasks in one answer of /tasks; mesos src/master/constants.hpp TASK_LIMIT

#: What /state-summary counts, in this order.
COUNTED = (
    TaskState.TASK_STAGING,
    TaskState.TASK_STARTING,
    TaskState.TASK_RUNNING,
    TaskState.TASK_KILLING,
    TaskState.TASK_FINISHED,
    TaskState.TASK_KILLED,
    TaskState.TASK_FAILED,
    TaskState.TASK_LOST,
    TaskState.TASK_ERROR,
    TaskState.TASK_UNREACHABLE,
)


def task_json(task: Task) -> bytes:
    """The task as legacy JSON, encoded; kept until the task changes."""
    encoded = task.json
    if encoded is None:
        encoded = task.json = orjson.dumps(_task_object(task))
    return encoded


def _task_object(task: Task) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": task.id,
        "name": task.name,
        "framework_id": task.framework_id,
        "executor_id": task.executor_id or "",
        "slave_id": task.agent_id,
        "state": task.state._name_,
        "resources": resources_json(task.resources),
    }
    if task.limits:
        shown["limits"] = {name: _limit(scalar) for name, scalar in task.limits.items()}
    if (role := task.role) is not None:
        shown["role"] = role
    shown["statuses"] = [_status(status) for status in task.statuses]
    if task.user is not None:
        shown["user"] = task.user
    if task.labels is not None:
        shown["labels"] = labels_list(task.labels)
    if task.discovery is not None:
        shown["discovery"] = message(task.discovery)
    if task.container is not None:
        shown["container"] = message(task.container)
    if task.health_check is not None:
        shown["health_check"] = message(task.health_check)
    return shown


def _limit(scalar: Any) -> Any:
    return orjson.Fragment("Infinity") if scalar.value == float("inf") else scalar.value


def _status(status: TaskStatus) -> dict[str, Any]:
    shown: dict[str, Any] = {"state": status.state._name_, "timestamp": status.timestamp or 0.0}
    if status.labels is not None:
        shown["labels"] = labels_list(status.labels)
    if status.container_status is not None:
        container = message(status.container_status)
        container.pop("executor_pid", None)
        shown["container_status"] = container
    if status.healthy is not None:
        shown["healthy"] = status.healthy
    return shown


def everyones(state: State) -> Iterator[Framework]:
    """Frameworks, then completed ones."""
    yield from state.frameworks.values()
    yield from state.completed_frameworks.values()


def of_framework(framework: Framework) -> Iterator[Task]:
    """Live, unreachable and completed tasks."""
    yield from framework.tasks.values()
    yield from framework.unreachable_tasks.values()
    yield from framework.completed_tasks


def legacy_list(
    state: State,
    *,
    framework_id: FrameworkID | None,
    task_id: TaskID | None,
    limit: int,
    offset: int,
    ascending: bool,
) -> list[Task]:
    """What /tasks shows: a page of all tasks, by the time of their first status."""
    found = [
        task
        for framework in everyones(state)
        if framework_id is None or framework.id == framework_id
        for task in of_framework(framework)
        if task_id is None or task.id == task_id
    ]
    start = max(offset, 0)
    if limit < 0:
        return sorted(found, key=_first_time, reverse=not ascending)[start:]
    first = heapq.nsmallest if ascending else heapq.nlargest  # a page of many: half the time of sorting all
    return first(start + limit, found, key=_first_time)[start:]


def _first_time(task: Task) -> float:
    return (task.statuses[0].timestamp or 0.0) if task.statuses else 0.0


def get_tasks(state: State) -> Section:
    """GET_TASKS; messages are made when the section is encoded."""
    frameworks = list(everyones(state))
    return Section(
        Response.GetTasks,
        (
            ("tasks", _wires([t for it in frameworks for t in it.tasks.values()])),
            (
                "unreachable_tasks",
                _wires([t for framework in frameworks for t in framework.unreachable_tasks.values()]),
            ),
            ("completed_tasks", _wires([t for it in frameworks for t in it.completed_tasks])),
        ),
    )


def _wires(tasks: Iterable[Task]) -> Iterator[Any]:
    for task in tasks:
        yield task.wire()


class Counts:
    """How many tasks are in which state."""

    __slots__ = ("_by_state",)

    def __init__(self) -> None:
        self._by_state = [0] * len(TaskState)

    def add(self, state: TaskState) -> None:
        self._by_state[state] += 1

    def object(self) -> dict[str, int]:
        return {state.name: self._by_state[state] for state in COUNTED}
