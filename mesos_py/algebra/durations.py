"""Durations ("10secs", "1mins") and sizes ("10MB") as flags and endpoints write them.

Source: Mesos 3rdparty/stout/include/stout/{duration,bytes}.hpp. A duration is an int of nanoseconds here, a size an
int of bytes.
"""

from __future__ import annotations

import re

NANOSECOND = 1
MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000

DURATION_UNITS = {
    "ns": NANOSECOND,
    "us": MICROSECOND,
    "ms": MILLISECOND,
    "secs": SECOND,
    "mins": 60 * SECOND,
    "hrs": 3_600 * SECOND,
    "days": 86_400 * SECOND,
    "weeks": 604_800 * SECOND,
}
SIZE_UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}

DURATION_MAX_NS = 2**63 - 1
SIZE_MAX_BYTES = 2**64 - 1

_DURATION = re.compile(r"(-?\d+(?:\.\d*)?|-?\.\d+)([a-z]+)", re.ASCII)
_SIZE = re.compile(r"(\d+)([A-Z]+)", re.ASCII)


def parse_duration(text: str) -> int:
    """Nanoseconds; raises ValueError with Mesos' text."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"Invalid duration '{text}': expecting a number and a unit, such as '10secs'")
    number, unit = match.groups()
    if unit not in DURATION_UNITS:
        raise ValueError(f"Unknown duration unit '{unit}'; supported units are {', '.join(DURATION_UNITS)}")
    # A whole number stays exact; a fraction is a double in Mesos too.
    nanos = int(number) * DURATION_UNITS[unit] if "." not in number else round(float(number) * DURATION_UNITS[unit])
    if abs(nanos) > DURATION_MAX_NS:
        raise ValueError("Argument out of the range that a Duration can represent due to int64_t's size limit")
    return nanos


def format_duration(nanos: int) -> str:
    """In the largest unit that gives a whole number: 60e9 is ``1mins``, 1.5e9 is ``1500ms``."""
    if nanos == 0:
        return "0ns"
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    for unit, size in reversed(DURATION_UNITS.items()):
        if nanos % size == 0:
            return f"{sign}{nanos // size}{unit}"
    raise AssertionError("every integer is a multiple of one nanosecond")


def parse_size(text: str) -> int:
    """Bytes; raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"Invalid size '{text}': expecting a whole number and a unit, such as '10MB'")
    number, unit = match.groups()
    if unit not in SIZE_UNITS:
        raise ValueError(f"Unknown bytes unit '{unit}'; supported units are {', '.join(SIZE_UNITS)}")
    size = int(number) * SIZE_UNITS[unit]
    if size > SIZE_MAX_BYTES:
        raise ValueError(f"Size '{text}' does not fit in 64 bits")
    return size


def format_size(size: int) -> str:
    """In the largest unit that gives a whole number: 1024 is ``1KB``, 1500 is ``1500B``."""
    for unit, factor in reversed(SIZE_UNITS.items()):
        if size % factor == 0 and (size or unit == "B"):
            return f"{size // factor}{unit}"
    raise AssertionError("every integer is a multiple of one byte")
