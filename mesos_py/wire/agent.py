"""Agents and their draining.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.ids import AgentID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.value import Attribute, DomainInfo, DurationInfo


@message
class AgentInfo:
    """An agent as it introduces itself."""

    @message
    class Capability:
        class Type(WireEnum):
            UNKNOWN = 0
            MULTI_ROLE = 1
            HIERARCHICAL_ROLE = 2
            RESERVATION_REFINEMENT = 3
            RESOURCE_PROVIDER = 4
            RESIZE_VOLUME = 5
            AGENT_OPERATION_FEEDBACK = 6
            AGENT_DRAINING = 7
            TASK_RESOURCE_LIMITS = 8

        type: Type | None = opt(1)

    hostname: str = req(1)
    port: int = opt(8, default=5051, kind="int32")
    #: configured resources, without dynamic reservations/volumes
    resources: tuple[Resource, ...] = rep(3)
    attributes: tuple[Attribute, ...] = rep(5)
    #: assigned by master
    id: AgentID | None = opt(6)
    domain: DomainInfo | None = opt(10)


class DrainState(WireEnum):
    """How far draining has come."""

    UNKNOWN = 0
    DRAINING = 1
    DRAINED = 2


@message
class DrainConfig:
    """How an agent is to be drained."""

    #: caps each task's kill grace
    max_grace_period: DurationInfo | None = opt(1)
    #: mark agent gone when drained
    mark_gone: bool = opt(2, default=False)


@message
class DrainInfo:
    """Draining as it is kept in the registry and shown by endpoints."""

    state: DrainState = req(1)
    config: DrainConfig = req(2)
