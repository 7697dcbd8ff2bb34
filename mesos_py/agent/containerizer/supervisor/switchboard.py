"""What a container with attached clients reads and writes: its terminal or its pipes on one side, clients on the other.

::

    container <--- terminal or pipes ---> Switchboard --+--> log file in the sandbox (not of a session)
                                               ^        +--> viewer, viewer ...   everything from when they came
                                               '----------- typist                one at a time

A container goes at the pace of its viewers, as at any terminal, but whoever holds it up for too long is cut off. Not so
the first viewer of a session, which is there for that one alone: what it writes waits for it to come, too. It all ends
when the container has, and the viewers have been told everything; then they get an END, which nobody gets who is cut
off.
Mesos: src/slave/containerizer/mesos/io/switchboard.cpp, a process of its own for each container.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import select
import struct
import termios
import time

from . import frames
from .console import Console
from .sink import Sink
from .spawn import nothing

READ_SIZE = 64 * 1024

#: Bytes that a viewer has not read, at which the container is held up.
HOLD_AT = 256 * 1024

#: A viewer may do that for so long at a stretch (seconds).
HOLD_MAX_S = 2.0

#: Typed bytes that the container has not read, at which the typist is not listened to.
TYPED_MAX = 64 * 1024

#: What is left to be told after the end of a container waits so long for somebody to take some of it (seconds).
LINGER_S = 30.0

VIEWERS_MAX = 64


class Peer:
    """One attached client: what it has not been told yet, what it has sent."""

    __slots__ = ("decoder", "held_since", "output", "socket")

    def __init__(self, socket: _socket.socket, decoder: frames.Decoder) -> None:
        self.socket = socket
        self.decoder = decoder
        self.output = bytearray()
        #: since when it holds the container up
        self.held_since: float | None = None


class Switchboard:
    """Of one container. ``watch(fd, switchboard, mask)`` has `ready` called; a mask of 0 ends that."""

    def __init__(  # type: ignore[no-untyped-def]
        self, watch, *, is_session: bool, size: tuple[int, int] | None, console: bytes = b""
    ) -> None:
        """``size`` is (rows, columns) of a terminal; None: pipes. A runtime may make it, and hand it over at
        ``console``. Raises OSError."""
        self._watch = watch
        self._is_session = is_session
        self.is_terminal = size is not None
        #: where everything is written to, if anywhere
        self._sink: Sink | None = None
        self._size = size
        #: where the terminal will come from, until it is here
        self._console = Console(console) if console else None
        #: fd -> the name under which viewers hear of it
        self._outputs: dict[int, bytes] = {}
        #: where typed bytes go; None once the container cannot read them any more
        self._input: int | None = None
        self._typed = bytearray()
        self._closes_input = False
        self._viewers: list[Peer] = []
        self._typist: Peer | None = None
        #: a session's first viewer, though it may have gone
        self._owner: Peer | None = None
        self._has_said_end = False
        #: the container has ended
        self.is_over = False
        #: when to give up what nobody takes, once it is over
        self.give_up_at = 0.0
        #: the container's ends, for its process; none once that has them
        self._lent: tuple[int, ...] = self._open()

    def _open(self) -> tuple[int, ...]:
        if self._console is not None:
            said, say = os.pipe2(os.O_CLOEXEC)
            self._outputs[said] = frames.STDOUT  # why there is no terminal
            os.set_blocking(said, False)
            return (nothing(), say, say)
        if self._size is not None:
            master, slave = os.openpty()
            self._have_terminal(master)
            return (slave, slave, slave)
        theirs, self._input = os.pipe2(os.O_CLOEXEC)
        stdout, write_stdout = os.pipe2(os.O_CLOEXEC)
        stderr, write_stderr = os.pipe2(os.O_CLOEXEC)
        self._outputs = {stdout: frames.STDOUT, stderr: frames.STDERR}
        for fd in (self._input, stdout, stderr):
            os.set_blocking(fd, False)
        return (theirs, write_stdout, write_stderr)

    def _have_terminal(self, master: int) -> None:
        os.set_blocking(master, False)
        self._input = master
        self._outputs[master] = frames.STDOUT
        assert self._size is not None
        self.resize(*self._size)

    # ---- what the supervisor does with it

    @property
    def is_logged(self) -> bool:
        """What the container writes is in its sandbox, too."""
        return not self._is_session

    @property
    def lends_terminal(self) -> bool:
        """What the container's process gets is a terminal."""
        return self.is_terminal and self._console is None

    def lend(self, owner: tuple[int, int] | None) -> tuple[int, int, int]:
        """What becomes 0, 1 and 2 of the container's process; ``owner`` (uid, gid) may open its terminal again."""
        if owner is not None:
            for fd in set(self._lent):
                os.fchown(fd, *owner)
        stdin, stdout, stderr = self._lent
        return stdin, stdout, stderr

    def start(self, log: int | None) -> None:
        """The container runs; what it writes goes to ``log``, which is ours now."""
        self._return()
        self._sink = None if log is None else Sink(log)
        self._look()

    def _return(self) -> None:
        lent, self._lent = self._lent, ()
        for fd in set(lent):
            os.close(fd)

    def abandon(self) -> None:
        """Nothing runs, and nobody is told anything."""
        self._return()
        self._close_input()
        for fd in list(self._outputs):
            self._close_output(fd)
        for peer in [*self._viewers, *([] if self._typist is None else [self._typist])]:
            self._part(peer)
        self._close_sink()
        self._close_console()

    def finish(self, now: float) -> None:
        """Nothing of the container runs any more."""
        self.is_over = True
        self.give_up_at = now + LINGER_S
        self._take_terminal()
        self._close_console()
        self._close_input()
        self._look()

    @property
    def is_done(self) -> bool:
        """Everything has been told to everybody."""
        return self.is_over and not self._outputs and not self._viewers and self._typist is None

    def next_look(self) -> float | None:
        """When `look` is to be called, at the latest."""
        looks = [viewer.held_since + HOLD_MAX_S for viewer in self._bounded() if viewer.held_since is not None]
        return min([*looks, *([self.give_up_at] if self.is_over else [])], default=None)

    def look(self, now: float) -> None:
        """Cut off who has held the container up for too long."""
        late = [one for one in self._bounded() if one.held_since is not None and now >= one.held_since + HOLD_MAX_S]
        for viewer in late:
            self._part(viewer)
        if late:
            self._look()

    def _bounded(self) -> list[Peer]:
        """Who is not alone in hearing what is said."""
        return [viewer for viewer in self._viewers if viewer is not self._owner]

    def view(self, peer: Peer) -> str | None:
        """``peer`` is told everything from now on, and nothing else is heard from it; why not, if that cannot be."""
        if len(self._viewers) >= VIEWERS_MAX:
            return "Too many output connections"
        if self._is_session and self._owner is None:
            self._owner = peer
        self._viewers.append(peer)
        if self._has_said_end:
            peer.output += frames.encode(frames.END)
        self._look()
        return None

    def listen(self, peer: Peer) -> str | None:
        """What ``peer`` sends is typed; why not, if that cannot be."""
        if self._typist is not None:
            return "Multiple input connections are not allowed"
        self._typist = peer
        try:
            peer.socket.send(peer.output, _socket.MSG_NOSIGNAL)  # a few bytes, the first: there is room for them
        except OSError:
            self._part(peer)
        self.hear(peer, b"")  # what came with its first word
        return None

    def hear(self, peer: Peer, data: bytes) -> None:
        """Bytes that ``peer`` has sent; those of a viewer mean nothing."""
        for frame in peer.decoder.feed(data) if peer is self._typist else ():
            if frame[0] == frames.INPUT:
                if self._input is not None or self._console is not None:
                    self._typed += frame[1]
                self._closes_input |= not frame[1] and not self.is_terminal
            elif frame[0] == frames.RESIZE:
                self.resize(int(frame[1]), int(frame[2]))
        self._look()

    def resize(self, rows: int, columns: int) -> None:
        """The terminal has this size; its foreground processes learn of it."""
        if self.is_terminal:
            self._size = (rows, columns)
        if self.is_terminal and self._input is not None:
            size = struct.pack("HHHH", rows & 0xFFFF, columns & 0xFFFF, 0, 0)
            fcntl.ioctl(self._input, termios.TIOCSWINSZ, size)

    def ready(self, fd: int, mask: int) -> None:
        """Something can be done with ``fd``."""
        if self._console is not None and fd == self._console.fd:
            self._take_terminal()
        if fd in self._outputs and mask & ~select.EPOLLOUT:
            self._read(fd)
        for peer in [*self._viewers, *([] if self._typist is None else [self._typist])]:
            if peer.socket.fileno() == fd and mask & ~select.EPOLLOUT:
                self._receive(peer)
        self._look()

    # ---- lines

    def _take_terminal(self) -> None:
        if self._console is None:
            return
        self._watch(self._console.fd, self, 0)
        try:
            master = self._console.take()
        except OSError:
            self._close_console()
            return
        if master is not None:
            self._close_console()
            self._have_terminal(master)

    def _close_console(self) -> None:
        console, self._console = self._console, None
        if console is not None:
            self._watch(console.fd, self, 0)
            console.close()

    def _read(self, fd: int) -> None:
        try:
            data = os.read(fd, READ_SIZE)
        except BlockingIOError:
            if self.is_over:
                self._close_output(fd)  # whoever holds its other end is not of the container
            return
        except OSError:  # EIO: nobody has the terminal open any more
            data = b""
        if not data:
            self._close_output(fd)
            return
        if self._sink is not None:
            self._sink.write(data)
        if self._viewers:
            record = frames.encode(frames.OUTPUT, self._outputs[fd], data)
            for viewer in self._viewers:
                viewer.output += record

    def _close_sink(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            self._watch(sink.fd, self, 0)
            os.close(sink.fd)

    def _write(self) -> None:
        while self._typed and self._input is not None:
            try:
                del self._typed[: os.write(self._input, self._typed)]
            except BlockingIOError:
                return
            except OSError:  # it has closed its stdin
                self._close_input()
        if self._closes_input and not self._typed:
            self._close_input()

    # ---- peers

    def _receive(self, peer: Peer) -> None:
        try:
            data = peer.socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._part(peer)
            return
        try:
            self.hear(peer, data)
        except (frames.FrameError, ValueError, IndexError):
            self._part(peer)

    def _flush(self, viewer: Peer) -> None:
        if viewer.output:
            try:
                del viewer.output[: viewer.socket.send(viewer.output, _socket.MSG_NOSIGNAL)]
                self.give_up_at = time.monotonic() + LINGER_S
            except BlockingIOError:
                pass  # it is looked at again when it has room
            except OSError:
                self._part(viewer)
                return
        if self._has_said_end and not viewer.output:
            self._part(viewer)
        elif len(viewer.output) < HOLD_AT:
            viewer.held_since = None
        elif viewer.held_since is None:
            viewer.held_since = time.monotonic()

    def _part(self, peer: Peer) -> None:
        self._watch(peer.socket.fileno(), self, 0)
        peer.socket.close()
        if peer is self._typist:
            self._typist = None
        else:
            self._viewers.remove(peer)

    # ---- who is waited for

    def _look(self) -> None:
        """Do what can be done, and wait for the rest."""
        self._write()
        if self._sink is not None:
            self._sink.flush()
        while self.is_over and self._outputs and not self._is_held():
            self._read(next(iter(self._outputs)))
        if not self._outputs and self._console is None and not self._has_said_end:
            self._has_said_end = True
            for viewer in self._viewers:
                viewer.output += frames.encode(frames.END)
        for viewer in list(self._viewers):
            self._flush(viewer)
        if not self._outputs and self._typist is not None and self.is_over:
            self._part(self._typist)
        read = 0 if self._is_held() else select.EPOLLIN
        write = select.EPOLLOUT if self._typed and self._input is not None else 0
        for fd in list(self._outputs):
            self._watch(fd, self, read | (write if fd == self._input else 0))
        if self._console is not None:
            self._watch(self._console.fd, self, select.EPOLLIN)
        if self._sink is not None and self._has_said_end and not self._sink.is_busy:
            self._close_sink()
        if self._sink is not None:
            self._watch(self._sink.fd, self, select.EPOLLOUT if self._sink.is_busy else 0)
        if self._input is not None and self._input not in self._outputs:
            self._watch(self._input, self, write)
        for viewer in self._viewers:
            self._watch(viewer.socket.fileno(), self, select.EPOLLIN | (select.EPOLLOUT if viewer.output else 0))
        if self._typist is not None:
            self._watch(self._typist.socket.fileno(), self, select.EPOLLIN if len(self._typed) < TYPED_MAX else 0)

    def _is_held(self) -> bool:
        """For the log, for a viewer, or for a session's first one to come."""
        is_busy = self._sink is not None and self._sink.is_busy
        if is_busy or any(viewer.held_since is not None for viewer in self._viewers):
            return True
        return self._is_session and self._owner is None

    def _close_output(self, fd: int) -> None:
        del self._outputs[fd]
        self._watch(fd, self, 0)
        if fd == self._input:
            self._input = None
        os.close(fd)

    def _close_input(self) -> None:
        self._typed.clear()
        fd, self._input = self._input, None
        if fd is not None and fd not in self._outputs:
            self._watch(fd, self, 0)
            os.close(fd)
