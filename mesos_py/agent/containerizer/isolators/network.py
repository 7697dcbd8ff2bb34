"""network/cni: the networks a container asks for, and what it sees of those it has joined. Pure.

Joining them is the work of ``containerizer/networks``. In a network of its own a container has its own host name, and
its own /etc/hosts, /etc/hostname and /etc/resolv.conf; in the host's network one with a root of its own sees those of
the host. What is nested is in the network of the container at the root of its tree, unless it asks for one itself.
Mesos: src/slave/containerizer/mesos/isolators/network/cni/cni.cpp, port mappings src/docker/docker.cpp
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.networks.results import Dns
from mesos_py.agent.containerizer.runtime.bundle import Bundle
from mesos_py.algebra.resources import Resources
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.network import NetworkInfo

HOSTS, HOSTNAME, RESOLV_CONF = "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"

PORT_MAX: Final = 65535
_HOSTNAME: Final = re.compile(r"[A-Za-z0-9._-]{0,64}")  # none: its id is its name; no longer: sethostname(2)
PROTOCOLS: Final = ("tcp", "udp", "sctp")

#: Variables of a container in a network of its own: where a C++ executor would listen, and its address.
ADDRESSES: Final = ("LIBPROCESS_IP", "MESOS_CONTAINER_IP")
ANY_ADDRESS: Final = "0.0.0.0"

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@attrs.frozen(kw_only=True)
class Joined:
    """A network namespace that is connected."""

    #: path
    namespace: str
    hostname: str
    #: what statuses say: the networks and the addresses in them
    infos: tuple[NetworkInfo, ...]
    #: path within the container -> path of its file on the host
    files: Mapping[str, str]
    #: the first one; empty: its networks give none
    address: str


def named(container: ContainerInfo | None) -> tuple[NetworkInfo, ...]:
    """The networks to be joined; none: it is in the host's."""
    if container is None or container.type is not ContainerInfo.Type.MESOS:
        return ()
    return tuple([info for info in container.network_infos if info.name is not None])


def is_own(spec: ContainerSpec) -> bool:
    """It joins networks itself, if any, and not with the container at the root of its tree."""
    return spec.parent_id is None or bool(named(spec.container))


def problem(container: ContainerInfo | None, resources: Callable[[], Resources]) -> str | None:
    """What is wrong with what the container asks for; ``resources`` are what its tree is entitled to."""
    wanted = named(container)
    for number, info in enumerate(wanted):
        if any(other.name == info.name for other in wanted[:number]):
            return f"Attempted to join CNI network '{info.name}' multiple times"
        for mapping in info.port_mappings:
            text = _mapping_problem(mapping, resources())
            if text is not None:
                return text
    hostname = "" if container is None else container.hostname or ""
    if wanted and not _HOSTNAME.fullmatch(hostname):
        return f"Hostname {hostname!r} is no host name of at most 64 characters"
    return None


def isolate(bundle: Bundle, joined: Joined | None) -> None:
    """The container is in the networks it has joined."""
    if joined is None:
        for path in (HOSTS, HOSTNAME, RESOLV_CONF) if bundle.is_own_root else ():
            bundle.mount(path, path, "bind", "ro")
        return
    bundle.namespaces["network"] = joined.namespace
    bundle.namespaces["uts"] = ""
    bundle.hostname = joined.hostname
    for path, source in joined.files.items():
        bundle.mount(path, source, "bind", "ro")
    access = "ro" if bundle.is_own_root else "rw"
    bundle.mount("/sys", "sysfs", access, "nosuid", "noexec", "nodev", kind="sysfs")  # it shows links of its mounter
    bundle.mount("/sys/fs/cgroup", "/sys/fs/cgroup", "rbind", access, "nosuid", "noexec", "nodev")
    command = bundle.spec.command
    environment = None if command is None else command.environment
    own = {variable.name for variable in environment.variables} if environment is not None else set()
    for name, value in zip(ADDRESSES, (ANY_ADDRESS, joined.address), strict=True):
        if value and name not in own:
            bundle.env[name] = value


def hosts(hostname: str, addresses: Sequence[_Address]) -> str:
    """/etc/hosts: the container finds itself by its name."""
    own = min(addresses, key=lambda one: one.version, default=None)
    return "127.0.0.1 localhost\n" + ("" if own is None else f"{own} {hostname}\n")


def resolv_conf(dns: Dns) -> str:
    """/etc/resolv.conf; empty: the host's will do."""
    if not dns.nameservers:
        return ""
    lines = [("domain", dns.domain or ""), ("search", " ".join(dns.search)), ("options", " ".join(dns.options))]
    lines += [("nameserver", one) for one in dns.nameservers]
    return "".join([f"{name} {value}\n" for name, value in lines if value])


def _mapping_problem(mapping: NetworkInfo.PortMapping, resources: Resources) -> str | None:
    for port in (mapping.host_port, mapping.container_port):
        if not 0 < port <= PORT_MAX:
            return f"Port [{port}] of a port mapping is no port"
    if mapping.protocol is not None and mapping.protocol.lower() not in PROTOCOLS:
        return f"Protocol '{mapping.protocol}' of a port mapping is unknown"
    ports = resources.ranges("ports")
    if not ports:
        return "Port mappings require port resources"
    if mapping.host_port not in ports:
        return f"Port [{mapping.host_port}] not included in resources"
    return None
