"""Networks a container joins, and the addresses it got there.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.value import Labels


class IPProtocol(WireEnum):
    """NetworkInfo.Protocol; it stands outside so that the default inside can name it."""

    IPv4 = 1
    IPv6 = 2


@message
class NetworkInfo:
    """A network: asked for in ContainerInfo, obtained in ContainerStatus."""

    Protocol = IPProtocol

    @message
    class IPAddress:
        protocol: IPProtocol = opt(1, default=IPProtocol.IPv4)
        ip_address: str | None = opt(2)

    @message
    class PortMapping:
        host_port: int = req(1, kind="uint32")
        container_port: int = req(2, kind="uint32")
        protocol: str | None = opt(3)

    #: request: one per address wanted; status: assigned addresses
    ip_addresses: tuple[IPAddress, ...] = rep(5)
    #: CNI network or docker user network name
    name: str | None = opt(6)
    groups: tuple[str, ...] = rep(3)
    labels: Labels | None = opt(4)
    port_mappings: tuple[PortMapping, ...] = rep(7)
