"""The master wants tasks killed.

A task that is not delivered yet is killed by the agent itself, a group as a whole; one that is, by its executor.

Mesos: src/slave/slave.cpp Slave::killTask, Slave::kill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.agent.calls import endings
from mesos_py.agent.entities import Executor, Framework
from mesos_py.agent.hosting import Hosting
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.executor.command import CommandExecutor
from mesos_py.executor.default import DefaultExecutor
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.wire import executor_api, internal
from mesos_py.wire.ids import TaskID
from mesos_py.wire.task import KillPolicy, TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("kills")

Said = executor_api.Event
Reason = TaskStatus.Reason

NOT_DELIVERED = "Killed before delivery to the executor"
GROUP_NOT_DELIVERED = "A task within the task group was killed before delivery to the executor"
NO_EXECUTOR = "Cannot find executor"


@rows.on(internal.KillTask)
def kill_task(agent: Agent, event: Event, out: Frame) -> None:
    """The task is killed, being killed, or said to be unknown."""
    message: internal.KillTask = event.body
    framework = agent.state.frameworks.get(message.framework_id)
    if not agent.hears(event) or framework is None or framework.terminating:
        return
    executor = _executor_of(framework, message.task_id)
    if executor is None:
        _unknown(agent, framework, message.task_id, out)
    elif message.task_id in executor.queued:
        _kill_queued(agent, executor, message.task_id, out)
    elif executor.state in (ExecutorState.REGISTERING, ExecutorState.RUNNING):
        _kill_launched(agent, executor, message.task_id, message.kill_policy, out)


def _executor_of(framework: Framework, task_id: TaskID) -> Executor | None:
    executor = framework.executors.get(task_id)  # type: ignore[call-overload]  # a command task's executor is named so
    if executor is not None and executor.task(task_id) is not None:
        return executor  # type: ignore[no-any-return]
    for executor in framework.executors.values():
        if executor.task(task_id) is not None:
            return executor
    return None


def _unknown(agent: Agent, framework: Framework, task_id: TaskID, out: Frame) -> None:
    """Dropped, unless it ended here and the kill has crossed the acknowledgement of that."""
    runs = (*framework.executors.values(), *framework.completed_executors)
    if (framework.id, task_id) in agent.state.dropped or any(executor.was_completed(task_id) for executor in runs):
        return
    agent.drop(framework.id, task_id, None, framework.dropped(), Reason.REASON_EXECUTOR_TERMINATED, NO_EXECUTOR, out)


def _kill_queued(agent: Agent, executor: Executor, task_id: TaskID, out: Frame) -> None:
    tasks = [executor.queued[task_id]]
    text = NOT_DELIVERED
    for group in executor.queued_groups:
        if any(task.task_id == task_id for task in group.tasks):
            tasks = [executor.queued[task.task_id] for task in group.tasks]
            if executor.state is not ExecutorState.RUNNING:
                text = GROUP_NOT_DELIVERED
            agent.state.unqueue_group(executor, group)
            break
    for task in tasks:
        agent.end_task(executor, task, TaskState.TASK_KILLED, Reason.REASON_TASK_KILLED_DURING_LAUNCH, text, out)
    if not executor.ever_delivered and not executor.queued:
        endings.shut_down(agent, executor, out)


def _kill_launched(agent: Agent, executor: Executor, task_id: TaskID, policy: KillPolicy | None, out: Frame) -> None:
    builtin = executor.builtin
    if isinstance(builtin, CommandExecutor):
        builtin.kill(Hosting(agent, executor, out), policy)
    elif isinstance(builtin, DefaultExecutor):
        host = Hosting(agent, executor, out)
        builtin.kill(host, task_id, policy)
        endings.finish_if_done(agent, executor, host, out)
    elif executor.peer is not None:
        out.send(executor.peer, Said(type=Said.Type.KILL, kill=Said.Kill(task_id=task_id, kill_policy=policy)))
    else:
        agent.state.remember_kill(executor, task_id, policy)
