"""Agents are killed and started again on the same directory, leaders with them; directories are damaged meanwhile."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.agent.test_full_disk import fill, free
from tests.faults.cluster import Agent, Cluster, Master
from tests.faults.framework import TERMINAL, Framework, always, never, resources
from tests.faults.programs import until
from tests.faults.test_registry import damage
from tests.faults.test_tasks import ends
from tests.ports import free_ports

EXECUTOR = str(Path(__file__).resolve().parents[2] / "examples" / "http_executor.py")
ROUNDS = 4


async def both_killed(cluster: Cluster, agent: Agent) -> Master:
    """kill -9 of the agent and of the leader; the next leader."""
    leader = await cluster.leader()
    agent.kill()
    await cluster.kill(leader)
    return await cluster.leader(other_than=leader)


async def test_f09_an_agent_and_the_leader_are_killed(cluster: Cluster) -> None:
    """1 a command, an executor, one that ends meanwhile, one not acknowledged; 2 kill -9 of both; 3 all is kept."""
    agent = next(iter(cluster.agents.values()))
    agent_id = (await cluster.registered())[agent.name]
    table = await cluster.registry()
    async with Framework(cluster.zk) as framework:
        pids = await framework.run("a", agent_id=agent_id)
        offer = await framework.offer(agent_id, cpus=0.2)
        executor = {
            "type": "CUSTOM", "executor_id": {"value": "custom"}, "framework_id": {"value": framework.id},
            "resources": resources(),
            "command": {"shell": False, "value": sys.executable, "arguments": [sys.executable, EXECUTOR]},
        }  # fmt: skip
        await framework.accept(offer, [framework.task("b", offer, executor=executor, data="c2xlZXAgNjAw")])
        await framework.launch("c", agent_id=agent_id, command="while ! [ -e go ]; do sleep 0.1; done; exit 3")
        await until(lambda: framework.last("b") == framework.last("c") == "TASK_RUNNING", "they run")
        framework.acknowledges = never
        await framework.launch("d", agent_id=agent_id, command="exit 0")
        await until(lambda: framework.told("d"), "there is something to acknowledge")

        new = await both_killed(cluster, agent)
        (sandbox,) = agent.work_dir.glob(f"slaves/*/frameworks/{framework.id}/executors/c/runs/latest")
        (sandbox / "go").touch()
        await until(lambda: framework.master == new.address, "subscribed with the next leader")
        assert await framework.pids("a") == pids
        framework.acknowledges = always
        await agent.start()
        assert await cluster.id_of(agent) == agent_id
        await until(lambda: framework.last("c") == "TASK_FAILED" and framework.last("d") == "TASK_FINISHED", "told")
        assert framework.updates["c"][-1]["message"] == "Command exited with status 3"
        assert await framework.reconcile() == {"a": "TASK_RUNNING", "b": "TASK_RUNNING"}
        assert await framework.pids("a") == pids
        assert await cluster.registry() == table
        await framework.end("a", "b")
        assert framework.reliable() == {
            "a": ["STARTING", "RUNNING", "KILLING", "KILLED"], "b": ["RUNNING", "KILLED"],
            "c": ["STARTING", "RUNNING", "FAILED"], "d": ["STARTING", "RUNNING", "FINISHED"],
        }  # fmt: skip
        await framework.teardown()


async def test_f09_killed_at_any_moment(cluster: Cluster) -> None:
    """Launches and kills are under way when agent and leader go: every task has one process, or one end, or neither.

    A launch that nobody has heard of is none; the framework learns that by asking.
    """
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    agent = next(iter(cluster.agents.values()))
    agent_id = (await cluster.registered())[agent.name]
    async with Framework(cluster.zk) as framework:
        names: list[str] = []
        for number in range(ROUNDS):
            lasting, short = [f"l{number}-{n}" for n in range(3)], [f"s{number}-{n}" for n in range(3)]
            names += lasting + short
            await framework.launch(*lasting, agent_id=agent_id)
            await framework.launch(*short, agent_id=agent_id, command="sleep 0.1")
            await asyncio.sleep(rng.random() * 0.3)
            await framework.kill(lasting[0])
            await asyncio.sleep(rng.random() * 0.05)
            if number % 2:
                new = await both_killed(cluster, agent)
                await until(lambda: framework.master == new.address, "subscribed with the next leader")  # noqa: B023
                await asyncio.gather(*[one.start() for one in cluster.masters.values() if not one.is_alive])
            else:
                agent.kill()
            await agent.start()
            assert await cluster.id_of(agent) == agent_id
        found = await framework.reconcile(*names, agent_id=agent_id)

        def is_told() -> bool:
            return all(framework.last(name) in {"TASK_RUNNING", *TERMINAL} for name in names)

        def running() -> list[str]:
            return sorted(name for name in names if framework.last(name) == "TASK_RUNNING")

        async def is_true() -> bool:
            return sorted((await framework.processes()).values()) == running()

        await until(is_told, "the fate of each is known")
        assert set(found) == set(names)
        await until(is_true, "those that are said to run, run, and no others")
        for name in names:
            assert len(ends(framework, name)) <= 1, framework.told(name)
            assert "LOST" not in framework.told(name)
        await framework.end(*running())
        await until(framework.all_gone, "no process is left")
        await framework.teardown()


def settle_file(path: Path) -> None:
    """Everything that was committed is in the file itself, so that damage to it is damage."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


