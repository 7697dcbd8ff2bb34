"""``mesos-py run`` behaves as the command it runs; the other commands show and end it."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.acceptance.cluster import MARK, Cluster, eventually, marked, new_mark

RUN = (sys.executable, "-m", "mesos_py", "run")


@pytest.mark.parametrize(
    ("command", "code", "stdout", "stderr"),
    [
        (("--", "true"), 0, "", ""),
        (("--", "sh", "-c", "echo out; echo err >&2; exit 3"), 3, "out\n", "err\n"),
        (("--command=echo $A-$B", "--env=A=1", "--env", "B=x=y"), 0, "1-x=y\n", ""),
        (("--", "printf", "%s|", "a b", "$HOME", "-x"), 0, "a b|$HOME|-x|", ""),
        (("--command=kill -9 $$",), 137, "", ""),
        (("--command=head -c 300000 /dev/zero | tr '\\0' x",), 0, "x" * 300_000, ""),
    ],
    ids=["true", "status", "env", "argv", "signal", "long-output"],
)
def test_output_and_status(cluster: Cluster, command: tuple[str, ...], code: int, stdout: str, stderr: str) -> None:
    """Output arrives whole and in the right stream; the exit status is the command's."""
    done = cluster.cli("run", *command)
    assert (done.returncode, done.stdout, done.stderr) == (code, stdout, stderr)


def test_a_program_that_is_not_there(cluster: Cluster) -> None:
    """The task fails, and it is said why."""
    done = cluster.cli("run", "--", "/no/such/program")
    assert done.returncode not in (0, 2)
    assert done.stderr


def test_a_file_to_fetch(cluster: Cluster, tmp_path: Path) -> None:
    """--uri brings a file into the sandbox before the command starts."""
    (tmp_path / "data.txt").write_text("fetched\n")
    done = cluster.cli("run", f"--uri={tmp_path}/data.txt", "--command=cat data.txt")
    assert (done.returncode, done.stdout) == (0, "fetched\n"), done.stderr


def test_nothing_fits(cluster: Cluster) -> None:
    """Waiting has an end if the user says so, and is exit 125: the command was not run."""
    done = cluster.cli("run", "--resources=cpus:1000", "--offer_wait=100ms", "--", "true")
    assert done.returncode == 125
    assert "cpus:1000" in done.stderr


def test_interrupting_kills_the_task(cluster: Cluster) -> None:
    """Ctrl-C ends the task with everything it started, then us."""
    mark = new_mark()
    process = cluster.start(*RUN, f"--env={MARK}={mark}", "--command=echo up; sleep 1000 & sleep 1000")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    assert marked(mark)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=90)
    assert process.returncode in (128 + signal.SIGTERM, 128 + signal.SIGKILL), stderr
    eventually(lambda: not marked(mark), "nothing of the task is left")


def test_output_is_live_and_others_can_see_and_kill(cluster: Cluster) -> None:
    """1 output comes while the task runs; 2 ps, logs and agents show it; 3 kill ends it through its owner."""
    process = cluster.start(*RUN, "--name=visible", "--command=echo first; sleep 1000")
    assert process.stdout is not None
    assert process.stdout.readline() == "first\n"

    assert "visible" in cluster.cli("ps").stdout
    def states() -> list[str]:
        return [task["state"] for task in json.loads(cluster.cli("ps", "--json").stdout) if task["name"] == "visible"]

    eventually(lambda: states() == ["TASK_RUNNING"], "the master has heard that it runs")
    assert cluster.cli("logs", "visible").stdout == "first\n"
    assert "stdout" in cluster.cli("logs", "--list", "visible").stdout
    assert len(cluster.cli("agents").stdout.splitlines()) == 3
    assert "mesos-py run visible" in cluster.cli("frameworks").stdout

    wrong = cluster.cli("kill", "visable")
    assert wrong.returncode == 1
    assert "did you mean visible" in wrong.stderr

    killed = cluster.cli("kill", "visible")
    assert killed.returncode == 0, killed.stderr
    assert process.wait(90) == 128 + signal.SIGTERM
    assert "visible" not in cluster.cli("ps").stdout
    assert "visible" in cluster.cli("ps", "--all").stdout


def test_a_task_that_becomes_unhealthy(cluster: Cluster, tmp_path: Path) -> None:
    """1 ps says that it is healthy; 2 it is not any more and is killed; 3 we end as it did, and say why."""
    good = tmp_path / "good"
    good.touch()
    check = {
        "type": "COMMAND", "command": {"value": f"test -e {good}"}, "delay_seconds": 0.0, "interval_seconds": 0.1,
        "consecutive_failures": 2,
    }  # fmt: skip
    process = cluster.start(*RUN, "--name=sick", f"--health_check={json.dumps(check)}", "--command=exec sleep 1000")

    def rows(*flags: str) -> list[list[str]]:
        return [row.split()[:4] for row in cluster.cli("ps", *flags).stdout.splitlines() if row.startswith("sick")]

    eventually(lambda: rows() == [["sick", "sick", "running", "healthy"]], "ps says that it is healthy")
    good.unlink()
    _, stderr = process.communicate(timeout=90)
    assert process.returncode == 128 + signal.SIGTERM
    assert "'sick' was not healthy" in stderr
    assert rows("--all") == [["sick", "sick", "killed", "unhealthy"]]


