"""Forms of former releases, which are read and never written: each is translated to today's.

=====================================  =============================================================
uris                                   fetch; names of archives are extracted
ports                                  portDefinitions, or service ports of port mappings
container.docker.network               networks
container.docker.portMappings          container.portMappings
ipAddress                              a container network; its discovery.ports, container.portMappings
=====================================  =============================================================

Old and new forms of one thing exclude each other, which ``violations`` says.
Source: mesosphere/marathon src/main/scala/mesosphere/marathon/api/v2/AppNormalization.scala.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import attrs

from frameworks.marathon_py.definitions import fields
from frameworks.marathon_py.definitions.app import App, Fetch
from frameworks.marathon_py.definitions.container import DOCKER, MESOS, Container, Docker
from frameworks.marathon_py.definitions.fields import (
    BAD,
    Kind,
    Report,
    Violation,
    element,
    field,
    items,
    mapping_field,
    one_of,
    record,
    strings,
    text,
)
from frameworks.marathon_py.definitions.network import (
    BRIDGE,
    CONTAINER,
    HOST,
    NETWORK_NAME,
    PORT,
    PORT_NAME,
    PROTOCOLS,
    Network,
    PortDefinition,
    PortMapping,
)
from frameworks.marathon_py.definitions.rules import uris
from frameworks.marathon_py.definitions.settings import Settings

Given = dict[str, Any]
"""Fields of an app by name, those that are given."""

ARCHIVES = (".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".txz", ".gz", ".zip")


@attrs.frozen(kw_only=True)
class DiscoveryPort:
    """A port that is announced."""

    number: int = field(PORT, 0)
    name: str = field(PORT_NAME)
    protocol: str = field(one_of(*PROTOCOLS), "tcp")
    labels: Mapping[str, str] = mapping_field(strings())


@attrs.frozen(kw_only=True)
class Discovery:
    """Ports that are announced."""

    ports: tuple[DiscoveryPort, ...] = field(items(record(DiscoveryPort)), ())


@attrs.frozen(kw_only=True)
class IpAddress:
    """A task has an address of its own."""

    #: Marathon takes any text here, and does not take it back in the form that it shows
    network_name: str | None = field(NETWORK_NAME, None)
    labels: Mapping[str, str] = mapping_field(strings())
    groups: tuple[str, ...] = field(items(text(), is_set=True), ())
    discovery: Discovery | None = field(record(Discovery), None)


@attrs.frozen(kw_only=True)
class Legacy:
    """Fields of an app that are no longer."""

    uris: tuple[str, ...] | None = field(items(text(1, 1024)), None)
    ports: tuple[int, ...] | None = field(items(PORT), None)
    ip_address: IpAddress | None = field(record(IpAddress), None)


def _read_given(body: Any, path: str, report: Report) -> Any:
    if not isinstance(body, dict):
        report(path or "/", "error.expected.jsobject")
        return BAD
    given = fields.given_of(App, body, path, report) | fields.given_of(Legacy, body, path, report)
    return BAD if BAD in given.values() else given


#: an app as it is given, in old forms and new
GIVEN = Kind(
    _read_given, schema={"allOf": [record(App).schema, record(Legacy).schema]}, classes=(App, Legacy),
)  # fmt: skip


def read_given(body: Any) -> Given:
    """What is given of an app, in old forms and new. Raises InvalidJson, with all that is wrong."""
    return cast(Given, fields.read_as(GIVEN, body))


def violations(given: Given) -> Iterator[Violation]:
    """What is wrong with the forms that were chosen; ``translate`` is for what has none."""
    container: Container | None = given.get("container")
    docker = container.docker if container is not None else None
    address: IpAddress | None = given.get("ip_address")
    ports, definitions = given.get("ports"), given.get("port_definitions")
    if container is not None and docker is not None:
        yield from _docker_violations(container, docker)
    if address is not None and address.discovery is not None and container is not None and container.type == DOCKER:
        yield Violation("/ipAddress", "ipAddress/discovery is not allowed for Docker containers")
    if _discovered(address) and container is not None and container.type == MESOS and container.port_mappings:
        yield Violation("/", "container.portMappings and ipAddress.discovery.ports must not both be set")
    for index, uri in enumerate(given.get("uris") or ()):
        yield from uris.syntax(element("/uris", index), uri)
    if given.get("uris") and given.get("fetch"):
        yield Violation("/uris", "may not be set in conjunction with fetch")
    if given.get("accepted_resource_roles") == ():  # an app does not show that it was given
        yield Violation("/acceptedResourceRoles", "must not be empty")
    if docker is not None and docker.network is not None and given.get("networks"):
        yield Violation("/", "must not specify both container.docker.network and networks")
    if address is not None and given.get("networks"):
        yield Violation("/", "must not specify both networks and ipAddress")
    fixed = [port for port in ports or () if port]
    if len(dict.fromkeys(fixed)) < len(fixed):
        yield Violation("/", "ports must be unique")
    if address is not None and (ports or definitions):
        yield Violation("/", "cannot specify both an IP address and port")
    if ports is not None and definitions is not None and tuple(one.port for one in definitions) != ports:
        yield Violation("/", "cannot specify both ports and port definitions")


def _discovered(address: IpAddress | None) -> tuple[DiscoveryPort, ...]:
    return address.discovery.ports if address is not None and address.discovery is not None else ()


def _docker_violations(container: Container, docker: Docker) -> Iterator[Violation]:
    at = "/container/docker"
    if docker.credential is not None:
        yield Violation(f"{at}/credential", "must be empty")
    if container.type == MESOS:
        for name, value in (("network", docker.network), ("portMappings", docker.port_mappings)):
            if value is not None:
                yield Violation(f"{at}/{name}", "must be empty")
        if docker.parameters:
            yield Violation(f"{at}/parameters", "must be empty")
    elif docker.port_mappings and container.port_mappings:
        yield Violation("/", "cannot specify both portMappings and docker.portMappings")


def translate(given: Given, settings: Settings) -> Given:
    """The same in today's forms."""
    made = {name: value for name, value in given.items() if name not in ("uris", "ports", "ip_address")}
    address: IpAddress | None = given.get("ip_address")
    container: Container | None = given.get("container")
    if given.get("uris"):
        made["fetch"] = tuple(Fetch(uri=uri, extract=_is_archive(uri)) for uri in given["uris"])
    network = _network(address, container, settings)
    if network is not None:
        made["networks"] = (network,)
    if container is None and address is not None:
        container = Container(type=MESOS)
    if container is not None:
        made["container"] = container = _container(container, address)
    ports: tuple[int, ...] | None = given.get("ports")
    if ports is not None and "port_definitions" not in given:
        if any(one.mode != HOST for one in made.get("networks", ())):
            made["container"] = _with_service_ports(container or Container(type=MESOS), ports)
        else:
            made["port_definitions"] = tuple(PortDefinition(port=port) for port in ports)
    return made


