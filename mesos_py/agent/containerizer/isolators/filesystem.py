"""filesystem/linux: a mount namespace for each container, over the host's files or over a root of its own.

Over the host's, everything is where it is; in a root of its own the sandbox is at ``--sandbox_directory``, and /proc,
/dev and /sys are there.
Mesos: src/slave/containerizer/mesos/isolators/filesystem/linux.cpp, src/linux/fs.cpp chroot::enter
"""

from __future__ import annotations

from typing import Final

from mesos_py.agent.containerizer.runtime.bundle import Bundle

_SAFE: Final = ("nosuid", "noexec", "nodev")
_TERMINALS: Final = ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620")


def isolate(bundle: Bundle) -> None:
    """The least that a root of its own needs; over the host's files, nothing of them is changed."""
    if not bundle.is_own_root:
        # crun makes anew what every /dev should have, unless somebody has mounted one: it would be the host's ptmx, and
        # of two containers that start at once, one finds it made by the other and fails.
        bundle.mount("/dev", "/dev", "rbind")
        if bundle.ids is not None:
            # Where there is a user namespace crun (1.8) binds nothing of what is mounted below. Whose terminals these
            # are is another instance's to say, anyway.
            bundle.mount("/dev/pts", "devpts", *_TERMINALS, kind="devpts")
            bundle.mount("/dev/shm", "/dev/shm", "bind")  # noqa: S108 - the host's
        return
    bundle.mount("/proc", "proc", *_SAFE, kind="proc")
    bundle.mount("/dev", "tmpfs", "nosuid", "noexec", "strictatime", "mode=755", "size=64k", kind="tmpfs")
    bundle.mount("/dev/pts", "devpts", *_TERMINALS, kind="devpts")
    # Recursively: cgroups are mounted below, and who may write there has no limits.
    bundle.mount("/sys", "/sys", "rbind", "ro", "rro", *_SAFE)
    bundle.mount(bundle.sandbox, bundle.spec.sandbox, "rbind", "rw")