async def test_f11_what_an_agent_kept_is_damaged(cluster: Cluster) -> None:
    """1 kill -9 of both; 2 the agent refuses to go on from a guess, its tasks run; 3 with the old file it goes on."""
    async with cluster.another_agent() as agent, Framework(cluster.zk) as framework:
        agent_id = await cluster.id_of(agent)
        pids = await framework.run("a", "b", agent_id=agent_id)
        await both_killed(cluster, agent)
        path = agent.work_dir / "meta" / "agent.db"
        settle_file(path)
        good = path.read_bytes()
        for how in ("cut off", "overwritten", "empty"):
            damage(path, how)
            agent.launch()
            assert await agent.ended() == 1, how
            assert "remove it to start as a new agent" in agent.tail(1)
            path.write_bytes(good)
        assert await framework.pids("a", "b") == pids
        await agent.start()
        assert await cluster.id_of(agent) == agent_id
        assert await framework.pids("a", "b") == pids
        await framework.end("a", "b")
        assert framework.reliable() == {name: ["STARTING", "RUNNING", "KILLING", "KILLED"] for name in "ab"}
        await framework.teardown()


async def test_f11_the_last_that_an_agent_kept_is_lost(cluster: Cluster) -> None:
    """The end of SQLite's log is gone, as on a disk that lies: an earlier state is taken up, and every task told of.

    What it does not know of any more does not run any more.
    """
    async with cluster.another_agent() as agent, Framework(cluster.zk) as framework:
        agent_id = await cluster.id_of(agent)
        await framework.run("a", agent_id=agent_id)
        agent.kill()
        settle_file(agent.work_dir / "meta" / "agent.db")
        await agent.start()
        await cluster.id_of(agent)
        await framework.run("b", agent_id=agent_id)
        agent.kill()
        damage(agent.work_dir / "meta" / "agent.db-wal", "empty")
        await agent.start()
        assert await cluster.id_of(agent) == agent_id
        await until(lambda: framework.last("b") in TERMINAL, "its end is told")
        assert await framework.reconcile("a") == {"a": "TASK_RUNNING"}
        assert set((await framework.processes()).values()) == {"a"}
        await framework.end("a")
        await framework.teardown()