def test_a_container_that_no_agent_has(cluster: Cluster) -> None:
    """What it is to run in is asked for as JSON; why it cannot be is said."""
    container = json.dumps({"type": "MESOS", "network_infos": [{"name": "nowhere"}]})
    process = cluster.start(*RUN, f"--container={container}", "--command=true")
    _, stderr = process.communicate(timeout=90)
    assert process.returncode == 125
    assert "Unknown CNI network 'nowhere'" in stderr


def test_following_logs(cluster: Cluster, tmp_path: Path) -> None:
    """logs -f prints what comes until the task ends."""
    go = tmp_path / "go"
    command = f"echo 1; until [ -e {go} ]; do sleep 0.05; done; echo 2; sleep 0.3; echo 3"
    process = cluster.start(*RUN, "--name=ticks", f"--command={command}")
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    following = cluster.start(sys.executable, "-m", "mesos_py", "logs", "-f", "ticks")
    assert following.stdout is not None
    assert following.stdout.readline() == "1\n"
    go.touch()
    assert following.communicate(timeout=90) == ("2\n3\n", "")
    assert process.communicate(timeout=90) == ("2\n3\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("run",), 2, "say what to run"),
        (("run", "true"), 2, "mesos-py run -- true"),
        (("run", "--env=A", "--", "true"), 2, "expecting NAME=VALUE"),
        (("run", "--resources=cpus", "--", "true"), 2, "--resources"),
        (("run", "--check={", "--", "true"), 2, "check"),
        (("run", '--check={"type":"COMMAND"}', "--", "true"), 125, "Expecting 'command' to be set for COMMAND check"),
        (("rum",), 2, "did you mean 'run'"),
        (("ps", "--maser=x"), 2, "did you mean --master?"),
        (("logs",), 2, "say which task"),
        (("logs", "nothing-like-it"), 1, "no task 'nothing-like-it'"),
        (("kill", "nothing-like-it"), 1, "no task 'nothing-like-it'"),
        (("call", "GET_AGENT"), 2, "GET_AGENTS"),
        (("call", "GET_AGENTS", "{"), 2, "not JSON"),
        (("call", "TEARDOWN", '{"framework_id": {"value": "x"}}'), 1, "No framework found with specified ID"),
        (("call", "READ_FILE"), 1, "Expecting 'read_file' to be present"),
        (("ps", "--master=127.0.0.1:1"), 69, "cannot reach the master at http://127.0.0.1:1"),
        (("run", "--master=127.0.0.1:1", "--", "true"), 69, "cannot reach the master"),
    ],
)
def test_mistakes_are_explained(cluster: Cluster, arguments: tuple[str, ...], code: int, text: str) -> None:
    """The exit code says whose mistake it was, the text what to do."""
    done = cluster.cli(*arguments)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_any_call(cluster: Cluster) -> None:
    """Calls go to the master, or to an agent by its id or address; bodies come from anywhere."""
    agents = json.loads(cluster.cli("call", "get-agents").stdout)["get_agents"]["agents"]
    assert len(agents) == 2
    agent = agents[0]["agent_info"]["id"]["value"]
    answer = json.loads(cluster.cli("call", f"--agent={agent}", "get-agent", "--json").stdout)
    assert answer["get_agent"]["agent_info"]["id"]["value"] == agent
    body = '{"get_metrics": {}, "type": "GET_METRICS"}'
    assert "get_metrics" in json.loads(cluster.cli("call", "get-metrics", "-", input=body).stdout)
    assert "GET_AGENTS" in cluster.cli("call").stdout.splitlines()


def test_watching_the_event_stream(cluster: Cluster) -> None:
    """call SUBSCRIBE prints one event a line as they come."""
    watcher = cluster.start(sys.executable, "-m", "mesos_py", "call", "subscribe")
    assert watcher.stdout is not None
    assert json.loads(watcher.stdout.readline())["type"] == "SUBSCRIBED"
    assert cluster.cli("run", "--name=watched", "--", "true").returncode == 0
    seen: list[str] = []
    while "FRAMEWORK_REMOVED" not in seen:
        seen.append(json.loads(watcher.stdout.readline())["type"])
    watcher.terminate()
    watcher.communicate()
    assert {"FRAMEWORK_ADDED", "TASK_ADDED", "TASK_UPDATED", "FRAMEWORK_REMOVED"} <= set(seen)
