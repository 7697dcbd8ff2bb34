"""Offers, and the operations that answer them.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, OfferID, OperationID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.task import TaskGroupInfo, TaskInfo
from mesos_py.wire.value import URL, Attribute, DomainInfo, Unavailability, Value


@message
class Offer:
    """Resources of one agent, offered to one framework, until answered or rescinded."""

    @message
    class Operation:
        class Type(WireEnum):
            UNKNOWN = 0
            LAUNCH = 1
            RESERVE = 2
            UNRESERVE = 3
            CREATE = 4
            DESTROY = 5
            LAUNCH_GROUP = 6
            GROW_VOLUME = 11
            SHRINK_VOLUME = 12
            CREATE_DISK = 13
            DESTROY_DISK = 14

        @message
        class Launch:
            task_infos: tuple[TaskInfo, ...] = rep(1)

        @message
        class LaunchGroup:
            executor: ExecutorInfo = req(1)
            task_group: TaskGroupInfo = req(2)

        @message
        class Reserve:
            resources: tuple[Resource, ...] = rep(1)
            #: reservation update (operator API only; scheduler API rejects)
            source: tuple[Resource, ...] = rep(2)

        @message
        class Unreserve:
            resources: tuple[Resource, ...] = rep(1)

        @message
        class Create:
            volumes: tuple[Resource, ...] = rep(1)

        @message
        class Destroy:
            volumes: tuple[Resource, ...] = rep(1)

        @message
        class GrowVolume:
            volume: Resource = req(1)
            addition: Resource = req(2)

        @message
        class ShrinkVolume:
            volume: Resource = req(1)
            subtract: Value.Scalar = req(2)

        @message
        class CreateDisk:
            source: Resource = req(1)
            #: MOUNT or BLOCK
            target_type: Resource.DiskInfo.Source.Type = req(2)
            target_profile: str | None = opt(3)

        @message
        class DestroyDisk:
            source: Resource = req(1)

        type: Type | None = opt(1)
        #: feedback id; not allowed on LAUNCH/LAUNCH_GROUP
        id: OperationID | None = opt(12)
        launch: Launch | None = opt(2)
        launch_group: LaunchGroup | None = opt(7)
        reserve: Reserve | None = opt(3)
        unreserve: Unreserve | None = opt(4)
        create: Create | None = opt(5)
        destroy: Destroy | None = opt(6)
        grow_volume: GrowVolume | None = opt(13)
        shrink_volume: ShrinkVolume | None = opt(14)
        create_disk: CreateDisk | None = opt(15)
        destroy_disk: DestroyDisk | None = opt(16)

    id: OfferID = req(1)
    framework_id: FrameworkID = req(2)
    agent_id: AgentID = req(3)
    hostname: str = req(4)
    #: http, agent hostname/ip/port, path "/slave(1)"
    url: URL | None = opt(8)
    domain: DomainInfo | None = opt(11)
    resources: tuple[Resource, ...] = rep(5)
    attributes: tuple[Attribute, ...] = rep(7)
    #: executors of that framework already on the agent
    executor_ids: tuple[ExecutorID, ...] = rep(6)
    #: maintenance window of the machine
    unavailability: Unavailability | None = opt(9)
    #: absent for non-MULTI_ROLE
    allocation_info: Resource.AllocationInfo | None = opt(10)


@message
class InverseOffer:
    """A request to give resources back, because their agent is about to be unavailable."""

    id: OfferID = req(1)
    url: URL | None = opt(2)
    framework_id: FrameworkID = req(3)
    agent_id: AgentID | None = opt(4)
    unavailability: Unavailability = req(5)
    #: always empty for maintenance = all resources
    resources: tuple[Resource, ...] = rep(6)


@message
class Filters:
    """How long not to be offered again what was declined."""

    #: negative/invalid => 5 s; > 31536000 => 365 days; 0 => no filter
    refuse_seconds: float = opt(1, default=5.0)
