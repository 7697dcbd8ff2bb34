"""Offer operations on their way: what state they are in, where and since when.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.ids import UUID, AgentID, FrameworkID, OperationID, ResourceProviderID
from mesos_py.wire.offer import Offer
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import WireEnum, message, opt, rep, req


class OperationState(WireEnum):
    """Where an operation is in its life. Terminal: FINISHED, FAILED, ERROR, DROPPED, GONE_BY_OPERATOR."""

    OPERATION_UNSUPPORTED = 0
    OPERATION_PENDING = 1
    OPERATION_FINISHED = 2
    OPERATION_FAILED = 3
    OPERATION_ERROR = 4
    OPERATION_DROPPED = 5
    OPERATION_UNREACHABLE = 6
    OPERATION_GONE_BY_OPERATOR = 7
    OPERATION_RECOVERING = 8
    OPERATION_UNKNOWN = 9


@message
class OperationStatus:
    """News of an operation."""

    operation_id: OperationID | None = opt(1)
    state: OperationState = req(2)
    message: str | None = opt(3)
    #: only when FINISHED
    converted_resources: tuple[Resource, ...] = rep(4)
    #: present = must be acknowledged
    uuid: UUID | None = opt(5)
    agent_id: AgentID | None = opt(6)
    resource_provider_id: ResourceProviderID | None = opt(7)


@message
class Operation:
    """An operation as master and agent know it."""

    framework_id: FrameworkID | None = opt(1)
    agent_id: AgentID | None = opt(2)
    info: Offer.Operation = req(3)
    latest_status: OperationStatus = req(4)
    statuses: tuple[OperationStatus, ...] = rep(5)
    #: internal id
    uuid: UUID = req(6)
