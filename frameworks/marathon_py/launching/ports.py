"""Ports of a spec: which ones it wants on the host, which ones it gets, and under which numbers it is found there.

In the order of the definition: port mappings, or port definitions, of an app; endpoints, container by container, of a
pod. A port is wanted on the host by its number, by 0 for any, or not at all (None). Any are drawn by the SDK: a run of
free ports from a random place on, so that one that has just become free is not used again at once.

Source: mesosphere/marathon src/main/scala/mesosphere/marathon/tasks/PortsMatcher.scala.
"""

from __future__ import annotations

from collections.abc import Sequence

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.network import HOST, PortMapping
from frameworks.marathon_py.definitions.pods import Endpoint, Pod

HostPorts = tuple[int | None, ...]
"""One for each port of a definition; None: that one has none on the host."""


def wanted(spec: App | Pod) -> HostPorts:
    """On the host, as they are defined."""
    if isinstance(spec, Pod):
        return tuple([endpoint.host_port for endpoint in endpoints(spec)])
    return tuple([_wanted(spec, port) for port in spec.ports])


def _wanted(app: App, port: object) -> int | None:
    if isinstance(port, PortMapping):
        return port.host_port
    return port.port if app.require_ports else 0  # type: ignore[attr-defined]


def asked(spec: App | Pod) -> tuple[int, ...]:
    """What an offer is asked for: those with numbers, each once (two protocols may share one), then any."""
    numbers = [port for port in wanted(spec) if port is not None]
    return (*dict.fromkeys([port for port in numbers if port]), *[port for port in numbers if not port])


def assigned(spec: App | Pod, drawn: Sequence[int]) -> HostPorts:
    """``drawn`` is what came of ``asked``."""
    ports = wanted(spec)
    anywhere = iter(drawn[len({port for port in ports if port}) :])
    return tuple([port if port is None or port else next(anywhere) for port in ports])


def endpoints(pod: Pod) -> list[Endpoint]:
    return [endpoint for container in pod.containers for endpoint in container.endpoints]


def is_on_host(spec: App | Pod) -> bool:
    """Its tasks are in the network of their host."""
    return any(network.mode == HOST for network in spec.networks)


def inside(container_port: int, host_port: int | None) -> int:
    """In its container: 0 is the same as on the host, so that a task can tell others one number."""
    return container_port or host_port or 0
