"""What is done for a job that finds no room: it may *hold* offers that are not enough yet, and wait for more.

A gang may at once, any other job after ``patience_s``, lest small jobs take for ever what a large one waits for. One
job at a time, so that no two wait for each other's offers, and for ``hold_s`` at most: then it gives everything back
and waits, twice as long each time.

**Backfill.** A host that is held is not idle for nothing: a job with a time limit may use it if it will have ended
before the holder can start. When that is follows from the time limits of our tasks there; without them nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from frameworks.batch import words
from frameworks.batch.entry import Entry
from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos, seconds
from mesos_py.sdk.matching import Host, Part, hosts_of
from mesos_py.sdk.matching.explain import judge
from mesos_py.sdk.matching.filters import View
from mesos_py.sdk.matching.refusals import distance
from mesos_py.sdk.session.behind import SESSION
from mesos_py.wire.ids import AgentID, OfferID
from mesos_py.wire.offer import Filters, Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent

if TYPE_CHECKING:
    from frameworks.batch.core import Batch
    from frameworks.batch.offers import Placing

table = Table("offers that batch jobs hold")

GIVEN_BACK_S = 1.0  # not offered again for so long, when a job gives up what it held
LOOKS_MAX = 10  # jobs of a round that look at every host for the one to hold
WAIT_MAX_S = 3_600.0  # after holding in vain


@attrs.define(eq=False)
class Held:
    """Offers that one job keeps."""

    name: str
    offers: dict[OfferID, Offer] = attrs.field(factory=dict)


def try_to(m: Batch, entry: Entry, placing: Placing, now: Nanos) -> None:
    """The job, which has found no room, holds what it can use and nobody uses in this round, if it may."""
    is_holder = m.hold is not None and m.hold.name == entry.name
    if placing.holder is not None or (m.hold is not None and not is_holder) or now < entry.may_hold_at:
        return
    if entry.job.gang:
        part = Part(entry.request, entry.job.gang, entry.census)
        for matches in placing.round.place_all([part], or_some=True) or []:
            for match in matches:
                entry.census.remove(match.host.values(entry.census.fields))
                if match.host not in placing.launches:
                    placing.held.setdefault(match.host)
    elif placing.looked < LOOKS_MAX and (is_holder or now - entry.since >= seconds(m.habits.patience_s)):
        placing.looked += 1
        nearest = _nearest(entry, placing)
        if nearest is not None:
            placing.held.setdefault(nearest)
    if placing.held:
        placing.holder = entry
        for host in placing.held:
            placing.spare[host], host.left = host.left, Resources()


def _nearest(entry: Entry, placing: Placing) -> Host | None:
    """The host that lacks least, and nothing but amounts."""
    view = View(census=entry.census)
    found = None
    for host in placing.round.hosts:
        if host in placing.launches:
            continue
        far = distance(judge(entry.request, host, view))
        if far[0] == 0 and (found is None or far < found[0]):
            found = far, host
    return found[1] if found is not None else None


def starts_at(m: Batch, entry: Entry, agent_id: AgentID, spare: Resources) -> Nanos | None:
    """When a task of the job will have room there, by the time limits of our tasks; None: nobody knows."""
    free = spare.quantities()
    wanted = entry.request.resources
    ends: list[tuple[Nanos, Entry]] = []
    for task in m.tasks.values():
        limit_s = task.entry.job.time_limit_s
        if task.agent_id == agent_id and limit_s is not None and task.started is not None:
            ends.append((task.started + seconds(limit_s), task.entry))
    for at, other in sorted(ends, key=lambda one: one[0]):
        free = free + other.request.resources
        if all(free.get(name) >= amount for name, amount in wanted.items()):
            return at
    return None


def settle(m: Batch, placing: Placing, out: Frame) -> None:
    """The round is over, and its holder holds what it has found."""
    holder = placing.holder
    if holder is None and m.hold is not None and placing.is_cut:  # it may have had no turn, and keeps what is left
        holder = m.entries.get(m.hold.name)
        kept = [host for host in placing.round.hosts if any(offer.id in m.hold.offers for offer in host.offers)]
        placing.held |= dict.fromkeys(kept)
    if m.hold is not None and (holder is None or m.hold.name != holder.name):
        former = m.entries.get(m.hold.name)
        if former is not None:
            former.vain_holds = 0
        _end(m)
    if holder is None:
        return
    if m.hold is None:
        m.hold = Held(holder.name)
        m.timers.set("hold", out.now + seconds(m.habits.hold_s), words.HoldOver())
        m.renewed.setdefault(holder.job.queue)
    m.hold.offers = {
        offer.id: offer for host in placing.held if host not in placing.launches for offer in host.offers
    }
    if not m.hold.offers:
        _end(m)


def _end(m: Batch) -> None:
    m.hold = None
    m.timers.cancel("hold")


def give_back(m: Batch, out: Frame) -> None:
    """Nothing is held."""
    if m.hold is not None:
        decline(m, m.hold.offers.values(), GIVEN_BACK_S, out)
        _end(m)


def decline(m: Batch, given: Iterable[Offer], refuse_s: float, out: Frame) -> None:
    """The offers are somebody else's."""
    hosts = hosts_of(given)
    m.refused |= dict.fromkeys(host.place[1] for host in hosts)
    offer_ids = tuple([offer.id for host in hosts for offer in host.offers])
    if offer_ids:
        declined = Call.Decline(offer_ids=offer_ids, filters=Filters(refuse_seconds=refuse_s))
        out.send(SESSION, Call(type=Call.Type.DECLINE, decline=declined))


def forget(m: Batch, out: Frame) -> None:
    """Nothing is held for a job that has nothing to start any more."""
    if m.hold is not None:
        entry = m.entries.get(m.hold.name)
        if entry is None or entry.name not in m.waiting.get(entry.job.queue, {}):
            give_back(m, out)


@table.on(MasterEvent.Rescind)
def rescind(m: Batch, event: Event, out: Frame) -> None:
    """An offer that was kept is gone; with the last one that was held the hold is over, in nobody's power."""
    m.unused.pop(event.body.offer_id, None)
    if m.hold is not None and m.hold.offers.pop(event.body.offer_id, None) is not None and not m.hold.offers:
        _end(m)


@table.on(words.HoldOver)
def hold_over(m: Batch, event: Event, out: Frame) -> None:
    """The job has given back what it held, and waits before it holds again."""
    assert m.hold is not None
    entry = m.entries[m.hold.name]
    give_back(m, out)
    wait_s = min(m.habits.hold_s * 2.0 ** min(entry.vain_holds, 30), WAIT_MAX_S) * m.rng.uniform(0.9, 1.1)
    entry.vain_holds += 1
    entry.may_hold_at = out.now + seconds(wait_s)
