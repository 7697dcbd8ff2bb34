"""One-way streams of RecordIO records: scheduler, executor and operator events.

Each record is exactly one HTTP chunk: clients exist that break when two records share a chunk or one is split over
two. ``send`` never waits; what the peer has not read is counted in bytes (in records, too, where ``cap_records`` is
given), and a peer that lets a cap pile up is cut off, so memory stays flat whoever stops reading. One record may exceed
``cap`` when nothing else is waiting. A record that is long because the peer asked for much (``send_long``) does not
count: it is there until it is read, and handed over in pieces.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from mesos_py.web.response import Headers

BURST_BYTES = 64 << 10  # of records written in one go, before the transport says whether the peer keeps up
PIECE_BYTES = 256 << 10  # of a long record
CAP_BYTES = 16 << 20  # unread bytes at which a peer is taken to have stopped reading


class RecordStream:
    """The answer to a SUBSCRIBE. Open from the handler's return until ``close`` or the loss of the peer.

    ``on_closed(reason)`` is called once, unless we closed it ourselves: "gone" when the peer went, "slow" when it was
    cut off. What is sent before the handler has returned follows the head.
    """

    __slots__ = (
        "_cap", "_cap_records", "_ended", "_transport", "_waiting", "_waiting_bytes", "_wakeup",
        "content_type", "headers", "on_closed",
    )  # fmt: skip

    def __init__(
        self,
        content_type: str,
        *,
        headers: Headers = (),
        on_closed: Callable[[str], None],
        cap: int = CAP_BYTES,
        cap_records: int | None = None,
    ) -> None:
        self.content_type = content_type
        self.headers = headers
        self.on_closed: Callable[[str], None] | None = on_closed
        self._cap = cap
        self._cap_records = cap_records
        self._transport: asyncio.Transport | None = None
        #: records, and long ones in pieces
        self._waiting: deque[bytes | deque[bytes]] = deque()
        self._waiting_bytes = 0
        self._wakeup: asyncio.Future[None] | None = None
        self._ended = False

    @property
    def is_open(self) -> bool:
        return not self._ended

    @property
    def unread_bytes(self) -> int:
        """What the peer has not taken yet."""
        written = 0 if self._transport is None else self._transport.get_write_buffer_size()
        return self._waiting_bytes + written

    def send(self, record: bytes) -> None:
        """Send one record, framed; forgotten when the stream has ended."""
        self.send_framed(frame(record))

    def send_framed(self, chunk: bytes) -> None:
        """Send what ``frame`` made: for one record that goes to many."""
        if self._ended:
            return
        if self.unread_bytes > self._cap or len(self._waiting) == self._cap_records:
            self._cut_off()
            return
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        self._wake()

    def send_long(self, pieces: Iterable[bytes]) -> None:
        """Send one record, however long, that is made of ``pieces``."""
        if not self._ended:
            self._waiting.append(deque(pieces))
            self._wake()

    def close(self) -> None:
        """End the stream after what was sent."""
        self._ended = True
        self.on_closed = None
        self._wake()

    # ---- called by the server

    async def pump(
        self, response: web.StreamResponse, transport: asyncio.Transport | None, drain: Callable[[], Awaitable[None]]
    ) -> None:
        """Write records, each as one chunk, until closed. Raises ConnectionError when the peer has gone.

        ``drain`` waits until the peer has taken most of what was written to the transport.
        """
        self._transport = transport
        has_begun = False
        while True:
            while self._waiting:
                first = self._waiting[0]
                if isinstance(first, deque):
                    self._waiting.popleft()
                    await self._write_long(first, response, transport, drain)
                    has_begun = True
                    continue
                if has_begun and response.chunked and transport is not None:
                    transport.write(self._burst())
                await response.write(self._next())
                has_begun = True
            if self._ended:
                return
            self._wakeup = asyncio.get_running_loop().create_future()
            await self._wakeup
            self._wakeup = None

    @staticmethod
    async def _write_long(
        pieces: deque[bytes],
        response: web.StreamResponse,
        transport: asyncio.Transport | None,
        drain: Callable[[], Awaitable[None]],
    ) -> None:
        """One chunk for all of it, too, but nowhere is all of it joined."""
        size = sum(map(len, pieces))
        prefix = b"%d\n" % size
        if transport is None or not response.chunked:
            await response.write(prefix)
            while pieces:
                await response.write(_some(pieces))
            return
        await response.write(b"")  # the head, if it has not left
        transport.write(b"%x\r\n%b" % (len(prefix) + size, prefix))
        while pieces:
            transport.write(_some(pieces))
            await drain()
        transport.write(b"\r\n")

    def _next(self) -> bytes:
        chunk = self._waiting.popleft()
        assert isinstance(chunk, bytes)
        self._waiting_bytes -= len(chunk)
        return chunk

    def _burst(self) -> bytes:
        """All but the last of a burst, one chunk each, for one system call instead of many: half of an event's cost."""
        made: list[bytes] = []
        size = 0
        while len(self._waiting) > 1 and size < BURST_BYTES and isinstance(self._waiting[1], bytes):
            chunk = self._next()
            size += len(chunk)
            made.append(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        return b"".join(made)

    def lost(self, reason: str = "gone") -> None:
        """The peer is gone."""
        self._ended = True
        told, self.on_closed = self.on_closed, None
        if told is not None:
            told(reason)

    def _cut_off(self) -> None:
        self._ended = True
        self._waiting.clear()
        self._waiting_bytes = 0
        # Not from within the core's frame that sent this: words must not overtake each other.
        asyncio.get_running_loop().call_soon(self.lost, "slow")
        if self._transport is not None:
            self._transport.abort()

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)


def _some(pieces: deque[bytes]) -> bytes:
    """The first of them, taken and joined."""
    made: list[bytes] = []
    size = 0
    while pieces and size < PIECE_BYTES:
        piece = pieces.popleft()
        size += len(piece)
        made.append(piece)
    return b"".join(made)


def frame(record: bytes) -> bytes:
    """``record`` as RecordIO frames it; the server sends it as one HTTP chunk."""
    return b"%d\n%s" % (len(record), record)
