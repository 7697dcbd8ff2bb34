"""The loop keeps asyncio's promises on virtual time, and says so when nothing can happen any more."""

from __future__ import annotations

import asyncio

import pytest

from mesos_py.machine.values import SECOND
from mesos_py.sim.loop import Deadlock, SimLoop


def test_time_is_what_timers_say() -> None:
    """An hour takes no time, and is an hour."""
    loop = SimLoop()

    async def main() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert loop.run_until_complete(main()) == 3600
    assert loop.now == 3600 * SECOND


def test_callbacks_keep_their_order() -> None:
    """``call_soon`` is first in, first out, whatever the seed."""
    for seed in range(20):
        loop, seen = SimLoop(seed), []

        async def main(loop: SimLoop = loop, seen: list[int] = seen) -> None:
            for number in range(5):
                loop.call_soon(seen.append, number)
            await asyncio.sleep(0)

        loop.run_until_complete(main())
        assert seen == [0, 1, 2, 3, 4]


def test_timers_that_are_due_together_come_in_an_order_of_the_seed() -> None:
    """Equal seeds give equal orders; there is more than one order."""

    def order(seed: int) -> tuple[int, ...]:
        loop, seen = SimLoop(seed), []
        for number in range(4):
            loop.call_later(1.0, seen.append, number)
        loop.run_for(2 * SECOND)
        return tuple(seen)

    orders = [order(seed) for seed in range(20)]
    assert orders == [order(seed) for seed in range(20)]
    assert len(set(orders)) > 1
    assert {tuple(sorted(one)) for one in orders} == {(0, 1, 2, 3)}


def test_timers_are_late_but_never_early() -> None:
    """Lateness is bounded, and does not hold time back."""
    for seed in range(20):
        loop, seen = SimLoop(seed, lateness_max=SECOND), []
        loop.call_later(5, lambda loop=loop, seen=seen: seen.append(loop.now))
        loop.run_for(10 * SECOND)
        assert 5 * SECOND <= seen[0] <= 6 * SECOND


def test_task_groups_and_timeouts_work() -> None:
    """What 3.11's asyncio has for structure runs on it unchanged."""
    loop = SimLoop()

    async def forever() -> None:
        await asyncio.sleep(1e6)

    async def main() -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await forever()
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                sleeping = group.create_task(forever())
                group.create_task(fail())
        assert sleeping.cancelled()
        return "done"

    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError

    assert loop.run_until_complete(main()) == "done"
    assert loop.now == 11 * SECOND


def test_waiting_for_nothing_is_a_deadlock() -> None:
    """It names who waits, and where."""
    loop = SimLoop()

    async def patient() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        task = asyncio.create_task(patient(), name="the patient one")
        await task

    with pytest.raises(Deadlock, match=r"the patient one: .*patient"):
        loop.run_until_complete(main())
    loop.close()


def test_an_escaped_exception_ends_the_run() -> None:
    """Nobody reads a log here."""
    loop = SimLoop()

    async def main() -> None:
        loop.call_later(1, lambda: 1 / 0)
        await asyncio.sleep(10)

    with pytest.raises(ZeroDivisionError):
        loop.run_until_complete(main())
    loop.close()


def test_cancelled_timers_are_forgotten() -> None:
    """A million of them would otherwise be kept until they are due."""
    loop = SimLoop()
    for _ in range(10_000):
        loop.call_later(1e6, print).cancel()
    assert len(loop._timers) < 2_000
