"""What masters remember is damaged, or only in a file: nobody leads on a guess, and no task pays for it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
import pytest_asyncio

from tests.faults.cluster import AT_ONCE, PINGS, Agent, Cluster
from tests.faults.framework import Framework
from tests.faults.programs import Program, until
from tests.ports import free_ports


@pytest.mark.parametrize("what", ["a record is cut off", "a record is missing", "the ledger is empty"])
async def test_f08_znodes_are_damaged(cluster: Cluster, what: str) -> None:
    """1 the leader ends; 2 each of the others says what is wrong, and ends; 3 a backup is put back, and all is well."""
    known = await cluster.registered()
    path = f"{cluster.path}/log_replicas/registry/ledger"
    if what != "the ledger is empty":
        path = next(path for path in await asyncio.to_thread(cluster.record_paths) if "/agents:" in path)
    good, _ = await asyncio.to_thread(cluster.kazoo.get, path)
    async with Framework(cluster.zk) as framework:
        pids = await framework.run("a", "b")
        leader, standbys = await cluster.leader(), await cluster.standbys()
        if what == "a record is missing":
            await asyncio.to_thread(cluster.kazoo.delete, path)
        else:
            damaged = good[: len(good) // 2] if what == "a record is cut off" else b""
            await asyncio.to_thread(cluster.kazoo.set, path, damaged)
        leader.signal(signal.SIGTERM)
        assert [await standby.ended() for standby in standbys] == [1, 1]
        assert await leader.ended() == 0
        for standby in standbys:
            (told,) = [line for line in standby.tail(20).splitlines() if line.startswith("mesos-py master: ")][-1:]
            assert "Corrupt: " in told
            assert "registry restore" in told

        async def nobody_stands() -> bool:
            return await cluster.candidates() == []

        await until(nobody_stands, "nobody stands for election")
        assert await framework.pids("a", "b") == pids
        assert all(agent.is_alive for agent in cluster.agents.values())

        again = cluster.kazoo.create if what == "a record is missing" else cluster.kazoo.set
        await asyncio.to_thread(again, path, good)
        await asyncio.gather(*[master.start() for master in cluster.masters.values()])
        await until(lambda: framework.master, "the framework is subscribed")
        await until(cluster.all_registered, "agents are back")
        assert await cluster.registered() == known
        assert set((await cluster.registry()).values()) == {"admitted"}
        assert await framework.pids("a", "b") == pids
        await framework.end("a", "b")
        await framework.teardown()


# ---- one master, its registry in SQLite


@attrs.frozen
class Alone:
    """A master without ZooKeeper, and an agent."""

    master: Program
    agent: Agent
    work_dir: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.master.port}"


@pytest_asyncio.fixture(loop_scope="session")
async def alone(tmp_path: Path) -> AsyncIterator[Alone]:
    (port,) = free_ports(1)
    work_dir = tmp_path / "master"
    master = Program("master", tmp_path, "master", f"--work_dir={work_dir}", *PINGS, port=port)
    agent = Agent("agent", tmp_path, f"127.0.0.1:{port}", *AT_ONCE)
    try:
        await master.start()
        await agent.start()
        yield Alone(master, agent, work_dir)
    finally:
        await agent.stop()
        await master.stop()


def damage(path: Path, how: str) -> None:
    size = os.path.getsize(path)
    match how:
        case "cut off":
            os.truncate(path, size // 2)
        case "overwritten":
            with path.open("r+b") as file:
                file.seek(size // 2)
                file.write(b"\xa5" * (size // 4))
        case "empty":
            os.truncate(path, 0)


async def test_f02_the_only_master_is_killed(alone: Alone) -> None:
    """Its registry is in a file: it knows its agent again, and the tasks from the agent."""
    async with Framework(alone.address) as framework:
        pids = await framework.run("a", "b")
        for _ in range(2):
            alone.master.kill()
            await until(lambda: framework.master is None, "the framework has no master")
            await alone.master.start()
            await until(lambda: framework.master, "the framework is subscribed")
            await until(lambda: framework.offers, "the agent is back")
            assert await framework.reconcile() == {"a": "TASK_RUNNING", "b": "TASK_RUNNING"}
            assert await framework.pids("a", "b") == pids
        (offer,) = framework.offers.values()
        assert offer["agent_id"] == framework.updates["a"][0]["agent_id"]
        await framework.end("a", "b")
        await framework.teardown()


async def test_f08_the_file_is_damaged(alone: Alone) -> None:
    """The master says so and ends; with the old file it goes on as if nothing had been."""
    async with Framework(alone.address) as framework:
        pids = await framework.run("a")
        alone.master.signal(signal.SIGTERM)
        assert await alone.master.ended() == 0
        good = shutil.copytree(alone.work_dir, alone.work_dir.with_name("backup"))
        for how in ("cut off", "overwritten", "empty"):
            damage(alone.work_dir / "registry.db", how)
            alone.master.launch()
            assert await alone.master.ended() == 1
            assert "registry restore" in alone.master.tail(1), how
            shutil.copytree(good, alone.work_dir, dirs_exist_ok=True)
        assert await framework.pids("a") == pids
        await alone.master.start()
        await until(lambda: framework.master, "the framework is subscribed")
        await until(lambda: framework.offers, "the agent is back")
        assert await framework.reconcile() == {"a": "TASK_RUNNING"}
        assert await framework.pids("a") == pids
        await framework.end("a")
        await framework.teardown()
