"""The resource provider API: POST /api/v1/resource_provider of the agent.

Mesos: include/mesos/v1/resource_provider/resource_provider.proto.
"""

from __future__ import annotations

from mesos_py.wire.ids import UUID, FrameworkID, ResourceProviderID
from mesos_py.wire.offer import Offer
from mesos_py.wire.operation import Operation, OperationStatus
from mesos_py.wire.provider import ResourceProviderInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import WireEnum, message, opt, rep, req


@message
class Event:
    """What the agent tells a resource provider."""

    class Type(WireEnum):
        UNKNOWN = 0
        SUBSCRIBED = 1
        APPLY_OPERATION = 2
        PUBLISH_RESOURCES = 3
        ACKNOWLEDGE_OPERATION_STATUS = 4
        RECONCILE_OPERATIONS = 5
        TEARDOWN = 6

    @message
    class Subscribed:
        provider_id: ResourceProviderID = req(1)

    @message
    class ApplyOperation:
        framework_id: FrameworkID | None = opt(1)
        info: Offer.Operation = req(2)
        operation_uuid: UUID = req(3)
        resource_version_uuid: UUID = req(4)

    @message
    class PublishResources:
        uuid: UUID = req(1)
        resources: tuple[Resource, ...] = rep(2)

    @message
    class AcknowledgeOperationStatus:
        status_uuid: UUID = req(1)
        operation_uuid: UUID = req(2)

    @message
    class ReconcileOperations:
        operation_uuids: tuple[UUID, ...] = rep(1)

    type: Type | None = opt(1)
    subscribed: Subscribed | None = opt(2)
    apply_operation: ApplyOperation | None = opt(3)
    publish_resources: PublishResources | None = opt(4)
    acknowledge_operation_status: AcknowledgeOperationStatus | None = opt(5)
    reconcile_operations: ReconcileOperations | None = opt(6)


@message
class Call:
    """What a resource provider asks of the agent."""

    class Type(WireEnum):
        UNKNOWN = 0
        SUBSCRIBE = 1
        UPDATE_OPERATION_STATUS = 2
        UPDATE_STATE = 3
        UPDATE_PUBLISH_RESOURCES_STATUS = 4

    @message
    class Subscribe:
        resource_provider_info: ResourceProviderInfo = req(1)

    @message
    class UpdateOperationStatus:
        framework_id: FrameworkID | None = opt(1)
        status: OperationStatus = req(2)
        latest_status: OperationStatus | None = opt(3)
        operation_uuid: UUID = req(4)

    @message
    class UpdateState:
        operations: tuple[Operation, ...] = rep(1)
        resources: tuple[Resource, ...] = rep(2)
        resource_version_uuid: UUID = req(3)

    @message
    class UpdatePublishResourcesStatus:
        class Status(WireEnum):
            UNKNOWN = 0
            OK = 1
            FAILED = 2

        uuid: UUID = req(1)
        status: Status = req(2)

    resource_provider_id: ResourceProviderID | None = opt(1)
    type: Type | None = opt(2)
    subscribe: Subscribe | None = opt(3)
    update_operation_status: UpdateOperationStatus | None = opt(4)
    update_state: UpdateState | None = opt(5)
    update_publish_resources_status: UpdatePublishResourcesStatus | None = opt(6)
