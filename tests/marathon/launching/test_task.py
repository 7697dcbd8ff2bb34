"""The task of an app as Mesos is asked for it, part by part, as JSON of the wire."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import attrs
import pytest

from frameworks.marathon_py.core import Habits, Marathon
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.launching import ports
from frameworks.marathon_py.launching.hooks import NO_HOOKS, Hooks
from frameworks.marathon_py.launching.task import Slot, task_info
from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.resources import Resources
from mesos_py.master.validation.checks import invalid_check, invalid_health_check
from mesos_py.validation.command import invalid_command
from mesos_py.validation.container import invalid_container
from mesos_py.wire.codec.json import to_value
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.task import TaskInfo
from tests.marathon.app_of import SETTINGS, app_of

TASK = TaskID("web.instance-1._app.1")


def core_of(secrets: dict[str, bytes] | None = None, **habits: Any) -> Marathon:
    hooks = Hooks(find_secret=secrets.get) if secrets is not None else NO_HOOKS
    return Marathon(Random(7), SETTINGS, Habits(**habits), hooks)


def info_of(
    drawn: tuple[int, ...] = (), m: Marathon | None = None, has: str = "cpus:1;mem:128", **body: Any
) -> TaskInfo:  # fmt: skip
    """One that the master takes."""
    app = app_of(**body)
    slot = Slot(AgentID("a0"), "h0", Resources.of(parse_resources(has)), ports.assigned(app, drawn))
    info = task_info(m or core_of(), app, TASK, slot)
    for text in (
        invalid_command(info.command) if info.command is not None else None,
        invalid_container(info.container) if info.container is not None else None,
        invalid_health_check(info.health_check) if info.health_check is not None else None,
        invalid_check(info.check) if info.check is not None else None,
    ):
        assert text is None
    return info


def value(drawn: tuple[int, ...] = (), m: Marathon | None = None, **body: Any) -> dict[str, Any]:
    """As JSON, without the environment, which has tests of its own."""
    found = to_value(info_of(drawn, m, **body))
    found.get("command", {}).pop("environment", None)
    return found


def variables(info: TaskInfo) -> dict[str, str | None]:
    assert info.command is not None
    assert info.command.environment is not None
    return {one.name: one.value for one in info.command.environment.variables}


def container(drawn: tuple[int, ...] = (), m: Marathon | None = None, **body: Any) -> Any:
    return value(drawn, m, **body).get("container")


def test_a_plain_app() -> None:
    found = value((31_000,), id="/shop/web", cmd="sleep 1", labels={"a": "b"}, portDefinitions=[{"port": 10_000}],
                  has="cpus:1;mem:128;ports:[31000-31000]", user="nobody", taskKillGracePeriodSeconds=9)  # fmt: skip
    assert found == {
        "name": "web.shop",
        "task_id": {"value": TASK},
        "agent_id": {"value": "a0"},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 128.0}},
            {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 31000}]}},
        ],
        "command": {"shell": True, "value": "sleep 1", "user": "nobody"},
        "kill_policy": {"grace_period": {"nanoseconds": 9_000_000_000}},
        "labels": {"labels": [{"key": "a", "value": "b"}]},
        "discovery": {
            "visibility": "FRAMEWORK", "name": "web.shop", "ports": {"ports": [{"number": 31_000, "protocol": "tcp"}]},
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ({"cmd": "x y"}, {"shell": True, "value": "x y"}),
        ({"args": ["x", "y"]}, {"shell": False, "value": "x", "arguments": ["x", "y"]}),
        (
            {"args": ["y"], "container": {"type": "DOCKER", "docker": {"image": "i"}}},
            {"shell": False, "arguments": ["y"]},
        ),
        ({"container": {"type": "MESOS", "docker": {"image": "i"}}}, {"shell": False}),
        ({"cmd": "x", "container": {"type": "MESOS", "docker": {"image": "i"}}}, {"shell": True, "value": "x"}),
        (
            {
                "cmd": "x",
                "fetch": [{"uri": "http://u/a.tgz"}, {"uri": "u", "extract": False, "executable": True, "cache": True,
                          "destPath": "d"}],
            },
            {
                "shell": True, "value": "x",
                "uris": [
                    {"value": "http://u/a.tgz", "extract": True, "executable": False, "cache": False},
                    {"value": "u", "extract": False, "executable": True, "cache": True, "output_file": "d"},
                ],
            },
        ),
    ],
)  # fmt: skip
def test_what_is_run(body: dict[str, Any], command: dict[str, Any]) -> None:
    """A line for a shell, a program with arguments, or what the image runs by itself."""
    assert value((31_000,), **body)["command"] == command


def test_limits() -> None:
    info = info_of((31_000,), cmd="x", resourceLimits={"cpus": "unlimited", "mem": 256})
    assert {name: limit.value for name, limit in info.limits.items()} == {"cpus": math.inf, "mem": 256.0}


def test_an_executor_of_its_own_has_a_part_of_what_there_is() -> None:
    info = info_of(
        (31_000,), cmd="--port 1", executor="/opt/run", executorResources={"cpus": 0.5, "mem": 32, "disk": 10},
        has="cpus:1.5;mem:160;disk:10;ports:[31000-31000]", container={"type": "MESOS", "volumes": []},
    )  # fmt: skip
    executor = info.executor
    assert executor is not None
    assert executor.command is not None
    assert (info.command, info.container) == (None, None)
    assert executor.command.value == "chmod ug+rx '/opt/run' && exec '/opt/run' --port 1"
    assert executor.executor_id == f"marathon-{TASK}"
    assert executor.container is not None
    assert str(Resources.of(executor.resources)) == "cpus:0.5; mem:32; disk:10"
    assert str(Resources.of(info.resources)) == "cpus:1; mem:128; ports:[31000-31000]"


def test_the_flag_names_an_executor_for_those_that_name_none() -> None:
    m = core_of(executor="/opt/run")
    info = info_of((31_000,), m, args=["a", "b"])
    assert info.executor is not None
    assert info.executor.command is not None
    assert info.executor.command.value == "chmod ug+rx '/opt/run' && exec '/opt/run' a b"
    assert info_of((31_000,), m, cmd="x", executor="//cmd").executor is None


# ---- containers

MAPPINGS = [
    {"containerPort": 80, "hostPort": 0, "protocol": "udp,tcp", "name": "http"},
    {"containerPort": 0, "hostPort": 0},
    {"containerPort": 9000},
]


def test_a_docker_container_on_the_host() -> None:
    docker = {
        "image": "i:1", "privileged": True, "forcePullImage": True, "parameters": [{"key": "cap-add", "value": "ALL"}],
    }  # fmt: skip
    volume = {"containerPath": "/c", "hostPath": "/h", "mode": "RO"}
    assert container((31_000,), container={"type": "DOCKER", "docker": docker, "volumes": [volume]}, tty=True) == {
        "type": "DOCKER",
        "volumes": [{"container_path": "/c", "host_path": "/h", "mode": "RO"}],
        "tty_info": {},
        "docker": {
            "image": "i:1", "network": "HOST", "privileged": True, "force_pull_image": True,
            "parameters": [{"key": "cap-add", "value": "ALL"}, {"key": "label", "value": f"MESOS_TASK_ID={TASK}"}],
        },
    }  # fmt: skip


def test_a_docker_container_on_a_bridge() -> None:
    """A port of 0 in the container is the host's."""
    found = container(
        (31_000, 31_001), container={"type": "DOCKER", "docker": {"image": "i"}, "portMappings": MAPPINGS[:2]},
        networks=[{"mode": "container/bridge"}],
    )["docker"]  # fmt: skip
    assert found["network"] == "BRIDGE"
    assert found["port_mappings"] == [
        {"host_port": 31_000, "container_port": 80, "protocol": "udp"},
        {"host_port": 31_000, "container_port": 80, "protocol": "tcp"},
        {"host_port": 31_001, "container_port": 31_001, "protocol": "tcp"},
    ]


