"""Structured values of flags.

Mesos: src/messages/flags.proto.
"""

from __future__ import annotations

from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.image import Image
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.value import DurationInfo


@message
class Firewall:
    """The contents of --firewall_rules."""

    @message
    class DisabledEndpointsRule:
        paths: tuple[str, ...] = rep(1)

    disabled_endpoints: DisabledEndpointsRule | None = opt(1)


@message
class ContainerDNSInfo:
    """The contents of --default_container_dns."""

    @message
    class MesosInfo:
        class NetworkMode(WireEnum):
            UNKNOWN = 0
            HOST = 1
            CNI = 2

        @message
        class DNS:
            nameservers: tuple[str, ...] = rep(1)
            domain: str | None = opt(2)
            search: tuple[str, ...] = rep(3)
            options: tuple[str, ...] = rep(4)

        network_mode: NetworkMode | None = opt(1)
        network_name: str | None = opt(2)
        dns: DNS = req(3)

    @message
    class DockerInfo:
        class NetworkMode(WireEnum):
            UNKNOWN = 0
            HOST = 1
            BRIDGE = 2
            USER = 3

        @message
        class DNS:
            nameservers: tuple[str, ...] = rep(1)
            search: tuple[str, ...] = rep(2)
            options: tuple[str, ...] = rep(3)

        network_mode: NetworkMode | None = opt(1)
        network_name: str | None = opt(2)
        dns: DNS = req(3)

    mesos: tuple[MesosInfo, ...] = rep(1)
    docker: tuple[DockerInfo, ...] = rep(2)


@message
class AgentCapabilities:
    """The contents of --agent_features."""

    capabilities: tuple[AgentInfo.Capability, ...] = rep(1)


@message
class ImageGcConfig:
    """The contents of --image_gc_config."""

    image_disk_headroom: float = req(1)
    image_disk_watch_interval: DurationInfo = req(2)
    excluded_images: tuple[Image, ...] = rep(3)
