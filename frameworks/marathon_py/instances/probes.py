"""Where a check of Marathon's asks: host and port of an instance's task.

Source: mesosphere/marathon .../core/health/impl/HealthCheckWorkerActor.scala, .../core/health/HealthCheck.scala
effectivePort, .../core/task/Task.scala effectiveIpAddress.
"""

from __future__ import annotations

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.network import CONTAINER, PortMapping
from frameworks.marathon_py.instances.instance import APP, Instance

Target = tuple[str, int]

INTERVAL_MIN_S = 1.0  # whatever a definition says: nobody is asked without a pause


def of_index(instance: Instance, index: int) -> Target | None:
    """Its port of that index: on the host if it has one there, else in its container; None: nobody knows where."""
    spec, task = instance.spec, instance.tasks.get(APP)
    if not isinstance(spec, App) or task is None or instance.placed is None:
        return None
    host_port = task.host_ports[index] if index < len(task.host_ports) else None
    if host_port is not None:
        return instance.placed.hostname, host_port
    found = spec.ports[index] if index < len(spec.ports) else None
    if not isinstance(found, PortMapping) or not task.addresses:
        return None
    return task.addresses[0][0], found.container_port


def of_port(instance: Instance, port: int) -> Target | None:
    """A port whose number is known: of its container, if that has an address of its own, else of the host."""
    spec, task = instance.spec, instance.tasks.get(APP)
    if not isinstance(spec, App) or task is None or instance.placed is None:
        return None
    if any(network.mode == CONTAINER for network in spec.networks):
        return (task.addresses[0][0], port) if task.addresses else None
    return instance.placed.hostname, port


def of_name(instance: Instance, name: str) -> Target | None:
    """Its port of that name."""
    ports = instance.spec.ports if isinstance(instance.spec, App) else ()
    index = next((at for at, port in enumerate(ports) if port.name == name), None)
    return of_index(instance, index) if index is not None else None
