"""What is started, run again, given up: one event at a time."""

from __future__ import annotations

import json

import pytest

from frameworks.batch import words
from frameworks.batch.entry import parsed
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import SECOND
from mesos_py.wire.task import TaskState
from tests.batch.world import UNREACHABLE, World, types, world_of

FINISHED, LOST, KILLED = TaskState.TASK_FINISHED, TaskState.TASK_LOST, TaskState.TASK_KILLED


def outcomes(world: World, job: str, position: int = 0) -> list[str]:
    record = json.loads(world.records[f"batch/task/{job}.{position}"])
    return [attempt[1] for attempt in record["attempts"]] + [record["then"]]


def test_a_job_is_taken_run_and_remembered() -> None:
    """Its definition is kept before anybody hears of it; its end with all that is known of it."""
    world = world_of()
    assert world.submit({"name": "a", "env": {"X": "1"}, "time_limit_s": 60, "labels": {"l": "v"}}) == ("a",)
    assert json.loads(world.records["batch/submission/1"])["jobs"] == [
        {"name": "a", "command": "x", "env": {"X": "1"}, "time_limit_s": 60, "labels": {"l": "v"}}
    ]
    world.offer_all()
    assert world.state("a") == "running"
    info = world.infos[world.launched[0]]
    assert info.max_completion_time.nanoseconds == 60 * SECOND
    assert {"X": "1", "JOB_NAME": "a", "TASK_INDEX": "0", "TASK_COUNT": "1"}.items() <= {
        one.name: one.value for one in info.command.environment.variables
    }.items()
    world.advance(5 * SECOND)
    world.end(world.launched[0])
    assert world.state("a") == "succeeded"
    attempt = json.loads(world.records["batch/task/a.0"])["attempts"][0]
    assert attempt[:2] == [1, "succeeded"] and attempt[-2] - attempt[-3] == 5 * SECOND
    assert types(world.calls) == ["REVIVE", "ACCEPT", "DECLINE", "SUPPRESS"]


def test_an_array_runs_so_many_tasks_at_a_time() -> None:
    """And there are objects only for those that live."""
    world = world_of(agents=10)
    world.submit({"name": "a", "array": "100-1000000:9%7", "resources": {"cpus": 0.5}})
    world.offer_all()
    assert len(world.alive()) == len(world.entry("a").live) == 7
    assert len(world.entry("a").fresh.intervals) == 1
    index = {one.name: one.value for one in world.infos[world.launched[2]].command.environment.variables}
    assert index["TASK_INDEX"] == "118"
    world.end(world.launched[3])
    world.offer_all()
    assert len(world.alive()) == 7
    assert parsed(world.launched[-1])[1] == 7


def test_a_failed_task_is_run_again_after_a_while_and_then_given_up() -> None:
    world = world_of()
    world.submit({"name": "a", "retry": {"max": 2, "delay_s": 10, "factor": 3}})
    for wait_s in (8, 25):
        world.offer_all()
        world.fail(world.launched[-1], 3)
        world.advance(wait_s * SECOND)
        assert world.core.tasks == {} and "a" in world.core.entries and not world.wanted
        world.advance(10 * SECOND)
        assert world.wanted
    world.offer_all()
    assert world.state("a") == "running"
    world.fail(world.launched[-1], 3)
    assert world.state("a") == "failed"
    assert outcomes(world, "a") == ["failed"] * 3 + ["failed"]
    assert len({*world.launched}) == 3


def test_losses_do_not_count() -> None:
    """The task is run again at once; at most once, if that is asked for."""
    world = world_of()
    world.submit({"name": "a"}, {"name": "b", "retry": {"on_lost": "fail", "max": 5}})
    world.offer_all()
    first, other = world.launched
    world.end(first, LOST)
    world.end(other, LOST)
    assert (world.state("a"), world.state("b")) == ("queued", "failed")
    assert outcomes(world, "b") == ["lost", "failed"]
    world.offer_all()
    world.end(world.launched[-1], KILLED)  # nobody of us wanted that
    world.offer_all()
    world.end(world.launched[-1])
    assert outcomes(world, "a") == ["lost", "lost", "succeeded", "succeeded"]


