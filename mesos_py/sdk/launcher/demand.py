"""What can be launched now, and whether offers are wanted: while there is any of it in a role, and at no other time.

SUPPRESS when the last of a role is gone, REVIVE when there is one again, and REVIVE once more when another one comes to
wait after something was given back: what was refused then would not be offered again for a while.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.sdk.launcher import words
from mesos_py.sdk.launcher.group import Gang
from mesos_py.sdk.launcher.instances import Instance, State
from mesos_py.sdk.launcher.words import SCHEDULER
from mesos_py.sdk.matching import Funnel
from mesos_py.wire.scheduler_api import Call

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


# ---- what the master is told


def settle(m: DesiredSet, out: Frame) -> None:
    """The master knows whether offers are wanted."""
    gone = [role for role in m.wanted if role not in m.waiting]
    come = [role for role in m.waiting if role not in m.wanted]
    for role in gone:
        m.wanted.pop(role)
        m.renewed.pop(role, None)
    if gone:
        out.send(SCHEDULER, Call(type=Call.Type.SUPPRESS, suppress=Call.Suppress(roles=tuple(gone))))
    if come:
        m.wanted |= dict.fromkeys(come)
        _revive(m, come, out)
    if m.renewed and "revive" not in m.timers:
        _revive(m, list(m.renewed), out)


def _revive(m: DesiredSet, roles: list[str], out: Frame) -> None:
    for role in roles:
        m.renewed.pop(role, None)
        m.refused.pop(role, None)
    out.send(SCHEDULER, Call(type=Call.Type.REVIVE, revive=Call.Revive(roles=tuple(roles))))
    m.timers.set("revive", out.now + seconds(m.habits.revive_every_s), words.ReviveDue())


@table.on(words.ReviveDue)
def revive_due(m: DesiredSet, event: Event, out: Frame) -> None:
    """What was put off is asked for now (``settle``)."""
