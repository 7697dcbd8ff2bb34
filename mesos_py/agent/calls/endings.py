"""How executors end: told to shut down, destroyed, buried; then they, and their frameworks, are history.

::

    shut_down --> SHUTDOWN --exits by itself-----------------> bury --tasks acknowledged--> history
                     '-- grace period over --> destroy --exit---^

Mesos: src/slave/slave.cpp Slave::_shutdownExecutor, executorTerminated, removeExecutor, removeFramework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.agent import gc, specs, words
from mesos_py.agent.calls import descendants
from mesos_py.agent.checkpoint import facts
from mesos_py.agent.entities import Executor, Framework, Task
from mesos_py.agent.hosting import Hosting
from mesos_py.agent.lifecycle import EXECUTOR, TERMINAL, Action, ExecutorEvent, ExecutorState
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos, value
from mesos_py.wire import executor_api, internal
from mesos_py.wire.checkpoint import Kind, Termination
from mesos_py.wire.ids import ExecutorID, FrameworkID
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("ends of executors")

Reason = TaskStatus.Reason
SHUTDOWN = executor_api.Event(type=executor_api.Event.Type.SHUTDOWN)


@value
class ShutdownOverdue:
    """The executor has not ended within its shutdown grace period."""

    container_id: str


@rows.on(ShutdownOverdue)
def shutdown_overdue(agent: Agent, event: Event, out: Frame) -> None:
    """The container is destroyed."""
    executor = agent.state.containers.get(event.body.container_id)
    if executor is not None and executor.state is ExecutorState.TERMINATING:
        destroy(agent, executor, out)


def shut_down(agent: Agent, executor: Executor, out: Frame) -> None:
    """Tell it to end, and end it when its grace period is over."""
    before = executor.state
    state, action = EXECUTOR[before, ExecutorEvent.SHUTDOWN]
    if action is not Action.SHUT_DOWN:
        return
    agent.state.turn_executor(executor, state, out)
    agent.timers.cancel(("registration", executor.container_id))
    grace = specs.shutdown_grace_period(agent.options, executor.info)
    end_by(agent, executor, out.now + grace, out)
    if executor.builtin is not None:
        if executor.kind is Kind.COMMAND and before is ExecutorState.REGISTERING:
            end_now(agent, executor, out)  # nothing runs that could be told
            return
        host = Hosting(agent, executor, out)
        executor.builtin.shutdown(host, grace)
        finish_if_done(agent, executor, host, out)
    elif executor.peer is not None:
        out.send(executor.peer, SHUTDOWN)


def end_by(agent: Agent, executor: Executor, at: Nanos, out: Frame) -> None:
    """Its container is destroyed then, by this agent or the next, unless it has ended before."""
    agent.state.end_by(executor, at)
    agent.save(executor, out)
    container_id = executor.container_id
    agent.timers.set(("shutdown", container_id), at, ShutdownOverdue(container_id))


def end_now(agent: Agent, executor: Executor, out: Frame) -> None:
    """Its container is destroyed; so it would be by the next agent."""
    agent.state.end_by(executor, out.now)
    agent.save(executor, out)
    destroy(agent, executor, out)


def destroy(agent: Agent, executor: Executor, out: Frame) -> None:
    """Its container, or what is left of its tasks' containers, is destroyed; the exit will be reported."""
    if executor.kind is Kind.DEFAULT:
        for container_id in executor.nested:
            out.send(words.CONTAINERS, words.DestroyContainer(container_id))
    else:
        out.send(words.CONTAINERS, words.DestroyContainer(executor.container_id))


def finish_if_done(agent: Agent, executor: Executor, host: Hosting, out: Frame) -> None:
    """A default executor that has said so has ended; it has no process that could exit."""
    if host.finished and executor.kind is Kind.DEFAULT:
        bury(agent, executor, 0, out)


