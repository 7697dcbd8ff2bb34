"""How much a task has processed, as it tells itself: Chronos' data jobs do (``numAdditionalElementsProcessed``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from frameworks.batch import words
from frameworks.batch.broken import NOT_UNDERSTOOD, loads
from frameworks.batch.entry import ATTEMPTS_KEPT, ELEMENTS, Entry, parsed
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.machine.table import Table
from mesos_py.wire.ids import TaskID

if TYPE_CHECKING:
    from frameworks.batch.core import Batch

table = Table("what tasks have processed")


def _is_of_a_job(m: Batch, event: Event) -> Problem | None:
    ours = parsed(event.body.task_id)
    if ours is None or ours[0] not in m.entries or m.entries[ours[0]].submission != ours[2]:
        return bad_request(f"there is no task '{event.body.task_id}'")
    return None


@table.on(words.Processed, check=_is_of_a_job)
def processed(m: Batch, event: Event, out: Frame) -> None:
    """So much more; of the last attempts it is remembered."""
    task_id: TaskID = event.body.task_id
    entry = m.entries[parsed(task_id)[0]]  # type: ignore[index]
    told = elements(m, entry)
    told[task_id] = told.pop(task_id, 0) + event.body.elements
    kept = dict(list(told.items())[-ATTEMPTS_KEPT:])
    m.keep(f"{ELEMENTS}{entry.name}", json.dumps(kept, separators=(",", ":")).encode(), out)


def elements(m: Batch, entry: Entry) -> dict[TaskID, int]:
    """By attempt; those that have never said anything are not there, and a record that is torn says nothing."""
    try:
        told = loads(m.records[f"{ELEMENTS}{entry.name}"])
        return {TaskID(task_id): int(number) for task_id, number in told.items()}
    except NOT_UNDERSTOOD:
        return {}
