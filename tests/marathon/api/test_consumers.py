"""What other programs read of our answers: fields and their types, as their sources of today declare them.

A program in Go ends an answer at the first value of another type than it declares; keys may be missing and null there,
and in any case. One in Python ends at the first key that is missing. Facts are those of go-marathon (Traefik and the
provider of Terraform read with it), bamboo, marathon-consul, marathon_exporter, marathon-lb and marathon-ui.
"""

from __future__ import annotations

import collections
import collections.abc
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import pytest

from frameworks.marathon_py.shell.metrics.formats import as_json
from frameworks.marathon_py.shell.metrics.kinds import Counter, Gauge, Meter, Timer
from mesos_py.wire.task import TaskState
from tests.marathon.api.served import Site, served
from tests.marathon.api.test_events import subscribed

#: of Go: a list of what, a map to what ("*"), a struct of fields
GoType = Any

LABELS = {"*": str}
_READINESS_RESULT = {
    "name": str, "taskId": str, "ready": bool, "lastResponse": {"body": str, "contentType": str, "status": int},
}  # fmt: skip
_HEALTH_CHECK = {
    "command": {"value": str}, "portIndex": int, "port": int, "path": str, "maxConsecutiveFailures": int,
    "protocol": str, "gracePeriodSeconds": int, "intervalSeconds": int, "timeoutSeconds": int, "ignoreHttp1xx": bool,
}  # fmt: skip
_PORT_MAPPING = {
    "containerPort": int, "hostPort": int, "labels": LABELS, "name": str, "servicePort": int, "protocol": str,
    "networkNames": [str],
}  # fmt: skip
_TASK = {
    "id": str, "appId": str, "host": str, "ports": [int], "servicePorts": [int], "slaveId": str, "stagedAt": str,
    "startedAt": str, "state": str, "ipAddresses": [{"ipAddress": str, "protocol": str}], "version": str,
    "healthCheckResults": [{
        "alive": bool, "consecutiveFailures": int, "firstSuccess": str, "lastFailure": str, "lastFailureCause": str,
        "lastSuccess": str, "taskId": str,
    }],
}  # fmt: skip
_LAST_FAILURE = {
    "appId": str, "host": str, "message": str, "slaveId": str, "state": str, "taskId": str, "timestamp": str,
    "version": str,
}  # fmt: skip
APP = {
    "id": str, "cmd": str, "args": [str], "constraints": [[str]], "cpus": float, "gpus": float, "disk": float,
    "mem": float, "executor": str, "instances": int, "ports": [int], "requirePorts": bool, "backoffSeconds": float,
    "backoffFactor": float, "maxLaunchDelaySeconds": float, "taskKillGracePeriodSeconds": float,
    "networks": [{"name": str, "mode": str, "labels": LABELS}], "env": {"*": str}, "labels": LABELS,
    "container": {
        "type": str, "portMappings": [_PORT_MAPPING],
        "docker": {
            "forcePullImage": bool, "image": str, "network": str, "parameters": [{"key": str, "value": str}],
            "portMappings": [_PORT_MAPPING], "privileged": bool, "pullConfig": {"secret": str},
        },
        "volumes": [{"containerPath": str, "hostPath": str, "mode": str, "secret": str}],
    },
    "healthChecks": [_HEALTH_CHECK], "tasks": [_TASK], "deployments": [{"*": str}],
    "portDefinitions": [{"port": int, "protocol": str, "name": str, "labels": LABELS}],
    "readinessChecks": [{
        "name": str, "protocol": str, "path": str, "portName": str, "intervalSeconds": int, "timeoutSeconds": int,
        "httpStatusCodesForReady": [int], "preserveLastResponse": bool,
    }],
    "readinessCheckResults": [_READINESS_RESULT], "dependencies": [str], "tasksRunning": int, "tasksStaged": int,
    "tasksHealthy": int, "tasksUnhealthy": int, "user": str, "killSelection": str, "uris": [str], "version": str,
    "taskStats": {"*": {"stats": {"counts": {"*": int}, "lifeTime": {"*": float}}}},
    "upgradeStrategy": {"minimumHealthCapacity": float, "maximumOverCapacity": float},
    "unreachableStrategy": {"inactiveAfterSeconds": float, "expungeAfterSeconds": float},
    "versionInfo": {"lastScalingAt": str, "lastConfigChangeAt": str}, "acceptedResourceRoles": [str],
    "lastTaskFailure": _LAST_FAILURE, "fetch": [{"uri": str, "executable": bool, "extract": bool, "cache": bool}],
    "role": str,
}  # fmt: skip
GROUP: dict[str, GoType] = {"id": str, "apps": [APP], "dependencies": [str]}
GROUP["groups"] = [GROUP]
_ACTION = {"action": str, "app": str, "readinessCheckResults": [_READINESS_RESULT]}
_STEPS = [{"actions": [{"action": str, "type": str, "app": str}]}]
DEPLOYMENT = {
    "id": str, "version": str, "currentStep": int, "totalSteps": int, "affectedApps": [str], "affectedPods": [str],
    "steps": _STEPS, "currentActions": [_ACTION],
}  # fmt: skip
_STEP = {"reason": str, "declined": int, "processed": int}
_RANGES = [{"begin": int, "end": int}]
QUEUE = {"queue": [{
    "count": int, "delay": {"overdue": bool, "timeLeftSeconds": int}, "app": APP, "role": str, "since": str,
    "processedOffersSummary": {
        "processedOffersCount": int, "unusedOffersCount": int, "lastUnusedOfferAt": str, "lastUsedOfferAt": str,
        "rejectSummaryLastOffers": [_STEP], "rejectSummaryLaunchAttempt": [_STEP],
    },
    "lastUnusedOffers": [{
        "reason": [str], "timestamp": str,
        "offer": {
            "id": str, "hostname": str, "agentId": str,
            "resources": [{"name": str, "role": str, "scalar": float, "ranges": _RANGES, "set": [str]}],
            "attributes": [{"name": str, "text": str, "scalar": float, "ranges": _RANGES, "set": [str]}],
        },
    }],
}]}  # fmt: skip
_RESOURCES = {"cpus": float, "mem": float, "disk": float, "gpus": int}
_CONDITION = {"name": str, "value": str, "reason": str, "lastChanged": str, "lastUpdated": str}
_TERMINATION = {"exitCode": int, "message": str}
POD_STATUS = {
    "id": str, "status": str, "statusSince": str, "message": str, "lastUpdated": str, "lastChanged": str,
    "instances": [{
        "agentHostname": str, "conditions": [_CONDITION], "id": str, "lastChanged": str, "lastUpdated": str,
        "message": str, "networks": [{"addresses": [str], "name": str}], "resources": _RESOURCES,
        "specReference": str, "status": str, "statusSince": str,
        "containers": [{
            "conditions": [_CONDITION], "containerId": str, "lastChanged": str, "lastUpdated": str, "message": str,
            "name": str, "resources": _RESOURCES, "status": str, "statusSince": str, "termination": _TERMINATION,
            "endpoints": [{"name": str, "allocatedHostPort": int, "healthy": bool}],
        }],
    }],
    "terminationHistory": [{
        "instanceId": str, "startedAt": str, "terminatedAt": str, "message": str,
        "containers": [{"containerId": str, "lastKnownState": str, "termination": _TERMINATION}],
    }],
}  # fmt: skip
INFO = {
    "frameworkId": str, "leader": str, "name": str, "version": str, "http_config": {"http_port": float},
    "marathon_config": {
        "checkpoint": bool, "executor": str, "failover_timeout": float, "framework_name": str, "ha": bool,
        "hostname": str, "local_port_max": float, "local_port_min": float, "master": str, "mesos_role": str,
        "mesos_user": str, "webui_url": str, "mesos_leader_ui_url": str, "reconciliation_interval": float,
    },
    "zookeeper_config": {"zk": str, "zk_timeout": float},
}  # fmt: skip
_PLAN = {"id": str, "version": str, "original": GROUP, "target": GROUP, "steps": _STEPS}
EVENTS: dict[str, GoType] = {
    "api_post_event": {"clientIp": str, "uri": str, "appDefinition": APP},
    "status_update_event": {
        "slaveId": str, "taskId": str, "taskStatus": str, "message": str, "appId": str, "host": str, "ports": [int],
        "ipAddresses": [{"ipAddress": str, "protocol": str}], "version": str,
    },
    "app_terminated_event": {"appId": str}, "group_change_success": {"groupId": str, "version": str},
    "deployment_success": {"id": str, "plan": _PLAN},
    "deployment_info": {"plan": _PLAN, "currentStep": _STEPS[0]},
    "deployment_step_success": {"plan": _PLAN, "currentStep": _STEPS[0]},
    "add_health_check_event": {"appId": str, "healthCheck": {
        "gracePeriodSeconds": float, "intervalSeconds": float, "maxConsecutiveFailures": float, "path": str,
        "portIndex": float, "protocol": str, "timeoutSeconds": float}},
    "event_stream_attached": {"remoteAddress": str},
}  # fmt: skip

