"""How a benchmark says what it measured."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence


def machine() -> str:
    """One line about where the figures come from."""
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} x {model}, Python {platform.python_version()}, Linux {platform.release()}"


def header(workload: str) -> None:
    print(f"\n== {workload}\n   on {machine()}", flush=True)


def figure(name: str, value: float, unit: str, *, reference: float | None = None, of: str = "C++ Mesos") -> None:
    """Print one figure, and its ratio to the reference's figure of the same unit."""
    ratio = f"   {value / reference:8.2f} x {of} ({reference:g} {unit})" if reference else ""
    print(f"   {name:<56} {value:12.2f} {unit:<10}{ratio}", flush=True)


def quantiles(values: Sequence[float]) -> tuple[float, float]:
    """(p50, p99) of ``values``."""
    cuts = statistics.quantiles(values, n=100)
    return cuts[49], cuts[98]
