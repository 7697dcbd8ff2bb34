"""Takes turns: however many connections have something to say at once, timers and the others are not kept waiting.

asyncio runs everything that is ready before it looks at timers and sockets again; with thousands of connections that
can be seconds. ``await turns.turn()`` before each piece of work returns at once while the loop's present round has
taken less than ``ROUND_S``; after that it waits for a later round, first come, first served.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

ROUND_S = 0.010  # work in one round of the loop before the rest waits for the next
WAKE = 48  # of those who wait, so many get on in one round: pieces of work take 0.2 ms


class Turns:
    """Shared by everything that brings work to one loop."""

    __slots__ = ("_clock", "_since", "_waiting")

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        #: when the present round's work began; 0: no work in it yet
        self._since = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def turn(self) -> None:
        """Wait until there is room in a round."""
        now = self._clock()
        if self._since == 0.0:
            self._since = now
            asyncio.get_running_loop().call_soon(self._next_round)
        if not self._waiting and now < self._since + ROUND_S:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter

    def _next_round(self) -> None:
        self._since = 0.0
        if not self._waiting:
            return
        self._since = self._clock()
        woken = 0
        while self._waiting and woken < WAKE:
            waiter = self._waiting.popleft()
            if not waiter.done():  # it was cancelled
                waiter.set_result(None)
                woken += 1
        asyncio.get_running_loop().call_soon(self._next_round)
