"""Timers are data: an event addressed to one's future self, visible in dumps and cancellable by key.

The core keeps its own heap and says when it next wants to be called; the shell arms one ``call_at``.

A timer that comes late says that its process was stopped, or got no processor. Whoever is about to be given up for
being silent may have spoken meanwhile, into a socket that nobody has read yet: see ``reprieve``.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator
from typing import Any

from mesos_py.machine.values import SECOND, Nanos

LATE: Nanos = 1 * SECOND  # after its time; a loop that runs is late by milliseconds
REPRIEVE: Nanos = 15 * SECOND  # for those who speak again only when they have noticed that nobody has heard them
SOON: Nanos = 1  # from now: after this frame, and after whatever else waits for its turn


def reprieve(due: Nanos, now: Nanos) -> Nanos | None:
    """When to judge again a silence that was to be judged at ``due``; None: now, for we were there to hear."""
    return now + REPRIEVE if now - due > LATE else None


class Timers:
    """``set`` and ``cancel`` are cheap however many timers are due at the same time; a key has at most one timer."""

    __slots__ = ("_at", "_count", "_heap", "_is_known", "_live", "_next", "_sequence")

    def __init__(self) -> None:
        self._live: dict[Hashable, tuple[Nanos, int, Any]] = {}
        #: what was set for each time, in order: (sequence, key); what is replaced or cancelled stays until it is met
        self._at: dict[Nanos, list[tuple[int, Hashable]]] = {}
        #: the times
        self._heap: list[Nanos] = []
        #: of all in ``_at``
        self._count = 0
        self._sequence = 0
        #: the deadline, if ``_is_known``: it is asked for after every event, and few events change it
        self._next: Nanos | None = None
        self._is_known = True

    def set(self, key: Hashable, at: Nanos, event: Any) -> None:
        """``event`` is due at ``at``; an earlier timer under the same key is replaced."""
        before = self._live.get(key)
        if before is not None and before[0] == self._next:
            self._is_known = False
        elif self._next is None or at < self._next:
            self._next = at
        self._sequence += 1
        self._live[key] = (at, self._sequence, event)
        self._queue(at, self._sequence, key)
        if self._count > 64 and self._count > 4 * len(self._live):
            self._compact()

    def _queue(self, at: Nanos, sequence: int, key: Hashable) -> None:
        here = self._at.get(at)
        if here is None:
            self._at[at] = [(sequence, key)]
            heapq.heappush(self._heap, at)
        else:
            here.append((sequence, key))
        self._count += 1

    def cancel(self, key: Hashable) -> bool:
        """Forget the timer under ``key``; False when there is none."""
        return self._forget(key) is not None

    def take(self, key: Hashable) -> Any:
        """Cancel the timer under ``key`` and return its event; None when there is none."""
        entry = self._forget(key)
        return None if entry is None else entry[2]

    def _forget(self, key: Hashable) -> tuple[Nanos, int, Any] | None:
        entry = self._live.pop(key, None)
        if entry is not None and entry[0] == self._next:
            self._is_known = False
        return entry

    def __contains__(self, key: Hashable) -> bool:
        return key in self._live

    def __len__(self) -> int:
        return len(self._live)

    def deadline(self) -> Nanos | None:
        """When the next timer is due, None when there is none."""
        if not self._is_known:
            self._next, self._is_known = self._first(), True
        return self._next

    def _first(self) -> Nanos | None:
        """Whatever is met before the first live timer is dropped."""
        live = self._live
        while self._heap:
            at = self._heap[0]
            here = self._at[at]
            while here:
                sequence, key = here[0]
                entry = live.get(key)
                if entry is not None and entry[1] == sequence:
                    return at
                del here[0]
                self._count -= 1
            del self._at[heapq.heappop(self._heap)]
        return None

    def due(self, now: Nanos) -> Iterator[Any]:
        """Pop the events that are due, in order of time and then of setting."""
        while (at := self.deadline()) is not None and at <= now:
            _, key = self._at[at].pop(0)
            self._count -= 1
            self._is_known = False
            yield self._live.pop(key)[2]

    def pending(self) -> dict[Hashable, Nanos]:
        """Key and time of every live timer, for dumps and tests."""
        return {key: at for key, (at, _, _) in self._live.items()}

    def _compact(self) -> None:
        self._at, self._heap, self._count = {}, [], 0
        for key, (at, sequence, _) in sorted(self._live.items(), key=lambda item: item[1][1]):
            self._queue(at, sequence, key)