WEB: dict[str, Any] = {
    "id": "/shop/web", "cmd": "serve", "instances": 2, "labels": {"HAPROXY_GROUP": "external", "consul": "web"},
    "env": {"A": "1"}, "constraints": [["hostname", "UNIQUE"]], "fetch": [{"uri": "http://x/y.tgz"}], "user": "me",
    "healthChecks": [{"protocol": "HTTP", "path": "/health"}, {"protocol": "COMMAND", "command": {"value": "true"}}],
    "readinessChecks": [{"portName": "default"}], "taskKillGracePeriodSeconds": 3, "acceptedResourceRoles": ["*"],
    "dependencies": ["/shop/db"],
}  # fmt: skip
DB = {
    "id": "/shop/db", "args": ["db"], "cpus": 0.5, "networks": [{"mode": "container/bridge"}],
    "container": {
        "type": "DOCKER", "portMappings": [{"containerPort": 5432, "servicePort": 15432, "labels": {"VIP_0": "/db:1"}}],
        "docker": {"image": "postgres", "parameters": [{"key": "hostname", "value": "x"}]},
        "volumes": [{"containerPath": "/data", "hostPath": "/srv", "mode": "RW"}],
    },
}  # fmt: skip
BIG = {"id": "/big", "cmd": "serve", "cpus": 1000}
POD = {"id": "/pod", "containers": [{
    "name": "c", "exec": {"command": {"shell": "serve"}}, "resources": {"cpus": 0.1, "mem": 32},
    "endpoints": [{"name": "http", "hostPort": 0}], "healthCheck": {"http": {"endpoint": "http"}},
}]}  # fmt: skip


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[Site]:
    """Apps that run, one of which has failed once, one that waits, and a pod."""
    async with served() as site:
        for path, body in (("apps", DB), ("apps", WEB), ("apps", BIG), ("pods", POD)):
            assert (await site.ask("POST", f"/v2/{path}", body)).status == 201
            site.program.run()
        failed = next(one for one in site.world.core.instances.values() if one.spec_id == "/shop/db")
        site.world.end(failed.tasks["_app"].id, TaskState.TASK_FAILED)
        site.program.run()
        yield site


