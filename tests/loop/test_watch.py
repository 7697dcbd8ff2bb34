"""A loop that worked for long can be told from one that did not get the processor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from mesos_py.loop.watch import LoopWatch

HELD_S = 0.2


async def _watched(hold: Callable[[], None]) -> LoopWatch:
    """A watch that has seen the loop held once."""
    watch = LoopWatch()
    watch.start()
    hold()
    async with asyncio.timeout(60):
        while watch.longest_ms < 1000 * HELD_S / 2:
            await asyncio.sleep(0.01)
    watch.stop()
    return watch


def _work() -> None:
    until = time.thread_time() + HELD_S
    while time.thread_time() < until:
        pass


async def test_work_that_holds_the_loop_is_its_longest_stall() -> None:
    watch = await _watched(_work)
    assert watch.longest_work_ms >= 1000 * HELD_S / 2
    assert watch.longest_work_ms <= watch.longest_ms


async def test_waiting_for_something_else_is_no_work() -> None:
    watch = await _watched(lambda: time.sleep(HELD_S))
    assert watch.longest_work_ms < watch.longest_ms


async def test_the_recent_stall_starts_over_when_it_is_asked_for() -> None:
    watch = await _watched(lambda: time.sleep(HELD_S))
    assert watch.recent_ms() == watch.longest_ms
    assert watch.recent_ms() == 0.0
