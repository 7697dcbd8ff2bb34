"""What quota leaves to each role: limits, what is guaranteed and not yet given, what must be held back for it.

    room       limits - consumed - what agents may hold that have not come back (``expected``)
    unmet      guarantees - consumed
    headroom   what is free in the cluster - what is unmet, all roles together; who is guaranteed nothing lives on it
    allowed    by name the smaller of: room; unmet + headroom

Consumed includes what is offered. Only unreserved scalars that are not revocable are measured; a reservation is
consumed as long as it is there. Quotas are set for first components of paths. What roles below hold is consumed above,
and they may use what is guaranteed above; but the limit above binds only who is in that very role, as in Mesos.

All is kept by standing: one for each role with quota, derived again when somebody looks after its sums have changed.

*Closed for now.* A slot that could get something of an agent if it were not for quota is closed there (``ledger``)
and marked as cut. It has nothing to get until more is allowed than the least that was allowed when such a slot of its
role was closed (``_low``): that is compared whenever all agents are about to be looked at, and is no matter of events.

Source: Mesos src/master/allocator/mesos/hierarchical.cpp __generateOffers.
"""

from __future__ import annotations

from copy import copy

import attrs

from mesos_py.algebra.kinds import SCALAR, Kind
from mesos_py.algebra.quantities import Limits, Milli, Quantities
from mesos_py.algebra.resources import Resources
from mesos_py.master.allocator.books import Books
from mesos_py.master.allocator.expected import Expected
from mesos_py.master.allocator.filters import Minimum
from mesos_py.master.allocator.ledger import Agent
from mesos_py.master.allocator.offering import is_enough
from mesos_py.master.allocator.roles import Role
from mesos_py.master.allocator.sorter import Random

UNLIMITED = Limits()


@attrs.define(eq=False)
class Standing:
    """How a role with quota stands."""

    role: Role
    room: Limits
    unmet: Quantities
    #: bits of who is in the role, and of who is in it or below it
    own: int
    below: int
    #: of each minimum of an offer: there is no room for so much
    short: tuple[bool, ...]
    #: bits of whom something is guaranteed that is unmet, and that there is room for
    hungry: int


