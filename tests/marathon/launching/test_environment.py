"""What tasks are told in their environment: variable by variable, as Marathon writes them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from frameworks.marathon_py.definitions.pods import Pod, complete_pod, read_pod
from frameworks.marathon_py.launching import environment, ports
from mesos_py.wire.ids import ExecutorID, TaskID
from tests.marathon.app_of import SETTINGS, app_of

TASK = TaskID("web.instance-1._app.1")


def told(drawn: tuple[int, ...] = (), prefix: str = "", **body: Any) -> dict[str, Any]:
    """What an app's task is told, without what it is told in any case."""
    app = app_of(**body)
    found = environment.of_app(app, TASK, "h1", ports.assigned(app, drawn), prefix, False, Random(7))
    return {name: text for name, text in found.items() if not name.startswith(("MESOS_", "MARATHON_"))}


def test_what_every_task_is_told() -> None:
    app = app_of(id="/shop/web", cmd="x", cpus=0.1, mem=32, labels={"Tier.Web": "a b"}, portDefinitions=[])
    assert environment.of_app(app, TASK, "h1", (), "", True, Random(7)) == {
        "MESOS_TASK_ID": TASK,
        "MARATHON_APP_ID": "/shop/web",
        "MARATHON_APP_VERSION": app.version,
        "MARATHON_APP_RESOURCE_CPUS": "0.1",
        "MARATHON_APP_RESOURCE_MEM": "32.0",
        "MARATHON_APP_RESOURCE_DISK": "0.0",
        "MARATHON_APP_RESOURCE_GPUS": "0",
        "MARATHON_APP_ENFORCE_GROUP_ROLE": "TRUE",
        "MARATHON_APP_LABELS": "TIER_WEB",
        "MARATHON_APP_LABEL_TIER_WEB": "a b",
        "HOST": "h1",
    }


def test_an_image_is_told_to_containers_of_docker() -> None:
    docker = {"type": "DOCKER", "docker": {"image": "busybox"}}
    app = app_of(container=docker)
    found = environment.of_app(app, TASK, "h1", ports.assigned(app, (31_000,)), "", False, Random(7))
    assert found["MARATHON_APP_DOCKER_IMAGE"] == "busybox"
    mesos = app_of(container={**docker, "type": "MESOS"})
    found = environment.of_app(mesos, TASK, "h1", ports.assigned(mesos, (31_000,)), "", False, Random(7))
    assert "MARATHON_APP_DOCKER_IMAGE" not in found


MAPPINGS: list[dict[str, Any]] = [
    {"containerPort": 80, "hostPort": 0, "name": "http-api"},
    {"containerPort": 0, "hostPort": 0},
    {"containerPort": 9000, "name": "admin"},
]
CONTAINER = {"networks": [{"mode": "container", "name": "n"}]}


@pytest.mark.parametrize(
    ("body", "drawn", "expected"),
    [
        ({"cmd": "x", "portDefinitions": []}, (), {"HOST": "h1"}),
        (
            {"cmd": "x", "portDefinitions": [{"port": 10_001, "name": "http"}, {"port": 0}]},
            (31_005, 31_006),
            {
                "HOST": "h1", "PORT": "31005", "PORTS": "31005,31006", "PORT0": "31005", "PORT1": "31006",
                "PORT_10001": "31005", "PORT_31006": "31006", "PORT_HTTP": "31005",
            },
        ),
        (
            {"container": {"type": "MESOS", "portMappings": MAPPINGS}, "cmd": "x", **CONTAINER},
            (31_005, 31_006),
            {
                "HOST": "h1", "PORT": "31005", "PORTS": "31005,31006", "PORT0": "31005", "PORT1": "31006",
                "PORT2": "9000", "PORT_80": "31005", "PORT_31006": "31006", "PORT_9000": "9000",
                "PORT_HTTP-API": "31005", "PORT_ADMIN": "9000",
            },
        ),
        (
            {"container": {"type": "MESOS", "portMappings": MAPPINGS[2:]}, "cmd": "x", **CONTAINER},
            (),
            {"HOST": "h1", "PORTS": "", "PORT0": "9000", "PORT_9000": "9000", "PORT_ADMIN": "9000"},
        ),
    ],
)  # fmt: skip
def test_ports(body: dict[str, Any], drawn: tuple[int, ...], expected: dict[str, str]) -> None:
    """By place, by the number that was asked for, by name; only those of the host are in PORTS."""
    assert told(drawn, **body) == expected


def test_a_port_that_nobody_has_numbered_is_drawn() -> None:
    """Neither on the host nor in the container: it is none of the others."""
    mappings = [{"containerPort": 0, "name": "a"}, {"containerPort": 0}, {"containerPort": 80, "hostPort": 0}]
    found = told((31_000,), container={"type": "MESOS", "portMappings": mappings}, cmd="x", **CONTAINER)
    first, second = found["PORT0"], found["PORT1"]
    assert len({first, second, "80", "31000"}) == 4
    assert all(1025 <= int(port) <= 65_535 for port in (first, second))
    assert found["PORT"] == "31000"
    assert found["PORTS"] == f"31000,{first},{second}"
    assert (found["PORT_A"], found[f"PORT_{second}"]) == (first, second)


class Drawn(Random):
    """These numbers."""

    def randint(self, a: int, b: int) -> int:
        return numbers.pop(0)


