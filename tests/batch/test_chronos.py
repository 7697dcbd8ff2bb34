"""Chronos' API on schedules of ours: what its clients do goes on working."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from frameworks.batch.shell import chronos, chronos_history
from frameworks.batch.shell.api import Api
from mesos_py.machine.values import SECOND
from mesos_py.wire.task import TaskState
from tests.batch.test_api import Asked, Site

BASE = "/v1/scheduler"
ROOT = {"name": "root", "command": "echo", "schedule": "R/1970-01-01T01:00:00Z/PT10M", "arguments": ["hi"]}


class Old(Site):
    """Asked by an old client."""

    def __init__(self) -> None:
        super().__init__(resources="cpus:4;mem:8000;disk:10000")
        self.api = Api(self.batch, (*chronos.ROUTES, *chronos_history.ROUTES))

    async def __call__(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        return await self.ask(method, BASE + path, body, **query)

    async def graph(self) -> str:
        answer: Any = await self.api(Asked("GET", f"{BASE}/graph/csv", None, {}))  # type: ignore[arg-type]
        return str(answer.body.decode())

    def running(self) -> set[str]:
        return {one.rpartition(".")[2] for one in self.world.core.entries if self.world.state(one) == "running"}


async def chain() -> Old:
    old = Old()
    assert await old("POST", "/iso8601", ROOT) == (204, None)
    for name, parent in (("child", "root"), ("leaf", "child")):
        assert await old("POST", "/dependency", {"name": name, "command": "x", "parents": [parent]}) == (204, None)
    return old


async def test_a_job_is_created_read_and_replaced() -> None:
    """With Chronos' defaults, and its words."""
    old = await chain()
    _, job = await old("GET", "/job/root")
    assert {"name": "root", "command": "echo hi", "schedule": ROOT["schedule"], "retries": 2, "cpus": 0.1, "mem": 128,
            "disk": 256, "disabled": False, "concurrent": False}.items() <= job.items()  # fmt: skip
    assert await old("POST", "/iso8601", {**ROOT, "cpus": 2, "disabled": True}) == (204, None)
    _, jobs = await old("GET", "/jobs")
    assert [(one["name"], one.get("parents"), one["cpus"], one["disabled"]) for one in jobs] == [
        ("root", None, 2, True), ("child", ["root"], 0.1, True), ("leaf", ["child"], 0.1, True)
    ]  # fmt: skip
    assert [one["name"] for one in (await old("GET", "/jobs/search", name="L"))[1]] == ["child", "leaf"]
    assert [one["name"] for one in (await old("GET", "/jobs/search", any="echo"))[1]] == ["root"]


async def test_children_run_when_their_parents_have_succeeded() -> None:
    old = await chain()
    assert await old("PUT", "/job/root") == (204, None)
    for name in ("root", "child", "leaf"):
        old.world.offer_all()
        assert old.running() == {name}
        assert (await old("GET", "/jobs/summary"))[1]["jobs"][0]["name"] == "root"
        old.world.end(old.world.launched[-1])
    _, seen = await old("GET", "/jobs/summary")
    assert {(one["status"], one["state"]) for one in seen["jobs"]} == {("success", "idle")}
    assert (await old("GET", "/job/root"))[1]["successCount"] == 1
    assert (await old.graph()).splitlines()[1:3] == ["node,child,success,idle", "link,root,child"]


async def test_tasks_find_the_variables_of_chronos() -> None:
    old = Old()
    own = [{"name": "HOST", "value": "mine"}]
    assert await old("POST", "/iso8601", {**ROOT, "owner": "a@b", "environmentVariables": own}) == (204, None)
    assert await old("PUT", "/job/root") == (204, None)
    old.world.offer_all()
    (task_id,) = old.world.launched
    found = {one.name: one.value for one in old.world.infos[task_id].command.environment.variables}
    due = datetime.fromisoformat(found["SCHEDULE_DUE"] or "").timestamp()
    assert {
        "mesos_task_id": task_id, "HOST": "mine", "CHRONOS_JOB_OWNER": "a@b", "CHRONOS_JOB_NAME": "root",
        "CHRONOS_RESOURCE_CPU": "0.1", "CHRONOS_RESOURCE_MEM": "128.0", "CHRONOS_RESOURCE_DISK": "256.0",
        "CHRONOS_JOB_RUN_TIME": f"{due * 1000:.0f}", "CHRONOS_JOB_RUN_ATTEMPT": "0",
    }.items() <= found.items()  # fmt: skip


