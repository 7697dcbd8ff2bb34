"""What commands want to know of a cluster: its tasks, whose they are, and where their sandboxes can be read.

Read with operator calls, so it is what the master is willing to show to whoever asks.
"""

from __future__ import annotations

from typing import Any

import attrs

from mesos_py.cli.client import Client, unknown
from mesos_py.cli.command import CommandFailed

TERMINAL_STATES = frozenset({
    "TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE",
    "TASK_GONE_BY_OPERATOR",
})


SHOWN_MAX = 10  # names in a message


@attrs.frozen(kw_only=True)
class TaskPlace:
    """A task and everything needed to find its sandbox."""

    task: dict[str, Any]
    framework: dict[str, Any]
    #: HOST:PORT of its agent; None: the agent is gone
    agent: str | None

    @property
    def task_id(self) -> str:
        return str(self.task["task_id"]["value"])

    @property
    def is_terminal(self) -> bool:
        return self.task["state"] in TERMINAL_STATES

    @property
    def sandbox(self) -> str:
        """Virtual path of the sandbox at its agent."""
        return sandbox_path(self.task["framework_id"]["value"], executor_id(self.task), self.task)


def executor_id(task: dict[str, Any]) -> str:
    """A command task runs under an executor of its own name."""
    return str(task.get("executor_id", task["task_id"])["value"])


def sandbox_path(framework_id: str, executor: str, task: dict[str, Any] | None = None) -> str:
    """Tasks of a group have a sandbox inside their executor's."""
    path = f"/frameworks/{framework_id}/executors/{executor}/runs/latest"
    for status in (task or {}).get("statuses", ()):
        container_id = status.get("container_status", {}).get("container_id", {})
        if "parent" in container_id:
            return f"{path}/tasks/{task['task_id']['value']}"  # type: ignore[index]
    return path


async def tasks(master: Client, *, ended: bool) -> list[dict[str, Any]]:
    """In the order the master tells them: those under way, then (if asked) unreachable and ended ones."""
    answer = (await master.call("GET_TASKS"))["get_tasks"]
    found = [*answer.get("tasks", ()), *answer.get("unreachable_tasks", ())]
    return [*found, *answer.get("completed_tasks", ())] if ended else found


async def frameworks(master: Client) -> dict[str, dict[str, Any]]:
    """By id; each has ``state``: active, inactive (connected but not offered to), disconnected or completed."""
    answer = (await master.call("GET_FRAMEWORKS"))["get_frameworks"]
    found = {}
    for key in ("completed_frameworks", "frameworks"):
        for framework in answer.get(key, ()):
            found[framework["framework_info"]["id"]["value"]] = framework | {"state": _state(key, framework)}
    return found


def _state(key: str, framework: dict[str, Any]) -> str:
    if key == "completed_frameworks":
        return "completed"
    if not framework.get("connected"):
        return "disconnected"
    return "active" if framework.get("active") else "inactive"


async def agents(master: Client) -> dict[str, dict[str, Any]]:
    """By id, those that are registered."""
    answer = (await master.call("GET_AGENTS"))["get_agents"]
    return {agent["agent_info"]["id"]["value"]: agent for agent in answer.get("agents", ())}


def agent_address(agent: dict[str, Any]) -> str:
    """HOST:PORT where it answers; the pid has the address, the info the name."""
    pid: str = agent.get("pid", "")
    if "@" in pid:
        return pid.partition("@")[2]
    return f"{agent['agent_info']['hostname']}:{agent['agent_info'].get('port', 5051)}"


async def find_task(master: Client, name: str, framework: str | None = None) -> TaskPlace:
    """By id, else by name, else by the beginning of an id of one under way; raises CommandFailed if there is none, or
    if there are several under way."""
    everything = await tasks(master, ended=True)
    if framework is not None:
        everything = [task for task in everything if task["framework_id"]["value"] == framework]
    matching = [task for task in everything if task["task_id"]["value"] == name]
    matching = matching or [task for task in everything if task["name"] == name]
    matching = matching or _beginning(everything, name)
    if not matching:
        raise unknown("task", name, {task["task_id"]["value"]: None for task in everything})
    running = [task for task in matching if task["state"] not in TERMINAL_STATES]
    if len(running) > 1:
        owners = ", ".join(task["framework_id"]["value"] for task in running)
        raise CommandFailed(f"several tasks are called '{name}'; say whose with --framework: {owners}")
    task = running[0] if running else max(matching, key=_last_seen)
    owner = (await frameworks(master)).get(task["framework_id"]["value"], {})
    agent = (await agents(master)).get(task["agent_id"]["value"])
    return TaskPlace(task=task, framework=owner, agent=agent_address(agent) if agent else None)


def _beginning(everything: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """Those under way whose ids begin so, all with the same id. Raises CommandFailed when there are others."""
    found = [
        task for task in everything
        if prefix and task["task_id"]["value"].startswith(prefix) and task["state"] not in TERMINAL_STATES
    ]
    names = {task["task_id"]["value"]: None for task in found}
    if len(names) > 1:
        raise CommandFailed(f"several tasks begin with '{prefix}': {', '.join(list(names)[:SHOWN_MAX])}")
    return found


def _last_seen(task: dict[str, Any]) -> float:
    return float(max((status.get("timestamp", 0.0) for status in task.get("statuses", ())), default=0.0))
