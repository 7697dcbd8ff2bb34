"""Amounts by name, in thousandths: what quota, fair shares and headroom are counted in.

A scalar of Mesos is a double that means a fixed-point number with three decimals
(Mesos: src/common/values.cpp convertToFixed). We convert once, at the edge, and count in ints: 0.1 + 0.2 is 0.3.

``Quantities``   a name that is absent has amount 0; subtraction stops at 0 and drops what reached it
                 (Mesos: src/common/resource_quantities.hpp ResourceQuantities)
``Limits``       a name that is absent is unlimited (ResourceLimits)
"""

from __future__ import annotations

import math
from collections.abc import ItemsView, Iterable, Iterator, Mapping

Milli = int
"""An amount in thousandths: 1500 is 1.5 cpus."""

MILLI_MAX: Milli = 2**63 - 1
"""Where amounts saturate: int64, as a fixed-point number of Mesos does."""


def to_milli(amount: float) -> Milli:
    """The nearest thousandth, halves away from zero (C's llround); NaN is 0, what does not fit saturates."""
    scaled = amount * 1000.0
    if -9.2e18 < scaled < 9.2e18:
        whole = int(scaled)
        rest = scaled - whole
        if rest >= 0.5:
            return whole + 1
        if rest <= -0.5:
            return whole - 1
        return whole
    if math.isnan(scaled):
        return 0
    return MILLI_MAX if scaled > 0 else -MILLI_MAX


def from_milli(amount: Milli) -> float:
    """The double Mesos puts on the wire."""
    return amount / 1000


def milli_text(amount: Milli) -> str:
    """As C++ streams print a double with 15 significant digits: ``64``, ``0.1``, ``1e+15``."""
    return format(amount / 1000, ".15g")


class Quantities:
    """name -> Milli, all positive; absent means 0. Immutable."""

    __slots__ = ("_amounts",)

    def __init__(self, amounts: Mapping[str, Milli] | Iterable[tuple[str, Milli]] = ()) -> None:
        self._amounts: dict[str, Milli] = {name: amount for name, amount in dict(amounts).items() if amount > 0}

    @classmethod
    def of(cls, **amounts: float) -> Quantities:
        """From whole units: ``Quantities.of(cpus=1.5, mem=512)``."""
        return cls({name: to_milli(amount) for name, amount in amounts.items()})

    def get(self, name: str) -> Milli:
        return self._amounts.get(name, 0)

    def items(self) -> ItemsView[str, Milli]:
        return self._amounts.items()

    def __iter__(self) -> Iterator[str]:
        return iter(self._amounts)

    def __len__(self) -> int:
        return len(self._amounts)

    def __bool__(self) -> bool:
        return bool(self._amounts)

    def __eq__(self, other: object) -> bool:
        return self._amounts == other._amounts if isinstance(other, Quantities) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._amounts.items()))

    def __add__(self, other: Quantities) -> Quantities:
        amounts = self._amounts.copy()
        for name, amount in other._amounts.items():
            amounts[name] = amounts.get(name, 0) + amount
        return _quantities(amounts)

    def __sub__(self, other: Quantities) -> Quantities:
        """What is left, never less than nothing."""
        amounts = self._amounts.copy()
        for name, amount in other._amounts.items():
            left = amounts.get(name, 0) - amount
            if left > 0:
                amounts[name] = left
            else:
                amounts.pop(name, None)
        return _quantities(amounts)

    def __le__(self, other: Quantities) -> bool:
        """True if ``other`` has at least this much of everything."""
        theirs = other._amounts
        return all(amount <= theirs.get(name, 0) for name, amount in self._amounts.items())

    def __ge__(self, other: Quantities) -> bool:
        return other <= self

    def __str__(self) -> str:
        return "; ".join(f"{name}:{milli_text(amount)}" for name, amount in sorted(self._amounts.items())) or "{}"

    def __repr__(self) -> str:
        return f"<Quantities {self}>"


def _quantities(amounts: dict[str, Milli]) -> Quantities:
    """Around a dict that is known to hold positive amounts only and to belong to nobody else."""
    made = Quantities.__new__(Quantities)
    made._amounts = amounts
    return made


class Limits:
    """name -> Milli, zero or more; absent means unlimited. Immutable."""

    __slots__ = ("_amounts",)

    def __init__(self, amounts: Mapping[str, Milli] | Iterable[tuple[str, Milli]] = ()) -> None:
        self._amounts: dict[str, Milli] = {name: max(amount, 0) for name, amount in dict(amounts).items()}

    @classmethod
    def of(cls, **amounts: float) -> Limits:
        """From whole units: ``Limits.of(cpus=0)`` forbids cpus and nothing else."""
        return cls({name: to_milli(amount) for name, amount in amounts.items()})

    def get(self, name: str) -> Milli | None:
        """None: unlimited."""
        return self._amounts.get(name)

    def items(self) -> ItemsView[str, Milli]:
        return self._amounts.items()

    def __bool__(self) -> bool:
        """False if nothing at all is limited."""
        return bool(self._amounts)

    def __eq__(self, other: object) -> bool:
        return self._amounts == other._amounts if isinstance(other, Limits) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._amounts.items()))

    def __sub__(self, used: Quantities) -> Limits:
        """What may still be used; never less than nothing."""
        return Limits({name: amount - used.get(name) for name, amount in self._amounts.items()})

    def __and__(self, other: Limits) -> Limits:
        """Both hold: of each name the smaller one."""
        amounts = self._amounts.copy()
        for name, amount in other._amounts.items():
            amounts[name] = min(amount, amounts.get(name, amount))
        return Limits(amounts)

    def __le__(self, other: Limits) -> bool:
        """True if what this admits ``other`` admits, too."""
        mine = self._amounts
        return all(name in mine and mine[name] <= amount for name, amount in other._amounts.items())

    def admits(self, wanted: Quantities) -> bool:
        """True if ``wanted`` exceeds no limit."""
        return all(wanted.get(name) <= amount for name, amount in self._amounts.items())

    def __str__(self) -> str:
        return "; ".join(f"{name}:{milli_text(amount)}" for name, amount in sorted(self._amounts.items())) or "{}"

    def __repr__(self) -> str:
        return f"<Limits {self}>"
