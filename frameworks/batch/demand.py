"""Whether offers are wanted: while something could be started in a role, and at no other time.

SUPPRESS when the last of a role is gone, REVIVE when there is one again, and once more when another job comes to wait
after something was given back: what was refused then would not be offered again for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.batch import words
from frameworks.batch.entry import Entry
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from frameworks.batch.core import Batch

table = Table("demand of batch jobs")


def want(m: Batch, entry: Entry, is_wanted: bool, out: Frame) -> None:
    """The job has something to start, or has not."""
    role = entry.job.queue
    waits = entry.name in m.waiting.get(role, {})
    if is_wanted and not waits:
        entry.since = out.now
        m.waiting.setdefault(role, {})[entry.name] = entry
        if role in m.refused:
            m.renewed.setdefault(role)
    elif waits and not is_wanted:
        del m.waiting[role][entry.name]
        if not m.waiting[role]:
            del m.waiting[role]


def relax(m: Batch) -> None:
    """What was not started because too much was starting is offered for again when half of that runs."""
    if m.is_full and m.starting <= m.habits.starting_max // 2:
        m.is_full = False
        m.renewed |= dict.fromkeys(m.wanted)


def settle(m: Batch, out: Frame) -> None:
    """The master knows whether offers are wanted."""
    gone = [role for role in m.wanted if role not in m.waiting]
    come = [role for role in m.waiting if role not in m.wanted]
    for role in gone:
        m.wanted.pop(role)
        m.renewed.pop(role, None)
    if gone:
        out.send(words.SCHEDULER, Call(type=Call.Type.SUPPRESS, suppress=Call.Suppress(roles=tuple(gone))))
    if come:
        m.wanted |= dict.fromkeys(come)
        _revive(m, come, out)
    if m.renewed and "revive" not in m.timers:
        _revive(m, list(m.renewed), out)


def _revive(m: Batch, roles: list[str], out: Frame) -> None:
    for role in roles:
        m.renewed.pop(role, None)
        m.refused.pop(role, None)
    out.send(words.SCHEDULER, Call(type=Call.Type.REVIVE, revive=Call.Revive(roles=tuple(roles))))
    m.timers.set("revive", out.now + seconds(m.habits.revive_every_s), words.ReviveDue())


@table.on(words.ReviveDue)
def revive_due(m: Batch, event: Event, out: Frame) -> None:
    """What was put off is asked for now (``settle``)."""
