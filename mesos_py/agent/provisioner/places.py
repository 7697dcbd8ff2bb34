"""Directories nobody else may have a hand in, and files that are whole or not there."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from typing import Any

from mesos_py import locks
from mesos_py.agent.mapped_ids import MappedIds

PASSAGE = 0o710
OWN = 0o700  # images have set-uid programs in them, which are not for this host's users


def private_directory(path: str) -> str:
    """The real path of a directory of ours that no other user can enter or exchange; made if it is not there.

    Raises ValueError for one that somebody else could have prepared, OSError if it cannot be made.
    """
    os.makedirs(path, OWN, exist_ok=True)
    path = os.path.realpath(path)
    above = path
    while above != "/":
        above = os.path.dirname(above)
        _check(above, path)
    _check(path, path)
    os.chmod(path, OWN)
    return path


def let_in(directory: str, ids: MappedIds) -> None:
    """Root of containers comes through it to what is theirs, and sees nothing else; no other user does."""
    os.chown(directory, -1, ids.on_host(0))
    os.chmod(directory, PASSAGE)


def not_passable(path: str, ids: MappedIds) -> str | None:
    """The first directory on the way to ``path``, and that itself, which root of containers does not come through."""
    parts = os.path.realpath(path).split("/")
    for count in range(1, len(parts) + 1):
        directory = "/".join(parts[:count]) or "/"
        if not os.path.exists(directory):
            return None  # it will be made, and open
        found = os.stat(directory)
        bit = stat.S_IXGRP if found.st_gid == ids.on_host(0) else stat.S_IXOTH
        if not found.st_mode & bit:
            return directory
    return None


def _check(path: str, wanted: str) -> None:
    found = os.stat(path)
    others_may_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
    if found.st_uid not in (0, os.geteuid()) or others_may_write:
        raise ValueError(f"'{wanted}' is no place for images: another user may write to '{path}'")


class Lock:
    """Held from construction until ``release``, by this process alone. Raises ValueError if another one holds it."""

    def __init__(self, path: str, whose: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise ValueError(f"another agent uses {whose}") from error

    def release(self) -> None:
        locks.release(self._fd)


def read_json(path: str, size_max: int) -> Any:
    """Raises OSError, and ValueError for what is no JSON or longer than ``size_max`` bytes."""
    with open(path, "rb") as file:
        data = file.read(size_max + 1)
    if len(data) > size_max:
        raise ValueError(f"{os.path.basename(path)} has more than {size_max} bytes")
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError(f"{os.path.basename(path)} is nested too deeply") from error


def write_durably(path: str, data: bytes) -> None:
    """The file has this content after any crash from now on, and its old one or none after one before."""
    with open(f"{path}.new", "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.new", path)
    sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """What was renamed into it or out of it stays so."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
