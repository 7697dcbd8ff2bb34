"""Parameters of a DockerInfo, which are options of ``docker run``, as dockerd's API has them. Pure.

One row is one option: where its value goes and how it is read. An option that is no row is refused by name, as the
program would. Left out are those that make no sense below an agent: ``name``, ``detach``, ``attach``, ``tty``,
``interactive``, ``restart``, ``cidfile``, ``env-file``.
Docker: cli/command/container/opts.go
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

#: Body of dockerd's POST /containers/create.
Config = dict[str, Any]
Apply = Callable[[Config, str], None]

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?", re.IGNORECASE)
_UNITS: Final = "kmgtp"
NANOS: Final = 1_000_000_000


class BadParameter(ValueError):
    """The text says which and why, as ``docker run`` would."""


def apply(config: Config, key: str, value: str) -> None:
    """``config`` asks for it, too; ``key`` is canonical. Raises BadParameter."""
    row = _ROWS.get(key)
    if row is None:
        raise BadParameter(f"unknown flag: --{key}")
    try:
        row(config, value)
    except ValueError as error:
        raise BadParameter(f'invalid argument "{value}" for "--{key}" flag: {error}') from error


# ---- how values are read


def _text(value: str) -> str:
    return value


def _integer(value: str) -> int:
    return int(value)


def _boolean(value: str) -> bool:
    if value in ("true", "1", ""):
        return True
    if value in ("false", "0"):
        return False
    raise ValueError("expecting true or false")


def _size(value: str) -> int:
    """Bytes: ``64m``, ``1.5g``, ``-1``."""
    if value == "-1":
        return -1
    found = _SIZE.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"invalid size: '{value}'")
    number, unit = found.groups()
    return int(float(number) * 1024 ** (_UNITS.index(unit.lower()) + 1 if unit else 0))


def _nanocpus(value: str) -> int:
    return round(float(value) * NANOS)


# ---- where they go


def _set(path: str, read: Callable[[str], Any] = _text) -> Apply:
    """``A.B``: field B of field A is the value."""

    def row(config: Config, value: str) -> None:
        *above, last = path.split(".")
        _within(config, above)[last] = read(value)

    return row


def _add(path: str, read: Callable[[str], Any] = _text) -> Apply:
    """The value is one more of the list there."""

    def row(config: Config, value: str) -> None:
        *above, last = path.split(".")
        place = _within(config, above)
        place[last] = [*place.get(last, ()), read(value)]

    return row


def _pair(path: str, *, separator: str = "=") -> Apply:
    """``name=value``: an entry of the object there."""

    def row(config: Config, value: str) -> None:
        name, _, rest = value.partition(separator)
        if not name:
            raise ValueError("expecting a name")
        _within(config, path.split("."))[name] = rest

    return row


def _within(config: Config, path: list[str]) -> Config:
    for name in path:
        config = config.setdefault(name, {})
    return config


def _env(config: Config, value: str) -> None:
    if "=" not in value:
        raise ValueError("expecting NAME=VALUE")
    config["Env"] = [*config.get("Env", ()), value]


def _entrypoint(config: Config, value: str) -> None:
    config["Entrypoint"] = [value] if value else [""]


def _ulimit(value: str) -> dict[str, Any]:
    name, equals, rest = value.partition("=")
    soft, _, hard = rest.partition(":")
    if not equals or not name:
        raise ValueError("expecting TYPE=SOFT[:HARD]")
    return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}


def _device(value: str) -> dict[str, str]:
    on_host, _, rest = value.partition(":")
    inside, _, allowed = rest.partition(":")
    if not on_host.startswith("/"):
        raise ValueError("expecting /PATH[:/PATH[:rwm]]")
    if inside and not inside.startswith("/"):
        inside, allowed = "", inside
    return {"PathOnHost": on_host, "PathInContainer": inside or on_host, "CgroupPermissions": allowed or "rwm"}


def _tmpfs(config: Config, value: str) -> None:
    path, _, options = value.partition(":")
    _within(config, ["HostConfig", "Tmpfs"])[path] = options


def _expose(config: Config, value: str) -> None:
    _within(config, ["ExposedPorts"])[_port(value)] = {}


def _publish(config: Config, value: str) -> None:
    """``[[ip:]host:]container[/protocol]``, one port."""
    where, _, inside = value.rpartition(":")
    address, _, on_host = where.rpartition(":")
    port = _port(inside)
    publish(config, port, int(on_host) if on_host else None, address)


def publish(config: Config, port: str, on_host: int | None, address: str = "") -> None:
    """``port`` (``80/tcp``) of the container is that port of the host; None: one that dockerd picks."""
    _within(config, ["ExposedPorts"])[port] = {}
    bindings = _within(config, ["HostConfig", "PortBindings"]).setdefault(port, [])
    bindings.append({"HostIp": address, "HostPort": "" if on_host is None else str(on_host)})


def _port(value: str) -> str:
    number, _, protocol = value.partition("/")
    if not 0 < int(number) < 1 << 16:
        raise ValueError("expecting a port")
    return f"{number}/{protocol.lower() or 'tcp'}"


def _network_alias(config: Config, value: str) -> None:
    endpoint(config).setdefault("Aliases", []).append(value)


def _address(field: str) -> Apply:
    def row(config: Config, value: str) -> None:
        endpoint(config).setdefault("IPAMConfig", {})[field] = value

    return row


def endpoint(config: Config) -> Config:
    """How it joins its one network; moved to the network's name at last (``request.py``)."""
    return config.setdefault("_Endpoint", {})  # type: ignore[no-any-return]


