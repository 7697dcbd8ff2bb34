"""Batches of internal messages over one WebSocket, the same at both ends.

One WebSocket message is one batch: a msgpack array ``[tag, payload, tag, payload, ...]`` with the tags of
``wire/internal.py``. Everything put into an ``Outbox`` within one turn of the loop leaves as one batch, so that a
burst costs one system call and an idle link costs no delay.

Bounds: a batch is at most ``BATCH_BYTES_MAX``; an outbox whose peer does not read holds at most ``PENDING_MAX``
messages and then gives the connection up. Order is kept; delivery ends with the connection (what must not be lost is
re-sent by the cores, which is why nothing is acknowledged here).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgpack

from mesos_py.loop.turns import Turns
from mesos_py.wire import internal
from mesos_py.wire.codec import msgpack as codec
from mesos_py.wire.codec.errors import DecodeError

BATCH_BYTES_MAX = 64 << 20  # bytes; larger than any body the HTTP APIs accept
BATCH_MESSAGES_MAX = 1_000  # messages encoded in one go, about 10 ms of encoding
PENDING_MAX = 100_000  # messages waiting for a peer that does not read

_tag_of = {cls: tag for tag, cls in internal.TAGS.items()}


def encode_batch(messages: Iterable[Any]) -> bytes:
    """One WebSocket message holding ``messages`` in order."""
    flat: list[Any] = []
    for message in messages:
        flat.append(_tag_of[type(message)])
        flat.append(codec.to_value(message))
    packed: bytes = msgpack.packb(flat, use_bin_type=True)
    return packed


def decode_batch(data: bytes) -> list[Any]:
    """The messages of one batch. Raises DecodeError for anything that ``encode_batch`` does not write."""
    try:
        flat = msgpack.unpackb(data, raw=False, strict_map_key=False, use_list=True)
    except (ValueError, TypeError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise DecodeError(f"not a batch: {error}") from error
    if not isinstance(flat, list) or len(flat) % 2:
        raise DecodeError("not a batch: expecting an array of tags and payloads")
    messages: list[Any] = []
    for tag, payload in zip(flat[::2], flat[1::2], strict=True):
        cls = internal.TAGS.get(tag) if isinstance(tag, int) else None
        if cls is None:
            raise DecodeError(f"unknown message tag {tag!r}")
        messages.append(codec.from_value(cls, payload))
    return messages


#: how a batch of one message begins that asks for the same however often it is said
_REPEATABLE = tuple(bytes((0x92, _tag_of[cls])) for cls in (internal.RegisterAgent, internal.ReregisterAgent))


def is_repetition(data: bytes, before: bytes) -> bool:
    """Whether a batch only repeats the one before it, and to hear either is to hear both.

    An agent asks again until it is answered, and a master with thousands of agents to answer is behind.
    """
    return data == before and data.startswith(_REPEATABLE)


class Socket(Protocol):
    """What an outbox needs of a WebSocket, server's or client's."""

    async def send_bytes(self, message: bytes) -> None: ...

    async def close(self) -> bool: ...


class Outbox:
    """Messages on their way to one peer; ``put`` never waits."""

    def __init__(self, socket: Socket, on_overflow: Callable[[], None], turns: Turns | None = None) -> None:
        """``turns``: of all outboxes of this loop, of which very many may have something to say at once."""
        self._socket = socket
        self._on_overflow = on_overflow
        self._turns = turns
        self._pending: list[Any] = []
        self._ready = asyncio.Event()
        self._closing = False

    def __len__(self) -> int:
        return len(self._pending)

    def put(self, message: Any) -> None:
        """Send ``message`` after everything put before it; gives the connection up when PENDING_MAX wait already."""
        if len(self._pending) >= PENDING_MAX:
            self._on_overflow()
            return
        self._pending.append(message)
        self._ready.set()

    def close(self) -> None:
        """Close the connection once everything put before has been written."""
        self._closing = True
        self._ready.set()

    async def run(self) -> None:
        """Write batches until closed or cancelled, or until the socket fails (ConnectionError)."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._pending:
                if self._turns is not None:
                    await self._turns.turn()
                batch = self._pending[:BATCH_MESSAGES_MAX]
                del self._pending[:BATCH_MESSAGES_MAX]
                await self._socket.send_bytes(encode_batch(batch))
            if self._closing:
                await self._socket.close()
                return
