"""Stories of whole frameworks: one that dies and comes back, two that compete, one whose tasks will not go."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil

from tests.acceptance.cluster import MARK, ROOT, Cluster, eventually, local_cluster, marked, new_mark

sys.path.insert(0, str(ROOT / "examples"))

from http_scheduler import TERMINAL, Scheduler, amount, scalars, task_info

STORY_TIMEOUT_S = 120
KEEPER = str(Path(__file__).with_name("keeper.py"))


async def test_a_framework_killed_with_9_keeps_its_tasks(cluster: Cluster) -> None:
    """1 a framework dies; 2 its task runs on; 3 with its id another process is the framework, and can kill the task."""
    mark = new_mark()
    keeper = cluster.start(sys.executable, KEEPER, cluster.address, f"{MARK}={mark} sleep 1000")
    assert keeper.stdout is not None
    said: dict[str, Any] = {}
    while said.get("state") != "TASK_RUNNING":
        said = json.loads(keeper.stdout.readline())
    (task,) = eventually(lambda: [found for found in marked(mark) if found.name() == "sleep"], "the task runs")
    os.kill(keeper.pid, signal.SIGKILL)
    keeper.communicate()

    def is_disconnected() -> bool:
        frameworks = json.loads(cluster.cli("frameworks", "--json").stdout)
        return any(one["framework_info"]["id"]["value"] == said["id"] and not one["connected"] for one in frameworks)

    eventually(is_disconnected, "the master has seen it die")
    assert task.is_running()

    states: list[str] = []
    async with Scheduler(cluster.address, "keeper", failover_timeout_s=600) as scheduler, asyncio.timeout(120):
        scheduler.info["id"] = {"value": said["id"]}
        async for event in scheduler.events():
            if event["type"] == "SUBSCRIBED":
                assert event["subscribed"]["framework_id"]["value"] == said["id"]
                await scheduler.call("RECONCILE", tasks=[])
            elif event["type"] == "UPDATE":
                states.append(event["update"]["status"]["state"])
                if states == ["TASK_RUNNING"]:
                    assert task.is_running()
                    await scheduler.call("KILL", task_id={"value": "task-0"})
                if states[-1] in TERMINAL:
                    await scheduler.call("TEARDOWN")
                    break
    assert states[-1] == "TASK_KILLED"
    eventually(lambda: not marked(mark), "the task is gone")


class Greedy:
    """Takes one task's worth of each offer, as often as it is offered."""

    def __init__(self, address: str, role: str, cpus: float, mem: float, start: asyncio.Barrier) -> None:
        self.address, self.role, self.cpus, self.mem, self.start = address, role, cpus, mem, start
        self.launched = 0
        self.is_full = asyncio.Event()

    async def run(self) -> None:
        started = False
        async with Scheduler(self.address, self.role, self.role) as scheduler:
            async for event in scheduler.events():
                if event["type"] == "SUBSCRIBED":
                    await self.start.wait()
                    started = True
                for offer in event.get("offers", {}).get("offers", []) if started else []:
                    fits = amount(offer, "cpus") >= self.cpus and amount(offer, "mem") >= self.mem
                    tasks = [self.task(offer)] if fits else []
                    self.launched += len(tasks)
                    if not fits:
                        self.is_full.set()
                    await scheduler.accept(offer, tasks, refuse_s=0 if fits else 3600)

    def task(self, offer: dict[str, Any]) -> dict[str, Any]:
        name = f"{self.role}-{self.launched}"
        return {
            "name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"],
            "resources": scalars(cpus=self.cpus, mem=self.mem), "command": {"value": "sleep 1000"},
        }


async def test_two_frameworks_share_by_dominant_resource() -> None:
    """The example of the DRF paper: of <9 cpus, 18 GB>, <1, 4> gets three tasks and <3, 1> gets two."""
    with local_cluster("--agents=1", "--resources=cpus:9;mem:18432;disk:1024;ports:[31000-31009]") as cluster:
        start = asyncio.Barrier(2)
        memory = Greedy(cluster.address, "memory", 1, 4096, start)
        processor = Greedy(cluster.address, "processor", 3, 1024, start)
        runs = [asyncio.create_task(one.run()) for one in (memory, processor)]
        full = asyncio.gather(memory.is_full.wait(), processor.is_full.wait())
        try:
            async with asyncio.timeout(STORY_TIMEOUT_S):
                await asyncio.wait((full, *runs), return_when=asyncio.FIRST_COMPLETED)
            for run in runs:
                assert not run.done(), run.result()
        finally:
            for run in runs:
                run.cancel()
            await asyncio.gather(*runs, return_exceptions=True)
        assert (memory.launched, processor.launched) == (3, 2)


