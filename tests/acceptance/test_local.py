"""``mesos-py local``: one line says that it is ready, one signal ends all of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.acceptance.cluster import MARK, ROOT, environment, eventually, local_cluster, marked, new_mark, stop

STUBBORN = "trap '' TERM; sleep 1000 & (setsid sleep 1000 &); while :; do sleep 1; done"


def test_it_ends_with_everything_it_started() -> None:
    """1 a task ignores TERM and has children in other sessions; 2 SIGTERM ends cluster, tasks and supervisors."""
    mark = new_mark()
    with local_cluster("--agents=1") as cluster:
        (agent,) = json.loads(cluster.cli("agents", "--json").stdout)
        with urllib.request.urlopen(f"http://{agent['pid'].partition('@')[2]}/flags") as answer:
            work_dir = json.load(answer)["flags"]["work_dir"]
        run = cluster.start(
            sys.executable, "-m", "mesos_py", "run", f"--env={MARK}={mark}", f"--command=echo up; {STUBBORN}")
        assert run.stdout is not None
        assert run.stdout.readline() == "up\n"
        eventually(lambda: len(marked(mark)) >= 3, "its children run")
        stop(cluster.process, cluster.log)
        run.communicate(timeout=90)
        assert run.returncode != 0
        # What was killed may be shown until Linux has done away with it.
        eventually(lambda: not marked(mark), "no process of the task is left")
        eventually(
            lambda: not [one for one in psutil.process_iter(["cmdline"]) if work_dir in str(one.info)], "no supervisor"
        )


def test_its_temporary_directory_goes(tmp_path: Path) -> None:
    """Without --work_dir nothing is left on disk."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mesos_py", "local", "--port=0", "--agents=1"], cwd="/",
        env=environment(TMPDIR=str(tmp_path)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready http://127.0.0.1:")
    assert list(tmp_path.iterdir())
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=90)[0] == ""
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_the_log_can_be_read_through_the_files_api(tmp_path: Path) -> None:
    """--log_dir keeps a copy, which master and agents show."""
    with local_cluster("--agents=1", f"--log_dir={tmp_path}") as cluster:
        (agent,) = json.loads(cluster.cli("agents", "--json").stdout)
        for address, name in ((cluster.address, "master"), (agent["pid"].partition("@")[2], "slave")):
            with urllib.request.urlopen(f"http://{address}/files/read?path=/{name}/log&offset=0") as answer:
                assert "master started" in json.load(answer)["data"]


def test_a_port_that_is_taken() -> None:
    """It says so in one line."""
    with local_cluster("--agents=0") as cluster:
        second = cluster.cli("local", "--agents=0", f"--port={cluster.address.rpartition(':')[2]}")
    assert second.returncode == 1
    assert second.stdout == ""
    assert "cannot start" in second.stderr
    assert "Traceback" not in second.stderr


def test_master_and_agent_as_programs_of_their_own(tmp_path: Path) -> None:
    """The parts find each other, and the log can be JSON."""
    programs: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", "mesos_py", *arguments, "--port=0", "--json-logs"], cwd="/", env=environment(),
            stdout=subprocess.PIPE, stderr=(tmp_path / f"{len(programs)}.log").open("w"), text=True,
        )
        programs.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip().removeprefix("ready http://")

    try:
        master = start("master", f"--work_dir={tmp_path}/master")
        start("agent", f"--master={master}", f"--work_dir={tmp_path}/a1", f"--runtime_dir={tmp_path}/a1/run",
              "--resources=cpus:1;mem:128;disk:128", "--attributes=rack:r1")

        def registered() -> bool:
            with urllib.request.urlopen(f"http://{master}/slaves") as answer:
                return b'"rack":"r1"' in answer.read()

        eventually(registered, "the agent is registered")
    finally:
        for process in reversed(programs):
            process.terminate()
            process.communicate(timeout=90)
    assert [process.returncode for process in programs] == [0, 0]
    for number in range(2):
        lines = (tmp_path / f"{number}.log").read_text().splitlines()
        assert lines
        assert all(line.startswith("{") for line in lines)


@pytest.mark.parametrize("program", ["local", "master", "agent", "run"])
def test_help_is_there_without_a_cluster(program: str) -> None:
    """--help explains every flag and exits 0."""
    done = subprocess.run(
        [sys.executable, "-m", "mesos_py", program, "--help"], cwd="/", env=environment(), capture_output=True,
        text=True, check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: mesos-py {program}")


def test_the_demo() -> None:
    """make demo's program ends well, and every agent ran something."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py")], env=environment(), capture_output=True, text=True,
        timeout=200, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "What ran where" in done.stdout
    assert "alarm      skipped" in done.stdout and "clean      succeeded" in done.stdout
    assert "by version 2; 0 failed" in done.stdout  # requests to a web app that was updated meanwhile
