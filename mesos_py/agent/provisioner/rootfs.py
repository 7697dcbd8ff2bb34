"""A writable root for one container over the one unpacked copy of its image, and its end.

::

    <work_dir>/provisioner/containers/<container>/backends/
        overlay/rootfses/<root>    where the root is mounted
        overlay/scratch/<root>/    lower -> the image, upperdir, workdir
        copy/rootfses/<root>       the root itself

``overlay`` shares what a container does not change and takes some milliseconds; ``copy`` is for file systems on which
the kernel mounts no overlay. An overlay is volatile: it is never mounted a second time, so nothing in it need reach the
disk, and its end need not wait for what others are writing there (Linux 5.10).
Mesos: src/slave/containerizer/mesos/provisioner/backends/, paths.cpp
"""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import structlog

from mesos_py.agent.provisioner.puller import Limits, room
from mesos_py.agent.provisioner.tools import DIE_WITH_US, ToolFailed, remove, run

log = structlog.get_logger(__name__)

MOUNT_TIMEOUT_S: Final = 30
COPY_TIMEOUT_S: Final = 1800

#: The directories have short names in the directory in which mount runs: options are a page at most, and a comma or
#: colon in a path would mean something else.
OPTIONS: Final = "volatile,lowerdir=lower,upperdir=upperdir,workdir=workdir"

Backend = Callable[[str, str, str, Limits], Awaitable[None]]


async def overlay(image: str, rootfs: str, scratch: str, limits: Limits) -> None:
    os.makedirs(f"{scratch}/workdir")
    os.mkdir(f"{scratch}/upperdir")
    os.symlink(image, f"{scratch}/lower")
    root = os.stat(image)  # what is seen of the root directory itself is the upper one
    os.chown(f"{scratch}/upperdir", root.st_uid, root.st_gid)
    os.chmod(f"{scratch}/upperdir", stat.S_IMODE(root.st_mode))
    await run("mount", "-i", "-t", "overlay", "-o", OPTIONS, "overlay", rootfs, cwd=scratch, timeout_s=MOUNT_TIMEOUT_S)


async def copy(image: str, rootfs: str, scratch: str, limits: Limits) -> None:
    await run(
        *DIE_WITH_US, "cp", "--archive", "--reflink=auto", f"{image}/.", rootfs,
        timeout_s=COPY_TIMEOUT_S, watch=room(rootfs, limits),
    )  # fmt: skip


BACKENDS: Final[dict[str, Backend]] = {"overlay": overlay, "copy": copy}


async def provision(backend: str, image: str, container: str, limits: Limits) -> str:
    """A new root below the container's directory. Raises ToolFailed; what there is then goes with the container."""
    place, name = f"{container}/backends/{backend}", uuid.uuid4().hex
    rootfs = f"{place}/rootfses/{name}"
    os.makedirs(rootfs)
    await BACKENDS[backend](image, rootfs, f"{place}/scratch/{name}", limits)
    return rootfs


async def destroy(container: str) -> None:
    """Nothing of its roots is left, mounted or not. Raises ToolFailed if one cannot be unmounted.

    A root that somebody still looks at goes out of sight now, and altogether when he has left.
    """
    for rootfs in _below(f"{container}/backends", "rootfses"):
        if os.path.ismount(rootfs):
            await run("umount", "--lazy", rootfs, timeout_s=MOUNT_TIMEOUT_S)
    await remove(container)


def images_of(container: str) -> set[str]:
    """The unpacked images over which its roots lie."""
    return {os.readlink(f"{scratch}/lower") for scratch in _below(f"{container}/backends", "scratch")
            if os.path.islink(f"{scratch}/lower")}  # fmt: skip


async def choose(wanted: str | None, image: str, directory: str, limits: Limits) -> str:
    """The wanted backend, or overlay if the kernel mounts one here over ``image``, or copy.

    Raises ToolFailed if it is an overlay that is wanted, and not mounted.
    """
    if wanted not in (None, "overlay"):
        return wanted
    probe = f"{directory}/probe-{uuid.uuid4().hex}"
    try:
        await provision("overlay", image, probe, limits)
    except ToolFailed as error:
        if wanted is not None:
            raise
        log.warning("images are copied for each container, because there is no overlay", why=str(error))
        return "copy"
    finally:
        await destroy(probe)
    return "overlay"


def _below(backends: str, kind: str) -> Iterator[str]:
    for backend in os.listdir(backends) if os.path.isdir(backends) else ():
        place = f"{backends}/{backend}/{kind}"
        if os.path.isdir(place):
            yield from [f"{place}/{name}" for name in os.listdir(place)]
