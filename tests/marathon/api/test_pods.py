"""Pods and groups as clients read them."""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.pods import Pod, complete_pod, read_pod
from mesos_py.wire.task import TaskState
from tests.marathon.api.served import Site, served
from tests.marathon.app_of import SETTINGS, app_of

TWO = {
    "id": "/shop/two", "scaling": {"kind": "fixed", "instances": 2},
    "containers": [
        {"name": "front", "resources": {"cpus": 0.5, "mem": 64}, "endpoints": [{"name": "web", "hostPort": 0}],
         "healthCheck": {"http": {"endpoint": "web"}}},
        {"name": "side", "resources": {"cpus": 0.1, "mem": 32}},
    ],
}  # fmt: skip
WEB = app_of(id="/shop/web", cmd="serve")
INSTANCE = {
    "id", "status", "statusSince", "conditions", "agentHostname", "agentId", "resources", "networks", "containers",
    "specReference", "localVolumes", "role", "lastUpdated", "lastChanged", "agentRegion",
    "agentZone",
}  # fmt: skip


def pod_of(body: dict[str, Any]) -> Pod:
    return complete_pod(read_pod(body), SETTINGS)


def pods(site: Site) -> list[Any]:
    return [one for one in site.world.of("/shop/two") if one.placed is not None]


async def test_pods_are_found_and_looked_at() -> None:
    async with served(pod_of(TWO)) as site:
        head = await site.ask("HEAD", "/v2/pods")
        assert (head.status, head.body) == (200, b"")
        [listed] = (await site.ask("GET", "/v2/pods")).json
        assert listed == (await site.ask("GET", "/v2/pods/shop/two")).json
        assert listed["scaling"] == {"kind": "fixed", "instances": 2}
        versions = (await site.ask("GET", "/v2/pods/shop/two::versions")).json
        assert versions == [listed["version"]]
        assert (await site.ask("GET", f"/v2/pods/shop/two::versions/{versions[0]}")).json == listed
        missing = await site.ask("GET", "/v2/pods/x")
        assert (missing.status, missing.json["message"]) == (404, '{"message": "pod with /x does not exist"}')
        for path in ("/v2/pods/x::status", "/v2/pods/x::versions"):
            assert (await site.ask("GET", path)).json["message"] == "Pod '/x' does not exist"


async def test_the_status_of_a_pod_while_it_comes_up() -> None:
    async with served(pod_of(TWO)) as site:
        status = (await site.ask("GET", "/v2/pods/shop/two::status")).json
        assert (status["status"], status["instances"]) == ("DEGRADED", [])
        assert status["statusSince"] == status["spec"]["version"]
        site.world.launch()
        status = (await site.ask("GET", "/v2/pods/shop/two::status")).json
        assert [one["status"] for one in status["instances"]] == ["PENDING", "PENDING"]
        site.world.run()
        [status] = (await site.ask("GET", "/v2/pods/::status")).json
        [condition] = status["instances"][0]["containers"][0]["conditions"]
        assert (condition["value"], condition["reason"]) == ("false", "health-unreported-by-mesos")
        assert status["status"] == "DEGRADED"
        for instance in pods(site):
            site.world.update(instance.tasks["front"].id, TaskState.TASK_RUNNING, healthy=True)
        [status] = (await site.ask("GET", "/v2/pods/::status")).json
        assert status["status"] == "STABLE" and status["terminationHistory"] == []
        one = status["instances"][0]
        assert one.keys() == INSTANCE and one["status"] == "STABLE"
        assert one["resources"] == {"cpus": 0.7, "mem": 128.0, "disk": 10.0, "gpus": 0}
        assert one["specReference"] == f"/v2/pods/shop/two::versions/{status['spec']['version']}"
        front, side = one["containers"]
        port = site.world.core.instances[one["id"]].tasks["front"].host_ports[0]
        assert (front["name"], front["status"], side["conditions"]) == ("front", "TASK_RUNNING", [])
        assert front["endpoints"] == [{"name": "web", "allocatedHostPort": port, "healthy": True}]
        [condition] = front["conditions"]
        assert (condition["value"], condition["reason"]) == ("true", "health-reported-by-mesos")


async def test_a_pod_that_is_unwell_or_away_is_degraded() -> None:
    async with served(pod_of(TWO)) as site:
        site.world.run()
        first, second = pods(site)
        for one, healthy in ((first, True), (second, False)):
            site.world.update(one.tasks["front"].id, TaskState.TASK_RUNNING, healthy=healthy)
        status = (await site.ask("GET", "/v2/pods/shop/two::status")).json
        well, unwell = status["instances"]
        assert (status["status"], well["status"]) == ("DEGRADED", "STABLE")
        assert (unwell["status"], unwell["message"]) == ("DEGRADED", "at least one container is not healthy")
        assert well["containers"][0]["endpoints"][0]["healthy"] is True
        assert unwell["containers"][0]["conditions"][0]["reason"] == "health-reported-by-mesos"


