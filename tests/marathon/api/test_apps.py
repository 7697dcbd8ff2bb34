"""Apps and their tasks as clients read them."""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.instances.instance import Goal
from mesos_py.machine.values import SECOND
from mesos_py.wire.health import CheckStatusInfo
from mesos_py.wire.ids import TaskID
from mesos_py.wire.task import TaskState
from tests.marathon.api.served import served
from tests.marathon.app_of import app_of

#: what every app has, whatever is known of it
ALWAYS = {
    "id", "backoffFactor", "backoffSeconds", "cpus", "mem", "disk", "gpus", "executor", "instances", "labels",
    "maxLaunchDelaySeconds", "networks", "requirePorts", "killSelection", "upgradeStrategy", "unreachableStrategy",
    "role", "version", "versionInfo", "portDefinitions",
}  # fmt: skip
COUNTS = {"tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy"}
#: of an active task
TASK = {
    "appId", "id", "host", "slaveId", "state", "ports", "servicePorts", "ipAddresses", "stagedAt", "startedAt",
    "version", "healthCheckResults", "localVolumes", "role", "region", "zone",
}  # fmt: skip

WEB = app_of(id="/shop/web", cmd="serve", instances=2, labels={"tier": "front", "env": "a b"}, ports=[10_000])
DATABASE = app_of(id="/shop/db/main", cmd="Store", labels={"tier": "back"})


async def test_a_list_has_counts_and_deployments_and_tasks_if_they_are_embedded() -> None:
    async with served(WEB) as site:
        site.world.run()
        [plain] = (await site.ask("GET", "/v2/apps")).json["apps"]
        assert plain.keys() == ALWAYS | COUNTS | {"cmd", "deployments"}
        assert {name: plain[name] for name in COUNTS} == {
            "tasksStaged": 0, "tasksRunning": 2, "tasksHealthy": 0, "tasksUnhealthy": 0,
        }  # fmt: skip
        [full] = (await site.ask("GET", "/v2/apps?embed=apps.tasks")).json["apps"]
        assert full == plain | {"tasks": full["tasks"]}
        task = full["tasks"][0]
        assert task.keys() == TASK
        assert (task["appId"], task["state"], task["servicePorts"]) == ("/shop/web", "TASK_RUNNING", [10_000])
        assert task["ports"] and task["slaveId"].startswith("a") and task["host"].startswith("h")
        assert task["id"].startswith("shop_web.instance-") and task["id"].endswith("._app.1")


async def test_one_app_has_all_of_it_whatever_is_embedded() -> None:
    async with served(WEB) as site:
        site.world.run()
        for path in ("/v2/apps/shop/web", "/v2/apps//shop/web", "/v2/apps/shop/web?embed=app.counts"):
            app = (await site.ask("GET", path)).json["app"]
            assert app.keys() == ALWAYS | COUNTS | {"cmd", "deployments", "tasks"}


async def test_what_waits_for_an_offer_has_no_task() -> None:
    async with served(WEB) as site:
        app = (await site.ask("GET", "/v2/apps/shop/web")).json["app"]
        assert (app["tasks"], app["tasksStaged"]) == ([], 0)
        assert (await site.ask("GET", "/v2/tasks")).json == {"tasks": []}


async def test_a_task_that_nobody_has_spoken_of_is_staging() -> None:
    async with served(WEB) as site:
        site.world.launch()
        app = (await site.ask("GET", "/v2/apps/shop/web")).json["app"]
        assert (app["tasksStaged"], app["tasksRunning"]) == (2, 0)
        assert [task["state"] for task in app["tasks"]] == ["TASK_STAGING"] * 2
        assert app["tasks"][0].keys() == TASK - {"startedAt"}
        assert app["tasks"][0]["stagedAt"] == "2024-05-01T12:00:00.000Z"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("id=DB", ["/shop/db/main"]),
        ("cmd=STO", ["/shop/db/main"]),
        ("cmd=s&id=web", ["/shop/web"]),
        ("label=tier", ["/shop/web", "/shop/db/main"]),
        ("label=tier==front", ["/shop/web"]),
        ("label=tier!=front", ["/shop/db/main"]),
        ("label=tier%20in%20(front,%20side),env", ["/shop/web"]),
        ("label=tier%20notin%20(front)", ["/shop/db/main"]),
        ("label=env==a%5C%20b", ["/shop/web"]),
        ("label=none!=x", []),
    ],
)
async def test_a_list_is_filtered(query: str, found: list[str]) -> None:
    async with served(WEB, DATABASE) as site:
        listed = (await site.ask("GET", f"/v2/apps?{query}")).json["apps"]
        assert sorted(app["id"] for app in listed) == sorted(found)


