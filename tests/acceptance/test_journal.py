"""Journals of real programs: killed at any moment, a master is made again as it last was."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cluster import Cluster, announced, environment, eventually, stop


@contextlib.contextmanager
def program(tmp_path: Path, *arguments: str) -> Iterator[tuple[Cluster, subprocess.Popen[bytes]]]:
    """``mesos-py ARGUMENTS`` until it ends by itself or is told to."""
    log = tmp_path / f"{arguments[0]}.log"
    with log.open("wb") as log_file:
        process = subprocess.Popen(
            [sys.executable, "-m", "mesos_py", *arguments], env=environment(), cwd="/", stdout=subprocess.PIPE,
            stderr=log_file,
        )  # fmt: skip
    try:
        address = announced(process, log)["ready"].removeprefix("http://")
        yield Cluster(address=address, process=process, log=log), process
        if process.poll() is None:
            stop(process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def state(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{address}/state", timeout=60) as answer:
        shown: dict[str, Any] = json.load(answer)
        return shown


def replayed(cluster: Cluster, directory: Path, *arguments: str) -> dict[str, Any]:
    done = cluster.cli("replay", str(directory), *arguments)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def timeless(shown: dict[str, Any]) -> dict[str, Any]:
    """Without the one thing that the core does not know to the nanosecond."""
    return {name: value for name, value in shown.items() if name != "elected_time"}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_a_master_that_was_killed_is_shown_as_it_was(tmp_path: Path, journal: Path) -> None:
    """Tasks that ran and one that runs, offers, frameworks; then kill -9."""
    with program(tmp_path, "master", "--port=0", f"--journal={journal / 'master'}") as (master, process):
        agent_flags = (
            f"--master={master.address}", f"--work_dir={tmp_path / 'agent'}", f"--runtime_dir={tmp_path / 'run'}",
            "--resources=cpus:4;mem:1024",
        )  # fmt: skip
        with program(tmp_path, "agent", "--port=0", f"--journal={journal / 'agent'}", *agent_flags) as (agent, _):
            for code in (0, 3):
                assert master.cli("run", "--", "sh", "-c", f"exit {code}").returncode == code
            running = master.start(sys.executable, "-m", "mesos_py", "run", "--command=sleep 1000")
            eventually(lambda: _running(state(master.address)), "a task runs")
            # What is shown rests on events that are on their way to the disk.
            last = eventually(lambda: _shown_by_both(master, journal / "master"), "the journal has come so far")
            process.kill()
            process.wait()
            assert timeless(replayed(master, journal / "master")) == last
            shown = replayed(master, journal / "master", "--until=1")
            assert (shown["frameworks"], shown["activated_slaves"]) == ([], 0)
            tasks = replayed(master, journal / "master", "--path=/tasks")["tasks"]
            assert sorted(task["state"] for task in tasks) == ["TASK_FAILED", "TASK_FINISHED", "TASK_RUNNING"]
            eventually(
                lambda: replayed(agent, journal / "agent")["frameworks"] == state(agent.address)["frameworks"],
                "the agent's journal shows what the agent shows",
            )
            running.kill()
            running.communicate()
        for name in ("master", "agent"):
            done = master.cli("replay", str(journal / name), "--check")
            assert done.returncode == 0, done.stderr
            assert done.stderr.endswith("all as recorded\n")


def _running(shown: dict[str, Any]) -> bool:
    return any(task["state"] == "TASK_RUNNING" for one in shown["frameworks"] for task in one["tasks"])


def _shown_by_both(master: Cluster, journal: Path) -> dict[str, Any] | None:
    """The same, made from the journal and asked of the master."""
    shown = timeless(state(master.address))
    return shown if timeless(replayed(master, journal)) == shown else None


def test_a_local_cluster_has_a_journal_for_each_part(tmp_path: Path, journal: Path) -> None:
    with program(tmp_path, "local", "--port=0", "--agents=1", f"--journal={journal}") as (cluster, _):
        assert cluster.cli("run", "--", "true").returncode == 0
    assert sorted(path.name for path in journal.iterdir()) == ["agent-1", "master"]
    done = cluster.cli("replay", str(journal))
    assert done.returncode == 2
    assert "there are journals of several programs; say which:" in done.stderr
    done = cluster.cli("replay", str(journal), "--list")
    assert [line.split()[0].partition("-")[0] for line in done.stdout.splitlines()] == ["RUN", "master", "agent"]
    (framework,) = replayed(cluster, journal / "master")["completed_frameworks"]
    (task,) = framework["completed_tasks"]
    assert task["state"] == "TASK_FINISHED"
    _story_of(cluster, journal, task["id"])


def _story_of(cluster: Cluster, journal: Path, task_id: str) -> None:
    """From the call that launched it to the acknowledgement of its end, by way of the agent; for programs, too."""
    done = cluster.cli("story", task_id, f"--journal={journal / 'master'}", f"--journal={journal / 'agent-1'}")
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert "ACCEPT" in first
    assert "because of master #" in done.stdout
    assert "the containerizer: launch container" in done.stdout
    told = json.loads(cluster.cli("story", task_id, f"--journal={journal}", "--json").stdout)
    kinds = [entry["kind"] for entry in told]
    rest = iter(kinds)
    wanted = ("ACCEPT", "RunTask", "ContainerLaunched", "StatusUpdate", "ACKNOWLEDGE", "AcknowledgeUpdate")
    assert all(kind in rest for kind in wanted), kinds
    assert "ContainerExited" in kinds
    assert {entry["process"] for entry in told} == {"master", "agent-1"}
    assert [entry["at_ns"] for entry in told] == sorted(entry["at_ns"] for entry in told)
    done = cluster.cli("story", "no-such-task", f"--journal={journal}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "has to do with no-such-task" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("replay",), 2, "expecting one directory"),
        (("replay", "/no/such/directory"), 1, "/no/such/directory is no directory"),
        (("replay", str(Path(__file__).parent)), 1, "there is no journal in"),
        (("replay", "/", "--until=yesterday"), 2, "--until: expecting the number of an event, or a time"),
        (("story",), 2, "say of what: mesos-py story TASK"),
        (("story", "task-7"), 2, "say where journals are: --journal=DIR, or MESOS_JOURNAL"),
        (("story", "task-7", "--journal=/no/such/directory"), 1, "/no/such/directory is no directory"),
    ],
)
def test_what_cannot_be_told(tmp_path: Path, arguments: tuple[str, ...], code: int, text: str) -> None:
    """A sentence, and nothing on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "mesos_py", *arguments], env=environment(), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
