"""Offers: matched with what can be launched, used, held for a gang (``holds``), or given back.

Served is by priority, then by how long the first instance of a spec has waited. A gang is launched when there is room
for all of it, in as many calls as it needs agents.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sdk.launcher import holds, updates, words
from mesos_py.sdk.launcher.group import Group
from mesos_py.sdk.launcher.instances import Instance
from mesos_py.sdk.launcher.specs import Launch
from mesos_py.sdk.matching import Host, Level, Match, Part, Round, hosts_of
from mesos_py.sdk.matching.host import place_of
from mesos_py.sdk.session.behind import SESSION, NotSaid
from mesos_py.wire.offer import Filters, Offer
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskInfo

if TYPE_CHECKING:
    from mesos_py.sdk.launcher.core import DesiredSet

table = Table("offers to a launcher")

UNUSED_MAX = 10_000  # agents whose last unused offer is remembered for those who ask why
CAPABILITIES_MAX = 100_000  # agents

Operation = Offer.Operation


@attrs.define(eq=False)
class Unit:
    """What is placed together: one spec, or all specs of a gang; with the instances that are ready."""

    groups: list[Group]
    gang: str | None

    @property
    def order(self) -> tuple[int, Nanos]:
        priority = max(group.spec.priority for group in self.groups)
        return -priority, min(next(iter(group.ready.values())).since for group in self.groups)

    @property
    def instances(self) -> list[Instance]:
        return [instance for group in self.groups for instance in group.ready.values()]

    def parts(self, now: Nanos) -> list[Part]:
        """In the order of ``instances``, cut where those that have waited less must stand nearer."""
        return [part for group in self.groups for part in _parts(group, now)]


def _parts(group: Group, now: Nanos) -> list[Part]:
    request = group.spec.request
    if request.locality is None:
        return [Part(request, len(group.ready), group.census)]
    counts: dict[Level, int] = {}
    for instance in group.ready.values():
        level = request.locality.allowed(now - instance.since)
        counts[level] = counts.get(level, 0) + 1
    return [Part(request, count, group.census, level) for level, count in counts.items()]


@attrs.define(eq=False)
class Plan:
    """What one round has come to."""

    round: Round
    launches: dict[Host, list[tuple[Instance, Match]]] = attrs.field(factory=dict)
    held: dict[Host, None] = attrs.field(factory=dict)

    def launch(self, instances: Iterable[Instance], matches: Iterable[Match]) -> None:
        for instance, match in zip(instances, matches, strict=False):
            self.launches.setdefault(match.host, []).append((instance, match))


@table.on(MasterEvent.Offers)
def offers(m: DesiredSet, event: Event, out: Frame) -> None:
    """Each offer is used, held or given back."""
    held = list(m.hold.offers.values()) if m.hold is not None else []
    offered = hosts(m, [*held, *event.body.offers])
    plan = _planned(m, offered, out)
    refuse_s = _refuse_s(m, out.now)
    for host, placed in plan.launches.items():
        _accept(m, host, placed, refuse_s, out)
    for host in offered:
        m.unused.pop(host.place, None)
    idle = [host for host in offered if host not in plan.launches and host not in plan.held]
    for host in idle:
        m.unused[host.place] = host
        if len(m.unused) > UNUSED_MAX:
            del m.unused[next(iter(m.unused))]
    decline(m, [offer for host in idle for offer in host.offers], refuse_s, out)


def hosts(m: DesiredSet, given: Iterable[Offer]) -> list[Host]:
    """With what is known of them besides."""
    made = hosts_of(given)
    for host in made:
        known = m.capabilities.get(host.agent_id)
        host.capabilities = None if known is None else frozenset(known)
    return made


def _planned(m: DesiredSet, offered: list[Host], out: Frame) -> Plan:
    habits = m.habits
    round = Round(
        offered, filters=habits.filters, now=out.now, home_region=habits.home_region, draining_s=habits.draining_s,
        rng=m.rng,
    )  # fmt: skip
    plan = Plan(round)
    holder = None
    for unit in sorted(units(m), key=lambda unit: unit.order):
        parts, instances = unit.parts(out.now), unit.instances
        if unit.gang is not None:
            placed = round.place_all(parts)
            may_hold = holder is None and (m.hold is None or m.hold.gang == unit.gang)
            if placed is not None:
                m.gangs[unit.gang].vain_holds = 0
            elif may_hold and holds.keep(parts, plan):
                holder = unit.gang
        else:
            placed = [round.place(part) for part in parts]
        if placed is not None:
            at = 0
            for part, matches in zip(parts, placed, strict=True):
                plan.launch(instances[at : at + part.count], matches)
                at += part.count
        for group, part in zip(_groups_of(unit, parts), parts, strict=True):
            group.funnel.merge(round.funnel(part))
    holds.settle(m, holder, plan, out)
    return plan


def _groups_of(unit: Unit, parts: list[Part]) -> list[Group]:
    return [group for part in parts for group in unit.groups if group.census is part.census]


def units(m: DesiredSet) -> list[Unit]:
    """Everything that is ready."""
    found: dict[str | tuple[str], Unit] = {}
    for groups in m.waiting.values():
        for name, group in groups.items():
            gang = group.spec.gang
            if gang is None:
                found[name] = Unit([group], None)
            else:
                found.setdefault((gang,), Unit([], gang)).groups.append(group)
    return list(found.values())


def _accept(
    m: DesiredSet, host: Host, placed: list[tuple[Instance, Match]], refuse_s: float, out: Frame
) -> None:  # fmt: skip
    """The tasks are written down, and asked for."""
    resources: dict[int, tuple[Resource, ...]] = {}  # by identity: alike tasks have the same share
    tasks: list[TaskInfo] = []
    for instance, match in placed:
        group, share = m.groups[instance.name], match.share
        task_id = m.launch(instance, host.agent_id, host.values(group.census.fields), out)
        if id(share) not in resources:
            resources[id(share)] = share.resources.messages()
        launch = Launch(
            instance.name, instance.number, instance.incarnation, task_id, host.agent_id, host.hostname,
            resources[id(share)], share.ports,
        )  # fmt: skip
        tasks.append(group.spec.make(launch))
        out.change(words.Launched(task_id, host.hostname))
    m.refused.setdefault(host.place[1])
    accept = Call.Accept(
        offer_ids=tuple([offer.id for offer in host.offers]),
        operations=(Operation(type=Operation.Type.LAUNCH, launch=Operation.Launch(task_infos=tuple(tasks))),),
        filters=Filters(refuse_seconds=refuse_s),
    )
    out.send(SESSION, Call(type=Call.Type.ACCEPT, accept=accept))


def decline(m: DesiredSet, given: Iterable[Offer], refuse_s: float, out: Frame) -> None:
    """The offers are somebody else's."""
    offer_ids = []
    for offer in given:
        m.refused[place_of(offer)[1]] = None
        offer_ids.append(offer.id)
    if offer_ids:
        declined = Call.Decline(offer_ids=tuple(offer_ids), filters=Filters(refuse_seconds=refuse_s))
        out.send(SESSION, Call(type=Call.Type.DECLINE, decline=declined))


def _refuse_s(m: DesiredSet, now: Nanos) -> float:
    """For how long what does not fit now will not fit: until somebody may stand farther from its data, at most."""
    changes = [
        change
        for groups in m.waiting.values() for group in groups.values() if group.spec.request.locality is not None
        for instance in group.ready.values()
        if (change := group.spec.request.locality.changes_after(now - instance.since)) is not None
    ]  # fmt: skip
    return min([m.habits.refuse_s, *(change / SECOND for change in changes)])


@table.on(NotSaid)
def not_said(m: DesiredSet, event: Event, out: Frame) -> None:
    """What was to be launched was not, and waits for another offer."""
    for operation in event.body.call.accept.operations:
        for task in operation.launch.task_infos if operation.launch is not None else ():
            instance = m.tasks.get(task.task_id)
            if instance is not None:
                updates.lost(m, instance, out)


@table.on(words.AgentKnown)
def agent_known(m: DesiredSet, event: Event, out: Frame) -> None:
    """Offers of the agent come with these capabilities from now on."""
    m.capabilities[event.body.agent_id] = event.body.capabilities
    if len(m.capabilities) > CAPABILITIES_MAX:
        del m.capabilities[next(iter(m.capabilities))]
