"""The master core: events go in, frames come out.

::

    scheduler calls    calls/subscription, scheduler, accept, offers, tasks, reconcile, teardown
    agent messages     calls/agents, reregister, updates
    operators          calls/teardown, gone, quota, weights
    timers             calls/liveness, recovery, gc, offers, subscription

This file only puts the parts together: what each kind of event means stands in ``calls/``, what is remembered in
``state``, who is offered what in ``allocator/``. Nothing here waits, reads a clock or fails halfway: a handler checks
(and may refuse with a Problem) before it changes anything.

Mesos: src/master/master.cpp.
"""

from __future__ import annotations

from typing import Any

from mesos_py.machine.frame import Event, Frame, Tick
from mesos_py.machine.problem import Kind, Problem
from mesos_py.machine.table import Table, run
from mesos_py.machine.timers import Timers
from mesos_py.machine.values import Nanos, seconds
from mesos_py.master.allocator.core import Allocator, AllocatorOptions
from mesos_py.master.allocator.sorter import Random
from mesos_py.master.calls import (
    accept,
    agents,
    connections,
    gc,
    gone,
    liveness,
    offers,
    operations,
    quota,
    reconcile,
    recovery,
    reregister,
    scheduler,
    subscription,
    tasks,
    teardown,
    updates,
    weights,
)
from mesos_py.master.changes import Dropped
from mesos_py.master.entities import Framework
from mesos_py.master.ids import Ids
from mesos_py.master.invariants import check_quotas, check_timers
from mesos_py.master.options import Options
from mesos_py.master.pings import Pings
from mesos_py.master.registry import Registry, Write
from mesos_py.master.removals import Removals
from mesos_py.master.state import State
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.scheduler_api import Event as SchedulerEvent

# Due timers handled in one frame, and words and changes after which no more are; the rest have the next frame, at once.
TIMERS_PER_FRAME = 200
OUTPUT_PER_FRAME = 1_500

#: Every kind of event a master core understands, and what it means.
ROWS = Table.merge(
    subscription.table,
    scheduler.table,
    accept.table,
    offers.table,
    operations.table,
    teardown.table,
    tasks.table,
    reconcile.table,
    agents.table,
    reregister.table,
    updates.table,
    connections.table,
    liveness.table,
    gone.table,
    quota.table,
    weights.table,
    gc.table,
    recovery.table,
)


class Master:
    """One master that leads. ``rng`` is the only source of chance, ``now`` of every call the only clock."""

    def __init__(self, info: MasterInfo, options: Options, rng: Random) -> None:
        self.info = info
        self.options = options
        self.state = State(options)
        self.registry = Registry()
        self.timers = Timers()
        self.pings = Pings(seconds(options.agent_ping_timeout_s))
        self.removals = Removals(options.agent_removal_rate_limit)
        self.ids = Ids(info.id)
        self.allocator = Allocator(allocator_options(info, options), rng)
        #: how many events of each kind were applied, for counters
        self.handled: dict[Any, int] = dict.fromkeys(ROWS, 0)
        self._cause = 0

    def apply(self, event: Event, now: Nanos) -> Frame:
        """Everything ``event`` causes."""
        self._cause += 1
        out = Frame(now, self._cause)
        kind = event.kind
        if kind is Tick:
            self._tick(out)
        elif kind in ROWS:
            self.handled[kind] += 1
            run(ROWS, self, kind, event, out)
        else:
            _not_for_us(event, out)
        return out

    def _tick(self, out: Frame) -> None:
        """Timers that are due, then the allocator's turn if it has come."""
        budget = TIMERS_PER_FRAME
        for due in self.timers.due(out.now):
            kind = type(due)
            out.due.append(due)
            self.handled[kind] += 1
            ROWS[kind].handler(self, Event(kind, due), out)
            budget -= 1
            if budget == 0 or len(out.changes) + len(out.sends) >= OUTPUT_PER_FRAME:
                break
        offers.make(self, out)

    def deadline(self) -> Nanos | None:
        """When ``Tick`` is wanted next; a time in the past means at once."""
        timer, allocation = self.timers.deadline(), self.allocator.deadline()
        if timer is None or allocation is None:
            return timer if allocation is None else allocation
        return min(timer, allocation)

    # ---- what handlers share

    def persist(self, fact: Write, out: Frame) -> None:
        """``fact`` survives this master before anything of this frame is said."""
        self.registry.apply(fact)
        out.write(fact)

    def say(self, framework: Framework, word: SchedulerEvent, out: Frame) -> None:
        """Send ``word`` to the framework's scheduler if it is there; else it is lost."""
        if framework.peer is not None:
            out.send(framework.peer, word)

    def tell_agents(self, word: object, out: Frame) -> None:
        """Send ``word`` to all registered agents that can hear it."""
        for agent in self.state.agents.values():
            if agent.connected:
                out.send(agent.peer, word)

    def check(self) -> None:
        """Every invariant of state, allocator and registry; raises AssertionError. Linear in everything."""
        self.state.check()
        self.allocator.check()
        known = self.state.agents.keys() | self.state.recovered_agents.keys()
        assert known == self.registry.agents.keys()
        assert self.state.unreachable_agents.keys() == self.registry.unreachable.keys()
        assert self.state.gone_agents == self.registry.gone
        assert self.allocator.expected.agents.keys() == self.state.recovered_agents.keys()
        check_quotas(self)
        check_timers(self)


def _not_for_us(event: Event, out: Frame) -> None:
    """A word decoders know and masters do not act upon: a newer scheduler's call, a master's word from an agent."""
    out.reply = Problem(Kind.NOT_IMPLEMENTED, "501 Not Implemented.")
    out.change(Dropped(getattr(event.kind, "__name__", str(event.kind)), "masters do not act upon it"))


def allocator_options(info: MasterInfo, options: Options) -> AllocatorOptions:
    """The allocator's share of the options."""
    region = None
    if info.domain is not None and info.domain.fault_domain is not None:
        region = info.domain.fault_domain.region.name
    return AllocatorOptions(
        allocation_interval=seconds(options.allocation_interval_s),
        role_sorter=options.role_sorter,
        framework_sorter=options.framework_sorter,
        fairness_exclude=options.fairness_excluded,
        filter_gpu_resources=options.filter_gpu_resources,
        min_allocatable=options.min_allocatable_resources,
        region=region,
    )
