"""What a predecessor has left: read once, before anything else is decided."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from frameworks.batch import calendar, words
from frameworks.batch.entry import (
    JOB,
    NEXT,
    PREFIX,
    SCHEDULE,
    SUBMISSION,
    TASK,
    Entry,
    State,
    Task,
    parsed,
)  # fmt: skip
from frameworks.batch.fields import read
from frameworks.batch.job import Submission
from frameworks.batch.settle import be_ended
from frameworks.batch.shares import FORGOTTEN_S
from frameworks.batch.submit import add, begin
from mesos_py.algebra.ranges import Ranges
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos, seconds
from mesos_py.sdk.session.behind import SESSION
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from frameworks.batch.core import Batch

table = Table("what a predecessor has left")


@table.on(words.Begun)
def begun(m: Batch, event: Event, out: Frame) -> None:
    """Jobs, tasks and schedules are as they were. Raises ValueError, KeyError for records that are not ours."""
    told: words.Begun = event.body
    m.records = {name: contents for name, contents in told.records.items() if name.startswith(PREFIX)}
    m.next_submission = int(m.records.get(NEXT, b"1"))
    numbers = sorted(int(name.removeprefix(SUBMISSION)) for name in m.records if name.startswith(SUBMISSION))
    for number in numbers:
        kept = json.loads(m.records[f"{SUBMISSION}{number}"])
        submission = read(Submission, {"jobs": kept["jobs"]})
        add(m, number, submission, kept["at"], kept["schedule"], kept["due"])
    _restore_jobs(m)
    _restore_tasks(m, out)
    for task_id, known in told.tasks.items():
        _restore_live(m, task_id, known, out)
    m.has_begun = True
    for entry in list(m.entries.values()):
        if entry.end is not None:
            be_ended(m, entry)
    for entry in list(m.entries.values()):
        if entry.end is None:
            begin(m, entry, out)
    calendar.begin(m, [name for name in m.records if name.startswith(SCHEDULE)], out)


def _restore_jobs(m: Batch) -> None:
    for name, entry in m.entries.items():
        record = m.records.get(f"{JOB}{name}")
        if record is not None:
            entry.restore(record)


def _restore_tasks(m: Batch, out: Frame) -> None:
    """Of jobs that have not ended, and what users have had lately of those that have; what belongs to a job that was
    forgotten is removed."""
    known: dict[str, list[tuple[int, int]]] = {}
    for record_name in list(m.records):
        if record_name.startswith(JOB) and record_name.removeprefix(JOB) not in m.entries:
            m.keep(record_name, None, out)
        if not record_name.startswith(TASK):
            continue
        name, _, position = record_name.removeprefix(TASK).rpartition(".")
        entry = m.entries.get(name)
        if entry is None:
            m.keep(record_name, None, out)
            continue
        if entry.end is not None and out.now - entry.ended > seconds(FORGOTTEN_S):
            continue
        task, then = Task.restored(entry, int(position), m.records[record_name])
        for attempt in task.history:
            if attempt.started is not None:
                _began(entry, attempt.started)
                m.shares.ran(entry.job.user, entry.cost, attempt.started, attempt.ended, out.now)
        if entry.end is None:
            known.setdefault(name, []).append((task.position, task.position))
            _restore_task(m, task, then, out)
    for name, positions in known.items():
        m.entries[name].fresh -= Ranges(positions)


def _restore_task(m: Batch, task: Task, then: str, out: Frame) -> None:
    entry = task.entry
    if then == "again":
        m.wait(task, task.not_before, out.now)
    elif then == "succeeded":
        entry.succeeded += 1
        if entry.job.gang:
            task.state = State.DONE
            entry.done[task.position] = task
    else:
        entry.failed += 1


def _restore_live(m: Batch, task_id: TaskID, known: words.UnderWay, out: Frame) -> None:
    """It was asked for: it lives until somebody says otherwise. What nobody wants is killed; an end that we know of
    and the session does not is told again, and forgotten then (``updates``)."""
    ours = parsed(task_id)
    if ours is None:
        return
    name, position, submission, attempt = ours
    entry = m.entries.get(name)
    is_known = entry is not None and entry.submission == submission and entry.end is None
    if entry is None or not is_known:
        _kill(task_id, known.agent_id, out)
        return
    task = entry.ready.get(position) or entry.delayed.get(position) or entry.done.get(position)
    if position in entry.fresh:
        entry.fresh -= Ranges([(position, position)])
        task = Task(entry, position)
    if task is None or attempt <= task.attempt:
        _kill(task_id, known.agent_id, out)  # it has ended, and if not, it should
        return
    entry.ready.pop(position, None)
    if entry.delayed.pop(position, None) is not None:
        m.timers.cancel(("retry", name, position))
    if entry.done.pop(position, None) is not None:
        entry.succeeded -= 1
    task.state, task.attempt, task.agent_id, task.started = State.LIVE, attempt, known.agent_id, known.launched
    m.be_live(task, out.now)
    if known.launched is not None:
        m.shares.ran(entry.job.user, entry.cost, known.launched, out.now, out.now)
    _began(entry, known.launched if known.launched is not None else out.now)


def _began(entry: Entry, at: Nanos) -> None:
    entry.started = at if entry.started is None else min(at, entry.started)


def _kill(task_id: TaskID, agent_id: AgentID | None, out: Frame) -> None:
    kill = Call.Kill(task_id=task_id, agent_id=agent_id)
    out.send(SESSION, Call(type=Call.Type.KILL, kill=kill))


