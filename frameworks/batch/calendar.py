"""Schedules: runs that are due become submissions, unless the run before is still going on and may not be overlapped.

The last time that was looked at is kept with the runs that it has caused: first the run's submission, then the time.
Whoever comes between finds the run by its name, and does not start it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from frameworks.batch import settle, submit, words
from frameworks.batch.broken import NOT_UNDERSTOOD, Broken, loads, said, shown
from frameworks.batch.entry import SCHEDULE, Entry
from frameworks.batch.fields import read, show
from frameworks.batch.job import Submission
from frameworks.batch.outcome import Outcome
from frameworks.batch.schedule import FORBID, QUEUE, REPLACE, Calendar, Schedule, moment_of, owed, run_name
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.problem import Kind, Problem
from mesos_py.machine.table import Table
from mesos_py.machine.values import SECOND, Nanos

if TYPE_CHECKING:
    from frameworks.batch.core import Batch

table = Table("schedules of batch jobs")

SCHEDULES_MAX = 10_000
RUNS_AT_ONCE = 60  # of one schedule, asked for in the same second
MICROSECOND: Nanos = 1_000  # calendars know no less


@attrs.define(eq=False)
class Plan:
    """One schedule as it is now."""

    schedule: Schedule
    #: when it was taken: an interval without a start begins then
    taken: Nanos
    #: the last time that was looked at
    looked: Nanos
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    #: when a run is due that waits for another one
    queued: Nanos | None = None
    calendar: Calendar = attrs.field(init=False)
    #: numbers of submissions that are its runs, those that have ended too
    runs: dict[int, None] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.calendar = self.schedule.calendar(self.taken)

    @property
    def record_name(self) -> str:
        return f"{SCHEDULE}{self.schedule.name}"

    def record(self) -> bytes:
        kept = {
            "schedule": show(self.schedule), "taken": self.taken, "looked": self.looked, "queued": self.queued,
            "counts": [self.succeeded, self.failed, self.skipped],
        }  # fmt: skip
        return json.dumps(kept, separators=(",", ":")).encode()


def begin(m: Batch, record_names: Iterable[str], out: Frame) -> None:
    """Schedules are as they were, and whatever was missed meanwhile is looked at."""
    for record_name in record_names:
        record = m.records[record_name]
        try:
            kept = loads(record)
            plan = Plan(read(Schedule, kept["schedule"]), kept["taken"], kept["looked"], *kept["counts"])
            plan.queued = kept["queued"]
        except NOT_UNDERSTOOD as error:
            why = said(record_name, error)
            m.broken_plans[record_name.removeprefix(SCHEDULE)] = Broken(why, shown(record))
            m.complaints.append(why)
        else:
            m.plans[plan.schedule.name] = plan
    for entry in m.entries.values():
        if entry.schedule in m.plans:
            m.plans[entry.schedule].runs[entry.submission] = None
    for plan in list(m.plans.values()):
        _look(m, plan, out)


# ---- what people ask for


def _may_put(m: Batch, event: Event) -> Problem | None:
    if not m.has_begun:
        return Problem(Kind.UNAVAILABLE, "what earlier runs have kept is still being read")
    if event.body.schedule.name not in m.plans and len(m.plans) >= SCHEDULES_MAX:
        return Problem(Kind.UNAVAILABLE, f"there are {SCHEDULES_MAX} schedules already")
    return None


@table.on(words.PutSchedule, check=_may_put)
def put_schedule(m: Batch, event: Event, out: Frame) -> None:
    """It is this one from now on; times of before are nobody's business, and what runs goes on."""
    schedule: Schedule = event.body.schedule
    former = m.plans.get(schedule.name)
    plan = m.plans[schedule.name] = Plan(schedule, out.now, out.now - MICROSECOND)
    if former is not None:
        plan.runs, plan.queued = former.runs, former.queued
        plan.succeeded, plan.failed, plan.skipped = former.succeeded, former.failed, former.skipped
    elif m.broken_plans.pop(schedule.name, None) is not None:
        plan.runs = {entry.submission: None for entry in m.entries.values() if entry.schedule == schedule.name}
    m.keep(plan.record_name, plan.record(), out)
    _look(m, plan, out)


def _known(m: Batch, event: Event) -> Problem | None:
    name = event.body.name
    if name in m.broken_plans:
        return Problem(Kind.CONFLICT, f"schedule '{name}' is broken: {m.broken_plans[name].why}")
    return None if name in m.plans else Problem(Kind.NOT_FOUND, f"there is no schedule '{name}'")


def _is_there(m: Batch, event: Event) -> Problem | None:
    return None if event.body.name in m.broken_plans else _known(m, event)


@table.on(words.DropSchedule, check=_is_there)
def drop_schedule(m: Batch, event: Event, out: Frame) -> None:
    """Nothing more is started for it."""
    name = event.body.name
    m.plans.pop(name, None)
    m.broken_plans.pop(name, None)
    m.timers.cancel(("schedule", name))
    m.keep(f"{SCHEDULE}{name}", None, out)