async def test_f11_what_an_agent_kept_is_removed(cluster: Cluster) -> None:
    """As the message advises: another agent, at the same address; its predecessor's tasks are destroyed, and told."""
    (port,) = free_ports(1)
    async with cluster.another_agent(port=port) as agent, Framework(cluster.zk) as framework:
        agent_id = await cluster.id_of(agent)
        await framework.run("a", agent_id=agent_id)
        agent.kill()
        shutil.rmtree(agent.work_dir / "meta")
        await agent.start()
        await until(lambda: framework.last("a") == "TASK_LOST", "it is told")
        await until(framework.all_gone, "its process is destroyed")

        async def is_another() -> bool:
            return (await cluster.registered()).get(agent.name) not in (None, agent_id)

        await until(is_another, "another agent is registered")
        assert agent_id not in await cluster.registry()
        await framework.teardown()


@pytest.mark.root
async def test_f12_the_disk_of_an_agent_is_full(cluster: Cluster, small: Path) -> None:
    """1 nothing more fits in; 2 a launch fails, and says why; 3 the leader dies, what runs, runs; 4 there is room."""
    async with cluster.another_agent(work_dir=small / "work") as agent, Framework(cluster.zk) as framework:
        agent_id = await cluster.id_of(agent)
        others = [one for one in (await cluster.registered()).values() if one != agent_id]
        pids = await framework.run("a", agent_id=agent_id)
        await until((small / "work/meta/ballast").exists, "it is prepared")
        launched, last = 0, ""
        while "No space left on device" not in last:  # the log of the records may have some room of its own
            fill(small)
            launched += 1
            assert launched < 200, last
            await framework.launch(f"b{launched}", agent_id=agent_id, command="exit 0")
            await framework.ended(f"b{launched}")
            last = framework.updates[f"b{launched}"][-1].get("message", "")
        status = framework.updates[f"b{launched}"][-1]
        assert (status["state"], status["reason"]) == ("TASK_FAILED", "REASON_CONTAINER_LAUNCH_FAILED")
        leader = await cluster.leader()
        await cluster.kill(leader)
        new = await cluster.leader(other_than=leader)
        await until(lambda: framework.master == new.address, "subscribed with the next leader")
        assert await cluster.id_of(agent) == agent_id
        assert await framework.reconcile() == {"a": "TASK_RUNNING"}
        await framework.launch("c", agent_id=agent_id)
        await until(lambda: framework.last("c") == "TASK_FAILED", "there is no room for it")
        await framework.run("d", agent_id=others[0])
        assert await framework.pids("a") == pids
        free(small)
        await until(lambda: agent.said("there is room again"), "it has noticed")
        await framework.run("e", agent_id=agent_id)
        await framework.end("a", "d", "e")
        assert agent.is_alive
        assert [ends(framework, name) for name in "ade"] == [["KILLED"]] * 3
        await framework.teardown()


@pytest.mark.root
async def test_f12_an_agent_is_killed_while_its_disk_is_full(cluster: Cluster, small: Path) -> None:
    """It starts again all the same, knows what it runs, and begins nothing until there is room."""
    async with cluster.another_agent(work_dir=small / "work") as agent, Framework(cluster.zk) as framework:
        agent_id = await cluster.id_of(agent)
        pids = await framework.run("a", agent_id=agent_id)
        await until((small / "work/meta/ballast").exists, "it is prepared")
        fill(small)
        new = await both_killed(cluster, agent)
        await until(lambda: framework.master == new.address, "subscribed with the next leader")
        await agent.start()
        assert await cluster.id_of(agent) == agent_id
        assert await framework.pids("a") == pids
        assert await framework.reconcile("a") == {"a": "TASK_RUNNING"}
        await framework.launch("b", agent_id=agent_id)
        await until(lambda: framework.last("b") == "TASK_FAILED", "there is no room for it")
        free(small)
        await until(lambda: agent.said("there is room again"), "it has noticed")
        await framework.run("c", agent_id=agent_id)
        await framework.end("a", "c")
        assert framework.reliable() == {
            "a": ["STARTING", "RUNNING", "KILLING", "KILLED"], "b": ["FAILED"],
            "c": ["STARTING", "RUNNING", "KILLING", "KILLED"],
        }  # fmt: skip
        await framework.teardown()
