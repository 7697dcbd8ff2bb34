"""What agents say about themselves: looking attributes up, showing them, and comparing old with new.

Attributes are facts that frameworks choose by; they are never counted or consumed, so that the wire message itself is
the domain type. Their grammar is in ``parse``, constraints on them in ``offer_constraints``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mesos_py.algebra.quantities import to_milli
from mesos_py.algebra.ranges import Ranges
from mesos_py.wire.value import Attribute, Value


def find(attributes: Iterable[Attribute], name: str) -> Attribute | None:
    """The first of that name: the one that counts."""
    return next((attribute for attribute in attributes if attribute.name == name), None)


def ranges_of(attribute: Attribute) -> Ranges:
    """No ranges at all if it is not of that type."""
    if attribute.ranges is None:
        return Ranges()
    return Ranges([(interval.begin, interval.end) for interval in attribute.ranges.range])


def shown(attribute: Attribute) -> float | str:
    """As legacy endpoints show it: a scalar as a number, everything else as text."""
    if attribute.type == Value.Type.SCALAR:
        return attribute.scalar.value if attribute.scalar is not None else 0.0
    if attribute.type == Value.Type.RANGES:
        return str(ranges_of(attribute))
    if attribute.type == Value.Type.SET:
        return "{" + ", ".join(attribute.set.item if attribute.set is not None else ()) + "}"
    return attribute.text.value if attribute.text is not None else ""


def is_superset(new: Sequence[Attribute], old: Sequence[Attribute]) -> bool:
    """True if nothing said before is taken back: same types, equal scalars and texts, ranges at least as large.

    Mesos: --reconfiguration_policy=additive, src/slave/compatibility.cpp additive.
    """
    return all((now := find(new, before.name)) is not None and _covers(now, before) for before in old)


def _covers(new: Attribute, old: Attribute) -> bool:
    if new.type != old.type:
        return False
    if old.type == Value.Type.RANGES:
        return ranges_of(old) <= ranges_of(new)
    if old.type == Value.Type.SCALAR and old.scalar is not None and new.scalar is not None:
        return to_milli(old.scalar.value) == to_milli(new.scalar.value)
    return shown(new) == shown(old)
