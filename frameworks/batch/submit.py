"""What people ask for: jobs taken, cancelled, held, run again, forgotten."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from frameworks.batch import dag, words
from frameworks.batch.dag import End, Verdict
from frameworks.batch.entry import JOB, NEXT, SUBMISSION, Entry
from frameworks.batch.fields import Invalid, show
from frameworks.batch.job import Submission
from frameworks.batch.outcome import Outcome
from frameworks.batch.settle import arm_deadline, end, forget, needed, reopen, settle
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Kind, Problem, bad_request
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos

if TYPE_CHECKING:
    from frameworks.batch.core import Batch

table = Table("what people ask of batch jobs")

SUBMISSION_BYTES_MAX = 900_000  # ZooKeeper takes records of less than 1 MB
JOBS_KNOWN_MAX = 100_000


def _may_submit(m: Batch, event: Event) -> Problem | None:
    return may_take(m, event.body.submission)


def may_take(m: Batch, submission: Submission) -> Problem | None:
    """Why these jobs cannot be taken now."""
    if not m.has_begun:
        return Problem(Kind.UNAVAILABLE, "what earlier runs have kept is still being read")
    if len(m.entries) + len(submission.jobs) > JOBS_KNOWN_MAX:
        return Problem(Kind.UNAVAILABLE, f"there are {len(m.entries)} jobs already, and at most {JOBS_KNOWN_MAX}")
    try:
        dag.check(submission.jobs, m.entries)
    except Invalid as error:
        is_known = any(job.name in m.entries for job in submission.jobs)
        return Problem(Kind.CONFLICT, str(error)) if is_known else bad_request(str(error))
    size = len(_definition(submission, 0, "", 0))
    if size > SUBMISSION_BYTES_MAX:
        return bad_request(f"the definitions take {size} bytes, and may take {SUBMISSION_BYTES_MAX}")
    return None


@table.on(words.Submit, check=_may_submit)
def submit(m: Batch, event: Event, out: Frame) -> None:
    """The jobs are taken, all of them, and will be run. Reply: their names."""
    out.reply = take(m, event.body.submission, out)


def take(m: Batch, submission: Submission, out: Frame, schedule: str = "", due: Nanos = 0) -> tuple[str, ...]:
    """``may_take`` has nothing against it."""
    number, m.next_submission = m.next_submission, m.next_submission + 1
    m.keep(NEXT, str(m.next_submission).encode(), out)  # first: no number is ever used twice
    m.keep(f"{SUBMISSION}{number}", _definition(submission, out.now, schedule, due), out)
    entries = add(m, number, submission, out.now, schedule, due)
    for entry in entries:
        out.change(words.JobChanged(entry.name, "submitted", schedule))
    for entry in entries:
        begin(m, entry, out)
    return tuple(entry.name for entry in entries)


def _definition(submission: Submission, now: Nanos, schedule: str, due: Nanos) -> bytes:
    kept = {"at": now, "schedule": schedule, "due": due, **show(submission)}
    return json.dumps(kept, separators=(",", ":")).encode()


def add(m: Batch, number: int, submission: Submission, at: Nanos, schedule: str, due: Nanos) -> list[Entry]:
    """They are known."""
    entries = [Entry(job, number, place, at, schedule, due) for place, job in enumerate(submission.jobs)]
    m.submissions[number] = {entry.name: None for entry in entries}
    for entry in entries:
        m.entries[entry.name] = entry
        for need in entry.job.depends:
            m.dependants.setdefault(need.job, {})[entry.name] = None
    return entries


def begin(m: Batch, entry: Entry, out: Frame) -> None:
    """It waits for what it depends on, or for offers, or can never be run."""
    found = m.verdict(entry)
    if entry.end is None and found is Verdict.NEVER:
        end(m, entry, End.SKIPPED, out)
    elif entry.end is None:
        entry.is_pending = found is Verdict.WAIT
        arm_deadline(m, entry)
        settle(m, entry, out)


# ---- jobs that are known


def _known(m: Batch, event: Event) -> Problem | None:
    name = event.body.name
    return None if name in m.entries else Problem(Kind.NOT_FOUND, f"there is no job '{name}'")


def _is_open(m: Batch, event: Event) -> Problem | None:
    problem = _known(m, event)
    if problem is None and m.entries[event.body.name].end is not None:
        return _conflict(f"job '{event.body.name}' has ended: {m.entries[event.body.name].state}")
    return problem


def _conflict(text: str) -> Problem:
    return Problem(Kind.CONFLICT, text)


@table.on(words.Cancel, check=_is_open)
def cancel(m: Batch, event: Event, out: Frame) -> None:
    """Nothing of it is started any more, and what runs is ended; what depends on its success is skipped then."""
    stop(m, m.entries[event.body.name], Outcome.CANCELLED, out)


@table.on(words.DeadlineDue)
def deadline_due(m: Batch, event: Event, out: Frame) -> None:
    """Likewise, and it has failed."""
    stop(m, m.entries[event.body.name], Outcome.TIMED_OUT, out)


def stop(m: Batch, entry: Entry, why: Outcome, out: Frame) -> None:
    if entry.stop is None:
        entry.stop = why
        if entry.broken is not None and entry.broken.definition is None:
            entry.broken = None  # whatever its state was, now it is known
        m.keep(f"{JOB}{entry.name}", entry.record(), out)
        settle(m, entry, out)


def _may_hold(m: Batch, event: Event) -> Problem | None:
    problem = _is_open(m, event)
    return problem or _broken(m.entries[event.body.name])


def _broken(entry: Entry) -> Problem | None:
    return None if entry.broken is None else _conflict(f"job '{entry.name}' is broken: {entry.broken.why}")


@table.on(words.Hold, check=_may_hold)
def hold(m: Batch, event: Event, out: Frame) -> None:
    """Nothing of it is started until it is released."""
    _be_held(m, m.entries[event.body.name], True, out)


@table.on(words.Release, check=_may_hold)
def release(m: Batch, event: Event, out: Frame) -> None:
    """It goes on."""
    _be_held(m, m.entries[event.body.name], False, out)


def _be_held(m: Batch, entry: Entry, is_held: bool, out: Frame) -> None:
    if entry.is_held is not is_held:
        entry.is_held = is_held
        m.keep(f"{JOB}{entry.name}", entry.record(), out)
        out.change(words.JobChanged(entry.name, "held" if is_held else "released", entry.schedule))
        settle(m, entry, out)


def _may_again(m: Batch, event: Event) -> Problem | None:
    problem = _known(m, event)
    if problem is not None:
        return problem
    entry = m.entries[event.body.name]
    if entry.end is None:
        return _conflict(f"job '{entry.name}' has not ended")
    if entry.end is End.SUCCEEDED and not entry.failed:
        return _conflict(f"job '{entry.name}' has succeeded: there is nothing to run again")
    if m.verdict(entry) is Verdict.NEVER:
        return _conflict(f"job '{entry.name}' was skipped: run again what it depends on")
    return _broken(entry)


@table.on(words.Again, check=_may_again)
def again(m: Batch, event: Event, out: Frame) -> None:
    """What has not succeeded of it is run again, and so is what was skipped because of it."""
    _reopen(m, [m.entries[event.body.name]], out)


def _reopen(m: Batch, work: list[Entry], out: Frame) -> None:
    """They are to be run again, with what was skipped because of them."""
    reopened = []
    while work:
        entry = work.pop()
        reopen(m, entry, out)
        reopened.append(entry)
        work += _skipped_by(m, entry)
    for entry in reopened:
        settle(m, entry, out)


def _skipped_by(m: Batch, entry: Entry) -> list[Entry]:
    waiting = [m.entries[name] for name in m.dependants.get(entry.name, ())]
    return [
        other for other in waiting
        if other.end is End.SKIPPED and other.broken is None and m.verdict(other) is not Verdict.NEVER
    ]  # fmt: skip


def _may_pass(m: Batch, event: Event) -> Problem | None:
    problem = _known(m, event)
    if problem is None and m.entries[event.body.name].end in (None, End.SUCCEEDED):
        entry = m.entries[event.body.name]
        return _conflict(f"job '{entry.name}' has {'succeeded' if entry.end is not None else 'not ended'}")
    return problem


@table.on(words.Pass, check=_may_pass)
def pass_(m: Batch, event: Event, out: Frame) -> None:
    """It counts as succeeded, whatever became of its tasks; what was skipped because of it is run."""
    entry = m.entries[event.body.name]
    entry.end = End.SUCCEEDED
    m.keep(f"{JOB}{entry.name}", entry.record(), out)
    out.change(words.JobChanged(entry.name, entry.state, entry.schedule))
    _reopen(m, _skipped_by(m, entry), out)


def _may_drop(m: Batch, event: Event) -> Problem | None:
    problem = _known(m, event)
    if problem is not None:
        return problem
    number = m.entries[event.body.name].submission
    still = [name for name in m.submissions[number] if m.entries[name].end is None] or needed(m, number)
    return _conflict(f"job '{still[0]}' has not ended") if still else None


@table.on(words.Drop, check=_may_drop)
def drop(m: Batch, event: Event, out: Frame) -> None:
    """It is forgotten, with those that it was submitted with."""
    forget(m, m.entries[event.body.name].submission, out)


@table.on(words.ForgetDue)
def forget_due(m: Batch, event: Event, out: Frame) -> None:
    """Likewise, unless somebody waits for one of them."""
    number = m.entries[event.body.name].submission
    if needed(m, number):
        m.timers.set(("forget", number), out.now + LOOK_AGAIN, event.body)
    else:
        forget(m, number, out)


LOOK_AGAIN: Nanos = 3_600 * 10**9
