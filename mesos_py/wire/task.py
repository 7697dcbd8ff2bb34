"""Tasks: asked for (TaskInfo), as master and agent know them (Task), and what became of them (TaskStatus).

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo, ContainerStatus
from mesos_py.wire.discovery import DiscoveryInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.health import CheckInfo, CheckStatusInfo, HealthCheck
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.resource import Resource, TaskResourceLimitation
from mesos_py.wire.schema import WireEnum, mapping, message, opt, rep, req
from mesos_py.wire.value import DurationInfo, Labels, TimeInfo, Value


class TaskState(WireEnum):
    """Where a task is in its life. Terminal: FINISHED, FAILED, KILLED, LOST, ERROR, DROPPED, GONE, GONE_BY_OPERATOR."""

    TASK_STARTING = 0
    TASK_RUNNING = 1
    TASK_FINISHED = 2
    TASK_FAILED = 3
    TASK_KILLED = 4
    TASK_LOST = 5
    TASK_STAGING = 6
    TASK_ERROR = 7
    TASK_KILLING = 8
    TASK_DROPPED = 9
    TASK_UNREACHABLE = 10
    TASK_GONE = 11
    TASK_GONE_BY_OPERATOR = 12
    TASK_UNKNOWN = 13


@message
class KillPolicy:
    """How a task is killed."""

    #: SIGTERM -> SIGKILL (docker stop --time)
    grace_period: DurationInfo | None = opt(1)


@message
class TaskInfo:
    """A task as its framework wants it."""

    name: str = req(1)
    task_id: TaskID = req(2)
    agent_id: AgentID = req(3)
    resources: tuple[Resource, ...] = rep(4)
    #: keys cpus/mem only; "Infinity" allowed
    limits: Mapping[str, Value.Scalar] = mapping(15)
    #: exactly one of executor/command (LAUNCH)
    executor: ExecutorInfo | None = opt(5)
    command: CommandInfo | None = opt(7)
    container: ContainerInfo | None = opt(9)
    health_check: HealthCheck | None = opt(8)
    check: CheckInfo | None = opt(13)
    kill_policy: KillPolicy | None = opt(12)
    data: bytes | None = opt(6)
    labels: Labels | None = opt(10)
    discovery: DiscoveryInfo | None = opt(11)
    #: then TASK_FAILED + REASON_MAX_COMPLETION_TIME_REACHED
    max_completion_time: DurationInfo | None = opt(14)


@message
class TaskGroupInfo:
    """Tasks that start together, in one executor, or not at all."""

    tasks: tuple[TaskInfo, ...] = rep(1)


@message
class TaskStatus:
    """News of a task."""

    class Source(WireEnum):
        SOURCE_MASTER = 0
        SOURCE_AGENT = 1
        SOURCE_EXECUTOR = 2

    class Reason(WireEnum):
        """Why; the legacy endpoints say SLAVE where these names say AGENT."""

        REASON_COMMAND_EXECUTOR_FAILED = 0
        REASON_EXECUTOR_TERMINATED = 1
        REASON_EXECUTOR_UNREGISTERED = 2
        REASON_FRAMEWORK_REMOVED = 3
        REASON_GC_ERROR = 4
        REASON_INVALID_FRAMEWORKID = 5
        REASON_INVALID_OFFERS = 6
        REASON_MASTER_DISCONNECTED = 7
        REASON_CONTAINER_LIMITATION_MEMORY = 8
        REASON_RECONCILIATION = 9
        REASON_AGENT_DISCONNECTED = 10
        REASON_AGENT_REMOVED = 11
        REASON_AGENT_RESTARTED = 12
        REASON_AGENT_UNKNOWN = 13
        REASON_TASK_INVALID = 14
        REASON_TASK_UNAUTHORIZED = 15
        REASON_TASK_UNKNOWN = 16
        REASON_CONTAINER_PREEMPTED = 17
        REASON_RESOURCES_UNKNOWN = 18
        REASON_CONTAINER_LIMITATION = 19
        REASON_CONTAINER_LIMITATION_DISK = 20
        REASON_CONTAINER_LAUNCH_FAILED = 21
        REASON_CONTAINER_UPDATE_FAILED = 22
        REASON_EXECUTOR_REGISTRATION_TIMEOUT = 23
        REASON_EXECUTOR_REREGISTRATION_TIMEOUT = 24
        REASON_TASK_GROUP_INVALID = 25
        REASON_TASK_GROUP_UNAUTHORIZED = 26
        REASON_IO_SWITCHBOARD_EXITED = 27
        REASON_TASK_CHECK_STATUS_UPDATED = 28
        REASON_TASK_HEALTH_CHECK_STATUS_UPDATED = 29
        REASON_TASK_KILLED_DURING_LAUNCH = 30
        REASON_AGENT_REMOVED_BY_OPERATOR = 31
        REASON_AGENT_REREGISTERED = 32
        REASON_MAX_COMPLETION_TIME_REACHED = 33
        REASON_AGENT_DRAINING = 34

    task_id: TaskID = req(1)
    state: TaskState = req(2)
    message: str | None = opt(4)
    source: Source | None = opt(9)
    reason: Reason | None = opt(10)
    #: opaque bytes
    data: bytes | None = opt(3)
    agent_id: AgentID | None = opt(5)
    executor_id: ExecutorID | None = opt(7)
    #: seconds since epoch, float
    timestamp: float | None = opt(6)
    #: 16 raw bytes; present = must be acknowledged (base64 in JSON)
    uuid: bytes | None = opt(11)
    healthy: bool | None = opt(8)
    #: present whenever task has a check (empty sub-message until first result)
    check_status: CheckStatusInfo | None = opt(15)
    labels: Labels | None = opt(12)
    container_status: ContainerStatus | None = opt(13)
    #: when the agent became unreachable (master clock)
    unreachable_time: TimeInfo | None = opt(14)
    #: with CONTAINER_LIMITATION* reasons
    limitation: TaskResourceLimitation | None = opt(16)


@message
class Task:
    """A task as master and agent know it."""

    name: str = req(1)
    task_id: TaskID = req(2)
    framework_id: FrameworkID = req(3)
    executor_id: ExecutorID | None = opt(4)
    agent_id: AgentID = req(5)
    state: TaskState = req(6)
    resources: tuple[Resource, ...] = rep(7)
    limits: Mapping[str, Value.Scalar] = mapping(17)
    #: consecutive same-state entries are collapsed to the last; data field stripped
    statuses: tuple[TaskStatus, ...] = rep(8)
    #: state of latest update forwarded to framework (may be older than state)
    status_update_state: TaskState | None = opt(9)
    #: set together with status_update_state
    status_update_uuid: bytes | None = opt(10)
    labels: Labels | None = opt(11)
    discovery: DiscoveryInfo | None = opt(12)
    container: ContainerInfo | None = opt(13)
    health_check: HealthCheck | None = opt(15)
    kill_policy: KillPolicy | None = opt(16)
    user: str | None = opt(14)
