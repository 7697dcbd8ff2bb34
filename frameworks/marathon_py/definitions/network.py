"""Where a task is reached: the networks it joins, and its ports.

On the host's network an app has port definitions; on others its container has port mappings. Both may be named, and a
port of 0 is one that somebody else chooses: the service port Marathon, the host port the offer.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from frameworks.marathon_py.definitions.fields import (
    Written,
    field,
    integer,
    items,
    mapping_field,
    one_of,
    strings,
    text,
)

HOST, CONTAINER, BRIDGE = "host", "container", "container/bridge"
PORT_MAX = 65_535
PROTOCOLS = ("tcp", "udp", "udp,tcp")

PORT = integer(0, PORT_MAX)
PORT_NAME = text(1, pattern="[a-z0-9]([-a-z0-9]*[a-z0-9])?")
NETWORK_NAME = text(1, 63, "[a-z0-9]([-a-z0-9_]*[a-z0-9])?")


@attrs.frozen(kw_only=True)
class Network:
    """One network that tasks join."""

    mode: str = field(one_of(CONTAINER, BRIDGE, HOST), CONTAINER)
    name: str | None = field(NETWORK_NAME, None)
    labels: Mapping[str, str] = mapping_field(strings())


@attrs.frozen(kw_only=True)
class PortDefinition:
    """A port of a task on the host's network; ``port`` is the service port, and the host's if ports are required."""

    port: int = field(PORT, 0)
    protocol: str = field(one_of(*PROTOCOLS), "tcp")
    name: str | None = field(PORT_NAME, None)
    labels: Mapping[str, str] = mapping_field(strings(), Written.ALWAYS)


@attrs.frozen(kw_only=True)
class PortMapping:
    """A port of a container. Host port None: it has none on the host."""

    container_port: int = field(PORT, 0)
    host_port: int | None = field(PORT, None)
    service_port: int = field(PORT, 0)
    protocol: str = field(one_of(*PROTOCOLS), "tcp")
    name: str | None = field(PORT_NAME, None)
    labels: Mapping[str, str] = mapping_field(strings(), Written.ALWAYS)
    network_names: tuple[str, ...] = field(items(text()), (), Written.IF_FILLED)


HOST_NETWORKS = (Network(mode=HOST),)
DEFAULT_PORT_DEFINITIONS = (PortDefinition(name="default"),)
DEFAULT_PORT_MAPPINGS = (PortMapping(name="default"),)
