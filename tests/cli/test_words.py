"""What commands make of what masters say: exit codes, amounts, addresses, sandboxes."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.cli import cluster
from mesos_py.cli.client import address_of, unknown
from mesos_py.cli.command import EXIT_NOT_RUN, CommandFailed
from mesos_py.cli.render import age_text, amount_text, amounts, used_text
from mesos_py.cli.run import exit_code
from tests.golden import golden_dir


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"state": "TASK_FINISHED", "message": "Command exited with status 0"}, 0),
        ({"state": "TASK_FAILED", "message": "Command exited with status 3"}, 3),
        ({"state": "TASK_FAILED", "message": "Command terminated with signal Killed"}, 137),
        ({"state": "TASK_FAILED", "message": "Command terminated with signal Segmentation fault (core dumped)"}, 139),
        ({"state": "TASK_KILLED", "message": "Command terminated with signal Terminated"}, 143),
        ({"state": "TASK_KILLED", "message": "Command exited with status 0"}, 0),
        ({"state": "TASK_KILLED"}, 143),
        ({"state": "TASK_LOST", "reason": "REASON_AGENT_DISCONNECTED"}, EXIT_NOT_RUN),
        ({"state": "TASK_ERROR", "message": "Task uses more resources"}, EXIT_NOT_RUN),
    ],
)
def test_the_exit_code_of_a_task(status: dict[str, Any], code: int) -> None:
    """As a shell would say it; 125 when it was not the command that failed."""
    assert exit_code(status) == code


@pytest.mark.parametrize(
    ("text", "address"),
    [("h", "h:5050"), ("h:1", "h:1"), ("http://h:1/", "h:1"), ("10.0.0.1", "10.0.0.1:5050"), ("zk://a:1/m", "zk://a:1/m")],
)
def test_addresses_as_people_write_them(text: str, address: str) -> None:
    """A host alone means the master's port."""
    assert address_of(text) == address


@pytest.mark.parametrize("text", ["ftp://a:2181", "h:port", ":5050", "https://h:1"])
def test_addresses_that_are_none(text: str) -> None:
    """They are mistakes of the command line."""
    with pytest.raises(CommandFailed) as caught:
        address_of(text)
    assert caught.value.code == 2


def test_amounts() -> None:
    """Scalars are added up by name, thousandths shown as far as they go."""
    resources = [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.2}, "role": "eng"},
        {"name": "ports", "type": "RANGES", "ranges": {"range": []}},
    ]
    assert amounts(resources) == {"cpus": 0.3}
    assert used_text("cpus", amounts(resources), {"cpus": 4}) == "0.3/4"
    assert [amount_text(value) for value in (0, 1.5, 32, 0.125, 65536.0)] == ["0", "1.5", "32", "0.125", "65536"]
    assert age_text(None) == ""


def test_names_that_are_nearly_right() -> None:
    """Whoever mistypes learns what there is."""
    assert str(unknown("task", "wbe", ["web", "db"])) == "no task 'wbe'; did you mean web?"
    assert str(unknown("task", "xyz", [])) == "no task 'xyz'"


def test_what_a_cpp_master_says() -> None:
    """Tables are read from the same messages as ours: tasks of a group, sandboxes, addresses."""
    import json

    folder = golden_dir() / "master_v1.running"
    tasks = json.loads((folder / "GET_TASKS.json").read_text())["get_tasks"]["tasks"]
    agents = json.loads((folder / "GET_AGENTS.json").read_text())["get_agents"]["agents"]
    (member,) = [task for task in tasks if task["name"] == "pod-b"]
    place = cluster.TaskPlace(task=member, framework={}, agent=cluster.agent_address(agents[0]))
    assert place.agent == "127.0.0.1:5051"
    assert place.sandbox.endswith("/executors/grp-exec/runs/latest/tasks/pod-b")
    assert not place.is_terminal
    commands = [task for task in tasks if "executor_id" not in task]
    assert commands
    assert all(cluster.executor_id(task) == task["task_id"]["value"] for task in commands)


class Tasks:
    """A master that knows of these tasks, as far as `find_task` asks."""

    def __init__(self, **states: str) -> None:
        self._tasks = [
            {
                "task_id": {"value": name.replace("_", "-")}, "name": "n", "state": state,
                "framework_id": {"value": "f"}, "agent_id": {"value": "a"},
            }
            for name, state in states.items()
        ]  # fmt: skip

    async def call(self, kind: str) -> Any:
        return {kind.lower(): {"tasks": self._tasks} if kind == "GET_TASKS" else {}}


async def test_the_beginning_of_an_id_names_a_task() -> None:
    """Of one that is under way, if no other begins so; a whole id always means itself."""
    master: Any = Tasks(web_1="TASK_RUNNING", web_10="TASK_RUNNING", db_1="TASK_RUNNING", db_2="TASK_FAILED")
    assert (await cluster.find_task(master, "db")).task_id == "db-1"
    assert (await cluster.find_task(master, "web-1")).task_id == "web-1"
    with pytest.raises(CommandFailed, match="several tasks begin with 'web': web-1, web-10"):
        await cluster.find_task(master, "web")
    with pytest.raises(CommandFailed, match="no task 'x'"):
        await cluster.find_task(master, "x")