def _no_healthcheck(config: Config, value: str) -> None:
    if _boolean(value):
        config["Healthcheck"] = {"Test": ["NONE"]}


def _remove(config: Config, value: str) -> None:
    """Its exit is looked at before it is removed: that is ours to do, at once instead of after a delay."""
    config["_RemoveAtOnce"] = _boolean(value)


_ROWS: Final[dict[str, Apply]] = {
    "add-host": _add("HostConfig.ExtraHosts"),
    "blkio-weight": _set("HostConfig.BlkioWeight", _integer),
    "cap-add": _add("HostConfig.CapAdd"),
    "cap-drop": _add("HostConfig.CapDrop"),
    "cgroup-parent": _set("HostConfig.CgroupParent"),
    "cgroupns": _set("HostConfig.CgroupnsMode"),
    "cpu-period": _set("HostConfig.CpuPeriod", _integer),
    "cpu-quota": _set("HostConfig.CpuQuota", _integer),
    "cpu-rt-period": _set("HostConfig.CpuRealtimePeriod", _integer),
    "cpu-rt-runtime": _set("HostConfig.CpuRealtimeRuntime", _integer),
    "cpu-shares": _set("HostConfig.CpuShares", _integer),
    "cpus": _set("HostConfig.NanoCpus", _nanocpus),
    "cpuset-cpus": _set("HostConfig.CpusetCpus"),
    "cpuset-mems": _set("HostConfig.CpusetMems"),
    "device": _add("HostConfig.Devices", _device),
    "device-cgroup-rule": _add("HostConfig.DeviceCgroupRules"),
    "dns": _add("HostConfig.Dns"),
    "dns-opt": _add("HostConfig.DnsOptions"),
    "dns-option": _add("HostConfig.DnsOptions"),
    "dns-search": _add("HostConfig.DnsSearch"),
    "domainname": _set("Domainname"),
    "entrypoint": _entrypoint,
    "env": _env,
    "expose": _expose,
    "group-add": _add("HostConfig.GroupAdd"),
    "hostname": _set("Hostname"),
    "init": _set("HostConfig.Init", _boolean),
    "ip": _address("IPv4Address"),
    "ip6": _address("IPv6Address"),
    "ipc": _set("HostConfig.IpcMode"),
    "label": _pair("Labels"),
    "link": _add("HostConfig.Links"),
    "log-driver": _set("HostConfig.LogConfig.Type"),
    "log-opt": _pair("HostConfig.LogConfig.Config"),
    "mac-address": _set("MacAddress"),
    "memory": _set("HostConfig.Memory", _size),
    "memory-reservation": _set("HostConfig.MemoryReservation", _size),
    "memory-swap": _set("HostConfig.MemorySwap", _size),
    "memory-swappiness": _set("HostConfig.MemorySwappiness", _integer),
    "net": _set("HostConfig.NetworkMode"),
    "net-alias": _network_alias,
    "network": _set("HostConfig.NetworkMode"),
    "network-alias": _network_alias,
    "no-healthcheck": _no_healthcheck,
    "oom-kill-disable": _set("HostConfig.OomKillDisable", _boolean),
    "oom-score-adj": _set("HostConfig.OomScoreAdj", _integer),
    "pid": _set("HostConfig.PidMode"),
    "pids-limit": _set("HostConfig.PidsLimit", _integer),
    "privileged": _set("HostConfig.Privileged", _boolean),
    "publish": _publish,
    "read-only": _set("HostConfig.ReadonlyRootfs", _boolean),
    "rm": _remove,
    "runtime": _set("HostConfig.Runtime"),
    "security-opt": _add("HostConfig.SecurityOpt"),
    "shm-size": _set("HostConfig.ShmSize", _size),
    "stop-signal": _set("StopSignal"),
    "stop-timeout": _set("StopTimeout", _integer),
    "storage-opt": _pair("HostConfig.StorageOpt"),
    "sysctl": _pair("HostConfig.Sysctls"),
    "tmpfs": _tmpfs,
    "ulimit": _add("HostConfig.Ulimits", _ulimit),
    "user": _set("User"),
    "userns": _set("HostConfig.UsernsMode"),
    "uts": _set("HostConfig.UTSMode"),
    "volume": _add("HostConfig.Binds"),
    "volume-driver": _set("HostConfig.VolumeDriver"),
    "volumes-from": _add("HostConfig.VolumesFrom"),
    "workdir": _set("WorkingDir"),
}

#: Options with one letter mean the same as these.
_SHORT: Final = {
    "c": "cpu-shares", "e": "env", "h": "hostname", "l": "label", "m": "memory", "p": "publish", "u": "user",
    "v": "volume", "w": "workdir",
}  # fmt: skip


def canonical(key: str) -> str:
    """The option's long name."""
    return _SHORT.get(key, key)
