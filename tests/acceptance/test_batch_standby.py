"""Several ``mesos-batch serve`` on one store in a real ZooKeeper: one serves, the next one takes over."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.cluster import Cluster, environment, eventually
from tests.acceptance.test_batch import PROGRAM, SMALL, Framework
from tests.coordination.conftest import address, zookeeper  # noqa: F401 - fixtures
from tests.coordination.ensemble import Ensemble

pytestmark = [pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]


def test_the_next_one_takes_over(cluster: Cluster, zookeeper: Ensemble, tmp_path: Path) -> None:  # noqa: F811
    """The standby sends whoever asks it to the first one, until that is killed; then it has its jobs, and runs none of
    them again."""
    marks, go = tmp_path / "marks", tmp_path / "go"
    first, standby = (Framework(cluster, tmp_path / "unused") for _ in range(2))
    store = f"--store=zk://{zookeeper.hosts}/test/batch"
    first.start(store)
    try:
        first.until_leading()
        first("array", "1-10%5", "--name=a", *SMALL,
              f"--command=echo $TASK_INDEX >> {marks}; until [ -e {go} ]; do sleep 0.1; done")
        eventually(marks.exists, "the first task")
        standby.start(store)
        eventually(lambda: standby.leader() == (first.address, False), "the first one's election")
        assert [job["name"] for job in json.loads(standby("ps", "--json"))] == ["a"]
        standby("submit", "--name=b", *SMALL, "--", "true")
        first.stop(signal.SIGKILL)
        standby.until_leading()
        go.touch()
        standby.address = f"{first.address},{standby.address}"  # whoever listens is asked
        assert sorted(standby("wait", "a", "b").splitlines()) == ["a succeeded", "b succeeded"]
    finally:
        for one in (first, standby):
            one.stop()
    assert sorted(map(int, marks.read_text().split())) == list(range(1, 11))


def test_a_standby_can_be_stopped(cluster: Cluster, zookeeper: Ensemble, tmp_path: Path) -> None:  # noqa: F811
    """While it waits to be elected, without ever having served."""
    first = Framework(cluster, tmp_path / "unused")
    store = f"--store=zk://{zookeeper.hosts}/test/batch-stopped"
    first.start(store)
    try:
        waiting = subprocess.Popen(
            [*PROGRAM, "serve", f"--master={cluster.address}", "--port=0", store], env=environment(), cwd="/",
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert waiting.stdout is not None
        assert waiting.stdout.readline().startswith("ready http://")
        waiting.send_signal(signal.SIGTERM)
        said, _ = waiting.communicate(timeout=90)
        assert (waiting.returncode, said) == (0, "")
    finally:
        first.stop()
