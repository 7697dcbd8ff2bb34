"""The master's end of the agents' connections: ``GET /internal/agent`` upgraded to a WebSocket.

Each connection is a peer of its own. What arrives becomes ``Event(type(message), message, peer)``; its end becomes
``Event(Disconnected, peer)``. A peer that sends anything else than our batches, or does not read, is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import structlog
from aiohttp import WSMessage, WSMsgType, web

from mesos_py.loop.turns import Turns
from mesos_py.machine.frame import Disconnected, Event, PeerID
from mesos_py.transport.channel import BATCH_BYTES_MAX, Outbox, Socket, decode_batch, is_repetition
from mesos_py.wire.codec.errors import DecodeError

log = structlog.get_logger(__name__)

PATH = "/internal/agent"


class AgentSocket(Socket, Protocol):
    """What a channel needs of a WebSocket."""

    def __aiter__(self) -> AsyncIterator[WSMessage]: ...


class AgentChannels:
    """All agents' connections of one master."""

    def __init__(self, tell: Callable[[Event], None], turns: Turns | None = None) -> None:
        self._tell = tell
        self._turns = turns or Turns()
        #: what is said does not wait behind what all others have said, else they would say it again
        self._saying = Turns()
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
        try:
            await socket.prepare(request)
        except ConnectionError:  # it has not waited for the answer: thousands may have come at once
            return socket
        await self.serve(socket, lambda peer, why: _abort(request, peer, why))
        return socket

    async def serve(self, socket: AgentSocket, abort: Callable[[PeerID, str], None]) -> None:
        """Hear and tell one agent until its connection ends; ``abort`` ends it at once, and says why."""
        peer = PeerID(f"agent-{next(self._numbers)}")
        outbox = Outbox(socket, on_overflow=lambda: abort(peer, "it does not read"), turns=self._saying)
        unread = _Unread(peer, self._tell, self._turns, lambda why: abort(peer, why))
        self._outboxes[peer] = outbox
        writing = asyncio.create_task(outbox.run(), name=f"write to {peer}")
        try:
            async for message in socket:
                if message.type is not WSMsgType.BINARY:
                    unread.refuse("expecting binary batches")
                    break
                if not unread.add(message.data):
                    await self._turns.turn()
        finally:
            del self._outboxes[peer]
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writing
            unread.finish()
            self._turns.do(lambda: self._tell(Event(Disconnected, None, peer)))  # all may leave at once
            await socket.close()


class _Unread:
    """What one agent has said and nobody has had time to read."""

    __slots__ = ("_batches", "_peer", "_refuse", "_tell", "_turns")

    def __init__(
        self, peer: PeerID, tell: Callable[[Event], None], turns: Turns, refuse: Callable[[str], None]
    ) -> None:
        self._peer, self._tell, self._turns, self._refuse = peer, tell, turns, refuse
        self._batches: deque[bytes] = deque()

    def add(self, data: bytes) -> bool:
        """Read it in turn; False: not before others have had theirs, and more should wait."""
        if self._batches and is_repetition(data, self._batches[-1]):
            return True
        self._batches.append(data)
        if len(self._batches) == 1:
            self._turns.do(self._read)
            return True
        return False

    def finish(self) -> None:
        """Nothing more will come: read what is left."""
        while self._batches:
            self._read()

    def refuse(self, why: str) -> None:
        """It speaks another language: nothing it says counts any more."""
        self._batches.clear()
        self._refuse(why)

    def _read(self) -> None:
        if not self._batches:
            return
        data = self._batches.popleft()
        try:
            bodies = decode_batch(data)
        except DecodeError as error:
            self.refuse(str(error))
            return
        size = len(data) // max(len(bodies), 1)
        for body in bodies:
            self._tell(Event(type(body), body, self._peer, size=size))
        if self._batches:
            self._turns.do(self._read)


def _abort(request: web.BaseRequest, peer: PeerID, reason: str) -> None:
    log.warning("agent cut off", peer=peer, remote=request.remote, error=reason)
    if request.transport is not None:
        request.transport.abort()
