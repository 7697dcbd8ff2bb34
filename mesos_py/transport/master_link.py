"""The agent's end: one connection to the leading master, opened again whenever it ends.

The agent connects out, so nothing needs to reach it. ``locate`` says where the leading master is taken to be; a master
that does not lead answers 307 to the leader or 503, both of which only mean trying again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import aiohttp
import structlog

from mesos_py.machine.frame import PeerID
from mesos_py.transport.channel import BATCH_BYTES_MAX, Outbox, decode_batch
from mesos_py.wire.codec.errors import DecodeError

log = structlog.get_logger(__name__)

PATH = "/internal/agent"
CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 0.2  # for the master to say goodbye, too; one that hangs must not keep us from the next
BACKOFF_MIN_S = 0.05
BACKOFF_MAX_S = 5.0


class Listener(Protocol):
    """Who hears of the connection. Called in the loop's thread; must not wait."""

    def master_connected(self, peer: PeerID, address: str) -> None: ...

    def master_said(self, peer: PeerID, message: Any, size: int) -> None:
        """``size``: about how many bytes the message came as."""

    def master_lost(self, peer: PeerID) -> None: ...


class MasterLink:
    """Keeps one connection to the leader while ``run`` runs."""

    def __init__(self, locate: Callable[[], Awaitable[str]], listener: Listener, *, rng: random.Random) -> None:
        self._locate = locate
        self._listener = listener
        self._rng = rng
        self._peer: PeerID | None = None
        self._outbox: Outbox | None = None
        self._numbers = itertools.count(1)
        self._has_moved = asyncio.Event()

    def send(self, peer: PeerID, message: Any) -> None:
        """Queue ``message`` for the master behind ``peer``; forgotten when that connection has ended."""
        if self._outbox is not None and peer == self._peer:
            self._outbox.put(message)

    def close(self, peer: PeerID) -> None:
        """End this connection once what is queued has left; a new one is opened at once."""
        if self._outbox is not None and peer == self._peer:
            self._outbox.close()

    def leave(self) -> None:
        """Another master leads: part with this one, and connect to where ``locate`` says now, at once."""
        self._has_moved.set()
        if self._peer is not None:
            self.close(self._peer)

    async def run(self) -> None:
        """Connect, listen, connect again, until cancelled."""
        backoff_s = BACKOFF_MIN_S
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                address = await self._locate()
                self._has_moved.clear()
                try:
                    socket = await self._connect(session, address)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    log.info("master not reached", master=address, error=str(error) or type(error).__name__)
                    if await self._moves_within(backoff_s * self._rng.uniform(0.5, 1.0)):
                        backoff_s = BACKOFF_MIN_S
                    else:
                        backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)
                    continue
                backoff_s = BACKOFF_MIN_S
                if self._has_moved.is_set():
                    await socket.close()
                    continue
                await self._listen(socket, address)
                await asyncio.sleep(BACKOFF_MIN_S * self._rng.random())

    async def _connect(self, session: aiohttp.ClientSession, address: str) -> aiohttp.ClientWebSocketResponse:
        """Raises TimeoutError when nobody answers in time, or when another master leads before that."""
        connecting = asyncio.ensure_future(
            session.ws_connect(
                f"http://{address}{PATH}",
                max_msg_size=BATCH_BYTES_MAX,
                compress=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
            )
        )
        moving = asyncio.ensure_future(self._has_moved.wait())
        try:
            await asyncio.wait((connecting, moving), timeout=CONNECT_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                raise TimeoutError
            return connecting.result()
        finally:
            connecting.cancel()
            moving.cancel()

    async def _moves_within(self, seconds: float) -> bool:
        """Whether another master leads before that time has passed; it need not be waited for, then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._has_moved.wait()
        return False

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, address: str) -> None:
        peer = PeerID(f"master-{next(self._numbers)}")
        outbox = Outbox(socket, on_overflow=lambda: self.close(peer))
        self._peer, self._outbox = peer, outbox
        writing = asyncio.create_task(outbox.run(), name="write to the master")
        try:
            self._listener.master_connected(peer, address)
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.BINARY:
                    raise DecodeError("expecting binary batches")
                bodies = decode_batch(message.data)
                size = len(message.data) // max(len(bodies), 1)
                for body in bodies:
                    self._listener.master_said(peer, body, size)
        except DecodeError as error:
            log.warning("master speaks another language", master=address, error=str(error))
        finally:
            self._peer = self._outbox = None
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writing
            self._listener.master_lost(peer)
            await socket.close()
