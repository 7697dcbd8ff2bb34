"""What master and agent say to each other over their one persistent connection.

The agent connects out to the master (a WebSocket); both ends send batches of these messages, each batch one msgpack
array ``[tag, payload, tag, payload, ...]`` (``transport/channel.py``). Meanings follow Mesos' own internal messages
(Mesos: src/messages/messages.proto); the encoding is ours, since no foreign program speaks it.
"""

from __future__ import annotations

from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import message, opt, rep, req
from mesos_py.wire.task import KillPolicy, Task, TaskGroupInfo, TaskInfo, TaskState, TaskStatus

# ---- agent to master


@message
class RegisterAgent:
    """An agent without an id asks to be admitted."""

    agent: AgentInfo = req(1)
    #: "slave(1)@ip:port": where the agent's own HTTP endpoints are
    pid: str = req(2)
    version: str = req(3)
    capabilities: tuple[AgentInfo.Capability, ...] = rep(4)
    #: reserved or volume resources the agent has checkpointed
    checkpointed_resources: tuple[Resource, ...] = rep(5)


@message
class ReregisterAgent:
    """An agent with an id comes back and reports everything it runs."""

    agent: AgentInfo = req(1)
    pid: str = req(2)
    version: str = req(3)
    capabilities: tuple[AgentInfo.Capability, ...] = rep(4)
    checkpointed_resources: tuple[Resource, ...] = rep(5)
    #: queued (as STAGING), launched, and terminated but unacknowledged
    tasks: tuple[Task, ...] = rep(6)
    #: of custom and default executors; a command task's executor is not reported
    executors: tuple[ExecutorInfo, ...] = rep(7)
    frameworks: tuple[FrameworkInfo, ...] = rep(8)


@message
class UnregisterAgent:
    """The agent leaves for good; its tasks are lost."""

    agent_id: AgentID = req(1)


@message
class StatusUpdate:
    """The head of a task's update stream; repeated by the agent until acknowledged."""

    framework_id: FrameworkID = req(1)
    status: TaskStatus = req(2)
    #: state at the tail of the agent's stream, which may be ahead of ``status``
    latest_state: TaskState | None = opt(3)


@message
class ExitedExecutor:
    """An executor other than a command task's own has ended."""

    framework_id: FrameworkID = req(1)
    executor_id: ExecutorID = req(2)
    #: raw wait status, -1 when unknown or when it never started
    status: int = req(3, kind="int32")


@message
class ExecutorToFramework:
    framework_id: FrameworkID = req(1)
    executor_id: ExecutorID = req(2)
    data: bytes = req(3)


@message
class Pong:
    """Answer to Ping."""


# ---- master to agent


@message
class AgentRegistered:
    agent_id: AgentID = req(1)
    #: the agent takes the master for lost after so long without a ping, seconds
    total_ping_timeout_seconds: float = req(2)


@message
class AgentReregistered:
    agent_id: AgentID = req(1)
    total_ping_timeout_seconds: float = req(2)
    #: tasks the master knows on this agent that the agent did not report
    reconciliations: tuple[ReconcileTasks, ...] = rep(3)


@message
class ReconcileTasks:
    framework_id: FrameworkID = req(1)
    framework: FrameworkInfo = req(2)
    statuses: tuple[TaskStatus, ...] = rep(3)


@message
class RunTask:
    framework: FrameworkInfo = req(1)
    task: TaskInfo = req(2)
    #: True: the executor is new on this agent; False: it must exist, else the task is dropped
    launch_executor: bool = req(3)


@message
class RunTaskGroup:
    framework: FrameworkInfo = req(1)
    executor: ExecutorInfo = req(2)
    task_group: TaskGroupInfo = req(3)
    launch_executor: bool = req(4)


@message
class KillTask:
    framework_id: FrameworkID = req(1)
    task_id: TaskID = req(2)
    kill_policy: KillPolicy | None = opt(3)


@message
class AcknowledgeUpdate:
    framework_id: FrameworkID = req(1)
    task_id: TaskID = req(2)
    uuid: bytes = req(3)


@message
class FrameworkToExecutor:
    framework_id: FrameworkID = req(1)
    executor_id: ExecutorID = req(2)
    data: bytes = req(3)


@message
class ShutdownExecutor:
    framework_id: FrameworkID = req(1)
    executor_id: ExecutorID = req(2)


@message
class ShutdownFramework:
    framework_id: FrameworkID = req(1)


@message
class UpdateFramework:
    """The framework's info has changed (failover, UPDATE_FRAMEWORK)."""

    framework: FrameworkInfo = req(1)


@message
class Ping:
    #: False: the master takes this agent for disconnected; it should re-register
    connected: bool = req(1)


@message
class ShutdownAgent:
    """The agent must kill everything and exit."""

    message: str = req(1)


#: The number of each message on the wire; numbers are never reused.
TAGS: dict[int, type] = {
    1: RegisterAgent,
    2: ReregisterAgent,
    3: UnregisterAgent,
    4: StatusUpdate,
    5: ExitedExecutor,
    6: ExecutorToFramework,
    7: Pong,
    20: AgentRegistered,
    21: AgentReregistered,
    22: ReconcileTasks,
    23: RunTask,
    24: RunTaskGroup,
    25: KillTask,
    26: AcknowledgeUpdate,
    27: FrameworkToExecutor,
    28: ShutdownExecutor,
    29: ShutdownFramework,
    30: UpdateFramework,
    31: Ping,
    32: ShutdownAgent,
}
