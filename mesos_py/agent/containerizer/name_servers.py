"""--default_container_dns: name servers of containers whose networks name none. Pure.

Mesos: src/slave/flags.cpp, default_container_dns; cni.cpp NetworkCniIsolatorProcess::_isolate
"""

from __future__ import annotations

from typing import Final

from mesos_py.wire.flags import ContainerDNSInfo

_Mesos = ContainerDNSInfo.MesosInfo

FLAG: Final = "`--default_container_dns`"


def check(given: ContainerDNSInfo) -> None:
    """Raises ValueError when it says two things of one network."""
    seen: set[tuple[str, str | None]] = set()
    rows: list[ContainerDNSInfo.MesosInfo | ContainerDNSInfo.DockerInfo] = [*given.mesos, *given.docker]
    for row in rows:
        mode = "UNKNOWN" if row.network_mode is None else row.network_mode.name
        if mode == "UNKNOWN":
            raise ValueError(f"UNKNOWN network mode configured in {FLAG}")
        if mode == "HOST":
            raise ValueError(f"Configuring DNS for HOST network with {FLAG} is not yet supported")
        name = None if mode == "BRIDGE" else row.network_name
        if (mode, name) in seen:
            kind = {"CNI": "CNI", "USER": "user-defined CNM", "BRIDGE": "Docker default bridge"}[mode]
            whose = " without network name" if name is None else f" with the same network name '{name}'"
            whose = "" if mode == "BRIDGE" else whose
            raise ValueError(f"Multiple DNS configuration{whose} for {kind} network in {FLAG} is not allowed")
        seen.add((mode, name))


def of_network(given: ContainerDNSInfo | None, name: str) -> _Mesos.DNS | None:
    """Of the CNI network of that name, else of all of them."""
    rows = [one for one in given.mesos if one.network_mode is _Mesos.NetworkMode.CNI] if given is not None else []
    for wanted in (name, None):
        for row in rows:
            if row.network_name == wanted:
                return row.dns
    return None
