"""Which jobs have something to start: offers are wanted in their roles, and in no other (``sdk/launcher/wishes``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.batch import words
from frameworks.batch.entry import Entry
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import Nanos

if TYPE_CHECKING:
    from frameworks.batch.core import Batch


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


def relax(m: Batch, now: Nanos) -> None:
    """What was not started because too much was starting has its turn when half of that runs: on offers that are left,
    and on those that were given back, which are asked for again."""
    if m.is_full and m.starting <= m.habits.starting_max // 2:
        m.is_full = False
        m.renewed |= {role: None for role in m.wanted if role in m.refused}
        if m.unused:
            m.timers.set("match", now, words.MatchDue())
