"""What can be launched now: offers are wanted in its roles, and in no other (``wishes``)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.sdk.launcher import words
from mesos_py.sdk.launcher.group import Gang
from mesos_py.sdk.launcher.instances import Instance, State
from mesos_py.sdk.matching import Funnel

if TYPE_CHECKING:
    from mesos_py.sdk.launcher.core import DesiredSet

table = Table("demand of a launcher")


def wait(m: DesiredSet, instance: Instance, out: Frame) -> None:
    """A WAITING instance is ready as soon as it may be launched, and the others of its gang may."""
    gang = m.gang_of(instance)
    if instance.not_before > out.now:
        m.timers.set(instance.key, instance.not_before, words.WaitOver(*instance.key))
        if gang is not None:
            block(m, gang, instance.key)
        return
    instance.since = out.now
    if gang is None:
        _be_ready(m, instance)
    else:
        gang.blocking.pop(instance.key, None)
        gang.parked[instance.key] = instance
        release(m, gang)


def block(m: DesiredSet, gang: Gang, key: Hashable) -> None:
    """None of the gang is ready before whatever has that key is."""
    gang.blocking[key] = None
    for other in list(gang.ready.values()):
        leave(m, other)
        gang.parked[other.key] = other


def release(m: DesiredSet, gang: Gang) -> None:
    """If nobody is waited for any more, those that have waited are ready."""
    if not gang.blocking:
        for instance in list(gang.parked.values()):
            _be_ready(m, instance)
            gang.ready[instance.key] = gang.parked.pop(instance.key)


def _be_ready(m: DesiredSet, instance: Instance) -> None:
    group = m.groups[instance.name]
    role = group.spec.request.role
    group.ready[instance.number] = instance
    m.waiting.setdefault(role, {})[instance.name] = group
    if role in m.refused:
        m.renewed.setdefault(role)


def leave(m: DesiredSet, instance: Instance) -> None:
    """It is neither ready nor does it wait to be."""
    group = m.groups[instance.name]
    gang = m.gang_of(instance)
    m.timers.cancel(instance.key)
    if gang is not None:
        gang.blocking.pop(instance.key, None)
        gang.parked.pop(instance.key, None)
        gang.ready.pop(instance.key, None)
    if group.ready.pop(instance.number, None) is not None and not group.ready:
        role = group.spec.request.role
        group.funnel = Funnel()
        del m.waiting[role][instance.name]
        if not m.waiting[role]:
            del m.waiting[role]


@table.on(words.WaitOver)
def wait_over(m: DesiredSet, event: Event, out: Frame) -> None:
    """The instance may be launched."""
    instance = m.groups[event.body.name].instances[event.body.number]
    if instance.state is State.WAITING:
        wait(m, instance, out)