ALL_OF_APPS = "/v2/apps?" + "&".join(f"embed=apps.{what}" for what in (
    "tasks", "deployments", "readiness", "taskStats", "lastTaskFailure"))  # fmt: skip
IN_APPS = (
    "tasks healthChecks portMappings docker volumes readinessChecks readinessCheckResults taskStats lifeTime fetch "
    "lastTaskFailure versionInfo constraints dependencies env user"
)  # fmt: skip


def decoded(kind: GoType, value: Any, at: str = "") -> Iterator[str]:
    """What a decoder of Go would end at."""
    if value is None:
        return
    if isinstance(kind, list):
        if not isinstance(value, list):
            yield f"{at}: no list"
            return
        for index, one in enumerate(value):
            yield from decoded(kind[0], one, f"{at}({index})")
    elif isinstance(kind, dict):
        if not isinstance(value, dict):
            yield f"{at}: no object"
            return
        known = {name.lower(): inner for name, inner in kind.items()}
        for name, one in value.items():
            inner = known.get("*") or known.get(name.lower())
            if inner is not None:
                yield from decoded(inner, one, f"{at}/{name}")
    elif kind is float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield f"{at}: {value!r} is no number"
    elif type(value) is not kind:
        yield f"{at}: {value!r} is no {kind.__name__}"


