"""Garbage collection that does not stop the loop.

CPython's collector walks everything that lives whenever the heap has grown by a quarter: half a second with 10,000
tasks, several with 100,000, and nothing else runs meanwhile. What a server keeps is freed by reference counts, so
there is next to nothing to find. Here the collector's automatic runs are off; instead, in small steps,

* what was made since the last step is collected a few times a second (milliseconds, whatever the heap holds), unless
  the heap grows fast and the steps before found nothing: then most of what is new has come to stay,
* what survives that is set aside (``gc.freeze``) and not walked again,
* all of it is walked once in a long while, and only if what was set aside has doubled since: cycles that die old cost
  memory until then, at most as much as what lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator

LOOK_S = 0.02  # how often we look whether a step is due
YOUNG_MAX = 20_000  # objects made since the last step that make another one due: about 2 ms
UNSEEN_MAX = 15  # steps in a row that set aside without a look while the heap grows fast
SETTLE_S = 0.06  # between steps otherwise: longer than a request takes, whose cycles would be set aside unseen
FULL_EVERY_S = 600.0  # at most one full walk in so long
FULL_MIN = 2_000_000  # objects set aside below which a full walk is not worth a stall


class Steps:
    """The two kinds of steps and when they are due."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_later(LOOK_S, self.step)
        self._settled_at = self._full_at = time.monotonic()
        self._frozen_at_full = gc.get_freeze_count()
        #: steps that may pass without a look, and how many have
        self._unseen_max = self._unseen = 0

    def step(self) -> None:
        """Whatever is due is done, and this comes again by itself."""
        self._handle.cancel()
        now = time.monotonic()
        grows = gc.get_count()[0] >= YOUNG_MAX
        if grows or now - self._settled_at >= SETTLE_S:
            self._settled_at = now
            if grows and self._unseen < self._unseen_max:
                self._unseen += 1
            else:
                fruitless = gc.collect(1) == 0
                self._unseen_max = min(2 * self._unseen_max + 1, UNSEEN_MAX) if grows and fruitless else 0
                self._unseen = 0
            gc.freeze()
        if now - self._full_at >= FULL_EVERY_S:
            self._full_at = now
            self._full()
        self._handle = self._loop.call_later(LOOK_S, self.step)

    def _full(self) -> None:
        """Even to count what was set aside is to walk it."""
        if gc.get_freeze_count() >= max(FULL_MIN, 2 * self._frozen_at_full):
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._frozen_at_full = gc.get_freeze_count()

    def cancel(self) -> None:
        self._handle.cancel()


@contextlib.contextmanager
def steady() -> Iterator[Steps]:
    """Within this, in a running loop, collection goes in small steps; for programs, since it is the whole process's."""
    gc.collect()
    gc.freeze()
    gc.disable()
    steps = Steps()
    try:
        yield steps
    finally:
        steps.cancel()
        gc.unfreeze()
        gc.enable()
