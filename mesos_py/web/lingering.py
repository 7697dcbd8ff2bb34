"""Closing a connection so that the last word on it arrives.

A kernel that closes a socket with input nobody has read sends a reset, and a reset makes the other kernel forget what
it has received and not yet handed over: our answer. So our side is closed first, and what still comes is thrown away
until the peer, who has read the answer by then, closes too. RFC 9112, section 9.6.
"""

from __future__ import annotations

import asyncio
import contextlib

LINGER_S = 10.0  # for a peer to read the answer and close; as aiohttp's lingering_time
LINGER_BYTES_MAX = 64 << 20  # thrown away for one peer; as much as a body may have


async def linger(transport: asyncio.Transport) -> None:
    """The peer has read everything and closed, or it has had enough time or sent enough.

    The connection's own protocol sees nothing of what comes, so nothing of it is parsed or inflated.
    """
    draining = _Draining(transport.get_protocol())
    transport.set_protocol(draining)
    transport.resume_reading()
    with contextlib.suppress(OSError):  # it has gone already, and connection_lost is on its way
        transport.write_eof()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            await draining.enough


class _Draining(asyncio.Protocol):
    """Stands in for ``protocol``, which is told of the end alone."""

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol
        self._left = LINGER_BYTES_MAX
        self.enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._end()

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def _end(self) -> None:
        if not self.enough.done():
            self.enough.set_result(None)
