"""The master as others see it.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.value import Address, DomainInfo


@message
class MasterInfo:
    """The leading master as it introduces itself."""

    @message
    class Capability:
        class Type(WireEnum):
            UNKNOWN = 0
            AGENT_UPDATE = 1
            AGENT_DRAINING = 2
            QUOTA_V2 = 3

        type: Type | None = opt(1)

    id: str = req(1)
    #: IPv4 as network-order packed int (so little-endian hosts print it byte swapped)
    ip: int = req(2, kind="uint32")
    port: int = req(3, default=5050, kind="uint32")
    #: "master@ip:port"
    pid: str | None = opt(4)
    hostname: str | None = opt(5)
    version: str | None = opt(6)
    address: Address | None = opt(7)
    domain: DomainInfo | None = opt(8)
    capabilities: tuple[Capability, ...] = rep(9)