def test_what_is_lost_again_and_again_waits() -> None:
    """Three times it is run again at once; then it waits as after failures, which it still has none of."""
    world = world_of()
    world.submit({"name": "a", "retry": {"delay_s": 10, "factor": 3}})
    for _ in range(4):
        assert world.wanted
        world.offer_all()
        world.end(world.launched[-1], LOST)
    for wait_s in (8, 25):
        world.advance(wait_s * SECOND)
        assert world.state("a") == "queued" and not world.wanted
        world.advance(10 * SECOND)
        assert world.wanted
        world.offer_all()
        world.end(world.launched[-1], LOST)
    assert len({*world.launched}) == 6 and world.state("a") == "queued"


def test_who_is_out_of_reach_is_waited_for() -> None:
    """Back in time, it goes on; later it is a stranger, and killed."""
    world = world_of()
    world.submit({"name": "a", "unreachable_s": 60})
    world.offer_all()
    task_id = world.launched[0]
    world.update(task_id, UNREACHABLE)
    world.advance(50 * SECOND)
    world.update(task_id, TaskState.TASK_RUNNING)
    world.advance(50 * SECOND)
    assert world.alive() == [task_id]
    world.update(task_id, UNREACHABLE)
    world.advance(61 * SECOND)
    assert world.state("a") == "queued"
    world.update(task_id, TaskState.TASK_RUNNING)
    assert world.calls[-1].kill.task_id == task_id


def test_a_graph_runs_in_its_order_and_skips_what_can_never_run() -> None:
    world = world_of()
    world.submit(
        {"name": "load", "depends": [{"job": "build"}, {"job": "test"}]}, {"name": "build"},
        {"name": "test", "depends": [{"job": "build"}]},
        {"name": "alarm", "depends": [{"job": "test", "on": "failure"}]},
        {"name": "clean", "depends": [{"job": "load", "on": "completion"}]},
    )  # fmt: skip
    world.offer_all()
    assert [parsed(one)[0] for one in world.alive()] == ["build"]
    assert world.state("load") == "pending"
    world.end(world.launched[-1])
    world.offer_all()
    assert [parsed(one)[0] for one in world.alive()] == ["test"]
    world.fail(world.launched[-1])
    assert (world.state("load"), world.state("alarm")) == ("skipped", "queued")
    world.drain()
    states = {name: world.state(name) for name in world.core.entries}
    assert states == {
        "build": "succeeded", "test": "failed", "load": "skipped", "alarm": "succeeded", "clean": "succeeded"
    }  # fmt: skip


def test_running_again_begins_at_what_has_failed() -> None:
    """And goes on with what was skipped because of it; what has succeeded is left alone."""
    world = world_of()
    world.submit(
        {"name": "a", "array": "0-2"}, {"name": "b", "depends": [{"job": "a"}]},
        {"name": "c", "depends": [{"job": "b"}]},
    )  # fmt: skip
    world.offer_all()
    world.end(world.launched[0])
    world.fail(world.launched[1])
    world.end(world.launched[2])
    assert [world.state(name) for name in "abc"] == ["failed", "skipped", "skipped"]
    assert isinstance(world.ask(words.Again("b")), Problem)
    world.start()
    world.ask(words.Again("a"))
    world.start()
    world.drain()
    assert [world.state(name) for name in "abc"] == ["succeeded"] * 3
    assert [parsed(one)[:2] for one in world.launched] == [
        ("a", 0), ("a", 1), ("a", 2), ("a", 1), ("b", 0), ("c", 0)
    ]  # fmt: skip


def test_a_job_that_is_cancelled_is_killed_and_nothing_of_it_is_started() -> None:
    world = world_of()
    world.submit({"name": "a", "array": "1-100%3", "retry": {"max": 9}}, {"name": "b", "depends": [{"job": "a"}]})
    world.offer_all()
    assert world.ask(words.Cancel("a")) is None
    assert world.state("a") == "stopping"
    assert types(world.calls).count("KILL") == 3
    world.start()  # who comes next goes on with it
    assert world.state("a") == "stopping"
    world.drain()
    assert (world.state("a"), world.state("b")) == ("cancelled", "skipped")
    assert len(world.launched) == 3
    assert world.ask(words.Cancel("a")).text == "job 'a' has ended: cancelled"


def test_a_deadline_ends_what_runs() -> None:
    """And it has failed, whatever its retries say; a restart changes nothing about when."""
    world = world_of()
    world.submit({"name": "a", "deadline_s": 100, "retry": {"max": 9}})
    world.offer_all()
    world.advance(50 * SECOND)
    world.start()
    world.advance(49 * SECOND)
    assert world.state("a") == "running"
    world.advance(2 * SECOND)
    world.drain()
    assert world.state("a") == "failed"
    assert outcomes(world, "a") == ["timed out", "failed"]


