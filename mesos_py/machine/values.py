"""``@value``: how events, changes and writes are declared.

Frozen for the type checker, plain slots at run time: a frozen attrs class costs three times as much to
construct, and cores make thousands of values a second.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar, dataclass_transform

import attrs

T = TypeVar("T")


@dataclass_transform(kw_only_default=False, frozen_default=True, eq_default=True, field_specifiers=(attrs.field,))
def value(cls: type[T]) -> type[T]:
    """A small immutable value compared by content; not hashable, so it cannot end up in a set by accident."""
    return attrs.define(cls, eq=True, order=False, weakref_slot=False)


Nanos = int
"""Nanoseconds since the epoch, never decreasing within one process."""

SECOND: Nanos = 1_000_000_000
MILLISECOND: Nanos = 1_000_000


def seconds(amount: float) -> Nanos:
    """A duration given in (fractional) seconds as nanoseconds."""
    return round(amount * SECOND)


DERIVED: Final = {"derived": True}
"""Metadata of an attrs field that only repeats what others say, to save time; it is left out of snapshots and None in
what is loaded from them."""


def is_derived(field: attrs.Attribute[Any]) -> bool:
    return "derived" in field.metadata
