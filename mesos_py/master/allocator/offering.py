"""What of an agent's available resources may be offered to a framework in a role.

Pure: agent, slot and options in, resources out. Quota cuts what comes out of here (``quotas``).
Source: Mesos src/master/allocator/mesos/hierarchical.cpp isCapableOfReceivingAgent, stripIncapableResources,
allocatable, isFiltered.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.algebra.quantities import Quantities, from_milli
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.master.allocator.filters import Framework, Minimum, Slot
from mesos_py.master.allocator.ledger import Agent
from mesos_py.master.allocator.options import AllocatorOptions


class Offering:
    """The rules of one cluster."""

    __slots__ = ("_filter_gpus", "_region", "default_minima")

    def __init__(self, options: AllocatorOptions) -> None:
        self.default_minima = tuple(map(_minimum, options.min_allocatable))
        self._filter_gpus = options.filter_gpu_resources
        self._region = options.region

    def offerable(self, agent: Agent, slot: Slot, shared_offered: Resources = NONE) -> Resources:
        """What may be offered; nothing if the slot cannot use the agent, or does not want what there is.

        ``shared_offered``: shared volumes others have been offered in this look at the agent; they wait for the next.
        """
        framework, role = slot.framework, slot.role.path
        if not self._is_capable(framework, role, agent):
            return NONE
        if framework.constraints is not None and framework.constraints.excludes(
            role, hostname=agent.hostname, attributes=agent.attributes, domain=agent.domain
        ):
            return NONE
        offered = agent.available
        if not agent.is_plain:
            able = framework.capabilities
            offered = (offered.allocatable_to(role) - shared_offered).filter(
                lambda kind: (
                    (able.shared_resources or not kind.shared)
                    and (able.revocable_resources or not kind.revocable)
                    and (able.reservation_refinement or len(kind.reservations) < 2)
                )
            )
        return offered if self.is_welcome(agent, slot, offered) else NONE

    def is_welcome(self, agent: Agent, slot: Slot, offered: Resources) -> bool:
        """True if so much of the agent is an offer at all, and was not declined."""
        minima = slot.framework.minima.get(slot.role.path, self.default_minima)
        return is_enough(offered, minima) and not slot.refuses(agent.id, offered)

    def _is_capable(self, framework: Framework, role: str, agent: Agent) -> bool:
        """True unless the agent, or the framework, does not know what it takes to deal with the other."""
        able = framework.capabilities
        if able.multi_role and not agent.capabilities.multi_role:
            return False
        if "/" in role and not agent.capabilities.hierarchical_role:
            return False
        if agent.gpus and self._filter_gpus and not able.gpu_resources:
            return False
        return agent.domain is None or able.region_aware or agent.region in (None, self._region)


def is_enough(offered: Resources, minima: tuple[Minimum, ...]) -> bool:
    """True if anything is offered and all amounts of some minimum are in it; no minima are always met."""
    if not offered:
        return False
    if not minima:
        return True
    scalars = offered.quantities()
    for minimum in minima:
        for name, amount in minimum:
            have = scalars.get(name)
            if have < amount and len(offered.ranges(name)) < from_milli(amount):
                break
        else:
            return True
    return False


def minima_by_role(offer_filters: Mapping[str, tuple[Quantities, ...]] | None) -> dict[str, tuple[Minimum, ...]]:
    return {role: tuple(map(_minimum, minima)) for role, minima in (offer_filters or {}).items()}


def _minimum(quantities: Quantities) -> Minimum:
    return tuple(quantities.items())
