"""Keeps Python's garbage collector from walking all that a master remembers, again and again.

A full collection looks at every object: with 100,000 tasks it holds the loop for a second, and adding them causes
many. What a core remembers has no cycles and lives until it is forgotten, so looking is in vain. Here, whatever has
survived a collection of the middle generation is frozen (``gc.freeze``): it is freed by its reference count as ever,
but never looked at again.

Price: a cycle that lives long and then dies is not freed; connections are the only ones that could, and asyncio's and
aiohttp's break their cycles when they close. While the program is small everything is looked at once in a while.
"""

from __future__ import annotations

import gc
from typing import Any

YOUNG = 10_000  # new objects before the young are looked at: about 1 ms
MIDDLE = 10  # such looks before their survivors are looked at once more: about 10 ms
SMALL = 300_000  # frozen objects up to which a full collection takes less than 50 ms
FULL_EVERY = 100  # collections of the middle generation between two full ones of a small program


class Collector:
    """Installed once per process; later ones do nothing."""

    def __init__(self) -> None:
        self._rounds = 0

    def install(self) -> None:
        if any(getattr(callback, "__self__", None).__class__ is Collector for callback in gc.callbacks):
            return
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, 1_000_000)
        gc.callbacks.append(self._collected)

    def _collected(self, phase: str, info: dict[str, Any]) -> None:
        if phase != "stop" or info["generation"] != 1:
            return
        self._rounds += 1
        if self._rounds % FULL_EVERY == 0 and gc.get_freeze_count() < SMALL:
            gc.unfreeze()
            gc.collect()
        gc.freeze()
