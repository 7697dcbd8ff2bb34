"""The leading master is killed, stopped, or cut off from ZooKeeper; ZooKeeper itself goes away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.coordination.ensemble import MULTI
from tests.faults.cluster import Cluster, Master
from tests.faults.framework import PATH, Framework, Json, always, never
from tests.faults.programs import until
from tests.master.over_http import subscribed
from tests.web.raw import Wire, post

RUN_AND_KILLED = ["STARTING", "RUNNING", "KILLING", "KILLED"]


async def test_f01_the_leader_is_killed(cluster: Cluster) -> None:
    """1 tasks run, one has updates that are not acknowledged; 2 kill -9; 3 the next leader knows all of it."""
    known, before = await cluster.registered(), await cluster.registry()
    first, second = known.values()
    async with Framework(cluster.zk) as framework:
        pids = await framework.run("a", agent_id=first) | await framework.run("b", agent_id=second)
        framework.acknowledges = never
        await framework.launch("c", command="exit 0")
        await until(lambda: framework.told("c"), "something is told that is not acknowledged")
        leader = await cluster.leader()
        leader.kill()
        await cluster.leader(other_than=leader)
        framework.acknowledges = always
        await until(lambda: framework.last("c") == "TASK_FINISHED", "the rest is told by the next leader")
        await until(cluster.all_registered, "agents are back")
        assert await cluster.registered() == known
        assert await cluster.registry() == before
        assert await framework.pids("a", "b") == pids
        assert await framework.reconcile() == {"a": "TASK_RUNNING", "b": "TASK_RUNNING"}
        await framework.end("a", "b")
        assert framework.reliable() == {
            "a": RUN_AND_KILLED, "b": RUN_AND_KILLED, "c": ["STARTING", "RUNNING", "FINISHED"],
        }  # fmt: skip
        await framework.teardown()


async def test_f02_all_masters_are_killed(cluster: Cluster) -> None:
    """1 no master is left; 2 they are started again; 3 agents register, no task has noticed; 4 what was said of roles
    holds."""
    known = await cluster.registered()
    limited, weighed = {"role": "f02", "limits": {"cpus": {"value": 1.0}}}, {"role": "f02", "weight": 2.0}
    async with Framework(cluster.zk) as framework:
        pids = await framework.run("a", "b")
        await cluster.ask_leader("UPDATE_QUOTA", quota_configs=[limited])
        await cluster.ask_leader("UPDATE_WEIGHTS", weight_infos=[weighed])
        for master in cluster.masters.values():
            await cluster.kill(master)
        await until(lambda: framework.master is None, "the framework has no master")
        await asyncio.gather(*[master.start() for master in cluster.masters.values()])
        await until(cluster.all_registered, "agents are back")
        assert await cluster.registered() == known
        await until(lambda: framework.master, "the framework is subscribed")
        assert await framework.reconcile() == {"a": "TASK_RUNNING", "b": "TASK_RUNNING"}
        assert await framework.pids("a", "b") == pids
        await framework.teardown()
        assert (await cluster.ask_leader("GET_QUOTA"))["status"]["configs"] == [limited]
        assert weighed in (await cluster.ask_leader("GET_WEIGHTS"))["weight_infos"]
        await cluster.ask_leader("UPDATE_QUOTA", quota_configs=[{"role": "f02"}])


async def test_f03_the_leader_is_stopped_and_goes_on_too_late(cluster: Cluster) -> None:
    """1 SIGSTOP; 2 what it will find in its sockets: a launch, a kill, a question; 3 another one leads; 4 SIGCONT.

    It writes nothing, launches nothing, kills nothing, answers nothing, and ends.
    """
    known = await cluster.registered()
    old = await cluster.leader()
    async with AsyncExitStack() as stack:
        framework = await stack.enter_async_context(Framework(cluster.zk))
        pids = await framework.run("a")
        offer = await framework.offer()
        stream_id = framework.stream_id
        listener, *wires = [await stack.enter_async_context(Wire(old.port)) for _ in range(6)]
        capabilities = [{"type": "MULTI_ROLE"}]
        listener_stream, listener_id = await subscribed(listener, roles=[], capabilities=capabilities)
        assert b"HEARTBEAT" in await listener.chunk()  # without roles nothing follows by itself
        old.signal(signal.SIGSTOP)
        launch = {"type": "LAUNCH", "launch": {"task_infos": [framework.task("ghost", offer)]}}
        for wire, request in zip(wires, (
            posted(PATH, framework.message("ACCEPT", offer_ids=[offer["id"]], operations=[launch]), stream_id),
            posted(PATH, framework.message("KILL", task_id={"value": "a"}), stream_id),
            posted(PATH, framework.message("SUBSCRIBE", framework_info=framework.info)),
            posted(PATH, {
                "type": "RECONCILE", "framework_id": {"value": listener_id},
                "reconcile": {"tasks": [{"task_id": {"value": "nothing"}}]},
            }, listener_stream),
            posted("/api/v1", {"type": "GET_AGENTS"}),
        ), strict=True):  # fmt: skip
            wire.send(request)
        new = await cluster.leader(other_than=old)
        await until(cluster.all_registered, "agents are with the new leader")
        await until(lambda: framework.master == new.address, "so is the framework")
        await whatever(listener)
        ledger = await cluster.ledger()

        old.signal(signal.SIGCONT)
        assert await old.ended() == 1
        assert old.said("LeadershipLost: ") or old.said("LeaseExpired: ")
        assert await cluster.ledger() == ledger
        answers = [(await whatever(wire)).partition(b"\r\n")[0] for wire in wires]
        assert set(answers) <= {b"", b"HTTP/1.1 503 Service Unavailable"}, answers
        assert b"UPDATE" not in await whatever(listener)  # a heartbeat may have been due
        assert await cluster.registered() == known
        assert await framework.reconcile() == {"a": "TASK_RUNNING"}
        assert await framework.pids("a", "ghost") == pids
        assert framework.reliable() == {"a": ["STARTING", "RUNNING"]}
        await framework.teardown()


def posted(path: str, body: Json, stream_id: str | None = None) -> bytes:
    headers = () if stream_id is None else (f"Mesos-Stream-Id: {stream_id}",)
    return post(path, json.dumps(body).encode(), "Accept: application/json", *headers)


async def whatever(wire: Wire) -> bytes:
    """What has come so far, or until the end of the connection."""
    said = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        while piece := await asyncio.wait_for(wire.reader.read(1 << 16), 0.2):
            said += piece
    return said


@pytest.mark.parametrize("how", ["cut", "freeze"])
async def test_f04_the_leader_is_cut_off_from_zookeeper(cluster: Cluster, how: str) -> None:
    """It still reaches agents and frameworks, and ends before another one leads."""
    known, old = await cluster.registered(), await cluster.leader()
    async with Framework(cluster.zk) as framework:
        pids = await framework.run("a")
        getattr(old.proxy, how)()
        led: list[bool] = []

        async def has_ended() -> bool:
            candidates = await cluster.candidates()
            if candidates and candidates[0].port != old.port:
                led.append(await leads(cluster, old))
            return bool(led) and not old.is_alive

        await until(has_ended, "the old leader ends, and another one leads")
        assert old.said("LeadershipLost: ") or old.said("LeaseExpired: ")
        assert not any(led), "two led at once"
        await cluster.leader(other_than=old)
        await until(cluster.all_registered, "agents are with the new leader")
        assert await cluster.registered() == known
        assert await framework.reconcile() == {"a": "TASK_RUNNING"}
        assert await framework.pids("a") == pids
        await framework.end("a")
        assert framework.reliable() == {"a": RUN_AND_KILLED}
        await framework.teardown()


async def test_f05_zookeeper_has_no_quorum(cluster: Cluster) -> None:
    """1 two of three servers are gone; 2 nobody leads, nothing is launched, tasks run on; 3 they are back, all is."""
    known = await cluster.registered()
    async with Framework(cluster.zk) as framework:
        pids = await framework.run("a", "b")
        old = await cluster.leader()
        for server in cluster.ensemble.servers[:2]:
            server.kill()
        assert await old.ended() == 1
        await until(lambda: framework.master is None, "the framework has no master")
        assert not any([await leads(cluster, master) for master in cluster.masters.values()])
        assert await framework.pids("a", "b") == pids
        for server in cluster.ensemble.servers[:2]:
            server.start()
        await until(lambda: framework.master, "the framework is subscribed, and nobody lent a hand")
        await until(cluster.all_registered, "agents are back")
        assert await cluster.registered() == known
        assert await framework.reconcile() == {"a": "TASK_RUNNING", "b": "TASK_RUNNING"}
        assert await framework.pids("a", "b") == pids
        await framework.run("c")
        await framework.end("a", "b", "c")
        assert framework.reliable() == {"a": RUN_AND_KILLED, "b": RUN_AND_KILLED, "c": RUN_AND_KILLED}
        await framework.teardown()


async def test_zookeeper_has_another_leader(cluster: Cluster) -> None:
    """The servers elect another one of theirs; a master whose session outlives that goes on, else another one does."""
    known = await cluster.registered()
    async with Framework(cluster.zk) as framework:
        pids = await framework.run("a")
        server = await asyncio.to_thread(cluster.ensemble.leader)
        server.kill()
        await until(lambda: _has_leader(cluster), "the other two have elected one")
        await until(lambda: _is_led(cluster, framework), "the framework is subscribed with whoever leads")
        await framework.run("b")
        server.start()
        await until(cluster.all_registered, "agents are there")
        assert await cluster.registered() == known
        assert await framework.reconcile() == {"a": "TASK_RUNNING", "b": "TASK_RUNNING"}
        assert await framework.pids("a") == pids
        await framework.end("a", "b")
        assert framework.reliable() == {"a": RUN_AND_KILLED, "b": RUN_AND_KILLED}
        await framework.teardown()


async def _is_led(cluster: Cluster, framework: Framework) -> bool:
    return await cluster.all_registered() and framework.master == (await cluster.leader()).address


async def _has_leader(cluster: Cluster) -> bool:
    modes = await asyncio.gather(*[asyncio.to_thread(server.mode) for server in cluster.ensemble.servers])
    return "leader" in modes


async def leads(cluster: Cluster, master: Master) -> bool:
    """It answers for the cluster."""
    try:
        url = f"http://{master.address}/state"
        async with asyncio.timeout(1), cluster.session.get(url, allow_redirects=False) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def test_f06_a_write_succeeds_and_its_answer_is_lost(cluster: Cluster) -> None:
    """1 an agent registers; 2 the registry has it, the master does not know that; 3 it finds out, and writes once.

    Where all of that takes longer than its session, another one leads, which is another story: it is told again.
    """
    for _ in range(5):
        leader, before = await cluster.leader(), await cluster.ledger()
        table = await cluster.registry()
        proxy, lost = leader.proxy, leader.proxy.replies_lost
        proxy.losing_replies_to = MULTI
        async with cluster.another_agent() as agent:
            await until(lambda: proxy.replies_lost > lost, "the registry has the agent, and has said so")  # noqa: B023
            assert not agent.said("registered")  # nobody can ask the master now: reads, too, wait for the write
            proxy.cut()
            proxy.heal()
            agent_id = await cluster.id_of(agent)
            assert await cluster.registry() == table | {agent_id: "admitted"}
            after = await cluster.ledger()
        if after.epoch == before.epoch:
            break
        await cluster.settle()
    assert (after.epoch, after.owner, after.serial) == (before.epoch, before.owner, before.serial + 1)
