"""Tasks of a spec's former version, replaced a few at a time.

There is a look every second: who was launched under another version is killed and launched anew, those first of which
nobody knows that they run, then the longest running, as long as no more than ``away_max`` instances are missing. So an
update whose tasks do not come to run stops by itself, and goes on when another version is declared. A gang is replaced
as a whole. What is over is not begun again, and what nobody can reach is replaced when it is back, or given up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import SECOND
from mesos_py.sdk.launcher import declared, updates, words
from mesos_py.sdk.launcher.group import Group
from mesos_py.sdk.launcher.instances import Instance, State

if TYPE_CHECKING:
    from mesos_py.sdk.launcher.core import DesiredSet

table = Table("rolling updates")

LOOK_EVERY = SECOND
_HERE = (State.RUNNING, State.OVER)


@table.on(words.LookDue)
def look_due(m: DesiredSet, event: Event, out: Frame) -> None:
    """As many as may be are replaced."""
    look(m, m.groups[event.body.name], out)


def look(m: DesiredSet, group: Group, out: Frame) -> None:
    """Likewise; O(instances). It is looked again while tasks of another version are there."""
    version = group.spec.version
    old = [one for one in group.instances.values() if one.is_live and one.is_wanted and one.version != version]
    if not old:
        m.timers.cancel(("roll", group.spec.name))
        return
    m.timers.set(("roll", group.spec.name), out.now + LOOK_EVERY, words.LookDue(group.spec.name))
    candidates = [one for one in old if one.state in (State.STARTING, State.RUNNING)]
    if group.spec.gang is not None:
        if candidates:
            updates.begin_again(m, group.spec.gang, candidates[0], State.WAITING, out)
        return
    candidates.sort(key=lambda one: (one.state is State.RUNNING, one.since, one.number))
    away = sum(_is_away(one, version) for one in group.instances.values())
    for instance in candidates[: max(0, group.spec.away_max - away)]:
        declared.stop(m, instance, State.WAITING, out)


def _is_away(instance: Instance, version: str) -> bool:
    """One of a former version that is said to start may well run: whoever begins knows no better."""
    is_old_start = instance.state is State.STARTING and instance.version != version
    return instance.is_wanted and instance.state not in _HERE and not is_old_start
