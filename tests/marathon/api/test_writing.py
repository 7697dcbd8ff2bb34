"""What people change: apps, and the deployments that come of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.instances.instance import ReadinessResult
from tests.marathon.api.served import Answer, Site, served
from tests.marathon.app_of import app_of

WEB = app_of(id="/web", cmd="serve", cpus=0.5, ports=[10_001])
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
VERSION = re.compile(r"2024-05-01T12:\d\d:\d\d\.\d{3}Z")


def is_started(found: Answer, status: int = 200) -> None:
    """A deployment was, and the answer says so twice."""
    assert (found.status, found.json.keys()) == (status, {"version", "deploymentId"}), found.body
    assert UUID.fullmatch(found.json["deploymentId"]) and VERSION.fullmatch(found.json["version"])
    assert found.headers["Marathon-Deployment-Id"] == found.json["deploymentId"]


async def app(site: Site, path: str = "/web") -> dict[str, Any]:
    return dict((await site.ask("GET", f"/v2/apps{path}")).json["app"])


async def test_an_app_is_created() -> None:
    async with served() as site:
        found = await site.ask("POST", "/v2/apps?force=True", {"id": "demo/web", "cmd": "serve", "uris": ["http://a/b.tgz"]})
        made = found.json
        assert (found.status, found.headers["Location"]) == (201, "http://here:1/demo/web")
        [deployment] = made["deployments"]
        assert deployment == {"id": found.headers["Marathon-Deployment-Id"]}
        assert (made["id"], made["tasksStaged"]) == ("/demo/web", 0)
        assert "tasks" not in made and "versionInfo" not in made
        assert made["fetch"][0]["extract"] is True and "uris" not in made and "ports" not in made
        assert (made["portDefinitions"][0]["port"], made["labels"], made["executor"]) == (10_000, {}, "")
        [asked] = site.program.asked
        assert isinstance(asked, words.CreateApp) and asked.force
        assert asked.by is not None and (asked.by.client_ip, asked.by.uri) == ("127.0.0.1", "/v2/apps")
        again = await site.ask("POST", "/v2/apps", {"id": "/demo/web", "cmd": "serve"})
        assert (again.status, again.json) == (409, {"message": "An app with id [/demo/web] already exists."})


async def test_an_app_is_put_in_whole_or_in_part() -> None:
    async with served(WEB) as site:
        is_started(await site.ask("PUT", "/v2/apps//web", {"mem": 64, "id": "/ignored"}))
        assert (await app(site))["mem"] == 64 and (await app(site))["cpus"] == 0.5
        locked = await site.ask("PUT", "/v2/apps/web?partialUpdate=False", {"cmd": "other"})
        assert locked.status == 409
        is_started(await site.ask("PUT", "/v2/apps/web?partialUpdate=False&force=True", {"cmd": "other"}))
        assert (await app(site))["cpus"] == 1
        created = await site.ask("PUT", "/v2/apps/new", {"cmd": "serve"})
        is_started(created, 201)
        assert created.headers["Location"] == "http://here:1/new"


async def test_a_change_of_what_is_being_changed_is_refused_with_the_deployment() -> None:
    async with served(WEB) as site:
        first = await site.ask("PUT", "/v2/apps/web", {"instances": 3})
        found = await site.ask("PUT", "/v2/apps/web", {"instances": 4})
        assert (found.status, found.json) == (409, {
            "message": "App is locked by one or more deployments. Override with the option '?force=true'. View details "
            "at '/v2/deployments/<DEPLOYMENT_ID>'.",
            "deployments": [{"id": first.json["deploymentId"]}],
        })  # fmt: skip
        assert (await app(site))["instances"] == 3


async def test_what_changes_nothing_is_answered_all_the_same() -> None:
    async with served(WEB) as site:
        before = (await app(site))["version"]
        is_started(await site.ask("PUT", "/v2/apps/web", {"cpus": 0.5}))
        assert (await app(site))["version"] == before
        assert (await site.ask("GET", "/v2/deployments")).json == []


async def test_several_apps_are_put_at_once() -> None:
    async with served(WEB) as site:
        body = [{"id": "/web", "instances": 2}, {"id": "/db", "cmd": "store"}]
        is_started(await site.ask("PUT", "/v2/apps", body))
        [found] = (await site.ask("GET", "/v2/deployments")).json
        assert sorted(found["affectedApps"]) == ["/db", "/web"]
        missing = await site.ask("PATCH", "/v2/apps", [{"id": "/db", "cpus": 1}, {"id": "/none", "cpus": 1}])
        assert (missing.status, missing.json["message"]) == (404, "App '/none' does not exist")
        nameless = await site.ask("PUT", "/v2/apps", [{"cmd": "x"}])
        assert (nameless.status, nameless.json["message"]) == (422, "App Update must have app id set")
        wrong = await site.ask("PUT", "/v2/apps", [{"id": "/a", "cpus": "x"}])
        assert wrong.json["details"] == [{"path": "(0)/cpus", "errors": ["error.expected.jsnumber"]}]


async def test_an_app_is_patched_restarted_scaled_and_deleted() -> None:
    async with served(WEB) as site:
        is_started(await site.ask("PATCH", "/v2/apps/web", {"instances": 2}))
        site.world.run()
        first = await app(site)
        is_started(await site.ask("POST", "/v2/apps/web/restart", b"", Content_Type=""))
        assert (await app(site))["versionInfo"]["lastConfigChangeAt"] > first["versionInfo"]["lastConfigChangeAt"]
        is_started(await site.ask("DELETE", "/v2/apps/web"))  # with force, by default
        gone = await site.ask("DELETE", "/v2/apps/web")
        assert (gone.status, gone.json["message"]) == (404, "App '/web' does not exist")


async def test_an_app_goes_back_to_a_version() -> None:
    async with served(WEB) as site:
        first = (await app(site))["version"]
        await site.ask("PUT", "/v2/apps/web", {"cmd": "other"})
        site.world.run()
        mixed = await site.ask("PUT", "/v2/apps/web", {"version": first, "cmd": "x"})
        text = "The 'version' field may only be combined with the 'id' field."
        assert (mixed.status, mixed.json["details"][0]["errors"]) == (422, [text])
        is_started(await site.ask("PUT", "/v2/apps/web?force=true", {"version": first}))
        assert (await app(site))["cmd"] == "serve"
        missing = await site.ask("PUT", "/v2/apps/web", {"version": "2001-01-01T00:00:00.000Z"})
        assert missing.json["message"] == "App '/web' does not exist in version 2001-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/v2/apps", {"id": "/x"}, 422, "Object is not valid"),
        ("POST", "/v2/apps", {"id": "/UPPER", "cmd": "x1"}, 422, "Invalid JSON"),
        ("POST", "/v2/apps", {"id": "/a/restart", "cmd": "x1"}, 422, "Object is not valid"),
        ("PUT", "/v2/apps/UPPER", {"cmd": "x1"}, 422, "Invalid JSON"),
        ("PATCH", "/v2/apps/none", {"cmd": "x1"}, 404, "App '/none' does not exist"),
        ("POST", "/v2/apps/none/restart", None, 404, "App '/none' does not exist"),
        ("DELETE", "/v2/apps/web/restart", None, 404, "App '/web/restart' does not exist"),
        ("DELETE", "/v2/deployments/none", None, 404, "DeploymentPlan none does not exist"),
    ],
)
async def test_changes_that_are_refused(method: str, path: str, body: Any, status: int, message: str) -> None:
    async with served(WEB) as site:
        before = (await site.ask("GET", "/v2/groups")).json
        found = await site.ask(method, path, body)
        assert (found.status, found.json["message"]) == (status, message)
        assert (await site.ask("GET", "/v2/groups")).json == before


async def test_deployments_are_seen_as_they_go_and_end() -> None:
    async with served(WEB) as site:
        site.world.run()
        started = await site.ask("PUT", "/v2/apps/web", {"instances": 3})
        [found] = (await site.ask("GET", "/v2/deployments")).json
        assert found == {
            "id": started.json["deploymentId"], "version": started.json["version"], "affectedApps": ["/web"],
            "affectedPods": [], "steps": [{"actions": [{"action": "ScaleApplication", "app": "/web"}]}],
            "currentActions": [{"action": "ScaleApplication", "app": "/web", "readinessCheckResults": []}],
            "currentStep": 1, "totalSteps": 1,
        }  # fmt: skip
        assert (await app(site))["deployments"] == [{"id": found["id"]}]
        back = await site.ask("DELETE", f"/v2/deployments/{found['id']}")
        is_started(back)
        assert (await app(site))["instances"] == 1
        site.world.run()
        assert (await site.ask("GET", "/v2/deployments")).json == []
        started = await site.ask("PUT", "/v2/apps/web", {"instances": 5})
        stopped = await site.ask("DELETE", f"/v2/deployments/{started.json['deploymentId']}?force=true")
        assert (stopped.status, stopped.body) == (202, b"")
        assert (await app(site))["instances"] == 5


async def test_a_deployment_waits_after_its_canaries_until_somebody_says_go_on() -> None:
    body = {"cmd": "other", "instances": 3, "labels": {"MARATHON_DEPLOYMENT_CANARY": "1"}}
    async with served(WEB) as site:
        site.world.run()
        started = await site.ask("PUT", "/v2/apps/web", body)
        site.world.run()
        [found] = (await site.ask("GET", "/v2/deployments?embed=held")).json
        assert (found["id"], found["held"]) == (started.json["deploymentId"], ["/web"])
        assert "held" not in (await site.ask("GET", "/v2/deployments")).json[0]  # clients break at it
        assert (await site.ask("POST", f"/v2/deployments/{found['id']}/continue")).status == 200
        site.world.run(6)
        assert (await site.ask("GET", "/v2/deployments")).json == []
        assert (await site.ask("POST", f"/v2/deployments/{found['id']}/continue")).status == 404


async def test_who_may_not_change_an_app_does_not() -> None:
    async with served(WEB) as site:
        site.program.forbidden_things |= {("update", "/web"): None, ("create", "/new"): None, ("delete", "/web"): None}
        for method, path, body in (
            ("PUT", "/v2/apps/web", {"instances": 2}), ("PUT", "/v2/apps", [{"id": "/web"}]),
            ("POST", "/v2/apps", {"id": "/new", "cmd": "x1"}), ("PUT", "/v2/apps/new", {"cmd": "x1"}),
            ("DELETE", "/v2/apps/web", None), ("POST", "/v2/apps/web/restart", None),
            ("DELETE", "/v2/apps/web/tasks", None),
        ):  # fmt: skip
            assert (await site.ask(method, path, body)).status == 403
        assert site.program.asked == []
        web = site.world.core.specs[PathId("/web")]
        assert site.program.judged == [web, web, "/new", "/new", web, web, web]


async def test_of_what_is_not_there_everybody_is_told_so() -> None:
    """No plug-in is asked about it; but what an app has been, only who may see it sees."""
    async with served(WEB) as site:
        version = site.world.core.specs[PathId("/web")].version
        assert (await site.ask("DELETE", "/v2/apps/web")).status == 200
        site.program.run()
        site.program.judged.clear()
        for method, path in (
            ("GET", "/v2/apps/web"), ("DELETE", "/v2/apps/web"), ("GET", "/v2/apps/web/versions"),
            ("DELETE", "/v2/apps/web/tasks"), ("GET", "/v2/groups/nix"), ("DELETE", "/v2/groups/nix"),
            ("GET", "/v2/pods/nix"), ("DELETE", "/v2/pods/nix"), ("GET", "/v2/pods/nix::status"),
            ("DELETE", "/v2/queue/nix/delay"), ("GET", "/v2/queue/nix/why"),
        ):  # fmt: skip
            assert (await site.ask(method, path)).status == 404
        assert site.program.judged == []
        former = f"/v2/apps/web/versions/{version}"
        assert (await site.ask("GET", former)).status == 200
        site.program.forbidden_things["view", "/web"] = None
        assert (await site.ask("GET", former)).status == 403


@pytest.mark.parametrize(("update", "is_told"), [({"instances": 2}, True), ({"env": {"A": "b"}}, False)])
async def test_only_what_is_not_replaced_is_told_to_be_ready(update: dict[str, Any], is_told: bool) -> None:
    port = {"port": 10_001, "name": "http"}
    web = app_of(cmd="serve", portDefinitions=[port], readinessChecks=[{"portName": "http"}])
    async with served(web) as site:
        site.world.run()
        [old] = site.world.of()
        await site.ask("PUT", "/v2/apps/web", update)
        old.readiness = ReadinessResult("readinessCheck", True)
        [found] = (await site.ask("GET", "/v2/deployments")).json
        told = {"name": "readinessCheck", "taskId": old.tasks["_app"].id, "ready": True}
        assert found["currentActions"][0]["readinessCheckResults"] == [told] * is_told


async def test_who_may_see_one_of_its_apps_sees_a_deployment() -> None:
    async with served() as site:
        await site.ask("PUT", "/v2/apps", [{"id": f"/{name}", "cmd": "serve"} for name in "ab"])
        for name, seen in (("a", 1), ("b", 0)):
            site.program.forbidden_things["view", f"/{name}"] = None
            assert len((await site.ask("GET", "/v2/deployments")).json) == seen
