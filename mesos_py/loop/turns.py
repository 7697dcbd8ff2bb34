"""Takes turns: however many connections have something to say at once, timers and the others are not kept waiting.

asyncio runs everything that is ready before it looks at timers and sockets again; with thousands of connections that
can be seconds. ``turns.do(work)``, or ``await turns.turn()`` before each piece of work, goes on at once while the
loop's present round has taken less than ``ROUND_S``; after that it is for a later round, first come, first served.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

ROUND_S = 0.010  # work in one round of the loop before the rest waits for the next
PIECE_S = 0.0002  # what the work of one who awaited its turn is taken to last: it begins after we have looked


class Turns:
    """Shared by everything that brings work to one loop."""

    __slots__ = ("_clock", "_since", "_waiting")

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        #: when the present round's work began; 0: no work in it yet
        self._since = 0.0
        self._waiting: deque[asyncio.Future[None] | Callable[[], None]] = deque()

    def do(self, work: Callable[[], None]) -> None:
        """Call ``work`` now or in a later round."""
        if self._has_room():
            work()
        else:
            self._waiting.append(work)

    async def turn(self) -> None:
        """Wait until there is room in a round."""
        if not self._has_room():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def _has_room(self) -> bool:
        now = self._clock()
        if self._since == 0.0:
            self._since = now
            asyncio.get_running_loop().call_soon(self._next_round)
        return not self._waiting and now < self._since + ROUND_S

    def _next_round(self) -> None:
        self._since = 0.0
        if not self._waiting:
            return
        self._since = self._clock()
        asyncio.get_running_loop().call_soon(self._next_round)
        until = self._since + ROUND_S
        while self._waiting and self._clock() < until:
            next_ = self._waiting.popleft()
            if not isinstance(next_, asyncio.Future):
                next_()
            elif not next_.done():  # it was not cancelled
                next_.set_result(None)
                until -= PIECE_S
