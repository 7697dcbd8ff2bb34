"""However much work is ready at once, a round of the loop takes only so much of it, and nobody is forgotten."""

from __future__ import annotations

import asyncio
import functools

from mesos_py.loop.turns import PIECE_S as TAKEN_TO_LAST
from mesos_py.loop.turns import ROUND_S, Turns

PIECE_S = 0.001
AT_ONCE = round(ROUND_S / PIECE_S) + 1
WAKE = round(ROUND_S / TAKEN_TO_LAST) + 1


class Workers:
    """Many tasks with a piece of work each; the clock shows the work done."""

    def __init__(self) -> None:
        self.now = 1.0
        self.turns = Turns(lambda: self.now)
        self.done: list[int] = []

    async def work(self, number: int) -> None:
        await self.turns.turn()
        self.now += PIECE_S
        self.done.append(number)


async def test_others_get_their_turn_between_pieces() -> None:
    workers = Workers()
    tasks = [asyncio.create_task(workers.work(number)) for number in range(1000)]
    most = before = 0
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)  # one round of the loop
        most = max(most, len(workers.done) - before)
        before = len(workers.done)
    assert most <= AT_ONCE + WAKE
    assert workers.done == sorted(workers.done)  # first come, first served


async def test_a_few_are_not_held_up() -> None:
    workers = Workers()
    tasks = [asyncio.create_task(workers.work(number)) for number in range(AT_ONCE)]
    await asyncio.sleep(0)
    assert all(task.done() for task in tasks)


async def test_who_gives_up_waiting_does_not_hold_up_the_others() -> None:
    workers = Workers()
    tasks = [asyncio.create_task(workers.work(number)) for number in range(200)]
    await asyncio.sleep(0)
    for task in tasks[50:150]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert workers.done == [*range(50), *range(150, 200)]


async def test_rounds_end_when_there_is_no_work() -> None:
    """Nothing keeps the loop awake."""
    workers = Workers()
    for _ in range(3):
        await asyncio.gather(*(workers.work(number) for number in range(100)))
        for _ in range(5):
            await asyncio.sleep(0)
        assert workers.turns._since == 0.0


async def test_work_that_need_not_be_awaited_never_takes_longer_than_a_round() -> None:
    """Callables are timed one by one, in the order they came, among those who await their turn."""
    workers = Workers()

    def piece(number: int) -> None:
        workers.now += PIECE_S
        workers.done.append(number)

    for number in range(100):
        workers.turns.do(functools.partial(piece, number))
    before = len(workers.done)
    assert before <= AT_ONCE  # there was room in this round
    task = asyncio.create_task(workers.work(100))
    most = 0
    while not task.done():
        await asyncio.sleep(0)
        most = max(most, len(workers.done) - before)
        before = len(workers.done)
    assert most <= AT_ONCE + 1
    assert workers.done == [*range(101)]
