"""The scheduler API: POST /api/v1/scheduler of the master.

A Call's `type` selects the field that goes with it (schema.payload_field); so does an Event's.
Mesos: include/mesos/v1/scheduler/scheduler.proto.
"""

from __future__ import annotations

from mesos_py.wire.constraints import AttributeConstraint, OfferConstraints
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, OfferID, OperationID, ResourceProviderID, TaskID
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.offer import Filters, InverseOffer, Offer
from mesos_py.wire.operation import OperationStatus
from mesos_py.wire.resource import Request
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.task import KillPolicy, TaskStatus

__all__ = ["AttributeConstraint", "Call", "Event", "OfferConstraints", "Response"]


@message
class Event:
    """What the master tells a scheduler."""

    class Type(WireEnum):
        UNKNOWN = 0
        SUBSCRIBED = 1
        OFFERS = 2
        RESCIND = 3
        UPDATE = 4
        MESSAGE = 5
        FAILURE = 6
        ERROR = 7
        HEARTBEAT = 8
        INVERSE_OFFERS = 9
        RESCIND_INVERSE_OFFER = 10
        UPDATE_OPERATION_STATUS = 11

    @message
    class Subscribed:
        framework_id: FrameworkID = req(1)
        #: 15.0
        heartbeat_interval_seconds: float | None = opt(2)
        master_info: MasterInfo | None = opt(3)

    @message
    class Offers:
        offers: tuple[Offer, ...] = rep(1)

    @message
    class InverseOffers:
        inverse_offers: tuple[InverseOffer, ...] = rep(1)

    @message
    class Rescind:
        offer_id: OfferID = req(1)

    @message
    class RescindInverseOffer:
        inverse_offer_id: OfferID = req(1)

    @message
    class Update:
        status: TaskStatus = req(1)

    @message
    class UpdateOperationStatus:
        status: OperationStatus = req(1)

    @message
    class Message:
        agent_id: AgentID = req(1)
        executor_id: ExecutorID = req(2)
        data: bytes = req(3)

    @message
    class Failure:
        """Agent lost (agent_id only) or executor exited (executor_id + status)."""

        agent_id: AgentID | None = opt(1)
        executor_id: ExecutorID | None = opt(2)
        #: raw waitpid status
        status: int | None = opt(3, kind="int32")

    @message
    class Error:
        """Terminal: scheduler must stop; master closes the stream afterwards."""

        message: str = req(1)

    type: Type | None = opt(1)
    subscribed: Subscribed | None = opt(2)
    offers: Offers | None = opt(3)
    rescind: Rescind | None = opt(4)
    update: Update | None = opt(5)
    message: Message | None = opt(6)
    failure: Failure | None = opt(7)
    error: Error | None = opt(8)
    inverse_offers: InverseOffers | None = opt(9)
    rescind_inverse_offer: RescindInverseOffer | None = opt(10)
    update_operation_status: UpdateOperationStatus | None = opt(11)


@message
class Response:
    """Unused by current masters."""

    class Type(WireEnum):
        UNKNOWN = 0
        RECONCILE_OPERATIONS = 1

    @message
    class ReconcileOperations:
        #: deprecated
        operation_statuses: tuple[OperationStatus, ...] = rep(1)

    type: Type | None = opt(1)
    #: deprecated
    reconcile_operations: ReconcileOperations | None = opt(2)


