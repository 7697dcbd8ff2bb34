"""What should run: places are made for it, and what is too much is stopped."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.machine.table import Table
from mesos_py.machine.values import MILLISECOND
from mesos_py.sdk.launcher import demand, rolling, updates, words
from mesos_py.sdk.launcher.group import Gang, Group
from mesos_py.sdk.launcher.instances import PREFIX, RESERVED, Instance, State
from mesos_py.sdk.launcher.specs import Selection, Spec, parsed
from mesos_py.sdk.session.behind import SESSION, Forget, Kept
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from mesos_py.sdk.launcher.core import DesiredSet

table = Table("what a launcher is to do")

#: in this order
_DISPENSABLE = (State.WAITING, State.STOPPING, State.UNREACHABLE, State.STARTING, State.RUNNING, State.OVER)


def _no_name_twice(m: DesiredSet, event: Event) -> Problem | None:
    names = [spec.name for spec in event.body.specs]
    twice = next((name for name in names if names.count(name) > 1), None) if len({*names}) < len(names) else None
    return None if twice is None else bad_request(f"two specs have the name '{twice}'")


@table.on(words.Begun, check=_no_name_twice)
def begun(m: DesiredSet, event: Event, out: Frame) -> None:
    """What a predecessor has left is taken up, and what should run will.

    A task that was written down but never asked for does not exist; one that has ended meanwhile has ended. What
    belongs to no spec is killed.
    """
    told: words.Begun = event.body
    kept = told.records.get(RESERVED)
    m.next_incarnation = m.reserved = int(kept) if kept is not None else out.now // MILLISECOND
    specs = {spec.name: spec for spec in told.specs}
    m.groups = {name: Group(spec) for name, spec in specs.items()}
    _know_gangs(m)
    found = [Instance.of(name, record) for name, record in told.records.items() if _is_instance(name)]
    for instance in sorted(found, key=lambda one: (one.name, one.number)):
        if instance.name in specs:
            instance.since = out.now
            m.add(instance, out)
            continue
        out.write(Kept(instance.record_name, None))
        if instance.is_live and instance.task_id in told.tasks and told.tasks[instance.task_id] not in updates.ENDS:
            _kill(instance, out)
    for task_id in told.tasks:
        if told.tasks[task_id] in updates.ENDS and task_id not in m.tasks and parsed(task_id) is not None:
            out.send(SESSION, Forget(task_id))
    for task_id, instance in list(m.tasks.items()):
        state = told.tasks.get(task_id)
        if m.tasks.get(task_id) is not instance:
            continue
        if state is None:
            updates.lost(m, instance, out)
        elif state in updates.ENDS:
            updates.ended(m, instance, state, None, out)
        elif instance.state is State.STOPPING:
            _kill(instance, out)
    for group in m.groups.values():
        _fill(m, group, out)
        rolling.look(m, group, out)


def _is_instance(record_name: str) -> bool:
    return record_name.startswith(PREFIX) and record_name != RESERVED


@table.on(words.Declared, check=_no_name_twice)
def declared(m: DesiredSet, event: Event, out: Frame) -> None:
    """These specs and no others will run. Tasks that run go on as they are, whatever has changed in their spec."""
    specs = {spec.name: spec for spec in event.body.specs}
    for name, group in list(m.groups.items()):
        if name not in specs:
            for instance in list(group.instances.values()):
                if instance.state in (State.STARTING, State.RUNNING):
                    _kill(instance, out)
                m.remove(instance, out)
            del m.groups[name]
            m.timers.cancel(("roll", name))
    for name, spec in specs.items():
        if name not in m.groups:
            m.groups[name] = Group(spec)
        elif m.groups[name].spec is not spec:
            _declare_anew(m, m.groups[name], spec, out)
    _know_gangs(m)
    for group in m.groups.values():
        _fill(m, group, out)
        rolling.look(m, group, out)


def _declare_anew(m: DesiredSet, group: Group, spec: Spec, out: Frame) -> None:
    """What waits, or is waited for, does so under the new spec, and has waited as long as it had."""
    former = m.gangs.get(group.spec.gang) if group.spec.gang is not None else None
    order = [*group.ready.values(), *(one for one in group.instances.values() if one.number not in group.ready)]
    since = [instance.since for instance in order]
    for instance in group.instances.values():
        demand.leave(m, instance)
    group.declare(spec)
    _know_gangs(m)
    for instance, before in zip(order, since, strict=True):
        m.enter(instance, out)
        instance.since = before
    if former is not None and former in m.gangs.values():
        demand.release(m, former)


def _know_gangs(m: DesiredSet) -> None:
    named = dict.fromkeys(group.spec.gang for group in m.groups.values() if group.spec.gang is not None)
    m.gangs = {name: m.gangs.get(name) or Gang() for name in named}


def _fill(m: DesiredSet, group: Group, out: Frame) -> None:
    """There are as many instances as there should be; new ones have the lowest numbers that are free."""
    wanted = [instance for instance in group.instances.values() if instance.is_wanted]
    missing = group.spec.count - len(wanted)
    number = 0
    while missing > 0:
        if number not in group.instances:
            instance = Instance(group.spec.name, number)
            m.add(instance, out)
            missing -= 1
        number += 1
    if missing < 0:
        for instance in victims(wanted, -missing, group.spec):
            stop(m, instance, None, out)


def stop(m: DesiredSet, instance: Instance, then: State | None, out: Frame) -> None:
    """It is ``then`` as soon as it has no task any more. One that nobody can reach counts as none, unless its spec
    would wait for it for ever; it is killed if it comes back."""
    has_task = (State.STARTING, State.RUNNING, State.STOPPING)
    is_awaited = m.groups[instance.name].spec.unreachable_s is None
    if instance.state in has_task or (instance.state is State.UNREACHABLE and is_awaited):
        if instance.state is not State.STOPPING:
            _kill(instance, out)
        instance.then = then
        m.move(instance, State.STOPPING, out)
    elif then is None:
        m.remove(instance, out)
    else:
        m.move(instance, then, out)


def _kill(instance: Instance, out: Frame) -> None:
    kill = Call.Kill(task_id=instance.task_id, agent_id=instance.agent_id)
    out.send(SESSION, Call(type=Call.Type.KILL, kill=kill))


def victims(instances: Iterable[Instance], count: int, spec: Spec) -> list[Instance]:
    """The ``count`` that are missed least: those that wait, then from the tallest groups of a spread, then those that
    have come least far, then as the spec selects, then the highest numbers."""
    if spec.selection is Selection.HIGHEST:
        return sorted(instances, key=lambda one: -one.number)[:count]
    sign = 1 if spec.selection is Selection.OLDEST else -1
    ordered = sorted(instances, key=lambda one: (_DISPENSABLE.index(one.state), sign * one.since, -one.number))
    chosen = [one for one in ordered if one.state is State.WAITING][:count]
    rest = ordered[len(chosen) :] if len(chosen) < count else []
    fields = spec.request.fields
    heaps: dict[tuple[str | None, ...], list[Instance]] = {}
    for one in rest:
        heaps.setdefault(tuple([one.values.get(field) for field in fields]), []).append(one)
    tallest = [(-len(heap), index) for index, heap in enumerate(heaps.values())]
    heapq.heapify(tallest)
    stacks = [iter(heap) for heap in heaps.values()]
    while len(chosen) < count and tallest:
        height, index = heapq.heappop(tallest)
        chosen.append(next(stacks[index]))
        if height + 1 < 0:
            heapq.heappush(tallest, (height + 1, index))
    return chosen
