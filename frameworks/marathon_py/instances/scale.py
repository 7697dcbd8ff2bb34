"""What there is, is what is defined: of each spec that no deployment works on there are as many instances as it says.

Looked at is every spec whose number of instances has changed, at once, and every spec from time to time, whatever has
happened. Instances of what is not defined any more are stopped. Source: mesosphere/marathon .../SchedulerActions.scala
scaleRunSpec, .../MarathonSchedulerActor.scala reconcileTasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py.instances import dues, kills, updates
from frameworks.marathon_py.instances.instance import Goal
from frameworks.marathon_py.instances.victims import victims
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.timers import SOON
from mesos_py.machine.values import seconds

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon
    from frameworks.marathon_py.definitions.paths import PathId

table = Table("numbers of instances")

SLICE = 500  # instances of one spec that are started, or ended, in one frame: some 10 ms; the rest follows


def begin(m: Marathon, out: Frame) -> None:
    """Everything is looked at in a while, when tasks have been heard of."""
    m.recounted.clear()
    m.counted.update(dict.fromkeys(m.of_spec))
    m.timers.set("scale", out.now + seconds(m.habits.scale_apps_initial_delay_s), dues.ScaleDue())


@table.on(dues.ScaleDue)
def scale_due(m: Marathon, event: Event, out: Frame) -> None:
    """All specs have their numbers, and are looked at again."""
    m.recounted.update(dict.fromkeys([*m.specs, *m.of_spec]))
    m.timers.set("scale", out.now + seconds(m.habits.scale_apps_interval_s), dues.ScaleDue())


def settle(m: Marathon, out: Frame) -> None:
    """What was counted anew has its number. What that changes is counted again, and has it already."""
    while m.recounted:
        spec_id = next(iter(m.recounted))
        if m.has_begun and spec_id not in m.locked:
            _be_as_defined(m, spec_id, out)
        m.recounted.pop(spec_id, None)
        m.counted[spec_id] = None


def _be_as_defined(m: Marathon, spec_id: PathId, out: Frame) -> None:
    spec = m.specs.get(spec_id)
    if spec is None:
        for instance in m.of(spec_id):
            if instance.goal is not Goal.DECOMMISSIONED:
                kills.wipe(m, instance, out)
        return
    current = [one for one in m.of(spec_id) if one.is_current]
    for instance in victims(spec, current, len(current) - spec.instances) if len(current) > spec.instances else ():
        kills.stop(m, instance, out)
    missing = max(0, spec.instances - len(current))
    stopped = [one for one in m.of(spec_id) if one.goal is Goal.STOPPED and not one.open_tasks][:missing]
    for instance in stopped:  # they have their data
        m.want(instance, Goal.RUNNING, out)
        updates.reschedule(m, instance, out)
    for _ in range(min(missing - len(stopped), SLICE)):
        m.add(spec, out)
    if missing - len(stopped) > SLICE:
        m.timers.set("scale", out.now + SOON, dues.ScaleDue())
