"""Fair shares: within a priority, whoever has had least comes first.

A user's *level* is what runs for him now and what ran for him lately, which counts half after an hour, and a quarter
after two. Both are in processors (``Entry.cost``), so that somebody who has used ten for a long time is as far ahead as
somebody who uses some 24 at once. It is not kept: a framework that starts again reckons it from the attempts that are.
"""

from __future__ import annotations

import math

from mesos_py.machine.values import SECOND, Nanos

HALF_LIFE_S = 3_600.0
USERS_MAX = 10_000  # that are remembered without anything running
FORGOTTEN_S = 10 * HALF_LIFE_S  # what ended so long ago counts a thousandth, and is not looked for

_RATE = math.log(2) / HALF_LIFE_S


class Shares:
    """Levels by user. Every question and answer is O(1)."""

    def __init__(self) -> None:
        self._running: dict[str, float] = {}
        #: (processors times seconds as of then, divided by the half-life; when)
        self._past: dict[str, tuple[float, Nanos]] = {}

    def add(self, user: str, cost: float, now: Nanos) -> None:
        """Something of that cost has been started for him."""
        self._put(user, self._decayed(user, now), now)
        self._running[user] = self._running.get(user, 0.0) + cost

    def ran(self, user: str, cost: float, began: Nanos, ended: Nanos, now: Nanos) -> None:
        """Something of that cost ran for him then, as an earlier run of the framework knew."""
        faded = [math.exp(-_RATE * max(0, now - at) / SECOND) for at in (ended, min(began, ended))]
        amount = cost * (faded[0] - faded[1]) / (_RATE * HALF_LIFE_S)
        self._put(user, self._decayed(user, now) + amount, now)

    def _put(self, user: str, past: float, now: Nanos) -> None:
        self._past[user] = past, now
        if len(self._past) > USERS_MAX:
            idle = next((one for one in self._past if one not in self._running), None)
            if idle is not None:
                del self._past[idle]

    def remove(self, user: str, cost: float, now: Nanos) -> None:
        """And has ended."""
        self._past[user] = self._decayed(user, now), now
        left = self._running.get(user, 0.0) - cost
        if left > 1e-9:
            self._running[user] = left
        else:
            self._running.pop(user, None)

    def level(self, user: str, now: Nanos) -> float:
        return self._running.get(user, 0.0) + self._decayed(user, now)

    def _decayed(self, user: str, now: Nanos) -> float:
        past, since = self._past.get(user, (0.0, now))
        passed_s = (now - since) / SECOND
        fading = math.exp(-_RATE * passed_s)
        return past * fading + self._running.get(user, 0.0) * (1 - fading) / (_RATE * HALF_LIFE_S)