def test_what_is_held_waits_until_it_is_released() -> None:
    world = world_of()
    world.submit({"name": "a", "array": "1-100%3"})
    world.offer_all()
    world.ask(words.Hold("a"))
    world.end(world.launched[0])
    assert not world.wanted
    world.start()
    assert not world.wanted and world.entry("a").is_held
    world.ask(words.Release("a"))
    world.offer_all()
    assert len(world.launched) == 4


# ---- gangs


def test_a_gang_starts_whole() -> None:
    """Across agents; while there is room for a part of it only, that is held, and smaller ones go past."""
    world = world_of(agents=3)
    world.submit({"name": "small", "resources": {"cpus": 3}})
    world.offer_all("a0")
    world.submit({"name": "g", "gang": 3, "resources": {"cpus": 4}}, {"name": "late", "resources": {"cpus": 1}})
    world.offer_all()
    assert world.core.hold is not None and len(world.core.hold.offers) == 2
    assert {parsed(one)[0] for one in world.alive()} == {"small", "late"}
    for task_id in world.alive():
        world.end(task_id)
    world.offer_all()
    assert len(world.alive("g")) == 3
    assert world.core.hold is None


def test_a_gang_that_loses_one_is_run_again_whole() -> None:
    """Those that had finished, too."""
    world = world_of(agents=3)
    world.submit({"name": "g", "gang": 3, "resources": {"cpus": 4}, "retry": {"max": 1, "delay_s": 0}})
    world.offer_all()
    world.end(world.launched[0])
    world.fail(world.launched[1])
    assert world.calls[-1].kill.task_id == world.launched[2] or types(world.calls)[-2] == "KILL"
    assert not world.wanted
    world.end(world.launched[2], KILLED)
    world.offer_all()
    assert len(world.alive("g")) == 3
    world.fail(world.launched[4])
    world.drain()
    assert world.state("g") == "failed"
    assert len(world.launched) == 6
    assert outcomes(world, "g", 2) == ["preempted", "cancelled", "failed"]


def test_a_gang_that_is_too_large_does_not_hold_for_ever() -> None:
    world = world_of(agents=2, hold_s=60.0)
    world.submit({"name": "g", "gang": 9, "resources": {"cpus": 4}})
    world.offer_all()
    assert world.core.hold is not None
    world.advance(61 * SECOND)
    assert world.core.hold is None
    assert types(world.calls)[-1] in ("DECLINE", "REVIVE")
    world.offer_all()
    assert world.core.hold is None
    world.advance(120 * SECOND)
    world.offer_all()
    assert world.core.hold is not None


# ---- refusals


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (words.Cancel("x"), "there is no job 'x'"),
        (words.Again("x"), "there is no job 'x'"),
        (words.Drop("a"), "job 'a' has not ended"),
        (words.Again("a"), "job 'a' has not ended"),
        (words.DropSchedule("x"), "there is no schedule 'x'"),
        (words.RunSchedule("x"), "there is no schedule 'x'"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(body: object, text: str) -> None:
    world = world_of()
    world.submit({"name": "a"})
    records = dict(world.records)
    problem = world.ask(body)
    assert isinstance(problem, Problem) and problem.text == text
    assert world.records == records


def test_a_submission_is_taken_whole_or_not_at_all() -> None:
    world = world_of()
    world.submit({"name": "a"})
    problem = world.submit({"name": "b"}, {"name": "a"})
    assert isinstance(problem, Problem) and problem.kind == 409
    assert world.core.entries.keys() == {"a"}
    problem = world.submit(*[{"name": f"c{number}", "command": "y" * 100_000} for number in range(10)])
    assert isinstance(problem, Problem) and "900000" in problem.text


def test_what_has_ended_long_ago_is_forgotten() -> None:
    """With everything that was kept of it, and its name is free; no task id is used again."""
    world = world_of(ended_max=2)
    world.submit({"name": "a", "keep_s": 100})
    world.drain()
    world.advance(101 * SECOND)
    assert world.core.entries == {} and world.records.keys() == {"batch/next"}
    world.submit({"name": "a"})
    world.drain()
    assert len({*world.launched}) == 2
    for number in range(3):
        world.submit({"name": f"b{number}"})
        world.drain()
    assert world.core.entries.keys() == {"b1", "b2"}
    world.start()
    assert world.core.entries.keys() == {"b1", "b2"}
