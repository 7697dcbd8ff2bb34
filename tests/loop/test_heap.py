"""Collection in small steps: automatic runs are off, and cycles still go."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Iterator

import pytest

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
        async with asyncio.timeout(60):
            while ring() is not None:
                await asyncio.sleep(heap.LOOK_S)
        assert gc.get_freeze_count() > len(kept)  # what lives on has been set aside
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


async def test_what_comes_to_stay_is_hardly_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the heap grows fast and nothing is found, fewer and fewer steps look; once it is calm, all of them do."""
    monkeypatch.setattr(heap, "LOOK_S", 1e6)  # steps are made here: a busy host must not make some without growth
    looks: list[int] = []
    with heap.steady() as steps, looked_at(looks):
        kept = []
        for _ in range(20):
            before = gc.get_freeze_count()
            kept.append([[] for _ in range(heap.YOUNG_MAX + 1)])
            steps.step()
            assert gc.get_freeze_count() > before
        assert len(looks) <= 10  # after 0, 1, 3, 7 and 15 that did not: five, if nobody else leaves cycles behind
        ring = weakref.ref(Ring())
        monkeypatch.setattr(heap, "SETTLE_S", 0.0)
        steps.step()
        assert ring() is None


@contextlib.contextmanager
def looked_at(looks: list[int]) -> Iterator[None]:
    """Grows by every run of the collector."""

    def tell(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            looks.append(info["generation"])

    gc.callbacks.append(tell)
    try:
        yield
    finally:
        gc.callbacks.remove(tell)
