"""A CNI network as a file describes it, and what each of its plugins is told. Pure.

A file is one plugin (``type``) or a list of them (``plugins``). Each is told its own part of the file, the name and
version of the whole, what Mesos tells every plugin (``args``: the NetworkInfo), port mappings if it says that it is
capable of them, and what the plugins before it have done.
Source: CNI specification, sections 1 and 4; Mesos: cni.cpp NetworkCniIsolatorProcess::attach
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from mesos_py.wire.codec.json import to_value
from mesos_py.wire.network import NetworkInfo

OLDEST: Final = "0.1.0"  # what a file means that names no version; CNI: libcni, NetConf
DELETES_BY_RESULT: Final = (0, 4, 0)  # from this version on DEL is told what ADD has answered
PORT_MAPPINGS: Final = "portMappings"

#: What Mesos adds to ``args``.
RESERVED: Final = "org.apache.mesos"

#: Mesos' own plugin for port mappings finds them in its ``args``.
MESOS_PORT_MAPPER: Final = "mesos-cni-port-mapper"


class Malformed(ValueError):
    """This is no configuration of a network, or no answer of a plugin; the text is why."""


@attrs.frozen(kw_only=True)
class Network:
    """``plugins`` are run in this order, and undone in reverse."""

    name: str
    version: str
    plugins: tuple[Mapping[str, Any], ...]

    @property
    def maps_ports(self) -> bool:
        """One of its plugins makes ports of the host lead to a container."""
        return any(_is_capable(one) or one["type"] == MESOS_PORT_MAPPER for one in self.plugins)

    @property
    def deletes_by_result(self) -> bool:
        parts = self.version.split(".")
        return tuple([int(part) if part.isdecimal() else 0 for part in parts]) >= DELETES_BY_RESULT


def parse(text: str | bytes) -> Network:
    """Raises Malformed."""
    found = read_object(text)
    plugins = found.get("plugins", [found])
    if not isinstance(plugins, list) or not plugins or not all(isinstance(one, dict) for one in plugins):
        raise Malformed("'plugins' is no list of objects")
    for one in plugins:
        kind = _text(one, "type")
        if "/" in kind:
            raise Malformed(f"type '{kind}' is a path")
        args = one.get("args", {})
        if not isinstance(args, dict):
            raise Malformed("'args' is no object")
        if RESERVED in args:
            raise Malformed(
                f"'{RESERVED}' in 'args' should not be set in CNI network configuration file. It is reserved by Mesos"
            )
    return Network(name=_text(found, "name"), version=_text(found, "cniVersion", OLDEST), plugins=tuple(plugins))


def read_object(text: str | bytes) -> dict[str, Any]:
    """Raises Malformed for what is no object of JSON."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"it is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise Malformed("it is no object")
    return found


def request(
    network: Network, plugin: Mapping[str, Any], asked: NetworkInfo, previous: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What ``plugin`` is told on its standard input; ``previous`` is what those before it have answered."""
    told = {
        **plugin,
        "name": network.name,
        "cniVersion": network.version,
        "args": {**plugin.get("args", {}), RESERVED: {"network_info": to_value(asked)}},
    }
    if _is_capable(plugin) and asked.port_mappings:
        told["runtimeConfig"] = {PORT_MAPPINGS: [_mapping(one) for one in asked.port_mappings]}
    if previous is not None:
        told["prevResult"] = previous
    return told


def _mapping(one: NetworkInfo.PortMapping) -> dict[str, Any]:
    protocol = (one.protocol or "tcp").lower()
    return {"hostPort": one.host_port, "containerPort": one.container_port, "protocol": protocol}


def _is_capable(plugin: Mapping[str, Any]) -> bool:
    capabilities = plugin.get("capabilities")
    return isinstance(capabilities, dict) and capabilities.get(PORT_MAPPINGS) is True


def _text(found: Mapping[str, Any], field: str, default: str = "") -> str:
    value = found.get(field, default)
    if not isinstance(value, str) or not value:
        raise Malformed(f"'{field}' is no text or not there")
    return value
