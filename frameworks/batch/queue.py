"""The order in which jobs are served: by priority; within one, users take turns, whoever has had least first; of one
user's jobs the older one first.

A job that finds no room in a round steps aside for the rest of it, so that smaller ones are placed past it. Whoever
takes turns takes as many tasks at once as bring him level with the next one.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable

import attrs

from frameworks.batch.entry import Entry
from frameworks.batch.shares import Shares
from mesos_py.machine.values import Nanos


@attrs.define(eq=False)
class _Queue:
    """Jobs of one user and one priority."""

    priority: int
    user: str
    entries: deque[Entry]

    @property
    def head(self) -> Entry:
        return self.entries[0]


class Line:
    """``next`` says who may start how many tasks, ``placed`` how many have found room."""

    def __init__(self, entries: Iterable[Entry], shares: Shares, now: Nanos) -> None:
        queues: dict[tuple[int, str], _Queue] = {}
        self._left: dict[str, int] = {}
        self._levels: dict[str, float] = {}
        for entry in sorted(entries, key=lambda one: one.order):
            job = entry.job
            key = job.priority, job.user
            queues.setdefault(key, _Queue(job.priority, job.user, deque())).entries.append(entry)
            self._left[entry.name] = entry.startable
            if job.user not in self._levels:
                self._levels[job.user] = shares.level(job.user, now)
        self._heap = [self._key(queue) for queue in queues.values()]
        heapq.heapify(self._heap)

    def _key(self, queue: _Queue) -> tuple[int, float, tuple[int, int], _Queue]:
        return -queue.priority, self._levels[queue.user], queue.head.order, queue

    def next(self) -> tuple[Entry, int] | None:
        """The job whose turn it is, and so many of its tasks."""
        while self._heap:
            _, level, _, queue = self._heap[0]
            if level != self._levels[queue.user]:  # he was served in another priority
                heapq.heapreplace(self._heap, self._key(queue))
                continue
            entry = queue.head
            left = self._left[entry.name]
            rival = min(self._heap[1:3], default=None)
            if entry.job.gang or rival is None or rival[0] != -queue.priority:
                return entry, left
            return entry, min(left, max(1, math.ceil((rival[1] - level) / entry.cost)))
        return None

    def placed(self, wanted: int, count: int) -> None:
        """Of ``next``'s tasks so many were placed; if that is not all, the job has had its turn."""
        _, level, _, queue = self._heap[0]
        entry = queue.head
        self._levels[queue.user] = level + count * entry.cost
        self._left[entry.name] -= count
        if count < wanted or not self._left[entry.name]:
            queue.entries.popleft()
        if queue.entries:
            heapq.heapreplace(self._heap, self._key(queue))
        else:
            heapq.heappop(self._heap)

    def rest(self) -> list[Entry]:
        """Everybody in order; for those who ask where they stand. The line is gone afterwards."""
        found = []
        while (turn := self.next()) is not None:
            entry, _ = turn
            found.append(entry)
            self.placed(self._left[entry.name] + 1, self._left[entry.name])
        return found
