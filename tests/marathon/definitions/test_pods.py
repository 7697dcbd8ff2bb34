"""Pods: read, completed and written; what is wrong with their form, and which rules they break."""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py.definitions.fields import InvalidJson, show
from frameworks.marathon_py.definitions.pods import Pod, complete_pod, read_pod
from frameworks.marathon_py.definitions.rules.pods import violations
from frameworks.marathon_py.definitions.settings import Settings
from tests.marathon.app_of import SETTINGS

NONE = Settings(mesos_role="marathon")
RESOURCES = {"cpus": 1, "mem": 128, "disk": 0, "gpus": 0}
SIMPLE: dict[str, Any] = {"name": "web", "resources": RESOURCES}
SCHEDULING: dict[str, Any] = {
    "backoff": {"backoff": 1, "backoffFactor": 1.15, "maxLaunchDelay": 300},
    "upgrade": {"minimumHealthCapacity": 1, "maximumOverCapacity": 1}, "killSelection": "YOUNGEST_FIRST",
    "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
}  # fmt: skip
DEFAULT: dict[str, Any] = {
    "id": "/pod", "containers": [SIMPLE], "networks": [{"mode": "host"}], "scaling": {"kind": "fixed", "instances": 1},
    "scheduling": SCHEDULING, "executorResources": {"cpus": 0.1, "mem": 32, "disk": 10}, "role": "marathon",
}  # fmt: skip
IN_NET = {"networks": [{"name": "n"}]}
CHECK = {"intervalSeconds": 60, "timeoutSeconds": 20, "delaySeconds": 15}
HEALTH = CHECK | {"gracePeriodSeconds": 300, "maxConsecutiveFailures": 3}


def pod_of(settings: Settings = SETTINGS, **body: Any) -> Pod:
    return complete_pod(read_pod({"id": "pod", "containers": [SIMPLE], **body}), settings)


