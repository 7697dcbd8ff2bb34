"""Records that cannot be understood keep nobody from going on with the rest, are seen, and are not lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from frameworks.batch import views, words
from frameworks.batch.broken import DAMAGED
from frameworks.batch.entry import parsed
from mesos_py.machine.problem import Kind, Problem
from mesos_py.machine.values import SECOND
from mesos_py.wire.task import TaskState
from tests.batch.test_api import Site
from tests.batch.world import World, world_of

LOST = TaskState.TASK_LOST


def rewritten(world: World, name: str, **changes: Any) -> None:
    """The first job of that submission is kept otherwise."""
    kept = json.loads(world.records[name])
    kept["jobs"][0] |= changes
    world.records[name] = json.dumps(kept).encode()


def why(world: World, name: str) -> str:
    return " ".join(views.why(world.core, world.entry(name), world.now)["reasons"])


def test_a_job_that_is_refused_today_is_broken_and_the_others_run() -> None:
    """1 It was taken by a version that allowed it; 2 the next one shows it as it was, and why it is not run; 3 whatever
    does not need it runs, of its own submission, too; 4 a version that understands it goes on."""
    world = world_of()
    world.submit({"name": "a"}, {"name": "b", "depends": [{"job": "a"}]}, {"name": "c"})
    world.submit({"name": "d"})
    before = dict(world.records)
    rewritten(world, "batch/submission/1", cpu_shares=17)
    refused = world.records["batch/submission/1"]
    world.start()
    assert {name: world.state(name) for name in "abcd"} == {"a": "broken", "b": "pending", "c": "queued", "d": "queued"}
    shown = views.job(world.core, world.entry("a"))
    assert "unknown field 'cpu_shares'" in shown["broken"] and shown["definition"]["cpu_shares"] == 17
    assert "batch/submission/1" in why(world, "a") and "'a', which is broken" in why(world, "b")
    assert [one["name"] for one in views.jobs(world.core, {"state": "broken"})] == ["a"]
    world.offer_all()
    assert {parsed(task_id)[0] for task_id in world.alive()} == {"c", "d"}
    assert world.records["batch/submission/1"] == refused
    world.records["batch/submission/1"] = before["batch/submission/1"]
    world.start()
    world.drain()
    assert {world.state(name) for name in "abcd"} == {"succeeded"}


def test_what_runs_of_a_broken_job_goes_on_and_its_end_is_kept() -> None:
    """Also of an array of which not even the size can be read; none of it is started again, and no room made of it."""
    world = world_of()
    world.submit({"name": "a", "array": "0-5%3"})
    world.offer_all()
    running = world.alive()
    assert len(running) == 3
    rewritten(world, "batch/submission/1", array="0~5")
    world.start()
    world.end(running[0])
    world.end(running[1], LOST)
    world.offer_all()
    assert world.state("a") == "broken" and world.alive() == [running[2]] and not world.unwanted
    states = {one["index"]: one["state"] for one in views.tasks(world.core, world.entry("a"), {})}
    assert sorted(states.values()) == ["ready", "starting", "succeeded"]
    rewritten(world, "batch/submission/1", array="0-5%3")
    world.start()
    world.drain()
    assert (world.state("a"), world.entry("a").succeeded) == ("succeeded", 6)
    assert sum(world.ends[task_id] is TaskState.TASK_FINISHED for task_id in world.ends) == 6, "no task has run twice"


def test_a_broken_job_can_be_cancelled_and_forgotten_and_nothing_else() -> None:
    world = world_of()
    world.submit({"name": "a"})
    rewritten(world, "batch/submission/1", command=7)
    world.start()
    for body in (words.Hold("a"), words.Release("a"), words.Again("a"), words.Drop("a")):
        refused = world.ask(body)
        assert isinstance(refused, Problem) and refused.kind is Kind.CONFLICT
    assert "broken" in world.ask(words.Hold("a")).text
    assert world.ask(words.Cancel("a")) is None and world.state("a") == "cancelled"
    assert "is broken" in world.ask(words.Again("a")).text
    world.start()
    assert world.state("a") == "cancelled"
    world.ask(words.Drop("a"))
    assert list(world.records) == ["batch/next"]


@pytest.mark.parametrize("torn", [
    b"", b'{"at":1', b"\xff\x00", b"[]", b'{"jobs": 7}', DAMAGED + b'{"at":1,"schedule":"","due":0,"jobs":[]}',
])  # fmt: skip
def test_a_torn_submission_takes_nobody_with_it(torn: bytes) -> None:
    """Its jobs are broken if their names are found: in what is left, by their tasks and records, or because somebody
    waits for them. What runs goes on; their names are nobody else's."""
    world = world_of(agents=4)
    world.submit({"name": "a"}, {"name": "b", "resources": {"cpus": 900}})
    world.submit({"name": "c", "depends": [{"job": "b"}]}, {"name": "d"})
    world.offer_all()
    (running,) = world.alive("a")
    kept = world.records["batch/submission/1"]
    world.records["batch/submission/1"] = torn
    world.start()
    assert [world.state(name) for name in "abcd"] == ["broken", "broken", "pending", "running"]
    assert isinstance(world.submit({"name": "a"}), Problem)
    world.end(running)
    world.end(*world.alive("d"))
    assert world.state("d") == "succeeded" and not world.unwanted
    assert world.records["batch/submission/1"] == torn
    world.submit({"name": "e"})
    world.offer_all()
    world.end(*world.alive("e"))
    world.records["batch/submission/1"] = kept
    world.start()
    assert {name: world.state(name) for name in "abcde"} == {
        "a": "succeeded", "b": "queued", "c": "pending", "d": "succeeded", "e": "succeeded",
    }  # fmt: skip


