"""Agents are cut off from their master, and come back; tasks do not notice."""

from __future__ import annotations

from tests.coordination.ensemble import Proxy
from tests.faults.cluster import Cluster
from tests.faults.framework import Framework
from tests.faults.programs import until


async def test_f13_an_agent_is_cut_off_for_too_long(cluster: Cluster) -> None:
    """1 pings are not answered; 2 its tasks are UNREACHABLE, or LOST to who knows no better; 3 they are RUNNING again.

    One has ended in the meantime, and that is not lost either.
    """
    leader = await cluster.leader()
    async with (
        Proxy(leader.port) as proxy, cluster.another_agent(f"127.0.0.1:{proxy.port}") as agent,
        Framework(cluster.zk) as aware, Framework(cluster.zk, aware=False) as simple,
    ):  # fmt: skip
        agent_id = await cluster.id_of(agent)
        table = await cluster.registry()
        await aware.idle()
        pids = await simple.run("b", agent_id=agent_id)
        await simple.idle()
        pids |= await aware.run("a", agent_id=agent_id)
        await aware.launch("ends", agent_id=agent_id, command="while ! [ -e go ]; do sleep 0.1; done")
        await until(lambda: aware.last("ends") == "TASK_RUNNING", "it runs")
        proxy.freeze()
        await until(lambda: aware.last("a") == "TASK_UNREACHABLE" and simple.last("b") == "TASK_LOST", "it is missed")
        assert await cluster.registry() == table | {agent_id: "unreachable"}
        await until(
            lambda: all(offer["agent_id"]["value"] != agent_id for offer in aware.offers.values()), "nothing is offered"
        )
        (sandbox,) = agent.work_dir.glob(f"slaves/*/frameworks/{aware.id}/executors/ends/runs/latest")
        (sandbox / "go").touch()
        assert await aware.pids("a") | await simple.pids("b") == pids
        proxy.heal()
        await until(lambda: aware.last("a") == "TASK_RUNNING" and simple.last("b") == "TASK_RUNNING", "it is back")
        await until(lambda: aware.last("ends") == "TASK_FINISHED", "what it had to tell is told")
        assert await cluster.id_of(agent) == agent_id
        assert await cluster.registry() == table
        assert await aware.pids("a") | await simple.pids("b") == pids
        assert aware.told("a") == ["STARTING", "RUNNING", "UNREACHABLE", "RUNNING"]
        assert simple.told("b") == ["STARTING", "RUNNING", "LOST", "RUNNING"]
        assert aware.reliable()["ends"] == ["STARTING", "RUNNING", "FINISHED"]
        await aware.run("c", agent_id=agent_id)
        await aware.teardown()
        await simple.teardown()


async def test_f13_and_another_master_leads_when_it_is_back(cluster: Cluster) -> None:
    """1 an agent is unreachable; 2 kill -9 the leader; 3 the next one knows, and takes the agent back with its task."""
    leader = await cluster.leader()
    async with (
        Proxy(leader.port) as proxy, cluster.another_agent(f"127.0.0.1:{proxy.port}") as agent,
        Framework(cluster.zk) as framework,
    ):  # fmt: skip
        agent_id = await cluster.id_of(agent)
        table = await cluster.registry()
        pids = await framework.run("a", agent_id=agent_id)
        proxy.freeze()
        await until(lambda: framework.last("a") == "TASK_UNREACHABLE", "it is missed")
        await cluster.kill(leader)
        new = await cluster.leader(other_than=leader)
        await until(lambda: framework.master == new.address, "the framework is subscribed with the next leader")
        assert await cluster.registry() == table | {agent_id: "unreachable"}
        assert await framework.reconcile("a", agent_id=agent_id) == {"a": "TASK_UNREACHABLE"}
        proxy.cut()
        proxy.targets = (new.port,)
        proxy.heal()
        await until(lambda: framework.last("a") == "TASK_RUNNING", "it is back")
        assert await cluster.id_of(agent) == agent_id
        assert await cluster.registry() == table
        assert await framework.pids("a") == pids
        await framework.end("a")
        assert framework.reliable() == {"a": ["STARTING", "RUNNING", "KILLING", "KILLED"]}
        await framework.teardown()
