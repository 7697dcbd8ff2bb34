"""How a task or executor announces itself to service discovery.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.value import Labels


@message
class Port:
    """A port that a task listens on, for service discovery."""

    number: int = req(1, kind="uint32")
    name: str | None = opt(2)
    protocol: str | None = opt(3)
    visibility: DiscoveryInfo.Visibility | None = opt(4)
    labels: Labels | None = opt(5)


@message
class Ports:
    """A list of ports."""

    ports: tuple[Port, ...] = rep(1)


@message
class DiscoveryInfo:
    """What service discovery should know; the kernel only carries it."""

    class Visibility(WireEnum):
        FRAMEWORK = 0
        CLUSTER = 1
        EXTERNAL = 2

    visibility: Visibility = req(1)
    name: str | None = opt(2)
    environment: str | None = opt(3)
    location: str | None = opt(4)
    version: str | None = opt(5)
    ports: Ports | None = opt(6)
    labels: Labels | None = opt(7)
