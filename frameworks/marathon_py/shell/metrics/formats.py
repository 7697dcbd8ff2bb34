"""Metrics as Marathon's JSON, which is Dropwizard's, and as text for Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from frameworks.marathon_py.shell.metrics.kinds import PERCENTILES, Counter, Gauge, Meter, Readings, Timer

VERSION = "4.0.0"  # of Dropwizard's format
_UNFIT = re.compile(r"[^a-zA-Z0-9_]")


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


def exposition(readings: Readings, prefix: str, now_s: float) -> str:
    """Version 0.0.4 of the format. What JSON has in meters and timers are gauges by names of their own."""
    lines: list[str] = []
    for short, metric in sorted(readings.items()):
        name = _UNFIT.sub("_", f"{prefix}.{short}" if prefix else short)
        lines += _lines(name, metric, now_s)
    return "\n".join(lines) + "\n"


def _lines(name: str, metric: Counter | Gauge | Meter | Timer, now_s: float) -> Iterator[str]:
    match metric:
        case Counter(number):
            yield f"# TYPE {name} counter"
            yield f"{name} {number}"
        case Gauge(number):
            yield from _gauges(name, {"": number})
        case Meter():
            yield from _gauges(name, {"_count": metric.count, **_named(metric.rates(now_s))})
        case Timer():
            summary = metric.summary()
            yield f"# TYPE {name} summary"
            yield from (f'{name}{{quantile="{share:g}"}} {summary[short]}' for short, share in PERCENTILES.items())
            yield f"{name}_count {metric.meter.count}"
            rest = {short: number for short, number in summary.items() if short not in PERCENTILES}
            yield from _gauges(name, _named({**rest, **metric.meter.rates(now_s)}))


def _named(numbers: Mapping[str, float]) -> dict[str, float]:
    return {f"_{short}": number for short, number in numbers.items()}


def _gauges(name: str, numbers: Mapping[str, float]) -> Iterator[str]:
    for ending, number in numbers.items():
        yield f"# TYPE {name}{ending} gauge"
        yield f"{name}{ending} {number}"