@message
class Call:
    """What a scheduler asks of the master."""

    class Type(WireEnum):
        UNKNOWN = 0
        SUBSCRIBE = 1
        TEARDOWN = 2
        ACCEPT = 3
        DECLINE = 4
        REVIVE = 5
        KILL = 6
        SHUTDOWN = 7
        ACKNOWLEDGE = 8
        RECONCILE = 9
        MESSAGE = 10
        REQUEST = 11
        SUPPRESS = 12
        ACCEPT_INVERSE_OFFERS = 13
        DECLINE_INVERSE_OFFERS = 14
        ACKNOWLEDGE_OPERATION_STATUS = 15
        RECONCILE_OPERATIONS = 16
        UPDATE_FRAMEWORK = 17

    @message
    class Subscribe:
        framework_info: FrameworkInfo = req(1)
        #: subset of the roles
        suppressed_roles: tuple[str, ...] = rep(2)
        offer_constraints: OfferConstraints | None = opt(3)

    @message
    class Accept:
        offer_ids: tuple[OfferID, ...] = rep(1)
        #: applied in order
        operations: tuple[Offer.Operation, ...] = rep(2)
        filters: Filters | None = opt(3)

    @message
    class Decline:
        offer_ids: tuple[OfferID, ...] = rep(1)
        #: absent => default 5 s
        filters: Filters | None = opt(2)

    @message
    class AcceptInverseOffers:
        inverse_offer_ids: tuple[OfferID, ...] = rep(1)
        filters: Filters | None = opt(2)

    @message
    class DeclineInverseOffers:
        inverse_offer_ids: tuple[OfferID, ...] = rep(1)
        filters: Filters | None = opt(2)

    @message
    class Revive:
        #: empty = all subscribed roles
        roles: tuple[str, ...] = rep(1)

    @message
    class Kill:
        task_id: TaskID = req(1)
        agent_id: AgentID | None = opt(2)
        #: overrides task kill policy
        kill_policy: KillPolicy | None = opt(3)

    @message
    class Shutdown:
        """Custom executors."""

        executor_id: ExecutorID = req(1)
        agent_id: AgentID = req(2)

    @message
    class Acknowledge:
        agent_id: AgentID = req(1)
        task_id: TaskID = req(2)
        #: 16 bytes (base64 in JSON)
        uuid: bytes = req(3)

    @message
    class AcknowledgeOperationStatus:
        #: de-facto required
        agent_id: AgentID | None = opt(1)
        resource_provider_id: ResourceProviderID | None = opt(2)
        #: status uuid, 16 bytes
        uuid: bytes = req(3)
        operation_id: OperationID = req(4)

    @message
    class Reconcile:
        @message
        class Task:
            task_id: TaskID = req(1)
            agent_id: AgentID | None = opt(2)

        #: empty = implicit
        tasks: tuple[Task, ...] = rep(1)

    @message
    class ReconcileOperations:
        @message
        class Operation:
            operation_id: OperationID = req(1)
            agent_id: AgentID | None = opt(2)
            resource_provider_id: ResourceProviderID | None = opt(3)

        #: empty = implicit
        operations: tuple[Operation, ...] = rep(1)

    @message
    class Message:
        agent_id: AgentID = req(1)
        executor_id: ExecutorID = req(2)
        data: bytes = req(3)

    @message
    class Request:
        """Ignored by the built-in allocator."""

        requests: tuple[Request, ...] = rep(1)

    @message
    class Suppress:
        #: empty = all subscribed roles
        roles: tuple[str, ...] = rep(1)

    @message
    class UpdateFramework:
        framework_info: FrameworkInfo = req(1)
        suppressed_roles: tuple[str, ...] = rep(2)
        offer_constraints: OfferConstraints | None = opt(3)

    #: required for all but first SUBSCRIBE
    framework_id: FrameworkID | None = opt(1)
    type: Type | None = opt(2)
    subscribe: Subscribe | None = opt(3)
    accept: Accept | None = opt(4)
    decline: Decline | None = opt(5)
    kill: Kill | None = opt(6)
    shutdown: Shutdown | None = opt(7)
    acknowledge: Acknowledge | None = opt(8)
    reconcile: Reconcile | None = opt(9)
    message: Message | None = opt(10)
    request: Request | None = opt(11)
    accept_inverse_offers: AcceptInverseOffers | None = opt(13)
    decline_inverse_offers: DeclineInverseOffers | None = opt(14)
    revive: Revive | None = opt(15)
    suppress: Suppress | None = opt(16)
    acknowledge_operation_status: AcknowledgeOperationStatus | None = opt(17)
    reconcile_operations: ReconcileOperations | None = opt(18)
    update_framework: UpdateFramework | None = opt(19)
