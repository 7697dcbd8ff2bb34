"""Looks at agents: what is available there goes to whom it is due.

    1  roles that have not got what they are guaranteed, if the agent has some of it; all agents, before
    2  every role by share, every framework of it by share: the first one who may have, and has not declined, what is
       available gets all of it, or as much as quota leaves him

Without quota there is no first stage, and nothing asks for quota in the second.
Mesos: src/master/allocator/mesos/hierarchical.cpp __generateOffers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mesos_py.algebra.resources import NONE, Resources
from mesos_py.master.allocator.books import Books
from mesos_py.master.allocator.filters import Slot
from mesos_py.master.allocator.ledger import Agent
from mesos_py.master.allocator.offering import Offering
from mesos_py.master.allocator.options import Grant
from mesos_py.master.allocator.quotas import Quotas, is_whole_in
from mesos_py.master.allocator.turns import in_turn


class Visits:
    """Decides by the rules of ``offering`` and ``quotas`` in the order of ``turns``, and writes it into the books."""

    def __init__(self, books: Books, offering: Offering, quotas: Quotas) -> None:
        self._books, self._offering, self._quotas = books, offering, quotas
        #: only agents on these hosts are offered; None: all
        self.hostnames: frozenset[str] | None = None

    def is_open(self, agent: Agent) -> bool:
        """True if a look at the agent may lead to a grant."""
        listed = self.hostnames is None or agent.hostname in self.hostnames
        return bool(listed and agent.active and agent.available and self._open_slots(agent, self._quotas))

    def visit(self, agents: Sequence[Agent]) -> list[Grant]:
        """Grant what there is on these agents."""
        grants: list[Grant] = []
        shared: dict[Agent, Resources] = {}
        quotas = self._quotas if self._quotas else None
        if quotas is not None and quotas.hungry:
            for agent in agents:
                self._look(agent, shared, grants, quotas, first=True)
        for agent in agents:
            self._look(agent, shared, grants, quotas, first=False)
        return grants

    def _look(
        self, agent: Agent, shared: dict[Agent, Resources], grants: list[Grant], quotas: Quotas | None, *, first: bool
    ) -> None:
        """Grant what there is on one agent; ``shared``: volumes offered in this visit, which wait for the next.

        ``first``: only to whom something is guaranteed and not yet given.
        """
        if not agent.active or not agent.available:
            return
        asked = self._open_slots(agent, self._quotas) & agent.takers()
        if first and quotas is not None:
            asked &= quotas.hungry
        shared_offered = shared.get(agent, NONE) if agent.has_shared else NONE
        for slot in self._in_order(asked):
            if not slot.bit & asked:
                continue  # what it could have had has just been granted
            offered = offerable = self._offering.offerable(agent, slot, shared_offered)
            if not offerable:
                if not shared_offered:
                    agent.closed |= slot.bit
                continue
            if quotas is not None:
                if first and not quotas.is_progress(slot.role, offerable):
                    continue
                offered = quotas.cut(offerable, quotas.allowed(slot.role))
                if offered is not offerable and not self._offering.is_welcome(agent, slot, offered):
                    if not shared_offered:
                        quotas.close(agent, slot.bit, slot.role, offerable)
                    continue
            if agent.has_shared:
                shared_offered = shared[agent] = shared_offered + offered.shared
            allocated = self._books.grant(agent, slot, offered)
            grants.append(Grant(slot.framework.id, slot.role.path, agent.id, allocated))
            if not agent.available:
                return
            asked &= agent.takers()
            if quotas is not None:
                asked &= self._open_slots(agent, self._quotas) & (quotas.hungry if first else -1)
            if not asked:
                return

    def _open_slots(self, agent: Agent, quotas: Quotas) -> int:
        """Bits of slots that may get something of the agent, as far as that can be said of all at once."""
        slots = self._books.live & ~agent.closed
        if slots and agent.is_plain and quotas:
            slots &= quotas.may_get(agent.available)
        return slots

    def _in_order(self, asked: int) -> Iterable[Slot]:
        """The asked slots, best first: by role, then by framework."""
        return in_turn(self._books, asked)

    def check(self) -> None:
        """A closed slot has indeed nothing to get, and one that may get nothing of plain agents does not."""
        quotas, books = self._quotas.probe(), self._books
        quotas.check()
        for agent in books.agents.values():
            for slot in books.slots_in(agent.closed & books.live):
                offerable = self._offering.offerable(agent, slot)
                if offerable and agent.cut & slot.bit:
                    offerable = self._welcome(agent, slot, quotas.cut(offerable, quotas.still_allowed(slot.role)))
                assert not offerable, f"{agent.id} is closed to {slot.framework.id}, which could get {offerable}"
            for slot in books.slots_in(books.live & ~agent.closed & ~self._open_slots(agent, quotas)):
                offerable = self._offering.offerable(agent, slot)
                if not is_whole_in(offerable):  # a check draws nothing: it must not change what comes after it
                    offerable = self._welcome(agent, slot, quotas.cut(offerable, quotas.allowed(slot.role)))
                    assert not offerable, f"{slot.framework.id} could get {offerable} of {agent.id}"

    def _welcome(self, agent: Agent, slot: Slot, offered: Resources) -> Resources:
        return offered if self._offering.is_welcome(agent, slot, offered) else NONE
