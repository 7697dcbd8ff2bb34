"""Instances out of reach: how long they are waited for, by the strategy of their definition.

=====================================  ===================================================================
strategy                               the instance
=====================================  ===================================================================
``inactiveAfter`` a, ``expungeAfter``  counts until a, is replaced then (UNREACHABLE_INACTIVE), and is
e, both since it went out of reach     forgotten at e; if both are the same, it is forgotten then
disabled                               counts, and is waited for, for ever
=====================================  ===================================================================

If its task comes back before, it counts again, and what is too many then is killed (``scale``); after that its task is
a stranger, and is killed. Marathon looks every 30 seconds, we when it is time.

Source: mesosphere/marathon .../state/UnreachableStrategy.scala, .../core/task/jobs/impl/ExpungeOverdueLostTasksActor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py.definitions.app import NO_LIMIT, App, UnreachableStrategy
from frameworks.marathon_py.instances import dues
from frameworks.marathon_py.instances.instance import Condition, Goal, Instance
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.wire.task import TaskStatus

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("instances out of reach")


def strategy_of(instance: Instance) -> UnreachableStrategy | None:
    """None: it is waited for, for ever."""
    spec = instance.spec
    found = spec.unreachable_strategy if isinstance(spec, App) else spec.scheduling.unreachable_strategy
    return None if isinstance(found, str) else found or NO_LIMIT


def heard(m: Marathon, instance: Instance, status: TaskStatus, out: Frame) -> None:
    """None of its tasks is in reach."""
    said = status.unreachable_time.nanoseconds if status.unreachable_time is not None else None
    if instance.unreachable_since is None or said is not None:
        instance.unreachable_since = min(said or out.now, out.now)
    m.killing.pop(instance.id, None)  # it does not stand in the way of others
    m.kills.pop(instance.id, None)
    judge(m, instance, out)


def judge(m: Marathon, instance: Instance, out: Frame) -> None:
    """It is what it has to be by now, and will be looked at when it is time for more."""
    key = ("unreachable", instance.id)
    m.timers.cancel(key)
    strategy, since = strategy_of(instance), instance.unreachable_since
    assert since is not None
    if instance.goal is Goal.DECOMMISSIONED and not instance.spec.is_resident:
        m.become(instance, Condition.UNREACHABLE, out)
        m.forget(instance, out)
        return
    if strategy is None:
        m.become(instance, Condition.UNREACHABLE, out)
        return
    inactive = since + seconds(strategy.inactive_after_seconds)
    expunge = since + seconds(strategy.expunge_after_seconds)
    if instance.condition is not Condition.UNREACHABLE_INACTIVE:
        m.become(instance, Condition.UNREACHABLE, out)
    if out.now >= expunge:
        m.forget(instance, out)
        return
    if out.now >= inactive:
        m.become(instance, Condition.UNREACHABLE_INACTIVE, out)
    m.timers.set(key, inactive if out.now < inactive else expunge, dues.UnreachableDue(instance.id))


@table.on(dues.UnreachableDue)
def unreachable_due(m: Marathon, event: Event, out: Frame) -> None:
    """It has been out of reach for long enough, unless it is back or gone."""
    instance = m.instances.get(event.body.instance_id)
    if instance is not None and instance.unreachable_since is not None:
        judge(m, instance, out)
