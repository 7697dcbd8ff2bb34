"""The master's end of the agents' connections: ``GET /internal/agent`` upgraded to a WebSocket.

Each connection is a peer of its own. What arrives becomes ``Event(type(message), message, peer)``; its end becomes
``Event(Disconnected, peer)``. A peer that sends anything else than our batches, or does not read, is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable

import structlog
from aiohttp import WSMsgType, web

from mesos_py.loop.turns import Turns
from mesos_py.machine.frame import Disconnected, Event, PeerID
from mesos_py.transport.channel import BATCH_BYTES_MAX, Outbox, decode_batch
from mesos_py.wire.codec.errors import DecodeError

log = structlog.get_logger(__name__)

PATH = "/internal/agent"


class AgentChannels:
    """All agents' connections of one master."""

    def __init__(self, tell: Callable[[Event], None], turns: Turns | None = None) -> None:
        self._tell = tell
        self._turns = turns or Turns()
        self._outboxes: dict[PeerID, Outbox] = {}
        self._numbers = itertools.count(1)

    def __contains__(self, peer: PeerID) -> bool:
        return peer in self._outboxes

    def __len__(self) -> int:
        return len(self._outboxes)

    def send(self, peer: PeerID, message: object) -> None:
        """Queue ``message`` for ``peer``; forgotten when the connection has ended."""
        outbox = self._outboxes.get(peer)
        if outbox is not None:
            outbox.put(message)

    def close(self, peer: PeerID) -> None:
        """End the connection once what is queued has left."""
        outbox = self._outboxes.get(peer)
        if outbox is not None:
            outbox.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one agent until its connection ends."""
        socket = web.WebSocketResponse(max_msg_size=BATCH_BYTES_MAX, compress=False, autoping=True)
        await socket.prepare(request)
        peer = PeerID(f"agent-{next(self._numbers)}")
        outbox = Outbox(socket, on_overflow=lambda: _abort(request, peer, "it does not read"))
        self._outboxes[peer] = outbox
        writing = asyncio.create_task(outbox.run(), name=f"write to {peer}")
        try:
            async for message in socket:
                if message.type is not WSMsgType.BINARY:
                    raise DecodeError("expecting binary batches")
                await self._turns.turn()
                bodies = decode_batch(message.data)
                size = len(message.data) // max(len(bodies), 1)
                for body in bodies:
                    self._tell(Event(type(body), body, peer, size=size))
        except DecodeError as error:
            log.warning("agent cut off", peer=peer, remote=request.remote, error=str(error))
        finally:
            del self._outboxes[peer]
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writing
            self._tell(Event(Disconnected, None, peer))
            await socket.close()
        return socket


def _abort(request: web.BaseRequest, peer: PeerID, reason: str) -> None:
    log.warning("agent cut off", peer=peer, remote=request.remote, error=reason)
    if request.transport is not None:
        request.transport.abort()
