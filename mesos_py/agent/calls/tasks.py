"""The master wants tasks run: RunTask and RunTaskGroup.

Checks first, in Mesos' order; a task that fails one is dropped with the reason and text of the table below. Then the
task is queued with its executor, which is launched when it is new, and delivered when the executor runs.

Mesos: src/slave/slave.cpp Slave::runTask, Slave::__run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from mesos_py.agent import changes, paths, specs, words
from mesos_py.agent.calls import endings, executors
from mesos_py.agent.calls.room import NO_ROOM
from mesos_py.agent.checkpoint import facts
from mesos_py.agent.containerizer.docker.tasks import is_docker, manner
from mesos_py.agent.containerizer.isolation import parse_isolation
from mesos_py.agent.entities import Executor, Framework, Task
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.algebra.resources import Resources
from mesos_py.executor.command import CommandExecutor
from mesos_py.executor.default import DefaultExecutor
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import value
from mesos_py.wire import internal
from mesos_py.wire.checkpoint import Kind
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import ExecutorID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskGroupInfo, TaskInfo, TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("run tasks")

Reason = TaskStatus.Reason

#: Which isolator a limit needs; text and reason (sic) as in Mesos.
LIMIT_TEXTS: Final = {
    "cpus": (
        "cgroups/cpu",
        "CPU limits can only be set on tasks launched in Mesos containers when the agent has loaded {}",
    ),
    "mem": (
        "cgroups/mem",
        "Memory limits can only be set on tasks launched in Mesos containers when the agent has loaded {}",
    ),
}
TASK_RESOURCES_UNKNOWN = "The checkpointed resources being used by the task or task group are unknown to the agent"
EXECUTOR_RESOURCES_UNKNOWN = "The checkpointed resources being used by the executor are unknown to the agent"
COMMAND_EXECUTOR_EXISTS = "Cannot reuse an already existing executor for a command task"
EXECUTOR_EXISTS = "Master wants to launch executor, but one already exists"
EXECUTOR_ABSENT = "No executor is expected to launch and there is none running"
EXECUTOR_TERMINATING = "Executor terminating"
EXECUTOR_TERMINATED = "Executor terminated"
#: Mesos mounts it into the container's namespace from outside; here a container's mounts are made with it.
LATE_VOLUME = "Persistent volume '{}' cannot be mounted into the container of an executor that runs already"


@value
class Wish:
    """What the master asks for, the same for one task and for a group."""

    executor: ExecutorInfo
    kind: Kind
    tasks: tuple[TaskInfo, ...]
    group: TaskGroupInfo | None
    launch_executor: bool


@value
class Drop:
    """Why the tasks will not run."""

    reason: TaskStatus.Reason
    message: str
    #: None: as a task that was never launched
    state: TaskState | None = None


@rows.on(internal.RunTask)
def run_task(agent: Agent, event: Event, out: Frame) -> None:
    """The task is queued with its executor, or dropped."""
    message: internal.RunTask = event.body
    if not _is_for_us(agent, event, message.task):
        return
    framework_id = message.framework.id
    assert framework_id is not None
    task = _allocated(message.task, message.framework)
    if task.executor is not None:
        info = task.executor
        if info.framework_id is None:
            info = evolve(info, framework_id=framework_id)
            task = evolve(task, executor=info)
        wish = Wish(info, Kind.CUSTOM, (task,), None, message.launch_executor)
    else:
        info = specs.command_executor_info(agent.options, framework_id, task)
        wish = Wish(info, Kind.COMMAND, (task,), None, True)
    _run(agent, message.framework, wish, out)


@rows.on(internal.RunTaskGroup)
def run_task_group(agent: Agent, event: Event, out: Frame) -> None:
    """The group is queued with its executor, or dropped as a whole."""
    message: internal.RunTaskGroup = event.body
    group = message.task_group
    if not group.tasks or not _is_for_us(agent, event, group.tasks[0]):
        return
    tasks = tuple([_allocated(task, message.framework) for task in group.tasks])
    info = message.executor
    if info.framework_id is None:
        info = evolve(info, framework_id=message.framework.id)
    kind = Kind.DEFAULT if info.type is ExecutorInfo.Type.DEFAULT else Kind.CUSTOM
    _run(agent, message.framework, Wish(info, kind, tasks, evolve(group, tasks=tasks), message.launch_executor), out)


def _is_for_us(agent: Agent, event: Event, task: TaskInfo) -> bool:
    return agent.hears(event) and task.agent_id == agent.state.id


def _is_name(text: str) -> bool:
    """Whether an id can name a directory. The master sees to it; a path is nothing to take on trust."""
    return text not in ("", ".", "..") and "/" not in text and "\0" not in text


def _allocated(task: TaskInfo, framework: FrameworkInfo) -> TaskInfo:
    """Resources without an allocation get the framework's only role (Mesos: injectAllocationInfo)."""
    if all(resource.allocation_info is not None for resource in task.resources):
        return task
    role = framework.roles[0] if framework.roles else framework.role or "*"
    allocation = Resource.AllocationInfo(role=role)
    return evolve(
        task,
        resources=tuple(
            [
                resource if resource.allocation_info is not None else evolve(resource, allocation_info=allocation)
                for resource in task.resources
            ]
        ),
    )


