"""What a definition leaves open, filled in: an app of what was given.

Much depends on other things: on its networks, which ports an app has; on its volumes, how it is upgraded. Nothing here
refuses: what does not go together stays as it is, for the rules to say so.

Source: mesosphere/marathon .../api/v2/AppNormalization.scala, .../raml/AppConversion.scala.
"""

from __future__ import annotations

import attrs

from frameworks.marathon_py.definitions import paths
from frameworks.marathon_py.definitions.app import DISABLED, NO_LIMIT, SINGLE_INSTANCE, App, Residency, UpgradeStrategy
from frameworks.marathon_py.definitions.checks import COMMAND, HealthCheck
from frameworks.marathon_py.definitions.container import MESOS, Container
from frameworks.marathon_py.definitions.legacy import Given
from frameworks.marathon_py.definitions.network import (
    BRIDGE,
    CONTAINER,
    DEFAULT_PORT_DEFINITIONS,
    DEFAULT_PORT_MAPPINGS,
    HOST,
    HOST_NETWORKS,
    Network,
)
from frameworks.marathon_py.definitions.settings import ANY_ROLE, Settings
from frameworks.marathon_py.definitions.volumes import ExternalVolume, PersistentVolume, Volume, of_kind

#: of instances whose data is in one place
IN_PLACE = UpgradeStrategy(minimum_health_capacity=0.5, maximum_over_capacity=0.0)
#: of an app that may never run twice
ONE_AT_MOST = UpgradeStrategy(minimum_health_capacity=0.0, maximum_over_capacity=0.0)


def complete(given: Given, settings: Settings, base: str = paths.ROOT, role: str | None = None) -> App:
    """The app that is meant in the group ``base``; ``role`` is its group's, if that has one."""
    made = {name: value for name, value in given.items() if name != "version"}
    made["id"] = own = paths.absolute(given["id"], base)
    made["dependencies"] = tuple(paths.absolute(one, paths.parent(own)) for one in given.get("dependencies", ()))
    made["constraints"] = tuple(_operator_in_capitals(words) for words in given.get("constraints", ()))
    made.setdefault("role", role or settings.mesos_role)
    made["accepted_resource_roles"] = settings.usable(given.get("accepted_resource_roles", ()), made["role"])
    made["networks"] = networks = _networks(given.get("networks", ()), settings)
    made["container"] = container = _container(given.get("container"), networks)
    if all(one.mode == HOST for one in networks):
        made.setdefault("port_definitions", DEFAULT_PORT_DEFINITIONS)
    else:
        made["require_ports"] = False
        made["port_definitions"] = given.get("port_definitions") or None
    _fill_strategies(made, container)
    app = App(**made)
    if app.ports and app.health_checks:
        app = attrs.evolve(app, health_checks=tuple(_with_port(check) for check in app.health_checks))
    return app


def _networks(given: tuple[Network, ...], settings: Settings) -> tuple[Network, ...]:
    name = settings.default_network_name
    return tuple(
        attrs.evolve(one, name=name) if one.mode == CONTAINER and one.name is None else one for one in given
    ) or HOST_NETWORKS


def _container(given: Container | None, networks: tuple[Network, ...]) -> Container | None:
    on_host = any(one.mode == HOST for one in networks)
    if given is None:
        if on_host:
            return None
        given = Container(type=MESOS)
    mappings = given.port_mappings
    if on_host:
        mappings = mappings or None
    elif mappings is None:
        mappings = DEFAULT_PORT_MAPPINGS
    if mappings is not None and any(one.mode == BRIDGE for one in networks):
        mappings = tuple(attrs.evolve(one, host_port=one.host_port or 0) for one in mappings)
    return attrs.evolve(given, port_mappings=mappings, volumes=tuple(_volume(one) for one in given.volumes))


def _volume(given: Volume) -> Volume:
    if not isinstance(given, PersistentVolume):
        return given
    return attrs.evolve(given, mode=given.mode or "RW", persistent=given.persistent.with_type())


def _fill_strategies(made: Given, container: Container | None) -> None:
    is_resident = container is not None and container.is_resident
    if made.get("labels", {}).get(SINGLE_INSTANCE) == "true":
        made.setdefault("upgrade_strategy", ONE_AT_MOST)
    elif is_resident or (container is not None and of_kind(container.volumes, ExternalVolume)):
        made.setdefault("upgrade_strategy", IN_PLACE)
    made.setdefault("unreachable_strategy", DISABLED if is_resident else NO_LIMIT)
    made["residency"] = made.get("residency") or Residency() if is_resident else None
    if is_resident:
        made["accepted_resource_roles"] = made["accepted_resource_roles"] or (ANY_ROLE,)


def _operator_in_capitals(words: tuple[str, ...]) -> tuple[str, ...]:
    return words if len(words) < 2 else (words[0], words[1].upper(), *words[2:])


def _with_port(check: HealthCheck) -> HealthCheck:
    """One that names no port is about the first."""
    if check.protocol == COMMAND or check.port is not None or check.port_index is not None:
        return check
    return attrs.evolve(check, port_index=0)
