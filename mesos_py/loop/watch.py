"""Measures how long the event loop is ever kept from its other work.

A timer that should fire every ``PERIOD_S`` is late by as long as something else held the loop. The longest lateness
since the start, and since the last look, are gauges: a cluster that answers slowly can be told from one that is idle.
So can a loop that worked from one that did not get the processor: it cannot have worked for longer than its thread has
had the processor since the timer fired last.
"""

from __future__ import annotations

import asyncio
import time

PERIOD_S = 0.01


class LoopWatch:
    """``async with LoopWatch() as watch``: ``watch.longest_ms`` grows, ``watch.recent_ms()`` starts over."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        #: the longest that it can have been its own work, milliseconds of processor time
        self.longest_work_ms = 0.0
        self._recent_ms = 0.0
        self._worked_s = 0.0
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + PERIOD_S
        self._worked_s = time.thread_time()
        self._handle = loop.call_at(self._due, self._fire)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def recent_ms(self) -> float:
        """The longest stall since this was asked last, milliseconds."""
        recent, self._recent_ms = self._recent_ms, 0.0
        return recent

    def _fire(self) -> None:
        late_ms = 1000 * (asyncio.get_running_loop().time() - self._due)
        work_ms = 1000 * (time.thread_time() - self._worked_s)
        self.longest_ms = max(self.longest_ms, late_ms)
        self.longest_work_ms = max(self.longest_work_ms, min(late_ms, work_ms))
        self._recent_ms = max(self._recent_ms, late_ms)
        self.start()
