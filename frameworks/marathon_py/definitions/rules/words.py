"""The few phrases of which Marathon's texts are made, and its way to write numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import Violation
from frameworks.marathon_py.definitions.settings import Settings

Rule = Callable[[App, Settings], Iterator[Violation]]

MUST_NOT_BE_EMPTY = "must not be empty"
MUST_BE_EMPTY = "must be empty"
NOT_DEFINED = "not defined"


def double(value: float) -> str:
    """As Java prints it: ``0.1``, ``32.0``, ``1.0E-4``."""
    if not value or 1e-3 <= abs(value) < 1e7:
        return repr(float(value))
    sign, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    first, *rest = map(str, digits)
    return f"{'-' if sign else ''}{first}.{''.join(rest) or '0'}E{len(rest) + int(exponent)}"


def plain(value: float) -> str:
    return str(value) if isinstance(value, int) else double(value)


def at_least(path: str, value: float, least: float) -> Iterator[Violation]:
    if value < least:
        yield Violation(path, f"got {plain(value)}, expected {plain(least)} or more")


def exactly(path: str, value: float, wanted: float) -> Iterator[Violation]:
    if value != wanted:
        yield Violation(path, f"got {plain(value)}, expected {plain(wanted)}")


def between(path: str, value: float, least: float, most: float) -> Iterator[Violation]:
    if not least <= value <= most:
        yield Violation(path, f"got {plain(value)}, expected between {plain(least)} and {plain(most)}")


def feature(path: str, name: str, settings: Settings) -> Iterator[Violation]:
    """Marathon's text has a bracket that nothing opens."""
    if not settings.has(name):
        yield Violation(path, f"Feature {name} is not enabled. Enable with --enable_features {name})")


def has_twice(values: Iterable[object]) -> bool:
    found = list(values)
    return len(dict.fromkeys(found)) < len(found)


def is_one_of(path: str, value: str, allowed: Sequence[str]) -> Iterator[Violation]:
    if value not in allowed:
        yield Violation(path, f"is not one of ({','.join(allowed)})")