async def test_instances_are_killed() -> None:
    async with served(pod_of(TWO)) as site:
        site.world.run()
        first, second = pods(site)
        one = await site.ask("DELETE", f"/v2/pods/shop/two::instances/{first.id}?wipe=true")
        assert (one.status, one.json["instanceId"], one.json["agentInfo"]["host"]) == (
            200, {"idString": first.id}, first.placed.hostname,
        )  # fmt: skip
        many = await site.ask("DELETE", "/v2/pods/shop/two::instances", [second.id, "shop_two.instance-x"])
        assert [found["state"]["goal"] for found in many.json] == ["Running"]
        assert site.program.asked == [
            words.KillInstances((first.id,), wipe=True), words.KillInstances((second.id,)),
        ]  # fmt: skip
        for name, status in (("shop_two.instance-x", 404), ("x", 422)):
            assert (await site.ask("DELETE", f"/v2/pods/shop/two::instances/{name}")).status == status


async def test_pods_are_written() -> None:
    async with served() as site:
        made = await site.ask("POST", "/v2/pods", TWO)
        assert (made.status, made.headers["Location"], made.json["id"]) == (201, "http://here:1/shop/two", "/shop/two")
        assert made.json["version"] == "2024-05-01T12:00:01.000Z" and made.headers["Marathon-Deployment-Id"]
        again = await site.ask("POST", "/v2/pods", TWO)
        assert (again.status, again.json["message"]) == (409, "A pod with id [/shop/two] already exists.")
        body = {**TWO, "scaling": {"kind": "fixed", "instances": 1}}
        changed = await site.ask("PUT", "/v2/pods/shop/two?force=true", body)
        assert (changed.status, changed.json["scaling"]["instances"]) == (200, 1)
        gone = await site.ask("DELETE", "/v2/pods/shop/two?force=true")
        where = f"http://here:1/v2/deployments/{gone.headers['Marathon-Deployment-Id']}"
        assert (gone.status, gone.headers["Location"], gone.body) == (202, where, b"")
        assert (await site.ask("PUT", "/v2/pods/none", {**TWO, "id": "/none"})).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("PUT", "/v2/pods/foo", {**TWO, "id": "/bla"}, 400, "'/foo' does not match definition's id ('/bla')"),
        ("POST", "/v2/pods", {"id": "/x"}, 422, "Invalid JSON"),
        ("POST", "/v2/pods", b"[", 400, "Invalid JSON"),
        ("DELETE", "/v2/pods/x", None, 404, "Pod '/x' does not exist"),
        ("DELETE", "/v2/pods/shop/web", None, 404, "Pod '/shop/web' does not exist"),
    ],
)
async def test_pods_that_are_refused(method: str, path: str, body: Any, status: int, message: str) -> None:
    async with served(WEB) as site:
        found = await site.ask(method, path, body)
        assert (found.status, found.json["message"], site.program.asked) == (status, message, [])


async def test_a_group_has_its_parts_or_those_that_are_named() -> None:
    async with served(WEB, pod_of(TWO)) as site:
        root = (await site.ask("GET", "/v2/groups")).json
        assert root.keys() == {"id", "version", "dependencies", "apps", "pods", "groups"}
        assert (root["id"], root["apps"]) == ("/", [])
        [shop] = root["groups"]
        assert shop == (await site.ask("GET", "/v2/groups/shop")).json | {"pods": shop["pods"]}
        assert (shop["pods"][0]["id"], shop["apps"][0]["id"]) == ("/shop/two", "/shop/web")
        assert "tasks" not in shop["apps"][0] and "tasksRunning" not in shop["apps"][0]
        only = (await site.ask("GET", "/v2/groups/shop?embed=group.apps&embed=group.apps.counts")).json
        assert (only["pods"], only["groups"], only["apps"][0]["tasksRunning"]) == ([], [], 0)
        assert (await site.ask("GET", "/v2/groups?embed=group.groups")).json["groups"][0]["apps"] == []


async def test_the_apps_and_versions_of_groups() -> None:
    async with served(WEB, pod_of(TWO)) as site:
        version = site.world.core.root.version
        for path in ("/v2/groups/apps", "/v2/groups/shop/apps"):
            assert [app["id"] for app in (await site.ask("GET", path)).json] == ["/shop/web"]
        for path in ("/v2/groups/versions", "/v2/groups/shop/versions"):
            assert version in (await site.ask("GET", path)).json
        then = (await site.ask("GET", f"/v2/groups/shop/versions/{version}")).json
        assert (then["apps"][0]["id"], then["pods"][0]["id"]) == ("/shop/web", "/shop/two")
        missing = await site.ask("GET", f"/v2/groups/none/versions/{version}")
        assert missing.json["message"] == f"Group '/none' does not exist in version {version}"
        assert (await site.ask("GET", "/v2/groups/none")).json["message"] == "Group '/none' does not exist"
        assert (await site.ask("PATCH", "/v2/groups/shop", {"enforceRole": True})).status == 200
        assert (await site.ask("GET", "/v2/groups/shop")).json["enforceRole"] is True
        patched = await site.ask("PATCH", "/v2/groups/shop/inner", {"enforceRole": True})
        assert (patched.status, patched.json["message"]) == (422, "Path needs to be top-level")
