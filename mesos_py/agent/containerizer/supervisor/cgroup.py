"""Killing by cgroup: everything in a directory and below it, however it got there.

cgroup v2 has a file for it. In v1 the freezer holds everything still while it is looked at, so that nothing can fork
away; killed processes end when they are thawed.
"""

from __future__ import annotations

import os
import signal

from . import procfs


def kill(directory: bytes) -> int:
    """SIGKILL to all that is in it; how many processes were found. None without a cgroup, or when it is gone."""
    if not directory:
        return 0
    found = members(directory)
    if not found:
        return 0
    if not _write(directory + b"/cgroup.kill", b"1"):
        _write(directory + b"/freezer.state", b"FROZEN")
        try:
            found |= members(directory)
            _kill_each(directory, found)
        finally:
            _write(directory + b"/freezer.state", b"THAWED")
    return len(found)


def _kill_each(directory: bytes, pids: set[int]) -> None:
    """A pid whose process is still there when its handle is open is the process we mean."""
    handles = {}
    try:
        for pid in pids:
            try:
                handles[pid] = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
        here = members(directory)
        for pid, handle in handles.items():
            if pid in here:
                try:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                except ProcessLookupError:
                    continue
    finally:
        for handle in handles.values():
            os.close(handle)


def members(directory: bytes) -> set[int]:
    """Pids in it and below; 0 stands for a process of another pid namespace, which cannot be."""
    found: set[int] = set()
    pending = [directory]
    while pending:
        here = pending.pop()
        found.update(map(int, procfs.read(os.fsdecode(here) + "/cgroup.procs").split()))
        try:
            with os.scandir(here) as entries:
                pending.extend([entry.path for entry in entries if entry.is_dir(follow_symlinks=False)])
        except OSError:
            continue  # it has just been removed, so nothing is in it
    return found


def _write(path: bytes, value: bytes) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(fd, value)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
