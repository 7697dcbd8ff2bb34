"""Instances replaced, a few at a time: what is to be started and what stopped, given how many stand how. Pure.

Of N instances at least ``least = ceil(N * minimumHealthCapacity)`` are healthy, as far as that is in our hands, and at
most ``most = floor(N * (1 + maximumOverCapacity))`` are there. Hence

* as many old ones are kept as are missing to ``least``, the best ones; each new one that is healthy and ready lets one
  more go, and what is down goes at once;
* as many new ones are started as find room beside what is there, be it leaving.

If ``least`` and ``most`` are the same, nothing could ever happen: there may be one more then, or, where instances have
their data in one place, or there may be but one, one healthy one fewer.

=============  =====================================================================================
N=10, H=1,O=1  10 new ones at once; each that is up lets one old one go
H=0.5, O=0     5 old ones go; as they end, 5 new ones are started, and so on
H=1, O=0       11 at most: one by one
H=0, O=0       all old ones go; as they end, new ones are started
N=5, H=.9,O=0  5 must be healthy: 6 at most
N=1, H=0.5     likewise 2
=============  =====================================================================================

Marathon counts down from what it once saw, we count what is there: that is the same as long as all are well, and goes
on from wherever crashes and failures lead. Where old ones are ill, those go first and count for nothing.
Source: mesosphere/marathon .../core/deployment/impl/TaskReplaceActor.scala.
"""

from __future__ import annotations

import math

import attrs

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.terms import terms
from frameworks.marathon_py.definitions.trees import Spec


@attrs.frozen(kw_only=True)
class Bounds:
    """What there may be while instances are replaced."""

    instances: int
    #: that are healthy
    least: int
    #: that are there
    most: int

    @classmethod
    def of(cls, spec: Spec) -> Bounds:
        count, said = spec.instances, terms(spec.labels)
        strategy = spec.upgrade_strategy if isinstance(spec, App) else spec.scheduling.upgrade
        assert strategy is not None, spec.id
        least = math.ceil(count * strategy.minimum_health_capacity)
        most = math.floor(count * (1 + strategy.maximum_over_capacity))
        least = max(0, count - said.fewer) if said.fewer is not None else least
        most = count + said.more if said.more is not None else most
        if least == most:
            least, most = (least - 1, most) if _is_in_place(spec) else (least, most + 1)
        return cls(instances=count, least=least, most=most)


def _is_in_place(spec: Spec) -> bool:
    """There may never be more instances than there are to be."""
    return spec.is_resident or (isinstance(spec, App) and spec.is_single)


@attrs.frozen(kw_only=True)
class Counts:
    """How many there are: old ones that are there and wanted, new ones, those of them that are up, and what is not
    wanted any more and there still."""

    old: int = 0
    new: int = 0
    new_up: int = 0
    leaving: int = 0


@attrs.frozen(kw_only=True)
class Decision:
    """So many old ones go, the worst ones; so many new ones go that are too many; so many are started."""

    stop_old: int = 0
    stop_new: int = 0
    start: int = 0
    is_done: bool = False


def decide(bounds: Bounds, counts: Counts, new_most: int | None = None) -> Decision:
    """What can be done now. ``new_most``: no more new ones than that, for the time being, and old ones for the rest."""
    wanted = bounds.instances if new_most is None else min(new_most, bounds.instances)
    kept = max(0, bounds.least - counts.new_up, bounds.instances - wanted)
    room = bounds.most - counts.old - counts.leaving - counts.new
    return Decision(
        stop_old=max(0, counts.old - kept),
        stop_new=max(0, counts.new - bounds.instances),
        start=max(0, min(wanted - counts.new, room)),
        is_done=counts.new == counts.new_up == bounds.instances and not counts.old and not counts.leaving,
    )
