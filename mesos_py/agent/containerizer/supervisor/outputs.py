"""The supervisor's end of the logger: pipes for what containers say, handed to the process that writes it.

Both ends of the read side are kept: a logger that dies is replaced by another, which gets every pipe again, and no
container hears of it. A container has ended when the logger has written all that it said.
"""

from __future__ import annotations

import _socket
import os
import resource
import select
import signal
import struct
import sys
import time

from .program import Identity, SpawnError
from .spawn import open_output

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from supervisor.logger import main; main()"

#: Between two starts of a logger, and between attempts to hand it what it had no room for (seconds).
RESTART_S, RETRY_S = 1.0, 0.05

#: Descriptors that the logger needs for one pipe, and for itself.
_PER_PIPE, _OTHERS = 3, 32

_RIGHTS = struct.Struct("2i")


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class _Pipe:
    __slots__ = ("container_id", "directory", "message", "read")

    def __init__(self, container_id: bytes, message: bytes, read: int, directory: int) -> None:
        self.container_id, self.message = container_id, message
        self.read, self.directory = read, directory


class Outputs:
    """All pipes of one supervisor; starts a logger with the first."""

    def __init__(self, epoll: select.epoll, helpers: set[int]) -> None:
        """``helpers``: pids of children that are no container's."""
        self._epoll, self._helpers = epoll, helpers
        self._logger: _socket.socket | None = None
        self._pipes: dict[bytes, _Pipe] = {}
        #: tokens that the logger has not been given yet
        self._unsent: dict[bytes, None] = {}
        #: pipes of each container that have not ended
        self._open: dict[bytes, int] = {}
        self._token = 0
        self._start_at = 0.0
        self._pipes_max = (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - _OTHERS) // _PER_PIPE

    @property
    def fd(self) -> int:
        """What epoll calls it; -1 while there is no logger."""
        return -1 if self._logger is None else self._logger.fileno()

    def opener(self, container_id: bytes, logs: bytes) -> Callable[[int, bytes, Identity | None], int]:
        """What opens an output of the container by its name; for ``logs`` see frames.py."""
        stdout_max, stdout_keep, stderr_max, stderr_keep = logs.split(b" ")
        bounds = {b"stdout": (stdout_max, stdout_keep), b"stderr": (stderr_max, stderr_keep)}
        return lambda directory, name, owner: self._pipe(container_id, directory, name, bounds[name], owner)

    def _pipe(
        self, container_id: bytes, directory: int, name: bytes, bounds: tuple[bytes, bytes], owner: Identity | None
    ) -> int:
        """The end to write to, which the caller closes. Raises SpawnError, also when the file could not be made now."""
        os.close(open_output(directory, name, owner))
        if len(self._pipes) >= self._pipes_max:
            raise SpawnError(f"Failed to open '{os.fsdecode(name)}' in the sandbox: {len(self._pipes)} are open")
        self._token += 1
        token = b"%d" % self._token
        read, write = os.pipe2(os.O_CLOEXEC)
        if owner is not None:
            os.fchown(write, owner.uid, owner.gid)  # he may want to open /dev/stdout
        who = [] if owner is None else [b"%d" % owner.uid, b"%d" % owner.gid]
        message = b" ".join([token, name, *bounds, *who])
        self._pipes[token] = _Pipe(container_id, message, read, os.dup(directory))
        self._open[container_id] = self._open.get(container_id, 0) + 1
        self._unsent[token] = None
        self.flush()
        return write

    def is_open(self, container_id: bytes) -> bool:
        """It may have said something that is not written yet."""
        return container_id in self._open

    def next_look(self) -> float | None:
        """When `flush` is to be called, at the latest."""
        return max(self._start_at, time.monotonic() + RETRY_S) if self._unsent else None

    def flush(self) -> None:
        """Hand the logger what it has not got; start one if there is none."""
        if not self._unsent:
            return
        if self._logger is None:
            if time.monotonic() < self._start_at:
                return
            self._start()
        for token in list(self._unsent) if self._logger is not None else ():
            pipe = self._pipes[token]
            rights = _RIGHTS.pack(pipe.read, pipe.directory)
            try:
                self._logger.sendmsg(  # type: ignore[union-attr]
                    [pipe.message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)], _socket.MSG_NOSIGNAL
                )  # fmt: skip
            except OSError:
                return  # it is busy, and will be asked again; or it has gone, and that is heard
            del self._unsent[token]

    def hear(self) -> list[bytes]:
        """The logger has said something, or has gone; the containers all of whose words are written now."""
        assert self._logger is not None
        ended: list[bytes] = []
        while True:
            try:
                token = self._logger.recv(64)
            except BlockingIOError:
                return ended
            except OSError:
                token = b""
            if not token:
                self._lose()
                return ended
            container_id = self._end(token)
            if container_id is not None:
                ended.append(container_id)

    def _end(self, token: bytes) -> bytes | None:
        pipe = self._pipes.pop(token)
        os.close(pipe.read)
        os.close(pipe.directory)
        left = self._open.pop(pipe.container_id) - 1
        if left:
            self._open[pipe.container_id] = left
            return None
        return pipe.container_id

    def _start(self) -> None:
        self._start_at = time.monotonic() + RESTART_S
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)]
        place = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        argv = [sys.executable, "-I", "-S", "-c", _BOOT, place]
        try:
            pid = os.posix_spawn(
                sys.executable, argv, os.environ, file_actions=actions, setsid=True, setsigmask=(),
                setsigdef=[signal.SIGPIPE],
            )  # fmt: skip
        except OSError:  # the machine is in trouble; what is said waits in its pipe
            ours.close()
            return
        finally:
            theirs.close()
        self._helpers.add(pid)
        self._logger = ours
        self._epoll.register(ours.fileno(), select.EPOLLIN)

    def _lose(self) -> None:
        assert self._logger is not None
        self._epoll.unregister(self._logger.fileno())
        self._logger.close()
        self._logger = None
        self._unsent = dict.fromkeys(self._pipes)
