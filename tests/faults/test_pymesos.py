"""The unmodified client pymesos finds its master through ZooKeeper, and the next one when that is killed."""

from __future__ import annotations

import asyncio
import json
import subprocess

import pytest

from tests.acceptance.cluster import environment
from tests.acceptance.pymesos_venv import pymesos_python
from tests.acceptance.test_pymesos import PROGRAM
from tests.coordination.ensemble import DIE_WITH_US
from tests.faults.cluster import Cluster, Master
from tests.faults.programs import PATIENCE_S, until


@pytest.mark.pymesos
async def test_pymesos_over_the_death_of_a_leader(cluster: Cluster) -> None:
    """1 eight tasks run; 2 kill -9 the leader; 3 four end while nobody leads; 4 no task and no update is lost."""
    python = await asyncio.to_thread(pymesos_python)
    leader = await cluster.leader()
    known, before = await cluster.registered(), await _acknowledgements(cluster, leader)
    with subprocess.Popen(
        [*DIE_WITH_US, python, PROGRAM, "failover", cluster.zk], env=environment(PYTHONPATH=""), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), PATIENCE_S) == "running\n"

            async def is_acknowledged() -> bool:
                return await _acknowledgements(cluster, leader) >= before + 16

            await until(is_acknowledged, "STARTING and RUNNING of each: pymesos gives up when that fails")
            leader.kill()
            for agent in cluster.agents.values():
                for sandbox in agent.work_dir.glob("slaves/*/frameworks/*/executors/ends-*/runs/latest"):
                    (sandbox / "go").touch()
            stdout, stderr = await asyncio.to_thread(process.communicate, timeout=2 * PATIENCE_S)
        finally:
            process.kill()
    found = json.loads(stdout.splitlines()[-1])
    assert found["errors"] == [], stderr[-4000:]
    assert found["finished"], found
    assert [entry[0] for entry in found["registrations"]] == ["registered", "reregistered"]
    ends = dict.fromkeys((f"ends-{n}" for n in range(4)), "TASK_FINISHED")
    killed = dict.fromkeys((f"killed-{n}" for n in range(4)), "TASK_KILLED")
    for name, end in (ends | killed).items():
        seen = list(dict.fromkeys(found["seen"][name]))  # an update that was told to the first master may come again
        assert seen == ["TASK_STARTING", "TASK_RUNNING", end], name
    assert await cluster.registered() == known


async def _acknowledgements(cluster: Cluster, master: Master) -> int:
    async with cluster.session.get(f"http://{master.address}/metrics/snapshot") as answer:
        return int((await answer.json())["master/valid_status_update_acknowledgements"])
