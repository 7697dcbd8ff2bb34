"""The logger: one process beside the supervisor that writes what containers say into files of bounded size.

It gets, for each stdout and stderr, the read end of a pipe and a descriptor of the sandbox, and copies until the pipe
ends; then it says so. A file that is full becomes ``stdout.1`` (that ``stdout.2``, and so on, the last one goes) and a
new one takes its place in one step, so a reader always finds one. All names are looked up in the sandbox's descriptor
and no link is followed: the sandbox is a task's, who may put there what he likes. What cannot be moved out of the way
is emptied instead: the bound holds, whatever he does. Bytes that a full disk does not take are counted and told of in
the file once there is room again; the task never waits for it.

Ends when the supervisor has gone and every pipe has ended, so that what runs then can still speak.
Mesos: src/slave/container_loggers/logrotate.cpp, a process for each file, and the program logrotate.
"""

from __future__ import annotations

import _socket
import os
import resource
import select
import signal
import struct

from .program import Identity, SpawnError
from .spawn import OUTPUT_MODE, open_output

#: Bytes read from a pipe at once: all it holds.
READ_SIZE = 65536

#: Of one message of the supervisor; it is a few short fields.
MESSAGE_MAX = 4096

_NEW = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TWO = struct.Struct("2i")


class LogFile:
    """A file in a sandbox that is replaced by a new one before it exceeds ``size_max``; ``keep`` old ones stay."""

    def __init__(self, directory: int, name: bytes, size_max: int, keep: int, owner: Identity | None) -> None:
        """The directory's descriptor is ours from now on."""
        self._directory, self._name = directory, name
        self._size_max, self._keep, self._owner = size_max, keep, owner
        #: pipes that are written into it
        self.users = 0
        #: bytes the disk has not taken, and why not
        self.lost, self._cause = 0, ""
        self._fd = self._open()

    @property
    def size(self) -> int:
        """Bytes of the file that has the name now."""
        return os.fstat(self._fd).st_size

    def write(self, data: bytes) -> None:
        """All of it is in the file, or in files before it; lines stay whole where one fits into a file."""
        if self.lost:
            self._tell_lost()
        while data:
            size = self.size
            piece = _fitting(data, self._size_max - size, is_empty=size == 0)
            if piece:
                self._append(piece)
                data = data[len(piece) :]
            else:
                self._rotate()

    def close(self) -> None:
        os.close(self._fd)
        os.close(self._directory)

    def _append(self, data: bytes) -> bool:
        """False: the disk has not taken all of it."""
        done = 0
        try:
            while done < len(data):
                done += os.write(self._fd, data[done:])
        except OSError as exc:
            self.lost += len(data) - done
            self._cause = exc.strerror or "?"
            return False
        return True

    def _tell_lost(self) -> None:
        lost, self.lost = self.lost, 0
        if not self._append(b"\n[%d bytes are missing here: %b]\n" % (lost, self._cause.encode())):
            self.lost = lost

    def _rotate(self) -> None:
        try:
            self._shift()
            fd = self._replace()
        except OSError:
            fd = self._empty()
        if fd != self._fd:
            os.close(self._fd)
            self._fd = fd

    def _empty(self) -> int:
        """The file has no contents, or is none any more."""
        try:
            os.ftruncate(self._fd, 0)
        except OSError:  # only root can see to that
            return _nowhere()
        return self._fd

    def _shift(self) -> None:
        """Each file has the name after its own, too, so that a reader always finds one. Raises OSError."""
        for number in range(self._keep - 1, 0, -1):
            self._name_also(self._old(number), self._old(number + 1))
        if self._keep:
            self._name_also(self._name, self._old(1))

    def _name_also(self, name: bytes, other: bytes) -> None:
        """What had the other name is gone; a file that is not there has none."""
        temporary = b"." + self._name + b".old"
        here = {"src_dir_fd": self._directory, "dst_dir_fd": self._directory}
        _if_there(os.unlink, temporary, dir_fd=self._directory)
        _if_there(os.link, name, temporary, follow_symlinks=False, **here)
        _if_there(os.rename, temporary, other, **here)

    def _replace(self) -> int:
        """A new file that takes the name in one step. Raises OSError."""
        temporary = b"." + self._name + b".new"
        _if_there(os.unlink, temporary, dir_fd=self._directory)
        fd = os.open(temporary, _NEW, OUTPUT_MODE, dir_fd=self._directory)
        try:
            if self._owner is not None:
                os.fchown(fd, self._owner.uid, self._owner.gid)
            os.rename(temporary, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        except OSError:
            os.close(fd)
            _if_there(os.unlink, temporary, dir_fd=self._directory)
            raise
        return fd

    def _open(self) -> int:
        try:
            return open_output(self._directory, self._name, self._owner)
        except SpawnError:
            pass  # the task has put something else there meanwhile
        try:
            return self._replace()
        except OSError:  # and keeps it there, or the sandbox has gone: what is said is read, and that is all
            return _nowhere()

    def _old(self, number: int) -> bytes:
        return b"%b.%d" % (self._name, number)


def _fitting(data: bytes, room: int, *, is_empty: bool) -> bytes:
    """What of the data goes into a file with so much room; nothing: it wants a new one."""
    if len(data) <= room:
        return data
    lines = data[: data.rfind(b"\n", 0, max(0, room)) + 1]
    return lines or (data[:room] if is_empty else b"")


class Logger:
    """Pipes to files; ``supervisor`` gives the pipes and hears which have ended."""

    def __init__(self, supervisor: _socket.socket) -> None:
        self._supervisor: _socket.socket | None = supervisor
        self._fd = supervisor.fileno()
        #: pipe to its token and file
        self._pipes: dict[int, tuple[bytes, LogFile]] = {}
        #: device and inode of the sandbox, and the name in it, to the file
        self._files: dict[tuple[int, int, bytes], LogFile] = {}
        self._epoll = select.epoll()
        self._epoll.register(self._fd, select.EPOLLIN)

    def run(self) -> None:
        while self._supervisor is not None or self._pipes:
            for fd, _ in self._epoll.poll():
                if fd == self._fd and self._supervisor is not None:
                    self._hear()
                elif fd in self._pipes:
                    self._copy(fd)

    def _hear(self) -> None:
        assert self._supervisor is not None
        try:
            message, ancillary, _, _ = self._supervisor.recvmsg(MESSAGE_MAX, _socket.CMSG_SPACE(_TWO.size))
        except OSError:
            message, ancillary = b"", []
        if not message:
            self._epoll.unregister(self._fd)
            self._supervisor.close()
            self._supervisor = None
            return
        for _, _, rights in ancillary:
            self._add(message.split(b" "), *_TWO.unpack(rights))

    def _add(self, message: list[bytes], pipe: int, directory: int) -> None:
        token, name, size_max, keep, *owner = message
        status = os.fstat(directory)
        key = (status.st_dev, status.st_ino, name)
        file = self._files.get(key)
        if file is None:
            identity = Identity(int(owner[0]), int(owner[1]), []) if owner else None
            file = self._files[key] = LogFile(directory, name, int(size_max), int(keep), identity)
        else:
            os.close(directory)
        file.users += 1
        self._pipes[pipe] = token, file
        self._epoll.register(pipe, select.EPOLLIN)

    def _copy(self, pipe: int) -> None:
        token, file = self._pipes[pipe]
        data = os.read(pipe, READ_SIZE)
        if data:
            file.write(data)
            return
        self._epoll.unregister(pipe)
        os.close(pipe)
        del self._pipes[pipe]
        file.users -= 1
        if not file.users:
            file.close()
            self._files = {key: one for key, one in self._files.items() if one is not file}
        if self._supervisor is not None:
            try:
                self._supervisor.send(token, _socket.MSG_NOSIGNAL)
            except OSError:
                return  # it has gone: the next read says so


def _nowhere() -> int:
    return os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)


def _if_there(change, *names, **where) -> None:  # type: ignore[no-untyped-def]
    """The task may have removed what is to be moved or removed."""
    try:
        change(*names, **where)
    except FileNotFoundError:
        return


def main() -> None:
    """Serve the supervisor at the other end of descriptor 0."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.umask(0o022)
    Logger(_socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fileno=os.dup(0))).run()
