"""Who gives what there is already changes nothing, in whatever way he gives it (Marathon's issue 2360)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import legacy
from frameworks.marathon_py.definitions.fields import show
from frameworks.marathon_py.definitions.groups import read_update
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import read_pod
from frameworks.marathon_py.words import Started
from tests.marathon.app_of import SETTINGS
from tests.marathon.world import World, world_of

SHOP = PathId("/shop")
VOLUME = {"containerPath": "p", "mode": "RW", "persistent": {"size": 10}}

APPS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no ports": {"portDefinitions": []},
    "required ports": {"ports": [8080, 0], "requirePorts": True},
    "checks": {
        "healthChecks": [{}, {"protocol": "MESOS_TCP"}, {"protocol": "COMMAND", "command": {"value": "true"}}],
        "readinessChecks": [{"portName": "default"}], "check": {"tcp": {"portIndex": 0}},
    },
    "bridge": {"container": {"docker": {"image": "i"}}, "networks": [{"mode": "container/bridge"}]},
    "legacy": {
        "container": {"type": "DOCKER", "docker": {"image": "i", "network": "BRIDGE", "portMappings": [
            {"containerPort": 80, "hostPort": 0}]}}, "uris": ["http://x/y.tgz"],
    },
    "network": {"networks": [{"mode": "container", "name": "net"}], "labels": {"a": "b"}},
    "address": {"ipAddress": {"networkName": "net", "discovery": {"ports": [{"number": 80, "name": "web"}]}}},
    "resident": {"container": {"type": "MESOS", "volumes": [VOLUME]}, "role": "marathon"},
    "single": {"labels": {"MARATHON_SINGLE_INSTANCE_APP": "true"}},
    "much": {
        "env": {"A": "b"}, "constraints": [["hostname", "unique"]], "dependencies": ["db"], "fetch": [{"uri": "x"}],
        "taskKillGracePeriodSeconds": 3, "unreachableStrategy": "disabled", "killSelection": "oldest_first",
        "resourceLimits": {"mem": "unlimited"}, "executorResources": {}, "acceptedResourceRoles": ["*"], "tty": False,
    },
}  # fmt: skip


def given(**body: Any) -> dict[str, Any]:
    read = legacy.read_given({"id": "/shop/web", "cmd": "run", "instances": 1, **body})
    assert not list(legacy.violations(read))
    return legacy.translate(read, SETTINGS)


def ask(world: World, request: Any) -> Started:
    reply = world.tell(request).reply
    assert isinstance(reply, Started), reply
    return reply


@pytest.mark.parametrize("name", APPS)
def test_an_app_that_is_given_again(name: str) -> None:
    """In parts or as a whole, as it was given or as it is shown, alone, in a list or in its group."""
    body = APPS[name]
    world = world_of()
    first = ask(world, words.CreateApp(given(**body)))
    app, records = world.core.specs[PathId("/shop/web")], dict(world.records)
    shown = json.loads(json.dumps(show(app)))
    del shown["version"], shown["versionInfo"]
    again = [
        *[words.PutApps((given(**one),), partial=partial) for one in (body, shown) for partial in (True, False)],
        words.PutApps(({"id": "/shop/web"},)),
        words.PutApps(({"id": "/shop/web", "instances": 1},), must_exist=True),
        words.PutGroup(SHOP, read_update({"apps": [{"id": "web", "cmd": "run", "instances": 1, **body}]})),
        words.PutGroup(SHOP, read_update({"apps": [shown]})), words.PutGroup(SHOP, read_update({"scaleBy": 1})),
        words.PutGroup(SHOP, read_update({"version": first.version})), words.PutGroup(SHOP, read_update({})),
        words.PutApps(({"id": "/shop/web", "version": app.version},)),
    ]  # fmt: skip
    for request in again:
        reply = ask(world, request)
        assert world.core.specs[PathId("/shop/web")] is app, request
        assert reply.version == first.version
        assert world.records == records


def test_a_pod_that_is_given_again() -> None:
    container = {
        "name": "c", "exec": {"command": {"shell": "x"}}, "resources": {"cpus": 1, "mem": 32},
        "endpoints": [{"name": "web", "hostPort": 0}], "volumeMounts": [{"name": "v", "mountPath": "m"}],
    }  # fmt: skip
    pod = read_pod({"id": "/pod", "containers": [container], "volumes": [{"name": "v"}], "labels": {"a": "b"}})
    world = world_of()
    first = ask(world, words.PutPod(pod, must_be_new=True))
    kept = world.core.specs[PathId("/pod")]
    for one in (pod, read_pod(json.loads(json.dumps(show(kept))))):
        assert ask(world, words.PutPod(one)).version == first.version
        assert world.core.specs[PathId("/pod")] is kept
