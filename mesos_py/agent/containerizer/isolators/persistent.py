"""Persistent volumes: where each is on the host, and where its container finds it. Pure.

A volume belongs to its role and id, not to a task: ``<work_dir>/volumes/roles/<role>/<id>``, or the same below the root
of a PATH disk, or all of a MOUNT disk. With filesystem/linux it is mounted at its ``container_path``, else that is a
symbolic link in the sandbox.
Mesos: src/slave/paths.cpp getPersistentVolumePath; isolators/filesystem/{linux,posix}.cpp update
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

import attrs

from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.resource import Resource
from mesos_py.wire.volume import Volume

_Type = Resource.DiskInfo.Source.Type


@attrs.frozen(kw_only=True)
class Persistent:
    """One volume that is somebody's."""

    #: absolute path on the host
    path: str
    #: relative to the sandbox, or absolute
    container_path: str
    is_read_only: bool
    #: several may use it at once, so it stays whose it is
    is_shared: bool


def wanted(resources: Sequence[Resource], work_dir: str) -> list[Persistent] | Problem:
    """Those among the resources."""
    found = []
    for one in resources:
        disk = one.disk
        if disk is None or disk.persistence is None or disk.volume is None:
            continue
        volume, name, role = disk.volume, disk.persistence.id, _role(one)
        if not volume.container_path or ".." in volume.container_path.split("/") or "\0" in volume.container_path:
            return bad_request(f"Path '{volume.container_path}' of persistent volume '{name}' leads elsewhere")
        if role in ("", "*"):
            return bad_request(f"Persistent volume '{name}' is not reserved")
        if any(text in (".", "..") or "\0" in text for text in (name, role)) or "/" in name or not name:
            return bad_request(f"'{name}' of role '{role}' is not the name of a persistent volume")
        path = _path(disk, role, name, work_dir)
        if isinstance(path, Problem):
            return path
        found.append(
            Persistent(
                path=path, container_path=volume.container_path, is_read_only=volume.mode is Volume.Mode.RO,
                is_shared=one.shared is not None,
            )
        )  # fmt: skip
    return found


def _role(resource: Resource) -> str:
    if resource.reservations:
        return resource.reservations[-1].role or ""
    return resource.role or ""


def _path(disk: Resource.DiskInfo, role: str, name: str, work_dir: str) -> str | Problem:
    source, root = disk.source, work_dir
    if source is not None and source.type is _Type.MOUNT and source.mount is not None and source.mount.root:
        return posixpath.join(work_dir, source.mount.root)
    if source is not None and source.type is _Type.PATH and source.path is not None and source.path.root:
        root = posixpath.join(work_dir, source.path.root)
    elif source is not None:
        return bad_request(f"Persistent volume '{name}' is on a disk of a kind that cannot be mounted")
    return posixpath.join(root, "volumes/roles", role.replace("/", " "), name)
