"""Marathon over a real cluster and a real ZooKeeper: its leader is killed in the middle of a rolling update."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.acceptance.cluster import Cluster, eventually
from tests.coordination.conftest import address, zookeeper  # noqa: F401 - fixtures
from tests.marathon.shell.running import Marathon

pytestmark = [pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]

COUNT = 4
#: one above, one by one
APP: dict[str, Any] = {
    "id": "/rolling", "cmd": "sleep 1000", "cpus": 0.1, "mem": 16, "instances": COUNT,
    "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0},
    "readinessChecks": [{"name": "never", "intervalSeconds": 3, "timeoutSeconds": 2}],
    "portDefinitions": [{"port": 0, "name": "http-api"}],
}  # fmt: skip


def test_a_leader_that_is_killed_in_mid_deployment(cluster: Cluster, address: Any) -> None:  # noqa: F811
    """The next one goes on where it was: the update waits for instances that are not ready, is taken back, and what
    ran before runs still, with nothing beside it."""
    arguments = (f"--zk={address}", "--zk_session_timeout=4000")
    first = Marathon(*arguments, master=cluster.address)
    second: Marathon | None = None
    try:
        first.until_leading()
        plain = {key: value for key, value in APP.items() if key != "readinessChecks"}
        assert first.ask("POST", "/v2/apps", plain)[0] == 201
        eventually(lambda: len(tasks(first)) == COUNT and not deployments(first), "all to run")
        before = tasks(first)
        second = Marathon(*arguments, master=cluster.address)
        second.until_following()
        status, started, _ = second.ask("PUT", "/v2/apps//rolling", {**APP, "env": {"A": "2"}})
        assert status == 200, started
        eventually(lambda: len(tasks(first)) == COUNT + 1, "one of the new version")
        first.stop(signal.SIGKILL)
        second.until_leading()
        (deployment,) = deployments(second)
        assert (deployment["id"], deployment["affectedApps"]) == (started["deploymentId"], ["/rolling"])
        eventually(lambda: len(running(cluster)) == COUNT + 1, "the next leader to hear of its tasks")
        assert tasks(second).keys() > before.keys()
        assert second.ask("DELETE", f"/v2/deployments/{deployment['id']}")[0] == 200
        eventually(lambda: not deployments(second), "the update to be taken back")
        eventually(lambda: running(cluster) == before.keys(), "what ran before to run alone")
        assert second.ask("DELETE", "/v2/apps/rolling")[0] == 200
        eventually(lambda: not running(cluster), "nothing to run")
    finally:
        for one in (first, second):
            if one is not None:
                one.stop(signal.SIGKILL)


def deployments(marathon: Marathon) -> list[Any]:
    found = marathon.ask("GET", "/v2/deployments")[1]
    return list(found)


def tasks(marathon: Marathon) -> dict[str, str]:
    """Versions of those that run, by id."""
    found = marathon.ask("GET", "/v2/apps/rolling")[1]["app"]["tasks"]
    return {task["id"]: task["version"] for task in found if task["state"] == "TASK_RUNNING"}


def running(cluster: Cluster) -> set[str]:
    """As the master has them."""
    return {task["task_id"]["value"] for task in json.loads(cluster.cli("ps", "--json").stdout)}
