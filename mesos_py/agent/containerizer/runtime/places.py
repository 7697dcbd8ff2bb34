"""Volumes on the host: sources found or made, mount points made, everything that is a link on the way refused.

What is in a sandbox belongs to its task, and the agent is root: each component is opened without following it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Sequence

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.docker.tasks import is_docker
from mesos_py.agent.containerizer.isolators import persistent
from mesos_py.agent.containerizer.isolators.persistent import Persistent
from mesos_py.agent.containerizer.isolators.volumes import (
    NOT_SHARED,
    OfHost,
    OfRole,
    OfSandbox,
    OfSecret,
    Wanted,
    of_sandbox,
)
from mesos_py.agent.containerizer.runtime.bundle import Bundle
from mesos_py.agent.containerizer.runtime.runtime import identify
from mesos_py.agent.containerizer.supervisor.program import SpawnError
from mesos_py.agent.containerizer.supervisor.spawn import Spawner
from mesos_py.machine.problem import Problem
from mesos_py.wire.volume import Volume

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NoVolume(Exception):
    """A volume cannot be mounted; the text is why."""


class Sandboxes:
    """Makes sandboxes below one work directory, as the supervisor would."""

    def __init__(self, work_dir: str) -> None:
        self.work_dir = work_dir
        #: keeps that directory open, so there is one
        self._spawner: Spawner | None = None

    def make(self, spec: ContainerSpec) -> None:
        """The sandbox is there. Raises NoVolume, in the supervisor's words."""
        try:
            if self._spawner is None:
                self._spawner = Spawner(os.fsencode(self.work_dir))
            self._spawner.make_sandbox(
                os.fsencode(spec.sandbox), os.fsencode(spec.latest_link or ""), os.fsencode(spec.user or "")
            )
        except (SpawnError, OSError) as error:
            raise NoVolume(str(error)) from error

    def link(self, spec: ContainerSpec) -> str | None:
        """The container's persistent volumes, and parts of sandboxes that it shows elsewhere, are in its sandbox by
        symbolic links; or why they are not."""
        kept = persistent.wanted(spec.resources, self.work_dir)
        shown = () if spec.container is None or is_docker(spec.container) else spec.container.volumes
        if isinstance(kept, Problem):
            return kept.text
        if not kept and not shown:
            return None
        try:
            self.make(spec)  # which says so if there is no such user
            owner = identify(spec.user).owner(None)
            for volume in kept:
                _link_persistent(volume, spec.sandbox, owner)
            for part in shown:
                _link_part(part, spec, owner)
        except NoVolume as error:
            return str(error)
        return None


def mount(bundle: Bundle, volume: Wanted, source: str, force_creation: Sequence[str], secrets: str) -> None:
    """The bundle mounts the volume; ``source`` is the root of an image. Raises NoVolume.

    Host directories below ``force_creation`` are made if they are not there; ``secrets`` is a directory in memory.
    """
    try:
        source = source or _source(bundle, volume, force_creation, secrets)
        if volume.inside is not None:
            _make(bundle, bundle.spec.sandbox, volume.inside, is_file=not os.path.isdir(source))
        elif not bundle.is_own_root and not os.path.exists(volume.target):
            text = "It must exist if the container shares the host filesystem"
            raise NoVolume(f"Mount point '{volume.target}' is an absolute path. {text}")
    except OSError as error:
        raise NoVolume(f"Failed to make '{error.filename}': {error.strerror}") from error
    bundle.mount(volume.target, source, *volume.options)


def _source(bundle: Bundle, volume: Wanted, force_creation: Sequence[str], secrets: str) -> str:
    source = volume.source
    if isinstance(source, OfHost):
        path = os.path.normpath(source.path)
        if not os.path.exists(path):
            if not any(path == one or path.startswith(f"{one}/") for one in map(os.path.normpath, force_creation)):
                more = " and is not whitelisted for creation" if force_creation else ""
                raise NoVolume(f"Path '{source.path}' in HOST_PATH volume does not exist{more}")
            os.makedirs(path)
        if source.is_shared and not _is_shared(path):
            raise NoVolume(f"{NOT_SHARED} '{source.path}' because it is not under a shared mount")
        return path
    if isinstance(source, OfSandbox):
        _make(bundle, source.within, source.path, is_file=False)
        return os.path.join(source.within, source.path)
    if isinstance(source, OfRole):
        _make_persistent(source.volume, bundle.owner)
        return source.volume.path
    assert isinstance(source, OfSecret)
    os.makedirs(secrets, mode=0o700, exist_ok=True)
    path = f"{secrets}/{len(bundle.mounts)}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
    with os.fdopen(fd, "wb") as file:
        file.write(source.data)
        os.fchown(file.fileno(), *bundle.owner)
    return path


