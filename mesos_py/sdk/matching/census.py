"""Where the tasks of one group stand: how many there are for each value of the fields that somebody asks about.

The tasks that count are the caller's business (Marathon: those of the same app, of the current version, not lost).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Census:
    """Counts by field and value. ``add`` and ``remove`` are O(fields), and so are questions, the smallest group's size
    after a removal excepted."""

    __slots__ = ("_counts", "_smallest", "fields")

    def __init__(self, fields: Iterable[str]) -> None:
        self.fields = tuple(dict.fromkeys(fields))
        self._counts: dict[str, dict[str, int]] = {field: {} for field in self.fields}
        #: by field: (size of the smallest group, how many are of that size); absent: to be counted
        self._smallest: dict[str, tuple[int, int]] = {}

    def add(self, values: Mapping[str, str]) -> None:
        """One more task, with these values of the fields; it counts in none of those that it has no value of."""
        for field, counts in self._counts.items():
            value = values.get(field)
            if value is None:
                continue
            before = counts.get(value, 0)
            counts[value] = before + 1
            smallest = self._smallest.get(field)
            if smallest is None:
                continue
            size, groups = smallest
            if before == 0:
                self._smallest[field] = (1, groups + 1 if size == 1 else 1)
            elif before == size:
                if groups > 1:
                    self._smallest[field] = (size, groups - 1)
                else:
                    del self._smallest[field]

    def remove(self, values: Mapping[str, str]) -> None:
        """One task less that was added with these values."""
        for field, counts in self._counts.items():
            value = values.get(field)
            if value is None:
                continue
            if counts[value] == 1:
                del counts[value]
            else:
                counts[value] -= 1
            self._smallest.pop(field, None)

    def copy(self) -> Census:
        made = Census(self.fields)
        made._counts = {field: counts.copy() for field, counts in self._counts.items()}
        return made

    def count(self, field: str, value: str) -> int:
        return self._counts[field].get(value, 0)

    def groups(self, field: str) -> Mapping[str, int]:
        """Tasks by value; values with none are not there. In order of appearance."""
        return self._counts[field]

    def smallest(self, field: str) -> int:
        """Size of the smallest group that is there; 0: there is none."""
        counts = self._counts[field]
        if not counts:
            return 0
        known = self._smallest.get(field)
        if known is None:
            sizes = list(counts.values())
            size = min(sizes)
            known = self._smallest[field] = (size, sizes.count(size))
        return known[0]
