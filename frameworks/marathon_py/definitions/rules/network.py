"""Rules about networks and ports."""

from __future__ import annotations

from collections.abc import Iterator

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.container import DOCKER
from frameworks.marathon_py.definitions.fields import Violation, element
from frameworks.marathon_py.definitions.network import BRIDGE, CONTAINER, HOST, Network
from frameworks.marathon_py.definitions.rules.words import Rule, has_twice, is_one_of
from frameworks.marathon_py.definitions.settings import Settings

NAME_FOR_HOST_PORT = (
    "networkNames must be a single item list when hostPort is specified and more than 1 container network is defined"
)
_COMBINATION = "May specify a single host network, single bridge network, or else 1-to-n container networks"


def combination(networks: tuple[Network, ...]) -> Iterator[Violation]:
    """Which networks go together; the rule of pods, too."""
    at = "/networks"
    if any(one.mode == HOST and (one.name or one.labels) for one in networks):
        yield Violation(at, "Host networks may not have names or labels")
    if any(one.mode == BRIDGE and one.name for one in networks):
        yield Violation(at, "Bridge networks may not have names")
    unnamed = [one for one in networks if one.mode == CONTAINER and one.name is None]
    if len(unnamed) > 1 or has_twice(one.name for one in networks if one.name is not None):
        yield Violation(at, "Duplicate networks are not allowed")
    modes = [one.mode for one in networks]
    if len(modes) > 1 and any(mode != CONTAINER for mode in modes):
        yield Violation(at, _COMBINATION)
    if unnamed:  # those that could be named have been
        yield Violation(at, "Network name must be specified when container network is selected.")


def networks(app: App, settings: Settings) -> Iterator[Violation]:
    yield from combination(app.networks)
    is_docker = app.container is not None and app.container.type == DOCKER
    if is_docker and sum(one.mode == CONTAINER for one in app.networks) > 1:
        yield Violation("/", "may only specify a single container network when using the Docker container engine")


def ports_where_they_belong(app: App, settings: Settings) -> Iterator[Violation]:
    modes = [one.mode for one in app.networks]
    if HOST in modes and app.container is not None and app.container.port_mappings:
        yield Violation("/", "portMappings are not allowed with host-networking")
    if app.port_definitions and any(mode != HOST for mode in modes):
        yield Violation("/", "portDefinitions are only allowed with host-networking")


def port_definitions(app: App, settings: Settings) -> Iterator[Violation]:
    ports = app.port_definitions or ()
    if has_twice(one.name for one in ports if one.name is not None):
        yield Violation("/portDefinitions", "Port names must be unique.")
    if has_twice(one.port for one in ports if one.port):
        yield Violation("/portDefinitions", "Ports must be unique.")


def port_mappings(app: App, settings: Settings) -> Iterator[Violation]:
    ports = (app.container.port_mappings if app.container is not None else None) or ()
    at = "/container/portMappings"
    if has_twice(one.name for one in ports if one.name is not None):
        yield Violation(at, "Port names must be unique.")
    names = [one.name for one in app.networks if one.name is not None]
    of_containers = sum(one.mode == CONTAINER for one in app.networks)
    for index, port in enumerate(ports):
        if of_containers > 1 and port.host_port is not None and len(port.network_names) != 1:
            yield Violation(element(at, index), NAME_FOR_HOST_PORT)
        for place, name in enumerate(port.network_names):
            yield from is_one_of(element(f"{element(at, index)}/networkNames", place), name, names)


NETWORKS: tuple[Rule, ...] = (networks, ports_where_they_belong, port_definitions, port_mappings)
