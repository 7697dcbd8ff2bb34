"""Resources: what is offered and used. A multiset of kinds with amounts, immutable from outside.

    Resources.of(task.resources) <= offer.allocate("eng")

Semantics of Mesos' Resources class (src/common/resources.cpp): adding merges equal kinds, subtracting what is not
there does nothing and never goes below nothing, containment is per kind. Since kinds are interned (``kinds``), all
three are loops over small dictionaries. Iteration is in order of insertion, which is the order messages show.

Amounts: Milli for scalars, ``Ranges``, ``frozenset[str]``; for exclusive and shared kinds the number of copies.
``Resources`` and ``Quantities`` never mix; ``quantities()`` is the only bridge.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from mesos_py.algebra.kinds import RANGES, SCALAR, Amount, Format, Kind, Reservation, amount_of, amount_text
from mesos_py.algebra.quantities import Limits, Milli, Quantities
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.roles import DEFAULT_ROLE, is_strict_subrole
from mesos_py.wire.resource import Resource


class Resources:
    """``+``, ``-``, ``<=`` (is contained in), ``bool`` (is anything there), ``str`` (as Mesos prints it)."""

    __slots__ = ("_entries", "_hash", "_quantities")

    # Any: an entry's two amounts are always of the same type, which the type system cannot say.
    _entries: dict[Kind, Any]
    _hash: int | None
    _quantities: Quantities | None

    def __init__(self, entries: Iterable[tuple[Kind, Amount]] = ()) -> None:
        self._entries, self._hash, self._quantities = {}, None, None
        for kind, amount in entries:
            if amount if kind.type != SCALAR else amount > 0:  # type: ignore[operator]
                _merge(self._entries, kind, amount)

    @classmethod
    def of(cls, messages: Iterable[Resource]) -> Resources:
        """From wire messages in either reservation format; empty ones vanish, equal kinds merge.

        Messages must have passed ``validation``; of those that have not, what makes no sense counts as empty.
        """
        entries: dict[Kind, Any] = {}
        for message in messages:
            amount = amount_of(message)
            if amount:
                kind = Kind.of(message)
                _merge(entries, kind, amount if kind.whole is None else 1)
        return _resources(entries)

    @staticmethod
    def restored(entries: Iterable[tuple[Kind, Amount]]) -> Resources:
        """From what iterating over resources gave, in the same order; nothing is merged or left out."""
        return _resources(dict(entries))

    def interned(self) -> Resources:
        """Equal, in the same order, and mostly one object with all that were made alike, as tasks are."""
        return _interned(tuple(self._entries.items()))

    def messages(self, format: Format = Format.POST_REFINEMENT) -> tuple[Resource, ...]:
        """As wire messages, in order; kinds counted in copies appear once per copy."""
        made: list[Resource] = []
        for kind, amount in self._entries.items():
            if kind.whole is None:
                made.append(kind.message(amount, format))
            else:
                made += [kind.message(amount, format)] * amount
        return tuple(made)

    # ---- algebra

    def __add__(self, other: Resources) -> Resources:
        if not other._entries:
            return self
        if not self._entries:
            return other
        entries = self._entries.copy()
        for kind, amount in other._entries.items():
            have = entries.get(kind)
            if have is None:
                entries[kind] = amount
            elif have.__class__ is frozenset:
                entries[kind] = have | amount
            else:
                entries[kind] = have + amount
        return _resources(entries)

    def __sub__(self, other: Resources) -> Resources:
        entries = self._entries.copy()
        for kind, amount in other._entries.items():
            have = entries.get(kind)
            if have is None:
                continue
            left = have - amount
            if left > 0 if left.__class__ is int else left:
                entries[kind] = left
            else:
                del entries[kind]
        return _resources(entries)

    def __le__(self, other: Resources) -> bool:
        theirs = other._entries
        for kind, amount in self._entries.items():
            have = theirs.get(kind)
            if have is None or not amount <= have:
                return False
        return True

    def __ge__(self, other: Resources) -> bool:
        return other <= self

    def __eq__(self, other: object) -> bool:
        return self._entries == other._entries if isinstance(other, Resources) else NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._entries.items()))
        return self._hash

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __len__(self) -> int:
        """The number of kinds."""
        return len(self._entries)

    def __iter__(self) -> Iterator[tuple[Kind, Amount]]:
        return iter(self._entries.items())

    def __contains__(self, kind: Kind) -> bool:
        return kind in self._entries

    def copies(self, kind: Kind) -> int:
        """How many copies there are of a kind that is counted in copies."""
        return int(self._entries.get(kind, 0))

    # ---- looking

    def scalar(self, name: str) -> Milli:
        """The amount of scalar ``name`` over all kinds; a shared volume counts once."""
        return self.quantities().get(name)

    def ranges(self, name: str) -> Ranges:
        """All ranges of ``name`` over all kinds."""
        found = Ranges()
        for kind, amount in self._entries.items():
            if kind.name == name and kind.type == RANGES:
                found += amount
        return found

    def names(self) -> tuple[str, ...]:
        """Each name once, in order."""
        return tuple(dict.fromkeys(kind.name for kind in self._entries))

    def quantities(self) -> Quantities:
        """Scalars by name; a shared volume counts once whatever its copies (Mesos: fromScalarResources)."""
        if self._quantities is None:
            sums: dict[str, Milli] = {}
            for kind, amount in self._entries.items():
                if kind.type == SCALAR:
                    if kind.whole is not None:
                        amount = kind.whole if kind.shared else kind.whole * amount
                    sums[kind.name] = sums.get(kind.name, 0) + amount
            self._quantities = Quantities(sums)
        return self._quantities

    def filter(self, keep: Callable[[Kind], bool]) -> Resources:
        """The entries whose kind ``keep`` accepts."""
        entries = {kind: amount for kind, amount in self._entries.items() if keep(kind)}
        return self if len(entries) == len(self._entries) else _resources(entries)

    def any(self, test: Callable[[Kind], bool]) -> bool:
        return any(map(test, self._entries))

    def scalars(self) -> Resources:
        return self.filter(lambda kind: kind.type == SCALAR)

    def revocable(self) -> Resources:
        return self.filter(lambda kind: kind.revocable)

    def nonrevocable(self) -> Resources:
        return self.filter(lambda kind: not kind.revocable)

    @property
    def any_shared(self) -> bool:
        for kind in self._entries:  # noqa: SIM110 - a generator costs as much as the rest of an allocation
            if kind.shared:
                return True
        return False

    @property
    def shared(self) -> Resources:
        return self.filter(lambda kind: kind.shared)

    @property
    def nonshared(self) -> Resources:
        return self.filter(lambda kind: not kind.shared)

    def checkpointed(self) -> Resources:
        """What the agent must remember: dynamic reservations and volumes of no resource provider."""
        return self.filter(lambda kind: kind.needs_checkpoint)

    # ---- reservations and allocation

    def reserved(self, role: str | None = None) -> Resources:
        """Reserved to exactly ``role``; None: to any role."""
        if role is None:
            return self.filter(lambda kind: bool(kind.reservations))
        return self.filter(lambda kind: bool(kind.reservations) and kind.reserved_role == role)

    def unreserved(self) -> Resources:
        return self.filter(lambda kind: not kind.reservations)

    def reservations(self) -> dict[str, Resources]:
        """What is reserved, by role, in order of appearance."""
        return self._grouped(lambda kind: kind.reserved_role if kind.reservations else None)

    def allocatable_to(self, role: str) -> Resources:
        """Unreserved, or reserved to ``role`` or to one of its ancestors."""
        return self.filter(lambda kind: is_allocatable_to(kind, role))

    def allocate(self, role: str) -> Resources:
        """The same, allocated to ``role``, whatever it was allocated to."""
        return self._rekeyed([kind.allocate(role) for kind in self._entries])

    def unallocate(self) -> Resources:
        return self._rekeyed([kind.base for kind in self._entries])

    def allocations(self) -> dict[str, Resources]:
        """What is allocated, by role, in order of appearance."""
        return self._grouped(lambda kind: kind.allocated_role)

    def push_reservation(self, info: Reservation) -> Resources:
        """The same, each with one more reservation on its stack."""
        return self._rekeyed([kind.reserve((*kind.reservations, info)) for kind in self._entries])

    def pop_reservation(self) -> Resources:
        """The same, each without its last reservation."""
        return self._rekeyed([kind.reserve(kind.reservations[:-1]) for kind in self._entries])

    # ---- parts

    def pick(self, wanted: Resources) -> Resources | None:
        """The part of these resources that satisfies ``wanted``, None if there is none.

        What is wanted must say name and amount, and may say reservations, disk and so on. Each amount is looked for
        first among kinds equal in everything but allocation, then, if none of reservation, disk and revocable was
        asked for, among plain unreserved ones, then among reserved ones (Mesos: Resources::find).
        """
        left, picked = self, Resources()
        for kind, amount in wanted._entries.items():
            rest: Any = amount
            for candidate in _candidates(left, kind):
                have: Any = left._entries[candidate]
                part = min(have, rest) if kind.type == SCALAR else have & rest
                if part:
                    picked += _resources({candidate: part})
                    left -= _resources({candidate: part})
                    rest = rest - part
                if not rest:
                    break
            if rest:
                return None
        return picked

    def shrink(self, target: Quantities | Limits) -> Resources:
        """The largest part within ``target``, taken in order; ranges and sets are dropped.

        For Quantities a name that is absent has nothing to give; for Limits it is unlimited. Exclusive and shared
        kinds are kept whole or dropped (Mesos: src/master/allocator/mesos/hierarchical.cpp shrinkResources, which
        draws the order; callers that must not favour one disk over another reorder first).
        """
        left: dict[str, Milli] = dict(target.items())
        unlimited = isinstance(target, Limits)
        entries: dict[Kind, Any] = {}
        for kind, amount in self._entries.items():
            if kind.type != SCALAR:
                continue
            room = left.get(kind.name)
            if room is None:
                if unlimited:
                    entries[kind] = amount
                continue
            if kind.whole is None:
                kept = min(amount, room)
                used = kept
            else:
                size: Any = kind.whole
                kept = (amount if size <= room else 0) if kind.shared else min(amount, room // size)
                used = (size if kept else 0) if kind.shared else kept * size
            if kept > 0:
                entries[kind] = kept
                left[kind.name] = room - used
        return _resources(entries)

    # ---- text

    def __str__(self) -> str:
        return "; ".join(_entry_text(kind, amount) for kind, amount in self._entries.items()) or "{}"

    def __repr__(self) -> str:
        return f"<Resources {self}>"

    # ---- helpers

    def _grouped(self, by: Callable[[Kind], str | None]) -> dict[str, Resources]:
        groups: dict[str, dict[Kind, Any]] = {}
        for kind, amount in self._entries.items():
            key = by(kind)
            if key is not None:
                groups.setdefault(key, {})[kind] = amount
        return {key: _resources(entries) for key, entries in groups.items()}

    def _rekeyed(self, kinds: list[Kind]) -> Resources:
        entries: dict[Kind, Any] = dict(zip(kinds, self._entries.values(), strict=True))
        if len(entries) < len(kinds):  # two kinds have become one
            entries = {}
            for kind, amount in zip(kinds, self._entries.values(), strict=True):
                _merge(entries, kind, amount)
            return _resources(entries)
        made = _resources(entries)
        made._quantities = self._quantities
        return made


def is_allocatable_to(kind: Kind, role: str) -> bool:
    """Mesos: Resources::isAllocatableTo."""
    reserved = kind.reserved_role
    return reserved in (DEFAULT_ROLE, role) or is_strict_subrole(role, reserved)


def _candidates(pool: Resources, wanted: Kind) -> list[Kind]:
    """Kinds of ``pool`` that may serve ``wanted``, best first."""
    alike = [kind for kind in pool._entries if kind.name == wanted.name and kind.type == wanted.type]
    exact = [kind for kind in alike if kind.base is wanted.base]
    if wanted.reservations or wanted.disk is not None or wanted.revocable or wanted.shared:
        return exact
    plain = [kind for kind in alike if kind.disk is None and not kind.revocable and not kind.shared]
    plain.sort(key=lambda kind: (kind not in exact, bool(kind.reservations)))
    return plain


def _merge(entries: dict[Kind, Any], kind: Kind, amount: Any) -> None:
    have = entries.get(kind)
    if have is None:
        entries[kind] = amount
    else:
        entries[kind] = have | amount if isinstance(have, frozenset) else have + amount


@functools.lru_cache(maxsize=4096)
def _interned(entries: tuple[tuple[Kind, Any], ...]) -> Resources:
    return _resources(dict(entries))


def _resources(entries: dict[Kind, Any]) -> Resources:
    """Around a dict that is known to be canonical and to belong to nobody else."""
    made = _new(Resources)
    made._entries, made._hash, made._quantities = entries, None, None
    return made


_new = Resources.__new__


def _entry_text(kind: Kind, amount: Amount) -> str:
    if kind.whole is None:
        return f"{kind.head}:{amount_text(amount)}"
    text = f"{kind.head}:{amount_text(kind.whole)}"
    if kind.shared:
        return f"{text}<{amount}>"
    return "; ".join([text] * int(amount))  # type: ignore[arg-type]


NONE: Final = Resources()
