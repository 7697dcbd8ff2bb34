"""F34: the registry is backed up under running masters, and yesterday's backup put back; no task pays for it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from mesos_py.coordination.backup import Backup
from tests.faults.cluster import REGISTRY, Cluster
from tests.faults.framework import Framework
from tests.faults.programs import cli, until
from tests.faults.test_registry import Alone, alone, damage  # noqa: F401 - a fixture


async def registry(*words: str) -> Any:
    """What ``mesos-py registry WORDS --json`` says."""
    done = await cli("registry", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


async def standings(place: str) -> dict[str, str]:
    """agent id -> what the registry says of it."""
    return {each["agent_id"]: each["standing"] for each in (await registry("show", place))["agents"]}


async def test_f34_yesterdays_backup(cluster: Cluster, tmp_path: Path) -> None:
    """1 backup; 2 an agent joins, one is lost; 3 a dry run tells; 4 refused; 5 forced: the next master leads with it.

    The agent that the backup does not know comes back by itself, the one that was lost is awaited again; every task
    runs on in the process that it had.
    """
    place, file = f"--zk={cluster.zk}", str(tmp_path / "backup")
    lost_agent = next(iter(cluster.agents.values()))
    lost = await cluster.id_of(lost_agent)
    before = await registry("show", place)
    made = await registry("backup", file, place)
    assert made["state_hash"] == before["state_hash"]
    assert (await registry("show", place))["epoch"] == before["epoch"]
    async with Framework(cluster.zk) as framework, cluster.another_agent() as newcomer:
        new = await cluster.id_of(newcomer)
        pids = await framework.run("a", "b", agent_id=new)
        pids |= await framework.run("c", agent_id=await cluster.id_of(list(cluster.agents.values())[1]))
        lost_agent.kill()

        async def is_lost() -> bool:
            return (await standings(place))[lost] == "unreachable"

        await until(is_lost, "the agent is unreachable")
        told = await registry("restore", file, "--dry-run", place)
        assert {each["agent_id"]: (each["now"], each["then"]) for each in told["agents"]} == {
            lost: ("unreachable", "admitted"), new: ("admitted", "unknown"),
        }
        (forgotten,) = [each for each in told["agents"] if each["agent_id"] == new]
        assert not forgotten["ends_tasks"]
        assert sorted((task["task_id"], task["framework_id"]) for task in forgotten["tasks"]) == [
            ("a", framework.id), ("b", framework.id),
        ]
        leader = await cluster.leader()
        refused = await cli("registry", "restore", file, place)
        assert (refused.returncode, f"a master leads at {leader.address}" in refused.stderr) == (1, True)

        done = await cli("registry", "restore", file, "--force", place)
        assert done.returncode == 0, done.stderr
        assert await leader.ended() == 1
        assert leader.said("the registry was taken over")
        await until(lambda: framework.master not in (None, leader.address), "the framework is subscribed")
        assert await cluster.id_of(newcomer) == new
        assert await framework.reconcile("a", "b", "c") == dict.fromkeys("abc", "TASK_RUNNING")
        assert (await standings(place))[lost] == "admitted"
        await lost_agent.start()
        assert await cluster.id_of(lost_agent) == lost
        assert await framework.pids("a", "b", "c") == pids
        await framework.end("a", "b", "c")
        await framework.teardown()


async def test_f34_f08_a_backup_is_the_way_out_of_damage(cluster: Cluster, tmp_path: Path) -> None:
    """The masters that refused say how; after it they lead, and everything is as before."""
    place, file = f"--zk={cluster.zk}", str(tmp_path / "backup")
    known = await cluster.registered()
    made = await registry("backup", file, place)
    async with Framework(cluster.zk) as framework:
        pids = await framework.run("a")
        leader, standbys = await cluster.leader(), await cluster.standbys()
        await asyncio.to_thread(cluster.kazoo.set, f"{cluster.path}/{REGISTRY}/ledger", b"")
        leader.signal(signal.SIGTERM)
        assert [await standby.ended() for standby in standbys] == [1, 1]
        assert all("'mesos-py registry restore' puts a backup in its place" in each.tail(1) for each in standbys)
        assert await leader.ended() == 0
        looked = await cli("registry", "show", place)
        assert looked.returncode == 1
        assert "registry restore" in looked.stderr
        await registry("restore", file, place)
        assert (await registry("show", place))["state_hash"] == made["state_hash"]
        await asyncio.gather(*[master.start() for master in cluster.masters.values()])
        await until(lambda: framework.master, "the framework is subscribed")
        await until(cluster.all_registered, "agents are back")
        assert await cluster.registered() == known
        assert await framework.pids("a") == pids
        await framework.end("a")
        await framework.teardown()


async def test_f34_of_the_only_master(alone: Alone, tmp_path: Path) -> None:  # noqa: F811
    """1 back to before there were agents, while it leads and runs a task; 2 back to today, from a file of junk."""
    place, today, before = f"--work_dir={alone.work_dir}", str(tmp_path / "today"), tmp_path / "before"
    nothing = Backup(records={}, made_ns=0, source=place, epoch=0, owner="", serial=0)
    before.write_bytes(nothing.encode())
    async with Framework(alone.address) as framework:
        pids = await framework.run("a")
        made = await registry("backup", today, place)
        (agent,) = (await registry("show", place))["agents"]
        (told,) = (await registry("restore", str(before), "--dry-run", place))["agents"]
        assert (told["agent_id"], told["then"], told["ends_tasks"]) == (agent["agent_id"], "unknown", False)
        assert [task["task_id"] for task in told["tasks"]] == ["a"]
        refused = await cli("registry", "restore", str(before), place)
        assert (refused.returncode, f"a master leads at {alone.address}" in refused.stderr) == (1, True)

        async def goes_on() -> None:
            await alone.master.start()
            await until(lambda: framework.master, "the framework is subscribed")
            await until(lambda: framework.offers, "the agent is back")
            assert await framework.reconcile() == {"a": "TASK_RUNNING"}
            assert await framework.pids("a") == pids
            assert (await registry("show", place))["agents"] == [agent]

        await registry("restore", str(before), "--force", place)
        assert await alone.master.ended() == 1
        assert alone.master.said("the registry was taken over")
        assert (await registry("show", place))["agents"] == []
        await goes_on()

        alone.master.signal(signal.SIGTERM)
        assert await alone.master.ended() == 0
        damage(alone.work_dir / "registry.db", "overwritten")
        alone.master.launch()
        assert await alone.master.ended() == 1
        assert "'mesos-py registry restore' puts a backup in its place" in alone.master.tail(1)
        await registry("restore", today, place)
        assert (await registry("show", place))["state_hash"] == made["state_hash"]
        await goes_on()
        await framework.end("a")
        await framework.teardown()
