"""Clusters and agents that are killed and started again under a task: it runs on, and whoever waits for it gets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.acceptance.cluster import (
    MARK,
    environment,
    eventually,
    local_cluster,
    marked,
    new_mark,
)
from tests.acceptance.test_stories import KEEPER


def test_a_cluster_with_a_directory(tmp_path: Path) -> None:
    """1 a task runs; 2 kill -9 of all of it; 3 agents are the same, the task is known; 4 Ctrl-C leaves it running."""
    mark, flags = new_mark(), ("--agents=2", f"--work_dir={tmp_path}/w")
    with local_cluster(*flags) as cluster:
        keeper = cluster.start(sys.executable, KEEPER, cluster.address, f"{MARK}={mark} sleep 1000")
        assert keeper.stdout is not None
        eventually(lambda: "TASK_RUNNING" in keeper.stdout.readline(), "it runs")  # type: ignore[union-attr]
        agents = places(cluster.cli("agents", "--json").stdout)
        cluster.process.kill()
        cluster.process.wait()
        keeper.kill()
        keeper.communicate()
        eventually(lambda: marked(mark), "the task runs on")
        cluster.process.returncode = 0  # as intended
    with local_cluster(*flags) as cluster:
        assert places(cluster.cli("agents", "--json").stdout) == agents
        (task,) = json.loads(cluster.cli("ps", "--json").stdout)
        assert task["state"] == "TASK_RUNNING"
        cluster.process.send_signal(signal.SIGINT)
        assert cluster.process.wait(90) == 0
        assert f"1 task is left running; --work_dir={tmp_path}/w finds them again" in cluster.log.read_text()
    assert marked(mark)
    with local_cluster(*flags) as cluster:
        assert cluster.cli("kill", "--teardown", task["task_id"]["value"]).returncode == 0
        eventually(lambda: not marked(mark), "it is gone")


def places(answer: str) -> dict[str, str]:
    """Id and address of every agent."""
    return {agent["agent_info"]["id"]["value"]: agent["pid"] for agent in json.loads(answer)}


def test_run_waits_for_an_agent_that_comes_back(tmp_path: Path) -> None:
    """1 an agent is killed under `mesos-py run`; 2 the next one goes on; 3 output and exit code are as ever."""
    programs: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", "mesos_py", *arguments], cwd="/", env=environment(),
            stdout=subprocess.PIPE, stderr=(tmp_path / f"{len(programs)}.log").open("w"), text=True,
        )  # fmt: skip
        programs.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip().removeprefix("ready http://")

    try:
        master = start("master", "--port=0", f"--work_dir={tmp_path}/master")
        agent = (
            "agent", f"--master={master}", f"--work_dir={tmp_path}/a", f"--runtime_dir={tmp_path}/r", "--port=0",
            "--resources=cpus:1;mem:128;disk:128", "--registration_backoff_factor=10ms",
        )  # fmt: skip
        start(*agent)
        run = subprocess.Popen(
            [sys.executable, "-m", "mesos_py", "run",
             f"--command=echo one; until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo two; exit 3"],
            env=environment(MESOS_MASTER=master), cwd="/", stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        programs.append(run)
        assert run.stdout is not None
        assert run.stdout.readline() == "one\n"
        os.kill(programs[1].pid, signal.SIGKILL)
        programs[1].wait()
        (tmp_path / "go").touch()
        start(*agent)
        assert run.communicate(timeout=90)[0] == "two\n"
        assert run.returncode == 3
    finally:
        for process in reversed(programs):
            process.terminate()
            process.communicate(timeout=90)
