"""Which of a host's resources a task is given.

What is reserved goes before what is not, so that others may still have the latter, and the narrower reservation goes
before the wider (the order of Marathon's ResourceMatcher; Mesos' Resources::find has it the other way). Never given:
persistent volumes and disks of their own, which are asked for by name elsewhere; reservations that carry labels the
request does not name; what the request does not accept.

Ports: fixed ones first, then those of a range, the range that ends first before the others (which finds an assignment
whenever there is one), then any. Any are the lowest, or, with chance, a run of free ports from a random place on,
so that a port that has just become free is not reused at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from mesos_py.algebra.kinds import DYNAMIC, RANGES, SCALAR, Amount, Kind
from mesos_py.algebra.quantities import milli_text
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import Resources
from mesos_py.sdk.matching.refusals import Refusal
from mesos_py.sdk.matching.request import Port, Request

if TYPE_CHECKING:
    from random import Random

RESOURCES, PORTS = "resources", "ports"
"""Names of the two filters that are decided here."""


@attrs.frozen
class Share:
    """What is taken of one host for one task."""

    resources: Resources
    #: in the order in which they were asked for
    ports: tuple[int, ...] = ()


class Taker:
    """Takes for one request; what it knows of a kind of resource it looks at once."""

    __slots__ = ("_grades", "_needs", "_request", "_rng")

    def __init__(self, request: Request, rng: Random | None = None) -> None:
        self._request, self._rng = request, rng
        self._needs = tuple(request.resources.items())
        #: 0: not to be used; else the higher the sooner
        self._grades: dict[Kind, int] = {}

    def take(self, left: Resources) -> Share | Refusal:
        """A share of ``left``, or the first thing that is missing."""
        usable = self._usable(left)
        taken: list[tuple[Kind, Amount]] = []
        for name, need in self._needs:
            rest = _take_scalar(usable, name, need, taken)
            if rest:
                return _missing(name, need, need - rest)
        if not self._request.ports:
            return Share(Resources.restored(taken))
        free = _ports_of(usable)
        ports = self._assign(free)
        if isinstance(ports, Refusal):
            return ports
        return Share(Resources([*taken, *_port_shares(usable, ports)]), ports)

    def refusals(self, left: Resources) -> tuple[Refusal, ...]:
        """Everything that is missing."""
        usable = self._usable(left)
        found: list[Refusal] = []
        for name, need in self._needs:
            rest = _take_scalar(usable, name, need, [])
            if rest:
                found.append(_missing(name, need, need - rest))
        ports = self._assign(_ports_of(usable)) if self._request.ports else ()
        return (*found, ports) if isinstance(ports, Refusal) else tuple(found)

    def _usable(self, left: Resources) -> list[tuple[Kind, Any]]:
        """What may be used, what is to be used first first."""
        grades, graded, is_mixed = self._grades, [], False
        for entry in left:
            grade = grades.get(entry[0])
            if grade is None:
                grade = grades[entry[0]] = self._grade(entry[0])
            if grade:
                graded.append((grade, entry))
                is_mixed = is_mixed or grade != graded[0][0]
        if is_mixed:
            graded.sort(key=lambda item: -item[0])
        return [entry for _, entry in graded]

    def _grade(self, kind: Kind) -> int:
        request = self._request
        if kind.disk is not None or kind.shared or kind.revocable is not request.revocable:
            return 0
        if request.accepts and kind.reserved_role not in request.accepts:
            return 0
        if kind.reservations:
            last = kind.reservations[-1]
            labels = last.labels.labels if last.type == DYNAMIC and last.labels is not None else ()
            if any((label.key, label.value or "") not in request.labels for label in labels):
                return 0
        return 1 + len(kind.reservations)

    def _assign(self, free: Ranges) -> tuple[int, ...] | Refusal:
        wishes = self._request.ports
        assigned: dict[int, int] = {}
        for index in sorted(range(len(wishes)), key=lambda index: _end(wishes[index])):
            wish = wishes[index]
            if wish == 0:
                continue
            begin, end = (wish, wish) if isinstance(wish, int) else wish
            fitting = free & Ranges([(begin, end)])
            if not fitting:
                return Refusal(PORTS, PORTS, str(Ranges([(begin, end)])), str(free))
            port = assigned[index] = fitting.intervals[0][0]
            free -= Ranges([(port, port)])
        any_count = len(wishes) - len(assigned)
        drawn = iter(_draw(free, any_count, self._rng))
        for index in range(len(wishes)):
            if index not in assigned:
                port = next(drawn, -1)
                if port < 0:
                    missing, need = 1000 * (any_count - len(free)), 1000 * any_count
                    return Refusal(PORTS, PORTS, f"any {any_count}", f"{len(free)}", missing, missing / need)
                assigned[index] = port
        return tuple([assigned[index] for index in range(len(wishes))])


def copies(share: Share, left: Resources, limit: int) -> int:
    """How many shares like this one ``left`` has, at most ``limit``. One with ports is like no other."""
    if share.ports:
        return min(limit, 1)
    have = dict(left)
    for kind, amount in share.resources:
        limit = min(limit, have.get(kind, 0) // amount)  # type: ignore[operator]
    return limit


def times(share: Share, count: int) -> Resources:
    """``count`` shares in one."""
    if count == 1:
        return share.resources
    return Resources.restored([(kind, amount * count) for kind, amount in share.resources])  # type: ignore[operator]


def _take_scalar(usable: list[tuple[Kind, Any]], name: str, need: int, taken: list[tuple[Kind, Amount]]) -> int:
    """Appends what serves ``need``; returns how much of it nothing serves."""
    for kind, have in usable:
        if kind.name == name and kind.type == SCALAR:
            part = min(have, need)
            taken.append((kind, part))
            need -= part
            if not need:
                break
    return need


def _missing(name: str, need: int, have: int) -> Refusal:
    return Refusal(RESOURCES, name, milli_text(need), milli_text(have), need - have, (need - have) / need)


def _ports_of(usable: list[tuple[Kind, Any]]) -> Ranges:
    free = Ranges()
    for kind, amount in usable:
        if kind.name == PORTS and kind.type == RANGES:
            free += amount
    return free


def _port_shares(usable: list[tuple[Kind, Any]], ports: tuple[int, ...]) -> Iterator[tuple[Kind, Amount]]:
    """The kinds that ``ports`` are of."""
    rest = Ranges([(port, port) for port in ports])
    for kind, amount in usable:
        if kind.name == PORTS and kind.type == RANGES:
            part = amount & rest
            if part:
                rest -= part
                yield kind, part


def _end(wish: Port) -> int:
    """Fixed ports first, then ranges by their ends."""
    return wish[1] if isinstance(wish, tuple) else -1


def _draw(free: Ranges, count: int, rng: Random | None) -> Iterator[int]:
    """``count`` of the free ports, fewer if there are fewer."""
    size = len(free)
    if rng is None or size <= count:
        return iter(free.take(count))
    start = rng.randrange(size)
    later = free - free.take(start)
    drawn = list(later.take(count))
    return iter([*drawn, *free.take(count - len(drawn))])
