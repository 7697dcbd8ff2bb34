"""Listening sockets that take a bounded number of connections in each round of the loop.

asyncio's own servers take either all that wait (and everything else waits meanwhile) or, on uvloop, a single one: a
busy loop has long rounds, and when all agents of a cluster come to a new leader at once, most would give up waiting.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

BACKLOG = 16_384  # connections not accepted yet, as far as the kernel allows (net.core.somaxconn)
ACCEPTED_PER_ROUND = 128  # about 8 ms with what their first requests take before they wait for a turn
HANDSHAKE_S = 30.0  # of TLS; who takes longer is let go
PAUSE_S = 1.0  # without accepting, when there are no descriptors or no memory left

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener:
    """Listens on one address; each connection gets a protocol from ``connect``."""

    def __init__(
        self, host: str, port: int, connect: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None
    ) -> None:
        """Listens from now on, on the first address that ``host`` stands for. Raises OSError."""
        self._tls = tls
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self._socket = socket.create_server(address, family=family, backlog=BACKLOG)
        self._socket.setblocking(False)
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._resuming: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[object]] = set()
        self.port: int = self._socket.getsockname()[1]
        self._listen()

    def close(self) -> None:
        """No more connections; those that are open stay."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()
        if self._resuming is not None:
            self._resuming.cancel()

    def _listen(self) -> None:
        self._resuming = None
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_PER_ROUND):
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                log.error("connections not accepted", error=str(error))
                self._loop.remove_reader(self._socket)
                self._resuming = self._loop.call_later(PAUSE_S, self._listen)
                return
            accepted.setblocking(False)
            opening = self._loop.create_task(self._open(accepted), name="open connection")
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def _open(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._connect, accepted, ssl=self._tls,
                ssl_handshake_timeout=None if self._tls is None else HANDSHAKE_S,
            )  # fmt: skip
        except OSError:  # it has gone already
            accepted.close()
