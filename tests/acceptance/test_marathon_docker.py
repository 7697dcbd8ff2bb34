"""Marathon's apps in a real dockerd, driven by the unmodified client package, and a pod from an image without one."""

from __future__ import annotations

import collections
import collections.abc
import http.client
import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cluster import eventually, local_cluster
from tests.acceptance.marathon import Marathon, marathon
from tests.agent.containerizer.docker.daemon import DOCKER, IMAGE, Daemon, daemon
from tests.agent.containerizer.harness import needs_crun
from tests.agent.provisioner.images import busybox
from tests.agent.provisioner.registry import IMAGES

# The client is of the days of Python 3.9, where this name was. Nothing of its own is changed.
collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]
client = pytest.importorskip("marathon", reason="the client package of Marathon is not installed")
models = pytest.importorskip("marathon.models")

pytestmark = [*DOCKER, *IMAGES, needs_crun]

WITHIN_S = 90  # for each thing that is waited for
#: as the first process of its container it has to listen to signals itself
SERVES = (
    "mkdir /www; echo $COLOR >/www/index.html; httpd -p 8000 -h /www; trap 'exit 0' TERM; while :; do sleep 0.1; done"
)
OFTEN = {"interval_seconds": 1, "grace_period_seconds": 60, "timeout_seconds": 30, "max_consecutive_failures": 5}
POD = {
    "id": "/pod",
    "containers": [{
        "name": "one", "image": {"kind": "DOCKER", "id": "busy"}, "resources": {"cpus": 0.1, "mem": 16},
        "exec": {"command": {"shell": "sleep 1000"}},
        "healthCheck": {
            "exec": {"command": {"shell": "grep -q image /etc/motd"}}, "intervalSeconds": 10, "timeoutSeconds": 9,
            "delaySeconds": 0,
        },
    }],
}  # fmt: skip


@pytest.fixture(scope="module")
def dockerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("dockerd")) as made:
        yield made


@pytest.fixture(scope="module")
def served(dockerd: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marathon]:
    place = tmp_path_factory.mktemp("marathon")
    busybox(place / "images", "busy")
    root = f"mesos-test-{os.getpid()}-marathon"  # that of others is theirs
    flags = (
        "--agents=1", f"--cgroups_root={root}", "--containerizers=docker,mesos", f"--docker_socket={dockerd.socket}",
        "--docker_remove_delay=0secs", "--isolation=filesystem/linux,docker/runtime", "--image_providers=docker",
        f"--docker_registry={place}/images",
    )  # fmt: skip
    with local_cluster(*flags) as cluster, marathon(cluster, place, "--min_revive_offers_interval=100") as made:
        yield made
    for tree in Path("/sys/fs/cgroup").glob(f"*/{root}"):
        tree.rmdir()


def checked(**fields: Any) -> Any:
    made = models.app.MarathonHealthCheck(**OFTEN, **fields)
    made.delay_seconds = 0  # the client has no argument for it
    return made


def until_done(api: Any) -> None:
    eventually(lambda: not api.list_deployments(), "no deployment goes on", WITHIN_S)


def pages(api: Any) -> list[str]:
    """What its tasks serve through the ports of the host that lead to them; empty while one of them does not."""
    try:
        return [
            urllib.request.urlopen(f"http://{one.host}:{one.ports[0]}/", timeout=10).read().decode().strip()
            for one in api.list_tasks("/web")
        ]  # fmt: skip
    except (OSError, http.client.HTTPException):
        return []


def ids(api: Any) -> set[str]:
    return {one.id for one in api.list_tasks("/web")}


def test_an_app_in_containers_of_docker(served: Marathon, dockerd: Daemon) -> None:
    """Created, scaled, updated, killed, removed. Its checks look from inside, its pages are read from outside."""
    api = client.MarathonClient(served.url, timeout=60)
    bridge = models.container.MarathonDockerContainer(
        image=IMAGE, network="BRIDGE", port_mappings=[{"container_port": 8000, "host_port": 0, "name": "http"}]
    )
    made = api.create_app("web", models.MarathonApp(
        cmd=SERVES, cpus=0.1, mem=16, env={"COLOR": "green"},
        container=models.container.MarathonContainer(docker=bridge),
        health_checks=[checked(protocol="COMMAND", command="wget -q -O /dev/null http://localhost:8000/")],
    ))  # fmt: skip
    assert made.container.type == "DOCKER"
    until_done(api)
    assert api.get_app("/web").tasks_healthy == 1
    eventually(lambda: pages(api) == ["green"], "it is served", WITHIN_S)

    api.scale_app("/web", instances=2)
    until_done(api)
    assert api.get_app("/web").tasks_healthy == 2
    eventually(lambda: pages(api) == ["green", "green"], "both are served", WITHIN_S)
    first = ids(api)
    assert len(first) == len(dockerd.names()) == 2

    check = checked(protocol="MESOS_HTTP", path="/index.html", port_index=0)
    api.update_app("/web", models.MarathonApp(id="/web", env={"COLOR": "blue"}, health_checks=[check]))
    until_done(api)
    assert api.get_app("/web").tasks_healthy == 2
    assert not ids(api) & first
    eventually(lambda: pages(api) == ["blue", "blue"], "the new ones are served", WITHIN_S)

    killed = api.list_tasks("/web")[0].id
    api.kill_task("/web", killed)
    eventually(lambda: killed not in ids(api) and api.get_app("/web").tasks_healthy == 2, "another is well", WITHIN_S)
    eventually(lambda: len(dockerd.names()) == 2, "two containers are left", WITHIN_S)
    api.delete_app("/web")
    until_done(api)
    eventually(lambda: not dockerd.names(), "no container is left", WITHIN_S)


def test_a_pod_from_an_image(served: Marathon, dockerd: Daemon, tmp_path: Path) -> None:
    """It runs without Docker, and its check finds the image's files."""
    definition = tmp_path / "pod.json"
    definition.write_text(json.dumps(POD))
    served("pod", "add", str(definition), "--wait")
    status = served.get("/v2/pods/pod::status")
    (instance,) = status["instances"]
    assert (status["status"], instance["status"]) == ("STABLE", "STABLE")
    (container,) = instance["containers"]
    assert (container["status"], container["conditions"][0]["name"]) == ("TASK_RUNNING", "healthy")
    assert not dockerd.names()
    served("pod", "rm", "/pod", "--wait")
