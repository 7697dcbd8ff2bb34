"""Why a single task is refused, first rule first.

The order is part of the API: clients and tests of Mesos match on the text of the first rule broken. What a task needs
of its executor is in ``executor``, of its group in ``group``.

Mesos: src/master/validation.cpp namespace task.
"""

from __future__ import annotations

import math

from mesos_py.algebra.quantities import to_milli
from mesos_py.algebra.resources import Resources
from mesos_py.master.entities import Agent, Framework
from mesos_py.master.validation.checks import invalid_check, invalid_health_check
from mesos_py.master.validation.resources import (
    doubled_volume,
    invalid_disks,
    mixed_revocable,
    mixed_revocable_reserved,
    several_allocations,
)
from mesos_py.validation.command import invalid_command
from mesos_py.validation.container import invalid_container
from mesos_py.validation.ids import invalid_id
from mesos_py.validation.resources import invalid_gpus
from mesos_py.wire.task import TaskInfo


def invalid_task(task: TaskInfo, resources: Resources, framework: Framework, agent: Agent) -> str | None:
    """The first rule the task breaks; ``resources`` are its resources, allocated."""
    task_id = task.task_id
    if (text := invalid_id(task_id)) is not None:
        return text
    if task_id in framework.tasks:
        return f"Task has duplicate ID: {task_id}"
    if task_id in framework.unreachable_tasks:
        return f"Task reuses the ID of an unreachable task: {task_id}"
    if task.agent_id != agent.id:
        return f"Task uses invalid agent {task.agent_id} while agent {agent.id} is expected"
    policy = task.kill_policy
    if policy is not None and policy.grace_period is not None and policy.grace_period.nanoseconds < 0:
        return "Task's 'kill_policy.grace_period' must be non-negative"
    if task.max_completion_time is not None and task.max_completion_time.nanoseconds < 0:
        return "Task's `max_completion_time` must be non-negative"
    if task.check is not None and (text := invalid_check(task.check)) is not None:
        return f"Task uses invalid check: {text}"
    if task.health_check is not None and (text := invalid_health_check(task.health_check)) is not None:
        return f"Task uses invalid health check: {text}"
    if (text := _invalid_resources(task, resources)) is not None:
        return text
    if task.command is not None and (text := invalid_command(task.command)) is not None:
        return f"Task's `CommandInfo` is invalid: {text}"
    if task.container is not None and (text := invalid_container(task.container)) is not None:
        return f"Task's `ContainerInfo` is invalid: {text}"
    return _invalid_limits(task, resources, agent) if task.limits else None


def _invalid_resources(task: TaskInfo, resources: Resources) -> str | None:
    if not task.resources:
        return "Task uses no resources"
    text = invalid_disks(task.resources) or invalid_gpus(resources) or mixed_revocable_reserved(resources)
    if text is not None:
        return f"Task uses invalid resources: {text}"
    if (text := doubled_volume(resources)) is not None:
        return f"Task uses duplicate persistence ID: {text}"
    if len(resources) > 1:
        if (text := several_allocations(resources)) is not None:
            return f"Invalid task resources: {text}"
        if (text := mixed_revocable(resources)) is not None:
            return f"Task mixes revocable and non-revocable resources: {text}"
    return None


def _invalid_limits(task: TaskInfo, resources: Resources, agent: Agent) -> str | None:
    """Limits are the most a task may use, requests what it is sure to get."""
    if not agent.capabilities.task_resource_limits:
        return "Agent is not capable of handling task resource limits"
    if any(name not in ("cpus", "mem") for name in task.limits):
        return "Only cpus and mem may be included in a task's resource limits"
    for name, short, long in (("cpus", "cpu", "CPU"), ("mem", "memory", "memory")):
        limit = task.limits.get(name)
        if limit is None:
            continue
        request = resources.scalar(name)
        if not request:
            return f"When a {long} limit is specified, a {long} request must also be specified"
        if not math.isinf(limit.value) and not to_milli(limit.value) >= request:
            return f"The {short} limit must be greater than or equal to the {short} request"
    return None