def names(kind: GoType, value: Any) -> Iterator[str]:
    """The fields that were there to be read: a shape that nothing fills shows nothing."""
    if isinstance(kind, list):
        for one in value or ():
            yield from names(kind[0], one)
    elif isinstance(kind, dict) and isinstance(value, dict):
        for name, one in value.items():
            if name in kind or "*" in kind:
                yield name
                yield from names(kind.get(name, kind.get("*")), one)


@pytest.mark.parametrize(("path", "kind", "filled"), [
    (ALL_OF_APPS, {"apps": [APP]}, IN_APPS),
    ("/v2/apps/shop/web", {"app": APP}, "tasks deployments tasksRunning ports servicePorts startedAt stagedAt"),
    ("/v2/tasks", {"tasks": [_TASK]}, "id ports host"),
    ("/v2/groups", GROUP, "groups apps"),
    ("/v2/deployments", [DEPLOYMENT], "steps currentActions affectedApps currentStep"),
    ("/v2/queue?embed=lastUnusedOffers", QUEUE, "count app delay rejectSummaryLastOffers resources scalar attributes"),
    ("/v2/pods/::status", [POD_STATUS], "instances containers endpoints resources specReference"),
    ("/v2/info", INFO, "frameworkId http_port"),
])  # fmt: skip
async def test_programs_in_go_decode_it(path: str, kind: GoType, filled: str) -> None:
    async with cluster() as site:
        answer = await site.ask("GET", path)
        assert answer.status == 200
        assert list(decoded(kind, answer.json)) == []
        assert set(filled.split()) - set(names(kind, answer.json)) == set()


async def test_programs_in_go_decode_events() -> None:
    async with served() as site, subscribed(site) as reader:
        for body in (WEB, {"id": "/plain", "cmd": "serve"}):
            await site.ask("POST", "/v2/apps", body)
        site.program.run()
        found: dict[str, Any] = {}
        while "deployment_success" not in found:
            name, body = await reader.event()
            found[name] = body
        assert set(found) >= EVENTS.keys() - {"app_terminated_event"}
        for name, body in found.items():
            assert list(decoded(EVENTS.get(name, {}), body)) == [], name


def test_a_decoder_of_go_ends_where_it_should() -> None:
    kind = {"id": str, "n": int, "x": float, "l": [int], "m": {"*": bool}}
    assert list(decoded(kind, {"ID": "a", "n": None, "x": 1, "l": [], "m": {"a": True}, "other": []})) == []
    wrong = {"id": 1, "n": 1.0, "x": "1", "l": [True], "m": {"a": 0}}
    assert len(list(decoded(kind, wrong))) == 5
    assert list(decoded([kind], {})) == [": no list"] and list(decoded(kind, [])) == [": no object"]


async def test_marathon_lb_finds_its_backends() -> None:
    """What it looks up without looking whether it is there; nulls it strips before."""
    async with cluster() as site:
        apps = {app["id"]: app for app in (await site.ask("GET", "/v2/apps?embed=apps.tasks")).json["apps"]}
        web, db = apps["/shop/web"], apps["/shop/db"]
        assert web["labels"]["HAPROXY_GROUP"] == "external" and web["versionInfo"]["lastScalingAt"]
        assert [one["port"] for one in web["portDefinitions"]] == [10000] and web["networks"] == [{"mode": "host"}]
        check = web["healthChecks"][0]
        assert [check[name] for name in (
            "protocol", "portIndex", "path", "timeoutSeconds", "intervalSeconds", "gracePeriodSeconds",
            "maxConsecutiveFailures")] == ["HTTP", 0, "/health", 20, 60, 300, 3]  # fmt: skip
        assert "ipAddress" not in web and "network" not in db["container"]["docker"]
        [mapping] = db["container"]["portMappings"]
        assert (mapping["containerPort"], mapping["servicePort"], db["networks"]) == (
            5432, 15432, [{"mode": "container/bridge"}],
        )  # fmt: skip
        for app in (web, db):
            for task in app["tasks"]:
                assert (task["state"], len(task["ports"])) == ("TASK_RUNNING", 1)
                assert task["host"] and task["id"] and isinstance(task["healthCheckResults"], list)


