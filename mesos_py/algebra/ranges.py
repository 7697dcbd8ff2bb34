"""Sets of integers kept as intervals: ports.

Intervals are inclusive at both ends, sorted, and neither overlap nor touch ([1-5],[6-9] is [1-9]). Every operation
is linear in the number of intervals (building sorts them first) and never looks at single values, so a range of 2^32
ports costs as much as one port (Mesos: src/common/values.cpp, MESOS-3051).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Interval = tuple[int, int]


class Ranges:
    """An immutable set of integers; ``+`` is union, ``-`` difference, ``&`` intersection, ``<=`` subset."""

    __slots__ = ("intervals",)

    #: sorted, disjoint, not adjacent; inclusive
    intervals: tuple[Interval, ...]

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        """From intervals in any order, overlapping or not; those with begin > end are empty and vanish."""
        self.intervals = _coalesced(sorted(pair for pair in intervals if pair[0] <= pair[1]))

    def __bool__(self) -> bool:
        return bool(self.intervals)

    def __len__(self) -> int:
        """The number of integers in the set."""
        return sum(end - begin + 1 for begin, end in self.intervals)

    def __iter__(self) -> Iterator[int]:
        """Every integer, ascending; the caller minds how many there are."""
        for begin, end in self.intervals:
            yield from range(begin, end + 1)

    def __contains__(self, number: int) -> bool:
        return any(begin <= number <= end for begin, end in self.intervals)

    def __eq__(self, other: object) -> bool:
        return self.intervals == other.intervals if isinstance(other, Ranges) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.intervals)

    def __add__(self, other: Ranges) -> Ranges:
        if not other.intervals:
            return self
        if not self.intervals:
            return other
        return _ranges(_coalesced(sorted(self.intervals + other.intervals)))

    def __sub__(self, other: Ranges) -> Ranges:
        mine, theirs = self.intervals, other.intervals
        if not mine or not theirs or mine[-1][1] < theirs[0][0] or theirs[-1][1] < mine[0][0]:
            return self
        if mine == theirs:
            return NOTHING
        left: list[Interval] = []
        position = 0
        for begin, end in mine:
            while position < len(theirs) and theirs[position][1] < begin:
                position += 1
            scan = position
            while scan < len(theirs) and theirs[scan][0] <= end:
                cut_begin, cut_end = theirs[scan]
                if begin < cut_begin:
                    left.append((begin, cut_begin - 1))
                begin = cut_end + 1
                if begin > end:
                    break
                scan += 1
            position = scan
            if begin <= end:
                left.append((begin, end))
        return _ranges(tuple(left))

    def __and__(self, other: Ranges) -> Ranges:
        common: list[Interval] = []
        mine, theirs = self.intervals, other.intervals
        i = j = 0
        while i < len(mine) and j < len(theirs):
            begin, end = max(mine[i][0], theirs[j][0]), min(mine[i][1], theirs[j][1])
            if begin <= end:
                common.append((begin, end))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return _ranges(tuple(common))

    def __le__(self, other: Ranges) -> bool:
        mine, theirs = self.intervals, other.intervals
        if mine == theirs:
            return True
        position = 0
        for begin, end in mine:
            while position < len(theirs) and theirs[position][1] < begin:
                position += 1
            if position == len(theirs) or theirs[position][0] > begin or theirs[position][1] < end:
                return False
        return True

    def __ge__(self, other: Ranges) -> bool:
        return other <= self

    def take(self, count: int) -> Ranges:
        """The ``count`` lowest integers, or all if there are fewer."""
        taken: list[Interval] = []
        for begin, end in self.intervals:
            if count <= 0:
                break
            end = min(end, begin + count - 1)
            taken.append((begin, end))
            count -= end - begin + 1
        return _ranges(tuple(taken))

    def __str__(self) -> str:
        return "[" + ", ".join(f"{begin}-{end}" for begin, end in self.intervals) + "]"

    def __repr__(self) -> str:
        return f"Ranges({list(self.intervals)})"


def _ranges(intervals: tuple[Interval, ...]) -> Ranges:
    """Around intervals known to be in canonical form."""
    made = Ranges.__new__(Ranges)
    made.intervals = intervals
    return made


def _coalesced(ordered: list[Interval]) -> tuple[Interval, ...]:
    """Overlapping and touching neighbours of a sorted list merged."""
    if len(ordered) < 2:
        return tuple(ordered)
    merged: list[Interval] = []
    begin, end = ordered[0]
    for next_begin, next_end in ordered:
        if next_begin > end + 1:
            merged.append((begin, end))
            begin, end = next_begin, next_end
        elif next_end > end:
            end = next_end
    merged.append((begin, end))
    return tuple(merged)


NOTHING = Ranges()
