"""What a predecessor has left: read once, before anything else is decided. What cannot be understood of it is no reason
not to go on with the rest (``broken``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from frameworks.batch import calendar, words
from frameworks.batch.broken import NOT_UNDERSTOOD, Broken, loads, names_in, read_job, said, shown, stand_in
from frameworks.batch.entry import (
    ELEMENTS,
    JOB,
    LOST,
    NEXT,
    PREFIX,
    SCHEDULE,
    SUBMISSION,
    TASK,
    Entry,
    Kept,
    State,
    Task,
    parsed,
)  # fmt: skip
from frameworks.batch.job import Submission
from frameworks.batch.outcome import End, Outcome
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

NEVER_USED = 1_000_000  # beyond the numbers that are known


@table.on(words.Begun)
def begun(m: Batch, event: Event, out: Frame) -> None:
    """Jobs, tasks and schedules are as they were."""
    told: words.Begun = event.body
    m.records = {name: contents for name, contents in told.records.items() if name.startswith(PREFIX)}
    torn = _restore_submissions(m)
    _restore_jobs(m, m.entries)
    if torn:
        _restore_jobs(m, _stand_in(m, torn, told.tasks))
    _restore_next(m, told.tasks, out)
    _restore_tasks(m, told.tasks, out)
    for task_id, known in told.tasks.items():
        _restore_live(m, task_id, known, out)
    m.has_begun = True
    for entry in list(m.entries.values()):
        if entry.end is not None:
            be_ended(m, entry)
    for entry in list(m.entries.values()):
        if entry.end is None and entry.broken is None:
            begin(m, entry, out)
    calendar.begin(m, [name for name in m.records if name.startswith(SCHEDULE)], out)


def _restore_submissions(m: Batch) -> dict[int, Broken]:
    """Jobs as they were taken; returns the numbers of submissions of which not even that can be told, and why."""
    torn = {}
    for number in sorted(_numbers(m)):
        record_name = f"{SUBMISSION}{number}"
        try:
            kept = loads(m.records[record_name])
            at, schedule, due, values = int(kept["at"]), str(kept["schedule"]), int(kept["due"]), list(kept["jobs"])
        except NOT_UNDERSTOOD as error:
            why = _complain(m, said(record_name, error))
            torn[number] = Broken(why, shown(m.records[record_name]))
            continue
        found = [read_job(record_name, value, f"submission-{number}-{place}") for place, value in enumerate(values)]
        entries = add(m, number, Submission(jobs=tuple(job for job, _ in found)), at, schedule, due)
        for entry, (_, broken) in zip(entries, found, strict=True):
            if broken is not None:
                entry.broken = broken
                _complain(m, broken.why)
    return torn


def _numbers(m: Batch) -> Iterator[int]:
    for name in m.records:
        number = name.removeprefix(SUBMISSION)
        if number != name and number.isdecimal():
            yield int(number)


def _stand_in(m: Batch, torn: Mapping[int, Broken], tasks: Mapping[TaskID, words.UnderWay]) -> dict[str, Entry]:
    """For every job that may have been in the torn submissions: of which submission, tell its tasks and what is left of
    the record; of what only other records or jobs speak of, nobody knows, and the first one is as good as any."""
    names = {number: names_in(m.records[f"{SUBMISSION}{number}"]) for number in torn}
    for task_id in tasks:
        ours = parsed(task_id)
        if ours is not None and ours[2] in names:
            names[ours[2]].append(ours[0])
    names[next(iter(torn))] += [*_named_by_records(m), *_waited_for(m)]
    made: dict[str, Entry] = {}
    for number, broken in torn.items():
        unknown = list(dict.fromkeys(name for name in names[number] if name not in m.entries))
        jobs = tuple(stand_in(name) for name in unknown or [f"submission-{number}"])
        for entry in add(m, number, Submission(jobs=jobs), 0, "", 0):
            entry.broken = broken
            made[entry.name] = entry
    return made


def _named_by_records(m: Batch) -> Iterator[str]:
    for name in m.records:
        if name.startswith(JOB):
            yield name.removeprefix(JOB)
        elif name.startswith(TASK):
            yield name.removeprefix(TASK).rpartition(".")[0]


def _waited_for(m: Batch) -> Iterator[str]:
    return (need.job for entry in m.entries.values() if entry.end is None for need in entry.job.depends)


def _restore_next(m: Batch, tasks: Iterable[TaskID], out: Frame) -> None:
    """No number is used twice: if it cannot be read, the next one is one that cannot have been."""
    used = [0, *m.submissions, *(ours[2] for task_id in tasks if (ours := parsed(task_id)) is not None)]
    try:
        m.next_submission = max(int(m.records.get(NEXT, b"1")), max(used) + 1)
    except ValueError as error:
        _complain(m, said(NEXT, error))
        m.next_submission = max(used) + NEVER_USED
        m.keep(NEXT, str(m.next_submission).encode(), out)


def _restore_jobs(m: Batch, entries: Mapping[str, Entry]) -> None:
    for name, entry in entries.items():
        record = m.records.get(f"{JOB}{name}")
        if record is not None:
            try:
                entry.restore(record)
            except NOT_UNDERSTOOD as error:
                why = _complain(m, said(f"{JOB}{name}", error))
                entry.broken = entry.broken or Broken(why)


def _complain(m: Batch, text: str) -> str:
    m.complaints.append(text)
    return text


def _restore_tasks(m: Batch, tasks: Iterable[TaskID], out: Frame) -> None:
    """Of jobs that have not ended, and what users have had lately of those that have; what belongs to a job that was
    forgotten is removed."""
    known: dict[str, list[tuple[int, int]]] = {}
    under_way = {ours[:3] for task_id in tasks if (ours := parsed(task_id)) is not None}
    for record_name in list(m.records):
        for kind in (JOB, ELEMENTS):
            if record_name.startswith(kind) and record_name.removeprefix(kind) not in m.entries:
                m.keep(record_name, None, out)
        if not record_name.startswith(TASK):
            continue
        name, _, position = record_name.removeprefix(TASK).rpartition(".")
        entry = m.entries.get(name)
        if entry is None or not position.isdecimal():
            m.keep(record_name, None, out)
            continue
        if entry.end is not None and out.now - entry.ended > seconds(FORGOTTEN_S):
            continue
        task, then = Task.restored(entry, int(position), m.records[record_name])
        if then == LOST:
            _complain(m, f"'{record_name}': {task.history[0].message}")
            if entry.end is not None or (name, task.position, entry.submission) in under_way:
                continue  # it will be heard how that ends
            then = "again" if entry.job.retry.again(End(Outcome.LOST), 0) else "failed"
            m.keep(record_name, task.record(then), out)
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
    if task is None and (position in entry.fresh or _is_unheard_of(m, entry, position)):
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


def _is_unheard_of(m: Batch, entry: Entry, position: int) -> bool:
    """Nobody knows how many tasks the job has, and this one has not ended."""
    record = m.records.get(f"{TASK}{entry.name}.{position}")
    return entry.broken is not None and (record is None or Kept.of(record).then == LOST)


def _began(entry: Entry, at: Nanos) -> None:
    entry.started = at if entry.started is None else min(at, entry.started)


def _kill(task_id: TaskID, agent_id: AgentID | None, out: Frame) -> None:
    kill = Call.Kill(task_id=task_id, agent_id=agent_id)
    out.send(SESSION, Call(type=Call.Type.KILL, kill=kill))


