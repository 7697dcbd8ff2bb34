"""linux/devices and cgroups/devices: devices of --allowed_devices, besides those that every container has.

A container with a root of its own finds them at the same path; with ``cgroups/devices`` nobody can use others. What may
be done with one is what the flag says: of the node's owner, group and others alike, and of the cgroup.
Mesos: src/slave/containerizer/mesos/isolators/linux/devices.cpp, isolators/cgroups/subsystems/devices.cpp
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from mesos_py.agent.containerizer.runtime.bundle import Bundle, Device
from mesos_py.wire.linux import DeviceWhitelist


def check(whitelist: DeviceWhitelist) -> None:
    """Raises ValueError for what cannot be meant."""
    for one in whitelist.allowed_devices:
        path = one.device.path
        if path is None:
            raise ValueError("expecting the path of each device")
        if not path.startswith("/dev/") or posixpath.normpath(path) != path:
            raise ValueError(f"expecting a path below /dev/, found '{path}'")
        if not (one.access.read or one.access.write or one.access.mknod):
            raise ValueError(f"expecting an access to '{path}'")


def isolate(bundle: Bundle, devices: Sequence[Device]) -> None:
    """A root of its own has them."""
    if bundle.is_own_root:
        bundle.devices = tuple(devices)
