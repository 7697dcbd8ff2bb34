"""Removing a sandbox that lies inside another one: what a task has put there leads nowhere else."""

from __future__ import annotations

import os
import shutil

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(root: str, path: str) -> None:
    """Nothing is left of ``path``, which lies below ``root``; no link on the way to it is followed. Raises OSError."""
    *parents, name = os.path.relpath(path, root).split("/")
    if ".." in parents or name in {".", ".."}:
        raise ValueError(f"{path} does not lie below {root}")
    fd = os.open(root, _DIRECTORY & ~os.O_NOFOLLOW)
    try:
        for parent in parents:
            inner = os.open(parent, _DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = inner
        shutil.rmtree(name, dir_fd=fd)
    except FileNotFoundError:
        return
    finally:
        os.close(fd)
