"""Frameworks die and come back, come twice, do not read, and use names twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys

import pytest

from tests.acceptance.cluster import environment
from tests.coordination.ensemble import DIE_WITH_US
from tests.faults.cluster import UNREAD_MAX, Cluster, Master
from tests.faults.framework import PATH, Framework, Json, Refused, until_its_end
from tests.faults.programs import PATIENCE_S, resident_bytes, until
from tests.faults.test_leaders import posted


@pytest.mark.parametrize("leader_dies", [False, True], ids=["same leader", "the leader dies, too"])
async def test_f17_a_framework_is_killed_and_comes_back(cluster: Cluster, leader_dies: bool) -> None:
    """1 kill -9, with updates it has not acknowledged; 2 another process comes with its id; 3 it hears all of them."""
    mark = f"f17-{leader_dies}"
    with subprocess.Popen(
        [*DIE_WITH_US, sys.executable, "-m", "tests.faults.mute", cluster.zk, mark],
        stdout=subprocess.PIPE, env=environment(), text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = json.loads(await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), PATIENCE_S))
        process.kill()
    leader = await cluster.leader()
    if leader_dies:
        await cluster.kill(leader)
        leader = await cluster.leader(other_than=leader)
        await until(cluster.all_registered, "agents are with the next leader")

    async def is_missed() -> bool:
        (framework,) = (await cluster.ask(leader, "GET_FRAMEWORKS"))["frameworks"]
        return not framework.get("connected", False)

    await until(is_missed, "the master knows that it is away")
    async with Framework(cluster.zk, id=said["id"]) as framework:
        framework.mark = mark
        await until(lambda: framework.last("b") == "TASK_FINISHED", "what was not acknowledged is told again")
        assert framework.reliable() == {"b": ["STARTING", "RUNNING", "FINISHED"]}
        assert await framework.reconcile("a") == {"a": "TASK_RUNNING"}
        assert await framework.pids("a") == said["pids"]
        await framework.end("a")
        await framework.teardown()


async def test_f20_two_schedulers_of_one_framework(cluster: Cluster) -> None:
    """The later one is the framework: the earlier one's stream ends, and what it still asks for is refused."""
    async with Framework(cluster.zk) as first:
        pids = await first.run("a")
        offer, stream_id, master = await first.offer(), first.stream_id, first.master
        assert master is not None
        async with Framework(cluster.zk, id=first.id) as second:
            await until(lambda: first.errors, "the first one is told")
            assert first.errors == ["Framework failed over"]
            for type, body in (
                ("KILL", {"task_id": {"value": "a"}}),
                ("ACCEPT", {"offer_ids": [offer["id"]], "operations": [
                    {"type": "LAUNCH", "launch": {"task_infos": [first.task("ghost", offer)]}}]}),
                ("TEARDOWN", {}),
            ):  # fmt: skip
                with pytest.raises(Refused) as refused:
                    await first.call_at(master, stream_id, type, **body)
                assert refused.value.status in (400, 403)
            second.mark = first.mark
            assert await second.reconcile() == {"a": "TASK_RUNNING"}
            assert await second.pids("a", "ghost") == pids
            await second.run("b")
            await second.end("a", "b")
            assert first.told("a") == ["STARTING", "RUNNING"]
            await second.teardown()


class Dawdler:
    """Subscribed, and reads a byte a second."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self.socket = socket.socket()
        self.stream_id = self.framework_id = ""

    async def __aenter__(self) -> Dawdler:
        loop = asyncio.get_running_loop()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        await loop.sock_connect(self.socket, ("127.0.0.1", self._master.port))
        info = {"name": "dawdler", "user": "root", "roles": ["*"], "failover_timeout": 600,
                "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]}
        subscribe = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        await loop.sock_sendall(self.socket, posted(PATH, subscribe))
        said = b""
        while b'"heartbeat_interval' not in said:
            said += await loop.sock_recv(self.socket, 100)
        head, _, body = said.partition(b"\r\n\r\n")
        self.stream_id = next(
            line.partition(b": ")[2].decode() for line in head.split(b"\r\n") if b"stream-id" in line.lower()
        )
        self.framework_id = body.partition(b'"framework_id":{"value":"')[2].partition(b'"')[0].decode()
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self.socket.close()

    async def _read(self) -> None:
        with contextlib.suppress(OSError):
            while await asyncio.get_running_loop().sock_recv(self.socket, 1):
                await asyncio.sleep(1)

    async def ask(self, cluster: Cluster, count: int) -> bool:
        """That many answers are on their way; False: it is not subscribed any more."""
        tasks = [{"task_id": {"value": f"nothing-{number}"}} for number in range(count)]
        call = {"type": "RECONCILE", "framework_id": {"value": self.framework_id}, "reconcile": {"tasks": tasks}}
        headers = {"Mesos-Stream-Id": self.stream_id}
        async with cluster.session.post(f"http://{self._master.address}{PATH}", json=call, headers=headers) as answer:
            return answer.status == 202


async def test_f23_a_framework_hardly_reads(cluster: Cluster) -> None:
    """It is cut off at the bound; the master's memory stays flat; others do not notice."""
    leader = await cluster.leader()
    assert leader.process is not None
    answers, asked = 1000, 0
    async with Framework(cluster.zk) as other, Dawdler(leader) as dawdler:
        await other.run("before")
        before = resident_bytes(leader.process.pid)
        while await dawdler.ask(cluster, answers):
            asked += answers
            assert asked * 100 < 64 * UNREAD_MAX, "it is never cut off"
        assert resident_bytes(leader.process.pid) - before < 64 << 20
        assert asked >= answers
        (framework,) = [
            framework for framework in (await cluster.ask(leader, "GET_FRAMEWORKS"))["frameworks"]
            if framework["framework_info"]["name"] == "dawdler"
        ]  # fmt: skip
        assert not framework.get("connected", False)
        await other.run("after")
        await other.end("before", "after")
        assert other.errors == []
        assert len([event for event in other.events if event["type"] == "SUBSCRIBED"]) == 1
        await other.teardown()


