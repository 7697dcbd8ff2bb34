"""Facts about what has changed in an agent: for logs, journal and counters. None of them is said to anybody."""

from __future__ import annotations

from mesos_py.machine.values import value
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.task import TaskState, TaskStatus


@value
class Registered:
    agent_id: AgentID
    #: the master knew us already
    again: bool


@value
class Disconnected:
    """The master is not there, or has not admitted us yet."""

    why: str


@value
class FrameworkAdded:
    framework_id: FrameworkID


@value
class FrameworkRemoved:
    framework_id: FrameworkID


@value
class ExecutorAdded:
    framework_id: FrameworkID
    executor_id: ExecutorID
    container_id: str


@value
class ExecutorTurned:
    """The executor has entered another state."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    state: str


@value
class ExecutorRemoved:
    framework_id: FrameworkID
    executor_id: ExecutorID


@value
class TaskAdded:
    framework_id: FrameworkID
    task_id: TaskID


@value
class TaskUpdated:
    framework_id: FrameworkID
    task_id: TaskID
    state: TaskState
    reason: TaskStatus.Reason | None
    message: str | None


@value
class CheckUnanswered:
    """A check of a task had no result, and not for want of us."""

    framework_id: FrameworkID
    task_id: TaskID
    what: str
    why: str


@value
class Refused:
    """Something a peer sent was not acted upon."""

    what: str
    framework_id: FrameworkID | None
    task_id: TaskID | None
    why: str
