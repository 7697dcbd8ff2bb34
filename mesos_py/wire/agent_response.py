"""What the agent's operator API answers; named `Response` in agent_api.

Mesos: include/mesos/v1/agent/agent.proto.
"""

from __future__ import annotations

from mesos_py.wire.agent import AgentInfo, DrainConfig
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import ContainerID, ExecutorID, FrameworkID
from mesos_py.wire.misc import FileInfo, Flag, Metric, VersionInfo
from mesos_py.wire.operation import Operation
from mesos_py.wire.provider import ResourceProviderInfo
from mesos_py.wire.resource import Resource, TaskResourceLimitation
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.stats import ResourceStatistics
from mesos_py.wire.task import Task, TaskState, TaskStatus
from mesos_py.wire.value import TimeInfo


@message
class Response:
    """The answer to a call of the same name."""

    class Type(WireEnum):
        UNKNOWN = 0
        GET_HEALTH = 1
        GET_FLAGS = 2
        GET_VERSION = 3
        GET_METRICS = 4
        GET_LOGGING_LEVEL = 5
        LIST_FILES = 6
        READ_FILE = 7
        GET_STATE = 8
        GET_CONTAINERS = 9
        GET_FRAMEWORKS = 10
        GET_EXECUTORS = 11
        GET_TASKS = 12
        WAIT_NESTED_CONTAINER = 13
        GET_AGENT = 14
        WAIT_CONTAINER = 15
        GET_RESOURCE_PROVIDERS = 16
        GET_OPERATIONS = 17

    @message
    class GetHealth:
        healthy: bool = req(1)

    @message
    class GetFlags:
        flags: tuple[Flag, ...] = rep(1)

    @message
    class GetVersion:
        version_info: VersionInfo = req(1)

    @message
    class GetMetrics:
        metrics: tuple[Metric, ...] = rep(1)

    @message
    class GetLoggingLevel:
        level: int = req(1, kind="uint32")

    @message
    class ListFiles:
        file_infos: tuple[FileInfo, ...] = rep(1)

    @message
    class ReadFile:
        size: int = req(1, kind="uint64")
        data: bytes = req(2)

    @message
    class GetState:
        get_tasks: Response.GetTasks | None = opt(1)
        get_executors: Response.GetExecutors | None = opt(2)
        get_frameworks: Response.GetFrameworks | None = opt(3)

    @message
    class GetContainers:
        @message
        class Container:
            framework_id: FrameworkID | None = opt(1)
            executor_id: ExecutorID | None = opt(2)
            executor_name: str | None = opt(3)
            container_id: ContainerID = req(4)
            container_status: ContainerStatus | None = opt(5)
            resource_statistics: ResourceStatistics | None = opt(6)

        containers: tuple[Container, ...] = rep(1)

    @message
    class GetFrameworks:
        @message
        class Framework:
            framework_info: FrameworkInfo = req(1)

        frameworks: tuple[Framework, ...] = rep(1)
        completed_frameworks: tuple[Framework, ...] = rep(2)

    @message
    class GetExecutors:
        @message
        class Executor:
            executor_info: ExecutorInfo = req(1)

        executors: tuple[Executor, ...] = rep(1)
        completed_executors: tuple[Executor, ...] = rep(2)

    @message
    class GetOperations:
        operations: tuple[Operation, ...] = rep(1)

    @message
    class GetTasks:
        pending_tasks: tuple[Task, ...] = rep(1)
        queued_tasks: tuple[Task, ...] = rep(2)
        launched_tasks: tuple[Task, ...] = rep(3)
        terminated_tasks: tuple[Task, ...] = rep(4)
        completed_tasks: tuple[Task, ...] = rep(5)

    @message
    class GetAgent:
        agent_info: AgentInfo | None = opt(1)
        drain_config: DrainConfig | None = opt(2)
        estimated_drain_start_time: TimeInfo | None = opt(3)

    @message
    class GetResourceProviders:
        @message
        class ResourceProvider:
            resource_provider_info: ResourceProviderInfo = req(1)
            total_resources: tuple[Resource, ...] = rep(2)

        resource_providers: tuple[ResourceProvider, ...] = rep(1)

    @message
    class WaitNestedContainer:
        #: wait(2) status word
        exit_status: int | None = opt(1, kind="int32")
        state: TaskState | None = opt(2)
        reason: TaskStatus.Reason | None = opt(3)
        limitation: TaskResourceLimitation | None = opt(4)
        message: str | None = opt(5)

    @message
    class WaitContainer:
        #: wait(2) status word
        exit_status: int | None = opt(1, kind="int32")
        state: TaskState | None = opt(2)
        reason: TaskStatus.Reason | None = opt(3)
        limitation: TaskResourceLimitation | None = opt(4)
        message: str | None = opt(5)

    type: Type | None = opt(1)
    get_health: GetHealth | None = opt(2)
    get_flags: GetFlags | None = opt(3)
    get_version: GetVersion | None = opt(4)
    get_metrics: GetMetrics | None = opt(5)
    get_logging_level: GetLoggingLevel | None = opt(6)
    list_files: ListFiles | None = opt(7)
    read_file: ReadFile | None = opt(8)
    get_state: GetState | None = opt(9)
    get_containers: GetContainers | None = opt(10)
    get_frameworks: GetFrameworks | None = opt(11)
    get_executors: GetExecutors | None = opt(12)
    get_tasks: GetTasks | None = opt(13)
    wait_nested_container: WaitNestedContainer | None = opt(14)
    get_agent: GetAgent | None = opt(15)
    wait_container: WaitContainer | None = opt(16)
    get_resource_providers: GetResourceProviders | None = opt(17)
    get_operations: GetOperations | None = opt(18)
