"""The filters a host goes through before anything is taken of it. Each is a function that refuses, or does not.

============  =========================================================================================
role          the offer is to the role that the request names
region        a host of another region than home is for those who have a constraint on @region or @zone
maintenance   the agent is not about to be taken away
capabilities  the agent is known to have those that the request names
locality      the host is as near to the data as it must be by now
attributes    constraints that look at the host alone
gpus          a host that offers GPUs is for those who want some
------------  -----------------------------------------------------------------------------------------
group         constraints that look at other tasks
resources     cpus, mem and so on                                        (``take``)
ports         fixed ones, ranges, any                                    (``take``)
============  =========================================================================================

Hosts go through them in this order. A scheduler may put filters of its own among these, or leave
some out. Above the line a host's answer is the same during a whole round; the answers below it change with every task
that is placed, and they always come last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sdk.matching.census import Census
from mesos_py.sdk.matching.constraints import Constraint
from mesos_py.sdk.matching.host import Host
from mesos_py.sdk.matching.locality import Level
from mesos_py.sdk.matching.refusals import Refusal
from mesos_py.sdk.matching.request import Request
from mesos_py.sdk.matching.take import PORTS, RESOURCES

NO_CENSUS = Census(())


@attrs.frozen
class View:
    """What filters may look at beside host and request."""

    now: Nanos = 0
    #: where we are at home; None: everywhere
    home_region: str | None = None
    #: a host within so many seconds of a maintenance window is refused; None: such hosts are not
    draining_s: float | None = 0.0
    #: how far from its data the task may stand
    level: Level = Level.ANY
    #: the other tasks of the same group
    census: Census = NO_CENSUS


@attrs.frozen
class Filter:
    """``refuse`` answers why a host is refused, None if it is not. It looks and changes nothing."""

    name: str
    refuse: Callable[[Request, Host, View], Refusal | None]


def role(request: Request, host: Host, view: View) -> Refusal | None:
    if host.place[1] == request.role:
        return None
    return Refusal("role", "role", request.role, host.place[1])


def region(request: Request, host: Host, view: View) -> Refusal | None:
    """Marathon: a remote region only for those who say something about regions or zones."""
    if view.home_region is None or host.region in (None, view.home_region):
        return None
    if any(constraint.field in ("@region", "@zone") for constraint in request.constraints):
        return None
    return Refusal("region", "@region", view.home_region, host.region or "")


def maintenance(request: Request, host: Host, view: View) -> Refusal | None:
    """Not in a maintenance window, and not shortly before one."""
    if view.draining_s is None:
        return None
    for offer in host.offers:
        window = offer.unavailability
        if window is None:
            continue
        start = window.start.nanoseconds
        end = start + window.duration.nanoseconds if window.duration is not None else None
        if view.now >= start - view.draining_s * SECOND and (end is None or view.now < end):
            return Refusal("maintenance", "maintenance", "none", f"a window from {start // SECOND} s since the epoch")
    return None


def capabilities(request: Request, host: Host, view: View) -> Refusal | None:
    known = host.capabilities if host.capabilities is not None else frozenset()
    lacking = [name for name in request.capabilities if name not in known]
    if not lacking:
        return None
    found = "others" if host.capabilities is not None else "nobody knows which"
    return Refusal("capabilities", "capabilities", ", ".join(lacking), found)


def locality(request: Request, host: Host, view: View) -> Refusal | None:
    wish = request.locality
    if wish is None:
        return None
    near = wish.of(host.hostname, host.zone)
    if near <= view.level:
        return None
    names = (*wish.hosts, *(wish.zones if view.level is Level.ZONE else ()))
    return Refusal("locality", "locality", " or ".join(names), f"{host.hostname} in zone {host.zone or 'none'}")


def attributes(request: Request, host: Host, view: View) -> Refusal | None:
    for constraint in request.constraints:
        if not constraint.looks_at_others:
            found = host.value(constraint.field)
            if not constraint.admits(found):
                return _broken("attributes", constraint, found)
    return None


def gpus(request: Request, host: Host, view: View) -> Refusal | None:
    """GPUs are scarce: tasks that want none would keep those away who do (Marathon: --gpu_scheduling_behavior)."""
    if not host.has_gpus or request.on_gpu_hosts or request.resources.get("gpus"):
        return None
    return Refusal("gpus", "gpus", "a host without any", "a host that offers some")


def group(request: Request, host: Host, view: View) -> Refusal | None:
    for constraint in request.constraints:
        if constraint.looks_at_others:
            found = host.value(constraint.field)
            if not constraint.admits_among(found, view.census):
                return _broken(GROUP, constraint, found)
    return None


def _broken(name: str, constraint: Constraint, found: str | None) -> Refusal:
    wanted = " ".join(filter(None, (constraint.operator.value, constraint.value)))
    return Refusal(name, constraint.field, wanted, found or "")


FILTERS: tuple[Filter, ...] = (
    Filter("role", role),
    Filter("region", region),
    Filter("maintenance", maintenance),
    Filter("capabilities", capabilities),
    Filter("locality", locality),
    Filter("attributes", attributes),
    Filter("gpus", gpus),
)
GROUP = "group"


def names(filters: Iterable[Filter] = FILTERS) -> tuple[str, ...]:
    """All that a host goes through, in order."""
    return (*(one.name for one in filters), GROUP, RESOURCES, PORTS)


def first_refusal(filters: Iterable[Filter], request: Request, host: Host, view: View) -> Refusal | None:
    for one in filters:
        refusal = one.refuse(request, host, view)
        if refusal is not None:
            return refusal
    return None
