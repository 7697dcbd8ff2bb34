"""Instances that do not come up: what was asked for must be confirmed in time, and what is staged must run in time.

Those that do not are killed, and launched again, as whatever ends is. Source: mesosphere/marathon .../core/task/jobs/
impl/OverdueInstancesActor.scala, which looks every five seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py.instances import dues, kills
from frameworks.marathon_py.instances.instance import Condition
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos, seconds

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon
    from frameworks.marathon_py.instances.instance import Instance

table = Table("instances that do not come up")


def settle(m: Marathon, out: Frame) -> None:
    """Those that have changed in this frame are given their time."""
    for name in m.touched:
        instance = m.instances.get(name)
        due = _due(m, instance) if instance is not None else None
        if due is None:
            m.timers.cancel(("overdue", name))
        else:
            m.timers.set(("overdue", name), due, dues.OverdueDue(name))


def _due(m: Marathon, instance: Instance) -> Nanos | None:
    if instance.is_killed:
        return None
    if instance.condition is Condition.PROVISIONED:
        return instance.since + seconds(m.habits.task_launch_confirm_timeout_s)
    if instance.condition in (Condition.STAGING, Condition.STARTING):
        return instance.since + seconds(m.habits.task_launch_timeout_s)
    return None


@table.on(dues.OverdueDue)
def overdue_due(m: Marathon, event: Event, out: Frame) -> None:
    """It has had its time, and is killed."""
    kills.kill(m, m.instances[event.body.instance_id], out)
