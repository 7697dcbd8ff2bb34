"""Removing sandboxes: what a task has put there, or in place of what is above it, leads nowhere else."""

from __future__ import annotations

import os
import shutil
import subprocess

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

#: Of a tree that takes more than Python's depth of calls or our descriptors; it may be large.
RM_TIMEOUT_S = 600


def remove(root: str, path: str) -> None:
    """Nothing is left of ``path``, which lies below ``root``; no link on the way to it is followed.

    What cannot be removed stays, the rest goes. Raises OSError then.
    """
    *parents, name = os.path.relpath(path, root).split("/")
    if ".." in parents or name in {".", ".."}:
        raise ValueError(f"{path} does not lie below {root}")
    fd = os.open(root, _DIRECTORY & ~os.O_NOFOLLOW)
    try:
        for parent in parents:
            inner = os.open(parent, _DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = inner
        _remove(name, fd)
    except FileNotFoundError:
        return
    finally:
        os.close(fd)


def _remove(name: str, directory: int) -> None:
    try:
        shutil.rmtree(name, dir_fd=directory)
    except FileNotFoundError:
        raise
    except (OSError, RecursionError):
        # A tree too deep for us, or something that stays; rm goes to any depth and past what stays.
        command = ["rm", "-rf", "--", f"./{name}"]
        place = f"/proc/self/fd/{directory}"
        try:
            subprocess.run(
                command, cwd=place, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=RM_TIMEOUT_S,
                pass_fds=(directory,),
            )  # fmt: skip
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            said = (error.stderr or b"").decode(errors="replace").strip().splitlines()
            raise OSError(None, said[0] if said else "rm has not ended") from error
