"""``mesos-batch`` as people use it, over a real cluster: jobs, logs, a framework that is killed and started again."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cluster import Cluster, environment, eventually

PROGRAM = (sys.executable, "-m", "frameworks.batch.shell.cli")
SMALL = ("--cpus=0.1", "--mem=16")


class Framework:
    """One that runs, and a shell beside it."""

    def __init__(self, cluster: Cluster, store: Path) -> None:
        self.cluster, self.store = cluster, store
        self.address = ""

    def start(self, store: str = "") -> None:
        store = store or f"--store=sqlite:{self.store}"
        arguments = (f"--master={self.cluster.address}", "--port=0", store, "--logging_level=WARNING")
        self.be(
            subprocess.Popen(
                [*PROGRAM, "serve", *arguments], env=environment(), cwd="/", text=True, stdout=subprocess.PIPE
            )
        )

    def be(self, process: subprocess.Popen[str]) -> None:
        """That one, once it answers."""
        self.process = process
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready http://"), line
        self.address = line.removeprefix("ready http://").strip()

    def leader(self) -> tuple[str | None, bool]:
        """Who leads, as it says, and whether that is itself."""
        with urllib.request.urlopen(f"http://{self.address}/v1/leader", timeout=60) as answer:
            said = json.load(answer)
        return said["leader"], said["leading"]

    def until_leading(self) -> None:
        eventually(lambda: self.leader() == (self.address, True), "it leads, which it does some time after it listens")

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What it prints."""
        done = subprocess.run(
            [*PROGRAM, *arguments], cwd="/", capture_output=True, text=True, timeout=90, check=False,
            env=environment(MESOS_BATCH=self.address, MESOS_MASTER=self.cluster.address),
        )  # fmt: skip
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout or done.stderr

    def stop(self, signum: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signum)
        self.process.wait(90)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextlib.contextmanager
def framework(cluster: Cluster, folder: Path) -> Iterator[Framework]:
    made = Framework(cluster, folder / "batch.store")
    made.start()
    try:
        made.until_leading()
        yield made
    finally:
        made.stop()


def test_jobs_from_a_shell(cluster: Cluster, tmp_path: Path) -> None:
    """Submitted, waited for, looked at, read; exit codes say how it went."""
    with framework(cluster, tmp_path) as batch:
        batch("submit", "--name=no", *SMALL, "--wait", "--", "sh", "-c", "echo out; exit 3", code=1)
        job = json.loads(batch("show", "no", "--json"))
        attempt = job["attempts"][0]["attempts"][0]
        assert (job["state"], attempt["exit_code"]) == ("failed", 3)
        assert 0 < attempt["cpu_seconds"] < 5  # of a shell
        assert batch("logs", "no") == "out\n"
        batch("array", "2-8:2", "--name=four", *SMALL, "--wait", "--command=echo i=$TASK_INDEX")
        assert batch("logs", "four", "--index=6") == "i=6\n"
        graph = tmp_path / "graph.json"
        base = {"resources": {"cpus": 0.1, "mem": 16}}
        graph.write_text(json.dumps({"jobs": [
            {"name": "make", "command": "exit 7", **base},
            {"name": "ship", "command": "true", "depends": [{"job": "make"}], **base},
            {"name": "tell", "command": "true", "depends": [{"job": "make", "on": "failure"}], **base},
        ]}))  # fmt: skip
        batch("dag", str(graph), "--wait", code=1)
        states = {job["name"]: job["state"] for job in json.loads(batch("ps", "-a", "--json"))}
        assert states == {"no": "failed", "four": "succeeded", "make": "failed", "ship": "skipped", "tell": "succeeded"}
        assert "already" in batch("submit", "--name=no", "--", "true", code=1)
        assert "cpus: 1000 wanted" in batch("submit", "--name=huge", "--cpus=1000", "--", "true", code=1)
        batch("submit", "--name=huge", "--cpus=1000", "--wait_for_hosts", "--", "true")
        assert "cpus: 1000 wanted" in eventually(
            lambda: text if "nearest" in (text := batch("why", "huge")) else "", "an explanation"
        )
        batch("cancel", "huge")
        batch("cron", "--name=tick", "R2//PT1S", *SMALL, "--", "true")
        eventually(lambda: "tick" in (text := batch("schedules")) and " 2 " in text, "two runs")


def test_a_client_of_chronos(cluster: Cluster, tmp_path: Path) -> None:
    """chronos-python, unmodified: a job and its child are made, run, looked at and removed."""
    chronos = pytest.importorskip("chronos", reason="chronos-python is not installed")
    with framework(cluster, tmp_path) as batch:
        client = chronos.connect(batch.address)
        common = {"owner": "", "disabled": False, "cpus": 0.1, "mem": 16, "disk": 1}
        client.add({"name": "root", "command": "true", "schedule": "R/2100-01-01T00:00:00Z/P1D", **common})
        client.add({"name": "child", "command": "true", "parents": ["root"], **common})
        with pytest.raises(chronos.ChronosAPIError):
            client.add({"name": "x", "command": "true", "schedule": "daily", **common})
        assert [job["name"] for job in client.list()] == ["root", "child"]
        assert [job["name"] for job in client.search(name="CHI")] == ["child"]
        client.run("root")
        eventually(lambda: client.job_stat("child")["taskStatHistory"], "the child's run", 60)
        assert client.job_stat("root")["taskStatHistory"][0]["status"] == "Success"
        assert {one["jobNameLabel"] for one in client.scheduler_stat_99th()} == {"root", "child"}
        assert "link,root,child" in client.scheduler_graph()
        assert client.metrics()["gauges"]["batch.schedules"]["value"] == 1
        client.update({"name": "root", "command": "false", "schedule": "R/2100-01-01T00:00:00Z/P1D", **common})
        assert client.search(command="false")[0]["name"] == "root"
        client.delete_tasks("root")
        for name in ("child", "root"):
            client.delete(name)
        assert client.list() == []


def test_killed_and_started_again(cluster: Cluster, tmp_path: Path) -> None:
    """It is the same framework, its jobs go on, and none of their tasks is run twice."""
    marks = tmp_path / "marks"
    with framework(cluster, tmp_path) as batch:
        command = f"echo $TASK_INDEX >> {marks}; sleep 1"
        batch("array", "1-12%6", "--name=a", *SMALL, f"--command={command}")
        eventually(marks.exists, "the first task")
        batch.stop(signal.SIGKILL)
        batch.start()
        batch.until_leading()
        assert batch("wait", "a") == "a succeeded\n"
    assert sorted(map(int, marks.read_text().split())) == list(range(1, 13))
