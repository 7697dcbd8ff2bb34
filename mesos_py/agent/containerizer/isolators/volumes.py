"""volume/host_path, volume/sandbox_path, volume/image and volume/secret: what else is mounted into a container. Pure.

Persistent volumes come with the container's resources (``persistent.py``).

A volume's ``container_path`` is relative to the sandbox, or absolute. Nothing a task names leads out of its sandbox or
its parent's: ``..`` is refused here, links are refused where the paths are opened (``runtime/places.py``).
Mesos: src/slave/containerizer/mesos/isolators/volume/{host_path,sandbox_path,image,secret}.cpp
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from mesos_py.agent.containerizer.isolation import Isolation
from mesos_py.agent.containerizer.isolators import persistent
from mesos_py.agent.containerizer.isolators.persistent import Persistent
from mesos_py.agent.containerizer.runtime.bundle import Bundle
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.image import Image
from mesos_py.wire.volume import MountPropagation, Volume

_Type = Volume.Source.Type

NO_RESOLVER: Final = "Default resolver cannot resolve references"  # Mesos: src/secret/resolver.cpp


#: How it begins when a volume cannot show the host what the container mounts there.
NOT_SHARED: Final = "Cannot setup bidirectional mount propagation for host path"

_PROPAGATIONS: Final[Mapping[MountPropagation.Mode | None, Sequence[str]]] = {
    MountPropagation.Mode.HOST_TO_CONTAINER: ("rslave",),
    MountPropagation.Mode.BIDIRECTIONAL: ("rshared",),
}


@attrs.frozen
class OfHost:
    """A directory or file of the host; it has to be there."""

    path: str
    #: the host is to see what the container mounts there
    is_shared: bool = False


@attrs.frozen
class OfSandbox:
    """A directory in the sandbox of this container or its parent; it is made."""

    within: str
    path: str


@attrs.frozen
class OfImage:
    """The root of an image."""

    image: Image


@attrs.frozen
class OfSecret:
    """A file that holds a secret, in memory."""

    data: bytes = attrs.field(repr=False)


@attrs.frozen
class OfRole:
    """A persistent volume; its directory is made."""

    volume: Persistent


@attrs.frozen(kw_only=True)
class Wanted:
    """One volume: what is mounted where, and how."""

    source: OfHost | OfSandbox | OfImage | OfSecret | OfRole
    #: as the container sees it
    target: str
    #: where in the sandbox it is, and to be made; None: it is elsewhere
    inside: str | None
    options: tuple[str, ...]


def wanted(
    bundle: Bundle, isolation: Isolation, *, parent_sandbox: str | None, work_dir: str
) -> list[Wanted] | Problem:
    """``parent_sandbox`` is of the container in which this one is nested."""
    kept = persistent.wanted(bundle.spec.resources, work_dir)
    if isinstance(kept, Problem):
        return kept
    found = [
        _wanted(bundle, one.container_path, OfRole(one), ("rbind", "ro" if one.is_read_only else "rw")) for one in kept
    ]
    container = bundle.spec.container
    for volume in () if container is None else container.volumes:
        path = volume.container_path
        if not _is_plain(path):
            return bad_request(f"Path '{path}' of a volume leads elsewhere")
        source = _source(bundle, volume, isolation, parent_sandbox)
        if isinstance(source, Problem):
            return source
        is_read_only = volume.mode is Volume.Mode.RO or isinstance(source, OfSecret)
        options = ["rbind", "ro" if is_read_only else "rw"]
        if isinstance(source, OfSecret):
            options += ["nosuid", "noexec", "nodev"]
        elif isinstance(source, OfHost):
            options += _PROPAGATIONS.get(_propagation(volume), ())
        found.append(_wanted(bundle, path, source, tuple(options)))
    return found


def _wanted(
    bundle: Bundle, path: str, source: OfHost | OfSandbox | OfImage | OfSecret | OfRole, options: tuple[str, ...]
) -> Wanted:
    return Wanted(
        source=source,
        target=path if posixpath.isabs(path) else posixpath.join(bundle.sandbox, path),
        inside=None if posixpath.isabs(path) else path,
        options=options,
    )


def _source(
    bundle: Bundle, volume: Volume, isolation: Isolation, parent_sandbox: str | None
) -> OfHost | OfSandbox | OfImage | OfSecret | Problem:
    source = volume.source
    kind = None if source is None else source.type
    if volume.image is not None:
        return OfImage(volume.image)
    if volume.host_path is not None or kind is _Type.HOST_PATH:
        return _of_host(bundle, volume)
    if source is not None and shows_sandbox(volume):
        return of_sandbox(bundle.spec.sandbox, source, parent_sandbox)
    if source is not None and kind is _Type.SECRET and "volume/secret" in isolation:
        if source.secret is None or source.secret.value is None:
            return bad_request(NO_RESOLVER)
        return OfSecret(source.secret.value.data)
    name = "none" if kind is None else kind.name
    return bad_request(f"Volume '{volume.container_path}': no isolator here knows its source ({name})")


def _of_host(bundle: Bundle, volume: Volume) -> OfHost | Problem:
    given = None if volume.source is None else volume.source.host_path
    path = volume.host_path if given is None else given.path
    if not path or not _is_plain(path):
        return bad_request(f"Host path '{path or ''}' of a volume leads elsewhere")
    if not posixpath.isabs(path):
        return bad_request(f"Relative host path '{path}' is not supported")
    is_shared = _propagation(volume) is MountPropagation.Mode.BIDIRECTIONAL
    if is_shared and not bundle.is_own_root:
        return bad_request(f"{NOT_SHARED} '{path}' because only containers with an image can have it")
    if is_shared and bundle.ids is not None:
        return bad_request(f"{NOT_SHARED} '{path}' because nothing that is mounted leaves a user namespace")
    return OfHost(path, is_shared)


def shows_sandbox(volume: Volume) -> bool:
    """It is of type SANDBOX_PATH."""
    return volume.source is not None and volume.source.type is _Type.SANDBOX_PATH


def of_sandbox(sandbox: str, source: Volume.Source, parent_sandbox: str | None) -> OfSandbox | Problem:
    """What a volume of type SANDBOX_PATH shows: a part of the container's sandbox, or of that of its parent."""
    found = source.sandbox_path
    if found is None or found.type is None:
        return bad_request("'source.sandbox_path' is not set for SANDBOX_PATH volume")
    if not _is_plain(found.path) or posixpath.isabs(found.path):
        return bad_request(f"Path '{found.path}' of a volume leads elsewhere")
    if found.type is not Volume.Source.SandboxPath.Type.PARENT:
        return OfSandbox(sandbox, found.path)
    if parent_sandbox is None:
        return bad_request("PARENT type SANDBOX_PATH is only allowed for nested container")
    return OfSandbox(parent_sandbox, found.path)


def _propagation(volume: Volume) -> MountPropagation.Mode | None:
    source = volume.source.host_path if volume.source is not None else None
    return None if source is None or source.mount_propagation is None else source.mount_propagation.mode


def _is_plain(path: str) -> bool:
    return bool(path) and "\0" not in path and ".." not in path.split("/")
