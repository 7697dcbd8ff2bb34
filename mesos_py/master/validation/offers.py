"""Why the offers named by an ACCEPT cannot be accepted together.

Mesos: src/master/validation.cpp namespace offer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mesos_py.master.entities import Offer
from mesos_py.wire.ids import FrameworkID, OfferID


def invalid_offers(
    offer_ids: Sequence[OfferID], look_up: Callable[[OfferID], Offer | None], framework_id: FrameworkID
) -> str | None:
    """There is one, each once, alive, the framework's own, all for one role and of one agent."""
    if not offer_ids:
        return "No offers specified"
    seen: dict[OfferID, None] = {}
    for offer_id in offer_ids:
        if offer_id in seen:
            return f"Duplicate offer {offer_id} in offer list"
        seen[offer_id] = None
    found: list[Offer] = []
    for offer_id in offer_ids:
        offer = look_up(offer_id)
        if offer is None:
            return f"Offer {offer_id} is no longer valid"
        found.append(offer)
    for offer in found:
        if offer.framework_id != framework_id:
            return (
                f"Offer {offer.id} has invalid framework {offer.framework_id} while framework {framework_id}"
                " is expected"
            )
    first = found[0]
    for offer in found:
        if offer.role != first.role:
            return (
                "Aggregated offers must be allocated to the same role. Offer"
                f" {offer.id} uses role '{offer.role}' but another is using role '{first.role}'"
            )
    for offer in found:
        if offer.agent_id != first.agent_id:
            return (
                "Aggregated offers must belong to one single agent. Offer"
                f" {offer.id} uses agent {offer.agent_id} and agent {first.agent_id}"
            )
    return None
