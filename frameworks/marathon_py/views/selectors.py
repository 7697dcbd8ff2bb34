"""Label selectors: ``environment==production, tier in (front, back)``. All of them must hold.

============================  ==========================================
``key``                       there is such a label
``key==value, key!=value``    there is one, and it is, or is not, that
``key in (a, b)``             there is one, and it is one of them
``key notin (a, b)``          there is one, and it is none of them
============================  ==========================================

Characters other than letters, digits, dots, dashes and underscores follow a backslash. Nothing at all is no condition,
and in nothing is nothing.
Source: mesosphere/marathon src/main/scala/mesosphere/marathon/api/v2/LabelSelectorParsers.scala.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

SELECTORS_MAX = 100  # of one text

_WORD = r"(?:[A-Za-z0-9._-]|\\.)+"
_ONE = re.compile(
    rf"\s*(?P<key>{_WORD})\s*"
    rf"(?:(?P<equal>==|!=)\s*(?P<value>{_WORD})\s*|(?P<set>in|notin)\s*\((?P<values>(?:[^()\\]|\\.)*)\)\s*)?",
)
_VALUES = re.compile(rf"\s*(?:{_WORD}\s*(?:,\s*{_WORD}\s*)*)?")
_ITEM = re.compile(_WORD)


@attrs.frozen
class Selector:
    """One condition on labels."""

    key: str
    #: None: any
    values: tuple[str, ...] | None = None
    #: it is none of the values
    is_negated: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        if value is None:
            return False
        return self.values is None or (value in self.values) != self.is_negated


def selectors(text: str) -> tuple[Selector, ...]:
    """Raises ValueError with Marathon's text."""
    found: list[Selector] = []
    if not text.strip():
        return ()
    at = 0
    while True:
        match = _ONE.match(text, at)
        if match is None or len(found) == SELECTORS_MAX:
            raise _unreadable(text, at)
        found.append(_selector(match, text))
        at = match.end()
        if at == len(text):
            return tuple(found)
        if text[at] != ",":
            raise _unreadable(text, at)
        at += 1


def _selector(match: re.Match[str], text: str) -> Selector:
    key = _plain(match["key"])
    if match["equal"] is not None:
        return Selector(key, (_plain(match["value"]),), match["equal"] == "!=")
    if match["set"] is None:
        return Selector(key)
    if _VALUES.fullmatch(match["values"]) is None:
        raise _unreadable(text, match.start("values"))
    values = tuple(_plain(one) for one in _ITEM.findall(match["values"]))
    return Selector(key, values, match["set"] == "notin")


def _plain(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word)


def _unreadable(text: str, at: int) -> ValueError:
    what = f"'{text[at]}' was not expected at position {at + 1}" if at < len(text) else "it ends too early"
    return ValueError(f"Can not parse label selector {text}. Reason: {what}")
