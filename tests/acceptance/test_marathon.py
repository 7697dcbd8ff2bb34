"""Marathon as people use it: ``marathon-py``, and a leader that is killed in the middle of a deployment.

An update of a web app that nobody notices is in the demo, ``test_local.py``.
"""

from __future__ import annotations

import asyncio
import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cluster import ROOT, Cluster, environment, eventually, local_cluster
from tests.acceptance.marathon import PROGRAM, Marathon, marathon

sys.path.insert(0, str(ROOT / "examples"))
import rolling

SLEEP = ("--cmd=sleep 1000", "--cpus=0.1", "--mem=16")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marathon]:
    with local_cluster("--agents=1") as cluster, marathon(cluster, tmp_path_factory.mktemp("marathon")) as made:
        yield made


def test_apps_from_a_shell(served: Marathon, tmp_path: Path) -> None:
    """Added, shown, scaled, changed, taken back, removed; exit codes say how it went."""
    assert "is done" in served("app", "add", "--id=/shop/web", *SLEEP, "-n", "2", "--env=A=1", "--wait")
    assert "/shop/web" in (listed := served("app", "ls")) and "2/2" in listed
    first = {one["id"] for one in served.running("/shop/web")}
    served("app", "scale", "/shop/web", "3", "--wait")
    assert first < {one["id"] for one in served.running("/shop/web")}
    served("app", "update", "/shop/web", "env.B=2", "--wait")
    assert json.loads(served("app", "show", "/shop/web", "--json"))["env"] == {"A": "1", "B": "2"}
    assert not first & {one["id"] for one in served.running("/shop/web")}
    assert len(served("app", "versions", "/shop/web").splitlines()) == 3
    served("app", "rollback", "/shop/web", "--wait")
    assert json.loads(served("app", "show", "/shop/web", "--json"))["env"] == {"A": "1"}
    killed = served("app", "kill", served.running("/shop/web")[0]["id"]).strip()
    eventually(lambda: killed not in {one["id"] for one in served.running("/shop/web")}, "the task is gone")
    assert "already exists" in served("app", "add", "--id=/shop/web", *SLEEP, code=1)
    assert "Object is not valid" in served("app", "add", "--id=/bad", "--cpus=-1", "--cmd=true", code=1)

    group = tmp_path / "group.json"
    base = {"cpus": 0.1, "mem": 16, "cmd": "sleep 1000"}
    group.write_text(json.dumps({"apps": [{"id": "db", **base}, {"id": "api", "dependencies": ["db"], **base}]}))
    steps = served("group", "update", "/shop", str(group), "--dry_run").splitlines()[1:]
    assert sorted(line.split() for line in steps) == [
        ["1", "StopApplication", "/shop/web"], ["2", "StartApplication", "/shop/api"],
        ["2", "StartApplication", "/shop/db"], ["3", "ScaleApplication", "/shop/db"],
        ["4", "ScaleApplication", "/shop/api"],
    ]  # fmt: skip
    served("group", "update", "/shop", str(group), "--wait")
    served("group", "scale", "/shop", "2", "--wait")
    assert len(served.running("/shop/api")) == len(served.running("/shop/db")) == 2
    served("group", "rm", "/shop", "--wait")
    assert "no apps" in served("app", "ls")


def test_what_does_not_fit(served: Marathon) -> None:
    """Its deployment goes on, and people are told why; it is taken back."""
    served("app", "add", "--id=/huge", "--cmd=sleep 1000", "--cpus=1000", "--mem=16")
    text = eventually(lambda: said if "cpus" in (said := served("why", "/huge")) else "", "an explanation")
    assert "1000" in text
    assert "InsufficientCpus" in eventually(
        lambda: said if "Insufficient" in (said := served("queue")) else "", "a reason")
    (deployment,) = served.get("/v2/deployments")
    assert f"deployment {deployment['id']} is in the way" in served("app", "scale", "/huge", "2", code=1)
    served("deployment", "cancel", deployment["id"], "--wait")
    assert "no apps" in served("app", "ls")


def test_events(served: Marathon) -> None:
    """One object of JSON a line."""
    following = subprocess.Popen(
        [*PROGRAM, "events", "deployment_success"], env=environment(MARATHON_URL=served.url), cwd="/", text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert following.stdout is not None
        number = 0
        while not select.select([following.stdout], [], [], 0.1)[0]:  # who has not attached yet hears nothing
            number += 1
            served("app", "add", f"--id=/e{number}", *SLEEP, "-n", "0", "--wait")
            served("app", "rm", f"/e{number}", "--wait")
        assert json.loads(following.stdout.readline())["eventType"] == "deployment_success"
    finally:
        following.kill()
        following.wait()
        following.stdout.close()  # type: ignore[union-attr]


def test_killed_in_the_middle_of_a_deployment(cluster: Cluster, tmp_path: Path) -> None:
    """It goes on where it was when it is started again; requests go on all the time, and not one of them fails."""
    with marathon(cluster, tmp_path, "--enable_features=task_killing") as served:
        restarts: list[asyncio.Future[None]] = []

        def restart() -> None:
            served.stop(signal.SIGKILL)
            served.start()

        def look(seen: rolling.Seen) -> None:
            # Before anybody of version 1 is told to end: none of them lingers for as long as a start may take.
            if not restarts and seen.by_version.get("2"):
                restarts.append(asyncio.get_running_loop().run_in_executor(None, restart))

        seen = asyncio.run(rolling.play(served.url, look, instances=2))
        assert restarts and restarts[0].result() is None
        assert seen.failures == []
        assert seen.answers["1"] and seen.answers["2"]
