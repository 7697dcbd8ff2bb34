"""What waits to be launched, since when, and what became of the offers.

Source: mesosphere/marathon .../raml/QueueInfoConversion.scala, .../raml/OfferConversion.scala.
"""

from __future__ import annotations

from typing import Any

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import EXACT, show
from frameworks.marathon_py.definitions.timestamps import timestamp
from frameworks.marathon_py.launching.attempts import Attempt, Step, Unused
from mesos_py.algebra.kinds import Format
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Attribute


def attempt(one: Attempt, now: Nanos, with_offers: bool) -> dict[str, Any]:
    """Its role is shown where it is not the definition's: clients break at it."""
    left = min(max(0, one.not_before - now), EXACT) if one.not_before is not None else 0
    shown: dict[str, Any] = {
        "app" if isinstance(one.spec, App) else "pod": show(one.spec),
        "count": one.count, "since": timestamp(one.since),
        "delay": {"timeLeftSeconds": -(-left // SECOND), "overdue": not left},
        "processedOffersSummary": _summary(one),
    }  # fmt: skip
    if one.role != one.spec.role:
        shown["role"] = one.role
    if with_offers:
        shown["lastUnusedOffers"] = [_unused(offer) for offer in one.offers]
    return shown


def _summary(one: Attempt) -> dict[str, Any]:
    shown = {
        "processedOffersCount": one.processed, "unusedOffersCount": one.unused,
        "rejectSummaryLastOffers": [_step(step) for step in one.last_offers],
        "rejectSummaryLaunchAttempt": [_step(step) for step in one.all_offers],
    }  # fmt: skip
    moments = (("lastUnusedOfferAt", one.last_unused_at), ("lastUsedOfferAt", one.last_used_at))
    return shown | {name: timestamp(moment) for name, moment in moments if moment is not None}


def _step(step: Step) -> dict[str, Any]:
    return {"reason": step.reason, "declined": step.declined, "processed": step.processed}


def _unused(one: Unused) -> dict[str, Any]:
    """What was left of the offer."""
    host = one.host
    offer = {
        "id": host.offers[0].id, "hostname": host.hostname, "agentId": host.agent_id,
        "resources": [_resource(resource) for resource in host.left.messages(Format.ENDPOINT)],
        "attributes": [_attribute(attribute) for attribute in host.attributes],
    }  # fmt: skip
    return {"offer": offer, "reason": list(one.reasons), "timestamp": timestamp(one.at)}


def _resource(one: Resource) -> dict[str, Any]:
    role = one.role if one.role is not None or not one.reservations else one.reservations[-1].role
    return {"name": one.name, "role": role, **_value(one)}


def _attribute(one: Attribute) -> dict[str, Any]:
    return {"name": one.name, **_value(one), **({"text": one.text.value} if one.text is not None else {})}


def _value(one: Resource | Attribute) -> dict[str, Any]:
    ranges = one.ranges.range if one.ranges is not None else ()
    shown: dict[str, Any] = {
        "ranges": [{"begin": part.begin, "end": part.end} for part in ranges],
        "set": list(one.set.item) if one.set is not None else [],
    }  # fmt: skip
    if one.scalar is not None:
        shown["scalar"] = one.scalar.value
    return shown
