"""Whose turn it is: slots by share of their role, then by share of their framework within the role.

Lazy, because mostly the first one takes all there is. Two ways to the same order: walk everybody's order and pass by
those that are not asked, or, if only few are asked, order these among themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesos_py.master.allocator.books import Books
from mesos_py.master.allocator.filters import Slot

FEW = 8  # slots; up to so many are ordered among themselves


def in_turn(books: Books, asked: int) -> Iterable[Slot]:
    """The asked slots (bits of live ones), best first. Grants made meanwhile do not change what is still to come."""
    return _few(books, asked) if asked.bit_count() <= FEW else walk(books, asked)


def walk(books: Books, asked: int) -> Iterator[Slot]:
    """Everybody in order, those asked returned."""
    for role in books.role_sorter.order():
        if role.mask & asked:
            for slot in role.frameworks.order():
                if slot.bit & asked:
                    yield slot


def _few(books: Books, asked: int) -> Iterator[Slot]:
    by_role: dict[str, list[Slot]] = {}
    for slot in books.slots_in(asked):
        by_role.setdefault(slot.role.path, []).append(slot)
    roles = books.role_sorter.ordered(by_role) if len(by_role) > 1 else map(books.roles.ensure, by_role)
    for role in roles:
        slots = by_role[role.path]
        yield from slots if len(slots) == 1 else role.frameworks.ordered([slot.framework.id for slot in slots])
