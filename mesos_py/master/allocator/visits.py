"""A look at one agent: what is available there goes to whom it is due.

    every role by share, every framework of it by share: the first one who may have, and has not declined, what is
    available gets all of it

Mesos: src/master/allocator/mesos/hierarchical.cpp __generateOffers.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesos_py.algebra.resources import NONE
from mesos_py.master.allocator.books import Books
from mesos_py.master.allocator.filters import Slot
from mesos_py.master.allocator.ledger import Agent
from mesos_py.master.allocator.offering import Offering
from mesos_py.master.allocator.options import Grant
from mesos_py.master.allocator.turns import in_turn


class Visits:
    """Decides by the rules of ``offering`` in the order of ``turns``, and writes it into the books."""

    def __init__(self, books: Books, offering: Offering) -> None:
        self._books, self._offering = books, offering
        #: only agents on these hosts are offered; None: all
        self.hostnames: frozenset[str] | None = None

    def is_open(self, agent: Agent) -> bool:
        """True if a look at the agent may lead to a grant."""
        listed = self.hostnames is None or agent.hostname in self.hostnames
        return bool(listed and agent.active and agent.available and self._books.live & ~agent.closed)

    def visit(self, agent: Agent, grants: list[Grant]) -> None:
        """Stage 2 of Mesos: every role by share, every framework of it by share, until nothing is left."""
        if not agent.active or not agent.available:
            return
        open_slots = self._books.live & ~agent.closed & agent.takers()
        shared_offered = NONE
        for slot in self._in_order(open_slots):
            if not slot.bit & open_slots:
                continue  # what it could have had has just been granted
            offered = self._offering.offerable(agent, slot, shared_offered)
            if not offered:
                if not shared_offered:
                    agent.closed |= slot.bit
                continue
            if agent.has_shared:
                shared_offered += offered.shared
            allocated = self._books.grant(agent, slot, offered)
            grants.append(Grant(slot.framework.id, slot.role.path, agent.id, allocated))
            open_slots &= agent.takers()
            if not agent.available or not open_slots:
                return

    def _in_order(self, open_slots: int) -> Iterable[Slot]:
        """The open slots, best first: by role, then by framework."""
        return in_turn(self._books, open_slots)

    def check(self) -> None:
        """A closed slot has indeed nothing to get."""
        for agent in self._books.agents.values():
            for slot in self._books.slots_in(agent.closed & self._books.live):
                offerable = self._offering.offerable(agent, slot)
                assert not offerable, f"{agent.id} is closed to {slot.framework.id}, which could get {offerable}"
