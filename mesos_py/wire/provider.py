"""Resource providers and their CSI plugins.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.ids import ResourceProviderID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.value import Attribute


@message
class CSIPluginContainerInfo:
    """A container that runs services of a CSI plugin."""

    class Service(WireEnum):
        UNKNOWN = 0
        CONTROLLER_SERVICE = 1
        NODE_SERVICE = 2

    services: tuple[Service, ...] = rep(1)
    command: CommandInfo | None = opt(2)
    resources: tuple[Resource, ...] = rep(3)
    container: ContainerInfo | None = opt(4)


@message
class CSIPluginEndpoint:
    """Where a service of a CSI plugin listens."""

    csi_service: CSIPluginContainerInfo.Service = req(1)
    endpoint: str = req(2)


@message
class CSIPluginInfo:
    """A CSI plugin."""

    type: str = req(1)
    name: str = opt(2, default="default")
    containers: tuple[CSIPluginContainerInfo, ...] = rep(3)
    endpoints: tuple[CSIPluginEndpoint, ...] = rep(4)
    target_path_root: str | None = opt(5)
    target_path_exists: bool | None = opt(6)


@message
class ResourceProviderInfo:
    """A resource provider as it introduces itself."""

    @message
    class Storage:
        plugin: CSIPluginInfo = req(1)
        reconciliation_interval_seconds: float | None = opt(2)

    id: ResourceProviderID | None = opt(1)
    attributes: tuple[Attribute, ...] = rep(2)
    type: str = req(3)
    name: str = req(4)
    default_reservations: tuple[Resource.ReservationInfo, ...] = rep(5)
    storage: Storage | None = opt(6)
