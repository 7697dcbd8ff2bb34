"""One-way streams of RecordIO records: scheduler, executor and operator events.

Each record is exactly one HTTP chunk: clients exist that break when two records share a chunk or one is split over
two. ``send`` never waits; what the peer has not read is counted in bytes, and a peer that lets ``cap`` pile up is cut
off, so memory stays flat whoever stops reading. One record may exceed the cap when nothing else is waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from mesos_py.web.response import Headers

if TYPE_CHECKING:
    from mesos_py.web.server import Connection

CAP_BYTES = 16 << 20  # unread bytes at which a peer is taken to have stopped reading


class RecordStream:
    """The answer to a SUBSCRIBE. Open from the handler's return until ``close`` or the loss of the peer.

    ``on_closed(reason)`` is called once, unless we closed it ourselves: "gone" when the peer went, "slow" when it was
    cut off. What is sent before the handler has returned follows the head.
    """

    __slots__ = ("_cap", "_connection", "_ended", "_waiting", "content_type", "finished", "headers", "on_closed")

    def __init__(
        self,
        content_type: str,
        *,
        headers: Headers = (),
        on_closed: Callable[[str], None],
        cap: int = CAP_BYTES,
    ) -> None:
        self.content_type = content_type
        self.headers = headers
        self.on_closed: Callable[[str], None] | None = on_closed
        #: set when nothing more will be written
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._cap = cap
        self._connection: Connection | None = None
        self._waiting: list[bytes] = []
        self._ended = False

    @property
    def is_open(self) -> bool:
        return not self._ended

    @property
    def unread_bytes(self) -> int:
        """What the peer has not taken yet."""
        return self._connection.unread_bytes if self._connection is not None else sum(map(len, self._waiting))

    def send(self, record: bytes) -> None:
        """Send one record, framed; forgotten when the stream has ended."""
        self.send_framed(frame(record))

    def send_framed(self, chunk: bytes) -> None:
        """Send what ``frame`` made: for one record that goes to many."""
        if self._ended:
            return
        if self.unread_bytes > self._cap:
            self._cut_off()
        elif self._connection is None:
            self._waiting.append(chunk)
        else:
            self._connection.write(chunk)

    def close(self) -> None:
        """End the stream after what was sent."""
        if not self._ended:
            self._ended = True
            self.on_closed = None
            if self._connection is not None:
                self._connection.write(b"0\r\n\r\n")
                self._finish()

    # ---- called by the connection

    def attach(self, connection: Connection) -> None:
        """The head has been written: everything follows it."""
        self._connection = connection
        for chunk in self._waiting:
            connection.write(chunk)
        self._waiting.clear()
        if self._ended:
            connection.write(b"0\r\n\r\n")
            self._finish()

    def lost(self, reason: str = "gone") -> None:
        """The peer is gone."""
        self._ended = True
        told, self.on_closed = self.on_closed, None
        self._finish()
        if told is not None:
            told(reason)

    def _cut_off(self) -> None:
        connection = self._connection
        self._ended = True
        # Not from within the core's frame that sent this: words must not overtake each other.
        asyncio.get_running_loop().call_soon(self.lost, "slow")
        if connection is not None:
            connection.abort()

    def _finish(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)


def frame(record: bytes) -> bytes:
    """``record`` as one RecordIO record in one HTTP chunk."""
    prefix = b"%d\n" % len(record)
    return b"%x\r\n%s%s\r\n" % (len(prefix) + len(record), prefix, record)
