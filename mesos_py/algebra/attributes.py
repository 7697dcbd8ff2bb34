"""What agents say about themselves: looking attributes up and showing them.

Attributes are facts that frameworks choose by; they are never counted or consumed, so that the wire message itself is
the domain type. Their grammar is in ``parse``, constraints on them in ``offer_constraints``.
"""

from __future__ import annotations

from collections.abc import Iterable

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
