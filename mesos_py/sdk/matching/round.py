"""One round of matching: a set of hosts, and tasks placed on them until nothing fits or nothing is wanted.

Whatever is asked for first is placed first; the caller orders by priority. For each class of equal requests a round
keeps a *scan*: the hosts that have not said no for good. Within a round resources only get less, so that a host that
was refused once is not looked at again, and a class costs one evaluation for each host however many tasks it has:
shares that are alike are taken together. Hosts that have too little of something are left out before that, by a look at
their sums, which is what many different classes on hosts that are nearly full need. One that has got as many tasks as
a host may get in a round is not looked at, either.

Hosts are tried in the order in which they were given, near ones first where there is a locality. Tasks that are spread,
or grouped by a constraint, go to the lowest of the *heaps*: hosts with the same values of those fields.

``place_all`` places all of several parts or nothing: what a gang needs.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import attrs

from mesos_py.algebra.quantities import Milli
from mesos_py.algebra.resources import Resources
from mesos_py.machine.values import Nanos
from mesos_py.sdk.matching.census import Census
from mesos_py.sdk.matching.filters import FILTERS, GROUP, NO_CENSUS, Filter, View, first_refusal, group
from mesos_py.sdk.matching.host import Host
from mesos_py.sdk.matching.locality import Level
from mesos_py.sdk.matching.refusals import Funnel
from mesos_py.sdk.matching.request import Request
from mesos_py.sdk.matching.take import RESOURCES, Share, Taker, copies, times

if TYPE_CHECKING:
    from random import Random


@attrs.frozen(eq=False)
class Match:
    """One task's place, and what it takes there."""

    host: Host
    share: Share


@attrs.frozen(eq=False)
class Part:
    """``count`` tasks of one class; the census is that of the tasks they belong to, and learns of each placement."""

    request: Request
    count: int
    census: Census = NO_CENSUS
    level: Level = Level.ANY

    @property
    def key(self) -> _Key:
        return self.request, self.level, self.census if self.request.fields else None


_Key = tuple[Request, Level, Census | None]


@attrs.frozen(eq=False)
class _Undo:
    host: Host
    left: Resources
    count: int
    census: Census
    values: dict[str, str]


class Round:
    """``hosts`` belong to the round until it is over: placing takes from what is left of them."""

    def __init__(
        self, hosts: Iterable[Host], *, filters: Sequence[Filter] = FILTERS, now: Nanos = 0,
        home_region: str | None = None, draining_s: float | None = 0.0, rng: Random | None = None,
        room: Room | None = None,
    ) -> None:  # fmt: skip
        """Rounds on the same hosts, one after the other, may share ``room``."""
        self.hosts = tuple(hosts)
        self._room = room or Room()
        self._filters, self._rng = tuple(filters), rng
        self._view = View(now=now, home_region=home_region, draining_s=draining_s)
        self._scans: dict[_Key, _Scan] = {}
        self._funnels: dict[_Key, Funnel] = {}
        #: what could not be placed together, so that it is tried once
        self._hopeless: set[tuple[tuple[_Key, int], ...]] = set()
        self._log: list[_Undo] | None = None

    def place(self, part: Part) -> list[Match]:
        """As many of ``part`` as there is room for, in the order in which places were found."""
        return self._scan(part).place(part.count, self._log)

    def place_all(self, parts: Sequence[Part], *, or_some: bool = False) -> list[list[Match]] | None:
        """Matches for each of ``parts``; None, with nothing taken, if there is no room for all of them.

        ``or_some``: what there is room for stays taken even if it is not all.
        """
        wanted = tuple([(part.key, part.count) for part in parts])
        if wanted in self._hopeless and not or_some:
            return None
        self._log = [] if not or_some else None
        placed = []
        for part in parts:
            placed.append(self.place(part))
            if len(placed[-1]) < part.count and not or_some:
                self._take_back(parts)
                self._hopeless.add(wanted)
                return None
        self._log = None
        return placed

    def funnel(self, part: Part) -> Funnel:
        """What became of the hosts that were looked at for the class of ``part``."""
        scan = self._scans.get(part.key)
        if scan is not None:
            return scan.funnel()
        return self._funnels.get(part.key) or Funnel()

    def _scan(self, part: Part) -> _Scan:
        scan = self._scans.get(part.key)
        if scan is None:
            view = attrs.evolve(self._view, level=part.level, census=part.census)
            scan = self._scans[part.key] = _Scan(part.request, self.hosts, view, self._filters, self._rng, self._room)
        return scan

    def _take_back(self, parts: Sequence[Part]) -> None:
        """All placements in the log never happened."""
        for undo in reversed(self._log or ()):
            undo.host.left = undo.left
            self._room.take(undo.host, -undo.count)
            undo.census.remove(undo.values)
        self._log = None
        for part in parts:
            scan = self._scans.pop(part.key, None)
            if scan is not None:
                self._funnels[part.key] = scan.funnel()