def _is_archive(uri: str) -> bool:
    try:
        return urlsplit(uri).path.endswith(ARCHIVES)
    except ValueError:
        return False


def _network(address: IpAddress | None, container: Container | None, settings: Settings) -> Network | None:
    """None: there is no old form of it."""
    old = container.docker.network if container is not None and container.docker is not None else None
    labels = address.labels if address is not None else {}
    if old in ("HOST", "NONE"):
        return Network(mode=HOST)
    name = address.network_name if address is not None else None
    if old == "BRIDGE" or (old is None and name == settings.mesos_bridge_name):
        return Network(mode=BRIDGE, labels=labels)
    if old == "USER" or address is not None:
        return Network(mode=CONTAINER, name=name, labels=labels)
    return None


def _container(container: Container, address: IpAddress | None) -> Container:
    mappings, docker = container.port_mappings, container.docker
    if docker is not None:
        if docker.port_mappings is not None and not mappings:
            mappings = docker.port_mappings
        if docker.network in ("HOST", "NONE"):
            mappings = None
        docker = attrs.evolve(docker, network=None, port_mappings=None)
    if container.type == MESOS and _discovered(address):
        mappings = tuple(
            PortMapping(container_port=one.number, name=one.name, protocol=one.protocol, labels=one.labels)
            for one in _discovered(address)
        )
    return attrs.evolve(container, docker=docker, port_mappings=mappings)


def _with_service_ports(container: Container, ports: tuple[int, ...]) -> Container:
    """The ports, in order, are the service ports of mappings that have none; more ports are more mappings."""
    mappings = list(container.port_mappings or ())
    mappings += [PortMapping()] * (len(ports) - len(mappings))
    for place, port in enumerate(ports):
        if not mappings[place].service_port:
            mappings[place] = attrs.evolve(mappings[place], service_port=port)
    return attrs.evolve(container, port_mappings=tuple(mappings))
