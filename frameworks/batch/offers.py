"""Offers: matched with what waits, in the order of the line, used, held, or given back."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

import attrs

from frameworks.batch import holds, words
from frameworks.batch.entry import Entry, State, Task
from frameworks.batch.launching import task_info
from frameworks.batch.queue import Line
from frameworks.batch.settle import settle
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos, seconds
from mesos_py.sdk.matching import Host, Match, Part, Round, hosts_of
from mesos_py.sdk.session.behind import SESSION, NotSaid
from mesos_py.wire.offer import Filters, Offer
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskInfo

if TYPE_CHECKING:
    from frameworks.batch.core import Batch

table = Table("offers to batch jobs")

SEEN_MAX = 50_000  # agents whose last offer is remembered, for those who ask why

OFFERS_MAX = 250  # looked at in one turn, in some 10 ms; the others have the next one, which comes at once
KEEP_S = 1.0  # for so long offers are kept when too much is starting already; then they are somebody else's

Operation = Offer.Operation


@attrs.define(eq=False)
class Placing:
    """What one round comes to."""

    round: Round
    launches: dict[Host, list[tuple[Task, Match]]] = attrs.field(factory=dict)
    #: hosts that somebody holds, and what is left of them for those who will be gone in time
    holder: Entry | None = None
    held: dict[Host, None] = attrs.field(factory=dict)
    spare: dict[Host, Resources] = attrs.field(factory=dict)
    #: when the holder can start there; None: nobody knows
    starts: dict[Host, Nanos | None] = attrs.field(factory=dict)
    #: jobs that have looked for something to hold
    looked: int = 0
    #: it was ended before everybody had a turn: something more may be launched on what is left, in a later one
    is_cut: bool = False
    touched: dict[str, Entry] = attrs.field(factory=dict)

    def put(self, entry: Entry, matches: Iterable[Match]) -> int:
        """The first of its tasks that wait are placed there."""
        matches = list(matches)
        for task, match in zip(_next(entry, len(matches)), matches, strict=True):
            self.launches.setdefault(match.host, []).append((task, match))
        if matches:
            self.touched[entry.name] = entry
        return len(matches)


def _next(entry: Entry, count: int) -> list[Task]:
    """They are nowhere until they are launched. Those that were started before come first."""
    tasks = [entry.ready.pop(position) for position in list(entry.ready)[:count]]
    taken: Ranges = entry.fresh.take(count - len(tasks))
    entry.fresh -= taken
    return [*tasks, *[Task(entry, position) for position in taken]]


@table.on(MasterEvent.Offers)
def offers(m: Batch, event: Event, out: Frame) -> None:
    """Each offer is used, held or given back, in this turn or in one of the next."""
    m.unused |= {offer.id: offer for offer in event.body.offers}
    _match(m, out)


@table.on(words.MatchDue)
def match_due(m: Batch, event: Event, out: Frame) -> None:
    """Offers that are left are looked at, or given back if it takes too long until anything may be started."""
    if m.is_full:
        holds.decline(m, m.unused.values(), m.habits.refuse_s, out)
        m.unused.clear()
    else:
        _match(m, out)


def _match(m: Batch, out: Frame) -> None:
    held = list(m.hold.offers.values()) if m.hold is not None else []
    came = list(islice(m.unused.values(), OFFERS_MAX))
    for offer in came:
        del m.unused[offer.id]
    hosts = hosts_of([*held, *came])
    _remember(m, hosts)
    placing = Placing(Round(hosts, now=out.now, rng=m.rng))
    _place(m, placing, out)
    for host, placed in placing.launches.items():
        _accept(m, host, placed, again=placing.is_cut, out=out)
    for entry in placing.touched.values():
        settle(m, entry, out)
    idle = [host for host in hosts if host not in placing.launches and host not in placing.held]
    left = {offer.id: offer for host in idle for offer in host.offers}
    if placing.is_cut:
        m.unused |= left
    else:
        holds.decline(m, left.values(), m.habits.refuse_s, out)
    if m.unused and not m.is_full:
        m.timers.set("match", out.now, words.MatchDue())
    elif m.unused and "match" not in m.timers:
        m.timers.set("match", out.now + seconds(KEEP_S), words.MatchDue())


def _remember(m: Batch, hosts: Iterable[Host]) -> None:
    for host in hosts:
        m.seen.pop(host.agent_id, None)
        m.seen[host.agent_id] = host
        if len(m.seen) > SEEN_MAX:
            del m.seen[next(iter(m.seen))]


def _place(m: Batch, placing: Placing, out: Frame) -> None:
    line, may_start = Line(m.waiting_entries(), m.shares, out.now), m.habits.starting_max - m.starting
    started = 0
    while (turn := line.next()) is not None:
        entry, wanted = turn
        room = min(may_start, m.habits.launches_max) - started
        if not entry.job.gang:
            wanted = min(wanted, room)
        if room <= 0:
            placing.is_cut, m.is_full = True, started >= may_start
            break
        part = Part(entry.request, wanted, entry.census)
        if entry.job.gang:
            found = placing.round.place_all([part])
            count = placing.put(entry, found[0]) if found is not None else 0
        else:
            count = placing.put(entry, placing.round.place(part))
        if count < wanted and placing.holder is not None:
            count += _backfill(m, placing, entry, wanted - count, out.now)
        line.placed(wanted, count)
        started += count
        if count < wanted:
            holds.try_to(m, entry, placing, out.now)
    holds.settle(m, placing, out)


def _backfill(m: Batch, placing: Placing, entry: Entry, wanted: int, now: Nanos) -> int:
    """Tasks that will have ended before the holder can start use what it holds; returns how many."""
    holder, limit_s = placing.holder, entry.job.time_limit_s
    if holder is None or holder.job.gang or entry.job.gang or limit_s is None:
        return 0
    count = 0
    for host, spare in placing.spare.items():
        if host not in placing.starts:
            placing.starts[host] = holds.starts_at(m, holder, host.agent_id, spare)
        starts = placing.starts[host]
        if starts is None or now + seconds(limit_s + entry.job.grace_s) > starts or count == wanted:
            continue
        host.left = spare
        count += placing.put(entry, Round([host], now=now, rng=m.rng).place(
            Part(entry.request, wanted - count, entry.census)))  # fmt: skip
        placing.spare[host], host.left = host.left, Resources()
    return count


def _accept(m: Batch, host: Host, placed: list[tuple[Task, Match]], *, again: bool, out: Frame) -> None:
    """The tasks are asked for; the session writes them down first. ``again``: what is left is offered again at once."""
    resources: dict[int, tuple[Resource, ...]] = {}  # by identity: alike tasks have the same share
    tasks: list[TaskInfo] = []
    for task, match in placed:
        share = match.share
        m.launch(task, host, out)
        if id(share) not in resources:
            resources[id(share)] = share.resources.messages()
        tasks.append(task_info(task, host.agent_id, share, resources[id(share)]))
        out.change(words.TaskLaunched(task.id, task.entry.name, task.index, task.attempt, host.hostname))
    if not again:
        m.refused.setdefault(host.place[1])
    accept = Call.Accept(
        offer_ids=tuple([offer.id for offer in host.offers]),
        operations=(Operation(type=Operation.Type.LAUNCH, launch=Operation.Launch(task_infos=tuple(tasks))),),
        filters=Filters(refuse_seconds=0.0 if again else m.habits.refuse_s),
    )
    out.send(SESSION, Call(type=Call.Type.ACCEPT, accept=accept))


@table.on(NotSaid)
def not_said(m: Batch, event: Event, out: Frame) -> None:
    """What was to be launched was not, was never an attempt, and waits for another offer."""
    touched: dict[str, Entry] = {}
    for operation in event.body.call.accept.operations:
        for info in operation.launch.task_infos if operation.launch is not None else ():
            task = m.tasks.get(info.task_id)
            if task is not None:
                m.leave(task, out.now)
                task.attempt -= 1
                task.state = State.READY
                task.entry.ready[task.position] = task
                touched[task.entry.name] = task.entry
    for entry in touched.values():
        settle(m, entry, out)