class Room:
    """How many tasks each host may get yet, of ``most``; None: as many as fit."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._counts: dict[Host, int] = {}

    def of(self, host: Host, count: int) -> int:
        """At most ``count``."""
        return count if self._most is None else min(count, self._most - self._counts.get(host, 0))

    def take(self, host: Host, count: int) -> None:
        if self._most is not None:
            self._counts[host] = self._counts.get(host, 0) + count


class _Scan:
    """The hosts that one class of requests may still be placed on."""

    def __init__(
        self, request: Request, hosts: Sequence[Host], view: View, filters: Sequence[Filter], rng: Random | None,
        room: Room,
    ) -> None:  # fmt: skip
        self._request, self._view, self._room = request, view, room
        self._filters = filters
        self._taker = Taker(request, rng)
        self._relaxing = tuple([one for one in request.constraints if one.may_relax])
        #: other tasks decide about each one
        self._is_single = bool(request.fields)
        #: when it last looked for places, there were too few
        self._is_short = False
        self._funnel = Funnel()
        #: membership only
        self._judged: set[Host] = set()
        self._used: set[Host] = set()
        self._needs = tuple(request.resources.items())
        wish = request.locality
        if wish is not None:
            hosts = sorted(hosts, key=lambda host: wish.of(host.hostname, host.zone))
        grouping = [constraint.field for constraint in self._relaxing]
        self._fields = tuple(dict.fromkeys([*grouping, *([request.spread] if request.spread else [])]))
        self._heaps = _heaps(hosts, self._fields)
        #: (height, index in ``_heaps``), a heap queue; heights may have grown since
        self._queue = [(self._height(index), index) for index in range(len(self._heaps))]
        heapq.heapify(self._queue)

    def place(self, count: int, log: list[_Undo] | None) -> list[Match]:
        matches: list[Match] = []
        aside: list[int] = []
        queue = self._queue
        while count > 0 and queue:
            height, index = heapq.heappop(queue)
            if self._fields and (now := self._height(index)) != height:
                heapq.heappush(queue, (now, index))
                continue
            found = self._first(self._heaps[index][1])
            if found is None:
                if self._heaps[index][1]:
                    aside.append(index)
                continue
            host, share = found
            alike = 1 if self._is_single else copies(share, host.left, self._room.of(host, count))
            self._put(host, share, alike, log)
            matches += [Match(host, share)] * alike
            count -= alike
            for again in (index, *aside):
                heapq.heappush(queue, (self._height(again), again))
            aside.clear()
        for again in aside:
            heapq.heappush(queue, (self._height(again), again))
        self._is_short = count > 0
        return matches

    def funnel(self) -> Funnel:
        """Hosts that wait for others to be filled first count as refused by their group."""
        funnel = Funnel()
        funnel.merge(self._funnel)
        if not self._is_short:
            return funnel
        for _, heap in self._heaps:
            for host in heap:
                if host not in self._judged:
                    funnel.seen += 1
                if host in self._used:
                    continue
                if short := self._short(host):
                    funnel.refuse(*short)
                    continue
                refusal = first_refusal(self._filters, self._request, host, self._view)
                if refusal is not None:
                    funnel.refuse(refusal.filter, refusal.name)
                else:
                    funnel.refuse(GROUP, GROUP)
        return funnel

    def _first(self, heap: deque[Host]) -> tuple[Host, Share] | None:
        """The first host that takes a task, with the share; those that never will are dropped.

        None: there is none, and if the heap is not empty it is because its group must wait for others.
        """
        request, view = self._request, self._view
        while heap:
            host = heap[0]
            refusal = None
            if not self._room.of(host, 1):
                heap.popleft()
                continue
            if host not in self._judged:
                self._judged.add(host)
                self._funnel.seen += 1
                if short := self._short(host):
                    self._funnel.refuse(*short)
                    heap.popleft()
                    continue
                refusal = first_refusal(self._filters, request, host, view)
            if refusal is None and self._is_single:
                refusal = group(request, host, view)
                if refusal is not None and self._must_wait(host):
                    return None
            if refusal is None:
                taken = self._taker.take(host.left)
                if isinstance(taken, Share):
                    return host, taken
                refusal = taken
            if host not in self._used:
                self._funnel.refuse(refusal.filter, refusal.name)
            heap.popleft()
        return None

    def _short(self, host: Host) -> tuple[str, str] | None:
        """It has too little of something, by its sums. Constraints come first all the same: more would not help."""
        lacking, request = _lacking(host, self._needs), self._request
        if not lacking:
            return None
        refusal = None
        if request.constraints:
            refusal = first_refusal(self._filters, request, host, self._view) or group(request, host, self._view)
        return (refusal.filter, refusal.name) if refusal is not None else (RESOURCES, lacking)

    def _must_wait(self, host: Host) -> bool:
        census = self._view.census
        return any(
            (value := host.value(one.field)) is not None and not one.admits_among(value, census)
            for one in self._relaxing
        )

    def _put(self, host: Host, share: Share, count: int, log: list[_Undo] | None) -> None:
        census, values = self._view.census, {}
        if self._is_single:
            values = host.values(census.fields)
        if log is not None:
            log.append(_Undo(host, host.left, count, census, values))
        self._room.take(host, count)
        host.left -= times(share, count)
        self._used.add(host)
        if self._is_single:
            census.add(values)

    def _height(self, index: int) -> int:
        """How many tasks of the group stand in the heap's place already."""
        census = self._view.census
        values = self._heaps[index][0]
        return sum(census.count(field, value) for field, value in zip(self._fields, values, strict=True) if value)


def _heaps(hosts: Iterable[Host], fields: tuple[str, ...]) -> list[tuple[tuple[str | None, ...], deque[Host]]]:
    """Hosts by their values of ``fields``, in order of appearance."""
    if not fields:
        return [((), deque(hosts))]
    heaps: dict[tuple[str | None, ...], deque[Host]] = {}
    for host in hosts:
        heaps.setdefault(tuple([host.value(field) for field in fields]), deque()).append(host)
    return list(heaps.items())


def _lacking(host: Host, needs: tuple[tuple[str, Milli], ...]) -> str:
    """Something that it has too little of, whatever of it may be used; "": nothing."""
    for name, need in needs:
        if host.left.scalar(name) < need:
            return name
    return ""