def bury(agent: Agent, executor: Executor, status: int | None, out: Frame) -> None:
    """Nothing of the executor runs any more: its unfinished tasks end, the master is told, history begins."""
    state, action = EXECUTOR[executor.state, ExecutorEvent.EXIT]
    if action is not Action.BURY:
        return
    framework = executor.framework
    for name in ("registration", "shutdown", "heartbeat"):
        agent.timers.cancel((name, executor.container_id))
    why = executor.termination or terminated("Executor terminated")
    if not framework.terminating:
        for task in (*executor.launched.values(), *executor.queued.values()):
            agent.end_task(executor, task, why.state, why.reason, why.message, out, exceeded=why.resources)
    elif framework.awaited:
        _tell_master(agent, executor, out)
    agent.state.turn_executor(executor, state, out)
    descendants.ended(agent, executor.container_id, descendants.termination(status, executor.termination), out)
    if executor.peer is not None:
        out.close(executor.peer)
        agent.state.connect_executor(executor, None)
    if executor.kind is not Kind.COMMAND:
        send_exited(agent, framework.id, executor.id, -1 if status is None else status, out)
    agent.save(executor, out)
    if executor.kind is Kind.DEFAULT:
        out.send(words.CONTAINERS, words.DestroyContainer(executor.container_id))  # what its tasks' containers shared
    remove_if_over(agent, executor, out)


def _tell_master(agent: Agent, executor: Executor, out: Frame) -> None:
    """The framework is over, and nobody acknowledges anything; but its tasks are not under way any more.

    Mesos says nothing here, and a master that did not see the teardown takes them for alive as long as we are.
    """
    why, message = Reason.REASON_FRAMEWORK_REMOVED, f"Framework {executor.framework.id} removed"
    for task in (*executor.launched.values(), *executor.queued.values(), *executor.terminated.values()):
        state = task.state if task.state in TERMINAL else TaskState.TASK_KILLED
        agent.tell_once(executor, task, state, why, message, out)


def terminated(message: str) -> Termination:
    """The executor is gone, and with it its tasks."""
    return Termination(state=TaskState.TASK_FAILED, reason=Reason.REASON_EXECUTOR_TERMINATED, message=message)


def remove_if_over(agent: Agent, executor: Executor, out: Frame) -> None:
    """An executor that has ended and whose tasks' ends are acknowledged is history."""
    framework = executor.framework
    if not executor.is_over or (executor.terminated and not framework.terminating):
        return
    for tasks in (executor.queued, executor.launched, executor.terminated):
        for task in tasks.values():
            forget_task(executor, task, out)
    if executor.checkpoint:
        out.write(facts.ExecutorForgotten(framework.id, executor.container_id))
    agent.state.remove_executor(executor, out)
    gc.give_up(agent, executor, out)
    remove_idle_framework(agent, framework, out)


def forget_task(executor: Executor, task: Task, out: Frame) -> None:
    """The task is history for later agents, too."""
    if executor.checkpoint:
        out.write(facts.TaskForgotten(executor.framework.id, executor.container_id, task.id))


def remove_idle_framework(agent: Agent, framework: Framework, out: Frame) -> None:
    """A framework with nothing left here is history; after the master's shutdown the process ends with the last."""
    if framework.executors or framework.id not in agent.state.frameworks:
        return
    agent.state.remove_framework(framework, out)
    if framework.info.checkpoint:
        out.write(facts.FrameworkForgotten(framework.id))
    if agent.registration.ordered_down and not agent.state.frameworks:
        out.send(words.PROCESS, words.Exit(None))


def send_exited(agent: Agent, framework_id: FrameworkID, executor_id: ExecutorID, status: int, out: Frame) -> None:
    """Tell the master, if there is one; one that comes later sees it from our report."""
    peer = agent.updates.peer
    if peer is not None:
        exited = internal.ExitedExecutor(framework_id=framework_id, executor_id=executor_id, status=status)
        out.send(peer, exited)
