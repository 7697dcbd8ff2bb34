"""Volumes on the host: sources found or made, mount points made, everything that is a link on the way refused.

What is in a sandbox belongs to its task, and the agent is root: each component is opened without following it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from mesos_py.agent.containerizer.isolators.volumes import OfHost, OfSandbox, OfSecret, Wanted
from mesos_py.agent.containerizer.runtime.bundle import Bundle
from mesos_py.agent.containerizer.supervisor.spawn import Spawner, SpawnError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NoVolume(Exception):
    """A volume cannot be mounted; the text is why."""


def make_sandbox(work_dir: str, bundle: Bundle) -> None:
    """The sandbox is there, as the supervisor would make it. Raises NoVolume, in the supervisor's words."""
    spec = bundle.spec
    try:
        Spawner(os.fsencode(work_dir)).make_sandbox(
            os.fsencode(spec.sandbox), os.fsencode(spec.latest_link or ""), os.fsencode(spec.user or "")
        )
    except (SpawnError, OSError) as error:
        raise NoVolume(str(error)) from error


def mount(bundle: Bundle, volume: Wanted, source: str, force_creation: Sequence[str], secrets: str) -> None:
    """The bundle mounts the volume; ``source`` is the root of an image. Raises NoVolume.

    Host directories below ``force_creation`` are made if they are not there; ``secrets`` is a directory in memory.
    """
    try:
        source = source or _source(bundle, volume, force_creation, secrets)
        if volume.inside is not None:
            _make(bundle, bundle.spec.sandbox, volume.inside, is_file=not os.path.isdir(source))
        elif not bundle.is_own_root and not os.path.exists(volume.target):
            raise NoVolume(f"Mount point '{volume.target}' is an absolute path and does not exist")
    except OSError as error:
        raise NoVolume(f"Failed to make '{error.filename}': {error.strerror}") from error
    bundle.mount(volume.target, source, *volume.options)


def _source(bundle: Bundle, volume: Wanted, force_creation: Sequence[str], secrets: str) -> str:
    source = volume.source
    if isinstance(source, OfHost):
        path = os.path.normpath(source.path)
        if not os.path.exists(path):
            if not any(path == one or path.startswith(f"{one}/") for one in map(os.path.normpath, force_creation)):
                raise NoVolume(f"Path '{source.path}' in HOST_PATH volume does not exist")
            os.makedirs(path)
        return path
    if isinstance(source, OfSandbox):
        _make(bundle, source.within, source.path, is_file=False)
        return os.path.join(source.within, source.path)
    assert isinstance(source, OfSecret)
    os.makedirs(secrets, mode=0o700, exist_ok=True)
    path = f"{secrets}/{len(bundle.mounts)}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
    with os.fdopen(fd, "wb") as file:
        file.write(source.data)
        os.fchown(file.fileno(), bundle.identity.uid, bundle.identity.gid)
    return path


def _make(bundle: Bundle, within: str, path: str, *, is_file: bool) -> None:
    """A directory, or an empty file, of the container's user. Raises OSError, and NoVolume for a link."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    here = os.open(within, _DIRECTORY)
    try:
        for number, part in enumerate(parts):
            if is_file and number == len(parts) - 1:
                flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                made = os.open(part, flags, 0o644, dir_fd=here)
            else:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=here)
                    os.chown(part, bundle.identity.uid, bundle.identity.gid, dir_fd=here, follow_symlinks=False)
                made = os.open(part, _DIRECTORY, dir_fd=here)
            os.close(here)
            here = made
    except OSError as error:
        raise NoVolume(f"Path '{path}' of a volume leads elsewhere or cannot be made: {error.strerror}") from error
    finally:
        os.close(here)