def test_of_half_a_record_names_are_read() -> None:
    """And one of which there is nothing is seen, too."""
    world = world_of()
    world.submit({"name": "first"}, {"name": "second"})
    world.submit({"name": "third"})
    record = world.records["batch/submission/1"]
    world.records["batch/submission/1"] = record[: record.index(b"second") + 7]
    world.records["batch/submission/2"] = b"?"
    world.start()
    assert {name: entry.state for name, entry in world.core.entries.items()} == dict.fromkeys(
        ("first", "second", "submission-2"), "broken"
    )
    assert len(world.core.complaints) == 2


def test_a_torn_task_is_one_that_was_lost() -> None:
    """It is run again, or has failed if it must not run twice, and the others are as they were."""
    world = world_of(agents=4)
    world.submit({"name": "a", "array": "0-3"}, {"name": "b", "array": "0-3%1", "retry": {"on_lost": "fail"}})
    for _ in range(2):
        world.offer_all()
        for task_id in world.alive():
            world.end(task_id)
    assert world.state("a") == "succeeded" and world.entry("b").succeeded >= 1
    world.submit({"name": "c", "array": "0-1%1"})
    world.offer_all()
    world.end(*world.alive("c"))
    world.records["batch/task/c.0"] = b'{"then":"succ'
    world.records["batch/task/b.0"] = b'{"then":"failed","attempts":[[1]]}'
    world.start()
    assert world.entry("b").failed == 1 and world.state("c") == "queued" and world.entry("c").succeeded == 0
    assert len(world.core.complaints) == 2
    world.drain()
    assert (world.state("a"), world.state("b"), world.state("c")) == ("succeeded", "failed", "succeeded")
    first, *_ = views.tasks(world.core, world.entry("c"), {})
    assert [one["outcome"] for one in first["attempts"]] == ["lost", "succeeded"]
    assert "cannot be understood" in first["attempts"][0]["message"]
    assert len(set(world.launched)) == len(world.launched)


def test_a_task_that_runs_is_not_ended_because_its_record_is_torn() -> None:
    world = world_of()
    world.submit({"name": "a", "retry": {"max": 3, "delay_s": 1, "on_lost": "fail"}})
    world.offer_all()
    world.fail(*world.alive())
    world.advance(5 * SECOND)
    world.offer_all()
    (running,) = world.alive()
    world.records["batch/task/a.0"] = b"{"
    world.start()
    assert world.state("a") == "running" and not world.unwanted
    world.end(running)
    assert world.state("a") == "succeeded"


def test_a_job_whose_state_is_torn_is_not_run_again_by_accident() -> None:
    """It may have ended, or was held. Cancelled, it is known again."""
    world = world_of()
    world.submit({"name": "a", "array": "0-1"}, {"name": "b"})
    world.offer_all()
    world.end(world.alive("a")[0])
    world.ask(words.Hold("a"))
    world.records["batch/job/a"] = b'{"held":tr'
    world.start()
    world.end(world.alive("a")[0])
    world.offer_all()
    assert world.state("a") == "broken" and world.state("b") == "running"
    assert "batch/job/a" in why(world, "a")
    world.ask(words.Cancel("a"))
    assert world.state("a") == "succeeded" and world.entry("a").broken is None
    assert world.entry("a").succeeded == 2


