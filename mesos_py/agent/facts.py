"""What must survive a restart of the agent: written before anything that follows from it is said.

Facts about an executor and its tasks are written only for frameworks with ``checkpoint``; the others' executors do
not outlive the agent. What Mesos keeps in which file is told in each docstring (Mesos: src/slave/paths.hpp).
"""

from __future__ import annotations

from mesos_py.machine.values import value
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.task import TaskInfo, TaskStatus


@value
class AgentAdmitted:
    """slave.info and the link ``latest``: the master has given us our id."""

    agent_id: AgentID
    info: AgentInfo


@value
class FrameworkSaved:
    """framework.info."""

    framework_id: FrameworkID
    info: FrameworkInfo


@value
class ExecutorSaved:
    """executor.info, the run's directory, and executor.generated if it was made for a command task."""

    framework_id: FrameworkID
    info: ExecutorInfo
    container_id: str
    generated: bool


@value
class TaskSaved:
    """task.info of a task that is about to be launched."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    container_id: str
    task: TaskInfo


@value
class ContainerForked:
    """forked.pid. A task's own container names its executor's as ``parent_id``."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    container_id: str
    parent_id: str | None
    #: the task of a nested container
    task_id: TaskID | None
    pid: int


@value
class ExecutorSubscribed:
    """http.marker: the executor speaks HTTP and will come back by itself."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    container_id: str


@value
class ExecutorEnded:
    """executor.sentinel: nothing of this run is alive."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    container_id: str


@value
class UpdateReceived:
    """A record of task.updates: this status is to be delivered."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    container_id: str
    task_id: TaskID
    status: TaskStatus


@value
class UpdateAcknowledged:
    """A record of task.updates: the framework has it."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    container_id: str
    task_id: TaskID
    uuid: bytes


@value
class FrameworkForgotten:
    """Nothing of the framework is left here but sandboxes."""

    framework_id: FrameworkID
