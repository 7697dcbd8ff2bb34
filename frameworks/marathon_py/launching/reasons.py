"""Why an offer was of no use: Marathon's words for what the filters of ``mesos_py.sdk.matching`` say.

Source: mesosphere/marathon .../mesos/NoOfferMatchReason.scala, .../launchqueue/impl/OfferMatchStatistics.scala.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mesos_py.sdk.matching import Filter, Funnel, Host, Refusal, Request, View
from mesos_py.sdk.matching import filters as sdk
from mesos_py.sdk.matching.take import PORTS, RESOURCES

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon
    from frameworks.marathon_py.definitions.app import App
    from frameworks.marathon_py.definitions.pods import Pod

ROLE, CONSTRAINT = "UnfulfilledRole", "UnfulfilledConstraint"
NO_RESERVATION, MAINTENANCE = "NoCorrespondingReservationFound", "AgentMaintenance"
CPUS, MEM, DISK, GPUS = "InsufficientCpus", "InsufficientMemory", "InsufficientDisk", "InsufficientGpus"
NO_PORTS, SCARCE = "InsufficientPorts", "DeclinedScarceResources"

FUNNEL = (ROLE, CONSTRAINT, NO_RESERVATION, MAINTENANCE, CPUS, MEM, DISK, GPUS, NO_PORTS, SCARCE)
"""An unused offer is counted under the first of these that was one."""

#: in which they are listed for one offer
_LISTED = (CPUS, MEM, GPUS, DISK, ROLE, CONSTRAINT, MAINTENANCE, SCARCE, NO_RESERVATION, NO_PORTS)

_OF_RESOURCE = {"cpus": CPUS, "mem": MEM, "disk": DISK, "gpus": GPUS}
_OF_FILTER = {
    "role": (ROLE,), "maintenance": (CONSTRAINT, MAINTENANCE), "attributes": (CONSTRAINT,), sdk.GROUP: (CONSTRAINT,),
    "gpus": (SCARCE,), PORTS: (NO_PORTS,),
}  # fmt: skip


def _usable(request: Request, host: Host, view: View) -> Refusal | None:
    """The offer is to its role, and something of it may be used, be it of any kind."""
    if host.place[1] != request.role:
        return sdk.role(request, host, view)
    for kind, _ in host.left:
        if kind.reserved_role in request.accepts:
            return None
    found = dict.fromkeys(kind.reserved_role for kind, _ in host.left)
    return Refusal("role", "role", " or ".join(request.accepts), ", ".join(found)) if found else None


FILTERS = (
    Filter("role", _usable), Filter("region", sdk.region), Filter("maintenance", sdk.maintenance),
    Filter("attributes", sdk.attributes), Filter("gpus", sdk.gpus),
)  # fmt: skip
"""What Marathon looks at; only ``region`` has no word of its own, and what plug-ins say."""

PLUG_IN = "plug-in"


def filters(m: Marathon, spec: App | Pod) -> tuple[Filter, ...]:
    """With what a plug-in says about the spec, if there is one."""
    accepts = m.hooks.accepts
    if accepts is None:
        return FILTERS

    def refuse(request: Request, host: Host, view: View) -> Refusal | None:
        return None if accepts(spec, host) else Refusal(PLUG_IN, PLUG_IN, "its consent", "none")

    return (*FILTERS, Filter(PLUG_IN, refuse))


def draining_s(m: Marathon) -> float | None:
    """So long before a maintenance window an agent is not used; None: windows do not matter."""
    return m.habits.draining_seconds if m.habits.maintenance_mode else None


def of(refusals: Iterable[Refusal]) -> tuple[str, ...]:
    """All reasons of one offer. Ports are no reason where there is another one."""
    found = dict.fromkeys(name for refusal in refusals for name in _names(refusal.filter, refusal.name))
    if len(found) > 1:
        found.pop(NO_PORTS, None)
    return tuple([name for name in _LISTED if name in found])


def _names(filter: str, thing: str) -> tuple[str, ...]:
    if filter == RESOURCES:
        return (_OF_RESOURCE[thing],)
    return _OF_FILTER.get(filter, ())


def first(found: Iterable[str]) -> str | None:
    """The one that an offer is counted under; None: it is not counted."""
    found = tuple(found)
    return next((name for name in FUNNEL if name in found), None)


def counted(funnel: Funnel) -> dict[str, int]:
    """Offers by the reason they are counted under."""
    counts: dict[str, int] = {}
    for (filter, thing), count in funnel.things.items():
        name = first(_names(filter, thing))
        if name is not None:
            counts[name] = counts.get(name, 0) + count
    return counts
