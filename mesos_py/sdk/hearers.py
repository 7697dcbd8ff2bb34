"""Those who listen to facts: a bounded queue for each, and nobody waits for who is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

HEARERS_MAX = 1_000
BEHIND_MAX = 10_000  # facts that a hearer has not taken; he is cut off then

Queue = asyncio.Queue[Any]


class Hearers:
    def __init__(self) -> None:
        self._queues: dict[Queue, None] = {}
        #: facts told so far
        self._count = 0

    def __len__(self) -> int:
        return len(self._queues)

    def listen(self) -> Queue:
        """Facts from now on, in their order, each as (number, fact); None: too many were not taken. Raises RuntimeError
        when there are too many who listen."""
        if len(self._queues) >= HEARERS_MAX:
            raise RuntimeError(f"{HEARERS_MAX} listen already")
        queue: Queue = asyncio.Queue(BEHIND_MAX + 1)
        self._queues[queue] = None
        return queue

    def leave(self, queue: Queue) -> None:
        self._queues.pop(queue, None)

    def tell(self, facts: Iterable[Any]) -> None:
        """Every one of them has the facts, or is cut off."""
        for fact in facts:
            self._count += 1
            for queue in list(self._queues):
                if queue.qsize() >= BEHIND_MAX:
                    queue.put_nowait(None)
                    del self._queues[queue]
                else:
                    queue.put_nowait((self._count, fact))