def test_a_schedule_that_is_refused_today_is_shown_and_may_be_put_again() -> None:
    """Nothing is run for it meanwhile; others go on; its runs are its own again."""
    world = world_of()
    world.put(name="s", cron="* * * * *")
    world.put(name="t", cron="* * * * *")
    world.advance(60 * SECOND)
    assert len(world.core.entries) == 2
    kept = json.loads(world.records["batch/schedule/s"])
    kept["schedule"]["cron"] = "61 * * * *"
    world.records["batch/schedule/s"] = json.dumps(kept).encode()
    world.start()
    world.advance(60 * SECOND)
    assert list(world.core.plans) == ["t"]
    shown = views.broken_schedule("s", world.core.broken_plans["s"])
    assert "batch/schedule/s" in shown["broken"] and "61 * * * *" in shown["definition"]
    for body in (words.PauseSchedule("s", True), words.RunSchedule("s")):
        assert "is broken" in world.ask(body).text
    world.put(name="s", cron="* * * * *", overlap="forbid")
    assert len(world.core.plans["s"].runs) == 1 and not world.core.broken_plans
    world.records["batch/schedule/t"] = b"{"
    world.start()
    assert list(world.core.broken_plans) == ["t"]
    world.ask(words.DropSchedule("t"))
    assert not world.core.broken_plans and "batch/schedule/t" not in world.records


def test_a_torn_number_is_never_one_that_was_used() -> None:
    """Tasks are called after it."""
    world = world_of()
    for name in "abc":
        world.submit({"name": name})
    world.records["batch/next"] = b"\xff"
    world.start()
    world.submit({"name": "d"})
    assert world.entry("d").submission > 1_000
    assert int(world.records["batch/next"]) == world.entry("d").submission + 1


def test_nothing_that_is_kept_keeps_it_from_starting() -> None:
    """Whichever record is torn, wherever; and the others are not touched."""
    world = world_of(agents=4)
    world.submit({"name": "a", "array": "0-2", "retry": {"max": 2}}, {"name": "b", "depends": [{"job": "a"}]})
    world.submit({"name": "g", "gang": 2})
    world.put(name="s", cron="* * * * *")
    world.offer_all()
    world.end(world.alive("a")[0])
    world.fail(world.alive("a")[0])
    world.ask(words.Cancel("g"))
    whole = dict(world.records)
    for name, record in whole.items():
        for cut in range(0, len(record), 3):
            world.records = {**whole, name: record[:cut]}
            world.start()
            left = {other: world.records.get(other) for other in whole if other != name}
            assert left == {other: whole[other] for other in whole if other != name}, (name, cut)
            assert world.core.complaints, (name, cut)


async def test_people_see_what_is_broken() -> None:
    """Jobs and schedules, in lists and each by itself; how much there is, where the program is looked after."""
    site = Site()
    await site.ask("POST", "/v1/jobs", {"name": "a", "command": "x"})
    await site.ask("PUT", "/v1/schedules/s", {"cron": "@daily", "jobs": [{"name": "j", "command": "x"}]})
    rewritten(site.world, "batch/submission/1", grace_s=-1)
    site.world.records["batch/schedule/s"] = b"{"
    site.world.start()
    _, listed = await site.ask("GET", "/v1/jobs")
    assert [one["state"] for one in listed["jobs"]] == ["broken"]
    assert "grace_s: must be 0 to 86400, not -1" in listed["jobs"][0]["broken"]
    _, told = await site.ask("GET", "/v1/jobs/a/why")
    assert told["reasons"] == [f"nothing of it is started: {listed['jobs'][0]['broken']}"]
    _, schedules = await site.ask("GET", "/v1/schedules")
    assert (await site.ask("GET", "/v1/schedules/s"))[1] == schedules["schedules"][0]
    assert schedules["schedules"][0]["broken"].startswith("what is kept as 'batch/schedule/s' cannot be understood")
    assert len((await site.ask("GET", "/health"))[1]["complaints"]) == 2
    assert (await site.ask("POST", "/v1/schedules/s/pause"))[0] == 409
    assert (await site.ask("DELETE", "/v1/schedules/s"))[0] == 204
    assert (await site.ask("POST", "/v1/jobs/a/cancel"))[1]["state"] == "cancelled"
