"""A restarted agent takes up what its former run has left.

::

    RECOVERING --Recovered--> RECONNECTING --everybody is back, or the time is up--> DISCONNECTED

Built-in executors go on at once with what they had under way. The frameworks' own executors connect again by
themselves; one that has not after ``executor_reregistration_timeout`` is destroyed. Containers that belong to nobody
are destroyed: their frameworks do not checkpoint, or the agent died before it knew that it had launched them.

Frames are atomic, so a state is always as after some frame; only the words of the last ones may not have been heard.
Each is said again unless it is known to have arrived.

Mesos: src/slave/slave.cpp Slave::recover, Slave::_recover, Slave::reregisterExecutorTimeout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mesos_py.agent import events, paths, specs, words
from mesos_py.agent.calls import api_containers, containers, endings, executors, frameworks
from mesos_py.agent.checkpoint import recovery
from mesos_py.agent.containerizer import KnownContainer
from mesos_py.agent.containerizer.docker.tasks import manner
from mesos_py.agent.entities import Executor, Framework, Task
from mesos_py.agent.hosting import Hosting
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.agent.registration import Phase, start
from mesos_py.agent.updates import Stream
from mesos_py.algebra.durations import format_duration
from mesos_py.executor.command import CommandExecutor
from mesos_py.executor.default import DefaultExecutor
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.timers import reprieve
from mesos_py.machine.values import Nanos, value
from mesos_py.wire import checkpoint
from mesos_py.wire.checkpoint import Kind, Termination
from mesos_py.wire.task import TaskStatus

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("recovery")

Running = Mapping[str, KnownContainer]


@value
class ReregistrationOverdue:
    """Executors that have not connected again by now are given up."""

    at: Nanos


@rows.on(events.Recovered)
def recovered(agent: Agent, event: Event, out: Frame) -> None:
    """The agent knows what it knew; what runs and belongs to nobody is destroyed."""
    state = event.body.state
    running = {container.container_id: container for container in event.body.containers}
    if state.info is not None and state.info.id is not None:
        agent.state.admit(state.info.id)
    agent.state.count("slave/recovery_errors", event.body.errors)
    for framework in state.frameworks:
        _restore_framework(agent, framework, out)
    for container in state.containers:
        api_containers.restore(agent, container, state, out)
    agent.registration.phase = Phase.RECONNECTING
    for container_id in running:
        if not _is_known(agent, container_id):
            out.send(words.CONTAINERS, words.DestroyContainer(container_id))
    for executor in list(agent.state.containers.values()):
        _resume(agent, executor, running, out)
    for one in list(agent.api_containers.by_key.values()):
        api_containers.resume(agent, one, running.get(one.key), out)
    for known in list(agent.state.frameworks.values()):
        endings.remove_idle_framework(agent, known, out)
    if agent.options.recover == "cleanup":
        frameworks.end_for_good(agent, out)
        return
    _wait_until(agent, out.now + agent.options.executor_reregistration_timeout)


def _wait_until(agent: Agent, at: Nanos) -> None:
    agent.timers.set("reregistration", at, ReregistrationOverdue(at))


def _is_known(agent: Agent, key: str) -> bool:
    state = agent.state
    return key in state.containers or key in state.nested or key in agent.api_containers.by_key


@rows.on(ReregistrationOverdue)
def reregistration_overdue(agent: Agent, event: Event, out: Frame) -> None:
    """Whoever is not back is destroyed, and its tasks are gone; not if it may be that we were stopped meanwhile."""
    again = reprieve(event.body.at, out.now)
    if again is not None:
        _wait_until(agent, again)
        return
    timeout = format_duration(agent.options.executor_reregistration_timeout)
    for executor in list(agent.state.containers.values()):
        if _is_awaited(executor):
            why = Termination(
                state=executor.framework.gone(),
                reason=TaskStatus.Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
                message=f"Executor did not reregister within {timeout}",
            )
            agent.state.end_with(executor, why)
            executors.give_up(agent, executor, out)


def finish_if_settled(agent: Agent, out: Frame) -> None:
    """Recovery ends when nobody is waited for any more: the agent looks for its master."""
    if any(_is_awaited(executor) for executor in agent.state.containers.values()):
        return
    agent.timers.cancel("reregistration")
    agent.registration.phase = Phase.DISCONNECTED
    agent.begin_watching(out)
    if agent.registration.peer is not None:
        start(agent, out)


def _is_awaited(executor: Executor) -> bool:
    return executor.kind is Kind.CUSTOM and executor.recovered and executor.state is ExecutorState.REGISTERING


# ---- from messages to entities


def _restore_framework(agent: Agent, kept: checkpoint.Framework, out: Frame) -> None:
    framework = agent.state.add_framework(kept.info, out)
    if kept.terminating:
        agent.state.terminate_framework(framework)
    for executor in kept.executors:
        _restore_executor(agent, framework, executor, out)


def _restore_executor(agent: Agent, framework: Framework, kept: checkpoint.Executor, out: Frame) -> None:
    assert agent.state.id is not None
    directory = paths.executor_directory(agent.work_dir, agent.state.id, framework.id, kept.info.executor_id)
    executor = Executor(
        framework,
        kept.info,
        kept.kind,
        kept.container_id,
        paths.run_directory(directory, kept.container_id),
        kept.user,
        pid=kept.pid,
        ends_at=kept.ends_at,
        termination=kept.termination,
        recovered=True,
    )
    executor.state = _state_of(kept)
    agent.state.add_executor(executor, out)
    for task in kept.tasks:
        _restore_task(agent, executor, task)
    open_ones = [task for task in kept.tasks if not recovery.has_ended(task)]
    if kept.kind is Kind.COMMAND and open_ones:
        (task,) = open_ones
        executor.builtin = CommandExecutor(
            kept.container_id, task.info, progress=task.progress, started=bool(task.updates),
            **manner(agent.options, task.info.container),
        )  # fmt: skip
    elif kept.kind is Kind.DEFAULT:
        members = [(task.info, task.progress) for task in open_ones if task.progress is not None]
        executor.builtin = DefaultExecutor(members, shutting_down=kept.ends_at is not None)
        for task in open_ones:
            if recovery.is_open(task) and task.progress is not None and task.progress.container_id is not None:
                agent.state.nest(executor, task.progress.container_id, task.info.task_id)


def _state_of(kept: checkpoint.Executor) -> ExecutorState:
    """The frameworks' own have to connect again; a command task runs once it has said anything."""
    if kept.ended:
        return ExecutorState.TERMINATED
    if kept.ends_at is not None:
        return ExecutorState.TERMINATING
    is_running = kept.kind is Kind.DEFAULT or (kept.kind is Kind.COMMAND and any(task.updates for task in kept.tasks))
    return ExecutorState.RUNNING if is_running else ExecutorState.REGISTERING


