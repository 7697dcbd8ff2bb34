"""Arrays: one job, many tasks that differ in their index. ``1-10000%200``: at most 200 of them at a time.

An array is its intervals; nothing is made for an index before its task runs. A task is known by its *position*, 0 for
the first index, so that sets of tasks are a few intervals whatever the indexes are.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Self

import attrs

TASKS_MAX = 1_000_000  # of one array
INDEX_MAX = 1_000_000_000
PARTS_MAX = 1_000

_PART = re.compile(r"(\d{1,10})(?:-(\d{1,10})(?::(\d{1,10}))?)?", re.ASCII)


@attrs.frozen
class Indexes:
    """Of an array: ascending, none twice."""

    #: first, last, step; ascending and apart
    parts: tuple[tuple[int, int, int], ...]
    #: so many run at a time; None: as many as there is room for
    parallel: int | None = None
    #: position of the first index of each part
    _starts: tuple[int, ...] = attrs.field(init=False, eq=False, repr=False)
    count: int = attrs.field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        starts, count = [], 0
        for first, last, step in self.parts:
            starts.append(count)
            count += (last - first) // step + 1
        object.__setattr__(self, "_starts", tuple(starts))
        object.__setattr__(self, "count", count)

    @classmethod
    def of(cls, text: str) -> Self:
        """``1-10000``, ``0-99:2%10``, ``1,3,5-7``. Raises ValueError."""
        listed, has_limit, limit = text.partition("%")
        if has_limit and not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= TASKS_MAX):
            raise ValueError(f"'%{limit}': how many run at a time must be 1 to {TASKS_MAX}")
        texts = listed.split(",", PARTS_MAX)
        if len(texts) > PARTS_MAX:
            raise ValueError(f"an array has at most {PARTS_MAX} parts")
        parts = [_part(one) for one in texts]
        for before, after in itertools.pairwise(parts):
            if after[0] <= before[1]:
                raise ValueError(f"{after[0]} comes after {before[1]}: indexes ascend, and none stands twice")
        made = cls(tuple(parts), int(limit) if has_limit else None)
        if made.count > TASKS_MAX:
            raise ValueError(f"an array has at most {TASKS_MAX} tasks, not {made.count}")
        return made

    def at(self, position: int) -> int:
        """The index at a position."""
        part = bisect_right(self._starts, position) - 1
        first, _, step = self.parts[part]
        return first + (position - self._starts[part]) * step

    def position(self, index: int) -> int | None:
        """Where an index stands; None: it is not in the array."""
        for start, (first, last, step) in zip(self._starts, self.parts, strict=True):
            if first <= index <= last and (index - first) % step == 0:
                return start + (index - first) // step
        return None

    def __str__(self) -> str:
        limit = "" if self.parallel is None else f"%{self.parallel}"
        return ",".join(_text(part) for part in self.parts) + limit


def _part(text: str) -> tuple[int, int, int]:
    match = _PART.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is no part of an array: '7', '1-100' or '0-98:2'")
    first = int(match[1])
    last = int(match[2]) if match[2] is not None else first
    step = int(match[3]) if match[3] is not None else 1
    if last < first:
        raise ValueError(f"'{text}' ends before it begins")
    if step == 0:
        raise ValueError(f"'{text}': a step must be 1 or more")
    if last > INDEX_MAX:
        raise ValueError(f"'{text}': indexes are at most {INDEX_MAX}")
    last -= (last - first) % step
    return first, last, step if last > first else 1


def _text(part: Sequence[int]) -> str:
    first, last, step = part
    if first == last:
        return str(first)
    return f"{first}-{last}" if step == 1 else f"{first}-{last}:{step}"
