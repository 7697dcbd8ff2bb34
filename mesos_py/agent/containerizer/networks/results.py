"""What a plugin answers: addresses and name servers, in every version of CNI; and why it has failed. Pure.

====================  =========================================================
before 0.3.0          ``ip4`` and ``ip6``, one address each
since                 ``ips``, any number
always                ``dns``: nameservers, domain, search, options
====================  =========================================================

Source: CNI specification, section 5, and its older versions.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from mesos_py.agent.containerizer.networks.configuration import Malformed, read_object
from mesos_py.wire.flags import ContainerDNSInfo
from mesos_py.wire.network import IPProtocol, NetworkInfo
from mesos_py.wire.schema import evolve

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


Dns = ContainerDNSInfo.MesosInfo.DNS


def parse(text: str) -> dict[str, Any]:
    """The answer to ADD, as the next plugin and DEL are told it. Raises Malformed."""
    found = read_object(text) if text.strip() else {}
    addresses(found)
    dns(found)
    return found


def addresses(result: Mapping[str, Any]) -> list[_Address]:
    """In the plugin's order. Raises Malformed."""
    given = [one.get("address") for one in _list(result, "ips") if isinstance(one, dict)]
    given += [result[name].get("ip") for name in ("ip4", "ip6") if isinstance(result.get(name), dict)]
    try:
        return [ipaddress.ip_interface(str(one)).ip for one in given if one is not None]
    except ValueError as error:
        raise Malformed(str(error)) from None


def dns(result: Mapping[str, Any]) -> Dns:
    """Raises Malformed."""
    found = result.get("dns") or {}
    if not isinstance(found, dict):
        raise Malformed("'dns' is no object")
    servers, search, options = [
        tuple([one for one in _list(found, name) if isinstance(one, str)])
        for name in ("nameservers", "search", "options")
    ]
    domain = found.get("domain")
    return Dns(
        nameservers=servers, domain=domain if isinstance(domain, str) else None, search=search, options=options
    )


def merged(several: Iterable[Dns]) -> Dns:
    """Of the networks of one container together; of domains there can be one only, and the last has its way."""
    all_of_them = Dns()
    for one in several:
        all_of_them = Dns(
            nameservers=all_of_them.nameservers + one.nameservers,
            domain=one.domain or all_of_them.domain,
            search=all_of_them.search + one.search,
            options=all_of_them.options + one.options,
        )
    return all_of_them


def obtained(asked: NetworkInfo, result: Mapping[str, Any]) -> NetworkInfo:
    """What statuses say: as it was asked for, with the addresses there are."""
    found = [
        NetworkInfo.IPAddress(
            protocol=IPProtocol.IPv4 if one.version == 4 else IPProtocol.IPv6, ip_address=str(one)
        )
        for one in addresses(result)
    ]
    return evolve(asked, ip_addresses=tuple(found))


def failure(printed: str) -> str:
    """What a plugin that has failed says of it on its standard output; empty: nothing that can be understood."""
    try:
        found = read_object(printed)
    except Malformed:
        return ""
    return ": ".join([str(found[name]) for name in ("msg", "details") if found.get(name)])


def _list(found: Mapping[str, Any], field: str) -> list[Any]:
    value = found.get(field) or []
    if not isinstance(value, list):
        raise Malformed(f"'{field}' is no list")
    return value
