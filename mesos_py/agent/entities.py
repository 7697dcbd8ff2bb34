"""What an agent knows, one class for each thing: frameworks, runs of executors, tasks.

They only hold; ``state.py`` is the only code that changes them and keeps the indexes over them.
Mesos: src/slave/slave.hpp, classes Framework and Executor.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

from mesos_py.agent.demand import Demand
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.agent.options import MAX_COMPLETED_TASKS_PER_EXECUTOR
from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import PeerID
from mesos_py.machine.usage import Usage
from mesos_py.machine.values import DERIVED, Nanos
from mesos_py.wire.checkpoint import Executor as Record
from mesos_py.wire.checkpoint import Kind, Termination
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.task import KillPolicy, TaskGroupInfo, TaskInfo, TaskState, TaskStatus
from mesos_py.wire.task import Task as WireTask

if TYPE_CHECKING:
    from mesos_py.executor.command import CommandExecutor
    from mesos_py.executor.default import DefaultExecutor

CAPABLE_OF_KILLING: Final = FrameworkInfo.Capability.Type.TASK_KILLING_STATE
PARTITION_AWARE: Final = FrameworkInfo.Capability.Type.PARTITION_AWARE


@attrs.define(eq=False)
class Task:
    """One task. ``info`` stays what the framework sent; everything else is what became of it."""

    info: TaskInfo
    framework_id: FrameworkID
    #: the executor that runs it; a command task's is shown to nobody
    executor_id: ExecutorID
    is_command: bool
    state: TaskState = TaskState.TASK_STAGING
    #: history; consecutive statuses of one state are collapsed to the last
    statuses: tuple[TaskStatus, ...] = ()
    #: of the last update that left for the master; older than ``state`` while others wait behind it
    status_update_state: TaskState | None = None
    status_update_uuid: bytes | None = None
    _wire: WireTask | None = attrs.field(default=None, metadata=DERIVED)

    @property
    def id(self) -> TaskID:
        return self.info.task_id

    def wire(self) -> WireTask:
        """The task as the API shows it; made when first asked for after a change."""
        if self._wire is None:
            info = self.info
            container = info.container
            if container is None and info.executor is not None:
                container = info.executor.container
            self._wire = WireTask(
                name=info.name,
                task_id=info.task_id,
                framework_id=self.framework_id,
                executor_id=None if self.is_command else self.executor_id,
                agent_id=info.agent_id,
                state=self.state,
                resources=info.resources,
                statuses=self.statuses,
                status_update_state=self.status_update_state,
                status_update_uuid=self.status_update_uuid,
                labels=info.labels,
                discovery=info.discovery,
                container=container,
                user=info.command.user if info.command is not None else None,
                health_check=info.health_check,
                kill_policy=info.kill_policy,
                limits=info.limits,
            )
        return self._wire


@attrs.define(eq=False)
class Executor:
    """One run of an executor: it lives and dies with its container."""

    framework: Framework
    info: ExecutorInfo
    kind: Kind
    container_id: str
    #: absolute path of its sandbox
    sandbox: str
    #: unix user it runs as
    user: str | None
    state: ExecutorState = ExecutorState.REGISTERING
    #: its event stream, while there is one
    peer: PeerID | None = None
    #: the executor itself, when we are it; None for CUSTOM
    builtin: CommandExecutor | DefaultExecutor | None = None
    pid: int | None = None
    #: what its tasks' statuses say about the container
    container_status: ContainerStatus | None = None
    queued: dict[TaskID, Task] = attrs.Factory(dict)
    #: groups with all their members still queued
    queued_groups: list[TaskGroupInfo] = attrs.Factory(list)
    launched: dict[TaskID, Task] = attrs.Factory(dict)
    terminated: dict[TaskID, Task] = attrs.Factory(dict)
    completed: deque[Task] = attrs.Factory(lambda: deque(maxlen=MAX_COMPLETED_TASKS_PER_EXECUTOR))
    #: a task was delivered to it at least once
    ever_delivered: bool = False
    #: what a former agent left; whether its tasks have arrived is for it to say
    recovered: bool = False
    #: told to end, and ended by force then
    ends_at: Nanos | None = None
    termination: Termination | None = None
    #: of a command task that has exited, to be told with its end; None: not known
    usage: Usage | None = None
    #: likewise of tasks in groups, until their ends are told
    task_usage: dict[TaskID, Usage] = attrs.Factory(dict)
    #: kills that came while it had no stream
    kills: dict[TaskID, KillPolicy | None] = attrs.Factory(dict)
    #: nested containers of its tasks
    nested: dict[str, TaskID] = attrs.Factory(dict)
    #: of those that run
    nested_status: dict[str, ContainerStatus] = attrs.Factory(dict)
    #: of it and its unfinished tasks
    demand: Demand = attrs.Factory(lambda self: Demand.of(self.info), takes_self=True)

    @property
    def id(self) -> ExecutorID:
        return self.info.executor_id

    @property
    def is_command(self) -> bool:
        return self.kind is Kind.COMMAND

    @property
    def checkpoint(self) -> bool:
        return self.framework.info.checkpoint

    def task(self, task_id: TaskID) -> Task | None:
        """A task that is not history yet."""
        return self.launched.get(task_id) or self.queued.get(task_id) or self.terminated.get(task_id)

    def was_completed(self, task_id: TaskID) -> bool:
        return any(task.info.task_id == task_id for task in self.completed)

    @property
    def is_over(self) -> bool:
        return self.state is ExecutorState.TERMINATED

    @property
    def is_idle(self) -> bool:
        """No task of it is left that anybody waits for."""
        return not self.queued and not self.launched and not self.terminated

    def record(self) -> Record:
        """What of it survives, without its tasks."""
        return Record(
            info=self.info,
            kind=self.kind,
            container_id=self.container_id,
            user=self.user,
            pid=self.pid,
            ends_at=self.ends_at,
            termination=self.termination,
            ended=self.is_over,
        )

    def used(self) -> Resources:
        """What the executor and its unfinished tasks may use."""
        return self.demand.used


@attrs.define(eq=False)
class Framework:
    """A framework with something on this agent, or with history here."""

    info: FrameworkInfo
    executors: dict[ExecutorID, Executor]
    #: ended runs, oldest first
    completed_executors: deque[Executor]
    #: being torn down: its executors are told to end, its tasks' updates interest nobody
    terminating: bool = False
    #: a master that did not do that knows its tasks from our report, and waits for their ends
    awaited: bool = False
    capabilities: frozenset[FrameworkInfo.Capability.Type] = frozenset()

    @property
    def id(self) -> FrameworkID:
        assert self.info.id is not None
        return self.info.id

    @property
    def is_partition_aware(self) -> bool:
        return PARTITION_AWARE in self.capabilities

    @property
    def takes_killing(self) -> bool:
        return CAPABLE_OF_KILLING in self.capabilities

    def dropped(self) -> TaskState:
        """What a task becomes that was never launched."""
        return TaskState.TASK_DROPPED if self.is_partition_aware else TaskState.TASK_LOST

    def gone(self) -> TaskState:
        return TaskState.TASK_GONE if self.is_partition_aware else TaskState.TASK_LOST
