"""What must survive a restart of the agent: written before anything that follows from it is said.

Each fact says what a record is from now on, or that it is not needed any more; so facts need no memory to be carried
out, and the last of two about the same thing counts. Those about an executor and its tasks are written only for
frameworks with ``checkpoint``; the others' executors do not outlive the agent. ``records`` makes records of them.
Mesos: src/slave/paths.hpp; which file stands for the same there is told in each docstring.
"""

from __future__ import annotations

from mesos_py.machine.values import value
from mesos_py.wire import checkpoint
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import FrameworkID, TaskID
from mesos_py.wire.task import TaskInfo, TaskStatus


@value
class AgentAdmitted:
    """slave.info and the link ``latest``: the master has given us our id."""

    info: AgentInfo


@value
class AgentForgotten:
    """The link ``latest`` goes: a later agent here is another one."""


@value
class FrameworkSaved:
    """framework.info."""

    framework_id: FrameworkID
    info: FrameworkInfo
    terminating: bool


@value
class FrameworkForgotten:
    """Nothing of the framework is left here but sandboxes."""

    framework_id: FrameworkID


@value
class ExecutorSaved:
    """executor.info, forked.pid and executor.sentinel."""

    framework_id: FrameworkID
    #: without its tasks
    executor: checkpoint.Executor


@value
class ExecutorForgotten:
    """The run is history."""

    framework_id: FrameworkID
    container_id: str


@value
class TaskSaved:
    """task.info of a task that is about to be launched."""

    framework_id: FrameworkID
    container_id: str
    task: TaskInfo


@value
class ProgressSaved:
    """Mesos has it in the memory of its executors, which outlive the agent."""

    framework_id: FrameworkID
    container_id: str
    task_id: TaskID
    progress: checkpoint.Progress


@value
class TaskForgotten:
    """The task is history."""

    framework_id: FrameworkID
    container_id: str
    task_id: TaskID


@value
class UpdateReceived:
    """A record of task.updates: this status is to be delivered."""

    framework_id: FrameworkID
    container_id: str
    task_id: TaskID
    #: the task's updates are numbered from 0 on
    number: int
    status: TaskStatus


@value
class UpdatesAcknowledged:
    """A record of task.updates: the framework has all updates before ``count``."""

    framework_id: FrameworkID
    container_id: str
    task_id: TaskID
    count: int


@value
class UpdatesForgotten:
    """Updates from ``first`` to before ``end`` are of no use any more; with ``is_all`` there are no others."""

    framework_id: FrameworkID
    container_id: str
    task_id: TaskID
    first: int
    end: int
    is_all: bool


@value
class ContainerSaved:
    """What Mesos has in its runtime directory of a nested or standalone container."""

    container: checkpoint.Container


@value
class ContainerForgotten:
    """It was removed, or went with the one it was nested in."""

    key: str
