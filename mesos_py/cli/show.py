"""``mesos-py ps``, ``agents`` and ``frameworks``: what is there, in one table each."""

from __future__ import annotations

from typing import Any

import attrs

from mesos_py.cli import cluster
from mesos_py.cli.client import Client, ClientOptions, address_of
from mesos_py.cli.command import Command
from mesos_py.cli.render import (
    age_text,
    amount_text,
    amounts,
    health_text,
    print_json,
    print_table,
    seconds_of,
    state_text,
    used_text,
)
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, TEXT, option


@attrs.frozen(kw_only=True)
class TasksOptions(ClientOptions):
    all: bool = option(BOOLEAN, False, "Ended tasks, too.", short="a")
    framework: str | None = option(TEXT, None, "Only tasks of this framework (its id or its name).")


@attrs.frozen(kw_only=True)
class FrameworksOptions(ClientOptions):
    all: bool = option(BOOLEAN, False, "Completed frameworks, too.", short="a")


async def show_tasks(line: CommandLine) -> int:
    options = line.make(TasksOptions)
    async with Client(address_of(options.master)) as master:
        tasks = await cluster.tasks(master, ended=options.all)
        frameworks = await cluster.frameworks(master)
        agents = await cluster.agents(master)
    names = {key: framework["framework_info"]["name"] for key, framework in frameworks.items()}
    if options.framework is not None:
        wanted = options.framework
        tasks = [
            task for task in tasks
            if wanted in (task["framework_id"]["value"], names.get(task["framework_id"]["value"]))
        ]
    if options.json:
        print_json(tasks)
        return 0
    rows = [_task_row(task, names, agents) for task in tasks]
    hint = "no tasks" if options.all else "no tasks under way; --all shows ended ones"
    print_table(("TASK", "NAME", "STATE", "HEALTH", "AGE", "CPUS", "MEM", "AGENT", "FRAMEWORK", "MESSAGE"), rows, hint)
    return 0


def _task_row(task: dict[str, Any], names: dict[str, str], agents: dict[str, dict[str, Any]]) -> list[Any]:
    statuses = task.get("statuses", ())
    used = amounts(task.get("resources", ()))
    agent_id = task["agent_id"]["value"]
    return [
        task["task_id"]["value"], task["name"], state_text(task["state"]),
        health_text(statuses[-1].get("healthy") if statuses else None),
        age_text(statuses[0].get("timestamp") if statuses else None),
        amount_text(used.get("cpus", 0.0)), amount_text(used.get("mem", 0.0)),
        cluster.agent_address(agents[agent_id]) if agent_id in agents else agent_id,
        names.get(task["framework_id"]["value"], task["framework_id"]["value"]),
        statuses[-1].get("message", "") if statuses else "",
    ]


async def show_agents(line: CommandLine) -> int:
    options = line.make(ClientOptions)
    async with Client(address_of(options.master)) as master:
        agents = await cluster.agents(master)
        tasks = await cluster.tasks(master, ended=False)
    if options.json:
        print_json(list(agents.values()))
        return 0
    counts: dict[str, int] = {}
    for task in tasks:
        if task["state"] not in cluster.TERMINAL_STATES:
            counts[task["agent_id"]["value"]] = counts.get(task["agent_id"]["value"], 0) + 1
    rows: list[list[Any]] = []
    for agent_id, agent in agents.items():
        total, used = amounts(agent.get("total_resources", ())), amounts(agent.get("allocated_resources", ()))
        state = "deactivated" if agent.get("deactivated") else "active" if agent.get("active") else "inactive"
        rows.append([
            agent_id, cluster.agent_address(agent), state_text(state), str(counts.get(agent_id, 0)),
            *[used_text(name, used, total) for name in ("cpus", "mem", "disk")],
            age_text(seconds_of(agent.get("registered_time"))),
        ])
    print_table(("AGENT", "ADDRESS", "STATE", "TASKS", "CPUS", "MEM", "DISK", "REGISTERED"), rows, "no agents")
    return 0


async def show_frameworks(line: CommandLine) -> int:
    options = line.make(FrameworksOptions)
    async with Client(address_of(options.master)) as master:
        found = await cluster.frameworks(master)
        tasks = await cluster.tasks(master, ended=False)
    frameworks = [framework for framework in found.values() if options.all or framework["state"] != "completed"]
    if options.json:
        print_json(frameworks)
        return 0
    rows: list[list[Any]] = []
    for framework in frameworks:
        info = framework["framework_info"]
        used = amounts(framework.get("allocated_resources", ()))
        framework_id = info["id"]["value"]
        rows.append([
            framework_id, info["name"], state_text(framework["state"]),
            ",".join(info.get("roles", ()) or [info.get("role", "*")]),
            str(sum(task["framework_id"]["value"] == framework_id for task in tasks)),
            amount_text(used.get("cpus", 0.0)), amount_text(used.get("mem", 0.0)),
            info.get("user", ""), age_text(seconds_of(framework.get("registered_time"))),
        ])
    print_table(
        ("FRAMEWORK", "NAME", "STATE", "ROLES", "TASKS", "CPUS", "MEM", "USER", "REGISTERED"), rows,
        "no frameworks" if options.all else "no frameworks; --all shows completed ones",
    )
    return 0


PS = Command(
    usage="mesos-py ps [--all] [--framework=ID|NAME] [--master=HOST:PORT] [--json]",
    about="List tasks: those under way, with --all also those that ended.",
    options=(TasksOptions,), main=show_tasks,
)
AGENTS = Command(
    usage="mesos-py agents [--master=HOST:PORT] [--json]",
    about="List agents, and how much of each is used.", options=(ClientOptions,), main=show_agents,
)
FRAMEWORKS = Command(
    usage="mesos-py frameworks [--all] [--master=HOST:PORT] [--json]",
    about="List frameworks, and how much each uses.", options=(FrameworksOptions,), main=show_frameworks,
)