@table.on(words.PauseSchedule, check=_known)
def pause_schedule(m: Batch, event: Event, out: Frame) -> None:
    """Nothing is started until it goes on; times that pass meanwhile are not missed."""
    plan = m.plans[event.body.name]
    if plan.schedule.paused is not event.body.is_paused:
        plan.schedule = attrs.evolve(plan.schedule, paused=event.body.is_paused)
        plan.looked = out.now
        m.keep(plan.record_name, plan.record(), out)
        _look(m, plan, out)


def _may_run(m: Batch, event: Event) -> Problem | None:
    return _known(m, event)


@table.on(words.RunSchedule, check=_may_run)
def run_schedule(m: Batch, event: Event, out: Frame) -> Problem | None:
    """It is run now, beside whatever runs. Reply: the names of the jobs. Runs are called after the second in which they
    were due: one that is not the first of its second is called after the last one that is free, not after one to come,
    which may be the calendar's."""
    plan, told = m.plans[event.body.name], event.body
    for before in range(RUNS_AT_ONCE):
        due = out.now - before * SECOND
        run = plan.schedule.run(due, told.arguments, told.only)
        if not any(job.name in m.entries for job in run.jobs):
            break
    problem = submit.may_take(m, run)
    if problem is None:
        out.reply = _start(m, plan, due, run, out)
    return problem


# ---- the calendar


@table.on(words.ScheduleDue)
def schedule_due(m: Batch, event: Event, out: Frame) -> None:
    """What is due is started, or skipped, as the schedule says."""
    _look(m, m.plans[event.body.name], out)


def _look(m: Batch, plan: Plan, out: Frame) -> None:
    schedule = plan.schedule
    if schedule.paused:
        m.timers.cancel(("schedule", schedule.name))
        return
    found = owed(schedule, plan.calendar, plan.looked, out.now)
    if found.skipped:
        _skip(plan, found.skipped, "missed", out.now, out)
    for due in found.runs:
        _due(m, plan, due, out)
    plan.looked = max(plan.looked, out.now)
    if found.runs or found.skipped:
        m.keep(plan.record_name, plan.record(), out)
    if found.next is None:  # whatever was said before
        m.timers.cancel(("schedule", schedule.name))
    else:
        m.timers.set(("schedule", schedule.name), found.next, words.ScheduleDue(schedule.name))


def _due(m: Batch, plan: Plan, due: Nanos, out: Frame) -> None:
    if f"{run_name(plan.schedule.name, due)}.{plan.schedule.jobs[0].name}" in m.entries:
        return  # started before what was looked at could be kept
    current = [number for number in plan.runs if number in m.submissions and number not in m.over]
    overlap = plan.schedule.overlap
    if current and overlap == FORBID:
        _skip(plan, 1, "the run before goes on", due, out)
        return
    if current and overlap == QUEUE:
        if plan.queued is not None:
            _skip(plan, 1, "another run waits already", due, out)
        else:
            plan.queued = due
        return
    if current and overlap == REPLACE:
        for number in current:
            for name in list(m.submissions[number]):
                submit.stop(m, m.entries[name], Outcome.CANCELLED, out)
    run = plan.schedule.run(due)
    problem = submit.may_take(m, run)
    if problem is not None:
        _skip(plan, 1, problem.text, due, out)
    else:
        _start(m, plan, due, run, out)


def _start(m: Batch, plan: Plan, due: Nanos, run: Submission, out: Frame) -> tuple[str, ...]:
    plan.runs[m.next_submission] = None
    return submit.take(m, run, out, plan.schedule.name, due)


def _skip(plan: Plan, count: int, why: str, due: Nanos, out: Frame) -> None:
    plan.skipped += count
    out.change(words.RunSkipped(plan.schedule.name, count, why, due))


def settle_runs(m: Batch, out: Frame) -> None:
    """Runs that have just ended are counted, and whatever waits for them may begin."""
    while m.ended_runs:
        number, _ = m.ended_runs.popitem()
        members = [m.entries[name] for name in m.submissions.get(number, ())]
        plan = m.plans.get(members[0].schedule) if members else None
        if plan is not None and number in m.over:
            _run_ended(m, plan, members, out)


def _run_ended(m: Batch, plan: Plan, members: list[Entry], out: Frame) -> None:
    if all(one.end is not None and one.end.is_good for one in members):
        plan.succeeded += 1
    else:
        plan.failed += 1
    ended = [number for number in plan.runs if number in m.over]
    for number in ended[: -plan.schedule.keep_runs]:
        if not settle.needed(m, number):
            del plan.runs[number]
            settle.forget(m, number, out)
    due, plan.queued = plan.queued, None
    m.keep(plan.record_name, plan.record(), out)
    if due is not None:
        _due(m, plan, due, out)
        m.keep(plan.record_name, plan.record(), out)


def next_of(m: Batch, plan: Plan) -> str | None:
    """When it is due next, for people; None: never, or not while it is paused."""
    at = m.timers.pending().get(("schedule", plan.schedule.name))
    return None if at is None else moment_of(at).isoformat()
