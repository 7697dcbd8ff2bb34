"""Timers are data: an event addressed to one's future self, visible in dumps and cancellable by key.

The core keeps its own heap and says when it next wants to be called; the shell arms one ``call_at``.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator
from typing import Any

from mesos_py.machine.values import Nanos

SOON: Nanos = 1  # from now: after this frame, and after whatever else waits for its turn


class Timers:
    """``set`` and ``cancel`` in O(log n); a key has at most one timer."""

    __slots__ = ("_heap", "_live", "_sequence")

    def __init__(self) -> None:
        self._heap: list[tuple[Nanos, int, Hashable]] = []
        self._live: dict[Hashable, tuple[Nanos, int, Any]] = {}
        self._sequence = 0

    def set(self, key: Hashable, at: Nanos, event: Any) -> None:
        """``event`` is due at ``at``; an earlier timer under the same key is replaced."""
        self._sequence += 1
        self._live[key] = (at, self._sequence, event)
        heapq.heappush(self._heap, (at, self._sequence, key))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._live):
            self._compact()

    def cancel(self, key: Hashable) -> bool:
        """Forget the timer under ``key``; False when there is none."""
        return self._live.pop(key, None) is not None

    def take(self, key: Hashable) -> Any:
        """Cancel the timer under ``key`` and return its event; None when there is none."""
        entry = self._live.pop(key, None)
        return None if entry is None else entry[2]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._live

    def __len__(self) -> int:
        return len(self._live)

    def deadline(self) -> Nanos | None:
        """When the next timer is due, None when there is none."""
        heap, live = self._heap, self._live
        while heap:
            at, sequence, key = heap[0]
            entry = live.get(key)
            if entry is not None and entry[1] == sequence:
                return at
            heapq.heappop(heap)
        return None

    def due(self, now: Nanos) -> Iterator[Any]:
        """Pop the events that are due, in order of time and then of setting."""
        while (at := self.deadline()) is not None and at <= now:
            _, _, key = heapq.heappop(self._heap)
            yield self._live.pop(key)[2]

    def pending(self) -> dict[Hashable, Nanos]:
        """Key and time of every live timer, for dumps and tests."""
        return {key: at for key, (at, _, _) in self._live.items()}

    def _compact(self) -> None:
        self._heap = [(at, sequence, key) for key, (at, sequence, _) in self._live.items()]
        heapq.heapify(self._heap)
