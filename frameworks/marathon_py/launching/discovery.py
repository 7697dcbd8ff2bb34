"""Where a task is found: its name and its ports, which the kernel carries and DNS servers and proxies read.

A port of the host is one record for each protocol. A port that only the container has is one for each protocol and
each network. Which of the two it is says the label ``network-scope``, but for tasks in the network of their host.

Source: mesosphere/marathon src/main/scala/mesosphere/mesos/PortDiscovery.scala.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from frameworks.marathon_py.definitions import paths
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.network import CONTAINER, PortMapping
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod, PodContainer
from frameworks.marathon_py.launching.ports import HostPorts, is_on_host
from mesos_py.wire.discovery import DiscoveryInfo, Port, Ports
from mesos_py.wire.value import Label, Labels

SCOPE, NETWORK = "network-scope", "network-name"


def of_app(app: App, host_ports: HostPorts) -> DiscoveryInfo:
    found: list[Port] = []
    for port, host_port in zip(app.ports, host_ports, strict=True):
        mapping = port if isinstance(port, PortMapping) else None
        found += _ports(
            app, port.name, port.labels, port.protocol.split(","), host_port,
            mapping.container_port if mapping is not None else None,
            mapping.network_names if mapping is not None else (),
        )  # fmt: skip
    return _info(app, found)


def of_container(pod: Pod, container: PodContainer, host_ports: HostPorts) -> DiscoveryInfo:
    """``host_ports`` are those of the container's endpoints."""
    found: list[Port] = []
    for end, host_port in zip(container.endpoints, host_ports, strict=True):
        found += _ports(pod, end.name, end.labels, end.protocol, host_port, end.container_port, end.network_names)
    return _info(pod, found)


def _info(spec: App | Pod, ports: Iterable[Port]) -> DiscoveryInfo:
    return DiscoveryInfo(
        visibility=DiscoveryInfo.Visibility.FRAMEWORK, name=paths.task_name(PathId(spec.id)),
        ports=Ports(ports=tuple(ports)),
    )  # fmt: skip


def _ports(
    spec: App | Pod, name: str | None, labels: Mapping[str, str], protocols: Iterable[str], host_port: int | None,
    container_port: int | None, network_names: tuple[str, ...],
) -> Iterator[Port]:  # fmt: skip
    networks = network_names or tuple([one.name or "" for one in spec.networks if one.mode == CONTAINER])
    for protocol in protocols:
        if host_port is not None:
            scope = {} if is_on_host(spec) else {SCOPE: "host"}
            yield _port(host_port, name, protocol, {**labels, **scope})
        else:
            for network in networks:
                yield _port(
                    container_port or 0, name, protocol, {**labels, SCOPE: "container", NETWORK: network}
                )  # fmt: skip


def _port(number: int, name: str | None, protocol: str, labels: Mapping[str, str]) -> Port:
    return Port(number=number, name=name, protocol=protocol, labels=labels_of(labels))


def labels_of(labels: Mapping[str, str]) -> Labels | None:
    """None: there are none."""
    if not labels:
        return None
    return Labels(labels=tuple([Label(key=key, value=text) for key, text in labels.items()]))
