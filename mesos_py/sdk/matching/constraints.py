"""Constraints on where tasks may stand: ``[field, OPERATOR, value]``, with the meaning that Marathon gives them.

=========  ==========  ====================================================================  =================
operator   value       a host passes if its value of the field                               looks at
=========  ==========  ====================================================================  =================
IS         text        is that                                                               the host
LIKE       regex       matches all of it                                                     the host
UNLIKE     regex       does not, or is missing                                               the host
CLUSTER    text        is that                                                               the host
CLUSTER    none        is that of the first task of the group, if there is one               other tasks
UNIQUE     none        is that of no other task                                              other tasks
MAX_PER    number      is that of fewer tasks than that                                      other tasks
GROUP_BY   number, 0   is new; or the groups are at least that many and it is the smallest   other tasks
=========  ==========  ====================================================================  =================

Fields: ``hostname`` or ``@hostname``, ``@region``, ``@zone``, else the name of an attribute. A host without a value
fails everything but UNLIKE. GROUP_BY is the rule of Marathon's releases up to 1.10: a value that is full or gone holds
all others up, which is why there is ``Request.spread``, too. Patterns are matched in linear time (``algebra.regex``).

Source: mesosphere/marathon src/main/scala/mesosphere/mesos/Constraints.scala, docs/docs/constraints.md.
"""

from __future__ import annotations

import enum
from functools import lru_cache

import attrs

from mesos_py.algebra.regex import Regex, RegexError
from mesos_py.sdk.matching.census import Census


class Operator(enum.Enum):
    IS = "IS"
    LIKE = "LIKE"
    UNLIKE = "UNLIKE"
    CLUSTER = "CLUSTER"
    UNIQUE = "UNIQUE"
    MAX_PER = "MAX_PER"
    GROUP_BY = "GROUP_BY"


_TAKES_REGEX = (Operator.LIKE, Operator.UNLIKE)


@attrs.frozen
class Constraint:
    """One constraint; ``Constraint.of`` is for words that people wrote."""

    field: str
    operator: Operator
    value: str | None = None

    def __attrs_post_init__(self) -> None:
        """Raises ValueError, in Marathon's words."""
        problem = _problem(self)
        if problem is not None:
            raise ValueError(problem)

    @classmethod
    def of(cls, *words: str) -> Constraint:
        """``Constraint.of("hostname", "UNIQUE")``; operators in any case. Raises ValueError, in Marathon's words."""
        if not words:
            raise ValueError("Missing field and operator")
        if len(words) not in (2, 3):
            raise ValueError("Each constraint must have either 2 or 3 fields")
        name = words[1].upper()
        if name not in Operator.__members__:
            raise ValueError(
                "operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS"
            )
        return cls(words[0], Operator[name], words[2] if len(words) == 3 else None)

    @property
    def looks_at_others(self) -> bool:
        """Other tasks decide, not the host alone."""
        if self.operator is Operator.CLUSTER:
            return self.value is None
        return self.operator in (Operator.UNIQUE, Operator.MAX_PER, Operator.GROUP_BY)

    @property
    def may_relax(self) -> bool:
        """A host that it refuses now may pass when more tasks have been placed on others."""
        return self.operator is Operator.GROUP_BY

    def admits(self, found: str | None) -> bool:
        """Of one that does not look at others: whether a host with this value of the field passes."""
        if found is None:
            return self.operator is Operator.UNLIKE
        if self.operator in _TAKES_REGEX:
            return _regex(self.value or "").fullmatch(found) is (self.operator is Operator.LIKE)
        return found == self.value

    def admits_among(self, found: str | None, others: Census) -> bool:
        """Of one that looks at others: whether one more task may stand where the field has this value."""
        if found is None:
            return False
        count = others.count(self.field, found)
        if self.operator is Operator.UNIQUE:
            return count == 0
        if self.operator is Operator.MAX_PER:
            return count < int(self.value or 0)
        groups = others.groups(self.field)
        if self.operator is Operator.CLUSTER:
            return not groups or next(iter(groups)) == found
        return count == 0 or (len(groups) >= int(self.value or 0) and count == others.smallest(self.field))

    def __str__(self) -> str:
        return " ".join(filter(None, (self.field, self.operator.value, self.value)))


def _problem(constraint: Constraint) -> str | None:
    operator, value = constraint.operator, constraint.value
    if not constraint.field:
        return "missing field for constraint declaration"
    if operator is Operator.UNIQUE and value is not None:
        return "UNIQUE does not accept a value"
    if operator is Operator.IS and value is None:
        return "IS only supports Mesos text and float values"
    if operator is Operator.MAX_PER and not _is_count(value):
        return "MAX_PER requires an integer value"
    if operator is Operator.GROUP_BY and value is not None and not _is_count(value):
        return "GROUP BY must define an integer value or else no value at all"
    if operator in _TAKES_REGEX:
        if not value:
            return "LIKE and UNLIKE require a non-empty, regular expression value"
        try:
            _regex(value)
        except RegexError as error:
            return f"'{value}' is not a valid regular expression: {error}"
    return None


def _is_count(value: str | None) -> bool:
    return value is not None and value.isascii() and value.isdigit() and len(value) <= 9


@lru_cache(maxsize=1000)
def _regex(pattern: str) -> Regex:
    return Regex(pattern)