class Quotas:
    """Reads roles; changes nothing but which slots of an agent are closed."""

    def __init__(self, books: Books, expected: Expected, minima: tuple[Minimum, ...], rng: Random) -> None:
        self._books, self._roles = books, books.roles
        self._expected, self._minima, self._rng = expected, minima, rng
        #: roles to be measured again
        self._stale = books.roles.stale
        self._standings: dict[str, Standing] = {}
        #: of each minimum of an offer: bits of slots whose role has no room for so much
        self._short = [0] * len(minima)
        #: bits of slots whose role has not got what it is guaranteed
        self._hungry = 0
        #: all that is unmet
        self._required: dict[str, Milli] = {}
        #: the least that was allowed to a role when a slot of it was closed for now
        self._low: dict[Role, Limits] = {}
        #: what was expected when rooms were measured
        self._expected_version = 0

    def __bool__(self) -> bool:
        """True if there is any quota."""
        return bool(self._roles.quotas)

    # ---- whom to ask

    @property
    def hungry(self) -> int:
        """Bits of slots that come first: not all that their role is guaranteed has been given."""
        self._refresh()
        return self._hungry

    def may_get(self, available: Resources) -> int:
        """Bits of slots that may be offered something of these; they are neither reserved, revocable nor shared."""
        self._refresh()
        if not self._minima:
            return -1
        headroom, may = self._headroom(), self._books.picky
        for minimum, short in zip(self._minima, self._short, strict=True):
            if is_enough(available, (minimum,)):
                may |= ~short & (self._hungry if _is_short(headroom, minimum) else -1)
        return may

    # ---- what they may have

    def allowed(self, role: Role) -> Limits:
        """How much more the role may be given of measured resources."""
        self._refresh()
        standing = self._standings.get(role.top.path)
        if standing is None:
            return self._headroom()
        room = standing.room if role is role.top else UNLIMITED
        if not self._required:
            return room
        return room & Limits(
            {name: left + standing.unmet.get(name) for name, left in self._headroom().items()}
        )

    def is_progress(self, role: Role, resources: Resources) -> bool:
        """True if some of the resources are guaranteed to the role and still to be given."""
        self._refresh()
        standing = self._standings.get(role.top.path)
        if standing is None:
            return False
        room = standing.room if role is role.top else UNLIMITED
        return bool(resources.filter(_is_measured).shrink(standing.unmet).shrink(room))

    def cut(self, resources: Resources, allowed: Limits) -> Resources:
        """What remains of the resources if so much is allowed; the same object if all does."""
        measured = resources.filter(_is_measured)
        if allowed.admits(measured.quantities()):
            return resources
        if not is_whole_in(measured):
            return resources.filter(_is_unmeasured) + measured.shrink(allowed)
        kept = dict(self._shuffled(measured).shrink(allowed))  # no disk is favoured
        return resources.filter(_is_unmeasured) + Resources(
            [(kind, kept[kind]) for kind, _ in measured if kind in kept]
        )

    # ---- closed for now

    def close(self, agent: Agent, bit: int, role: Role, offerable: Resources) -> None:
        """The slot, which could get ``offerable`` but for quota, gets nothing here until more is allowed."""
        if is_whole_in(offerable):
            return  # less room may fit another disk: this is looked at every time
        low = self._low.get(role)
        allowed = self.allowed(role)
        self._low[role] = allowed if low is None else low & allowed
        agent.closed |= bit
        agent.cut |= bit

    def reopen(self) -> None:
        """All agents are about to be looked at: slots whose role is allowed more than before are open again."""
        loosened = 0
        for role, low in list(self._low.items()):
            if not role.mask or not self.allowed(role) <= low:
                loosened |= role.mask
                del self._low[role]
        if loosened:
            for agent in self._books.agents.values():
                agent.closed &= ~(agent.cut & loosened)
                agent.cut &= ~loosened

    def still_allowed(self, role: Role) -> Limits:
        """What was allowed whenever a slot of the role was closed for now, and is. For checks."""
        return self.allowed(role) & self._low[role]

    # ---- how

    def measure_again(self) -> None:
        """If fewer agents are expected than before, every room is another one; once an interval is enough."""
        if self._expected.version != self._expected_version:
            self._expected_version = self._expected.version
            for standing in self._standings.values():
                self._stale[standing.role] = None

    def _refresh(self) -> None:
        """Every standing is what the sums say. All are counted out before one is counted in: bits change hands."""
        stale = self._stale
        if not stale:
            return
        standings = [standing for role in stale if (standing := self._standings.pop(role.path, None)) is not None]
        for standing in standings:
            self._short = [bits & ~standing.own for bits in self._short]
            self._hungry &= ~standing.below
            self._require(standing.unmet, -1)
        for role in stale:
            if role.path in self._roles.quotas:
                standing = self._standings[role.path] = self._measured(role)
                self._short = [
                    bits | standing.own if short else bits
                    for bits, short in zip(self._short, standing.short, strict=True)
                ]
                self._hungry |= standing.hungry
                self._require(standing.unmet, +1)
        stale.clear()

    def _measured(self, role: Role) -> Standing:
        quota, consumed = role.quota, role.offered_or_consumed
        room = Limits(
            {name: limit - consumed.get(name) - self._expected.amount(name) for name, limit in quota.limits.items()}
        )
        unmet = quota.guarantees - consumed
        hungry = role.below & ~role.mask if unmet else 0
        if any(room.get(name) != 0 for name in unmet):
            hungry |= role.mask
        short = tuple([_is_short(room, minimum) for minimum in self._minima])
        return Standing(role, room, unmet, role.mask, role.below, short, hungry)

    def _require(self, unmet: Quantities, sign: int) -> None:
        for name, amount in unmet.items():
            required = self._required.get(name, 0) + sign * amount
            if required:
                self._required[name] = required
            else:
                self._required.pop(name, None)

    def _headroom(self) -> Limits:
        """Nothing is held back while nothing is unmet."""
        if not self._required:
            return UNLIMITED
        held, required = self._roles.held.sums, self._required
        return Limits(
            {
                name: amount - held.get(name, 0) - required.get(name, 0)
                for name, amount in self._roles.measured.items()
            }
        )

    def _shuffled(self, resources: Resources) -> Resources:
        drawn = sorted([(self._rng.random(), number, entry) for number, entry in enumerate(resources)])
        return Resources([entry for _, _, entry in drawn])

    def probe(self) -> Quotas:
        """A copy to be asked by checks: when a room was measured last must not depend on who was curious."""
        made = copy(self)
        made._stale, made._standings, made._required = self._stale.copy(), self._standings.copy(), self._required.copy()
        return made

    def check(self) -> None:
        """What is kept is what a new look at everything finds. Of a ``probe``."""
        self._refresh()
        assert self._standings.keys() == self._roles.quotas.keys()
        hungry, short = 0, [0] * len(self._minima)
        required: dict[str, Milli] = {}
        for standing in self._standings.values():
            again = self._measured(standing.role)
            assert standing.unmet == again.unmet
            assert standing.room <= again.room, f"'{standing.role.path}' has less room than it seems"
            assert (standing.own, standing.below) == (standing.role.mask, standing.role.below)
            hungry |= standing.hungry
            short = [bits | (standing.own if less else 0) for bits, less in zip(short, standing.short, strict=True)]
            for name, amount in standing.unmet.items():
                required[name] = required.get(name, 0) + amount
        assert (short, hungry, required) == (self._short, self._hungry, self._required)


def _is_short(allowed: Limits, minimum: Minimum) -> bool:
    """True if it is less than that of anything."""
    for name, amount in minimum:
        left = allowed.get(name)
        if left is not None and left < amount:
            return True
    return False


def _is_measured(kind: Kind) -> bool:
    return kind.type == SCALAR and not kind.reservations and not kind.revocable


def _is_unmeasured(kind: Kind) -> bool:
    return not _is_measured(kind)


def is_whole_in(resources: Resources) -> bool:
    """True if something can only be had whole: how much of it fits is a matter of order, which is drawn."""
    return resources.any(_is_whole)


def _is_whole(kind: Kind) -> bool:
    return kind.exclusive
