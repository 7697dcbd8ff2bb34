"""Collection in small steps: automatic runs are off, and cycles still go."""

from __future__ import annotations

import asyncio
import gc
import weakref

from mesos_py.loop import heap


class Ring:
    """An object only the collector can free."""

    def __init__(self) -> None:
        self.me = self


async def test_young_cycles_are_collected_while_automatic_runs_are_off() -> None:
    """What dies young is freed within a few looks; afterwards everything is as it was."""
    assert gc.isenabled()
    with heap.steady():
        assert not gc.isenabled()
        kept: list[list[int]] = [[] for _ in range(heap.YOUNG_MAX + 1)]  # a burst that does not wait
        ring = weakref.ref(Ring())
        async with asyncio.timeout(10):
            while ring() is not None:
                await asyncio.sleep(heap.LOOK_S)
        assert gc.get_freeze_count() > len(kept)  # what lives on has been set aside
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
