"""All switchboards of one supervisor, and its epoll's part in them."""

from __future__ import annotations

import _socket
import select

from . import frames
from .switchboard import Peer, Switchboard

DISABLED = "I/O switchboard server was disabled for this container"


class Switchboards:
    """By container, from its start until everything has been told that it wrote."""

    def __init__(self, epoll: select.epoll) -> None:
        self._epoll = epoll
        self._of: dict[bytes, Switchboard] = {}
        #: fd -> whose it is, and what is waited for
        self._watched: dict[int, tuple[Switchboard, int]] = {}

    def open(self, container_id: bytes, lines: bytes) -> Switchboard:
        """For a container about to be started; ``lines`` as frames.py has it. Raises OSError, ValueError."""
        numbers, console = lines.split(b" ", 3)[:3], lines.split(b" ", 3)[3]
        is_session, rows, columns = map(int, numbers)
        former = self._of.pop(container_id, None)
        if former is not None:
            former.abandon()
        size = (rows, columns) if rows and columns else None
        self._of[container_id] = Switchboard(self._watch, is_session=bool(is_session), size=size, console=console)
        return self._of[container_id]

    def drop(self, container_id: bytes) -> None:
        """It was not started."""
        self._of.pop(container_id).abandon()

    def finish(self, container_id: bytes, now: float) -> None:
        """Nothing of the container runs any more."""
        switchboard = self._of.get(container_id)
        if switchboard is not None and not switchboard.is_over:
            switchboard.finish(now)

    def attach(self, word: bytes, container_id: bytes, socket: _socket.socket, decoder: frames.Decoder) -> str | None:
        """From now on ``socket`` is the switchboard's; why not, if that cannot be."""
        switchboard = self._of.get(container_id)
        if switchboard is None:
            return DISABLED
        peer = Peer(socket, decoder)
        peer.output += frames.encode(frames.ATTACHED, b"1" if switchboard.is_terminal else b"")
        return switchboard.view(peer) if word == frames.VIEW else switchboard.listen(peer)

    def ready(self, fd: int, mask: int) -> None:
        """Something can be done with ``fd``, if it is one of ours."""
        if fd in self._watched:
            self._watched[fd][0].ready(fd, mask)

    def next_look(self) -> float | None:
        """When `look` is to be called, at the latest."""
        return min([look for one in self._of.values() if (look := one.next_look()) is not None], default=None)

    def look(self, now: float) -> None:
        """Give up what is done, and what nobody takes."""
        for container_id, switchboard in list(self._of.items()):
            switchboard.look(now)
            if switchboard.is_over and (switchboard.is_done or now >= switchboard.give_up_at):
                switchboard.abandon()
                del self._of[container_id]

    def _watch(self, fd: int, switchboard: Switchboard, mask: int) -> None:
        known = self._watched.get(fd, (None, 0))[1]
        if mask == known:
            return
        if not mask:
            del self._watched[fd]
            self._epoll.unregister(fd)
            return
        self._watched[fd] = (switchboard, mask)
        if known:
            self._epoll.modify(fd, mask)
        else:
            self._epoll.register(fd, mask)