def _run(agent: Agent, info: FrameworkInfo, wish: Wish, out: Frame) -> None:
    state = agent.state
    assert info.id is not None
    if not all(map(_is_name, (info.id, wish.executor.executor_id, *[task.task_id for task in wish.tasks]))):
        out.change(changes.Refused("task", info.id, wish.tasks[0].task_id, "an id cannot name a directory"))
        return
    framework = state.frameworks.get(info.id)
    if framework is not None and framework.terminating:
        return
    if framework is None:
        framework = state.add_framework(info, out)
    executor = framework.executors.get(wish.executor.executor_id)
    if executor is not None and any(executor.task(task.task_id) is not None for task in wish.tasks):
        # The master never sends an id twice while it is in use; a stream cannot tell two tasks of one id apart.
        out.change(changes.Refused("task", framework.id, wish.tasks[0].task_id, "it runs already"))
        return
    drop = _why_not(agent, executor, wish)
    if drop is not None:
        _drop(agent, framework, executor, wish, drop, out)
        return
    if executor is None:
        executor = _add_executor(agent, framework, wish, out)
        _queue(agent, executor, wish, out)
        _launch(agent, executor, out)
    else:
        _queue(agent, executor, wish, out)
        agent.update_container(executor, out)
        executors.deliver(agent, executor, out)


def _why_not(agent: Agent, executor: Executor | None, wish: Wish) -> Drop | None:
    """The first check that fails."""
    if not agent.has_room:
        text = f"Failed to launch container: {NO_ROOM}"
        return Drop(Reason.REASON_CONTAINER_LAUNCH_FAILED, text, TaskState.TASK_FAILED)
    isolators = parse_isolation(agent.options.isolation)
    for task in wish.tasks:
        if task.limits and not is_docker(task.container):
            for name, (isolator, text) in LIMIT_TEXTS.items():
                if name in task.limits and isolator not in isolators:
                    return Drop(Reason.REASON_GC_ERROR, text.format(f"the '{isolator}' isolator"))
    for task in wish.tasks:
        if not _has_checkpointed(agent, task.resources):
            return Drop(Reason.REASON_RESOURCES_UNKNOWN, TASK_RESOURCES_UNKNOWN)
    if wish.kind is not Kind.COMMAND and not _has_checkpointed(agent, wish.executor.resources):
        return Drop(Reason.REASON_RESOURCES_UNKNOWN, EXECUTOR_RESOURCES_UNKNOWN)
    if executor is None:
        if not wish.launch_executor:
            return Drop(Reason.REASON_EXECUTOR_TERMINATED, EXECUTOR_ABSENT)
        return None
    if wish.kind is Kind.COMMAND:
        return Drop(Reason.REASON_TASK_INVALID, COMMAND_EXECUTOR_EXISTS)
    if wish.launch_executor:
        return Drop(Reason.REASON_EXECUTOR_TERMINATED, EXECUTOR_EXISTS)
    if executor.state is ExecutorState.TERMINATING:
        return Drop(Reason.REASON_EXECUTOR_TERMINATED, EXECUTOR_TERMINATING)
    if executor.state is ExecutorState.TERMINATED:
        return Drop(Reason.REASON_EXECUTOR_TERMINATED, EXECUTOR_TERMINATED)
    late = None if wish.kind is not Kind.CUSTOM else _late_volume(executor, wish.tasks)
    if late is not None:
        return Drop(Reason.REASON_CONTAINER_UPDATE_FAILED, LATE_VOLUME.format(late), TaskState.TASK_FAILED)
    return None


