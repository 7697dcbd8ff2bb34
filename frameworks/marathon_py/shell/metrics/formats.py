"""Metrics as Marathon's JSON, which is Dropwizard's, and as text for Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from frameworks.marathon_py.shell.metrics.kinds import PERCENTILES, Counter, Gauge, Meter, Readings, Timer

VERSION = "4.0.0"  # of Dropwizard's format
_UNFIT = re.compile(r"[^a-zA-Z0-9_:]")


def as_json(readings: Readings, prefix: str, now_s: float) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "version": VERSION, "gauges": {}, "counters": {}, "histograms": {}, "meters": {}, "timers": {},
    }  # fmt: skip
    for short, metric in sorted(readings.items()):
        name = f"{prefix}.{short}" if prefix else short
        match metric:
            case Counter(count):
                shown["counters"][name] = {"count": count}
            case Gauge(number):
                shown["gauges"][name] = {"value": number}
            case Meter():
                shown["meters"][name] = {"count": metric.count, **metric.rates(now_s), "units": "events/second"}
            case Timer():
                shown["timers"][name] = {
                    "count": metric.meter.count, **metric.summary(), **metric.meter.rates(now_s),
                    "duration_units": "seconds", "rate_units": "calls/second",
                }  # fmt: skip
    return shown


def exposition(readings: Readings, prefix: str) -> str:
    """Version 0.0.4 of the format."""
    lines: list[str] = []
    for short, metric in sorted(readings.items()):
        name = _UNFIT.sub("_", f"{prefix}.{short}" if prefix else short)
        lines += _lines(name, metric)
    return "\n".join(lines) + "\n"


def _lines(name: str, metric: Counter | Gauge | Meter | Timer) -> Iterator[str]:
    match metric:
        case Counter(number) | Meter(count=number):
            yield f"# TYPE {name} counter"
            yield f"{name} {number}"
        case Gauge(number):
            yield f"# TYPE {name} gauge"
            yield f"{name} {number}"
        case Timer():
            summary = metric.summary()
            yield f"# TYPE {name} summary"
            yield from (f'{name}{{quantile="{share:g}"}} {summary[short]}' for short, share in PERCENTILES.items())
            yield f"{name}_count {metric.meter.count}"