numbers = [8_080, 31_000, 5_000, 5_000, 6_000]


def test_a_drawn_port_is_none_that_is_there() -> None:
    mappings = [{"containerPort": 8_080, "hostPort": 0}, {"containerPort": 0}, {"containerPort": 0}]
    app = app_of(container={"type": "MESOS", "portMappings": mappings}, cmd="x", **CONTAINER)
    assert environment.of_ports(app, (31_000, None, None), Drawn())["PORTS"] == "31000,5000,6000"


def test_what_people_define_comes_last_and_prefixes_are_for_ports_and_host() -> None:
    found = told((31_000,), "P_", cmd="x", env={"HOST": "mine", "P_PORT": "1"}, labels={"a": "b"})
    assert found["HOST"] == "mine"
    assert found["P_HOST"] == "h1"
    assert found["P_PORT"] == "1"
    assert found["P_PORT0"] == "31000"
    assert "PORT0" not in found


@pytest.mark.parametrize(("length", "is_told"), [(492, True), (493, False)])
def test_a_label_with_a_long_name_is_left_out(length: int, is_told: bool) -> None:
    name = "a" * length
    assert (f"MARATHON_APP_LABEL_{name.upper()}" in environment.of_labels({name: "x"})) is is_told


@pytest.mark.parametrize(("length", "is_told"), [(511, True), (512, False)])
def test_a_label_with_a_long_value_is_left_out(length: int, is_told: bool) -> None:
    assert (environment.of_labels({"a": "x" * length})["MARATHON_APP_LABELS"] == "A") is is_told


def test_runs_of_other_characters_are_one_underscore() -> None:
    assert environment.of_labels({"a.--b_c": "x"}) == {"MARATHON_APP_LABELS": "A_B_C", "MARATHON_APP_LABEL_A_B_C": "x"}


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0.0"), (1.0, "1.0"), (0.1, "0.1"), (128, "128.0"), (0.001, "0.001"), (0.0001, "1.0E-4"),
     (1.5e7, "1.5E7"), (1e7, "1.0E7"), (9_999_999.5, "9999999.5")],
)  # fmt: skip
def test_numbers_are_written_as_java_does(number: float, text: str) -> None:
    assert environment.double_text(number) == text


# ---- pods


def pod_of(**body: Any) -> Pod:
    containers = [{"name": "c", "resources": {"cpus": 0.5, "mem": 64}}]
    return complete_pod(read_pod({"id": "/pod", "containers": containers, **body}), SETTINGS)


TWO = [
    {
        "name": "web", "resources": {"cpus": 0.5, "mem": 64}, "environment": {"A": "web", "HOST": "x"},
        "labels": {"l": "web"}, "endpoints": [{"name": "http-api", "containerPort": 80, "hostPort": 0}],
    },
    {"name": "side", "resources": {"cpus": 0.1, "mem": 32}, "endpoints": [{"name": "adm", "containerPort": 81}]},
]  # fmt: skip


def of_container(pod: Pod, name: str, host_ports: tuple[int | None, ...], prefix: str = "") -> dict[str, Any]:
    container = next(one for one in pod.containers if one.name == name)
    return environment.of_container(
        pod, container, TaskID("t"), ExecutorID("e"), "h1", host_ports, prefix, False
    )  # fmt: skip


def test_containers_of_a_pod() -> None:
    """Each hears of its own resources, and of all endpoints."""
    pod = pod_of(containers=TWO, environment={"A": "pod", "B": "pod"}, labels={"l": "pod"}, **CONTAINER)
    assert of_container(pod, "web", (31_000, None)) == {
        "A": "web", "B": "pod", "HOST": "h1", "MESOS_TASK_ID": "t", "MESOS_EXECUTOR_ID": "e",
        "MARATHON_APP_ID": "/pod", "MARATHON_APP_VERSION": pod.version, "MARATHON_CONTAINER_ID": "web",
        "MARATHON_APP_ENFORCE_GROUP_ROLE": "FALSE", "MARATHON_CONTAINER_RESOURCE_CPUS": "0.5",
        "MARATHON_CONTAINER_RESOURCE_MEM": "64.0", "MARATHON_CONTAINER_RESOURCE_DISK": "0.0",
        "MARATHON_CONTAINER_RESOURCE_GPUS": "0", "MARATHON_APP_LABELS": "L", "MARATHON_APP_LABEL_L": "web",
        "ENDPOINT_HTTP_API": "80", "EP_HOST_HTTP_API": "31000", "EP_CONTAINER_HTTP_API": "80",
        "ENDPOINT_ADM": "81", "EP_CONTAINER_ADM": "81",
    }  # fmt: skip
    side = of_container(pod, "side", (31_000, None))
    assert (side["A"], side["ENDPOINT_HTTP_API"], side["MARATHON_CONTAINER_ID"]) == ("pod", "80", "side")


def test_on_the_hosts_network_an_endpoint_is_the_hosts_port() -> None:
    containers = [{**TWO[0], "endpoints": [{"name": "http", "hostPort": 0}]}]
    found = of_container(pod_of(containers=containers), "web", (31_000,), "p_")
    assert {name: text for name, text in found.items() if "HTTP" in name} == {
        "P_ENDPOINT_HTTP": "31000", "P_EP_HOST_HTTP": "31000",
    }  # fmt: skip
