"""The unmodified client pymesos 0.3.15 completes its work, with plain command tasks and with its own executor."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cluster import Cluster, environment
from tests.acceptance.pymesos_venv import pymesos_python

pytestmark = pytest.mark.pymesos
PROGRAM = str(Path(__file__).with_name("pymesos_scheduler.py"))


def run(cluster: Cluster, mode: str) -> Any:
    """What the scheduler printed last."""
    done = subprocess.run(
        [pymesos_python(), PROGRAM, mode, cluster.address], env=environment(PYTHONPATH=""), capture_output=True,
        text=True, timeout=150, check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_command_tasks(cluster: Cluster) -> None:
    """Every task runs and ends as its command does; kill and reconciliation need no agent id."""
    found = run(cluster, "commands")
    assert found["errors"] == []
    assert found["finished"], found
    ends = {name: seen[-1] for name, seen in found["seen"].items()}
    expected = {f"task-{n}": "TASK_FINISHED" for n in range(8)}
    assert ends == expected | {"fails": "TASK_FAILED", "argv": "TASK_FINISHED", "killed": "TASK_KILLED"}
    assert all("TASK_RUNNING" in seen for seen in found["seen"].values())
    assert "exited with status 3" in found["messages"]["fails"]
    assert ["killed", "TASK_RUNNING"] in found["reconciled"] or ["killed", "TASK_KILLING"] in found["reconciled"]
    assert [entry[0] for entry in found["registrations"]] == ["registered"]
    assert all(part.isdigit() for part in found["registrations"][0][2].split("."))


def test_its_own_executor(cluster: Cluster) -> None:
    """Tasks run in pymesos' executor, data and messages pass unchanged both ways."""
    found = run(cluster, "executor")
    assert found["errors"] == []
    assert found["finished"], found
    ends = {name: seen[-1] for name, seen in found["seen"].items()}
    expected = {f"task-{n}": "TASK_FINISHED" for n in range(8)}
    assert ends == expected | {"fails": "TASK_FAILED", "killed": "TASK_KILLED"}
    assert [found["messages"][f"task-{n}"] for n in range(8)] == [f"data-{n}" for n in range(8)]
    assert found["executor_messages"] == sorted(name.upper() for name in found["seen"])


def test_its_operator_calls(cluster: Cluster) -> None:
    """What pymesos asks of the operator API, at the path it asks it at."""
    found = run(cluster, "operator")
    assert found["health"]["get_health"] == {"healthy": True}
    assert len(found["agents"]["get_agents"]["agents"]) == 2
    assert found["version"]["get_version"]["version_info"]["version"].replace(".", "").isdigit()
    assert found["master"]["get_master"]["master_info"]["port"] == int(cluster.address.rpartition(":")[2])
    assert {"get_tasks", "get_executors", "get_frameworks", "get_agents"} <= set(found["state"]["get_state"])
    assert {"role": "pymesos", "weight": 2.5} in found["weights"]["get_weights"]["weight_infos"]
    (config,) = found["quota"]["get_quota"]["status"]["configs"]
    assert config["limits"] == config["guarantees"] == {"cpus": {"value": 0.5}, "mem": {"value": 32.0}}
    assert found["no_quota"]["get_quota"]["status"] == {}
