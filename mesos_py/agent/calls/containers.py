"""What the containerizer reports: a container runs, could not be launched, is gone.

Mesos: src/slave/slave.cpp Slave::executorLaunched, Slave::executorTerminated; src/launcher/default_executor.cpp for
containers of tasks in a group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.agent import events, gc, paths, specs, words
from mesos_py.agent.calls import api_containers, descendants, endings
from mesos_py.agent.calls.api_containers import NOT_EXECUTED, STATUS_NOT_EXECUTED
from mesos_py.agent.containerizer import NO_SANDBOX
from mesos_py.agent.containerizer.docker.request import BAD_OPTIONS
from mesos_py.agent.containerizer.docker.tasks import is_docker
from mesos_py.agent.containerizer.isolators import network
from mesos_py.agent.entities import Executor
from mesos_py.agent.hosting import Hosting
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.executor.command import CommandExecutor
from mesos_py.executor.default import DefaultExecutor
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import SECOND, Nanos, value
from mesos_py.wire.checkpoint import Kind, Termination
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("containers")

Reason = TaskStatus.Reason

#: Other than the host's.
Networks = tuple[NetworkInfo, ...]

#: With it docker run exits when there is no such program in the container.
STATUS_NOT_RUN = 127 << 8

#: How it begins when a URI could not be fetched.
NOT_FETCHED = "Failed to fetch"

#: What an executor has said before its end may be read after that has been heard. Mesos has such a time, since it looks
#: for ends once in a while; 3rdparty/libprocess/include/process/reap.hpp MAX_REAP_INTERVAL.
LAST_WORDS: Nanos = 1 * SECOND


@value
class LastWordsHeard:
    """Nothing of what the executor had said can still be on its way."""

    exited: events.ContainerExited


@rows.on(events.ContainerLaunched)
def container_launched(agent: Agent, event: Event, out: Frame) -> None:
    """Its pid is known; a command task runs, a custom executor is awaited."""
    agent.state.count("containerizer/fetcher/task_fetches_succeeded")  # of none, as Mesos counts
    launch = event.body
    _launched(agent, launch.container_id, launch.pid, out, launch.network_infos, launch.data)


@rows.on(events.ContainerLaunchFailed)
def container_launch_failed(agent: Agent, event: Event, out: Frame) -> None:
    """Its tasks fail, or are dropped if there was not even a sandbox."""
    container_id, message = event.body.container_id, event.body.message
    container = agent.api_containers.by_key.get(container_id)
    if container is not None:
        api_containers.failed(agent, container, message, out)
        return
    executor = agent.state.containers.get(container_id)
    if message.startswith(NOT_EXECUTED):
        _launched(agent, container_id, None, out)
        of_docker = executor is not None and is_docker(executor.info.container)
        _exited(agent, container_id, STATUS_NOT_RUN if of_docker else STATUS_NOT_EXECUTED, "", out)
        return
    if message.startswith(NOT_FETCHED):
        agent.state.count("containerizer/fetcher/task_fetches_failed")
    if executor is None:
        _nested_failed(agent, container_id, message, out)
        return
    agent.state.count("slave/container_launch_errors")
    agent.state.end_with(executor, _launch_failure(executor, message))
    endings.bury(agent, executor, None, out)


@rows.on(events.DirectoryFailed)
def directory_failed(agent: Agent, event: Event, out: Frame) -> None:
    """An executor without a sandbox cannot run: its tasks count as never launched, what has begun is destroyed."""
    executor = agent.state.containers.get(event.body.container_id)
    if executor is None:
        return
    agent.state.count("slave/container_launch_errors")
    why = _launch_failure(executor, event.body.message)
    _end_tasks(agent, executor, why, out)
    endings.end_now(agent, executor, out)


@rows.on(events.ContainerLimited)
def container_limited(agent: Agent, event: Event, out: Frame) -> None:
    """It is destroyed, and its tasks end with what it took too much of."""
    limited = event.body
    why = Termination(
        state=TaskState.TASK_FAILED, reason=limited.reason, message=limited.message, resources=limited.resources
    )
    executor = agent.state.containers.get(limited.container_id)
    container = agent.api_containers.by_key.get(limited.container_id)
    if container is not None:
        api_containers.limited(agent, container, why, out)
    elif executor is None:
        _nested_limited(agent, limited.container_id, why, out)
    elif not executor.is_over:
        agent.state.end_with(executor, why)
        if executor.kind is Kind.DEFAULT:
            _end_tasks(agent, executor, why, out)
        endings.end_now(agent, executor, out)


@rows.on(events.ContainerExited)
def container_exited(agent: Agent, event: Event, out: Frame) -> None:
    """Nothing of the container runs: its tasks are settled, and then the containerizer may forget it."""
    exited: events.ContainerExited = event.body
    if _may_have_said_more(agent, exited.container_id):
        agent.timers.set(("last words", exited.container_id), out.now + LAST_WORDS, LastWordsHeard(exited))
    else:
        _settle(agent, exited, out)


@rows.on(LastWordsHeard)
def last_words_heard(agent: Agent, event: Event, out: Frame) -> None:
    """Tasks whose end it has not told fail with it."""
    _settle(agent, event.body.exited, out)


# ---- parts


def _settle(agent: Agent, exited: events.ContainerExited, out: Frame) -> None:
    agent.state.settle(exited.container_id, exited.usage)
    _exited(agent, exited.container_id, exited.status, exited.message, out)
    out.send(words.CONTAINERS, words.AcknowledgeExit(exited.container_id))


def _may_have_said_more(agent: Agent, container_id: str) -> bool:
    """A framework's own executor that has ended by itself, with tasks of which it has told no end.

    It may have told that and not waited for the answer. A connection of its own brings its calls, so they are read in
    a turn of the loop after the one in which the supervisor says that it has exited.
    """
    executor = agent.state.containers.get(container_id)
    return (
        executor is not None
        and executor.kind is Kind.CUSTOM
        and executor.state in (ExecutorState.RUNNING, ExecutorState.TERMINATING)
        and executor.termination is None
        and not executor.framework.terminating
        and bool(executor.launched)
    )


def _launched(
    agent: Agent, container_id: str, pid: int | None, out: Frame, networks: Networks = (), data: bytes | None = None
) -> None:
    executor = agent.state.containers.get(container_id)
    container = agent.api_containers.by_key.get(container_id)
    if container is not None:
        api_containers.launched(agent, container, pid, out, networks)
    elif executor is None:
        _nested_launched(agent, container_id, pid, out, networks)
    else:
        launched(agent, executor, pid, out, networks, data)


def launched(
    agent: Agent, executor: Executor, pid: int | None, out: Frame, networks: Networks = (), data: bytes | None = None
) -> None:
    """Its process runs; a command task says so."""
    container_id = executor.container_id
    place(agent, executor, pid, networks)
    agent.save(executor, out)
    if executor.state is ExecutorState.REGISTERING and isinstance(executor.builtin, CommandExecutor):
        agent.timers.cancel(("registration", container_id))
        agent.state.turn_executor(executor, ExecutorState.RUNNING, out)
        for task in list(executor.queued.values()):
            agent.state.deliver_task(executor, task)
        host = Hosting(agent, executor, out)
        executor.builtin.started(host, data)
        if host.finished:
            agent.state.end_with(executor, endings.terminated("Executor terminated"))
            endings.end_now(agent, executor, out)


def place(agent: Agent, executor: Executor, pid: int | None, networks: Networks = ()) -> None:
    """From now on its tasks' statuses say where it runs; without ``networks`` of its own it is in the agent's."""
    status = ContainerStatus(
        network_infos=networks or agent.network_infos,
        executor_pid=pid,
        container_id=ContainerID(value=executor.container_id),
    )
    agent.state.place_executor(executor, pid, status)


def place_nested(
    agent: Agent, executor: Executor, container_id: str, pid: int | None, out: Frame, networks: Networks = ()
) -> None:
    """The same of a task in a group, which can also be found by its name; its executor is where it is."""
    parent = ContainerID(value=executor.container_id)
    status = ContainerStatus(
        network_infos=networks or agent.network_infos,
        executor_pid=pid,
        container_id=ContainerID(value=container_id, parent=parent),
    )
    agent.state.place_nested(container_id, status)
    task = executor.task(executor.nested[container_id])
    if networks and (task is None or not network.named(task.info.container)):
        place(agent, executor, executor.pid, networks)
    out.send(words.DISK, words.LinkTask(executor.sandbox, executor.nested[container_id], container_id))


def _exited(agent: Agent, container_id: str, status: int | None, message: str, out: Frame) -> None:
    executor = agent.state.containers.get(container_id)
    container = agent.api_containers.by_key.get(container_id)
    if container is not None:
        api_containers.exited(agent, container, status, out)
    elif executor is None:
        _nested_exited(agent, container_id, status, out)
    else:
        if message and executor.kind is Kind.CUSTOM:
            agent.state.end_with(executor, endings.terminated(message))
        elif executor.recovered and executor.pid is None and not message:
            _ended_unseen(agent, executor, status, out)
        if isinstance(executor.builtin, CommandExecutor) and executor.launched and executor.termination is None:
            executor.builtin.exited(Hosting(agent, executor, out), container_id, status, message)
        endings.bury(agent, executor, status, out)


def _ended_unseen(agent: Agent, executor: Executor, status: int | None, out: Frame) -> None:
    """It ran and ended while no agent was there, or nobody knows that it ever ran."""
    if status is None:
        agent.state.end_with(executor, _launch_failure(executor, specs.UNKNOWN_CONTAINER))
    elif executor.kind is Kind.COMMAND and executor.state is ExecutorState.REGISTERING:
        launched(agent, executor, None, out)


def _launch_failure(executor: Executor, message: str) -> Termination:
    if message.startswith(NO_SANDBOX):
        return evolve(endings.terminated(message), state=executor.framework.dropped())
    if message == specs.UNKNOWN_CONTAINER:
        return endings.terminated(f"Abnormal executor termination: {message}")
    if message.startswith(BAD_OPTIONS):  # as mesos-docker-executor says it, which runs by then
        return Termination(
            state=TaskState.TASK_FAILED, reason=Reason.REASON_CONTAINER_LAUNCH_FAILED, message=message
        )
    return Termination(
        state=TaskState.TASK_FAILED,
        reason=Reason.REASON_CONTAINER_LAUNCH_FAILED,
        message=f"Failed to launch container: {message}",
    )


def _nested_launched(
    agent: Agent, container_id: str, pid: int | None, out: Frame, networks: Networks
) -> None:
    executor = agent.state.nested.get(container_id)
    if executor is None:
        # Nobody wants it any more.
        out.send(words.CONTAINERS, words.DestroyContainer(container_id))
        return
    place_nested(agent, executor, container_id, pid, out, networks)
    assert isinstance(executor.builtin, DefaultExecutor)
    executor.builtin.launched(Hosting(agent, executor, out), container_id)


def _nested_failed(agent: Agent, container_id: str, message: str, out: Frame) -> None:
    executor = agent.state.nested.get(container_id)
    if executor is None:
        return
    agent.state.count("slave/container_launch_errors")
    agent.state.unnest(container_id)
    gc.give_up_nested(agent, paths.nested_sandbox(executor.sandbox, container_id), out)
    descendants.ended(agent, container_id, descendants.termination(None, message=message), out)
    assert isinstance(executor.builtin, DefaultExecutor)
    host = Hosting(agent, executor, out)
    executor.builtin.launch_failed(host, container_id, f"Failed to launch container: {message}")
    endings.finish_if_done(agent, executor, host, out)


def _nested_limited(agent: Agent, container_id: str, why: Termination, out: Frame) -> None:
    """Its executor destroys it, and ends the rest of the group with it."""
    executor = agent.state.nested.get(container_id)
    if executor is not None:
        assert isinstance(executor.builtin, DefaultExecutor)
        executor.builtin.limited(Hosting(agent, executor, out), container_id, why)


def _end_tasks(agent: Agent, executor: Executor, why: Termination, out: Frame) -> None:
    for task in (*executor.launched.values(), *executor.queued.values()):
        agent.end_task(executor, task, why.state, why.reason, why.message, out, exceeded=why.resources)


def _nested_exited(agent: Agent, container_id: str, status: int | None, out: Frame) -> None:
    executor = agent.state.nested.get(container_id)
    if executor is None:
        return
    agent.state.unnest(container_id)
    gc.give_up_nested(agent, paths.nested_sandbox(executor.sandbox, container_id), out)
    descendants.ended(agent, container_id, descendants.termination(status), out)
    assert isinstance(executor.builtin, DefaultExecutor)
    host = Hosting(agent, executor, out)
    executor.builtin.exited(host, container_id, status)
    endings.finish_if_done(agent, executor, host, out)
