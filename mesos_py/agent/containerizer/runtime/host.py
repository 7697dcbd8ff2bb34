"""What of the host an agent's flags name: devices, and seccomp profiles in a directory."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from mesos_py.agent.containerizer.isolators.seccomp import Profile, parse
from mesos_py.agent.containerizer.runtime.bundle import Device
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.linux import DeviceAccess, DeviceWhitelist

PROFILE_MAX: Final = 1 << 20  # bytes; Docker's default profile has some 15,000


def find_devices(whitelist: DeviceWhitelist | None) -> tuple[Device, ...]:
    """Their kinds and numbers. Raises ValueError for what is no device here."""
    found = []
    for one in () if whitelist is None else whitelist.allowed_devices:
        path = one.device.path or ""
        try:
            device = device_at(path, one.access)
        except OSError as error:
            raise ValueError(f"--allowed_devices: '{path}': {error.strerror}") from error
        if device is None:
            raise ValueError(f"--allowed_devices: '{path}' is not a device")
        found.append(device)
    return tuple(found)


def device_at(path: str, access: DeviceAccess.Access) -> Device | None:
    """With its kind and numbers; None: it is something else. Raises OSError."""
    status = os.stat(path)
    if not (stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        return None
    return Device(
        path=path, kind="c" if stat.S_ISCHR(status.st_mode) else "b", major=os.major(status.st_rdev),
        minor=os.minor(status.st_rdev), may_read=bool(access.read), may_write=bool(access.write),
        may_make=bool(access.mknod),
    )  # fmt: skip


class Profiles:
    """The files of --seccomp_config_dir, each read again when it has changed."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._known: dict[str, tuple[int, Profile]] = {}

    def named(self, name: str) -> Profile | Problem:
        """A name leads nowhere but into the directory."""
        if not name or "/" in name or "\0" in name or name.startswith("."):
            return bad_request(f"'{name}' is not the name of a Seccomp profile")
        path = f"{self._directory}/{name}"
        try:
            status = os.stat(path)
            known = self._known.get(name)
            if known is not None and known[0] == status.st_mtime_ns:
                return known[1]
            if status.st_size > PROFILE_MAX:
                raise ValueError(f"more than {PROFILE_MAX} bytes")
            profile = parse(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            return bad_request(f"Failed to read Seccomp profile '{name}': {error.strerror}")
        except ValueError as error:
            return bad_request(f"Failed to parse Seccomp profile '{name}': {error}")
        self._known[name] = (status.st_mtime_ns, profile)
        return profile
