"""What a status says of a task, and what its tasks make of an instance. Pure functions.

Source: mesosphere/marathon .../core/condition/Condition.scala, .../core/task/TaskStatusMapping (TaskConditionMapping),
.../core/instance/Instance.scala conditionHierarchy.
"""

from __future__ import annotations

from collections.abc import Iterable

from frameworks.marathon_py.instances.instance import Condition
from mesos_py.wire.task import TaskState, TaskStatus

_OF_STATE = {
    TaskState.TASK_STAGING: Condition.STAGING,
    TaskState.TASK_STARTING: Condition.STARTING,
    TaskState.TASK_RUNNING: Condition.RUNNING,
    TaskState.TASK_KILLING: Condition.KILLING,
    TaskState.TASK_UNREACHABLE: Condition.UNREACHABLE,
    TaskState.TASK_FINISHED: Condition.FINISHED,
    TaskState.TASK_FAILED: Condition.FAILED,
    TaskState.TASK_ERROR: Condition.ERROR,
    TaskState.TASK_KILLED: Condition.KILLED,
    TaskState.TASK_GONE: Condition.GONE,
    TaskState.TASK_GONE_BY_OPERATOR: Condition.GONE,
    TaskState.TASK_DROPPED: Condition.DROPPED,
    TaskState.TASK_UNKNOWN: Condition.UNKNOWN,
}

Reason = TaskStatus.Reason
#: of TASK_LOST, which a master says that does not know better: the agent may come back with the task
_MAY_COME_BACK = (Reason.REASON_RECONCILIATION, Reason.REASON_AGENT_DISCONNECTED, Reason.REASON_AGENT_REMOVED)
_UNKNOWN_TEXT = "Reconciliation: Task is unknown to the"

#: the first of these that a task has is what the instance has
PRECEDENCE = (
    Condition.ERROR, Condition.FAILED, Condition.GONE, Condition.DROPPED, Condition.UNREACHABLE, Condition.KILLING,
    Condition.STARTING, Condition.STAGING, Condition.UNKNOWN, Condition.PROVISIONED, Condition.RUNNING,
    Condition.FINISHED, Condition.KILLED,
)  # fmt: skip


def condition_of(status: TaskStatus) -> Condition:
    """The condition of a task of which this was heard."""
    if status.state is not TaskState.TASK_LOST:
        return _OF_STATE[status.state]
    if (status.message or "").startswith(_UNKNOWN_TEXT) or status.reason is Reason.REASON_TASK_UNKNOWN:
        return Condition.UNKNOWN
    return Condition.UNREACHABLE if status.reason in _MAY_COME_BACK else Condition.GONE


def together(conditions: Iterable[Condition]) -> Condition:
    """The condition of an instance whose tasks have these; there is at least one."""
    present = dict.fromkeys(conditions)
    return next(one for one in PRECEDENCE if one in present)