def _has_checkpointed(agent: Agent, resources: tuple[Resource, ...]) -> bool:
    """Whether every dynamic reservation and volume among them is known here."""
    for resource in resources:
        if resource.reservations or resource.reservation is not None or resource.disk is not None:
            needed = Resources.of(resources).checkpointed().unallocate()
            return needed <= agent.state.checkpointed
    return True


def _late_volume(executor: Executor, tasks: Sequence[TaskInfo]) -> str | None:
    """The id of a persistent volume of these that no task of the executor uses, so that it may not be mounted there."""
    there = _volumes(executor.demand.used.messages())
    return next((name for task in tasks for name in _volumes(task.resources) if name not in there), None)


def _volumes(resources: Iterable[Resource]) -> dict[str, None]:
    disks = [one.disk.persistence for one in resources if one.disk is not None]
    return dict.fromkeys([persistence.id for persistence in disks if persistence is not None])


def _drop(agent: Agent, framework: Framework, executor: Executor | None, wish: Wish, drop: Drop, out: Frame) -> None:
    for task in wish.tasks:
        state = drop.state or framework.dropped()
        agent.drop(framework.id, task.task_id, wish.executor.executor_id, state, drop.reason, drop.message, out)
    if wish.launch_executor and wish.kind is not Kind.COMMAND:
        endings.send_exited(agent, framework.id, wish.executor.executor_id, -1, out)
    if drop.message == EXECUTOR_EXISTS and executor is not None:
        endings.shut_down(agent, executor, out)
    if not framework.executors:  # it was made for these tasks, and nothing of it is kept: there may be no room to do so
        agent.state.remove_framework(framework, out)


# ---- executors that are new


def _add_executor(agent: Agent, framework: Framework, wish: Wish, out: Frame) -> Executor:
    options, state = agent.options, agent.state
    assert state.id is not None
    container_id = agent.new_id()
    executor_id = ExecutorID(wish.executor.executor_id)
    directory = paths.executor_directory(agent.work_dir, state.id, framework.id, executor_id)
    command = wish.tasks[0].command if wish.kind is Kind.COMMAND else wish.executor.command
    user = (command.user if command is not None else None) or framework.info.user
    executor = Executor(
        framework,
        wish.executor,
        wish.kind,
        container_id,
        paths.run_directory(directory, container_id),
        user if options.switch_user else None,
    )
    if wish.kind is Kind.COMMAND:
        task = wish.tasks[0]
        executor.builtin = CommandExecutor(container_id, task, **manner(options, task.container))
    elif wish.kind is Kind.DEFAULT:
        executor.builtin = DefaultExecutor()
    if executor.checkpoint and not framework.executors:
        out.write(facts.FrameworkSaved(framework.id, framework.info, False))
    state.add_executor(executor, out)
    agent.save(executor, out)
    return executor


def _queue(agent: Agent, executor: Executor, wish: Wish, out: Frame) -> None:
    framework = executor.framework
    for info in wish.tasks:
        task = Task(info, framework.id, executor.id, executor.is_command)
        agent.state.queue_task(executor, task, out)
        if executor.checkpoint:
            out.write(facts.TaskSaved(framework.id, executor.container_id, info))
    if wish.group is not None:
        agent.state.queue_group(executor, wish.group)


def _launch(agent: Agent, executor: Executor, out: Frame) -> None:
    """Start its container; an executor without a process of its own runs at once."""
    latest = paths.latest_link(executor.sandbox)
    virtual = paths.virtual_path(executor.framework.id, executor.id)
    out.send(words.DISK, words.AttachSandbox(executor.sandbox, latest, virtual))
    if executor.kind is Kind.DEFAULT:
        sandbox = words.MakeSandbox(executor.container_id, executor.sandbox, latest, executor.user)
        out.send(words.CONTAINERS, sandbox)
        agent.update_container(executor, out)
        executors.run_builtin_default(agent, executor, out)
        return
    env = agent.executor_environment(executor)
    if executor.kind is Kind.COMMAND:
        (task,) = executor.queued.values()
        spec, command = specs.command_task(agent.options, env, executor, task.info), task.info.command
    else:
        spec, command = specs.custom_executor(agent.options, env, executor), executor.info.command
    agent.launch(spec, command, out)
    executors.expect(agent, executor, out)
