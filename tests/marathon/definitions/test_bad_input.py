"""Whatever stands in whatever place of a definition: it is read and judged, or refused, and nothing breaks."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from frameworks.marathon_py.definitions import legacy, rules
from frameworks.marathon_py.definitions.complete import complete
from frameworks.marathon_py.definitions.fields import InvalidJson, show
from frameworks.marathon_py.definitions.pods import complete_pod, read_pod
from frameworks.marathon_py.definitions.rules import pods
from frameworks.marathon_py.definitions.rules.update import violations_of_update
from frameworks.marathon_py.definitions.service_ports import assigned
from frameworks.marathon_py.definitions.versioning import change
from tests.marathon.app_of import SETTINGS, app_of

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 1e300, 1 << 70, float("nan"), "", "x", "*", "../..", "\0\u2028", [], [None], ["x"], [[]],
    [{}], {}, {"": ""}, {"x": 1}, [{"id": "x"}, 1],
)  # fmt: skip

CHECKS: dict[str, Any] = {
    "http": {"portIndex": 0, "endpoint": "e"}, "tcp": {"port": 1, "endpoint": "e"}, "command": {"value": "x"},
    "exec": {"command": {"shell": "x"}},
}  # fmt: skip
APP: dict[str, Any] = {
    "id": "/a/b", "cmd": "run", "args": ["x"], "user": "u", "cpus": 1, "mem": 1, "disk": 1, "gpus": 1, "instances": 1,
    "executor": "x", "executorResources": {"cpus": 1}, "resourceLimits": {"cpus": 1}, "env": {"a": {"secret": "s"}},
    "labels": {"a": "b"}, "secrets": {"s": {"source": "x"}}, "fetch": [{"uri": "x"}],
    "constraints": [["a", "IS", "1.0"]], "role": "r", "acceptedResourceRoles": ["*"], "dependencies": ["../c"],
    "container": {
        "type": "MESOS", "docker": {"image": "i"},
        "portMappings": [{"hostPort": 1, "networkNames": ["n"]}],
        "linuxInfo": {"seccomp": {}, "ipcInfo": {"mode": "PRIVATE"}},
        "volumes": [
            {"containerPath": "a", "hostPath": "b", "mode": "RW"}, {"containerPath": "s", "secret": "s"},
            {"containerPath": "p", "persistent": {"size": 1, "constraints": [["path", "LIKE", "x"]]}},
            {"containerPath": "e", "mode": "RW", "external": {"provider": "dvdi", "options": {"a": "b"}}},
            {"containerPath": "c", "mode": "RW", "external": {"provider": "csi", "name": "n", "options": {
                "pluginName": "x", "capability": {"accessType": "block", "accessMode": "SINGLE_NODE_WRITER"}}}},
        ],
    },
    "networks": [{"mode": "container", "name": "n"}], "portDefinitions": [{"port": 1, "name": "p"}],
    "requirePorts": True, "healthChecks": [CHECKS | {"protocol": "HTTP"}], "check": CHECKS,
    "readinessChecks": [{"portName": "p"}],
    "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 1}, "unreachableStrategy": {},
    "killSelection": "YOUNGEST_FIRST", "taskKillGracePeriodSeconds": 1, "backoffSeconds": 1, "backoffFactor": 1,
    "maxLaunchDelaySeconds": 1, "residency": {}, "tty": True, "version": "v",
}  # fmt: skip
ON_BRIDGE: dict[str, Any] = {
    "id": "a", "uris": ["http://x/y.zip"], "ports": [1, 0],
    "container": {"docker": {"image": "i", "network": "BRIDGE", "portMappings": [{"containerPort": 1}]}},
}  # fmt: skip
IN_NET: dict[str, Any] = {
    "id": "a", "cmd": "run", "container": {"type": "MESOS"},
    "ipAddress": {"networkName": "n", "labels": {}, "discovery": {"ports": [{"number": 1, "name": "p"}]}},
}  # fmt: skip
POD: dict[str, Any] = {
    "id": "/p", "labels": {"a": "b"}, "user": "u", "environment": {"A": {"secret": "s"}}, "role": "r", "linuxInfo": {},
    "containers": [{
        "name": "a", "resources": {"cpus": 1}, "resourceLimits": {}, "exec": {"command": {"argv": ["x"]}},
        "endpoints": [{"name": "e", "containerPort": 1, "protocol": ["tcp"]}], "image": {"kind": "DOCKER", "id": "i"},
        "healthCheck": CHECKS, "check": CHECKS, "volumeMounts": [{"name": "v", "mountPath": "x"}],
        "artifacts": [{"uri": "x"}], "lifecycle": {"killGracePeriodSeconds": 1}, "linuxInfo": {"seccomp": {}},
    }],
    "volumes": [{"name": "v", "persistent": {"size": 1}}, {"name": "w", "secret": "s"}],
    "secrets": {"s": {"source": "x"}}, "networks": [{"name": "n"}], "executorResources": {},
    "scaling": {"kind": "fixed", "instances": 1},
    "scheduling": {
        "backoff": {}, "upgrade": {}, "placement": {"constraints": [{"fieldName": "a", "operator": "LIKE"}]},
    },
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


def variants(body: dict[str, Any]) -> Iterator[Any]:
    """The body with something odd in one place; and, so that others show, without one of its fields, too."""
    for path in places(body):
        for odd in ODD:
            made = copy.deepcopy(body)
            target = made
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = odd
            yield made
    for name in body:
        yield {key: value for key, value in body.items() if key != name}


def judge_app(body: Any) -> str:
    try:
        given = legacy.read_given(body)
    except InvalidJson as error:
        assert error.violations
        assert all(one.path.startswith("/") and one.text for one in error.violations)
        return "refused"
    if list(legacy.violations(given)):
        return "wrong"
    made = complete(legacy.translate(given, SETTINGS), SETTINGS)
    wrong = rules.violations(made, SETTINGS)
    list(violations_of_update(app_of(cmd="x"), made))
    made = assigned(made, None, set(), 10_000, 20_000)
    again = complete(legacy.translate(legacy.read_given(show(made)), SETTINGS), SETTINGS)
    assert again == made
    assert change(made, again).name == "NONE"
    return "wrong" if wrong else "right"


def judge_pod(body: Any) -> str:
    try:
        made = complete_pod(read_pod(body), SETTINGS)
    except InvalidJson as error:
        assert error.violations
        return "refused"
    wrong = pods.violations(made, SETTINGS)
    again = complete_pod(read_pod(show(made)), SETTINGS)
    assert again == made
    return "wrong" if wrong else "right"


def test_apps() -> None:
    """Every place of an app that says everything, of one that says little, of old ones; what is shown is the same."""
    little = {"id": "a", "cmd": "run", "healthChecks": [{}], "portDefinitions": [{}], "constraints": [["a", "UNIQUE"]]}
    assert [judge_app(body) for body in (APP, little, ON_BRIDGE, IN_NET)] == ["wrong", "right", "right", "right"]
    bodies = [one for body in (APP, little, ON_BRIDGE, IN_NET) for one in variants(body)]
    found = [judge_app(body) for body in [*bodies, *ODD]]
    assert {*found} == {"refused", "wrong", "right"}


def test_pods() -> None:
    """Likewise."""
    little = {"id": "p", "containers": [{"name": "a", "resources": {}}]}
    assert (judge_pod(POD), judge_pod(little)) == ("wrong", "right")
    found = [judge_pod(body) for body in [*variants(POD), *variants(little), *ODD]]
    assert {*found} == {"refused", "wrong", "right"}