@pytest.mark.parametrize("text", ["a=b", "a in b", "a in (", "a in (b,)", "a,", ",a", "in (a)(b)", "a b", "=="])
async def test_what_is_no_selector_is_refused(text: str) -> None:
    async with served(WEB) as site:
        found = await site.ask("GET", "/v2/apps?label=" + text.replace(" ", "%20"))
        assert found.status == 422
        assert found.json["message"].startswith(f"Can not parse label selector {text}. Reason: ")


async def test_the_apps_of_a_group() -> None:
    async with served(WEB, DATABASE) as site:
        assert [app["id"] for app in (await site.ask("GET", "/v2/apps/shop/db/*")).json["*"]] == ["/shop/db/main"]
        both = (await site.ask("GET", "/v2/apps/*")).json["*"]
        assert [app["tasks"] for app in both] == [[], []]
        missing = await site.ask("GET", "/v2/apps/none/*")
        assert (missing.status, missing.json) == (404, {"message": "Group '/none' does not exist"})
        site.world.run()
        assert len((await site.ask("GET", "/v2/apps/shop/*/tasks")).json["tasks"]) == 3


async def test_versions_of_an_app() -> None:
    async with served(WEB) as site:
        first = site.world.core.specs[WEB.id].version  # type: ignore[index]
        site.world.advance(10 * SECOND)
        site.world.define(app_of(id="/shop/web", cmd="other"))
        second = "2024-05-01T12:00:10.000Z"
        assert (await site.ask("GET", "/v2/apps/shop/web/versions")).json == {"versions": [second, first]}
        old = await site.ask("GET", f"/v2/apps/shop/web/versions/{first}")
        assert (old.json["cmd"], old.json["instances"], "tasks" in old.json) == ("serve", 2, False)
        missing = await site.ask("GET", "/v2/apps/shop/web/versions/2020-01-01T00:00:00Z")
        text = "App '/shop/web' does not exist in version 2020-01-01T00:00:00.000Z"
        assert (missing.status, missing.json["message"]) == (404, text)
        wrong = await site.ask("GET", "/v2/apps/shop/web/versions/latest")
        text = "Invalid timestamp provided 'latest'. Expecting ISO-8601 datetime string."
        assert (wrong.status, wrong.json["message"]) == (422, text)


async def test_who_asks_sees_how_tasks_have_ended() -> None:
    """Only who names it: strict clients know no such key."""
    async with served(WEB) as site:
        site.world.run()
        first, second = site.world.alive()
        site.world.end(first, TaskState.TASK_FAILED, message="exit 1")
        site.world.end(second, TaskState.TASK_FINISHED)
        assert "taskHistory" not in (await site.ask("GET", "/v2/apps/shop/web?embed=app.failures")).json["app"]
        shown = (await site.ask("GET", "/v2/apps/shop/web?embed=app.taskHistory")).json["app"]["taskHistory"]
        assert [(one["taskId"], one["state"], one["message"]) for one in shown] == [
            (second, "TASK_FINISHED", ""), (first, "TASK_FAILED", "exit 1"),
        ]  # fmt: skip
        assert all(one["startedAt"] <= one["timestamp"] for one in shown)


async def test_statistics_are_by_what_tasks_run() -> None:
    async with served(WEB) as site:
        site.world.run()
        site.world.now += 100 * SECOND
        stats = (await site.ask("GET", "/v2/apps/shop/web?embed=app.taskStats")).json["app"]["taskStats"]
        summary = {
            "stats": {
                "counts": {"staged": 0, "running": 2, "healthy": 0, "unhealthy": 0},
                "lifeTime": {"averageSeconds": 100.0, "medianSeconds": 100.0},
            }
        }
        assert stats == dict.fromkeys(("startedAfterLastScaling", "withLatestConfig", "totalSummary"), summary)


async def test_tasks_tell_addresses_checks_and_where_they_are() -> None:
    async with served(WEB) as site:
        site.world.run()
        task = next(iter(site.world.of("/shop/web")[0].tasks.values()))
        task.addresses = (("10.0.0.5", "IPv4"),)
        site.world.update(
            task.id, TaskState.TASK_RUNNING, check_status=CheckStatusInfo(http=CheckStatusInfo.Http(status_code=200))
        )
        shown = next(one for one in (await site.ask("GET", "/v2/tasks")).json["tasks"] if one["id"] == task.id)
        assert shown["ipAddresses"] == [{"ipAddress": "10.0.0.5", "protocol": "IPv4"}]
        assert shown["checkResult"] == {"http": {"statusCode": 200}}


