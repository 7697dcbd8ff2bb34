"""Frameworks, as they subscribe.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.schema import WireEnum, mapping, message, opt, rep, req
from mesos_py.wire.value import Labels, Value


@message
class OfferFilters:
    """What a framework does not want to see offered."""

    @message
    class ResourceQuantities:
        quantities: Mapping[str, Value.Scalar] = mapping(1)

    @message
    class MinAllocatableResources:
        #: OR over list, AND inside one map; empty list = anything is allocatable
        quantities: tuple[OfferFilters.ResourceQuantities, ...] = rep(1)

    min_allocatable_resources: MinAllocatableResources | None = opt(1)


@message
class FrameworkInfo:
    """A framework as it introduces itself."""

    @message
    class Capability:
        class Type(WireEnum):
            """What the framework understands, and is therefore given."""

            UNKNOWN = 0
            #: revocable resources are offered
            REVOCABLE_RESOURCES = 1
            #: TASK_KILLING is sent before the terminal state
            TASK_KILLING_STATE = 2
            #: agents with GPUs are offered
            GPU_RESOURCES = 3
            #: shared volumes are offered
            SHARED_RESOURCES = 4
            #: UNREACHABLE, DROPPED, GONE, GONE_BY_OPERATOR and UNKNOWN instead of LOST
            PARTITION_AWARE = 5
            #: `roles` instead of `role`; offers have allocation_info
            MULTI_ROLE = 6
            #: resources have `reservations` instead of `role` and `reservation`
            RESERVATION_REFINEMENT = 7
            #: agents of other regions are offered
            REGION_AWARE = 8

        type: Type | None = opt(1)

    #: unix user for executors/tasks; mandatory for HTTP schedulers
    user: str = req(1)
    name: str = req(2)
    #: unset on first SUBSCRIBE, set on every later one
    id: FrameworkID | None = opt(3)
    #: seconds; 0 => torn down as soon as disconnected
    failover_timeout: float = opt(4, default=0.0)
    #: agents persist this framework's executors/tasks so they survive agent restart; immutable
    checkpoint: bool = opt(5, default=False)
    #: only without MULTI_ROLE
    role: str | None = opt(6)
    #: only with MULTI_ROLE
    roles: tuple[str, ...] = rep(12)
    hostname: str | None = opt(7)
    #: immutable; ties to rate limits, reservations; set from authenticated principal when absent
    principal: str | None = opt(8)
    webui_url: str | None = opt(9)
    capabilities: tuple[Capability, ...] = rep(10)
    labels: Labels | None = opt(11)
    #: per role minimum allocatable resources (key = role)
    offer_filters: Mapping[str, OfferFilters] = mapping(13)