def test_a_docker_container_on_a_network_of_its_own() -> None:
    found = container(
        (31_000, 31_001), container={"type": "DOCKER", "docker": {"image": "i"}, "portMappings": MAPPINGS},
        networks=[{"mode": "container", "name": "n", "labels": {"a": "b"}}],
    )  # fmt: skip
    assert found["network_infos"] == [{"name": "n"}]
    assert found["docker"]["network"] == "USER"
    assert len(found["docker"]["port_mappings"]) == 3, "one has no port on the host"


def test_a_mesos_container_with_an_image() -> None:
    assert container(
        (31_000,),
        container={
            "type": "MESOS", "docker": {"image": "i", "forcePullImage": True},
            "linuxInfo": {"seccomp": {"profileName": "p"}, "ipcInfo": {"mode": "PRIVATE", "shmSize": 64}},
        },
    ) == {
        "type": "MESOS",
        "mesos": {"image": {"type": "DOCKER", "docker": {"name": "i"}, "cached": False}},
        "linux_info": {
            "seccomp": {"profile_name": "p", "unconfined": False}, "ipc_mode": "PRIVATE", "shm_size": 64,
            "share_cgroups": True,
        },
    }  # fmt: skip


def test_a_mesos_container_on_networks() -> None:
    """What leads in from the host is told to the network that it is for."""
    mappings = [{**MAPPINGS[0], "networkNames": ["n"]}, {"containerPort": 70, "hostPort": 7000, "networkNames": ["o"]}]
    found = container(
        (7_000, 31_000), cmd="x", container={"type": "MESOS", "portMappings": mappings},
        networks=[{"mode": "container", "name": "n", "labels": {"a": "b"}}, {"mode": "container", "name": "o"}],
    )  # fmt: skip
    assert found == {
        "type": "MESOS",
        "mesos": {},
        "network_infos": [
            {
                "name": "n", "ip_addresses": [{"protocol": "IPv4"}], "labels": {"labels": [{"key": "a", "value": "b"}]},
                "port_mappings": [
                    {"host_port": 31_000, "container_port": 80, "protocol": "udp"},
                    {"host_port": 31_000, "container_port": 80, "protocol": "tcp"},
                ],
            },
            {
                "name": "o", "ip_addresses": [{"protocol": "IPv4"}],
                "port_mappings": [{"host_port": 7000, "container_port": 70, "protocol": "tcp"}],
            },
        ],
    }  # fmt: skip