async def test_f25_the_name_of_a_task_is_used_twice(cluster: Cluster) -> None:
    """While the first runs; while its end is not acknowledged; after a failover: an error, and the first is as it was.

    Once its end is acknowledged, the name is free.
    """
    first, second = (await cluster.registered()).values()

    async def refused(framework: Framework, name: str) -> None:
        def errors() -> list[Json]:  # what is not acknowledged may be told again in between
            return [status for status in framework.updates.get(name, ()) if status["state"] == "TASK_ERROR"]

        before, told = framework.reliable().get(name), len(errors())
        for agent_id in (first, second):
            await framework.launch(name, agent_id=agent_id)
        await until(lambda: len(errors()) == told + 2, "both are refused")
        for status in errors()[told:]:
            assert status["reason"] == "REASON_TASK_INVALID"
            assert status["message"] == f"Task has duplicate ID: {name}"
        assert framework.reliable().get(name) == before

    async with Framework(cluster.zk) as framework:
        pids = await framework.run("runs", agent_id=first)
        await refused(framework, "runs")
        framework.acknowledges = until_its_end
        await framework.launch("ended", command="exit 0", agent_id=first)
        await until(lambda: framework.last("ended") == "TASK_FINISHED", "it has ended")
        await refused(framework, "ended")
        leader = await cluster.leader()
        await cluster.kill(leader)
        new = await cluster.leader(other_than=leader)
        await until(lambda: framework.master == new.address, "subscribed with the next leader")
        await until(cluster.all_registered, "agents are back")
        await until(lambda: framework.last("ended") == "TASK_FINISHED", "its end is told again")
        await refused(framework, "runs")
        await refused(framework, "ended")
        assert await framework.pids("runs", "ended") == pids
        await framework.acknowledge(next(
            status for status in reversed(framework.updates["ended"]) if status["state"] == "TASK_FINISHED"))

        async def is_forgotten() -> bool:
            found = (await cluster.ask(new, "GET_TASKS")).get("tasks", ())
            return [task["name"] for task in found] == ["runs"]

        await until(is_forgotten, "its end is acknowledged")
        await framework.run("ended", agent_id=second)
        await framework.end("runs", "ended")
        await framework.teardown()


async def test_f25_the_first_is_on_an_agent_that_is_not_back_yet(cluster: Cluster) -> None:
    """1 an agent is stopped, and the leader dies; 2 the next leader cannot know; 3 of two tasks of one name, one stays.

    The framework is not told that its task has ended: the one it launched last runs on.
    """
    agent = next(iter(cluster.agents.values()))
    known = await cluster.registered()
    first = known.pop(agent.name)
    (second,) = known.values()
    async with Framework(cluster.zk) as framework:
        (stale,) = (await framework.run("a", agent_id=first)).values()
        leader = await cluster.leader()
        agent.signal(signal.SIGSTOP)
        await cluster.kill(leader)
        new = await cluster.leader(other_than=leader)
        await until(lambda: framework.master == new.address, "subscribed with the next leader")
        await framework.launch("a", agent_id=second)
        twice = ["STARTING", "RUNNING"] * 2
        await until(lambda: framework.told("a") == twice, "the second runs, too")

        async def both() -> dict[int, str] | None:
            found = await framework.processes()
            return found if len(found) == 2 else None

        pids = await until(both, "there are two of them")
        agent.signal(signal.SIGCONT)
        await until(cluster.all_registered, "it is back")

        async def is_one() -> bool:
            return len(await framework.processes()) == 1

        await until(is_one, "only one runs")
        assert await framework.processes() == {pid: "a" for pid in pids if pid != stale}
        assert await framework.reconcile() == {"a": "TASK_RUNNING"}
        assert framework.reliable() == {"a": twice}
        await framework.teardown()
