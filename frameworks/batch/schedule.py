"""Jobs by a calendar. What is due follows from the definition and the last time that was looked at; nothing is counted.

**Late**: a time that is at most ``late_s`` ago is run as if nothing had been. Whatever is older was *missed* (nobody
was there to start it): none of it is run, the last of it, or all.

**Overlap**: the run before is still going on. Both may run, the new one is skipped, it takes the old one's place, or it
waits (one does; with another one waiting already, it is skipped).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import attrs

from frameworks.batch import dag
from frameworks.batch.cron import Cron
from frameworks.batch.fields import Invalid, field, flag, integer, items, number, one_of, record, text
from frameworks.batch.interval import Interval
from frameworks.batch.job import JOBS_MAX, YEAR_S, Job, Submission
from mesos_py.machine.values import SECOND, Nanos

CATCH_UP_MAX = 1_000  # missed times that are run
LOOK_MAX = 1_000  # missed times that are looked at one by one; between more of them we jump
RUNS_KEPT_MAX = 1_000

SKIP, LAST, ALL = "skip", "last", "all"
ALLOW, FORBID, REPLACE, QUEUE = "allow", "forbid", "replace", "queue"

Calendar = Cron | Interval


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@attrs.frozen(kw_only=True)
class Schedule:
    """Jobs that are run again and again."""

    name: str = field(dag.NAME, doc="Nobody else's among schedules.")
    cron: str = field(text(1_000), "", "When, as in a crontab: '30 2 * * mon-fri', '@daily'. It, or `interval`.")
    interval: str = field(text(200), "", "When, as in ISO 8601: 'R/2030-01-01T02:00:00Z/P1D'.")
    time_zone: str = field(text(100), "UTC", "In which cron lines, days and months are meant.")
    jobs: tuple[Job, ...] = field(items(record(Job), JOBS_MAX), doc="What is run; they may depend on each other.")
    late_s: float = field(number(1, YEAR_S), 60.0, "What should have started so long ago at most is not missed.")
    missed: str = field(one_of(SKIP, LAST, ALL), SKIP, "What is done about times that were missed.")
    overlap: str = field(one_of(ALLOW, FORBID, REPLACE, QUEUE), FORBID, "While the run before goes on.")
    paused: bool = field(flag(), False, "Nothing is started; times that pass meanwhile are not missed.")
    keep_runs: int = field(integer(1, RUNS_KEPT_MAX), 10, "So many ended runs are remembered.")

    def __attrs_post_init__(self) -> None:
        if bool(self.cron) == bool(self.interval):
            raise Invalid("cron", "it, or 'interval', must be given")
        if self.time_zone not in _zones():
            raise Invalid("time_zone", f"there is no time zone '{self.time_zone}'")
        if not self.jobs:
            raise Invalid("jobs", "there must be one at least")
        try:
            self.calendar(0)
        except ValueError as error:
            raise Invalid("cron" if self.cron else "interval", str(error)) from None
        dag.check(self.jobs, {})
        longest = max(len(job.name) for job in self.jobs)
        if len(run_name(self.name, 0)) + 1 + longest > dag.NAME_MAX:
            raise Invalid("name", f"is too long: with the time and the job's name it may be {dag.NAME_MAX} characters")

    def calendar(self, taken: Nanos) -> Calendar:
        """``taken``: when the schedule was. Raises ValueError."""
        zone = ZoneInfo(self.time_zone)
        if self.cron:
            return Cron.of(self.cron, zone)
        return Interval.of(self.interval, zone, moment_of(taken))

    def below(self, name: str) -> tuple[Job, ...]:
        """That job, as if it depended on nobody, and whatever hangs on it alone."""
        names, is_more = {name: None}, True
        found = [attrs.evolve(job, depends=()) for job in self.jobs if job.name == name]
        while is_more:
            more = [
                job for job in self.jobs
                if job.name not in names and job.depends and all(need.job in names for need in job.depends)
            ]  # fmt: skip
            names |= {job.name: None for job in more}
            found += more
            is_more = bool(more)
        return tuple(found)

    def run(self, due: Nanos, arguments: tuple[str, ...] = (), only: str = "") -> Submission:
        """The jobs of one run, under names of their own; they are told when they were due. ``arguments`` are for those
        that depend on none, after what they have; ``only`` is the job that it begins with, if not all are run."""
        prefix = run_name(self.name, due)
        stamp = moment_of(due).isoformat().replace("+00:00", "Z")
        jobs = [
            attrs.evolve(
                _given(job, arguments), name=f"{prefix}.{job.name}",
                env=tuple(sorted({**dict(job.env), "SCHEDULE_DUE": stamp, "SCHEDULE_NAME": self.name}.items())),
                depends=tuple([attrs.evolve(need, job=f"{prefix}.{need.job}") for need in job.depends]),
            )
            for job in (self.below(only) if only else self.jobs)
        ]  # fmt: skip
        return Submission(jobs=tuple(jobs))


def run_name(schedule: str, due: Nanos) -> str:
    """``nightly.20300101T020000Z``."""
    return f"{schedule}.{moment_of(due):%Y%m%dT%H%M%SZ}"


def _given(job: Job, arguments: tuple[str, ...]) -> Job:
    if job.depends or not arguments:
        return job
    if job.arguments:
        return attrs.evolve(job, arguments=(*job.arguments, *arguments))
    return attrs.evolve(job, command=" ".join([job.command, *arguments]))


@attrs.frozen
class Owed:
    """What a look at the calendar has come to."""

    #: to be run now, in order
    runs: tuple[Nanos, ...]
    #: times that were missed and are not run; at least, if there are very many
    skipped: int
    #: when to look again; None: never
    next: Nanos | None


def owed(schedule: Schedule, calendar: Calendar, since: Nanos, now: Nanos) -> Owed:
    """What has become due after ``since``, until ``now``."""
    border = max(since, now - round(schedule.late_s * SECOND) - 1)
    missed = list(_missed(calendar, since, border))
    if schedule.missed == SKIP:
        caught_up = []
    else:
        caught_up = missed[-1:] if schedule.missed == LAST else missed[-CATCH_UP_MAX:]
    fresh = list(_times(calendar, border, now))[-CATCH_UP_MAX:]
    following = calendar.after(moment_of(now))
    return Owed(
        (*caught_up, *fresh), len(missed) - len(caught_up), None if following is None else nanos_of(following)
    )


def _missed(calendar: Calendar, since: Nanos, until: Nanos) -> Iterator[Nanos]:
    """Those after ``since`` until ``until``; of very many, some are left out that lie far back."""
    while since < until:
        number = 0
        for number, at in enumerate(_times(calendar, since, until), 1):
            yield at
            if number == LOOK_MAX:
                since = at + (until - at) // 2
                break
        else:
            return


def _times(calendar: Calendar, since: Nanos, until: Nanos) -> Iterator[Nanos]:
    at = calendar.after(moment_of(since))
    while at is not None and nanos_of(at) <= until:
        yield nanos_of(at)
        at = calendar.after(at)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(nanos: Nanos) -> datetime:
    """To the microsecond, which is all that calendars know."""
    return _EPOCH + timedelta(microseconds=nanos // 1_000)


def nanos_of(moment: datetime) -> Nanos:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
