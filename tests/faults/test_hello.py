"""``examples/hello.py``, unmodified, while real masters, ZooKeeper and it itself are killed, stopped and cut off."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.acceptance.cluster import ROOT, environment
from tests.coordination.ensemble import DIE_WITH_US
from tests.faults.cluster import Cluster
from tests.faults.programs import PATIENCE_S, until

HELLO = ROOT / "examples" / "hello.py"


class Hello:
    """One run of it."""

    def __init__(self, master: str, state: Path, program: Path) -> None:
        self._process = subprocess.Popen(
            [*DIE_WITH_US, sys.executable, str(program)], cwd="/", text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(MESOS_MASTER=master, XDG_STATE_HOME=str(state)),
        )  # fmt: skip

    async def line(self) -> str:
        """The next one it prints; "" at the end."""
        assert self._process.stdout is not None
        return await asyncio.wait_for(asyncio.to_thread(self._process.stdout.readline), PATIENCE_S)

    async def end(self) -> tuple[int, str, str]:
        """Its code and what it has printed since, once it has ended by itself."""
        stdout, stderr = await asyncio.to_thread(self._process.communicate, None, PATIENCE_S)
        return self._process.returncode, stdout, stderr

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()

    def close(self) -> None:
        """It has ended, and nobody reads it any more."""
        self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


@asynccontextmanager
async def started(master: str, state: Path, program: Path = HELLO) -> AsyncIterator[Hello]:
    hello = Hello(master, state, program)
    try:
        yield hello
    finally:
        hello.kill()
        hello.close()


@asynccontextmanager
async def slow_agents(cluster: Cluster) -> AsyncIterator[None]:
    """They do nothing until they are told to go on."""
    for agent in cluster.agents.values():
        agent.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for agent in cluster.agents.values():
            agent.signal(signal.SIGCONT)


async def is_subscribed(cluster: Cluster) -> bool:
    """Somebody is."""
    frameworks = (await cluster.ask_leader("GET_FRAMEWORKS")).get("frameworks", ())
    return any(one.get("connected") for one in frameworks)


async def is_kept(cluster: Cluster, state: Path) -> bool:
    """Whoever is subscribed has written down which framework it is."""
    frameworks = (await cluster.ask_leader("GET_FRAMEWORKS")).get("frameworks", ())
    ids = [one["framework_info"]["id"]["value"].encode() for one in frameworks if one.get("connected")]
    return any(id in path.read_bytes() for id in ids for path in state.rglob("*") if path.is_file())


async def f01(cluster: Cluster) -> None:
    """The leader is killed."""
    (await cluster.leader()).kill()


async def f02(cluster: Cluster) -> None:
    """All masters are killed and started again."""
    for master in cluster.masters.values():
        await cluster.kill(master)
    await asyncio.gather(*[master.start() for master in cluster.masters.values()])


async def f03(cluster: Cluster) -> None:
    """The leader is stopped until another one leads."""
    leader = await cluster.leader()
    leader.signal(signal.SIGSTOP)
    await cluster.leader(other_than=leader)
    leader.signal(signal.SIGCONT)


async def f04(cluster: Cluster) -> None:
    """The leader is cut off from ZooKeeper alone."""
    leader = await cluster.leader()
    leader.proxy.cut()
    await cluster.leader(other_than=leader)


async def f05(cluster: Cluster) -> None:
    """ZooKeeper has no quorum for so long that nobody leads any more."""
    leader = await cluster.leader()
    for server in cluster.ensemble.servers[:2]:
        server.kill()
    await leader.ended()
    for server in cluster.ensemble.servers[:2]:
        server.start()


FAULTS = (f01, f02, f03, f04, f05)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
async def test_whatever_becomes_of_masters(
    cluster: Cluster, fault: Callable[[Cluster], Awaitable[None]], tmp_path: Path
) -> None:
    """1 hello is under way, with tasks that agents are slow to run; 2 it goes wrong; 3 five tasks come to their end."""
    async with started(cluster.zk, tmp_path) as hello, slow_agents(cluster):
        await until(lambda: is_subscribed(cluster), "hello is subscribed")
        await fault(cluster)
        for agent in cluster.agents.values():
            agent.signal(signal.SIGCONT)
        code, stdout, stderr = await hello.end()
    assert code == 0, stderr
    finished = [line.split()[0] for line in stdout.splitlines() if line.endswith("TASK_FINISHED")]
    assert len(finished) == len(set(finished)) == 5, stdout


async def test_f17_f18_killed_and_started_again(cluster: Cluster, tmp_path: Path) -> None:
    """With what was kept it is the same framework; with nothing kept it is another one."""
    async with started(cluster.zk, tmp_path) as first:
        await first.line()
        first.kill()
    async with started(cluster.zk, tmp_path / "empty") as other:
        assert (await other.end())[0] == 0
    async with started(cluster.zk, tmp_path) as second:
        assert (await second.end())[0] == 0
    completed = (await cluster.ask(await cluster.leader(), "GET_FRAMEWORKS")).get("completed_frameworks", ())
    assert sum(one["framework_info"]["name"] == "hello" for one in completed) >= 2
    frameworks = (await cluster.ask(await cluster.leader(), "GET_FRAMEWORKS")).get("frameworks", ())
    assert frameworks == () or frameworks == []


async def test_f20_two_at_a_time(cluster: Cluster, tmp_path: Path) -> None:
    """The second one goes on, the first one ends and says why; nothing is done twice."""
    async with started(cluster.zk, tmp_path) as first, slow_agents(cluster):
        await until(lambda: is_kept(cluster, tmp_path), "the first one is subscribed")
        async with started(cluster.zk, tmp_path) as second:
            code, _, stderr = await first.end()
            for agent in cluster.agents.values():
                agent.signal(signal.SIGCONT)
            assert code == 1 and ("FailedOver" in stderr or "Fenced" in stderr)
            code, stdout, _ = await second.end()
            assert (code, stdout.count("TASK_FINISHED")) == (0, 5)


async def test_instances_that_wait_for_their_turn(cluster: Cluster, tmp_path: Path) -> None:
    """With its store in ZooKeeper the second one runs when the first one has been killed, as the same framework."""
    program = tmp_path / "standby.py"
    program.write_text(
        f"import sys; sys.path.insert(0, {str(ROOT / 'examples')!r})\n"
        "import hello\nfrom mesos_py import sdk\n"
        f"sdk.run(hello.Hello(store='zk://{cluster.ensemble.hosts}/hello'))"
    )
    async with (
        slow_agents(cluster),
        started(cluster.zk, tmp_path, program) as first,
    ):
        await until(lambda: is_subscribed(cluster), "the first one is subscribed")
        async with started(cluster.zk, tmp_path, program) as second:
            first.kill()
            for agent in cluster.agents.values():
                agent.signal(signal.SIGCONT)
            code, stdout, stderr = await second.end()
    assert code == 0, stderr
    assert stdout.count("TASK_FINISHED") == 5
    completed = (await cluster.ask(await cluster.leader(), "GET_FRAMEWORKS"))["completed_frameworks"]
    assert completed[-1]["framework_info"]["name"] == "hello"