def web(**more: Any) -> dict[str, Any]:
    """A pod of one container."""
    return {"containers": [SIMPLE | more]}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "defaults": ({}, DEFAULT),
    "null, and what is unknown": ({"user": None, "unheard_of": 1}, DEFAULT),
    "what is empty is not shown": (
        {"labels": {}, "environment": {}, "secrets": {}, "volumes": [], "networks": [],
         "scheduling": {"placement": {"constraints": []}}}, DEFAULT,
    ),
    "resources are as by default": ({"containers": [{"name": "web", "resources": {}}]}, DEFAULT),
    "an endpoint on the host has a port there": (
        web(endpoints=[{"name": "http"}]),
        DEFAULT | web(endpoints=[{"name": "http", "hostPort": 0, "protocol": ["tcp"]}]),
    ),
    "an endpoint in a container has what it asks for": (
        IN_NET | web(endpoints=[{"name": "http", "containerPort": 80, "protocol": ["udp"]}]),
        DEFAULT | {"networks": [{"mode": "container", "name": "n"}]}
        | web(endpoints=[{"name": "http", "containerPort": 80, "protocol": ["udp"]}]),
    ),
    "persistent volumes change the defaults": (
        {"volumes": [{"name": "data", "persistent": {"size": 10}}]}
        | web(volumeMounts=[{"name": "data", "mountPath": "data"}]),
        DEFAULT | {
            "volumes": [{"name": "data", "persistent": {"size": 10, "type": "root", "constraints": []}}],
            "scheduling": SCHEDULING | {
                "upgrade": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}, "unreachableStrategy": "disabled",
            },
        } | web(volumeMounts=[{"name": "data", "mountPath": "data"}]),
    ),
    "everything else that one may say": (
        {"labels": {"a": "b"}, "user": "u", "environment": {"A": "b", "S": {"secret": "s"}},
         "secrets": {"s": {"source": "/s"}}, "role": "r", "linuxInfo": {"ipcInfo": {"mode": "private"}},
         "legacySharedCgroups": True, "scaling": {"kind": "fixed", "instances": 3},
         "executorResources": {"cpus": 0.2},
         "volumes": [{"name": "a"}, {"name": "b", "host": "/b"}, {"name": "c", "secret": "s"}],
         "scheduling": {"placement": {"constraints": [{"fieldName": "a", "operator": "is", "value": "b"}],
                                      "acceptedResourceRoles": ["*"]}}}
        | web(exec={"command": {"argv": ["a", "b"]}}, image={"kind": "docker", "id": "a"}, tty=True,
              healthCheck={"exec": {"command": {"shell": "true"}}}, check={"http": {"endpoint": "e"}},
              artifacts=[{"uri": "a"}], lifecycle={"killGracePeriodSeconds": 2.5}),
        DEFAULT | {
            "labels": {"a": "b"}, "user": "u", "environment": {"A": "b", "S": {"secret": "s"}},
            "secrets": {"s": {"source": "/s"}}, "role": "r", "linuxInfo": {"ipcInfo": {"mode": "PRIVATE"}},
            "legacySharedCgroups": True, "scaling": {"kind": "fixed", "instances": 3},
            "executorResources": {"cpus": 0.2, "mem": 32, "disk": 10},
            "volumes": [{"name": "a"}, {"name": "b", "host": "/b"}, {"name": "c", "secret": "s"}],
            "scheduling": SCHEDULING | {"placement": {
                "constraints": [{"fieldName": "a", "operator": "IS", "value": "b"}], "acceptedResourceRoles": ["*"]}},
        } | web(exec={"command": {"argv": ["a", "b"]}}, image={"kind": "DOCKER", "id": "a"}, tty=True,
                healthCheck=HEALTH | {"exec": {"command": {"shell": "true"}}},
                check=CHECK | {"http": {"endpoint": "e", "scheme": "HTTP"}},
                artifacts=[{"uri": "a", "extract": True, "executable": False, "cache": False}],
                lifecycle={"killGracePeriodSeconds": 2.5}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_becomes_of_a_body(case: str) -> None:
    """What is shown is the body with what it left open; and shown again it is the same."""
    body, expected = CASES[case]
    made = show(pod_of(**body))
    assert made == expected
    assert show(pod_of(**made)) == made


@pytest.mark.parametrize(
    ("body", "path", "text"),
    [
        ({"containers": []}, "/containers", "error.minLength"),
        ({"containers": None}, "/containers", "error.path.missing"),
        ({"containers": [{"name": "a"}]}, "/containers(0)/resources", "error.path.missing"),
        ({"containers": [{"name": "A", "resources": {}}]}, "/containers(0)/name", "error.pattern"),
        (web(resources={"cpus": 0}), "/containers(0)/resources/cpus", "error.min"),
        ({"environment": {"1a": "b"}}, "/environment/1a", "error.pattern"),
        ({"scaling": {"instances": -1}}, "/scaling/instances", "error.min"),
        ({"executorResources": {"mem": 31}}, "/executorResources/mem", "error.min"),
        ({"scheduling": {"placement": {"constraints": [{"fieldName": "a", "operator": "NEAR"}]}}},
         "/scheduling/placement/constraints(0)/operator", "error.unknown.enum.literal"),
        (web(image={"kind": "APPC", "id": "a"}), "/containers(0)/image/kind", "error.unknown.enum.literal"),
        (web(exec={"command": {}}), "/containers(0)/exec/command/shell", "undefined"),
    ],
)  # fmt: skip
def test_what_has_not_the_form(body: dict[str, Any], path: str, text: str) -> None:
    """Each error of form has its path and its code."""
    with pytest.raises(InvalidJson) as caught:
        pod_of(**body)
    assert [(one.path, one.text) for one in caught.value.violations] == [(path, text)]


DATA = {"name": "data", "persistent": {"size": 10}}
MOUNTED = web(volumeMounts=[{"name": "data", "mountPath": "data"}])
WRONG: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({}, []),
    (MOUNTED | {"volumes": [DATA]}, []),
    ({"id": "/a/tasks"}, [
        ("/id", "must not end with any of the following reserved keywords: restart, tasks, versions, ., ..")]),
    ({"containers": [SIMPLE, SIMPLE]}, [("/containers", "container names must be unique")]),
    (web(endpoints=[{"name": "a"}, {"name": "a"}]), [("/", "endpoint names nust be unique across all containers")]),
    (web(endpoints=[{"name": "a", "hostPort": 1}, {"name": "b", "hostPort": 1}]), [
        ("/", "host ports must be unique across all containers")]),
    (IN_NET | web(endpoints=[{"name": "a", "containerPort": 1}, {"name": "b", "containerPort": 1}]), [
        ("/", "container ports must be unique across all containers")]),
    (web(endpoints=[{"name": "a", "containerPort": 1}]), [
        ("/containers(0)/endpoints(0)/containerPort", "is not allowed when using host-mode networking")]),
    (IN_NET | web(endpoints=[{"name": "a"}]), [
        ("/containers(0)/endpoints(0)/containerPort", "is required when using container-mode networking")]),
    (web(endpoints=[{"name": "a", "protocol": ["tcp", "tcp"]}]), [
        ("/containers(0)/endpoints(0)/protocol", "Duplicate protocols within the same endpoint are not allowed")]),
    (IN_NET | web(endpoints=[{"name": "a", "containerPort": 1, "networkNames": ["m"]}]), [
        ("/containers(0)/endpoints(0)/networkNames(0)", "is not one of (n)")]),
    ({"networks": [{}]}, [
        ("/networks", "Network name must be specified when container network is selected.")]),
    (web(resourceLimits={"cpus": 0.5}), [
        ("/containers(0)/resourceLimits/cpus",
         "resource limit must be greater than or equal to requested resource (1.0)")]),
    ({"legacySharedCgroups": True} | web(resourceLimits={}), [
        ("/containers(0)/resourceLimits", "resourceLimits cannot be defined if legacySharedCgroups is enabled")]),
    (web(exec={"command": {"shell": "a"}, "overrideEntrypoint": False}), [
        ("/containers(0)/exec", "overrideEntrypoint must not be false for shell commands")]),
    (web(environment={"A": {"secret": "s"}}), [
        ("/containers(0)/environment/A/secret", "references an undefined secret")]),
    (web(image={"kind": "DOCKER", "id": "a", "pullConfig": {"secret": "s"}}), [
        ("/containers(0)/image/pullConfig", "pullConfig.secret must refer to an existing secret")]),
    (web(healthCheck={}), [
        ("/containers(0)/healthCheck", "Only one of http, tcp, or command may be specified")]),
    (web(healthCheck={"tcp": {"endpoint": "a"}, "intervalSeconds": 20}), [
        ("/containers(0)/healthCheck/tcp/endpoint", "contained in the container endpoints"),
        ("/containers(0)/healthCheck/timeoutSeconds", "got 20, expected less than 20")]),
    (web(check={}), [("/containers(0)/check", "Only one of http, tcp, or command may be specified")]),
    (web(linuxInfo={"seccomp": {}}), [
        ("/containers(0)/linuxInfo/seccomp", "Seccomp unconfined must be true when Profile is NOT defined")]),
    (MOUNTED, [("/containers(0)/volumeMounts(0)/name", "Referenced Volume in VolumeMount should exist")]),
    ({"volumes": [{"name": "data"}]}, [("/volumes(0)", "volume must be referenced by at least one container")]),
    (MOUNTED | {"volumes": [{"name": "data"}, {"name": "data"}]}, [("/volumes", "volume names must be unique")]),
    (MOUNTED | {"volumes": [{"name": "data", "secret": "s"}]}, [
        ("/volumes(0)/secret", "volume.secret must refer to an existing secret")]),
    (MOUNTED | {"volumes": [DATA | {"persistent": {"size": 0}}]}, [
        ("/volumes(0)/persistent/size", "got 0, expected more than 0")]),
    (MOUNTED | {"volumes": [DATA], "role": "*"}, [("/role", "Resident pods cannot have the role *")]),
    (MOUNTED | {"volumes": [DATA], "scheduling": {"unreachableStrategy": {}, "upgrade": {}}}, [
        ("/", "unreachableStrategy must be disabled for pods with persistent volumes"),
        ("/upgrade/maximumOverCapacity", "got 1.0, expected 0.0")]),
    (MOUNTED | {"volumes": [DATA], "scheduling": {"placement": {"acceptedResourceRoles": ["marathon"]}}}, [
        ("/acceptedResourceRoles", 'A resident pod must have `acceptedResourceRoles = ["*"]`.')]),
    ({"scheduling": {"placement": {"acceptedResourceRoles": ["other"]}}}, [
        ("/acceptedResourceRoles", "acceptedResourceRoles can only contain * and marathon")]),
    ({"scheduling": {"placement": {"constraints": [{"fieldName": "a", "operator": "LIKE"}]}}}, [
        ("/scheduling/placement/constraints(0)", "LIKE and UNLIKE require a non-empty, regular expression value")]),
    ({"scheduling": {"unreachableStrategy": {"inactiveAfterSeconds": 2, "expungeAfterSeconds": 1}}}, [
        ("/scheduling/unreachableStrategy",
         "inactiveAfterSeconds (2) must be less or equal to expungeAfterSeconds, which is 1")]),
    ({"linuxInfo": {"seccomp": {"unconfined": True}}}, [
        ("/linuxInfo/seccomp", "Seccomp configuration on executor level is not supported")]),
]  # fmt: skip


def test_the_longest_name_of_a_container_leaves_the_least_room_for_the_pods() -> None:
    """A task's id has both, and no more than 255 characters."""
    named = web(name="c" * 63)
    assert violations(pod_of(id=f"/{'x' * 134}", **named), SETTINGS) == []
    [one] = violations(pod_of(id=f"/{'x' * 135}", **named), SETTINGS)
    assert (one.path, one.text) == ("/id", "got 136 characters, expected 135 or less: it is a part of the ids of tasks")


@pytest.mark.parametrize(("body", "expected"), WRONG)
def test_what_breaks_a_rule(body: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """All that is wrong is said, and nothing else."""
    assert [(one.path, one.text) for one in violations(pod_of(**body), SETTINGS)] == expected


def test_secrets_are_a_feature() -> None:
    """As for apps."""
    found = violations(pod_of(NONE, secrets={"s": {"source": "/a"}}), NONE)
    assert [(one.path, one.text) for one in found] == [
        ("/secrets", "Feature secrets is not enabled. Enable with --enable_features secrets)")
    ]  # fmt: skip


def test_a_pod_in_a_group() -> None:
    """Its id is seen from the group, and its role is the group's unless it has one."""
    given = read_pod({"id": "pod", "containers": [SIMPLE]})
    made = complete_pod(given, SETTINGS, "/shop", "shop")
    assert (made.id, made.role) == ("/shop/pod", "shop")
