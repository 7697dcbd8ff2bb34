"""What a predecessor has left: read once, before anything else is decided. Definitions first, since all others name
them; deployments go on last, since they look at instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.deployments import records as definitions
from frameworks.marathon_py.deployments import steps, versions
from frameworks.marathon_py.instances import failures, scale
from frameworks.marathon_py.instances import records as instances
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

table = Table("what a predecessor has left")


@table.on(words.Begun)
def begun(m: Marathon, event: Event, out: Frame) -> None:
    """Everything is as it was. Raises NotUnderstood, a ValueError, for records that cannot be done without."""
    told: words.Begun = event.body
    m.records.update(one for one in told.records.items() if one[0].startswith(definitions.PREFIX))
    versions.restore(m)
    steps.restore(m)
    instances.begin(m, told.tasks, out)
    failures.begin(m, out)
    m.has_begun = True
    scale.begin(m, out)
    steps.resume(m, out)
