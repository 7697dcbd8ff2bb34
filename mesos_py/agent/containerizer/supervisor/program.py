"""One program as a process of its own: its descriptors, its limits, whom it runs as, and where.

posix_spawn where that is enough, as it mostly is: a fork of Python takes a millisecond.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .hostfiles import HostFiles

#: What a process gets when its environment names no PATH.
DEFAULT_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: The step of a setup that is a place at which the host's files are bound (hostfiles.py).
HOST_FILES = b"/"

#: All that can be set; 9 and 19 cannot, and 32 and 33 belong to the C library.
_SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


class SpawnError(Exception):
    """The process could not be started, for a reason its owner should read."""


class Identity:
    """Whom a process runs as."""

    __slots__ = ("gid", "groups", "uid")

    def __init__(self, uid: int, gid: int, groups: list[int]) -> None:
        self.uid, self.gid, self.groups = uid, gid, groups


def _candidates(executable: bytes, path: bytes) -> list[bytes]:
    if b"/" in executable:
        return [executable]
    return [os.path.join(directory or b".", executable) for directory in path.split(b":")]


class Program:
    """What is to be executed, except where it is."""

    __slots__ = ("argv", "env", "fds", "host_files", "identity", "is_at_terminal", "nofile", "setup")

    def __init__(
        self, argv: list[bytes], env: dict[bytes, bytes], fds: tuple[int, int, int], identity: Identity | None,
        setup: list[bytes], nofile: tuple[int, int], host_files: HostFiles | None,
    ) -> None:  # fmt: skip
        #: soft and hard limit of descriptors
        self.nofile = nofile
        self.argv, self.env, self.identity = argv, env, identity
        #: paths and what to write to them, in turn; see frames.py
        self.setup = list(zip(setup[::2], setup[1::2], strict=True))
        self.host_files = host_files
        #: what becomes 0, 1 and 2
        self.fds = fds
        #: those are a terminal that is to be its own
        self.is_at_terminal = False

    def start(self, executable: bytes) -> int:
        """The pid of the first of PATH that can be executed, as execvp chooses. Raises OSError."""
        failure: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        for path in _candidates(executable, self.env.get(b"PATH", DEFAULT_PATH)):
            try:
                return self._start(path, self.argv)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except PermissionError as exc:
                failure = exc  # remembered; the rest of PATH is tried
            except OSError as exc:
                if exc.errno != errno.ENOEXEC:
                    raise
                # A script without "#!" is the shell's.
                return self._start(b"/bin/sh", [b"/bin/sh", path, *self.argv[1:]])
        raise failure

    def _start(self, path: bytes, argv: list[bytes]) -> int:
        if self.identity is not None or self.setup or self.is_at_terminal:
            return self._fork(path, argv)
        os.stat(path)  # to find out by a process that there is none takes ten times as long as this
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(self.fds)]
        resource.setrlimit(resource.RLIMIT_NOFILE, self.nofile)
        try:
            return os.posix_spawn(
                path, argv, self.env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=_SIGNALS
            )  # fmt: skip
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.nofile[1], self.nofile[1]))

    def _fork(self, path: bytes, argv: list[bytes]) -> int:
        """posix_spawn knows neither users, cgroups nor terminals, so fork; we are small and have one thread."""
        places = self._places()
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become(path, argv, tell, places)
        os.close(tell)
        try:
            code, _, where = os.read(told, 4096).partition(b" ")
        finally:
            os.close(told)
        if code:
            os.waitpid(pid, 0)
            if where:
                raise SpawnError(f"Failed to isolate container: '{os.fsdecode(where)}': {os.strerror(int(code))}")
            raise OSError(int(code), os.strerror(int(code)))
        return pid

    def _places(self) -> list[int]:
        """Namespaces that it enters. Raises SpawnError."""
        if self.host_files is None:
            return []
        try:
            return [self.host_files.at(place) for where, place in self.setup if where == HOST_FILES]
        except OSError as exc:
            raise SpawnError(f"Failed to isolate container: '{exc.filename}': {exc.strerror}") from exc

    def _become(self, path: bytes, argv: list[bytes], tell: int, places: list[int]) -> NoReturn:
        """In the child: never returns, and says on `tell` why it could not execute."""
        where = b""
        try:
            signal.set_wakeup_fd(-1)
            os.setsid()
            for number, fd in enumerate(self.fds):
                os.dup2(fd, number)
            if self.is_at_terminal:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            for signum in _SIGNALS:
                signal.signal(signum, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            resource.setrlimit(resource.RLIMIT_NOFILE, self.nofile)
            for place in places:
                self.host_files.enter(place)  # type: ignore[union-attr]
            for where, value in self.setup:
                if where != HOST_FILES:
                    _set(where, value)
            where = b""
            if self.identity is not None:
                os.setgroups(self.identity.groups)
                os.setgid(self.identity.gid)
                os.setuid(self.identity.uid)
            os.execve(path, argv, self.env)  # noqa: S606 - executing without a shell is the point
        except OSError as exc:
            os.write(tell, b"%d %b" % (exc.errno or errno.EINVAL, where))
        except ValueError:  # a limit above what may be set
            os.write(tell, b"%d %b" % (errno.EPERM, where))
        finally:
            os._exit(127)


def _set(where: bytes, value: bytes) -> None:
    """One step of the setup, in the process itself: a cgroup is entered, a limit set. Raises OSError, ValueError."""
    if where.isdigit():
        soft, hard = value.split()
        resource.setrlimit(int(where), (int(soft), int(hard)))
        return
    fd = os.open(where, os.O_WRONLY | os.O_CLOEXEC)
    os.write(fd, value)
    os.close(fd)