def _restore_task(agent: Agent, executor: Executor, kept: checkpoint.Task) -> None:
    task = Task(kept.info, executor.framework.id, executor.id, executor.is_command)
    # Whether the framework's own executor has a task is for it to say; the other executors are ours.
    delivered = executor.kind is not Kind.COMMAND or bool(kept.updates)
    told = min(len(kept.updates), kept.acknowledged - kept.first + 1)  # the oldest that is not acknowledged, too
    agent.state.restore_task(executor, task, kept.updates, told, delivered=delivered)
    if not kept.updates:
        return
    stream = Stream(executor.framework.id, task.id, executor.id, executor.container_id, True)
    stream.first = kept.first
    stream.seen = {status.uuid: None for status in kept.updates if status.uuid is not None}
    stream.pending.extend(kept.updates[kept.acknowledged - kept.first :])
    stream.closing = recovery.has_ended(kept)
    agent.updates.recover(stream)


# ---- going on


def _resume(agent: Agent, executor: Executor, running: Running, out: Frame) -> None:
    """What was under way for the executor is under way again."""
    virtual = paths.virtual_path(executor.framework.id, executor.id)
    out.send(words.DISK, words.AttachSandbox(executor.sandbox, paths.latest_link(executor.sandbox), virtual))
    if executor.is_over:
        endings.remove_if_over(agent, executor, out)
        return
    if executor.ends_at is not None:
        grace = specs.shutdown_grace_period(agent.options, executor.info)
        endings.end_by(agent, executor, min(executor.ends_at, out.now + grace), out)
    if executor.kind is Kind.DEFAULT:
        _resume_default(agent, executor, running, out)
        return
    container = running.get(executor.container_id)
    if container is None:
        return
    agent.update_container(executor, out)
    if executor.state is ExecutorState.REGISTERING and executor.kind is Kind.COMMAND:
        containers.launched(agent, executor, container.pid, out, container.network_infos, container.data)
        return
    containers.place(agent, executor, container.pid, container.network_infos)
    if isinstance(executor.builtin, CommandExecutor) and executor.launched:
        executor.builtin.resume(Hosting(agent, executor, out), is_signalled=container.is_signalled)


def _resume_default(agent: Agent, executor: Executor, running: Running, out: Frame) -> None:
    latest = paths.latest_link(executor.sandbox)
    out.send(
        words.CONTAINERS, words.MakeSandbox(executor.container_id, executor.sandbox, latest, executor.user)
    )
    agent.update_container(executor, out)
    containers.place(agent, executor, None)
    for container_id, task_id in executor.nested.items():
        container = running.get(container_id)
        if container is not None:
            task = executor.launched.get(task_id)
            if task is not None:
                entitled = words.UpdateContainer(container_id, task.info.resources, task.info.limits)
                out.send(words.CONTAINERS, entitled)
            networks = container.network_infos
            containers.place_nested(agent, executor, container_id, container.pid, out, networks)
    assert isinstance(executor.builtin, DefaultExecutor)
    host = Hosting(agent, executor, out)
    signalled = {one: running[one].is_signalled for one in executor.nested if one in running}
    executor.builtin.resume(host, signalled)
    endings.finish_if_done(agent, executor, host, out)
