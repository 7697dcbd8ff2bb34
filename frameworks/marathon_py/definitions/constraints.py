"""Constraints of definitions as those that place tasks: ``mesos_py.sdk.matching`` knows what they mean.

A definition keeps the words that people wrote. A number that IS asks for is compared with the text of a scalar
attribute, which Mesos prints with three decimals at most, and without zeros at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal

from mesos_py.sdk.matching.constraints import Constraint, Operator

_NUMBER = re.compile(r"[-+]?[0-9]{1,15}(\.[0-9]{0,15})?", re.ASCII)
_LITERAL = re.compile(r"[a-zA-Z0-9_/.-]*", re.ASCII)  # no ranges, no sets
_IS_WHAT = (
    "IS only supports Mesos text and float values "
    "(see http://mesos.apache.org/documentation/latest/attributes-resources/)"
)
_MILLI = Decimal("0.001")


def constraint(words: Iterable[str]) -> Constraint:
    """The constraint that these words are. Raises ValueError, in Marathon's words."""
    made = Constraint.of(*words)
    if made.operator is Operator.IS:
        value = made.value or ""
        if not _LITERAL.fullmatch(value):
            raise ValueError(_IS_WHAT)
        if _NUMBER.fullmatch(value):
            return Constraint(made.field, made.operator, scalar_text(Decimal(value)))
    return made


def scalar_text(value: Decimal) -> str:
    """``1.50`` is ``1.5``; half a thousandth goes to the even one."""
    rounded = value.quantize(_MILLI, ROUND_HALF_EVEN).normalize()
    return f"{rounded if rounded else abs(rounded):f}"


def placement(constraints: Iterable[Iterable[str]]) -> tuple[Constraint, ...]:
    """Of a definition that breaks no rule."""
    return tuple(constraint(words) for words in constraints)


def problem(words: Iterable[str]) -> str | None:
    """What is wrong with one constraint of a definition."""
    try:
        constraint(words)
    except ValueError as error:
        return str(error)
    return None
