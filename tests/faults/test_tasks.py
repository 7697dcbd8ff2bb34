"""Tasks are killed at the worst moments, and their executors say too much or die too early: one end each."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cluster import Cluster
from tests.faults.framework import TERMINAL, Framework, never, resources
from tests.faults.programs import until

EXECUTOR = str(Path(__file__).with_name("executor.py"))


def ends(framework: Framework, task: str) -> list[str]:
    """Every end that the framework was told for certain."""
    return [state for state in framework.reliable().get(task, []) if f"TASK_{state}" in TERMINAL]


async def test_f26_a_kill_before_its_launch(cluster: Cluster) -> None:
    """A task that was not launched yet is unknown, which is no reason not to launch it; the next kill counts."""
    async with Framework(cluster.zk) as framework:
        await framework.kill("a")
        await until(lambda: framework.told("a") == ["UNKNOWN"], "nobody knows it")
        await framework.run("a")
        await framework.end("a")
        assert framework.reliable() == {"a": ["STARTING", "RUNNING", "KILLING", "KILLED"]}
        await framework.teardown()


async def test_f26_a_kill_that_overtakes_its_launch(cluster: Cluster) -> None:
    """Launch and two kills are on their way to an agent that does not read: killed once, whoever was faster."""
    agent = next(iter(cluster.agents.values()))
    agent_id = (await cluster.registered())[agent.name]
    async with Framework(cluster.zk) as framework:
        await framework.offer(agent_id)
        agent.signal(signal.SIGSTOP)
        await framework.launch("a", "b", agent_id=agent_id)
        await framework.kill("a", "a")
        agent.signal(signal.SIGCONT)
        await until(lambda: framework.last("a") == "TASK_KILLED" and framework.last("b") == "TASK_RUNNING", "killed")
        assert ends(framework, "a") == ["KILLED"]

        async def is_alone() -> bool:
            return list((await framework.processes()).values()) == ["b"]

        await until(is_alone, "only the other one runs")
        await framework.kill("a")
        await framework.end("b")
        assert ends(framework, "a") == ["KILLED"]
        await framework.teardown()


async def test_f26_killed_twice_and_by_two_masters(cluster: Cluster) -> None:
    """A task that ignores SIGTERM: the second kill is as good as the first, and so is one through the next leader."""
    stubborn = "trap '' TERM; while :; do sleep 1; done"
    grace = {"kill_policy": {"grace_period": {"nanoseconds": 4_000_000_000}}}
    async with Framework(cluster.zk) as framework:
        await framework.launch("a", "b", command=stubborn, **grace)
        await until(lambda: framework.last("a") == framework.last("b") == "TASK_RUNNING", "they run")
        await framework.kill("a")
        await until(lambda: framework.last("a") == "TASK_KILLING", "it is being killed")
        await framework.kill("a")
        leader = await cluster.leader()
        await cluster.kill(leader)
        new = await cluster.leader(other_than=leader)
        await until(lambda: framework.master == new.address, "subscribed with the next leader")
        await until(cluster.all_registered, "agents are back")
        await framework.end("a", "b")
        assert framework.reliable() == {name: ["STARTING", "RUNNING", "KILLING", "KILLED"] for name in "ab"}
        await until(framework.all_gone, "no process is left")
        await framework.teardown()


@contextlib.asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[str, list[asyncio.StreamReader]]]:
    """Something to fetch from a server that takes the request and never answers; and who is waiting for it."""
    waiting: list[asyncio.StreamReader] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting.append(reader)
        with contextlib.suppress(ConnectionError):
            await reader.read()  # until it gives up
        waiting.remove(reader)
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/archive.tar.gz", waiting


@pytest.mark.parametrize("leader_dies", [False, True], ids=["same leader", "the leader dies, too"])
async def test_f26_a_kill_while_a_fetch_hangs(cluster: Cluster, leader_dies: bool) -> None:
    """The task never gets to run; it is killed, and nobody waits for the file any more. MESOS-8679."""
    async with silent_server() as (uri, waiting), Framework(cluster.zk) as framework:
        offer = await framework.offer()
        task = framework.task("a", offer)
        task["command"]["uris"] = [{"value": uri, "extract": False}]
        await framework.accept(offer, [task])
        await until(lambda: waiting, "it is being fetched")
        if leader_dies:
            leader = await cluster.leader()
            await cluster.kill(leader)
            new = await cluster.leader(other_than=leader)
            await until(lambda: framework.master == new.address, "subscribed with the next leader")
            await until(cluster.all_registered, "agents are back")
        await framework.end("a")
        await until(lambda: not waiting, "the fetcher is gone")
        assert ends(framework, "a") == ["KILLED"]
        assert "RUNNING" not in framework.told("a")
        await framework.kill("a")
        await framework.run("b")
        assert ends(framework, "a") == ["KILLED"]
        await framework.teardown()


def executor(framework: Framework, name: str) -> dict[str, Any]:
    return {
        "type": "CUSTOM", "executor_id": {"value": name}, "framework_id": {"value": framework.id},
        "resources": resources(0.1, 32),
        "command": {"shell": False, "value": sys.executable, "arguments": [sys.executable, EXECUTOR]},
    }  # fmt: skip


async def say(framework: Framework, **scripts: str) -> None:
    """A task for each, on an executor of its own."""
    for name, script in scripts.items():
        offer = await framework.offer(cpus=0.2)
        data = base64.b64encode(script.encode()).decode()
        await framework.accept(offer, [framework.task(name, offer, executor=executor(framework, name), data=data)])


async def test_f27_an_executor_dies_or_repeats_itself(cluster: Cluster) -> None:
    """Whatever it says after an end is not passed on, and its own end is the task's only if there was none before."""
    async with Framework(cluster.zk) as framework:
        await say(
            framework, dies="RUNNING !", twice="RUNNING FINISHED FINISHED", undecided="RUNNING FINISHED FAILED RUNNING",
            again="RUNNING = FINISHED = =", ends_and_dies="RUNNING FINISHED !",
        )  # fmt: skip
        table = {
            "dies": ["RUNNING", "FAILED"], "twice": ["RUNNING", "FINISHED"], "undecided": ["RUNNING", "FINISHED"],
            "again": ["RUNNING", "FINISHED"], "ends_and_dies": ["RUNNING", "FINISHED"],
        }  # fmt: skip
        await framework.comes_to(table)
        await until(lambda: sum(event["type"] == "FAILURE" for event in framework.events) >= 2, "two have died")
        assert framework.reliable() == table
        assert await framework.reconcile("dies") in ({"dies": "TASK_GONE"}, {"dies": "TASK_UNKNOWN"})
        await framework.teardown()


async def test_f27_and_the_leader_dies_before_anything_is_acknowledged(cluster: Cluster) -> None:
    """The executor is gone when RUNNING is acknowledged at last, to another master: then comes the one end."""
    async with Framework(cluster.zk, acknowledges=never) as framework:
        await say(framework, dies="RUNNING !", twice="RUNNING FINISHED FINISHED")
        await until(lambda: len(framework.updates) == 2, "something is told of both")
        leader = await cluster.leader()
        await cluster.kill(leader)
        new = await cluster.leader(other_than=leader)
        await until(lambda: framework.master == new.address, "subscribed with the next leader")
        await until(cluster.all_registered, "agents are back")
        assert framework.reliable() == {"dies": ["RUNNING"], "twice": ["RUNNING"]}
        for task in ("dies", "twice"):
            await framework.acknowledge_last(task)
        table = {"dies": ["RUNNING", "FAILED"], "twice": ["RUNNING", "FINISHED"]}
        await framework.comes_to(table)
        await framework.teardown()
