"""Why a task's executor is refused: its own rules, the ones between it and its task, and what fits into the offer.

Mesos: src/master/validation.cpp namespace executor, task::internal::validateTaskAndExecutorResources.
"""

from __future__ import annotations

from mesos_py.algebra.resources import NONE, Resources
from mesos_py.master.entities import Agent, Framework
from mesos_py.master.validation.resources import (
    invalid_disks,
    mixed_revocable,
    mixed_revocable_reserved,
    overlap,
    several_allocations,
)
from mesos_py.master.validation.text import message_text
from mesos_py.validation.command import invalid_command
from mesos_py.validation.container import invalid_container
from mesos_py.validation.ids import invalid_id
from mesos_py.validation.resources import invalid_gpus
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.task import TaskInfo

_RULE = "-" * 60


def invalid_executor(executor: ExecutorInfo, resources: Resources, framework: Framework, agent: Agent) -> str | None:
    """The first rule the executor itself breaks, wherever it is used."""
    return (
        _invalid_type(executor)
        or invalid_id(executor.executor_id)
        or _invalid_grace_period(executor)
        or _invalid_framework_id(executor, framework)
        or _invalid_resources(executor, resources)
        or _incompatible(executor, agent.executor(framework.id, executor.executor_id))
        or _invalid_parts(executor)
    )


def _invalid_type(executor: ExecutorInfo) -> str | None:
    if executor.type is ExecutorInfo.Type.DEFAULT:
        if executor.command is not None:
            return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"
        container = executor.container
        if container is not None:
            if container.type is not ContainerInfo.Type.MESOS:
                return "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor"
            if container.mesos is not None and container.mesos.image is not None:
                return "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor"
        return None
    if executor.type is ExecutorInfo.Type.CUSTOM:
        return "'ExecutorInfo.command' must be set for 'CUSTOM' executor" if executor.command is None else None
    # Unset: CUSTOM is meant, and the rules of LAUNCH ask for a command. UNKNOWN: a newer scheduler's type.
    return None if executor.type is None else "Unknown executor type"


def _invalid_grace_period(executor: ExecutorInfo) -> str | None:
    grace = executor.shutdown_grace_period
    if grace is not None and grace.nanoseconds < 0:
        return "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
    return None


def _invalid_framework_id(executor: ExecutorInfo, framework: Framework) -> str | None:
    if executor.framework_id is None:
        return "'ExecutorInfo.framework_id' must be set"
    if executor.framework_id != framework.id:
        return f"ExecutorInfo has an invalid FrameworkID (Actual: {executor.framework_id} vs Expected: {framework.id})"
    return None


def _invalid_resources(executor: ExecutorInfo, resources: Resources) -> str | None:
    text = invalid_disks(executor.resources) or invalid_gpus(resources) or mixed_revocable_reserved(resources)
    if text is not None:
        return f"Executor uses invalid resources: {text}"
    if (text := several_allocations(resources)) is not None:
        return f"Invalid executor resources: {text}"
    if (text := mixed_revocable(resources)) is not None:
        return f"Executor mixes revocable and non-revocable resources: {text}"
    return None


def _incompatible(executor: ExecutorInfo, existing: ExecutorInfo | None) -> str | None:
    """One id on one agent is one executor."""
    if existing is None or existing == executor:
        return None
    return (
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n"
        f"{_RULE}\nExisting ExecutorInfo:\n{message_text(existing)}\n"
        f"{_RULE}\nExecutorInfo:\n{message_text(executor)}\n{_RULE}\n"
    )


def _invalid_parts(executor: ExecutorInfo) -> str | None:
    if executor.command is not None and (text := invalid_command(executor.command)) is not None:
        return f"Executor's `CommandInfo` is invalid: {text}"
    if executor.container is not None and (text := invalid_container(executor.container)) is not None:
        return f"Executor's `ContainerInfo` is invalid: {text}"
    return None


def invalid_launch_executor(executor: ExecutorInfo, resources: Resources) -> str | None:
    """Rules for executors of LAUNCH only, after ``invalid_executor``."""
    if executor.type not in (None, ExecutorInfo.Type.CUSTOM):
        return "'ExecutorInfo.type' must be 'CUSTOM'"
    if executor.command is None:
        return "'ExecutorInfo.command' must be set"
    if any(kind.shared for kind, _ in resources):
        return "Executor resources cannot be shared"
    return None


def shares_cgroups(container: ContainerInfo | None) -> bool:
    """Whether the container is in its parent's cgroups; the proto default is that it is.

    Mesos refuses executors that say so explicitly; since what is said and what is the default cannot be told apart
    once decoded, we do not.
    """
    return container is None or container.linux_info is None or container.linux_info.share_cgroups


def invalid_task_and_executor(
    task: TaskInfo, resources: Resources, executor_resources: Resources, available: Resources, is_new: bool
) -> str | None:
    """What both want fits into what is left of the offer; an executor that runs already wants nothing."""
    if executor_resources and (name := overlap(resources, executor_resources)) is not None:
        return f"Task and its executor use the same {name}"
    total = resources + (executor_resources if is_new else NONE)
    if not total <= available:
        return f"Total resources {total} required by task and its executor is more than available {available}"
    if not shares_cgroups(task.container):
        return "Only tasks in a task group may have 'share_cgroups' set to 'false'"
    return None
