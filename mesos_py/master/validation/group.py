"""Why a task group is refused; a group is launched whole or not at all.

Mesos: src/master/validation.cpp namespace task::group.
"""

from __future__ import annotations

from collections.abc import Sequence

from mesos_py.algebra.quantities import milli_text, to_milli
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.master.entities import Agent, Framework
from mesos_py.master.validation.executor import invalid_executor, shares_cgroups
from mesos_py.master.validation.resources import overlap
from mesos_py.master.validation.task import invalid_task
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.health import HealthCheck
from mesos_py.wire.task import TaskInfo

MIN_CPUS = 0.01  # mesos src/master/constants.hpp: src/slave/constants.hpp MIN_CPUS
MIN_MEM_MB = 32  # MIN_MEM


def invalid_group(
    tasks: Sequence[tuple[TaskInfo, Resources]],
    executor: ExecutorInfo,
    executor_resources: Resources,
    framework: Framework,
    agent: Agent,
    available: Resources,
) -> str | None:
    """The first rule broken by a task, the executor, or all of them together."""
    seen: dict[str, None] = {}
    for task, resources in tasks:
        text = invalid_task(task, resources, framework, agent)
        if text is None and task.task_id in seen:
            text = f"Task has duplicate ID: {task.task_id}"
        seen[task.task_id] = None
        text = text or _invalid_in_group(task)
        if text is not None:
            return f"Task '{task.task_id}' is invalid: {text}"
    return (
        _invalid_group_executor(executor, executor_resources, framework, agent)
        or _different_executors(tasks, executor)
        or _mixed_cgroups(tasks, framework, agent, executor)
        or _does_not_fit(tasks, executor, executor_resources, framework, agent, available)
    )


def _invalid_in_group(task: TaskInfo) -> str | None:
    """Rules for tasks of groups only."""
    container, check = task.container, task.health_check
    if container is not None and container.type is ContainerInfo.Type.DOCKER:
        return "Docker ContainerInfo is not supported on the task"
    own_network = container is not None and bool(container.network_infos)
    if own_network and check is not None and check.type in (HealthCheck.Type.HTTP, HealthCheck.Type.TCP):
        return "HTTP and TCP health checks are not supported for nested containers not joining parent's network"
    if task.limits and shares_cgroups(task.container):
        return "Resource limits may only be set for tasks within a task group when 'share_cgroups' is set to 'false'."
    return None


def _invalid_group_executor(
    executor: ExecutorInfo, resources: Resources, framework: Framework, agent: Agent
) -> str | None:
    if not executor.type:
        return "'ExecutorInfo.type' must be set"
    text = invalid_executor(executor, resources, framework, agent)
    if text is not None:
        return text
    cpus, mem = resources.scalar("cpus"), resources.scalar("mem")
    if cpus < to_milli(MIN_CPUS):
        return f"Executor resources {milli_text(cpus)} cpus is less than the minimum {MIN_CPUS}"
    if mem < to_milli(MIN_MEM_MB):
        return f"Executor resources {milli_text(mem)} mem is less than the minimum {MIN_MEM_MB}MB"
    if not resources.scalar("disk"):
        return "'disk' is not set in executor resources"
    return None


def _different_executors(tasks: Sequence[tuple[TaskInfo, Resources]], executor: ExecutorInfo) -> str | None:
    for task, _ in tasks:
        if task.executor is not None and task.executor != executor:
            return (
                "The `ExecutorInfo` of task '"
                + task.task_id
                + "' is different from executor '"
                + (executor.executor_id + "'")
            )
    return None


def _mixed_cgroups(
    tasks: Sequence[tuple[TaskInfo, Resources]], framework: Framework, agent: Agent, executor: ExecutorInfo
) -> str | None:
    """All tasks under one executor share its cgroups or none does; those running already count."""
    running = agent.tasks.get(framework.id, {})
    kinds = {shares_cgroups(task.container) for task, _ in tasks}
    if kinds:
        kinds |= {
            shares_cgroups(task.container)
            for task in running.values()
            if task.executor_id == executor.executor_id and not task.is_terminal
        }
    if len(kinds) > 1:
        return (
            "If set, the value of 'share_cgroups' must be the same for all tasks in each task group"
            " and under a single executor"
        )
    return None


def _does_not_fit(
    tasks: Sequence[tuple[TaskInfo, Resources]],
    executor: ExecutorInfo,
    executor_resources: Resources,
    framework: Framework,
    agent: Agent,
    available: Resources,
) -> str | None:
    total = NONE
    for _, resources in tasks:
        if (name := overlap(total, resources)) is not None:
            return f"Tasks of the group use the same {name}"
        total += resources
    if (name := overlap(total, executor_resources)) is not None:
        return f"Task group and its executor use the same {name}"
    if agent.executor(framework.id, executor.executor_id) is None:
        total += executor_resources
    if not total <= available:
        return f"Total resources {total} required by task group and its executor are more than available {available}"
    return None
