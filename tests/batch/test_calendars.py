"""Cron lines and repeating intervals, and what is owed of them after a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frameworks.batch.cron import Cron
from frameworks.batch.dag import Dependency
from frameworks.batch.fields import Invalid, read, show
from frameworks.batch.interval import Interval
from frameworks.batch.job import Job
from frameworks.batch.schedule import Schedule, moment_of, nanos_of, owed

BERLIN = ZoneInfo("Europe/Berlin")  # summer time began 2024-03-31 at 02:00, and ended 2024-10-27 at 03:00
UTC_ZONE = ZoneInfo("UTC")
JOB = Job(name="j", command="x")


def times(calendar: Cron | Interval, since: str, count: int) -> list[str]:
    at: datetime | None = datetime.fromisoformat(since)
    found = []
    for _ in range(count):
        assert at is not None
        at = calendar.after(at)
        found.append("never" if at is None else at.astimezone(calendar.zone).strftime("%m-%d %H:%M %z"))
        if at is None:
            break
    return found


@pytest.mark.parametrize(
    ("line", "since", "expected"),
    [
        ("*/15 * * * *", "2024-05-01T10:07Z", ["05-01 10:15 +0000", "05-01 10:30 +0000"]),
        ("30 2 * * *", "2024-05-01T02:30Z", ["05-02 02:30 +0000"]),
        ("0 9 * * mon-fri", "2024-05-03T09:00Z", ["05-06 09:00 +0000"]),
        ("0 0 13 * fri", "2024-09-01T00:00Z", ["09-06 00:00 +0000", "09-13 00:00 +0000"]),
        ("0 0 29 2 *", "2024-03-01T00:00Z", ["02-29 00:00 +0000"]),
        ("0 0 * * 7", "2024-05-01T00:00Z", ["05-05 00:00 +0000"]),
        ("5/20 1,3 1-2 jan *", "2024-05-01T00:00Z", ["01-01 01:05 +0000", "01-01 01:25 +0000", "01-01 01:45 +0000"]),
        ("@monthly", "2024-05-01T00:00Z", ["06-01 00:00 +0000"]),
    ],
)
def test_cron_lines(line: str, since: str, expected: list[str]) -> None:
    assert times(Cron.of(line, UTC_ZONE), since, len(expected)) == expected


def test_a_local_time_that_does_not_exist_is_left_out() -> None:
    """02:30 on the night in which 02:00 is 03:00."""
    assert times(Cron.of("30 2 * * *", BERLIN), "2024-03-30T00:00Z", 2) == ["03-30 02:30 +0100", "04-01 02:30 +0200"]


def test_a_local_time_that_exists_twice_counts_once() -> None:
    """The first one."""
    assert times(Cron.of("30 2 * * *", BERLIN), "2024-10-26T12:00Z", 2) == ["10-27 02:30 +0200", "10-28 02:30 +0100"]


def test_every_hour_means_every_hour_there_is() -> None:
    """The repeated one twice, the missing one not."""
    cron = Cron.of("0 * * * *", BERLIN)
    assert times(cron, "2024-10-26T23:30Z", 3) == ["10-27 02:00 +0200", "10-27 02:00 +0100", "10-27 03:00 +0100"]
    assert times(cron, "2024-03-31T00:30Z", 1) == ["03-31 03:00 +0200"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("* * * *", "has 4 fields instead of five"),
        ("60 * * * *", "minute '60' must be 0 to 59"),
        ("* 5-1 * * *", "hour '5-1' ends before it begins"),
        ("* * 0 * *", "day of month '0' must be 1 to 31"),
        ("* * * foo *", "month 'foo' must be 1 to 12"),
        ("*/0 * * * *", "a step must be 1 or more"),
        ("@often", "is not one of @yearly"),
        ("0 0 30 2 *", "is never: there is no such day"),
        ("1-2-3 * * * *", "minute '1-2-3' makes no sense"),
    ],
)
def test_bad_cron_lines(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        Cron.of(line, UTC_ZONE)
    assert message in str(error.value)


@given(
    st.sampled_from(["*", "0", "*/7", "5-20/5", "59"]), st.sampled_from(["*", "0-5", "2", "*/6", "23"]),
    st.sampled_from(["*", "1", "15-31"]), st.sampled_from(["*", "mon", "6,0"]), st.integers(0, 3 * 366 * 1440),
)  # fmt: skip
def test_cron_jumps_over_nothing(minute: str, hour: str, day: str, weekday: str, start: int) -> None:
    """Against every minute of what was jumped over, at most five hours of it."""
    cron = Cron.of(f"{minute} {hour} {day} * {weekday}", BERLIN)
    since = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(minutes=start)
    found = cron.after(since)
    assert found is not None
    local = found.astimezone(BERLIN)
    assert local.minute in cron.minutes and local.hour in cron.hours
    at = max(since + timedelta(minutes=1), found - timedelta(hours=5))
    while at < found:
        local = at.astimezone(BERLIN)
        is_day, is_weekday = local.day in cron.days, local.isoweekday() % 7 in cron.weekdays
        fits_day = (is_day or is_weekday) if day != "*" and weekday != "*" else is_day and is_weekday
        fits = fits_day and local.minute in cron.minutes and local.hour in cron.hours
        assert not (fits and (hour.startswith("*") or not local.fold)), at
        at += timedelta(minutes=1)


# ---- intervals

NOW = datetime(2024, 1, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "since", "expected"),
    [
        ("R/2024-01-31T00:00Z/P1M", "2024-01-31T00:00Z", ["02-29 00:00 +0000", "03-31 00:00 +0000"]),
        ("R3/2024-01-01T00:00Z/PT8H", "2024-01-01T00:00Z", ["01-01 08:00 +0000", "01-01 16:00 +0000", "never"]),
        ("R1/2024-01-01T00:00Z/PT8H", "2023-01-01T00:00Z", ["01-01 00:00 +0000", "never"]),
        ("R0/2024-01-01T00:00Z/PT8H", "2023-01-01T00:00Z", ["never"]),
        ("R-1//P1W", "2024-01-31T09:00Z", ["01-31 10:00 +0000", "02-07 10:00 +0000"]),
        ("R/1970-01-01T00:00:00Z/PT1.5S", "2024-01-01T00:00Z", ["01-01 00:00 +0000"]),
    ],
)
def test_intervals(text: str, since: str, expected: list[str]) -> None:
    assert times(Interval.of(text, UTC_ZONE, NOW), since, len(expected)) == expected


def test_days_are_those_of_the_calendar() -> None:
    """Noon stays noon when the clocks change; twenty-four hours do not."""
    daily = Interval.of("R/2024-03-30T12:00/P1D", BERLIN, NOW)
    assert times(daily, "2024-03-30T12:00Z", 1) == ["03-31 12:00 +0200"]
    exact = Interval.of("R/2024-03-30T12:00/PT24H", BERLIN, NOW)
    assert times(exact, "2024-03-30T12:00Z", 1) == ["03-31 13:00 +0200"]


@pytest.mark.parametrize(
    "text",
    ["", "R/2024-01-01T00:00Z", "R/x/P1D", "R//P", "R//PT", "R//P1DT", "R//PT0S", "R//PT0.5S", "R-2//P1D", "Rx//P1D",
     "R/1969-12-31T00:00Z/P1D", "R//P-1D"],
)  # fmt: skip
def test_bad_intervals(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Interval.of(text, UTC_ZONE, NOW)


@given(st.integers(1, 40), st.integers(0, 2), st.integers(0, 90_000), st.integers(-50, 5_000))
def test_the_next_time_is_found_by_halving(days: int, months: int, extra: int, hours: int) -> None:
    """As it is by counting."""
    interval = Interval.of(f"R200/2024-01-31T01:30/P{months}M{days}DT{extra}S", BERLIN, NOW)
    since = interval.start + timedelta(hours=hours)
    expected = next((at for at in map(interval.nth, range(200)) if at > since), None)
    assert interval.after(since) == expected


# ---- what is owed

START = datetime(2024, 5, 1, tzinfo=UTC)


def at(minutes: float) -> int:
    return nanos_of(START + timedelta(minutes=minutes))


def minutes_of(found: tuple[int, ...]) -> list[float]:
    return [(moment_of(one) - START) / timedelta(minutes=1) for one in found]


EVERY_TEN = Schedule(name="s", cron="*/10 * * * *", jobs=(JOB,))


@pytest.mark.parametrize(
    ("missed", "since", "now", "runs", "skipped"),
    [
        ("skip", 0, 10, [10], 0),
        ("skip", 0, 11, [10], 0),
        ("skip", 0, 11.1, [], 1),
        ("skip", 0, 60.5, [60], 5),
        ("last", 0, 60.5, [50, 60], 4),
        ("last", 0, 59, [50], 4),
        ("all", 0, 60.5, [10, 20, 30, 40, 50, 60], 0),
        ("all", 10, 10.5, [], 0),
    ],
)
def test_what_is_owed(missed: str, since: float, now: float, runs: list[float], skipped: int) -> None:
    """Times that are late are run; those that were missed as the policy says."""
    schedule = attrs.evolve(EVERY_TEN, missed=missed)
    found = owed(schedule, schedule.calendar(0), at(since), at(now))
    assert (minutes_of(found.runs), found.skipped) == (runs, skipped)
    assert found.next == at(now - now % 10 + 10)


def test_a_long_absence_costs_little() -> None:
    """A year of seconds: the last ones are still known."""
    schedule = Schedule(name="s", interval="R/2024-05-01T00:00Z/PT1S", jobs=(JOB,), missed="last", late_s=1)
    found = owed(schedule, schedule.calendar(0), at(0), at(366 * 1440))
    assert minutes_of(found.runs)[-1] == 366 * 1440
    assert len(found.runs) == 3
    assert found.skipped > 1_000


def test_a_run_has_names_of_its_own() -> None:
    """And knows when it was due."""
    second = Job(name="k", command="y", depends=(Dependency(job="j"),))
    run = attrs.evolve(EVERY_TEN, jobs=(JOB, second)).run(at(10))
    assert [job.name for job in run.jobs] == ["s.20240501T001000Z.j", "s.20240501T001000Z.k"]
    assert run.jobs[1].depends[0].job == "s.20240501T001000Z.j"
    assert dict(run.jobs[0].env)["SCHEDULE_DUE"] == "2024-05-01T00:10:00Z"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "cron: it, or 'interval', must be given"),
        ({"cron": "x"}, "cron: 'x' has 1 fields"),
        ({"interval": "x"}, "interval: Cannot parse schedule 'x'"),
        ({"cron": "@daily", "time_zone": "Mars/Base"}, "time_zone: there is no time zone 'Mars/Base'"),
        ({"cron": "@daily", "jobs": [{"name": "j", "command": ""}]}, "jobs[0].command: it, or"),
        ({"cron": "@daily", "overlap": "never"}, "overlap: must be allow, forbid, replace or queue"),
        ({"cron": "@daily", "name": "n" * 190}, "name: is too long"),
    ],
)
def test_bad_schedules(value: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid) as error:
        read(Schedule, {"name": "s", "jobs": [{"name": "j", "command": "x"}]} | value)
    assert str(error.value).startswith(message)


def test_schedules_are_shown_as_they_were_read() -> None:
    value = {"name": "s", "cron": "@daily", "time_zone": "Europe/Berlin", "jobs": [{"name": "j", "command": "x"}]}
    assert show(read(Schedule, value)) == value
