"""A directory that belongs to one master or one agent, and to one process at a time.

    <work_dir>/lock    held (flock) by the process that uses the directory, for as long as it lives, however it ends;
                       its text outlives the process: "agent 4711 10.0.0.1:5051", whose directory it is, and who held it

A directory of another kind is refused: what one of them keeps means nothing to the other, and would be lost on it.
Directories of a C++ Mesos are known by what it keeps there, and one with a whole cluster in it (``mesos-py local``) by
the directory of its first agent.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from typing import Literal

from mesos_py import locks
from mesos_py.coordination.sqlite_file import REGISTRY, REGISTRY_FILE

Kind = Literal["master", "agent", "cluster"]

LOCK_FILE = "lock"
LOCK_TEXT_MAX = 512  # bytes
#: what a directory has in it that has no text in its lock
TRACES: Mapping[Kind, tuple[str, ...]] = {
    "master": (REGISTRY_FILE, REGISTRY.foreign),
    "agent": ("meta", "slaves"),
    "cluster": (os.path.join("agent-1", LOCK_FILE),),
}


class WorkDirRefused(OSError):
    """The directory cannot be used; the text says what to do."""


class WorkDir:
    """The directory ``path`` of a ``kind``."""

    def __init__(self, path: str, kind: Kind) -> None:
        self.path = path
        self.kind = kind
        self._descriptor: int | None = None

    def hold(self) -> None:
        """The directory is there and ours. Raises WorkDirRefused."""
        try:
            os.makedirs(self.path, exist_ok=True)
            self.check_kind()  # before there is a lock that belongs to our user
            descriptor = os.open(os.path.join(self.path, LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except WorkDirRefused:
            raise
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._lock(descriptor)
            self.check_kind()  # again: another may have been faster
            self._descriptor = descriptor
            self.announce("")
        except BaseException:
            self._descriptor = None
            os.close(descriptor)
            raise

    def check_kind(self) -> None:
        """The directory does not belong to another kind. Raises WorkDirRefused."""
        owner = self.owner()
        if owner not in (None, self.kind):
            text = f"--work_dir={self.path} belongs to {_AN[owner]}; name another one for {_AN[self.kind]}"
            if (owner, self.kind) == ("cluster", "master"):
                text += f", or its master's: {os.path.join(self.path, 'master')}"
            raise WorkDirRefused(text)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid, address = self.user()
            who = f" (pid {pid}{', at ' + address if address else ''})" if pid else ""
            text = f"--work_dir={self.path} is in use by another process{who}; end that one, or name another directory"
            raise WorkDirRefused(text) from error

    def announce(self, address: str) -> None:
        """Who reads the lock learns where we answer (HOST:PORT). Raises WorkDirRefused."""
        assert self._descriptor is not None
        text = f"{self.kind} {os.getpid()} {address}".strip() + "\n"
        try:
            os.pwrite(self._descriptor, text.encode(), 0)
            os.ftruncate(self._descriptor, len(text))
        except OSError as error:
            raise self._unusable(error) from error

    def release(self) -> None:
        """Somebody else may have it."""
        if self._descriptor is not None:
            locks.release(self._descriptor)
            self._descriptor = None

    # ---- what the directory says

    def owner(self) -> Kind | None:
        """Whose directory it is; None: nobody's yet."""
        word = self._text()[0]
        for kind, names in TRACES.items():
            if word == kind or (word not in TRACES and any(map(self._has, names))):
                return kind
        return None

    def is_in_use(self) -> bool:
        """Some process holds it at this moment. Raises WorkDirRefused."""
        try:
            descriptor = os.open(os.path.join(self.path, LOCK_FILE), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return True
        locks.release(descriptor)
        return False

    def _has(self, name: str) -> bool:
        return os.path.lexists(os.path.join(self.path, name))

    def user(self) -> tuple[str, str]:
        """Pid and address (HOST:PORT) of whoever held it last; "" for what is not known."""
        _, pid, address = self._text()
        return pid, address

    def _unusable(self, error: OSError) -> WorkDirRefused:
        what = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        advice = "make it a directory with space that this user may write to, or name another one"
        return WorkDirRefused(f"--work_dir={self.path} cannot be used ({what}); {advice}")

    def _text(self) -> tuple[str, str, str]:
        try:
            with open(os.path.join(self.path, LOCK_FILE), "rb") as file:
                words = file.read(LOCK_TEXT_MAX).decode("utf-8", "replace").split()
        except FileNotFoundError:
            words = []
        kind, pid, address, *_ = [*words, "", "", ""]
        return kind, pid, address


_AN: Mapping[Kind, str] = {"master": "a master", "agent": "an agent", "cluster": "a cluster of 'mesos-py local'"}