async def test_marathon_consul_asks_for_those_with_its_label() -> None:
    """It also compares the leader with its own address, and cuts the slash off ids."""
    async with cluster() as site:
        found = (await site.ask("GET", "/v2/apps?embed=apps.tasks&label=consul")).json["apps"]
        assert [app["id"] for app in found] == ["/shop/web"]
        tasks = (await site.ask("GET", "/v2/apps/shop/web/tasks")).json["tasks"]
        assert {task["appId"] for task in tasks} == {"/shop/web"} and all(task["ports"] for task in tasks)
        assert ":" in (await site.ask("GET", "/v2/leader")).json["leader"]


async def test_bamboo_knows_since_when_a_task_runs() -> None:
    async with cluster() as site:
        query = "embed=app.tasks&embed=app.deployments&embed=app.readiness"
        apps = (await site.ask("GET", f"/v2/apps?{query}")).json["apps"]
        assert all({"deployments", "tasks", "readinessCheckResults"} <= app.keys() for app in apps)
        started = [task["startedAt"] for app in apps for task in app["tasks"]]
        assert started and all(datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo for text in started)


async def test_the_exporter_for_prometheus_reads_numbers() -> None:
    """Of apps, and of each kind of metric; meters and timers must name their units."""
    async with cluster() as site:
        apps = (await site.ask("GET", "/v2/apps?embed=apps.taskStats")).json["apps"]
        for app in apps:
            numbers = [app[name] for name in (
                "instances", "tasksRunning", "tasksStaged", "tasksHealthy", "tasksUnhealthy", "cpus", "mem", "disk",
                "gpus")]  # fmt: skip
            assert all(type(one) in (int, float) for one in numbers) and app["version"]
        web = next(app for app in apps if app["id"] == "/shop/web")
        assert web["taskStats"]["startedAfterLastScaling"]["stats"]["lifeTime"]["averageSeconds"] >= 0
    meter, timer = Meter(0.0), Timer(0.0)
    shown = as_json({"c": Counter(1), "g": Gauge(2), "m": meter, "t": timer}, "marathon", 9.0)
    assert isinstance(shown["version"], str)
    assert shown["counters"]["marathon.c"]["count"] == 1 and shown["gauges"]["marathon.g"]["value"] == 2
    assert shown["meters"]["marathon.m"].keys() >= {"count", "units", "mean_rate", "m1_rate", "m5_rate", "m15_rate"}
    assert shown["timers"]["marathon.t"].keys() >= {
        "count", "rate_units", "mean_rate", "p50", "p75", "p95", "p98", "p99", "p999", "min", "max", "mean", "stddev",
    }  # fmt: skip


async def test_marathon_ui_asks_for_groups_with_counts() -> None:
    async with cluster() as site:
        query = "embed=group.groups&embed=group.apps&embed=group.pods&embed=group.apps.deployments"
        root = (await site.ask("GET", f"/v2/groups?{query}&embed=group.apps.counts")).json
        [shop] = root["groups"]
        for app in (*root["apps"], *shop["apps"]):
            assert {"deployments", "tasksRunning", "tasksStaged", "tasksHealthy", "tasksUnhealthy"} <= app.keys()
        assert [pod["id"] for pod in root["pods"]] == ["/pod"]
        queue = (await site.ask("GET", "/v2/queue")).json["queue"]
        assert ("/big", True) in [(one["app"]["id"], one["delay"]["overdue"]) for one in queue]


async def test_the_client_of_pypi_takes_every_object() -> None:
    """It makes arguments of keys, and ends at one that it does not know; tests/acceptance have it make every call."""
    collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]  # the client is older than Python 3.10
    models = pytest.importorskip("marathon.models", reason="the client package of Marathon is not installed")
    group = pytest.importorskip("marathon.models.group")
    queue, info = pytest.importorskip("marathon.models.queue"), pytest.importorskip("marathon.models.info")
    async with cluster() as site:
        for path, name, model in (
            (ALL_OF_APPS, "apps", models.MarathonApp), ("/v2/tasks", "tasks", models.MarathonTask),
            ("/v2/groups", "", group.MarathonGroup), ("/v2/deployments", "", models.MarathonDeployment),
            ("/v2/queue?embed=lastUnusedOffers", "queue", queue.MarathonQueueItem), ("/v2/info", "", info.MarathonInfo),
        ):  # fmt: skip
            found = (await site.ask("GET", path)).json
            found = found[name] if name else found
            made = [model.from_json(one) for one in (found if isinstance(found, list) else [found])]
            assert made, path