async def test_a_hundred_stubborn_tasks_leave_nothing_behind(cluster: Cluster) -> None:
    """Children that ignore TERM, fork, and start sessions of their own are gone when their task is."""
    count, mark = 100, new_mark()
    command = (
        f"export {MARK}={mark}; trap '' TERM INT HUP; sleep 1000 & (setsid sleep 1000 &)"
        " ; (setsid sh -c 'sleep 1000 & sleep 1000 & wait' &) ; while :; do sleep 1; done"
    )
    options = argparse.Namespace(cpus=0.05, mem=32, executor=None, command=command)
    waiting = list(range(count))
    states: dict[str, str] = {}
    seen_running = 0
    async with Scheduler(cluster.address, "stubborn") as scheduler, asyncio.timeout(STORY_TIMEOUT_S):
        async for event in scheduler.events():
            if event["type"] == "OFFERS":
                for offer in event["offers"]["offers"]:
                    fits = int(amount(offer, "cpus") / options.cpus)
                    chosen, waiting = waiting[:fits], waiting[fits:]
                    tasks = [task_info(number, offer, options) for number in chosen]
                    for task in tasks:
                        task["kill_policy"] = {"grace_period": {"nanoseconds": 200_000_000}}
                    await scheduler.accept(offer, tasks)
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                states[status["task_id"]["value"]] = status["state"]
                if list(states.values()).count("TASK_RUNNING") == count:
                    seen_running = len(eventually(lambda: _at_least(mark, 5 * count), "every child runs"))
                    for name in states:
                        await scheduler.call("KILL", task_id={"value": name})
                if sum(state in TERMINAL for state in states.values()) == count:
                    await scheduler.call("TEARDOWN")
                    break
    assert set(states.values()) == {"TASK_KILLED"}
    assert seen_running >= 5 * count
    eventually(lambda: not marked(mark), "no child is left")


async def test_a_task_group_lives_and_dies_together(cluster: Cluster) -> None:
    """1 a group of three runs under the default executor; 2 each has its own output; 3 one failure ends all."""
    group: dict[str, Any] = {}
    ends: dict[str, str] = {}
    async with Scheduler(cluster.address, "group") as scheduler, asyncio.timeout(STORY_TIMEOUT_S):
        async for event in scheduler.events():
            if event["type"] == "OFFERS":
                for offer in event["offers"]["offers"]:
                    if group:
                        await scheduler.accept(offer, [], refuse_s=3600)
                        continue
                    group = _group(offer, scheduler.info["id"])
                    await scheduler.call(
                        "ACCEPT", offer_ids=[offer["id"]], filters={"refuse_seconds": 3600},
                        operations=[{"type": "LAUNCH_GROUP", "launch_group": group}])
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                name, state = status["task_id"]["value"], status["state"]
                if state in TERMINAL:
                    ends[name] = state
                elif state == "TASK_RUNNING" and name == "group-1":
                    await asyncio.to_thread(
                        eventually, lambda: cluster.cli("logs", "group-1").stdout == "group-1\n", "it has its output")
                if len(ends) == 3:
                    await scheduler.call("TEARDOWN")
                    break
    assert ends == {"group-0": "TASK_FAILED", "group-1": "TASK_KILLED", "group-2": "TASK_KILLED"}


def _group(offer: dict[str, Any], framework_id: dict[str, str]) -> dict[str, Any]:
    commands = ["echo group-0; sleep 5; exit 9", "echo group-1; sleep 1000", "echo group-2; sleep 1000"]
    tasks = [
        {"name": f"group-{number}", "task_id": {"value": f"group-{number}"}, "agent_id": offer["agent_id"],
         "resources": scalars(cpus=0.1, mem=32), "command": {"value": command}}
        for number, command in enumerate(commands)
    ]
    executor = {
        "type": "DEFAULT", "executor_id": {"value": "pod"}, "framework_id": framework_id,
        "resources": scalars(cpus=0.1, mem=32, disk=32),
    }
    return {"executor": executor, "task_group": {"tasks": tasks}}


def _at_least(mark: str, count: int) -> list[psutil.Process]:
    found = marked(mark)
    return found if len(found) >= count else []