async def test_children_run_though_a_parent_has_failed_whose_errors_are_soft() -> None:
    """Also if that is said later."""
    old = await chain()
    await old("POST", "/iso8601", {**ROOT, "softError": True, "retries": 0})
    await old("PUT", "/job/root")
    old.world.offer_all()
    old.world.fail(old.world.launched[-1])
    old.world.offer_all()
    assert old.running() == {"child"}
    assert (await old("GET", "/job/root"))[1]["softError"] is True


async def test_how_runs_went_is_told() -> None:
    """Of the attempts that are remembered: the newest of a job, and how long all of them took."""
    old = await chain()
    assert await old("GET", "/job/stat/root") == (200, {
        "histogram": {"75thPercentile": 0.0, "95thPercentile": 0.0, "98thPercentile": 0.0, "99thPercentile": 0.0,
                      "median": 0.0, "mean": 0.0, "count": 0},
        "taskStatHistory": [],
    })  # fmt: skip
    for took_s in (10, 20, 30, 3_665, 5, 6):
        await old("PUT", "/job/root")
        old.world.offer_all()
        task_id = old.world.launched[-1]
        old.world.start_tasks()
        old.world.reconcile()
        old.world.advance(took_s * SECOND)
        old.world.end(task_id)
        old.world.advance(3_600 * SECOND)
        await old("DELETE", "/task/kill/child")
    _, told = await old("GET", "/job/stat/root")
    histogram, history = told["histogram"], told["taskStatHistory"]
    assert (histogram["count"], histogram["median"], histogram["99thPercentile"]) == (6, 15_000.0, 3_665_000.0)
    assert histogram["75thPercentile"] == 30_000 + 0.25 * 3_635_000  # between the fifth and the sixth of seven places
    assert [one["duration"] for one in history] == ["6s", "5s", "1h1m5s", "30s", "20s"]
    assert history[0]["status"] == "Success" and history[0]["slaveId"] in ("a0", "a1")
    assert history[-1]["startTime"] == "01/01/70 01:16:50"
    _, times = await old("GET", "/stats/median")
    assert times[0] == {"jobNameLabel": "root", "time": 15.0}
    assert await old("GET", "/stats/42thPercentile") == (200, [])
    status, told = await old.ask("GET", "/metrics")
    assert status == 200 and told["gauges"]["batch.schedules"] == {"value": 1}


async def test_a_failure_is_called_a_success() -> None:
    """And what was skipped because of it is run; what has succeeded, or not ended, stays as it is."""
    old = await chain()

    async def mark() -> str:
        answer: Any = await old.api(Asked("PUT", f"{BASE}/job/success/root", None, {}))  # type: ignore[arg-type]
        return str(answer.body.decode())

    assert await mark() == "marked job root as successful: false"
    await old("POST", "/iso8601", {**ROOT, "retries": 0})
    await old("PUT", "/job/root")
    old.world.offer_all()
    assert await mark() == "marked job root as successful: false"
    old.world.fail(old.world.launched[-1])
    assert (await old("GET", "/jobs/summary"))[1]["jobs"][0]["status"] == "failure"
    assert await mark() == "marked job root as successful: true"
    old.world.start()
    old.world.offer_all()
    assert old.running() == {"child"}
    assert await mark() == "marked job root as successful: false"
    assert (await old("GET", "/jobs/summary"))[1]["jobs"][0]["status"] == "success"


async def test_how_the_last_runs_ended_is_told() -> None:
    """Also on which hosts it may run, and in what; a run that was killed counts as neither."""
    old = await chain()
    more = {"retries": 0, "constraints": [["rack", "EQUALS", "a"]], "container": {"type": "DOCKER", "image": "i"}}
    assert await old("POST", "/iso8601", {**ROOT, **more}) == (204, None)
    _, job = await old("GET", "/job/root")
    assert {**more, "lastSuccess": "", "lastError": "", "errorsSinceLastSuccess": 0}.items() <= job.items()
    assert await old("POST", "/iso8601", {**ROOT, "retries": 0}) == (204, None)
    for end in ("well", "badly", "badly", "killed"):
        await old("PUT", "/job/root")
        old.world.offer_all()
        if end == "killed":
            await old("DELETE", "/task/kill/root")
            old.world.end(old.world.launched[-1], TaskState.TASK_KILLED)
        else:
            old.world.fail(old.world.launched[-1]) if end == "badly" else old.world.end(old.world.launched[-1])
        await old("DELETE", "/task/kill/child")
        old.world.advance(60 * SECOND)
    _, job = await old("GET", "/job/root")
    assert job["lastSuccess"] < job["lastError"] and job["errorsSinceLastSuccess"] == 2
    assert [one["status"] for one in (await old("GET", "/jobs/summary"))[1]["jobs"]] == ["failure", "fresh", "fresh"]


