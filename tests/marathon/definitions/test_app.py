"""Apps read, completed and written: what is given, what is left open, what is of former releases, what is wrong."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from frameworks.marathon_py.definitions import legacy
from frameworks.marathon_py.definitions.complete import complete
from frameworks.marathon_py.definitions.fields import InvalidJson, Violation, grouped, show
from frameworks.marathon_py.definitions.settings import Settings
from tests.marathon.app_of import SETTINGS, app_of, shown

DEFAULT: dict[str, Any] = {
    "id": "/web", "backoffFactor": 1.15, "backoffSeconds": 1, "cpus": 1, "mem": 128, "disk": 0, "gpus": 0,
    "executor": "", "instances": 1, "labels": {}, "maxLaunchDelaySeconds": 300, "networks": [{"mode": "host"}],
    "requirePorts": False, "killSelection": "YOUNGEST_FIRST", "role": "marathon",
    "upgradeStrategy": {"maximumOverCapacity": 1, "minimumHealthCapacity": 1},
    "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
    "portDefinitions": [{"labels": {}, "name": "default", "port": 0, "protocol": "tcp"}],
}  # fmt: skip
IN_CONTAINER = {key: value for key, value in DEFAULT.items() if key != "portDefinitions"}
MAPPING = {"containerPort": 0, "servicePort": 0, "protocol": "tcp", "labels": {}}
IMAGE = {"image": "a", "forcePullImage": False, "parameters": [], "privileged": False}
HEALTH_CHECK = {
    "protocol": "HTTP", "gracePeriodSeconds": 300, "intervalSeconds": 60, "timeoutSeconds": 20,
    "maxConsecutiveFailures": 3, "delaySeconds": 15, "ipProtocol": "IPv4",
}  # fmt: skip
PORT = {"labels": {}, "protocol": "tcp"}


def test_an_app_as_marathon_shows_it() -> None:
    """The example of Marathon's documentation, but for what the server adds."""
    body = {
        "id": "/demo/web", "cmd": "python3 -m http.server $PORT0", "cpus": 0.1, "mem": 32, "role": "*",
        "portDefinitions": [{"port": 10000, "name": "default"}],
    }  # fmt: skip
    assert shown(**body) == DEFAULT | body | {
        "portDefinitions": [{"labels": {}, "name": "default", "port": 10000, "protocol": "tcp"}]
    }


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "defaults": ({"cmd": "x"}, DEFAULT | {"cmd": "x"}),
    "null is absent; what is unknown or has no effect is ignored": (
        {"cmd": "x", "user": None, "instances": None, "unheard_of": 1, "residency": {}}, DEFAULT | {"cmd": "x"},
    ),
    "what is empty is not shown": (
        {"cmd": "x", "args": [], "constraints": [], "dependencies": [], "env": {}, "fetch": [], "healthChecks": [],
         "readinessChecks": [], "secrets": {}}, DEFAULT | {"cmd": "x"},
    ),
    "no ports at all": ({"cmd": "x", "portDefinitions": []}, DEFAULT | {"cmd": "x", "portDefinitions": []}),
    "words of enums in any case": (
        {"cmd": "x", "killSelection": "oldest_first", "networks": [{"mode": "HOST"}]},
        DEFAULT | {"cmd": "x", "killSelection": "OLDEST_FIRST"},
    ),
    "operators in any case, constraints once": (
        {"cmd": "x", "constraints": [["hostname", "unique"], ["hostname", "unique"], ["rack", "Like", "a.*"]]},
        DEFAULT | {"cmd": "x", "constraints": [["hostname", "UNIQUE"], ["rack", "LIKE", "a.*"]]},
    ),
    "everything else that one may say": (
        {"args": ["a", "b"], "user": "u", "cpus": 0.5, "gpus": 1, "instances": 0, "executor": "//cmd", "tty": True,
         "executorResources": {"cpus": 0.2}, "resourceLimits": {"cpus": "unlimited", "mem": 256},
         "env": {"A": "1", "S": {"secret": "s"}}, "secrets": {"s": {"source": "/db"}}, "labels": {"l": ""},
         "fetch": [{"uri": "http://a/b.tgz", "destPath": "c"}], "role": "r", "acceptedResourceRoles": ["r", "r"],
         "check": {"exec": {"command": {"shell": "true"}}}, "taskKillGracePeriodSeconds": 3, "backoffFactor": 2,
         "readinessChecks": [{"portName": "default"}], "unreachableStrategy": "disabled",
         "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}, "dependencies": ["/db", "cache"],
         "requirePorts": True},
        (DEFAULT | {
            "args": ["a", "b"], "user": "u", "cpus": 0.5, "gpus": 1, "instances": 0, "executor": "//cmd", "tty": True,
            "executorResources": {"cpus": 0.2, "mem": 32, "disk": 10},
            "resourceLimits": {"cpus": "unlimited", "mem": 256},
            "env": {"A": "1", "S": {"secret": "s"}}, "secrets": {"s": {"source": "/db"}}, "labels": {"l": ""},
            "fetch": [{"uri": "http://a/b.tgz", "extract": True, "executable": False, "cache": False, "destPath": "c"}],
            "role": "r", "acceptedResourceRoles": ["r"], "taskKillGracePeriodSeconds": 3, "backoffFactor": 2,
            "check": {"exec": {"command": {"shell": "true"}}, "intervalSeconds": 60, "timeoutSeconds": 20,
                      "delaySeconds": 15},
            "readinessChecks": [{"name": "readinessCheck", "protocol": "HTTP", "path": "/", "portName": "default",
                                 "intervalSeconds": 30, "timeoutSeconds": 10, "httpStatusCodesForReady": [200],
                                 "preserveLastResponse": False}],
            "unreachableStrategy": "disabled", "requirePorts": True, "dependencies": ["/db", "/cache"],
            "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0},
        }),
    ),
    "a health check without a port is about the first": (
        {"cmd": "x", "healthChecks": [{}, {"protocol": "tcp", "port": 80},
                                      {"protocol": "COMMAND", "command": {"value": "y"}}]},
        DEFAULT | {"cmd": "x", "healthChecks": [
            HEALTH_CHECK | {"portIndex": 0}, HEALTH_CHECK | {"protocol": "TCP", "port": 80},
            HEALTH_CHECK | {"protocol": "COMMAND", "command": {"value": "y"}},
        ]},
    ),
    "a container network brings a container and a port": (
        {"cmd": "x", "networks": [{"name": "n", "labels": {"a": "b"}}], "requirePorts": True},
        IN_CONTAINER | {
            "cmd": "x", "networks": [{"mode": "container", "name": "n", "labels": {"a": "b"}}],
            "container": {"type": "MESOS", "volumes": [], "portMappings": [MAPPING | {"name": "default"}]},
        },
    ),
    "on a bridge every port has one on the host": (
        {"networks": [{"mode": "container/bridge"}], "container": {
            "docker": {"image": "a"}, "portMappings": [{"containerPort": 80}, {"hostPort": 31000}],
        }},
        IN_CONTAINER | {"networks": [{"mode": "container/bridge"}], "container": {
            "type": "DOCKER", "docker": IMAGE, "volumes": [],
            "portMappings": [MAPPING | {"containerPort": 80, "hostPort": 0}, MAPPING | {"hostPort": 31000}],
        }},
    ),
    "no port mappings at all": (
        {"networks": [{"name": "n"}], "container": {"type": "mesos", "docker": {"image": "a"}, "portMappings": []}},
        IN_CONTAINER | {
            "networks": [{"mode": "container", "name": "n"}],
            "container": {"type": "MESOS", "docker": IMAGE, "volumes": [], "portMappings": []},
        },
    ),
    "persistent volumes change the defaults": (
        {"cmd": "x", "container": {"type": "MESOS", "volumes": [
            {"containerPath": "data", "persistent": {"size": 10}},
            {"containerPath": "more", "mode": "RW", "persistent": {"size": 1, "profileName": "fast"}},
        ]}},
        DEFAULT | {
            "cmd": "x", "container": {"type": "MESOS", "volumes": [
                {"containerPath": "data", "mode": "RW", "persistent": {"type": "root", "size": 10, "constraints": []}},
                {"containerPath": "more", "mode": "RW",
                 "persistent": {"type": "mount", "size": 1, "profileName": "fast", "constraints": []}},
            ]},
            "unreachableStrategy": "disabled", "acceptedResourceRoles": ["*"],
            "upgradeStrategy": {"maximumOverCapacity": 0, "minimumHealthCapacity": 0.5},
            "residency": {"relaunchEscalationTimeoutSeconds": 3600, "taskLostBehavior": "WAIT_FOREVER"},
        },
    ),
    "volumes of other kinds": (
        {"container": {"docker": {"image": "a"}, "volumes": [
            {"containerPath": "/a", "hostPath": "/b", "mode": "ro"}, {"containerPath": "/s", "secret": "s"},
            {"containerPath": "/e", "mode": "RW", "external": {
                "provider": "dvdi", "name": "v", "options": {"dvdi/driver": "rexray"}}},
            {"containerPath": "/c", "mode": "RW", "external": {"provider": "csi", "name": "v", "options": {
                "pluginName": "p", "capability": {"accessType": "mount", "accessMode": "SINGLE_NODE_WRITER"}}}},
        ]}},
        DEFAULT | {
            "container": {"type": "DOCKER", "docker": IMAGE, "volumes": [
                {"containerPath": "/a", "hostPath": "/b", "mode": "RO"}, {"containerPath": "/s", "secret": "s"},
                {"containerPath": "/e", "mode": "RW", "external": {
                    "provider": "dvdi", "name": "v", "shared": False, "options": {"dvdi/driver": "rexray"}}},
                {"containerPath": "/c", "mode": "RW", "external": {"provider": "csi", "name": "v", "options": {
                    "pluginName": "p", "capability": {"accessType": "mount", "accessMode": "SINGLE_NODE_WRITER"}}}},
            ]},
            "upgradeStrategy": {"maximumOverCapacity": 0, "minimumHealthCapacity": 0.5},
        },
    ),
    "an app that may never run twice": (
        {"cmd": "x", "labels": {"MARATHON_SINGLE_INSTANCE_APP": "true"}},
        DEFAULT | {
            "cmd": "x", "labels": {"MARATHON_SINGLE_INSTANCE_APP": "true"},
            "upgradeStrategy": {"maximumOverCapacity": 0, "minimumHealthCapacity": 0},
        },
    ),
    # ---- former releases
    "uris": (
        {"cmd": "x", "uris": ["http://a/b.tgz?c=d", "http://a/b.txt"]},
        DEFAULT | {"cmd": "x", "fetch": [
            {"uri": "http://a/b.tgz?c=d", "extract": True, "executable": False, "cache": False},
            {"uri": "http://a/b.txt", "extract": False, "executable": False, "cache": False},
        ]},
    ),
    "ports": (
        {"cmd": "x", "ports": [0, 9000]},
        DEFAULT | {"cmd": "x", "portDefinitions": [PORT | {"port": 0}, PORT | {"port": 9000}]},
    ),
    "docker's host network drops port mappings": (
        {"container": {"docker": {"image": "a", "network": "HOST", "portMappings": [{"containerPort": 80}]}}},
        DEFAULT | {"container": {"type": "DOCKER", "docker": IMAGE, "volumes": []}},
    ),
    "docker without a network is on the host's": (
        {"container": {"docker": {"image": "a", "network": "NONE"}}},
        DEFAULT | {"container": {"type": "DOCKER", "docker": IMAGE, "volumes": []}},
    ),
    "docker's bridge, with service ports": (
        {"ports": [9000, 9001], "container": {
            "docker": {"image": "a", "network": "BRIDGE", "portMappings": [{"containerPort": 80}]}}},
        IN_CONTAINER | {"networks": [{"mode": "container/bridge"}], "container": {
            "type": "DOCKER", "docker": IMAGE, "volumes": [], "portMappings": [
                MAPPING | {"containerPort": 80, "hostPort": 0, "servicePort": 9000},
                MAPPING | {"hostPort": 0, "servicePort": 9001},
            ]}},
    ),
    "docker's user network": (
        {"container": {"docker": {"image": "a", "network": "user"}}, "ipAddress": {"networkName": "n"}},
        IN_CONTAINER | {"networks": [{"mode": "container", "name": "n"}], "container": {
            "type": "DOCKER", "docker": IMAGE, "volumes": [], "portMappings": [MAPPING | {"name": "default"}]}},
    ),
    "an address of its own, announced": (
        {"cmd": "x", "ipAddress": {"networkName": "n", "labels": {"a": "b"}, "discovery": {"ports": [
            {"number": 80, "name": "http"}]}}},
        IN_CONTAINER | {
            "cmd": "x", "networks": [{"mode": "container", "name": "n", "labels": {"a": "b"}}],
            "container": {"type": "MESOS", "volumes": [], "portMappings": [
                MAPPING | {"containerPort": 80, "name": "http"}]},
        },
    ),
    "an address on the bridge": (
        {"cmd": "x", "ipAddress": {"networkName": "mesos-bridge"}},
        IN_CONTAINER | {"cmd": "x", "networks": [{"mode": "container/bridge"}], "container": {
            "type": "MESOS", "volumes": [], "portMappings": [MAPPING | {"name": "default", "hostPort": 0}]}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_becomes_of_a_body(case: str) -> None:
    """What is shown is the body with what it left open, in today's forms; and shown again it is the same."""
    body, expected = CASES[case]
    made = shown(**body)
    assert made == expected
    assert shown(**made) == made


def test_an_unnamed_network_has_the_default_name() -> None:
    """--default_network_name is for container networks only."""
    settings = Settings(default_network_name="n")
    assert shown(settings, cmd="x", networks=[{}])["networks"] == [{"mode": "container", "name": "n"}]
    assert shown(settings, cmd="x", networks=[{"mode": "container/bridge"}])["networks"] == [
        {"mode": "container/bridge"}
    ]


def test_ids_are_seen_from_the_group() -> None:
    """Relative ids are resolved against the group, dependencies against the app's own; the role is the group's."""
    given = legacy.read_given({"id": "web", "cmd": "x", "dependencies": ["db", "../cache", "/log"]})
    app = complete(given, SETTINGS, "/shop", "shop")
    assert (app.id, app.dependencies, app.role) == ("/shop/web", ("/shop/db", "/cache", "/log"), "shop")


WRONG: list[tuple[Any, list[tuple[str, str]]]] = [
    ([], [("/", "error.expected.jsobject")]),
    ({}, [("/id", "error.path.missing")]),
    ({"id": ""}, [("/id", "error.minLength")]),
    ({"id": "/Web"}, [("/id", "error.pattern")]),
    ({"id": "/a_b"}, [("/id", "error.pattern")]),
    ({"id": 1}, [("/id", "error.expected.jsstring")]),
    ({"instances": "2"}, [("/instances", "error.expected.jsnumber")]),
    ({"instances": True}, [("/instances", "error.expected.jsnumber")]),
    ({"instances": 1.5}, [("/instances", "error.expected.int")]),
    ({"instances": 1 << 31}, [("/instances", "error.expected.int")]),
    ({"cpus": "1"}, [("/cpus", "error.expected.jsnumber")]),
    ({"cmd": ""}, [("/cmd", "error.minLength")]),
    ({"requirePorts": "true"}, [("/requirePorts", "error.expected.jsboolean")]),
    ({"args": "x"}, [("/args", "error.expected.jsarray")]),
    ({"args": ["a", None]}, [("/args(1)", "error.expected.jsstring")]),
    ({"labels": ["a"]}, [("/labels", "error.expected.jsobject")]),
    ({"labels": {"a": 1}}, [("/labels/a", "error.expected.jsstring")]),
    ({"backoffFactor": 0.5}, [("/backoffFactor", "error.min")]),
    ({"backoffSeconds": -1}, [("/backoffSeconds", "error.min")]),
    ({"killSelection": "NONE"}, [("/killSelection", "error.unknown.enum.literal")]),
    ({"unreachableStrategy": "off"}, [("/unreachableStrategy", "error.unknown.enum.literal")]),
    ({"upgradeStrategy": {"minimumHealthCapacity": 1}},
     [("/upgradeStrategy/maximumOverCapacity", "error.path.missing")]),
    ({"portDefinitions": [{"port": 65536}]}, [("/portDefinitions(0)/port", "error.max")]),
    ({"portDefinitions": [{"name": "-"}]}, [("/portDefinitions(0)/name", "error.pattern")]),
    ({"ports": [80, "x"]}, [("/ports(1)", "error.expected.jsnumber")]),
    ({"fetch": [{"extract": True}]}, [("/fetch(0)/uri", "error.path.missing")]),
    ({"fetch": [{"uri": "x" * 1025}]}, [("/fetch(0)/uri", "error.maxLength")]),
    ({"env": {"A": 1}}, [("/env/A", "error.expected.jsstring")]),
    ({"env": {"A": {}}}, [("/env/A/secret", "undefined")]),
    ({"container": {"type": "LXC"}}, [("/container/type", "error.unknown.enum.literal")]),
    ({"container": {"docker": {}}}, [("/container/docker/image", "error.path.missing")]),
    ({"container": {"volumes": [{"containerPath": "/a", "mode": "RW"}]}},
     [("/container/volumes(0)/hostPath", "undefined")]),
    ({"container": {"volumes": [{"containerPath": "a", "persistent": {}}]}},
     [("/container/volumes(0)/persistent/size", "error.path.missing")]),
    ({"container": {"docker": {"image": "a", "portMappings": [{"containerPort": -1}]}}},
     [("/container/docker/portMappings(0)/containerPort", "error.min")]),
    ({"instances": "2", "cmd": 1, "networks": [{"mode": "x"}]},
     [("/cmd", "error.expected.jsstring"), ("/instances", "error.expected.jsnumber"),
      ("/networks(0)/mode", "error.unknown.enum.literal")]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), WRONG)
def test_everything_that_is_wrong_is_said_at_once(body: Any, expected: list[tuple[str, str]]) -> None:
    """Each error of form has its path and its code."""
    given = {"id": "/web"} | body if body and isinstance(body, dict) else body
    with pytest.raises(InvalidJson) as caught:
        legacy.read_given(given)
    assert [(one.path, one.text) for one in caught.value.violations] == expected


MIXED: list[tuple[dict[str, Any], str, str]] = [
    ({"uris": ["a"], "fetch": [{"uri": "a"}]}, "/uris", "may not be set in conjunction with fetch"),
    ({"ports": [1], "portDefinitions": [{"port": 2}]}, "/", "cannot specify both ports and port definitions"),
    ({"ports": [1, 0, 0, 1]}, "/", "ports must be unique"),
    ({"ports": [1], "ipAddress": {}}, "/", "cannot specify both an IP address and port"),
    ({"networks": [{}], "ipAddress": {}}, "/", "must not specify both networks and ipAddress"),
    ({"networks": [{}], "container": {"docker": {"image": "a", "network": "HOST"}}}, "/",
     "must not specify both container.docker.network and networks"),
    ({"ipAddress": {"discovery": {}}, "container": {}}, "/ipAddress",
     "ipAddress/discovery is not allowed for Docker containers"),
    ({"container": {"docker": {"image": "a", "credential": {"principal": "p"}}}}, "/container/docker/credential",
     "must be empty"),
    ({"container": {"type": "MESOS", "docker": {"image": "a", "network": "HOST"}}}, "/container/docker/network",
     "must be empty"),
    ({"container": {"type": "MESOS", "docker": {"image": "a", "portMappings": []}}}, "/container/docker/portMappings",
     "must be empty"),
    ({"container": {"type": "MESOS", "docker": {"image": "a", "parameters": [{"key": "a", "value": "b"}]}}},
     "/container/docker/parameters", "must be empty"),
    ({"container": {"portMappings": [{}], "docker": {"image": "a", "portMappings": [{}]}}}, "/",
     "cannot specify both portMappings and docker.portMappings"),
    ({"acceptedResourceRoles": []}, "/acceptedResourceRoles", "must not be empty"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "path", "text"), MIXED)
def test_old_and_new_forms_exclude_each_other(body: dict[str, Any], path: str, text: str) -> None:
    """One thing is said once."""
    assert list(legacy.violations(legacy.read_given({"id": "/web"} | body))) == [Violation(path, text)]


def test_forms_that_go_together() -> None:
    """What an old client sends back of what it read is one thing said twice in the same way."""
    given = legacy.read_given({"id": "/web", "ports": [1], "portDefinitions": [{"port": 1}], "uris": [], "fetch": []})
    assert list(legacy.violations(given)) == []


def test_errors_of_one_path_are_together() -> None:
    """As Marathon's clients know ``details``."""
    found = [Violation("/a", "x"), Violation("/", "y"), Violation("/a", "z")]
    assert grouped(found) == [{"path": "/a", "errors": ["x", "z"]}, {"path": "/", "errors": ["y"]}]


def test_an_app_is_a_value() -> None:
    """Equal if all is equal; never changed."""
    app = app_of(cmd="x", env={"A": "1"})
    assert app == app_of(cmd="x", env={"A": "1"}) != attrs.evolve(app, instances=2)
    assert show(attrs.evolve(app, version="v"))["version"] == "v"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        app.cmd = "y"  # type: ignore[misc]
