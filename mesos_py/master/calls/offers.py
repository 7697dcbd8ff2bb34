"""Offers: made, declined, rescinded, timed out.

An offer ends in exactly one of four ways (``OfferEnd``); each gives what was not used back to the allocator. Only a
decline (and what an ACCEPT leaves over) leaves a filter behind. One framework may hold an offer of every agent: those
that end together can be answered no more from the first moment on, and end ``ENDED_AT_ONCE`` a frame.

Mesos: src/master/master.cpp Master::offer, decline, rescindOffer, discardOffer, offerTimeout.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.timers import SOON
from mesos_py.machine.values import seconds
from mesos_py.master import words
from mesos_py.master.allocator.core import AGENTS_PER_SLICE
from mesos_py.master.calls.callers import known_caller
from mesos_py.master.changes import Dropped, OfferEnd
from mesos_py.master.entities import Agent, Offer
from mesos_py.master.events import OfferExpired, WithdrawalDue
from mesos_py.master.state.offers import add_offer, remove_offer, withdraw_offers
from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.offer import Filters
from mesos_py.wire.offer import Offer as WireOffer
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("offers")
ENDED_AT_ONCE = 500  # offers, about 15 ms


def make(m: Master, out: Frame) -> None:
    """If the allocator's turn has come, what it grants is offered: one OFFERS event for each framework."""
    due = m.allocator.deadline()
    if due is None or due > out.now:
        return
    batches: dict[FrameworkID, list[WireOffer]] = {}
    timeout_s = m.options.offer_timeout_s
    for grant in m.allocator.allocate(out.now, budget=AGENTS_PER_SLICE):
        framework, agent = m.state.frameworks[grant.framework_id], m.state.agents[grant.agent_id]
        offer = Offer(
            id=m.ids.offer(),
            framework_id=framework.id,
            agent_id=agent.id,
            role=grant.role,
            resources=grant.resources,
            at_ns=out.now,
        )
        add_offer(m.state, offer, out)
        if timeout_s is not None:
            m.timers.set(("offer", offer.id), out.now + seconds(timeout_s), OfferExpired(offer.id))
        batch = batches.get(framework.id)
        if batch is None:
            batch = batches[framework.id] = []
        batch.append(words.offer(offer, framework, agent))
    for framework_id, batch in batches.items():
        m.say(m.state.frameworks[framework_id], words.offers(tuple(batch)), out)


# ---- how offers end


def end(m: Master, offer: Offer, how: OfferEnd, out: Frame, *, refuse_s: float | None = None) -> None:
    """The offer is no more and all of it is free again; ``refuse_s``: its framework does not want it for so long."""
    m.timers.cancel(("offer", offer.id))
    remove_offer(m.state, offer, how, out)
    m.allocator.recover(offer.framework_id, offer.agent_id, offer.resources, out.now, refuse_s=refuse_s)


def rescind(m: Master, offer: Offer, out: Frame) -> None:
    """The offer is taken back, and its framework is told, unless its scheduler has never heard of the offer."""
    how = m.state.withdrawn.get(offer.id, OfferEnd.RESCINDED)
    if how is OfferEnd.RESCINDED:
        m.say(m.state.frameworks[offer.framework_id], words.rescind(offer.id), out)
    end(m, offer, how, out)


def rescind_all(m: Master, agent: Agent, out: Frame) -> None:
    """All offers of an agent are taken back."""
    for offer in tuple(agent.offers.values()):
        rescind(m, offer, out)


def withdraw(m: Master, offers: Iterable[Offer], out: Frame, *, end: OfferEnd = OfferEnd.RESCINDED) -> None:
    """Nobody can answer the offers any more. They are taken back: some at once, the rest soon.

    DISCARDED are those whose scheduler went and will not be told, not even if another one has come by then.
    """
    withdraw_offers(m.state, offers, end)
    _take_back(m, out)


@table.on(WithdrawalDue)
def withdrawal_due(m: Master, event: Event, out: Frame) -> None:
    """More of what is withdrawn is taken back."""
    _take_back(m, out)


def _take_back(m: Master, out: Frame) -> None:
    state = m.state
    for offer_id in tuple(islice(state.withdrawn, ENDED_AT_ONCE)):
        rescind(m, state.offers[offer_id], out)
    if state.withdrawn:
        m.timers.set(("withdrawal",), out.now + SOON, WithdrawalDue())


def refuse_seconds(filters: Filters | None) -> float:
    """How long not to offer again; the proto default when nothing is said."""
    return 5.0 if filters is None else filters.refuse_seconds


@table.on(Call.Type.DECLINE, check=known_caller)
def decline(m: Master, event: Event, out: Frame) -> None:
    """The offers end and are not offered again for ``refuse_seconds``; unknown ones are ignored."""
    call: Call = event.body
    assert call.decline is not None
    refuse_s = refuse_seconds(call.decline.filters)
    for offer_id in call.decline.offer_ids:
        offer = m.state.offer(offer_id)
        if offer is None or offer.framework_id != call.framework_id:
            why = f"offer {offer_id} is not an offer of the framework"
            out.change(Dropped("DECLINE", why, framework_id=call.framework_id))
            continue
        end(m, offer, OfferEnd.DECLINED, out, refuse_s=refuse_s)


@table.on(OfferExpired)
def offer_expired(m: Master, event: Event, out: Frame) -> None:
    """The framework has kept an offer for too long; it is rescinded without a filter."""
    rescind(m, m.state.offers[event.body.offer_id], out)
