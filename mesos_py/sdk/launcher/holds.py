"""A gang that finds room for a part of it only may *hold* what there is, and wait for more.

* One gang at a time holds. Gangs that wait for each other's offers, each with a part of what it needs, are what a
  deadlock of gangs is; with one holder there is no second to wait for. Who is served first holds first.
* For ``hold_s`` at most: then it gives everything back and waits, twice as long each time. Neither a gang that is too
  large for the cluster nor two frameworks that hold offers against each other stand still for ever.

While it holds, the agents that it needs are nobody else's; others are launched past it on what it does not need. In
every round what it holds is chosen anew, from what it has and what has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.sdk.launcher import demand, offers, words
from mesos_py.sdk.launcher.group import Hold
from mesos_py.sdk.matching import Part
from mesos_py.wire.scheduler_api import Event as MasterEvent

if TYPE_CHECKING:
    from mesos_py.sdk.launcher.core import DesiredSet
    from mesos_py.sdk.launcher.offers import Plan

table = Table("offers that gangs hold")

GIVEN_BACK_S = 1.0  # not offered again for so long, when a gang gives up what it held
PAUSE = "pause"
WAIT_MAX_S = 600.0  # after holding in vain


def keep(parts: Sequence[Part], plan: Plan) -> bool:
    """Hosts that the gang can use, and that nobody else uses in this round, are held; False: there are none."""
    placed = plan.round.place_all(parts, or_some=True) or []
    for part, matches in zip(parts, placed, strict=True):
        for match in matches:
            part.census.remove(match.host.values(part.census.fields))
            if match.host not in plan.launches:
                plan.held.setdefault(match.host)
    for host in plan.held:
        host.left = Resources()
    return bool(plan.held)


def settle(m: DesiredSet, holder: str | None, plan: Plan, out: Frame) -> None:
    """The round is over, and ``holder`` holds what the plan says."""
    if m.hold is not None and m.hold.gang != holder:
        _end(m, out)
    if holder is None:
        return
    if m.hold is None:
        m.hold = Hold(holder, out.now)
        m.timers.set("hold", out.now + seconds(m.habits.hold_s), words.HoldOver())
        out.change(words.HoldBegan(holder))
        for group in m.groups.values():
            if group.spec.gang == holder:
                m.renewed.setdefault(group.spec.request.role)
    m.hold.offers = {offer.id: offer for host in plan.held for offer in host.offers}


def _end(m: DesiredSet, out: Frame) -> None:
    if m.hold is not None:
        out.change(words.HoldEnded(m.hold.gang))
    m.hold = None
    m.timers.cancel("hold")


def give_back(m: DesiredSet, out: Frame) -> None:
    """Nothing is held."""
    if m.hold is not None:
        offers.decline(m, m.hold.offers.values(), GIVEN_BACK_S, out)
        _end(m, out)


def forget(m: DesiredSet, out: Frame) -> None:
    """Nothing is held for a gang that cannot be launched any more."""
    if m.hold is not None:
        gang = m.gangs.get(m.hold.gang)
        if gang is None or not gang.ready:
            give_back(m, out)


@table.on(MasterEvent.Rescind)
def rescind(m: DesiredSet, event: Event, out: Frame) -> None:
    """An offer that was held is gone; with the last one the hold is over, and that was in nobody's power."""
    if m.hold is not None and m.hold.offers.pop(event.body.offer_id, None) is not None and not m.hold.offers:
        _end(m, out)


@table.on(words.HoldOver)
def hold_over(m: DesiredSet, event: Event, out: Frame) -> None:
    """The gang has given back what it held, and waits before it holds again."""
    assert m.hold is not None
    name, gang = m.hold.gang, m.gangs[m.hold.gang]
    give_back(m, out)
    wait_s = min(m.habits.hold_s * 2.0 ** min(gang.vain_holds, 30), WAIT_MAX_S) * m.rng.uniform(0.9, 1.1)
    gang.vain_holds += 1
    demand.block(m, gang, PAUSE)
    m.timers.set((PAUSE, name), out.now + seconds(wait_s), words.PauseOver(name))


@table.on(words.PauseOver)
def pause_over(m: DesiredSet, event: Event, out: Frame) -> None:
    """The gang may be launched, and has waited all the while."""
    gang = m.gangs.get(event.body.gang)
    if gang is not None:
        gang.blocking.pop(PAUSE, None)
        demand.release(m, gang)
