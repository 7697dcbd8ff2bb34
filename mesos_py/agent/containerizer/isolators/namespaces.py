"""namespaces/pid, namespaces/ipc, namespaces/cgroup and namespaces/user: whom a container sees, and who it is.

=========================  ====================================================================================
pid                        of its own, unless ``share_pid_namespace``: then the agent's, if that is allowed
ipc PRIVATE                of its own, with a /dev/shm of ``shm_size``
ipc SHARE_PARENT           the agent's, if that is allowed
ipc not set                the agent's if that is allowed, else its own; a root of its own has its own /dev/shm
=========================  ====================================================================================

In a cgroup namespace its own cgroups are the roots: it learns neither its id nor that there are others. (Mesos has that
with cgroup v2 and images only, without an isolator of that name.)

In a user namespace root of the container is nobody on the host (``mapped_ids.py``): what belongs to root of the host is
nobody's there, can be read if everybody may read it, and what root may do ends where the container does. (Mesos has no
such isolator.)

What is nested has an executor without a process as its parent, with which nothing can be shared.
Mesos: src/slave/containerizer/mesos/isolators/namespaces/pid.cpp, ipc.cpp
"""

from __future__ import annotations

from typing import Final

from mesos_py.agent.containerizer.runtime.bundle import Bundle
from mesos_py.agent.mapped_ids import MappedIds
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.linux import LinuxInfo

SHM_MIB: Final = 64  # the kernel's would be half of the host's memory; Docker's default

NOTHING_TO_SHARE: Final = "The parent container has no process whose namespace could be shared"


def _linux(bundle: Bundle) -> LinuxInfo:
    container = bundle.spec.container
    return LinuxInfo() if container is None or container.linux_info is None else container.linux_info


def pid(bundle: Bundle, init: str | None, *, may_share: bool) -> Problem | None:
    """``init`` is the program that reaps."""
    if _linux(bundle).share_pid_namespace:
        if bundle.spec.parent_id is not None:
            return bad_request(NOTHING_TO_SHARE)
        if not may_share:
            return bad_request("Sharing agent pid namespace with container is not allowed")
        return None
    bundle.namespaces["pid"] = ""
    bundle.init = init
    if not bundle.is_own_root:
        bundle.mount("/proc", "proc", "nosuid", "noexec", "nodev", kind="proc")
    return None


def ipc(bundle: Bundle, *, may_share: bool, shm_mib: int | None) -> Problem | None:
    """``shm_mib`` is --default_container_shm_size."""
    info = _linux(bundle)
    if info.shm_size is not None and info.ipc_mode is not LinuxInfo.IpcMode.PRIVATE:
        return bad_request("Only support setting shm size for container whose IPC mode is private")
    if info.ipc_mode is LinuxInfo.IpcMode.SHARE_PARENT:
        if bundle.spec.parent_id is not None:
            return bad_request(NOTHING_TO_SHARE)
        if not may_share:
            return bad_request("Sharing agent IPC namespace with container is not allowed")
        if bundle.is_own_root:
            bundle.mount("/dev/shm", "/dev/shm", "rbind")  # noqa: S108 - the container's
        return None
    if info.ipc_mode is LinuxInfo.IpcMode.PRIVATE or not may_share:
        bundle.namespaces["ipc"] = ""
        shared_memory(bundle, info.shm_size or shm_mib or SHM_MIB)
    elif bundle.is_own_root:
        shared_memory(bundle, shm_mib or SHM_MIB)
    return None


def cgroup(bundle: Bundle) -> None:
    """Its process enters its cgroups before it is there. A root of its own has no others mounted."""
    bundle.namespaces["cgroup"] = ""
    if bundle.is_own_root:
        bundle.mount("/sys/fs/cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev", kind="cgroup")


def user(bundle: Bundle, ids: MappedIds) -> None:
    """Everything of the container is other users' of the host than it seems within."""
    bundle.namespaces["user"] = ""
    bundle.ids = ids


def shared_memory(bundle: Bundle, mib: int) -> None:
    """A /dev/shm that is the container's alone."""
    options = ("nosuid", "noexec", "nodev", "mode=1777", f"size={mib}m")
    bundle.mount("/dev/shm", "shm", *options, kind="tmpfs")  # noqa: S108 - the container's
