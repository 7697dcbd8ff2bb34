"""What one container is to see and may do: isolators add their part, and all of it becomes crun's config.json. Pure.

Source: OCI runtime specification, config.md and config-linux.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.mapped_ids import MappedIds

OCI_VERSION: Final = "1.0.2"

#: In containers with a root file system of their own.
INIT: Final = "/dev/init"

#: What containers with a root of their own must not see, or not write, of the kernel: who writes to /proc/sys is master
#: of the host. Mesos: src/linux/fs.cpp, src/slave/containerizer/mesos/isolators/filesystem/linux.cpp; as Docker has it.
HIDDEN: Final = (
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/scsi",
    "/proc/sched_debug", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
)  # fmt: skip
ONLY_READ: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

#: The host sees what the container mounts there.
SHARED: Final = "rshared"

#: Arguments with which an init has no child of its own and only reaps; catatonit's "pause".
WAITING: Final = ("-P",)


@attrs.frozen(kw_only=True)
class Mount:
    """One entry of ``mounts``; ``source`` and ``kind`` as mount(8) has them."""

    target: str
    source: str
    kind: str = "none"
    options: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Identity:
    """Whom the container's process runs as, as the container sees it."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def owner(self, ids: MappedIds | None) -> tuple[int, int]:
        """User and group on the host."""
        return (self.uid, self.gid) if ids is None else (ids.on_host(self.uid), ids.on_host(self.gid))


@attrs.frozen(kw_only=True)
class Device:
    """A device of the host that a container may use."""

    path: str
    #: "c" or "b"
    kind: str
    major: int
    minor: int
    may_read: bool
    may_write: bool
    may_make: bool

    @property
    def rule(self) -> str:
        """As cgroups of v1 have it."""
        access = "".join([letter for letter, may in zip("rwm", (self.may_read, self.may_write, self.may_make),
                                                        strict=True) if may])  # fmt: skip
        return f"{self.kind} {self.major}:{self.minor} {access}"

    @property
    def mode(self) -> int:
        return (0o444 if self.may_read else 0) | (0o222 if self.may_write else 0)


@attrs.define(eq=False, kw_only=True)
class Bundle:
    """One container that is being prepared."""

    spec: ContainerSpec
    identity: Identity
    #: the container's own root file system; None: it sees the host's
    rootfs: str | None = None
    #: the sandbox as the container sees it
    sandbox: str
    cwd: str
    executable: str
    argv: Sequence[str]
    env: dict[str, str]
    mounts: list[Mount] = attrs.Factory(list)
    #: kind of namespace -> path of an existing one, or "" for a new one
    namespaces: dict[str, str] = attrs.Factory(lambda: {"mount": ""})
    #: on the host: a program that is the container's first process and reaps, next to the task; None: the task is it
    init: str | None = None
    bounding: Sequence[str] = ()
    effective: Sequence[str] = ()
    #: what another user than root gets, which is nothing unless somebody says so
    ambient: Sequence[str] = ()
    #: numbers of resources and their limits, as ``ContainerSpec.setup`` has them
    rlimits: Sequence[tuple[str, str]] = ()
    no_new_privileges: bool = False
    #: in a root of its own, besides those that every container has
    devices: Sequence[Device] = ()
    #: ``linux.seccomp`` of the specification; None: every system call may be made
    seccomp: Mapping[str, Any] | None = None
    #: None: it has the agent's, with the agent's namespace
    hostname: str | None = None
    #: whom its users are on the host; None: they are the host's own
    ids: MappedIds | None = None

    @property
    def owner(self) -> tuple[int, int]:
        """User and group of what is the task's, as the host sees them."""
        return self.identity.owner(self.ids)

    @property
    def is_own_root(self) -> bool:
        return self.rootfs is not None

    def mount(self, target: str, source: str, *options: str, kind: str = "none") -> None:
        self.mounts.append(Mount(target=target, source=source, kind=kind, options=options))


def config(bundle: Bundle, root: str, rlimit_names: Mapping[str, str]) -> dict[str, Any]:
    """config.json; ``root`` is where the root file system is, the host's own or the container's."""
    first, mounts = process(bundle, rlimit_names), list(bundle.mounts)
    if bundle.init is not None:
        path = bundle.init
        if bundle.is_own_root:
            path = INIT
            mounts.append(Mount(target=INIT, source=bundle.init, options=("bind", "ro", "nosuid", "nodev")))
        first |= {"args": [path, *WAITING], "rlimits": []}
    return {
        "ociVersion": OCI_VERSION,
        **({} if bundle.hostname is None else {"hostname": bundle.hostname}),
        "process": first,
        "root": {"path": root, "readonly": False},
        "mounts": [
            {"destination": one.target, "source": one.source, "type": one.kind, "options": list(one.options)}
            for one in mounts
        ],
        "linux": {
            "namespaces": [
                {"type": kind, **({"path": path} if path else {})} for kind, path in bundle.namespaces.items()
            ],
            # Were it always shared, the host would be shown more than what is in those volumes.
            "rootfsPropagation": SHARED if any(SHARED in one.options for one in mounts) else "rslave",
            "devices": [
                {"path": one.path, "type": one.kind, "major": one.major, "minor": one.minor, "fileMode": one.mode}
                for one in bundle.devices
            ],
            **({} if bundle.ids is None else _mappings(bundle.ids)),
            **({} if bundle.seccomp is None else {"seccomp": bundle.seccomp}),
            **({"maskedPaths": HIDDEN, "readonlyPaths": ONLY_READ} if bundle.is_own_root else {}),
        },
    }


def process(bundle: Bundle, rlimit_names: Mapping[str, str]) -> dict[str, Any]:
    """The task's process, as config.json has it and ``crun exec`` takes it."""
    is_root = bundle.identity.uid == 0
    held = list(bundle.effective if is_root else bundle.ambient)
    return {
        "terminal": False,
        "user": {
            "uid": bundle.identity.uid, "gid": bundle.identity.gid,
            "additionalGids": list(bundle.identity.groups), "umask": 0o022,
        },
        "args": [bundle.executable, *bundle.argv[1:]],
        "env": [f"{name}={value}" for name, value in bundle.env.items()],
        "cwd": bundle.cwd,
        "capabilities": {
            "bounding": list(bundle.bounding), "effective": held, "permitted": held,
            "inheritable": [] if is_root else held, "ambient": [] if is_root else held,
        },
        "rlimits": [_rlimit(name, text, rlimit_names) for name, text in bundle.rlimits],
        "noNewPrivileges": bundle.no_new_privileges,
    }  # fmt: skip


def _mappings(ids: MappedIds) -> dict[str, Any]:
    mapping = [{"containerID": 0, "hostID": ids.first, "size": ids.count}]
    return {"uidMappings": mapping, "gidMappings": mapping}


def _rlimit(name: str, text: str, names: Mapping[str, str]) -> dict[str, Any]:
    soft, hard = [int(bound) % (1 << 64) for bound in text.split()]
    return {"type": names[name], "soft": soft, "hard": hard}