def _is_shared(path: str) -> bool:
    """What is mounted there by others is seen there, and the reverse."""
    found = subprocess.run(["findmnt", "-no", "PROPAGATION", "--target", path], capture_output=True, check=False)
    return b"shared" in found.stdout.split(b",")[0]


def _link_persistent(volume: Persistent, sandbox: str, owner: tuple[int, int]) -> None:
    """Raises NoVolume."""
    try:
        _make_persistent(volume, owner)
        _link(volume.path, volume.container_path, sandbox, owner)
    except OSError as error:
        text = f"Failed to link persistent volume '{volume.path}' to '{volume.container_path}': {error.strerror}"
        raise NoVolume(text) from error


def _link_part(volume: Volume, spec: ContainerSpec, owner: tuple[int, int]) -> None:
    """A part of a sandbox. Raises NoVolume."""
    assert volume.source is not None
    found = of_sandbox(spec.sandbox, volume.source, spec.parent_sandbox)
    if isinstance(found, Problem):
        raise NoVolume(found.text)
    if volume.mode is Volume.Mode.RO:
        raise NoVolume(f"Volume '{volume.container_path}' is read-only, which needs the 'filesystem/linux' isolator")
    parts = [part for part in found.path.split("/") if part not in ("", ".")]
    try:
        os.close(_walk(owner, found.within, parts))
        _link(os.path.join(found.within, *parts), volume.container_path, spec.sandbox, owner)
    except OSError as error:
        text = f"Path '{found.path}' of a volume leads elsewhere or cannot be made: {error.strerror}"
        raise NoVolume(text) from error


def _link(path: str, container_path: str, sandbox: str, owner: tuple[int, int]) -> None:
    """What is at ``path`` is in the sandbox, which is there, by a symbolic link. Raises NoVolume or OSError."""
    *parents, name = [part for part in container_path.split("/") if part not in ("", ".")] or [""]
    if os.path.isabs(container_path) or ".." in (*parents, name):
        raise NoVolume(f"Path '{container_path}' of a volume is not in the sandbox")
    within = _walk(owner, sandbox, parents)
    try:
        os.symlink(path, name, dir_fd=within)
    finally:
        os.close(within)


def _make_persistent(volume: Persistent, owner: tuple[int, int]) -> None:
    """Its directory is there, and its task's user may write to it. Raises OSError."""
    is_new = not os.path.isdir(volume.path)
    os.makedirs(volume.path, exist_ok=True)
    if is_new or not volume.is_shared:
        os.chown(volume.path, *owner, follow_symlinks=False)


def _make(bundle: Bundle, within: str, path: str, *, is_file: bool) -> None:
    """A directory, or an empty file, of the container's user. Raises NoVolume, for a link, too."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    *parents, name = parts or ["."]
    try:
        here = _walk(bundle.owner, within, parents if is_file else parts)
        try:
            if is_file:
                flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                os.close(os.open(name, flags, 0o644, dir_fd=here))
        finally:
            os.close(here)
    except OSError as error:
        raise NoVolume(f"Path '{path}' of a volume leads elsewhere or cannot be made: {error.strerror}") from error


def _walk(owner: tuple[int, int], within: str, parts: Sequence[str]) -> int:
    """An open directory below ``within``; those on the way are made. Raises OSError, for a link, too."""
    here = os.open(within, _DIRECTORY)
    try:
        for part in parts:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=here)
                os.chown(part, *owner, dir_fd=here, follow_symlinks=False)
            made = os.open(part, _DIRECTORY, dir_fd=here)
            os.close(here)
            here = made
    except OSError:
        os.close(here)
        raise
    return here