async def test_a_run_may_be_given_arguments() -> None:
    """Which Chronos strips of semicolons; those that depend on it have none of them."""
    old = await chain()
    assert await old("PUT", "/job/root", arguments="a; b") == (204, None)
    assert [entry.job.command for entry in old.world.core.entries.values()] == ["echo hi a b", "x", "x"]
    assert (await old("GET", "/job/root"))[1]["command"] == "echo hi"


async def test_the_graph_for_graphviz() -> None:
    old = await chain()
    answer: Any = await old.api(Asked("GET", f"{BASE}/graph/dot", None, {}))  # type: ignore[arg-type]
    assert answer.body.decode().splitlines() == [
        "digraph G {", '  "root";', '  "child";', '  "root" -> "child";', '  "leaf";', '  "child" -> "leaf";', "}",
    ]  # fmt: skip


async def test_the_calendar_is_chronos() -> None:
    old = await chain()
    old.world.advance(3_700 * SECOND - old.world.now)
    assert [old.world.state(name) for name in old.world.core.entries] == ["queued", "pending", "pending"]


async def test_what_runs_is_killed_and_what_is_removed_leaves_its_children_to_its_parents() -> None:
    old = await chain()
    await old("PUT", "/job/root")
    old.world.offer_all()
    assert await old("DELETE", "/task/kill/root") == (204, None)
    old.world.end(old.world.launched[-1], TaskState.TASK_KILLED)
    assert {old.world.state(name) for name in old.world.core.entries} == {"cancelled", "skipped"}
    assert await old("DELETE", "/job/child") == (204, None)
    assert (await old("GET", "/job/leaf"))[1]["parents"] == ["root"]
    assert await old("DELETE", "/job/root") == (204, None)
    _, jobs = await old("GET", "/jobs")
    assert [(one["name"], one["schedule"]) for one in jobs] == [("leaf", ROOT["schedule"])]
    assert await old("DELETE", "/job/leaf") == (204, None)
    assert await old("GET", "/jobs") == (200, [])


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/iso8601", {**ROOT, "schedule": "daily"}, 400, "Cannot parse schedule 'daily': it must be R[n]/start/period"),
        ("/iso8601", {**ROOT, "schedule": None}, 400, "Cannot parse schedule ''"),
        ("/iso8601", {**ROOT, "schedule": "R/1969-12-31T00:00Z/P1D"}, 400, "Cannot parse schedule 'R/1969"),
        ("/iso8601", {**ROOT, "name": "a b"}, 400, "name: 'a b' must be letters"),
        ("/iso8601", {**ROOT, "uris": ["u"], "fetch": [{"uri": "u"}]}, 400, "fetch: or 'uris', not both"),
        ("/iso8601", {**ROOT, "executor": "x"}, 400, "executor: is not taken"),
        ("/iso8601", [], 400, "must be an object"),
        ("/iso8601", {**ROOT, "environmentVariables": [{}]}, 400, "env: must be 1 to"),
        ("/iso8601", {**ROOT, "environmentVariables": ["A=b"]}, 400, "environmentVariables[0]: must be an object"),
        ("/iso8601", {**ROOT, "fetch": "u"}, 400, "fetch: must be a list"),
        ("/iso8601", {**ROOT, "container": "busybox"}, 400, "container: must be an object"),
        ("/iso8601", {**ROOT, "arguments": [1]}, 400, "arguments: must be a string"),
        ("/iso8601", {**ROOT, "command": 5}, 400, "command: must be a string"),
        ("/dependency", {"name": "c", "command": "x", "parents": 5}, 400, "parents: must be a list"),
        ("/dependency", {"name": "c", "command": "x"}, 400, "parents: there must be one at least"),
        ("/dependency", {"name": "c", "command": "x", "parents": ["nobody"]}, 400, "parents: Job 'nobody' not found"),
        ("/iso8601", {**ROOT, "constraints": [["rack", "NEAR", "a"]]}, 400, "constraints[0]: operator must be"),
        ("/iso8601", {**ROOT, "container": {"image": "i", "volumes": [{}]}}, 400, "container.volumes: is not taken"),
        ("/dependency", {"name": "c", "command": "x", "parents": ["root", "other"]}, 400, "parents: they hang"),
        ("/dependency", {"name": "root", "command": "x", "parents": ["leaf"]}, 400, "jobs["),
    ],
)  # fmt: skip
async def test_refusals(path: str, body: Any, status: int, text: str) -> None:
    old = await chain()
    await old("POST", "/iso8601", {**ROOT, "name": "other"})
    records = dict(old.world.records)
    found = await old("POST", path, body)
    assert found[0] == status and found[1]["message"].startswith(text), found
    assert found[1]["status"] == {400: "Bad Request"}[status]
    assert old.world.records == records


