"""The examples work as they are told to be used."""

from __future__ import annotations

import sys

from tests.acceptance.cluster import ROOT, Cluster

SCHEDULER = str(ROOT / "examples" / "http_scheduler.py")
EXECUTOR = str(ROOT / "examples" / "http_executor.py")


def run(cluster: Cluster, *arguments: str) -> tuple[int, str]:
    process = cluster.start(sys.executable, SCHEDULER, f"--master={cluster.address}", *arguments)
    stdout, stderr = process.communicate(timeout=120)
    assert stderr == ""
    return process.returncode, stdout


def test_command_tasks(cluster: Cluster) -> None:
    """More tasks than fit at once run one after the other."""
    code, output = run(cluster, "--tasks=30", "--cpus=1", "--command=sleep 0.1")
    assert code == 0, output
    assert output.count("TASK_FINISHED") == 30


def test_a_command_that_fails(cluster: Cluster) -> None:
    """The example's exit status says so."""
    code, output = run(cluster, "--tasks=1", "--command=exit 7")
    assert code == 1
    assert "Command exited with status 7" in output


def test_its_own_executor(cluster: Cluster) -> None:
    """Tasks are data for an executor that runs them itself."""
    code, output = run(cluster, "--tasks=10", f"--executor={EXECUTOR}", "--command=echo $MESOS_EXECUTOR_ID")
    assert code == 0, output
    assert output.count("TASK_FINISHED exited with status 0") == 10


def test_a_graph_of_jobs(cluster: Cluster) -> None:
    """In its order, and nothing is left of its framework."""
    process = cluster.start(sys.executable, str(ROOT / "examples" / "graph.py"))
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (0, "")
    ended = [line.split()[0] for line in stdout.splitlines() if line.split()[1] in ("succeeded", "skipped")]
    assert ended.index("prepare") < ended.index("square") < ended.index("pair") < ended.index("clean")
    assert "graph" not in cluster.cli("frameworks").stdout
