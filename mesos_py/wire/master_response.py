"""What the master's operator API answers; named `Response` in master_api.

Mesos: include/mesos/v1/master/master.proto.
"""

from __future__ import annotations

from mesos_py.wire.agent import AgentInfo, DrainInfo
from mesos_py.wire.constraints import OfferConstraints
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID
from mesos_py.wire.maintenance import ClusterStatus, Schedule
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.misc import FileInfo, Flag, Metric, VersionInfo
from mesos_py.wire.offer import InverseOffer, Offer
from mesos_py.wire.operation import Operation
from mesos_py.wire.provider import ResourceProviderInfo
from mesos_py.wire.quota import QuotaStatus
from mesos_py.wire.resource import Resource
from mesos_py.wire.role import Role, WeightInfo
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.task import Task
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
        GET_AGENTS = 9
        GET_FRAMEWORKS = 10
        GET_EXECUTORS = 11
        GET_TASKS = 12
        GET_ROLES = 13
        GET_WEIGHTS = 14
        GET_MASTER = 15
        GET_MAINTENANCE_STATUS = 16
        GET_MAINTENANCE_SCHEDULE = 17
        GET_QUOTA = 18
        GET_OPERATIONS = 19

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
        #: size of the file, not of data
        size: int = req(1, kind="uint64")
        data: bytes = req(2)

    @message
    class GetState:
        get_tasks: Response.GetTasks | None = opt(1)
        get_executors: Response.GetExecutors | None = opt(2)
        get_frameworks: Response.GetFrameworks | None = opt(3)
        get_agents: Response.GetAgents | None = opt(4)

    @message
    class GetAgents:
        @message
        class Agent:
            @message
            class ResourceProvider:
                resource_provider_info: ResourceProviderInfo = req(1)
                total_resources: tuple[Resource, ...] = rep(2)

            agent_info: AgentInfo = req(1)
            #: offers possible
            active: bool = req(2)
            #: operator deactivated/drained
            deactivated: bool | None = opt(12)
            version: str = req(3)
            pid: str | None = opt(4)
            registered_time: TimeInfo | None = opt(5)
            reregistered_time: TimeInfo | None = opt(6)
            total_resources: tuple[Resource, ...] = rep(7)
            allocated_resources: tuple[Resource, ...] = rep(8)
            offered_resources: tuple[Resource, ...] = rep(9)
            capabilities: tuple[AgentInfo.Capability, ...] = rep(10)
            resource_providers: tuple[ResourceProvider, ...] = rep(11)
            drain_info: DrainInfo | None = opt(13)
            estimated_drain_start_time: TimeInfo | None = opt(14)

        agents: tuple[Agent, ...] = rep(1)
        recovered_agents: tuple[AgentInfo, ...] = rep(2)

    @message
    class GetFrameworks:
        @message
        class Framework:
            framework_info: FrameworkInfo = req(1)
            active: bool = req(2)
            connected: bool = req(3)
            recovered: bool = req(11)
            registered_time: TimeInfo | None = opt(4)
            reregistered_time: TimeInfo | None = opt(5)
            unregistered_time: TimeInfo | None = opt(6)
            offers: tuple[Offer, ...] = rep(7)
            inverse_offers: tuple[InverseOffer, ...] = rep(8)
            allocated_resources: tuple[Resource, ...] = rep(9)
            offered_resources: tuple[Resource, ...] = rep(10)
            offer_constraints: OfferConstraints | None = opt(12)

        frameworks: tuple[Framework, ...] = rep(1)
        completed_frameworks: tuple[Framework, ...] = rep(2)
        #: always empty
        recovered_frameworks: tuple[FrameworkInfo, ...] = rep(3)

    @message
    class GetExecutors:
        @message
        class Executor:
            executor_info: ExecutorInfo = req(1)
            agent_id: AgentID = req(2)

        executors: tuple[Executor, ...] = rep(1)
        #: always empty
        orphan_executors: tuple[Executor, ...] = rep(2)

    @message
    class GetOperations:
        operations: tuple[Operation, ...] = rep(1)

    @message
    class GetTasks:
        #: always empty at this version
        pending_tasks: tuple[Task, ...] = rep(1)
        tasks: tuple[Task, ...] = rep(2)
        unreachable_tasks: tuple[Task, ...] = rep(5)
        completed_tasks: tuple[Task, ...] = rep(3)
        #: always empty
        orphan_tasks: tuple[Task, ...] = rep(4)

    @message
    class GetRoles:
        roles: tuple[Role, ...] = rep(1)

    @message
    class GetWeights:
        weight_infos: tuple[WeightInfo, ...] = rep(1)

    @message
    class GetMaster:
        master_info: MasterInfo | None = opt(1)
        start_time: float | None = opt(2)
        elected_time: float | None = opt(3)

    @message
    class GetMaintenanceStatus:
        status: ClusterStatus = req(1)

    @message
    class GetMaintenanceSchedule:
        schedule: Schedule = req(1)

    @message
    class GetQuota:
        status: QuotaStatus = req(1)

    type: Type | None = opt(1)
    get_health: GetHealth | None = opt(2)
    get_flags: GetFlags | None = opt(3)
    get_version: GetVersion | None = opt(4)
    get_metrics: GetMetrics | None = opt(5)
    get_logging_level: GetLoggingLevel | None = opt(6)
    list_files: ListFiles | None = opt(7)
    read_file: ReadFile | None = opt(8)
    get_state: GetState | None = opt(9)
    get_agents: GetAgents | None = opt(10)
    get_frameworks: GetFrameworks | None = opt(11)
    get_executors: GetExecutors | None = opt(12)
    get_tasks: GetTasks | None = opt(13)
    get_roles: GetRoles | None = opt(14)
    get_weights: GetWeights | None = opt(15)
    get_master: GetMaster | None = opt(16)
    get_maintenance_status: GetMaintenanceStatus | None = opt(17)
    get_maintenance_schedule: GetMaintenanceSchedule | None = opt(18)
    get_quota: GetQuota | None = opt(19)
    get_operations: GetOperations | None = opt(20)
