"""Resources as they travel. What adding and subtracting them means is the business of mesos_py.algebra.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.ids import AgentID, ResourceProviderID
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.value import Labels, Value
from mesos_py.wire.volume import Volume


@message
class Resource:
    """An amount of something on one agent, with what it is reserved for, allocated to and made of."""

    @message
    class AllocationInfo:
        role: str | None = opt(1)

    @message
    class ReservationInfo:
        class Type(WireEnum):
            UNKNOWN = 0
            STATIC = 1
            DYNAMIC = 2

        #: only inside reservations[]
        type: Type | None = opt(4)
        #: only inside reservations[]
        role: str | None = opt(3)
        principal: str | None = opt(1)
        labels: Labels | None = opt(2)

    @message
    class DiskInfo:
        @message
        class Persistence:
            #: unique per role per agent
            id: str = req(1)
            principal: str | None = opt(2)

        @message
        class Source:
            class Type(WireEnum):
                UNKNOWN = 0
                PATH = 1
                MOUNT = 2
                BLOCK = 3
                RAW = 4

            @message
            class Path:
                """Divisible."""

                root: str | None = opt(1)

            @message
            class Mount:
                """Exclusive, all-or-nothing."""

                root: str | None = opt(1)

            type: Type = req(1)
            path: Path | None = opt(2)
            mount: Mount | None = opt(3)
            id: str | None = opt(4)
            metadata: Labels | None = opt(5)
            profile: str | None = opt(6)
            vendor: str | None = opt(7)

        persistence: Persistence | None = opt(1)
        #: container_path of the volume; mode RW required; host_path forbidden
        volume: Volume | None = opt(2)
        source: Source | None = opt(3)

    @message
    class RevocableInfo:
        """Present or not; no fields."""

    @message
    class SharedInfo:
        """Present or not; no fields."""

    #: set only for resources of a resource provider
    provider_id: ResourceProviderID | None = opt(12)
    name: str = req(1)
    type: Value.Type = req(2)
    scalar: Value.Scalar | None = opt(3)
    ranges: Value.Ranges | None = opt(4)
    set: Value.Set | None = opt(5)
    #: legacy format only; unset when reservations[] is used
    role: str | None = opt(6)
    #: role the offered resource is allocated to; hidden from non-MULTI_ROLE schedulers; filled by master when scheduler
    #: leaves it out
    allocation_info: AllocationInfo | None = opt(11)
    #: legacy dynamic reservation (role in Resource.role)
    reservation: ReservationInfo | None = opt(8)
    #: stack; last = current role; first may be STATIC, rest DYNAMIC, each role a strict sub-role of the previous
    reservations: tuple[ReservationInfo, ...] = rep(13)
    disk: DiskInfo | None = opt(7)
    #: oversubscribed; may be evicted
    revocable: RevocableInfo | None = opt(9)
    #: only persistent volumes
    shared: SharedInfo | None = opt(10)


@message
class TaskResourceLimitation:
    """Which resources a task exceeded."""

    resources: tuple[Resource, ...] = rep(1)


@message
class Request:
    """What a framework would like to be offered; the allocator ignores it."""

    agent_id: AgentID | None = opt(1)
    resources: tuple[Resource, ...] = rep(2)
