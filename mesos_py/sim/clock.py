"""Clocks of simulated hosts and of the processes on them.

A host's wall clock may be wrong, run too fast, and be set by somebody at any moment. A process looks at it once, when
it starts, and counts from there (``machine/driver.py`` Clock does): what is set later only the next process sees.
"""

from __future__ import annotations

from collections.abc import Callable

from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sim.loop import SimLoop

EPOCH: Nanos = 1_700_000_000 * SECOND


class HostClock:
    """Starts ``skew`` off the truth, runs at its own rate, and can be set."""

    def __init__(self, loop: SimLoop, skew: Nanos = 0, rate_ppm: int = 0) -> None:
        self._loop, self._skew, self._rate_ppm = loop, skew, rate_ppm

    def jump(self, by: Nanos) -> None:
        """Somebody sets it, or NTP steps it."""
        self._skew += by

    def process_clock(self) -> Callable[[], Nanos]:
        """For one that starts now: what the wall shows, and what passes from then on; never goes back."""
        loop, start, rate_ppm = self._loop, self._loop.now, self._rate_ppm
        #: the wall clock when the loop's showed nothing
        base = EPOCH + self._skew + start * rate_ppm // 1_000_000
        if not rate_ppm:
            return lambda: base + loop.now
        return lambda: base + loop.now + (loop.now - start) * rate_ppm // 1_000_000