async def test_jobs_that_nobody_knows_are_bad_requests() -> None:
    """Chronos has no 404."""
    old = Old()
    asked = [("GET", "/job/x"), ("PUT", "/job/x"), ("DELETE", "/job/x"), ("GET", "/job/stat/x"),
             ("PUT", "/job/success/x"), ("DELETE", "/task/kill/x")]  # fmt: skip
    for method, path in asked:
        assert await old(method, path) == (400, {"message": "Job 'x' not found", "status": "Bad Request"})


async def test_what_is_read_may_be_posted_again() -> None:
    """Nothing of it is lost, what is null is as by default, and older clients ask at another path."""
    old = Old()
    job = {**ROOT, "arguments": [], "description": "d", "ownerName": "n", "owner": "o@x", "dataProcessingJobType": True,
           "maxCompletionTime": 60, "retries": 5, "softError": True, "scheduleTimeZone": "Europe/Berlin"}  # fmt: skip
    assert await old("POST", "/iso8601", {**job, "container": None, "uris": None, "cpus": None}) == (204, None)
    _, first = await old("GET", "/job/root")
    assert await old("POST", "/iso8601", first) == (204, None)
    assert (await old.ask("GET", "/scheduler/job/root")) == (200, first)
    assert {key: first[key] for key in job if key != "arguments"} == {
        key: value for key, value in job.items() if key != "arguments"
    }


async def test_the_start_is_read_again_in_the_time_zone() -> None:
    """Whatever zone it names itself; it is shown as it was posted."""
    old = Old()
    schedule = "R/2030-07-01T02:00:00.000Z/P1D"
    there = {"schedule": schedule, "scheduleTimeZone": "Europe/Berlin"}
    assert await old("POST", "/iso8601", {**ROOT, **there}) == (204, None)
    assert (await old("GET", "/job/root"))[1]["schedule"] == schedule
    assert (await old("GET", "/jobs/summary"))[1]["jobs"][0]["schedule"] == schedule
    (plan,) = old.world.core.plans.values()
    assert plan.calendar.start.isoformat() == "2030-07-01T02:00:00+02:00"


async def test_a_dependent_job_is_run_by_itself_and_several_times_a_second() -> None:
    """With whatever depends on it, and without its parents."""
    old = await chain()
    for _ in range(3):
        assert await old("PUT", "/job/child", arguments="now") == (204, None)
    names = [(entry.name.rpartition(".")[2], entry.job.command) for entry in old.world.core.entries.values()]
    assert names == [("child", "x now"), ("leaf", "x")] * 3
    old.world.drain()
    assert {old.world.state(name) for name in old.world.core.entries} == {"succeeded"}


async def test_a_data_job_tells_how_far_it_is() -> None:
    """It survives, and is told with the history of the attempt."""
    old = Old()
    assert await old("POST", "/iso8601", {**ROOT, "dataProcessingJobType": True}) == (204, None)
    assert await old("POST", "/iso8601", {**ROOT, "name": "other"}) == (204, None)
    await old("PUT", "/job/root")
    old.world.offer_all()
    (task_id,) = old.world.launched

    async def tell(number: Any, job: str = "root", task: str = task_id) -> Any:
        return await old("POST", f"/job/{job}/task/{task}/progress", {"numAdditionalElementsProcessed": number})

    assert await tell(5) == await tell(0) == await tell(37) == (204, None)
    old.world.start()
    old.world.end(task_id)
    assert (await old("GET", "/job/stat/root"))[1]["taskStatHistory"][0]["numElementsProcessed"] == 42
    for refused, text in (
        (await tell(-1), "numAdditionalElementsProcessed (-1) is not positive"), (await tell("3"), "numAdditional"),
        (await tell(1, task="ct:1:0:root:"), "Invalid task id format ct:1:0:root:"),
        (await tell(1, job="nobody"), "Job 'nobody' not found"), (await tell(1, job="other"), "Invalid task id"),
    ):  # fmt: skip
        assert refused[0] == 400 and refused[1]["message"].startswith(text), refused
    await old("PUT", "/job/other")
    old.world.offer_all()
    refused = await tell(1, "other", old.world.launched[-1])
    assert refused[1]["message"] == "Job 'other' is not enabled to track data"
