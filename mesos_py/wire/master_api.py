"""The master's operator API: POST /api/v1. `Response` comes from master_response.

Mesos: include/mesos/v1/master/master.proto.
"""

from __future__ import annotations

from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, FrameworkID
from mesos_py.wire.maintenance import MachineID, Schedule
from mesos_py.wire.master_response import Response
from mesos_py.wire.quota import QuotaConfig, QuotaRequest
from mesos_py.wire.resource import Resource
from mesos_py.wire.role import WeightInfo
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.task import Task, TaskState, TaskStatus
from mesos_py.wire.value import Duration, DurationInfo, Value

__all__ = ["Call", "Event", "Response"]


@message
class Call:
    """What an operator asks of the master."""

    class Type(WireEnum):
        UNKNOWN = 0
        GET_HEALTH = 1
        GET_FLAGS = 2
        GET_VERSION = 3
        GET_METRICS = 4
        GET_LOGGING_LEVEL = 5
        SET_LOGGING_LEVEL = 6
        LIST_FILES = 7
        READ_FILE = 8
        GET_STATE = 9
        GET_AGENTS = 10
        GET_FRAMEWORKS = 11
        GET_EXECUTORS = 12
        GET_TASKS = 13
        GET_ROLES = 14
        GET_WEIGHTS = 15
        UPDATE_WEIGHTS = 16
        GET_MASTER = 17
        SUBSCRIBE = 18
        RESERVE_RESOURCES = 19
        UNRESERVE_RESOURCES = 20
        CREATE_VOLUMES = 21
        DESTROY_VOLUMES = 22
        GET_MAINTENANCE_STATUS = 23
        GET_MAINTENANCE_SCHEDULE = 24
        UPDATE_MAINTENANCE_SCHEDULE = 25
        START_MAINTENANCE = 26
        STOP_MAINTENANCE = 27
        GET_QUOTA = 28
        SET_QUOTA = 29
        REMOVE_QUOTA = 30
        TEARDOWN = 31
        MARK_AGENT_GONE = 32
        GET_OPERATIONS = 33
        GROW_VOLUME = 34
        SHRINK_VOLUME = 35
        UPDATE_QUOTA = 36
        DRAIN_AGENT = 37
        DEACTIVATE_AGENT = 38
        REACTIVATE_AGENT = 39

    @message
    class GetMetrics:
        timeout: DurationInfo | None = opt(1)

    @message
    class SetLoggingLevel:
        level: int = req(1, kind="uint32")
        duration: DurationInfo = req(2)

    @message
    class ListFiles:
        path: str = req(1)

    @message
    class ReadFile:
        path: str = req(1)
        offset: int = req(2, kind="uint64")
        #: capped at 16 pages (64 KiB)
        length: int | None = opt(3, kind="uint64")

    @message
    class UpdateWeights:
        weight_infos: tuple[WeightInfo, ...] = rep(1)

    @message
    class ReserveResources:
        agent_id: AgentID = req(1)
        resources: tuple[Resource, ...] = rep(2)
        source: tuple[Resource, ...] = rep(3)

    @message
    class UnreserveResources:
        agent_id: AgentID = req(1)
        resources: tuple[Resource, ...] = rep(2)

    @message
    class CreateVolumes:
        agent_id: AgentID = req(1)
        volumes: tuple[Resource, ...] = rep(2)

    @message
    class DestroyVolumes:
        agent_id: AgentID = req(1)
        volumes: tuple[Resource, ...] = rep(2)

    @message
    class GrowVolume:
        agent_id: AgentID | None = opt(1)
        volume: Resource = req(2)
        addition: Resource = req(3)

    @message
    class ShrinkVolume:
        agent_id: AgentID | None = opt(1)
        volume: Resource = req(2)
        subtract: Value.Scalar = req(3)

    @message
    class UpdateMaintenanceSchedule:
        schedule: Schedule = req(1)

    @message
    class StartMaintenance:
        machines: tuple[MachineID, ...] = rep(1)

    @message
    class StopMaintenance:
        machines: tuple[MachineID, ...] = rep(1)

    @message
    class DrainAgent:
        agent_id: AgentID = req(1)
        #: google.protobuf.Duration: JSON is {"seconds":n,"nanos":n} in the Mesos JSON codec
        max_grace_period: Duration | None = opt(2)
        mark_gone: bool = opt(3, default=False)

    @message
    class DeactivateAgent:
        agent_id: AgentID = req(1)

    @message
    class ReactivateAgent:
        agent_id: AgentID = req(1)

    @message
    class UpdateQuota:
        #: skip overcommit and limit checks
        force: bool | None = opt(1)
        quota_configs: tuple[QuotaConfig, ...] = rep(2)

    @message
    class SetQuota:
        quota_request: QuotaRequest = req(1)

    @message
    class RemoveQuota:
        role: str = req(1)

    @message
    class Teardown:
        framework_id: FrameworkID = req(1)

    @message
    class MarkAgentGone:
        agent_id: AgentID = req(1)

    type: Type | None = opt(1)
    get_metrics: GetMetrics | None = opt(2)
    set_logging_level: SetLoggingLevel | None = opt(3)
    list_files: ListFiles | None = opt(4)
    read_file: ReadFile | None = opt(5)
    update_weights: UpdateWeights | None = opt(6)
    reserve_resources: ReserveResources | None = opt(7)
    unreserve_resources: UnreserveResources | None = opt(8)
    create_volumes: CreateVolumes | None = opt(9)
    destroy_volumes: DestroyVolumes | None = opt(10)
    update_maintenance_schedule: UpdateMaintenanceSchedule | None = opt(11)
    start_maintenance: StartMaintenance | None = opt(12)
    stop_maintenance: StopMaintenance | None = opt(13)
    #: deprecated
    set_quota: SetQuota | None = opt(14)
    #: deprecated
    remove_quota: RemoveQuota | None = opt(15)
    teardown: Teardown | None = opt(16)
    mark_agent_gone: MarkAgentGone | None = opt(17)
    grow_volume: GrowVolume | None = opt(18)
    shrink_volume: ShrinkVolume | None = opt(19)
    update_quota: UpdateQuota | None = opt(20)
    drain_agent: DrainAgent | None = opt(21)
    deactivate_agent: DeactivateAgent | None = opt(22)
    reactivate_agent: ReactivateAgent | None = opt(23)


