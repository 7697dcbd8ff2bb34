"""Kinds of values that only Marathon's flags have: times are plain numbers there, of milliseconds or of seconds."""

from __future__ import annotations

from typing import Any

from mesos_py.flags import INTEGER, SECRET, URL, Flag, Kind, bounded

MILLISECONDS_MAX = (1 << 31) - 1  # some 24 days, as Marathon's own


def _count(text: str, least: int = 0) -> int:
    number: int = INTEGER.parse(text)
    if not least <= number <= MILLISECONDS_MAX:
        raise ValueError(f"expecting a whole number from {least} to {MILLISECONDS_MAX}, found '{text}'")
    return number


#: the field is in seconds
MILLISECONDS = Kind("MS", lambda text: _count(text) / 1000, lambda value: str(round(value * 1000)))
#: likewise; of something that is done again and again
EVERY = Kind("MS", lambda text: _count(text, 1) / 1000, MILLISECONDS.show)
#: likewise
WHOLE_SECONDS = Kind("SECONDS", lambda text: float(_count(text)), lambda value: str(round(value)))
COUNT = bounded(INTEGER, least=1)
PORT = bounded(INTEGER, least=0, most=65535)


def as_json(flag: Flag, value: Any) -> Any:
    """In the flag's own unit; None for a secret."""
    if flag.kind is SECRET or value is None:
        return None
    if flag.kind in (MILLISECONDS, EVERY, WHOLE_SECONDS):
        return int(flag.kind.show(value))
    if flag.kind is URL:
        return URL.show(value)
    return list(value) if isinstance(value, tuple) else value
