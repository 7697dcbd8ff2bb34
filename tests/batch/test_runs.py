"""Schedules in the core: what is due is started once, whatever happens between."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from frameworks.batch import words
from frameworks.batch.calendar import next_of
from frameworks.batch.schedule import moment_of
from mesos_py.machine.values import SECOND
from tests.batch.world import World, world_of

MINUTE = 60 * SECOND


def runs(world: World) -> list[str]:
    """Minutes past the hour at which runs were due, with their states."""
    return [f"{moment_of(entry.due).minute}:{entry.state}" for entry in world.core.entries.values()]


def at_the_hour(**habits: float) -> World:
    world = world_of(**habits)
    world.advance(-world.now % (60 * MINUTE))
    assert moment_of(world.now) == datetime(1970, 1, 1, 1, tzinfo=UTC)
    world.advance(SECOND)
    return world


@pytest.mark.parametrize(
    ("overlap", "expected", "skipped"),
    [
        ("forbid", ["10:running"], 2),
        ("allow", ["10:running", "20:running", "30:running"], 0),
        ("queue", ["10:running"], 1),
        ("replace", ["10:stopping", "20:stopping", "30:running"], 0),
    ],
)
def test_what_overlaps(overlap: str, expected: list[str], skipped: int) -> None:
    world = at_the_hour()
    world.put(cron="*/10 * * * *", overlap=overlap)
    for _ in range(3):
        world.advance(10 * MINUTE)
        world.offer_all()
    world.advance(MINUTE)
    assert runs(world) == expected
    assert world.core.plans["s"].skipped == skipped


def test_a_run_that_waits_begins_when_the_one_before_has_ended() -> None:
    """Also when the framework was started again meanwhile."""
    world = at_the_hour()
    world.put(cron="*/10 * * * *", overlap="queue")
    world.advance(10 * MINUTE)
    world.offer_all()
    world.advance(11 * MINUTE)
    world.start()
    world.end(world.launched[0])
    assert runs(world) == ["10:succeeded", "20:queued"]
    plan = world.core.plans["s"]
    assert (plan.succeeded, plan.queued) == (1, None)


@pytest.mark.parametrize(("missed", "due"), [("skip", []), ("last", ["30"]), ("all", ["10", "20", "30"])])
def test_times_at_which_nobody_was_there(missed: str, due: list[str]) -> None:
    world = at_the_hour()
    world.put(cron="*/10 * * * *", missed=missed, overlap="allow")
    world.now += 35 * MINUTE  # nobody looks at timers
    world.start()
    assert [one.partition(":")[0] for one in runs(world)] == due
    assert world.core.plans["s"].skipped == 3 - len(due)
    world.start()
    assert len(runs(world)) == len(due)


def test_a_crash_between_a_run_and_the_time_that_was_looked_at() -> None:
    """Whoever comes next finds the run, and does not start it again."""
    for crash_after in range(12):
        world = at_the_hour()
        world.put(cron="*/10 * * * *")
        left = [crash_after]

        def crash(left: list[int] = left) -> bool:
            left[0] -= 1
            return left[0] == -1

        world.crash_at = crash
        world.advance(10 * MINUTE + 5 * SECOND)
        world.crash_at = lambda: False
        world.advance(5 * SECOND)
        assert [one.partition(":")[0] for one in runs(world)] == ["10"], crash_after
        world.drain()
        assert len(world.launched) == 1


def test_a_pause_misses_nothing() -> None:
    world = at_the_hour()
    world.put(cron="*/10 * * * *", missed="all")
    world.ask(words.PauseSchedule("s", True))
    world.advance(25 * MINUTE)
    world.start()
    world.ask(words.PauseSchedule("s", False))
    world.advance(10 * MINUTE)
    assert runs(world) == ["30:queued"]


def test_an_interval_counts_its_times() -> None:
    """Without a start it begins at once; a restart changes nothing."""
    world = at_the_hour()
    world.put(interval="R3//PT10M", overlap="allow")
    for _ in range(6):
        world.start()
        world.advance(10 * MINUTE)
    assert [one.partition(":")[0] for one in runs(world)] == ["0", "10", "20"]


def test_what_is_never_due_any_more_is_not_announced() -> None:
    """Also if it was put in the place of something that would have been."""
    world = at_the_hour()
    world.put(cron="*/10 * * * *")
    assert next_of(world.core, world.core.plans["s"]) is not None
    world.put(interval="R0/2030-01-01T00:00Z/P1D")
    assert next_of(world.core, world.core.plans["s"]) is None
    world.advance(60 * MINUTE)
    assert runs(world) == []


def test_only_so_many_runs_are_remembered() -> None:
    world = at_the_hour()
    world.put(cron="*/10 * * * *", keep_runs=2)
    for _ in range(5):
        world.advance(10 * MINUTE)
        world.drain()
    assert len(world.core.entries) == 2
    assert world.core.plans["s"].succeeded == 5


def test_a_run_by_hand_does_not_touch_the_calendar() -> None:
    world = at_the_hour()
    world.put(cron="*/10 * * * *")
    assert world.ask(words.RunSchedule("s")) == ("s.19700101T010001Z.j",)
    assert world.ask(words.RunSchedule("s")) == ("s.19700101T010000Z.j",)  # the same second: the last one's name
    world.drain()
    world.advance(10 * MINUTE)
    assert [one.partition(":")[0] for one in runs(world)] == ["0", "0", "10"]
    world.ask(words.DropSchedule("s"))
    world.advance(60 * MINUTE)
    assert len(runs(world)) == 3


def test_runs_by_hand_take_no_time_from_the_calendar() -> None:
    """However many there are just before one is due."""
    world = at_the_hour()
    world.put(cron="*/10 * * * *", overlap="allow")
    world.advance(10 * MINUTE - 2 * SECOND - world.now % (10 * MINUTE))
    for _ in range(5):
        world.ask(words.RunSchedule("s"))
    before = len(world.core.entries)
    world.advance(3 * SECOND)
    assert len(world.core.entries) == before + 1
