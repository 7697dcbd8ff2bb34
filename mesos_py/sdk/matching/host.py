"""What one agent offers to one role: its offers taken together, what is known of it, and what is left of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from mesos_py.algebra.attributes import find, ranges_of
from mesos_py.algebra.quantities import milli_text, to_milli
from mesos_py.algebra.resources import Resources
from mesos_py.algebra.roles import DEFAULT_ROLE
from mesos_py.wire.ids import AgentID
from mesos_py.wire.master_response import Response
from mesos_py.wire.offer import Offer
from mesos_py.wire.value import Attribute, Value

KnownAgent = Response.GetAgents.Agent

Place = tuple[AgentID, str]
"""Agent and role: offers of one place, and only those, can be accepted together."""


@attrs.define(eq=False)
class Host:
    """``left`` shrinks while tasks are placed."""

    place: Place
    hostname: str
    region: str | None
    zone: str | None
    attributes: tuple[Attribute, ...]
    offers: tuple[Offer, ...]
    left: Resources
    #: GPUs are among what was offered
    has_gpus: bool = False
    #: names; None: nobody has told (offers do not; the operator API's GET_AGENTS does)
    capabilities: frozenset[str] | None = None
    _texts: dict[str, str | None] = attrs.field(factory=dict, repr=False)

    @classmethod
    def of(cls, offers: Sequence[Offer], capabilities: Iterable[str] | None = None) -> Host:
        """``offers`` are of one place."""
        first = offers[0]
        domain = first.domain.fault_domain if first.domain is not None else None
        left = Resources.of(first.resources)
        for offer in offers[1:]:
            left += Resources.of(offer.resources)
        return cls(
            place=place_of(first),
            hostname=first.hostname,
            region=domain.region.name if domain is not None else None,
            zone=domain.zone.name if domain is not None else None,
            attributes=first.attributes,
            offers=tuple(offers),
            left=left,
            has_gpus=left.scalar("gpus") > 0,
            capabilities=None if capabilities is None else frozenset(capabilities),
        )

    @classmethod
    def of_agent(cls, agent: KnownAgent, role: str) -> Host:
        """As it were if all that the agent has for that role were offered, whoever uses it now."""
        info = agent.agent_info
        domain = info.domain.fault_domain if info.domain is not None else None
        left = Resources.of(agent.total_resources).allocatable_to(role)
        return cls(
            place=(info.id or AgentID(""), role), hostname=info.hostname,
            region=domain.region.name if domain is not None else None,
            zone=domain.zone.name if domain is not None else None,
            attributes=info.attributes, offers=(), left=left, has_gpus=left.scalar("gpus") > 0,
            capabilities=frozenset([one.type.name for one in agent.capabilities if one.type is not None]),
        )  # fmt: skip

    @property
    def agent_id(self) -> AgentID:
        return self.place[0]

    def value(self, field: str) -> str | None:
        """Text of a field that constraints may name; None: the host has no value of it."""
        if field in self._texts:
            return self._texts[field]
        text = self._texts[field] = self._value(field)
        return text

    def values(self, fields: Iterable[str]) -> dict[str, str]:
        """Those of ``fields`` that it has."""
        return {field: text for field in fields if (text := self.value(field)) is not None}

    def _value(self, field: str) -> str | None:
        if field in ("hostname", "@hostname"):
            return self.hostname
        if field == "@region":
            return self.region
        if field == "@zone":
            return self.zone
        found = find(self.attributes, field)
        return None if found is None else attribute_text(found)


def place_of(offer: Offer) -> Place:
    """An offer that names no role (its framework is not MULTI_ROLE) is taken to be of "*"."""
    role = offer.allocation_info.role if offer.allocation_info is not None else None
    return offer.agent_id, role or DEFAULT_ROLE


def hosts_of(offers: Iterable[Offer]) -> list[Host]:
    """One for each place, in order of appearance."""
    places: dict[Place, list[Offer]] = {}
    for offer in offers:
        places.setdefault(place_of(offer), []).append(offer)
    return [Host.of(together) for together in places.values()]


def attribute_text(attribute: Attribute) -> str:
    """As constraints compare it: at most three decimals, ranges and sets sorted, no spaces (Marathon's rule)."""
    if attribute.type == Value.Type.SCALAR:
        return milli_text(to_milli(attribute.scalar.value if attribute.scalar is not None else 0.0))
    if attribute.type == Value.Type.RANGES:
        return "[" + ",".join(f"{begin}-{end}" for begin, end in ranges_of(attribute).intervals) + "]"
    if attribute.type == Value.Type.SET:
        return "{" + ",".join(sorted(attribute.set.item if attribute.set is not None else ())) + "}"
    return attribute.text.value if attribute.text is not None else ""