def test_a_mesos_container_on_the_bridge() -> None:
    found = container((31_000,), cmd="x", networks=[{"mode": "container/bridge"}])
    (network,) = found["network_infos"]
    assert network["name"] == "mesos-bridge"
    assert network["port_mappings"] == [{"host_port": 31_000, "container_port": 31_000, "protocol": "tcp"}]


def test_volumes_of_others() -> None:
    dvdi = {
        "containerPath": "/d", "mode": "RW",
        "external": {"provider": "dvdi", "name": "v", "size": 3,
                     "options": {"dvdi/driver": "rexray", "dvdi/iops": " 7 ", "other/x": "y"}},
    }  # fmt: skip
    csi = {
        "containerPath": "/e", "mode": "RW",
        "external": {
            "provider": "csi", "name": "w",
            "options": {
                "pluginName": "p", "capability": {"accessType": "mount", "accessMode": "SINGLE_NODE_WRITER",
                                                  "fsType": "ext4"},
                "nodeStageSecret": {"k": "s"}, "volumeContext": {"a": "b"},
            },
        },
    }  # fmt: skip
    found = container((31_000,), cmd="x", container={"type": "MESOS", "volumes": [dvdi, csi]})["volumes"]
    assert found[0] == {
        "container_path": "/d", "mode": "RW",
        "source": {
            "type": "DOCKER_VOLUME",
            "docker_volume": {
                "driver": "rexray", "name": "v",
                "driver_options": {"parameter": [{"key": "iops", "value": "7"}, {"key": "size", "value": "3"}]},
            },
        },
    }  # fmt: skip
    assert found[1]["source"]["csi_volume"] == {
        "plugin_name": "p",
        "static_provisioning": {
            "volume_id": "w",
            "volume_capability": {"mount": {"fs_type": "ext4"}, "access_mode": {"mode": "SINGLE_NODE_WRITER"}},
            "node_stage_secrets": {"k": {"type": "REFERENCE", "reference": {"name": "s"}}},
            "volume_context": {"a": "b"},
        },
    }  # fmt: skip


def test_secrets() -> None:
    """Their values go to the agent as secrets: in the environment, as files, for pulling images."""
    m = core_of({"/a/b": b"xyz"})
    info = info_of(
        (31_000,), m, env={"A": {"secret": "s"}, "B": "plain"}, secrets={"s": {"source": "/a/b"}}, cmd="x",
        container={
            "type": "MESOS", "docker": {"image": "i", "pullConfig": {"secret": "s"}},
            "volumes": [{"containerPath": "/f", "secret": "s"}],
        },
    )  # fmt: skip
    found = to_value(info)
    secret = {"type": "VALUE", "value": {"data": "eHl6"}}
    told = {one["name"]: one for one in found["command"]["environment"]["variables"]}
    assert told["A"] == {"name": "A", "type": "SECRET", "secret": secret}
    assert told["B"]["value"] == "plain"
    assert found["container"]["volumes"] == [
        {"container_path": "/f", "mode": "RO", "source": {"type": "SECRET", "secret": secret}}
    ]
    assert found["container"]["mesos"]["image"]["docker"]["config"] == secret


# ---- checks

GIVEN = {"gracePeriodSeconds": 5, "intervalSeconds": 6, "timeoutSeconds": 7, "maxConsecutiveFailures": 2,
         "delaySeconds": 8}  # fmt: skip
TIMES = {"grace_period_seconds": 5.0, "interval_seconds": 6.0, "timeout_seconds": 7.0, "consecutive_failures": 2,
         "delay_seconds": 8.0}  # fmt: skip
BRIDGE = {
    "networks": [{"mode": "container/bridge"}],
    "container": {"type": "MESOS", "portMappings": [MAPPINGS[1], MAPPINGS[0]]},
}


