"""What ``--isolation`` and ``--launcher`` mean. Pure.

Names are put into the order in which isolators work, which the agent fixes and not the flag; aliases are spelled out,
and what is always there is added. A name that is nobody's, or comes twice, ends the agent at its start.
Mesos: src/slave/containerizer/mesos/containerizer.cpp MesosContainerizer::create
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "process": ("posix/cpu", "posix/mem"),
    "cgroups": ("cgroups/cpu", "cgroups/mem"),
    "posix/disk": ("disk/du",),
}

CGROUPS: Final = "cgroups/"

#: Whatever of cgroups there is on the host.
ALL_CGROUPS: Final = "cgroups/all"

#: Root of a container is not the host's.
USER: Final = "namespaces/user"

#: Networks other than the host's.
NETWORK: Final = "network/cni"

PORTS: Final = "network/ports"

SANDBOX_PATH: Final = "volume/sandbox_path"

#: GPUs of NVIDIA. A container's cgroup closes those that are not its own.
GPU: Final = "gpu/nvidia"
CLOSES_DEVICES: Final = ("cgroups/devices", "cgroups/all")

#: In the order in which they work.
KNOWN: Final = (
    "filesystem/posix", "filesystem/linux", "posix/cpu", "posix/mem", "posix/rlimits",
    "cgroups/cpu", "cgroups/mem", "cgroups/pids", "cgroups/devices", "cgroups/blkio", "cgroups/io", "cgroups/cpuset",
    "cgroups/hugetlb", "cgroups/perf_event", ALL_CGROUPS,
    "docker/runtime", "linux/devices", "linux/capabilities", "linux/nnp", "namespaces/ipc", "namespaces/pid",
    "namespaces/cgroup", USER,
    SANDBOX_PATH, "volume/host_path", "volume/image", "volume/secret",
    "disk/du", "linux/seccomp", GPU,
    NETWORK, PORTS,
    "environment_secret",
)  # fmt: skip

#: What crun does; each container has a mount namespace then.
BY_RUNTIME: Final = (
    "filesystem/linux", "linux/devices", "linux/capabilities", "linux/nnp", "linux/seccomp", "namespaces/ipc",
    "namespaces/pid", "namespaces/cgroup", USER, NETWORK,
)  # fmt: skip

#: Those that come with filesystem/linux, and those that are of no use without it. Without it parts of sandboxes are
#: symbolic links.
VOLUMES: Final = (SANDBOX_PATH, "volume/host_path", "volume/image")
ON_LINUX: Final = ("docker/runtime", "volume/secret", "volume/host_path", "volume/image")

#: Kinds of which an agent has one at most.
SINGLE: Final = ("filesystem", "network")

NO_IMAGES: Final = "The 'filesystem/linux' isolator must be enabled for container image support"


@attrs.frozen
class Isolation:
    """The isolators of one agent, in the order in which they work."""

    names: tuple[str, ...]
    #: "linux" or "posix"
    launcher: str

    def __contains__(self, name: str) -> bool:
        return name in self.names

    @property
    def needs_runtime(self) -> bool:
        return any(name in self.names for name in BY_RUNTIME)

    @property
    def cgroups(self) -> tuple[str, ...]:
        """``cpu``, ``mem`` and so on."""
        return tuple([name.removeprefix(CGROUPS) for name in self.names if name.startswith(CGROUPS)])


def parse_isolation(text: str) -> tuple[str, ...]:
    """Names in their order. Raises ValueError."""
    found: list[str] = []
    for name in [part.strip() for part in text.split(",")] if text.strip() else []:
        for one in ALIASES.get(name, (name,)):
            if one not in KNOWN:
                raise ValueError(f"Unknown or unsupported isolator '{one}'")
            if one in found:
                raise ValueError(f"Duplicate entries found in --isolation flag: '{one}'")
            found.append(one)
    for kind in SINGLE:
        several = [name for name in found if name.startswith(f"{kind}/") and name != PORTS]
        if len(several) > 1:
            raise ValueError(f"Using multiple {kind} isolators simultaneously is disallowed")
    if not any(name.startswith("filesystem/") for name in found):
        found.append("filesystem/posix")
    if "filesystem/linux" in found:
        found += [name for name in VOLUMES if name not in found]
    alone = next((name for name in found if name in ON_LINUX), None)
    if alone is not None and "filesystem/linux" not in found:
        raise ValueError(f"The '{alone}' isolator requires the 'filesystem/linux' isolator")
    if GPU in found:
        for needed in (CLOSES_DEVICES, ("filesystem/linux",)):
            if not any(name in found for name in needed):
                raise ValueError(f"The '{needed[0]}' isolator must be enabled in order to use the '{GPU}' isolator")
    if "environment_secret" not in found:
        found.append("environment_secret")
    return tuple(sorted(found, key=KNOWN.index))


def settle(
    text: str, launcher: str | None, *, has_images: bool = False, has_networks: bool = False
) -> Isolation:
    """``launcher`` None: linux if something needs it. Raises ValueError.

    ``has_images``: --image_providers is set; ``has_networks``: --network_cni_config_dir is. Without networks their
    isolator, which is always there in Mesos, has nothing to do.
    """
    names = tuple([name for name in parse_isolation(text) if name != NETWORK])
    if has_networks:
        names = tuple(sorted((*names, NETWORK), key=KNOWN.index))
    if has_images and "filesystem/linux" not in names:
        raise ValueError(NO_IMAGES)
    needing = next((name for name in names if name.startswith(CGROUPS) or name in (*BY_RUNTIME, PORTS)), None)
    if launcher == "posix" and needing is not None:
        raise ValueError(f"The '{needing}' isolator requires --launcher=linux")
    return Isolation(names, launcher or ("posix" if needing is None else "linux"))
