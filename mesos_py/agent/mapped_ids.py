"""Which of the host's users the users of containers are, with namespaces/user. Pure.

Root of every container is ``first`` of the host, user 1 is ``first + 1``, and so on; groups likewise. One range for the
agent, not one for each container: what a task leaves in a persistent volume, in its pod's sandbox or in a copy of an
image is the next one's without a change of owner, on every kernel.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

#: An image's "nobody" is 65534, and Debian's.
COUNT_MIN: Final = 65_536

#: -1 as an unsigned number is nobody's id, and what systemd leaves to containers ends far before.
LAST_MAX: Final = (1 << 32) - 2

_RANGE: Final = re.compile(r"(\d+)-(\d+)")


@attrs.frozen
class MappedIds:
    """``count`` ids of the host from ``first`` on."""

    first: int
    count: int

    def __str__(self) -> str:
        return f"{self.first}-{self.first + self.count - 1}"

    def has(self, *numbers: int) -> bool:
        """Containers have these ids."""
        return all(0 <= number < self.count for number in numbers)

    def on_host(self, number: int) -> int:
        """Who that is outside; an id that containers have."""
        return self.first + number


def parse(text: str) -> MappedIds:
    """From ``FIRST-LAST``. Raises ValueError for what would be root of the host, or too few."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expecting FIRST-LAST, found '{text}'")
    first, last = int(found[1]), int(found[2])
    if first == 0:
        raise ValueError("root of the host is for no container")
    if last - first + 1 < COUNT_MIN or last > LAST_MAX:
        raise ValueError(f"expecting at least {COUNT_MIN} ids up to {LAST_MAX}, found '{text}'")
    return MappedIds(first, last - first + 1)


#: The first of those that systemd's documentation of UIDs leaves to containers; no distribution gives them to people.
DEFAULT: Final = MappedIds(0x80000, COUNT_MIN)
