"""Clocks of simulated hosts and of the processes on them.

A host's wall clock may be wrong, run too fast, and be set by somebody at any moment. A process looks at it once, when
it starts, and counts from there (``machine/driver.py`` Clock does): what is set later only the next process sees.
"""

from __future__ import annotations

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

    def process_clock(self) -> ProcessClock:
        """For one that starts now."""
        now = self._loop.now
        wall = EPOCH + now + self._skew + now * self._rate_ppm // 1_000_000
        return ProcessClock(self._loop, wall, self._rate_ppm)


class ProcessClock:
    """The wall clock when the process started, and what has passed since; never goes back."""

    def __init__(self, loop: SimLoop, wall: Nanos, rate_ppm: int) -> None:
        self._loop, self._start, self._rate_ppm = loop, loop.now, rate_ppm
        #: the wall clock when the loop's showed nothing
        self._base = wall - loop.now

    def __call__(self) -> Nanos:
        now = self._loop.now
        if self._rate_ppm:
            return self._base + now + (now - self._start) * self._rate_ppm // 1_000_000
        return self._base + now
