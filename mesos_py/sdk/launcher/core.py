"""What should run, made to run: tasks launched, replaced and killed until what is there is what was declared. Pure.

::

    declared.py   what should run: places made, surplus killed        offers.py   offers matched, used, given back
    updates.py    what became of tasks: replaced, put off, over       holds.py    offers kept for a gang
    instances.py  one place and its task; what is kept of it          demand.py   what can be launched
    rolling.py    tasks of a former version, replaced                 wishes.py   what the master is told of that

It stands behind a session (``sdk.session``), which keeps tasks in a book, reconciles them, repeats kills until they
have worked and hands updates over once. What is added here:

* nothing is launched twice: an instance has at most one task that may be alive, and its incarnation and place are
  written before the ACCEPT leaves. A task that was given up and comes back is a stranger, and strangers that carry an
  id of ours are killed;
* what a predecessor has written down is taken up before anything is decided, and nothing is decided before somebody has
  declared what should run;
* offers are asked for while something waits and can be launched, and at no other time.

A spec that is declared again under its name is used for tasks that are launched from then on. The others stay as they
are, unless it has another version: then they are replaced, a few at a time (``rolling``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table, dispatch
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import Nanos, seconds
from mesos_py.sdk.launcher import declared, demand, holds, offers, rolling, updates, wishes
from mesos_py.sdk.launcher.group import Gang, Group, Hold
from mesos_py.sdk.launcher.instances import NO_VALUES, RESERVED, Instance, State
from mesos_py.sdk.launcher.specs import task_id_of
from mesos_py.sdk.launcher.words import StartDue
from mesos_py.sdk.matching import FILTERS, Explanation, Filter, Host, Level, View, explain
from mesos_py.sdk.matching.host import Place
from mesos_py.sdk.session.behind import Kept
from mesos_py.wire.ids import AgentID, TaskID

if TYPE_CHECKING:
    from random import Random

ROWS = Table.merge(declared.table, offers.table, holds.table, updates.table, demand.table, wishes.table, rolling.table)

RESERVED_AT_ONCE = 10_000  # incarnations; as many are skipped after a crash


@attrs.frozen(kw_only=True)
class Habits:
    """What holds for all specs of a launcher."""

    #: how long what is not used is not offered again, unless more is wanted meanwhile
    refuse_s: float = 120.0
    #: at least so long between two requests for offers
    revive_every_s: float = 1.0
    #: how long one gang may hold offers that are not enough yet
    hold_s: float = 30.0
    #: a host within so many seconds of a maintenance window is not used; None: whatever is announced
    draining_s: float | None = 0.0
    #: see ``matching.filters``
    home_region: str | None = None
    filters: tuple[Filter, ...] = FILTERS


class DesiredSet:
    """One desired set. Only its own methods and those of the tables change it."""

    def __init__(self, rng: Random, habits: Habits | None = None) -> None:
        self.rng = rng
        self.habits = habits or Habits()
        self.groups: dict[str, Group] = {}
        #: those that are live
        self.tasks: dict[TaskID, Instance] = {}
        self.gangs: dict[str, Gang] = {}
        #: groups with instances that are ready, by role and name
        self.waiting: dict[str, dict[str, Group]] = {}
        self.hold: Hold | None = None
        self.timers = Timers()
        #: roles in which offers are wanted, as we have said
        self.wanted: dict[str, None] = {}
        #: and those in which they are to be asked for again, since more is wanted than when some were refused
        self.renewed: dict[str, None] = {}
        #: roles in which something was given back since offers were last asked for
        self.refused: dict[str, None] = {}
        #: capabilities of agents, as far as somebody has told
        self.capabilities: dict[AgentID, tuple[str, ...]] = {}
        #: the last that each agent offered and that was given back, for those who ask why
        self.unused: dict[Place, Host] = {}
        #: incarnations: the next one, and the first that is not reserved
        self.next_incarnation = self.reserved = 0
        self._cause = 0

    def apply(self, event: Event, now: Nanos) -> Frame:
        """Everything ``event`` causes. Its ``writes`` must survive before its ``sends`` leave."""
        self._cause += 1
        out = Frame(now, self._cause)
        dispatch(ROWS, self, event, out)
        holds.forget(self, out)
        wishes.settle(self, out)
        return out

    def deadline(self) -> Nanos | None:
        return self.timers.deadline()

    # ---- looking

    def instances(self) -> Iterator[Instance]:
        for group in self.groups.values():
            yield from group.instances.values()

    def gang_of(self, instance: Instance) -> Gang | None:
        name = self.groups[instance.name].spec.gang
        return None if name is None else self.gangs[name]

    def members(self, gang: str) -> list[Instance]:
        """Those that start together, but for what is not wanted any more."""
        groups = [group for group in self.groups.values() if group.spec.gang == gang]
        return [one for group in groups for one in group.instances.values() if one.is_wanted]

    def explain(self, name: str, now: Nanos) -> Explanation:
        """Why instances of this spec wait, as far as the last offers say that were not used. Raises KeyError."""
        request, ready = self.groups[name].spec.request, self.groups[name].ready
        waited = [now - one.since for one in ready.values()]
        level = request.locality.allowed(max(waited, default=0)) if request.locality is not None else Level.ANY
        habits = self.habits
        view = View(
            now=now, home_region=habits.home_region, draining_s=habits.draining_s, level=level,
            census=self.groups[name].census,
        )  # fmt: skip
        held = offers.hosts(self, self.hold.offers.values()) if self.hold is not None else []
        return explain(request, [*held, *self.unused.values()], view, habits.filters, max(len(ready), 1))

    # ---- the one way in which instances change

    def add(self, instance: Instance, out: Frame) -> None:
        """It belongs to its group, which exists, and counts as what its state says."""
        group = self.groups[instance.name]
        group.instances[instance.number] = instance
        if instance.is_live:
            self.tasks[instance.task_id] = instance
            group.census.add(instance.values)
        self._set_timers(instance, out)
        self.enter(instance, out)

    def remove(self, instance: Instance, out: Frame) -> None:
        """Nothing of it is left."""
        self._leave(instance)
        group = self.groups[instance.name]
        del group.instances[instance.number]
        out.write(Kept(instance.record_name, None))
        gang = self.gang_of(instance)
        if gang is not None:
            demand.release(self, gang)

    def launch(self, instance: Instance, agent_id: AgentID, values: dict[str, str], out: Frame) -> TaskID:
        """It has a new task, written down; returns its id. ``values`` are in the census already."""
        self._leave(instance)
        if self.next_incarnation == self.reserved:
            self.reserved += RESERVED_AT_ONCE
            out.write(Kept(RESERVED, str(self.reserved).encode()))
        instance.incarnation, self.next_incarnation = self.next_incarnation, self.next_incarnation + 1
        instance.agent_id, instance.values = agent_id, values
        instance.version = self.groups[instance.name].spec.version
        instance.state, instance.since = State.STARTING, out.now
        task_id = task_id_of(instance.name, instance.number, instance.incarnation)
        self.tasks[task_id] = instance
        out.write(Kept(instance.record_name, instance.record()))
        self._set_timers(instance, out)
        return task_id

    def move(self, instance: Instance, state: State, out: Frame) -> None:
        """It is in ``state``. Nothing is written while its task only changes between states in which it goes on."""
        before, was_live = instance.state, instance.is_live
        if state in (State.WAITING, State.OVER):
            self._leave(instance)
            instance.agent_id, instance.values, instance.then = None, NO_VALUES, None
        instance.state, instance.since = state, out.now
        if was_live != instance.is_live or state is State.STOPPING or State.OVER in (before, state):
            out.write(Kept(instance.record_name, instance.record()))
        self._set_timers(instance, out)
        self.enter(instance, out)

    def _set_timers(self, instance: Instance, out: Frame) -> None:
        """What its task is given time for by its state, and nothing else."""
        self.timers.cancel(("unreachable", *instance.key))
        start_s = self.groups[instance.name].spec.start_s
        if instance.state is not State.STARTING:
            self.timers.cancel(("start", *instance.key))
        elif start_s is not None and ("start", *instance.key) not in self.timers:
            self.timers.set(("start", *instance.key), out.now + seconds(start_s), StartDue(*instance.key))

    def enter(self, instance: Instance, out: Frame) -> None:
        """If it waits it is ready, or will be; if it is waited for, its gang knows."""
        gang = self.gang_of(instance)
        if instance.state is State.WAITING:
            demand.wait(self, instance, out)
        elif gang is not None and instance.then is State.WAITING:
            demand.block(self, gang, instance.key)
        elif gang is not None:
            demand.release(self, gang)

    def _leave(self, instance: Instance) -> None:
        """It is in no index of its state."""
        demand.leave(self, instance)
        self.timers.cancel(("unreachable", *instance.key))
        self.timers.cancel(("start", *instance.key))
        if instance.is_live:
            del self.tasks[instance.task_id]
            self.groups[instance.name].census.remove(instance.values)

    # ---- what is always true

    def check(self) -> None:
        live = {instance.task_id: instance for instance in self.instances() if instance.is_live}
        assert live == self.tasks
        for group in self.groups.values():
            for number, instance in group.instances.items():
                assert instance.key == (group.spec.name, number)
                gang = self.gang_of(instance)
                is_parked = gang is not None and instance.key in gang.parked
                waits = (number in group.ready, instance.key in self.timers, is_parked)
                assert sum(waits) == (instance.state is State.WAITING), (instance, waits)
            for field in group.census.fields:
                values = [one.values[field] for one in group.instances.values() if one.is_live and field in one.values]
                assert dict(group.census.groups(field)) == {value: values.count(value) for value in values}
            assert sum(one.is_wanted for one in group.instances.values()) == group.spec.count
        for gang in self.gangs.values():
            assert gang.blocking or not gang.parked
        assert self.waiting == {
            role: {
                name: group for name, group in self.groups.items() if group.ready and group.spec.request.role == role
            }
            for role in self.waiting
        }
        assert all(self.waiting.values())
        assert self.next_incarnation <= self.reserved
        assert (self.hold is not None) == ("hold" in self.timers)
        assert self.hold is None or self.hold.offers
        assert self.wanted.keys() == self.waiting.keys()