@message
class Event:
    """What the master tells a subscribed operator."""

    class Type(WireEnum):
        UNKNOWN = 0
        SUBSCRIBED = 1
        TASK_ADDED = 2
        TASK_UPDATED = 3
        AGENT_ADDED = 4
        AGENT_REMOVED = 5
        FRAMEWORK_ADDED = 6
        FRAMEWORK_UPDATED = 7
        FRAMEWORK_REMOVED = 8
        HEARTBEAT = 9

    @message
    class Subscribed:
        get_state: Response.GetState | None = opt(1)
        heartbeat_interval_seconds: float | None = opt(2)

    @message
    class TaskAdded:
        task: Task = req(1)

    @message
    class TaskUpdated:
        framework_id: FrameworkID = req(1)
        #: status update being processed
        status: TaskStatus = req(2)
        #: latest state known by agent
        state: TaskState = req(3)

    @message
    class FrameworkAdded:
        framework: Response.GetFrameworks.Framework = req(1)

    @message
    class FrameworkUpdated:
        framework: Response.GetFrameworks.Framework = req(1)

    @message
    class FrameworkRemoved:
        framework_info: FrameworkInfo = req(1)

    @message
    class AgentAdded:
        agent: Response.GetAgents.Agent = req(1)

    @message
    class AgentRemoved:
        agent_id: AgentID = req(1)

    type: Type | None = opt(1)
    subscribed: Subscribed | None = opt(2)
    task_added: TaskAdded | None = opt(3)
    task_updated: TaskUpdated | None = opt(4)
    agent_added: AgentAdded | None = opt(5)
    agent_removed: AgentRemoved | None = opt(6)
    framework_added: FrameworkAdded | None = opt(7)
    framework_updated: FrameworkUpdated | None = opt(8)
    framework_removed: FrameworkRemoved | None = opt(9)
