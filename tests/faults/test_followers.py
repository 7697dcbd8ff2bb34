"""Who asks a master finds the one that leads: through a standby, through ZooKeeper, and over its death."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess

import pytest

from tests.coordination.ensemble import Proxy
from tests.faults.cluster import Cluster, Master
from tests.faults.framework import PATH, Framework
from tests.faults.programs import PATIENCE_S, cli, command, until


async def test_standbys_send_everybody_to_the_leader(cluster: Cluster) -> None:
    """307 with the leader's address, whatever is asked; what is about the process itself it answers."""
    leader = await cluster.leader()
    for standby in await cluster.standbys():

        async def knows(standby: Master = standby) -> bool:
            async with cluster.session.get(f"http://{standby.address}/redirect", allow_redirects=False) as answer:
                return answer.headers.get("Location") == f"//{leader.address}"

        await until(knows, "it has been told who leads")
        for method, path, status in (
            ("GET", "/state", 307), ("GET", "/redirect", 307), ("POST", "/api/v1", 307), ("POST", PATH, 307),
            ("GET", "/health", 200), ("GET", "/metrics/snapshot", 200),
        ):  # fmt: skip
            url = f"http://{standby.address}{path}"
            async with cluster.session.request(method, url, allow_redirects=False) as answer:
                assert answer.status == status, path
                if status == 307:
                    target = "" if path == "/redirect" else path
                    assert answer.headers["Location"] == f"//{leader.address}{target}"
        async with cluster.session.get(f"http://{standby.address}/metrics/snapshot") as answer:
            assert (await answer.json())["master/elected"] == 0
        async with cluster.session.get(f"http://{standby.address}/registrar(1)/registry") as answer:
            assert await answer.json() == {}  # it has not read any


async def test_the_command_line_asks_whoever_leads(cluster: Cluster) -> None:
    """1 the leader; 2 nobody, and then it says so; 3 the next one, who tells the same."""
    leader = await cluster.leader()
    first = await cli("agents", f"--master={cluster.zk}", "--json")
    assert first.returncode == 0, first.stderr
    leader.kill()
    for words in (("ps",), ("agents",), ("call", "get-agents"), ("run", "--", "true")):
        asked = await cli(words[0], f"--master={cluster.zk}", *words[1:])
        if asked.returncode == 0:
            break  # another one leads already
        assert asked.returncode == 69, asked.stderr
        assert re.search("cannot reach the master at|no master leads|the master at .* says: ", asked.stderr)
    await cluster.leader(other_than=leader)
    await until(cluster.all_registered, "agents are back")
    second = await cli("agents", f"--master={cluster.zk}", "--json")
    assert _ids(second.stdout) == _ids(first.stdout)


def _ids(text: str) -> set[str]:
    return {agent["agent_info"]["id"]["value"] for agent in json.loads(text)}


async def communicated(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = await asyncio.to_thread(running.communicate, timeout=PATIENCE_S)
    return running.returncode, stdout, stderr


async def line_of(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return await asyncio.wait_for(asyncio.to_thread(running.stdout.readline), PATIENCE_S)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM], ids=lambda how: how.name)
async def test_a_run_outlives_its_master(cluster: Cluster, how: signal.Signals) -> None:
    """Output and status are the command's, though another master leads at its end than at its beginning."""
    leader = await cluster.leader()
    script = "echo one; while ! [ -e go ]; do sleep 0.1; done; echo two; exit 7"
    with command("run", f"--master={cluster.zk}", "--", "sh", "-c", script) as running:
        assert await line_of(running) == "one\n"
        (task,) = (await cluster.ask(leader, "GET_TASKS"))["tasks"]
        leader.signal(how)
        new = await cluster.leader(other_than=leader)

        async def is_subscribed() -> bool:
            frameworks = (await cluster.ask(new, "GET_FRAMEWORKS")).get("frameworks", ())
            return any(framework.get("connected") for framework in frameworks)

        await until(is_subscribed, "it is subscribed with the next master")
        await until(cluster.all_registered, "agents are back")
        for agent in cluster.agents.values():
            for sandbox in agent.work_dir.glob(f"slaves/*/frameworks/*/executors/{task['name']}/runs/latest"):
                (sandbox / "go").touch()
        code, stdout, stderr = await communicated(running)
        assert (code, stdout) == (7, "two\n"), stderr
        assert stderr == f"the master at {leader.address} is gone; waiting for the one that leads next\n"
        assert (await cluster.ask(new, "GET_FRAMEWORKS")).get("frameworks", []) == []


async def test_a_run_is_interrupted_while_nobody_leads(cluster: Cluster) -> None:
    """The next master is told to kill the task."""
    leader = await cluster.leader()
    with command("run", f"--master={cluster.zk}", "--", "sh", "-c", "echo up; exec sleep 600") as running:
        assert await line_of(running) == "up\n"
        leader.kill()
        running.send_signal(signal.SIGINT)
        code, _, stderr = await communicated(running)
        assert code == 128 + signal.SIGTERM, stderr


async def test_a_run_waits_for_a_master(cluster: Cluster) -> None:
    """The leader is stopped before it has answered anything: the next one answers."""
    leader = await cluster.leader()
    leader.signal(signal.SIGSTOP)
    with command("run", f"--master={cluster.zk}", "--", "echo", "done") as running:
        await cluster.leader(other_than=leader)
        code, stdout, stderr = await communicated(running)
        assert (code, stdout) == (0, "done\n"), stderr


async def test_a_launch_that_was_lost_is_made_again(cluster: Cluster) -> None:
    """The leader takes the launch, and dies before the only agent it fits on hears of it.

    Somebody else holds the offer until the agent is cut off: it would be missed if that were for long.
    """
    leader = await cluster.leader()
    async with (
        Proxy(leader.port) as proxy, cluster.another_agent(f"127.0.0.1:{proxy.port}", cpus=9) as agent,
        Framework(cluster.zk) as other,
    ):  # fmt: skip
        await other.offer(await cluster.id_of(agent))
        with command("run", f"--master={cluster.zk}", "--resources=cpus:9", "--", "echo", "done") as running:

            async def are_subscribed() -> bool:
                frameworks = (await cluster.ask(leader, "GET_FRAMEWORKS")).get("frameworks", ())
                return len(frameworks) == 2

            async def is_staging() -> bool:
                tasks = (await cluster.ask(leader, "GET_TASKS")).get("tasks", ())
                return [task["state"] for task in tasks] == ["TASK_STAGING"]

            await until(are_subscribed, "it waits for an offer")
            proxy.freeze()
            await other.idle()
            await until(is_staging, "it is launched")
            await cluster.kill(leader)
            proxy.cut()
            proxy.targets = ((await cluster.leader(other_than=leader)).port,)
            proxy.heal()
            code, stdout, stderr = await communicated(running)
            assert (code, stdout) == (0, "done\n"), stderr


async def test_nobody_is_there(cluster: Cluster) -> None:
    """A path at which there never was a master: the command line says so; a run says it, too, and does not wait."""
    for words in (("ps",), ("run", "--", "true")):
        asked = await cli(words[0], f"--master={cluster.zk}/nobody", *words[1:])
        assert (asked.returncode, "no master leads" in asked.stderr) == (69, True)
