"""Long answers in slices: an iterator is asked for pieces until a slice of time is over, then the loop has its turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from mesos_py.web.response import JSON, Chunked, Response, json_bytes

T = TypeVar("T")

SLICE_S = 0.005  # of the loop's time in one go
PIECE_BYTES = 1 << 20  # handed to the connection in one go
LOOK_EVERY = 16  # pieces between two looks at the clock


def _slice(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """Pieces for one slice, joined; whether there are no more."""
    until = time.perf_counter() + SLICE_S
    made: list[bytes] = []
    size = 0
    for number, piece in enumerate(pieces):
        made.append(piece)
        size += len(piece)
        if size >= PIECE_BYTES or (number % LOOK_EVERY == 0 and time.perf_counter() >= until):
            return b"".join(made), False
    return b"".join(made), True


async def _rest(first: bytes, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    is_last = False
    while not is_last:
        await asyncio.sleep(0)
        piece, is_last = _slice(pieces)
        yield piece


async def json_answer(pieces: Iterator[bytes], jsonp: str | None = None) -> Response | Chunked:
    """JSON made of ``pieces``: whole if it is made within one slice, else chunked."""
    if jsonp is not None:
        return json_bytes(b"".join(await collect(pieces)), jsonp)
    first, is_last = _slice(pieces)
    if is_last:
        return json_bytes(first)
    return Chunked(_rest(first, pieces), JSON)


async def collect(pieces: Iterator[bytes]) -> list[bytes]:
    """All pieces, made in slices, and those of each slice joined."""
    made, is_last = _slice(pieces)
    all_ = [made]
    while not is_last:
        await asyncio.sleep(0)
        made, is_last = _slice(pieces)
        all_.append(made)
    return all_


async def last(steps: Iterator[T]) -> T:
    """The last of ``steps``, made in slices. There is at least one."""
    until = time.perf_counter() + SLICE_S
    step = next(steps)
    for step in steps:  # noqa: B007 - the last one is what counts
        if time.perf_counter() >= until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_S
    return step
