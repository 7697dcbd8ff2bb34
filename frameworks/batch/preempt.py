"""Room for what is more important: our own tasks of lower priority are ended, and run again later.

The job that is served first and has found no room for ``preempt_after_s`` may have it made, on one host: where the
least important tasks that are enough stand, and of those the fewest and the youngest. They are told to end as a time
limit would tell them, lose nothing that their ``retry`` counts, and wait at their old place in the line. Tasks of gangs
are left alone, for all of the gang would have to go, and so is whoever says ``preemptible: false``.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from frameworks.batch import words
from frameworks.batch.entry import Entry, Task
from frameworks.batch.outcome import Outcome
from mesos_py.algebra.quantities import Quantities
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import seconds
from mesos_py.sdk.matching.filters import FILTERS, View, first_refusal
from mesos_py.wire.ids import AgentID

if TYPE_CHECKING:
    from frameworks.batch.core import Batch

table = Table("room for what is more important")

EVERY_S = 5.0
LOOKS_MAX = 10  # jobs that are looked at each time: each looks at all tasks


def settle(m: Batch, out: Frame) -> None:
    """Now and then, while something waits, it is looked at."""
    if m.waiting and m.habits.preempt_after_s is not None and "preempt" not in m.timers:
        m.timers.set("preempt", out.now + seconds(EVERY_S), words.PreemptDue())


@table.on(words.PreemptDue)
def preempt_due(m: Batch, event: Event, out: Frame) -> None:
    """The first in line that has waited for long enough has room made, if there is anything that helps."""
    assert m.habits.preempt_after_s is not None
    patience = seconds(m.habits.preempt_after_s)
    waiting = [one for one in m.waiting_entries() if not one.job.gang and out.now - one.since >= patience]
    for entry in heapq.nsmallest(LOOKS_MAX, waiting, key=lambda one: (-one.job.priority, one.order)):
        victims = _victims(m, entry)
        for task in victims:
            m.kill(task, Outcome.PREEMPTED, out)
        if victims:
            return


def _victims(m: Batch, entry: Entry) -> list[Task]:
    """[]: nothing helps, or what does has been ended already and will be offered soon."""
    by_agent: dict[AgentID, list[Task]] = {}
    going: dict[AgentID, Quantities] = {}
    for task in m.tasks.values():
        job, agent_id = task.entry.job, task.agent_id
        if agent_id is None or job.queue != entry.job.queue:
            continue
        if task.stop is not None:
            going[agent_id] = going.get(agent_id, Quantities()) + task.entry.request.resources
        elif job.priority < entry.job.priority and job.preemptible and not job.gang:
            by_agent.setdefault(agent_id, []).append(task)
    wanted = entry.request.resources
    best: tuple[tuple[int, int], list[Task]] | None = None
    for agent_id in {**by_agent, **going}:
        host = m.seen.get(agent_id)
        if host is None or first_refusal(FILTERS, entry.request, host, View(census=entry.census)) is not None:
            continue
        left = host.left.quantities()
        if _is_in(wanted, left):
            left = Quantities()  # somebody else has it, or we would by now
        free = left + going.get(agent_id, Quantities())
        chosen = _enough(wanted, free, by_agent.get(agent_id, []))
        if chosen is None:
            continue
        if not chosen:
            return []
        rank = max(task.entry.job.priority for task in chosen), len(chosen)
        if best is None or rank < best[0]:
            best = rank, chosen
    return best[1] if best is not None else []


def _enough(wanted: Quantities, free: Quantities, tasks: list[Task]) -> list[Task] | None:
    """The least important of ``tasks`` that are enough together with what is free; None: all of them are not."""
    chosen: list[Task] = []
    for task in sorted(tasks, key=lambda one: (one.entry.job.priority, -(one.started or 0))):
        if _is_in(wanted, free):
            break
        free = free + task.entry.request.resources
        chosen.append(task)
    return chosen if _is_in(wanted, free) else None


def _is_in(wanted: Quantities, free: Quantities) -> bool:
    return all(free.get(name) >= amount for name, amount in wanted.items())