@pytest.mark.parametrize(
    ("body", "check", "expected"),
    [
        ({}, {"protocol": "HTTP", "path": "/"}, None),
        ({}, {"protocol": "COMMAND", "command": {"value": "true"}},
         {"type": "COMMAND", "command": {"shell": True, "value": "true"}}),
        ({}, {"protocol": "MESOS_HTTP", "path": "/ok", "portIndex": 0},
         {"type": "HTTP", "http": {"port": 31_000, "path": "/ok", "scheme": "http", "protocol": "IPv4"}}),
        ({}, {"protocol": "MESOS_HTTPS", "port": 443},
         {"type": "HTTP", "http": {"port": 443, "scheme": "https", "protocol": "IPv4"}}),
        (BRIDGE, {"protocol": "MESOS_TCP", "portIndex": 0},
         {"type": "TCP", "tcp": {"port": 31_000, "protocol": "IPv4"}}),
        (BRIDGE, {"protocol": "MESOS_TCP", "portIndex": 1}, {"type": "TCP", "tcp": {"port": 80, "protocol": "IPv4"}}),
    ],
)  # fmt: skip
def test_health_checks(body: dict[str, Any], check: dict[str, Any], expected: dict[str, Any] | None) -> None:
    """Agents look from inside: at the container's port, which may be that of the host."""
    found = value((31_000, 31_001), cmd="x", healthChecks=[{**GIVEN, **check}], **body).get("health_check")
    assert found == (None if expected is None else {**TIMES, **expected})


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ({"http": {"portIndex": 0, "path": "/ok"}}, {"type": "HTTP", "http": {"port": 31_000, "path": "/ok"}}),
        ({"tcp": {"port": 70}}, {"type": "TCP", "tcp": {"port": 70}}),
        ({"exec": {"command": {"shell": "true"}}},
         {"type": "COMMAND", "command": {"command": {"shell": True, "value": "true"}}}),
        ({"exec": {"command": {"argv": ["a", "b"]}}},
         {"type": "COMMAND", "command": {"command": {"shell": False, "value": "a", "arguments": ["a", "b"]}}}),
    ],
)  # fmt: skip
def test_checks(check: dict[str, Any], expected: dict[str, Any]) -> None:
    times = {"intervalSeconds": 6, "timeoutSeconds": 7, "delaySeconds": 8}
    found = value((31_000,), cmd="x", check={**times, **check})["check"]
    assert found == {"interval_seconds": 6.0, "timeout_seconds": 7.0, "delay_seconds": 8.0, **expected}


# ---- discovery


def discovered(drawn: tuple[int, ...], **body: Any) -> list[tuple[Any, ...]]:
    found = value(drawn, cmd="x", **body)["discovery"]["ports"].get("ports", [])
    return [
        (one["number"], one.get("name"), one["protocol"],
         {label["key"]: label["value"] for label in one.get("labels", {}).get("labels", [])})
        for one in found
    ]  # fmt: skip


def test_ports_are_found_where_they_lead() -> None:
    """On the host, or only in networks: one record for each protocol and each network."""
    definitions = [{"port": 0, "protocol": "udp,tcp", "name": "a", "labels": {"l": "1"}}]
    assert discovered((31_000,), portDefinitions=definitions) == [
        (31_000, "a", "udp", {"l": "1"}), (31_000, "a", "tcp", {"l": "1"}),
    ]  # fmt: skip
    networks = {"networks": [{"mode": "container", "name": "n"}, {"mode": "container", "name": "o"}]}
    mappings = [{**MAPPINGS[0], "networkNames": ["n"]}, {"containerPort": 90, "labels": {"l": "1"}},
                {"containerPort": 91, "networkNames": ["o"]}]  # fmt: skip
    assert discovered((31_000,), **networks, container={"type": "MESOS", "portMappings": mappings}) == [
        (31_000, "http", "udp", {"network-scope": "host"}),
        (31_000, "http", "tcp", {"network-scope": "host"}),
        (90, None, "tcp", {"l": "1", "network-scope": "container", "network-name": "n"}),
        (90, None, "tcp", {"l": "1", "network-scope": "container", "network-name": "o"}),
        (91, None, "tcp", {"network-scope": "container", "network-name": "o"}),
    ]
    assert discovered((), portDefinitions=[]) == []


def test_a_group_that_enforces_its_role_is_told() -> None:
    m = core_of()
    m.root = Group(groups=(Group(id=PathId("/shop"), enforce_role=True),))
    told = variables(info_of((31_000,), m, id="/shop/web", cmd="x"))
    assert told["MARATHON_APP_ENFORCE_GROUP_ROLE"] == "TRUE"
    m.root = attrs.evolve(m.root, groups=(Group(id=PathId("/shop")),))
    told = variables(info_of((31_000,), m, id="/shop/web", cmd="x"))
    assert told["MARATHON_APP_ENFORCE_GROUP_ROLE"] == "FALSE"