async def test_all_tasks_by_their_state() -> None:
    async with served(WEB, DATABASE) as site:
        site.world.run()
        for query, count in (("status=running", 3), ("status=staging", 0), ("status[]=staging", 0), ("status=x", 3)):
            assert len((await site.ask("GET", f"/v2/tasks?{query}")).json["tasks"]) == count
        own = (await site.ask("GET", "/v2/apps/shop/web/tasks")).json["tasks"]
        assert [task["servicePorts"] for task in own] == [[], []]


@pytest.mark.parametrize("path", ["/v2/tasks", "/v2/apps/shop/web/tasks"])
async def test_load_balancers_of_former_days_read_lines(path: str) -> None:
    async with served(WEB) as site:
        site.world.run()
        assert (await site.ask("GET", path, Accept="text/plain")).status == 406
        site.program.flags["deprecated_features"] = ["text_plain_tasks"]
        assert (await site.ask("GET", path, Accept="image/png")).status == 406
        assert (await site.ask("GET", path, Accept="*/*")).json["tasks"]
        lines = await site.ask("GET", path, Accept="text/plain")
        hosts = "".join(
            f"{one.placed.hostname}:{one.tasks['_app'].host_ports[0]}\t"
            for one in site.world.of("/shop/web") if one.placed
        )  # fmt: skip
        assert lines.body.decode() == f"shop_web\t10000\t{hosts}\n"


# ---- killing


async def test_killed_tasks_are_told_and_launched_again() -> None:
    async with served(WEB) as site:
        site.world.run()
        [task] = [one for one in site.world.alive() if one.endswith(".1")][:1]
        found = await site.ask("DELETE", f"/v2/apps/shop/web/tasks/{task}")
        assert (found.status, found.json["task"]["id"]) == (200, task)
        instance = site.world.core.tasks[TaskID(task)]
        assert site.program.asked == [words.KillInstances((instance.id,))]
        assert (instance.is_killed, instance.goal) == (True, Goal.RUNNING)
        site.world.run()
        assert instance.incarnation == 2


async def test_tasks_on_a_host_are_killed() -> None:
    async with served(WEB) as site:
        site.world.run()
        one = site.world.of("/shop/web")[0]
        assert one.placed is not None
        found = await site.ask("DELETE", f"/v2/apps/shop/web/tasks?host={one.placed.hostname}&wipe=True")
        assert {task["host"] for task in found.json["tasks"]} == {one.placed.hostname}
        assert all(asked.wipe for asked in site.program.asked)
        assert (await site.ask("DELETE", "/v2/apps/shop/web/tasks?host=nowhere")).json == {"tasks": []}


async def test_tasks_are_killed_by_their_ids_and_those_that_there_are_not_are_none() -> None:
    async with served(WEB) as site:
        site.world.run()
        known = list(site.world.alive())
        found = await site.ask("POST", "/v2/tasks/delete", {"ids": [*known, "shop_web.instance-x._app.9", "a_b.c"]})
        assert [task["id"] for task in found.json["tasks"]] == known


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("DELETE", "/v2/apps/none/tasks", None, 404, "App '/none' does not exist"),
        ("DELETE", "/v2/apps/shop/web/tasks/x", None, 404, "Task 'x' does not exist"),
        ("DELETE", "/v2/apps/shop/web/tasks?scale=true&wipe=true", None, 400,
         "You cannot use scale and wipe at the same time."),
        ("POST", "/v2/tasks/delete", {"ids": ["x"]}, 400, "Invalid task id 'x'. ["),
        ("POST", "/v2/tasks/delete", {"ids": 1}, 422, "Invalid JSON"),
        ("POST", "/v2/tasks/delete", {}, 422, "Invalid JSON"),
    ],
)  # fmt: skip
async def test_kills_that_are_refused_change_nothing(
    method: str, path: str, body: Any, status: int, message: str
) -> None:
    async with served(WEB) as site:
        site.world.run()
        found = await site.ask(method, path, body)
        assert (found.status, site.program.asked) == (status, [])
        assert found.json["message"].startswith(message)


async def test_who_may_not_see_an_app_does_not() -> None:
    async with served(WEB, DATABASE) as site:
        site.program.forbidden_things[("view", "/shop/web")] = None
        assert [app["id"] for app in (await site.ask("GET", "/v2/apps")).json["apps"]] == ["/shop/db/main"]
        found = await site.ask("GET", "/v2/apps/shop/web")
        assert (found.status, found.json) == (403, {"message": "not yours"})
