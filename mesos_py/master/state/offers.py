"""Offers of a master's state."""

from __future__ import annotations

from collections.abc import Iterable

from mesos_py.machine.frame import Frame
from mesos_py.master import changes
from mesos_py.master.changes import OfferEnd
from mesos_py.master.entities import Offer
from mesos_py.master.state import State


def add_offer(state: State, offer: Offer, out: Frame) -> None:
    state.offers[offer.id] = offer
    state.frameworks[offer.framework_id].offers[offer.id] = offer
    state.agents[offer.agent_id].offers[offer.id] = offer
    out.changes.append(changes.OfferSent(offer.id, offer.framework_id, offer.agent_id, offer))


def withdraw_offers(state: State, offers: Iterable[Offer], end: OfferEnd) -> None:
    """Nobody can answer them any more; ``end`` is how they will end. Of what is withdrawn twice, DISCARDED counts."""
    for offer in offers:
        if end is OfferEnd.DISCARDED or offer.id not in state.withdrawn:
            state.withdrawn[offer.id] = end


def remove_offer(state: State, offer: Offer, end: OfferEnd, out: Frame) -> None:
    state.withdrawn.pop(offer.id, None)
    del state.offers[offer.id]
    del state.frameworks[offer.framework_id].offers[offer.id]
    del state.agents[offer.agent_id].offers[offer.id]
    out.changes.append(changes.OfferEnded(offer.id, offer.framework_id, offer.agent_id, end))
