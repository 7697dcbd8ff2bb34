"""Service ports of 0 become ports that no other app has: the lowest free ones, or those the app had before.

Ports that people choose are theirs, and are not looked at for collisions.
Source: mesosphere/marathon .../core/group/impl/AssignDynamicServiceLogic.scala.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import attrs

from frameworks.marathon_py.definitions.app import App


class PortsExhausted(RuntimeError):
    """No port of the range is free."""


def service_ports(app: App) -> tuple[int, ...]:
    """In order of its port mappings or port definitions; 0 is open."""
    container = app.container
    if container is not None and container.port_mappings is not None:
        return tuple(one.service_port for one in container.port_mappings)
    return tuple(one.port for one in app.port_definitions or ())


def assigned(app: App, old: App | None, taken: Collection[int], least: int, end: int) -> App:
    """The app with all its service ports, from ``least`` to below ``end``; ``taken`` are those of all apps.

    Raises PortsExhausted.
    """
    wanted = service_ports(app)
    if all(wanted):
        return app
    free = _free(wanted, service_ports(old) if old is not None else (), taken, least, end)
    ports = [port or next(free, 0) for port in wanted]
    if not all(ports):
        raise PortsExhausted(f"All ports in the range [{least}-{end}) are already in use")
    container = app.container
    if container is not None and container.port_mappings is not None:
        pairs = zip(container.port_mappings, ports, strict=True)
        mappings = tuple(attrs.evolve(one, service_port=port) for one, port in pairs)
        return attrs.evolve(app, container=attrs.evolve(container, port_mappings=mappings))
    definitions = zip(app.port_definitions or (), ports, strict=True)
    return attrs.evolve(app, port_definitions=tuple(attrs.evolve(one, port=port) for one, port in definitions))


def _free(
    wanted: tuple[int, ...], before: tuple[int, ...], taken: Collection[int], least: int, end: int
) -> Iterator[int]:
    """First its own of the range that it does not name again, in order, then those that nobody has."""
    own = [port for port in before if least <= port < end and port not in wanted]
    yield from own
    for port in range(least, end):
        if port not in taken and port not in wanted and port not in own:
            yield port
