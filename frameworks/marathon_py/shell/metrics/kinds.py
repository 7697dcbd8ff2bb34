"""Meters, timers, and one metric as it is read. Source: Dropwizard's EWMA, Meter, Timer, which Marathon uses."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from statistics import fmean, pstdev

import attrs

from mesos_py.web.metrics import percentile

TICK_S = 5.0
WINDOWS = {"m1_rate": 60.0, "m5_rate": 300.0, "m15_rate": 900.0}
SAMPLES = 1028  # of a timer, the last ones
PERCENTILES = {"p50": 0.5, "p75": 0.75, "p95": 0.95, "p98": 0.98, "p99": 0.99, "p999": 0.999}


class Meter:
    """How often something happens: a count, and its rates over the last minutes, each a decaying average."""

    def __init__(self, now_s: float) -> None:
        self.count = 0
        self._began = self._ticked = now_s
        self._since_tick = 0
        self._rates: dict[str, float] = {}

    def mark(self, now_s: float) -> None:
        self._tick(now_s)
        self.count += 1
        self._since_tick += 1

    def rates(self, now_s: float) -> Mapping[str, float]:
        """Events a second."""
        self._tick(now_s)
        passed = now_s - self._began
        mean = self.count / passed if passed > 0 else 0.0
        return {**{name: self._rates.get(name, 0.0) for name in WINDOWS}, "mean_rate": mean}

    def _tick(self, now_s: float) -> None:
        ticks = int((now_s - self._ticked) / TICK_S)
        if ticks < 1:
            return
        self._ticked += ticks * TICK_S
        rate, self._since_tick = self._since_tick / TICK_S, 0
        for name, window_s in WINDOWS.items():
            share = 1.0 - math.exp(-TICK_S / window_s)
            known = self._rates.get(name)
            first = rate if known is None else known + share * (rate - known)
            self._rates[name] = first * (1.0 - share) ** (ticks - 1)  # nothing happened in the others


class Timer:
    """How often something happens, and how long it takes, seconds."""

    def __init__(self, now_s: float) -> None:
        self.meter = Meter(now_s)
        self._samples: deque[float] = deque(maxlen=SAMPLES)

    def record(self, duration_s: float, now_s: float) -> None:
        self.meter.mark(now_s)
        self._samples.append(duration_s)

    def summary(self) -> Mapping[str, float]:
        """Of the last samples."""
        ordered = sorted(self._samples) or [0.0]
        shares = {name: percentile(ordered, share) for name, share in PERCENTILES.items()}
        return {"min": ordered[0], "mean": fmean(ordered), "max": ordered[-1], **shares, "stddev": pstdev(ordered)}


@attrs.frozen
class Counter:
    """Only ever grows while the process lives."""

    count: int


@attrs.frozen
class Gauge:
    """As it is now."""

    number: float


Metric = Counter | Gauge | Meter | Timer
Readings = Mapping[str, Metric]
"""By their names, without a prefix."""
