"""Offers: matched with what waits, used or given back. Nothing is held.

All specs of a role that wait come in random order, and each gets one instance placed in turn, until nothing fits any
more, tokens have run out, or every host has as many as one offer may get. Hosts are tried in random order, too, and
instances of one spec go where there are the fewest of them, if nothing is said against it. Equal requests are one class
(``matching``): a host is judged once for each, however many instances there are of it.

A host that has got as many as it may is offered again at once. What is of no use is not offered for
``declineOfferDuration``, unless somebody new waits.
Source: mesosphere/marathon .../core/matcher/manager/impl/OfferMatcherManagerActor.scala.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.instances.instance import APP, Instance, InstanceTask, Placed
from frameworks.marathon_py.launching import pod, ports, reasons, tokens
from frameworks.marathon_py.launching.queue import Entry
from frameworks.marathon_py.launching.request import census, hindrance
from frameworks.marathon_py.launching.task import Slot, task_info
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos
from mesos_py.sdk.matching import Census, Filter, Host, Match, Part, Request, Room, Round, hosts_of
from mesos_py.sdk.session.calls import launched_by
from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.offer import Filters, Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskInfo

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("offers to Marathon")

SEEN_MAX = 50_000  # agents whose last offer is remembered, for those who ask why
LAUNCHES_MAX = 125  # in one turn, which is so over within a tenth of a second; what is left is offered again at once

Operation = Offer.Operation


@attrs.define(eq=False)
class Seen:
    """The last that an agent has offered to a role: what was left of it, and when."""

    host: Host
    at: Nanos


class Rounds:
    """What hosts are matched in: one round for all specs, but when a plug-in has something to say about each."""

    def __init__(self, m: Marathon, hosts: list[Host], now: Nanos) -> None:
        self._m, self._hosts, self._now = m, m.rng.sample(hosts, len(hosts)), now
        self._room = Room(m.habits.max_instances_per_offer)
        self._common = self._made(reasons.FILTERS)

    def of(self, spec: App | Pod) -> Round:
        filters = reasons.filters(self._m, spec)
        return self._common if filters is reasons.FILTERS else self._made(filters)

    def _made(self, filters: tuple[Filter, ...]) -> Round:
        m = self._m
        return Round(
            self._hosts, filters=filters, now=self._now, home_region=m.home_region, draining_s=reasons.draining_s(m),
            rng=m.rng, room=self._room,
        )  # fmt: skip

    def is_full(self, host: Host) -> bool:
        """It has got as many instances as one offer may."""
        return not self._room.of(host, 1)


@attrs.define(eq=False)
class Line:
    """Instances of one definition that wait."""

    request: Request
    census: Census
    round: Round
    entry: Entry
    instances: list[Instance]
    placed: int = 0

    @property
    def left(self) -> int:
        return len(self.instances) - self.placed

    def place(self, count: int) -> list[tuple[Instance, Match]]:
        """The next of them, as far as there is room."""
        matches = self.round.place(Part(self.request, count, self.census)) if count > 0 else []
        found = list(zip(self.instances[self.placed :], matches, strict=False))
        self.placed += len(found)
        return found

    def remember(self, now: Nanos) -> None:
        """What became of the offers that were looked at."""
        entry = self.entry
        if self.placed:
            entry.last_used_at = now
        if not self.left:
            entry.processed += self.placed
            return
        funnel = self.round.funnel(Part(self.request, 1, self.census))
        entry.funnel.merge(funnel)
        entry.processed += funnel.seen
        if funnel.used < funnel.seen:
            entry.unused += funnel.seen - funnel.used
            entry.last_unused_at = now


@table.on(MasterEvent.Offers)
def offers(m: Marathon, event: Event, out: Frame) -> None:
    """Each offer is used or given back."""
    by_role: dict[str, list[Host]] = {}
    for host in hosts_of(event.body.offers):
        by_role.setdefault(host.place[1], []).append(host)
    for role, hosts in by_role.items():
        _match(m, role, hosts, out)
        for host in hosts:
            m.seen.pop(host.place, None)
            m.seen[host.place] = Seen(host, out.now)
            if len(m.seen) > SEEN_MAX:
                del m.seen[next(iter(m.seen))]


def _match(m: Marathon, role: str, hosts: list[Host], out: Frame) -> None:
    rounds = Rounds(m, hosts, out.now)
    lines = _lines(m, role, rounds)
    launches = _place(m, lines, out.now)
    wants_more = any(line.left for line in lines)
    is_cut = wants_more and m.tokens > 0 and sum(map(len, launches.values())) >= LAUNCHES_MAX
    for host, placed in launches.items():
        _accept(m, host, placed, again=is_cut or (wants_more and rounds.is_full(host)), out=out)
    for line in lines:
        line.remember(out.now)
    m.is_short = m.is_short or (wants_more and m.tokens <= 0)
    _decline(m, role, [host for host in hosts if host not in launches], again=is_cut, out=out)


def _lines(m: Marathon, role: str, rounds: Rounds) -> list[Line]:
    """In random order, so that nobody is always the last."""
    lines: list[Line] = []
    for config, there in m.waiting.get(role, {}).items():
        of_version: dict[str, list[Instance]] = {}
        for instance in there.values():
            of_version.setdefault(instance.spec.version, []).append(instance)
        for instances in of_version.values():
            spec, spec_id = instances[0].spec, instances[0].spec_id
            if config in m.delays:  # one after the other: each launch makes the others wait once more
                instances = instances[:1]
            if hindrance(m, spec) is None:
                entry = m.queue[spec_id][role]
                asked = entry.request(m, spec)
                lines.append(Line(asked, census(m, spec, asked), rounds.of(spec), entry, instances))
    m.rng.shuffle(lines)
    return lines


def _place(m: Marathon, lines: list[Line], now: Nanos) -> dict[Host, list[tuple[Instance, Match]]]:
    """Each line gets one instance placed in turn, while there are tokens."""
    launches: dict[Host, list[tuple[Instance, Match]]] = {}
    turn, room = lines, min(m.tokens, LAUNCHES_MAX)
    while turn and room > 0:
        again: list[Line] = []
        for line in turn:
            found = line.place(min(room, line.left if len(turn) == 1 else 1))
            room -= len(found)
            for instance, match in found:
                tokens.take(m, instance, now)
                launches.setdefault(match.host, []).append((instance, match))
            if found and line.left:
                again.append(line)
        turn = again
    return launches


# ---- words


def _accept(m: Marathon, host: Host, placed: list[tuple[Instance, Match]], *, again: bool, out: Frame) -> None:
    """The instances are launched there, and written down. ``again``: what is left is offered again at once."""
    where = Placed(
        host.agent_id, host.hostname, host.region, host.zone,
        {one.name: host.value(one.name) or "" for one in host.attributes},
    )  # fmt: skip
    infos: list[TaskInfo] = []
    groups: list[Operation] = []
    for instance, match in placed:
        host_ports = ports.assigned(instance.spec, match.share.ports)
        slot = Slot(host.agent_id, host.hostname, match.share.resources, host_ports)
        if isinstance(instance.spec, Pod):
            group = _launch_group(m, instance, instance.spec, where, host.offers[0].framework_id, slot, out)
            groups.append(Operation(type=Operation.Type.LAUNCH_GROUP, launch_group=group))
        else:
            infos.append(_launch(m, instance, instance.spec, where, slot, out))
    launch = [Operation(type=Operation.Type.LAUNCH, launch=Operation.Launch(task_infos=tuple(infos)))] if infos else []
    m.refused.setdefault(host.place[1])
    accept = Call.Accept(
        offer_ids=tuple([offer.id for offer in host.offers]), operations=(*launch, *groups),
        filters=_filters(m, again=again),
    )  # fmt: skip
    out.send(words.SCHEDULER, Call(type=Call.Type.ACCEPT, accept=accept))


def _launch(m: Marathon, instance: Instance, app: App, where: Placed, slot: Slot, out: Frame) -> TaskInfo:
    task_id = instance.next_task_id()
    info = task_info(m, app, task_id, slot)
    if m.hooks.edit_task is not None:
        info = m.hooks.edit_task(app, info)
    m.launched(instance, where, [InstanceTask(task_id, APP, slot.host_ports, staged_at=out.now)], out)
    return info


def _launch_group(
    m: Marathon, instance: Instance, spec: Pod, where: Placed, framework_id: FrameworkID, slot: Slot, out: Frame
) -> Operation.LaunchGroup:  # fmt: skip
    task_ids = {container.name: instance.next_task_id(container.name) for container in spec.containers}
    group = pod.launch_group(m, spec, instance.id, task_ids, framework_id, slot)
    if m.hooks.edit_group is not None:
        group = m.hooks.edit_group(spec, group)
    tasks = [
        InstanceTask(task_ids[container.name], container.name, host_ports, staged_at=out.now)
        for container, host_ports in pod.by_container(spec, slot.host_ports)
    ]
    m.launched(instance, where, tasks, out)
    return group


def _decline(m: Marathon, role: str, hosts: Iterable[Host], *, again: bool, out: Frame) -> None:
    offer_ids = tuple([offer.id for host in hosts for offer in host.offers])
    if offer_ids:
        m.refused.setdefault(role)
        decline = Call.Decline(offer_ids=offer_ids, filters=_filters(m, again=again))
        out.send(words.SCHEDULER, Call(type=Call.Type.DECLINE, decline=decline))


def _filters(m: Marathon, *, again: bool) -> Filters:
    return Filters(refuse_seconds=0.0 if again else m.habits.decline_offer_duration_s)


@table.on(words.NotSaid)
def not_said(m: Marathon, event: Event, out: Frame) -> None:
    """What was to be launched was not, was never an incarnation, and waits for another offer."""
    for info in launched_by(event.body.call.accept.operations):
        instance = m.tasks.get(info.task_id)
        if instance is not None:
            tokens.give_back(m, instance)
            m.not_launched(instance, out)
