"""What tasks may ask of dockerd, which is root of the host: everything else is refused before it is asked. Pure.

Three things are refused unless the agent's flags allow them, because each gives a task the host: ``privileged``;
parameters of ``docker run`` that are on no list, or that lend the container the host's or another's namespace; and
mounts of directories that hold, or lie in, what belongs to the agent and to dockerd, or of the host's system to write.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Final

import attrs

#: Parameters that give a task nothing that it has not anyway.
HARMLESS: Final = (
    "add-host", "cap-drop", "cpuset-cpus", "dns", "dns-opt", "dns-option", "dns-search", "domainname", "entrypoint",
    "env", "expose", "hostname", "init", "label", "memory-swappiness", "net", "net-alias", "network",
    "network-alias", "no-healthcheck", "pids-limit", "read-only", "rm", "shm-size", "stop-signal", "stop-timeout",
    "tmpfs", "ulimit", "user", "workdir",
)  # fmt: skip

#: Parameters that name a namespace: of the host's or another container's the value itself must be allowed.
_NAMESPACES: Final = ("cgroupns", "ipc", "net", "network", "pid", "userns", "uts")

ANY: Final = "*"

#: Of the host; whoever can write there is its root.
SYSTEM: Final = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/root", "/sbin", "/sys", "/usr",
    "/var/spool",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Policy:
    """The flags."""

    #: --docker_allow_privileged
    allows_privileged: bool = False
    #: --docker_allowed_parameters: ``key``, ``key=value`` or ``*``, besides the harmless ones
    parameters: tuple[str, ...] = ()
    #: --docker_allowed_volumes: directories below which anything may be mounted; None: anywhere but ``guarded``
    volumes: tuple[str, ...] | None = None
    #: what no container may see: the agent's directories and dockerd's
    guarded: tuple[str, ...] = ()


def refused_parameter(policy: Policy, key: str, value: str) -> str | None:
    """Why it may not be asked for; None: it may."""
    if key == "privileged":
        return None if policy.allows_privileged or value == "false" else refused_privileged(policy)
    if ANY in policy.parameters or f"{key}={value}" in policy.parameters:
        return None
    is_of_others = key in _NAMESPACES and (value == "host" or value.startswith("container:"))
    if key in (*HARMLESS, *policy.parameters) and not is_of_others:
        return None
    return f"Docker parameter '{key}={value}' is not allowed on this agent (--docker_allowed_parameters)"


def refused_privileged(policy: Policy) -> str | None:
    """Likewise of a privileged container."""
    if policy.allows_privileged:
        return None
    return "Privileged containers are not allowed on this agent (--docker_allow_privileged)"


def refused_mount(policy: Policy, path: str, *, is_read_only: bool) -> str | None:
    """Likewise of a mount of ``path``, absolute and without links."""
    if policy.volumes is not None:
        if any(is_within(path, allowed) for allowed in policy.volumes):
            return None
        return f"Volume of host path '{path}' is not allowed on this agent (--docker_allowed_volumes)"
    guarded = _touched(path, policy.guarded)
    if guarded is not None:
        return f"Volume of host path '{path}' would show the container '{guarded}' (--docker_allowed_volumes)"
    if not is_read_only and _touched(path, SYSTEM) is not None:
        return f"Volume of host path '{path}' can only be read on this agent (--docker_allowed_volumes)"
    return None


def is_within(path: str, directory: str) -> bool:
    """``path`` is ``directory`` or below it; both absolute and normal."""
    directory = posixpath.normpath(directory)
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _touched(path: str, guarded: Iterable[str]) -> str | None:
    for one in guarded:
        if is_within(path, one) or is_within(one, path):
            return one
    return None
