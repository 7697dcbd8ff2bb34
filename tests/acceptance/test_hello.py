"""``examples/hello.py`` against real masters and agents, killed and started again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.acceptance.cluster import ROOT, Cluster, environment

HELLO = str(ROOT / "examples" / "hello.py")


def start(cluster: Cluster, state: Path) -> subprocess.Popen[str]:
    more = {"MESOS_MASTER": cluster.address, "XDG_STATE_HOME": str(state)}
    return subprocess.Popen(
        [sys.executable, HELLO], env=environment(**more), cwd="/", text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_hello(cluster: Cluster, tmp_path: Path) -> None:
    """Five tasks run to their end, and nothing is left: neither output on stderr nor a framework."""
    stdout, stderr = start(cluster, tmp_path).communicate(timeout=90)
    assert stderr == ""
    assert stdout.count("TASK_FINISHED") == 5
    assert "hello" not in cluster.cli("frameworks").stdout


def test_hello_is_short() -> None:
    """It stays something that can be read at a glance."""
    assert len(Path(HELLO).read_text(encoding="utf-8").splitlines()) <= 30


def test_killed_and_started_again(cluster: Cluster, tmp_path: Path) -> None:
    """It goes on as the same framework, with the tasks it has, and launches none of them twice (F17)."""
    first = start(cluster, tmp_path)
    assert first.stdout is not None
    said = [first.stdout.readline()]
    first.kill()
    said += first.communicate(timeout=90)[0].splitlines()
    stdout, stderr = start(cluster, tmp_path).communicate(timeout=90)
    assert stderr == ""
    tasks = {line.split()[0] for line in (*said, *stdout.splitlines()) if line.strip()}
    assert len(tasks) == 5
