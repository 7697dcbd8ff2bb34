"""The executor API: POST /api/v1/executor of the agent.

Mesos: include/mesos/v1/executor/executor.proto.
"""

from __future__ import annotations

from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import ContainerID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.task import KillPolicy, TaskGroupInfo, TaskInfo, TaskStatus


@message
class Event:
    """What the agent tells an executor."""

    class Type(WireEnum):
        UNKNOWN = 0
        SUBSCRIBED = 1
        LAUNCH = 2
        KILL = 3
        ACKNOWLEDGED = 4
        MESSAGE = 5
        ERROR = 6
        SHUTDOWN = 7
        LAUNCH_GROUP = 8
        HEARTBEAT = 9

    @message
    class Subscribed:
        executor_info: ExecutorInfo = req(1)
        framework_info: FrameworkInfo = req(2)
        agent_info: AgentInfo = req(3)
        #: container of this executor run
        container_id: ContainerID | None = opt(4)

    @message
    class Launch:
        task: TaskInfo = req(1)

    @message
    class LaunchGroup:
        task_group: TaskGroupInfo = req(1)

    @message
    class Kill:
        task_id: TaskID = req(1)
        kill_policy: KillPolicy | None = opt(2)

    @message
    class Acknowledged:
        task_id: TaskID = req(1)
        uuid: bytes = req(2)

    @message
    class Message:
        data: bytes = req(1)

    @message
    class Error:
        message: str = req(1)

    type: Type | None = opt(1)
    subscribed: Subscribed | None = opt(2)
    acknowledged: Acknowledged | None = opt(3)
    launch: Launch | None = opt(4)
    kill: Kill | None = opt(5)
    message: Message | None = opt(6)
    error: Error | None = opt(7)
    launch_group: LaunchGroup | None = opt(8)


@message
class Call:
    """What an executor asks of the agent."""

    class Type(WireEnum):
        UNKNOWN = 0
        SUBSCRIBE = 1
        UPDATE = 2
        MESSAGE = 3
        HEARTBEAT = 4

    @message
    class Subscribe:
        #: tasks without any acknowledged update
        unacknowledged_tasks: tuple[TaskInfo, ...] = rep(1)
        #: resent after reconnect
        unacknowledged_updates: tuple[Call.Update, ...] = rep(2)

    @message
    class Update:
        #: uuid, source=SOURCE_EXECUTOR and state!=STAGING are enforced
        status: TaskStatus = req(1)

    @message
    class Message:
        #: field number 2 (there is no 1)
        data: bytes = req(2)

    executor_id: ExecutorID = req(1)
    framework_id: FrameworkID = req(2)
    type: Type | None = opt(3)
    subscribe: Subscribe | None = opt(4)
    update: Update | None = opt(5)
    message: Message | None = opt(6)
