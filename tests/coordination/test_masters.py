"""Real masters, elected by a real ZooKeeper: one leads, the others say who; what it knew outlives it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs
import pytest
from structlog.testing import capture_logs

from mesos_py.agent.containerizer.scripted import RUNS, ScriptedContainerizer
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.server import AgentServer
from mesos_py.coordination.address import Address, MasterAddress, ZooKeeperAddress
from mesos_py.coordination.introduction import written
from mesos_py.coordination.locator import Locator
from mesos_py.master.options import Options
from mesos_py.master.server import MasterServer, master_info
from mesos_py.wire.schema import evolve
from tests.coordination.arenas import PATIENCE_S
from tests.coordination.ensemble import Ensemble, Proxy
from tests.coordination.places import ZooKeeperPlace, put
from tests.coordination.test_zookeeper_election import Foreigner
from tests.master.over_http import call
from tests.master.test_restart import agents, register
from tests.web.raw import exchange, get

pytestmark = [pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]


def options(address: ZooKeeperAddress, timeout_s: float = 30.0) -> Options:
    secret = "" if address.credentials is None else f"{address.credentials}@"
    zk = f"zk://{secret}{','.join(address.hosts)}{address.path}"
    return Options(port=0, zk=zk, zk_session_timeout_s=timeout_s)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def is_leading(master: MasterServer) -> None:
    await until(lambda: master.leadership.is_recovered)


async def test_nobody_is_sent_in_circles(address: ZooKeeperAddress) -> None:
    """A master that was killed is started again before its session ends: the one that leads seems to be itself."""
    ghost = evolve(master_info(Options(), 5999), id="ghost")
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Foreigner(address))
        await client.make("json.info_0000000000", written(ghost))
        with capture_logs() as said:
            master = await stack.enter_async_context(MasterServer(attrs.evolve(options(address), advertise_port=5999)))
            await until(lambda: any(line.get("id") == "ghost" for line in said))
        for path in ("/state", "/redirect"):
            assert (await exchange(master.port, get(path))).status == 503
        await client.remove("json.info_0000000000")
        await is_leading(master)
        assert (await exchange(master.port, get("/state"))).status == 200


async def test_the_next_master_knows_the_agents(address: ZooKeeperAddress) -> None:
    """F01: standbys send everybody to the leader; when it ends, one of them has its registry."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(MasterServer(options(address)))
        await is_leading(first)
        second = await stack.enter_async_context(MasterServer(options(address)))
        await until(lambda: second.leadership.leader is not None)
        known = await register(first)
        answer = await exchange(second.port, get("/state"))
        assert answer.status == 307
        assert answer.headers["location"] == f"//127.0.0.1:{first.port}/state"
        answer = await exchange(second.port, call("GET_AGENTS"))
        assert answer.status == 307
        await first.stop()
        await is_leading(second)
        assert await agents(second) == ([], [known])
        assert await register(second, known) == known
        assert await agents(second) == ([known], [])
        second.core.check()


async def test_before_anybody_is_elected_nobody_answers(address: ZooKeeperAddress, zookeeper: Ensemble) -> None:
    """A master that cannot reach ZooKeeper says 503, and leads as soon as it can."""
    async with Proxy(zookeeper.servers[0].port) as proxy:
        proxy.cut()
        away = attrs.evolve(address, hosts=(f"127.0.0.1:{proxy.port}",))
        async with MasterServer(options(away)) as master:
            answer = await exchange(master.port, get("/state"))
            assert (answer.status, answer.body) == (503, b"No leader elected")
            proxy.heal()
            await is_leading(master)
            assert (await exchange(master.port, get("/state"))).status == 200


async def test_a_leader_that_is_cut_off_ends(address: ZooKeeperAddress, zookeeper: Ensemble) -> None:
    """F04: it still reaches everybody but ZooKeeper, and must not answer or write; the other one leads."""
    async with Proxy(zookeeper.servers[0].port) as proxy:
        away = attrs.evolve(address, hosts=(f"127.0.0.1:{proxy.port}",))
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(MasterServer(options(away, 2.0)))
            await is_leading(first)
            second = await stack.enter_async_context(MasterServer(options(address)))
            await until(lambda: second.leadership.leader is not None)
            known = await register(first)
            proxy.freeze()
            async with asyncio.timeout(PATIENCE_S):
                why = await first.wait()
            assert why == "LeadershipLost: the session with ZooKeeper has ended"
            answer = await exchange(first.port, get("/state"))
            assert (answer.status, answer.body) == (503, b"No leader elected")
            await is_leading(second)
            assert await agents(second) == ([], [known])
            proxy.heal()


async def test_a_standby_that_was_cut_off_is_a_standby_again(address: ZooKeeperAddress, zookeeper: Ensemble) -> None:
    """It has lost nothing but its place in the queue."""
    async with Proxy(zookeeper.servers[0].port) as proxy, MasterServer(options(address)) as first:
        await is_leading(first)
        away = attrs.evolve(address, hosts=(f"127.0.0.1:{proxy.port}",))
        async with MasterServer(options(away, 2.0)) as second:
            await until(lambda: second.leadership.leader is not None)
            proxy.cut()
            await until(lambda: second.leadership.leader is None)
            assert (await exchange(second.port, get("/state"))).status == 503
            proxy.heal()
            await until(lambda: second.leadership.leader is not None)
            assert (await exchange(second.port, get("/state"))).status == 307
            await first.stop()
            await is_leading(second)


async def test_a_leader_whose_registry_is_taken_over_ends(address: ZooKeeperAddress) -> None:
    """I6: its next write is refused, and what it would have said is not said."""
    async with MasterServer(options(address)) as master:
        await is_leading(master)
        place = ZooKeeperPlace(address)
        thief = await place.records()
        await thief.load()
        registering = asyncio.ensure_future(register(master))
        async with asyncio.timeout(PATIENCE_S):
            assert (await master.wait() or "").startswith("Fenced: ")
        assert not registering.done()
        registering.cancel()
        assert {kind for kind, _ in await (await place.records()).load()} == {"master"}
        await place.close()


async def test_what_cannot_be_led_on_is_told(address: ZooKeeperAddress) -> None:
    """Wrong password, damaged registry: the reason, and no leader."""
    alice = attrs.evolve(address, credentials="alice:secret")
    async with MasterServer(options(alice)) as master:
        await is_leading(master)
        async with MasterServer(options(attrs.evolve(address, credentials="eve:secret"))) as other:
            async with asyncio.timeout(PATIENCE_S):
                why = await other.wait() or ""
            assert why.startswith("AccessDenied: ")
            assert "secret" not in why
        flags = json.loads((await exchange(master.port, get("/flags"))).body)["flags"]
        assert flags["zk"].startswith("zk://alice:***@")
    place = ZooKeeperPlace(alice)
    session = await place.session()
    await put(session, f"{address.path}/log_replicas/registry/ledger", b"")
    async with MasterServer(options(alice)) as master:
        async with asyncio.timeout(PATIENCE_S):
            assert (await master.wait() or "").startswith("Corrupt: ")
        assert (await exchange(master.port, get("/state"))).status == 503
    await place.close()


@pytest.mark.parametrize("zk", ["zk://host", "host:2181", "zk://user@host/mesos"])
def test_a_zk_that_makes_no_sense(zk: str) -> None:
    """Is refused before anything is started."""
    with pytest.raises(ValueError, match="zk://"):
        MasterServer(Options(port=0, zk=zk))


# ---- agents and tools follow


@asynccontextmanager
async def following(address: Address) -> AsyncIterator[tuple[Locator, list[str]]]:
    """A locator at work, and what it was last seen to move from."""
    moves: list[str] = []
    locator = Locator(address, lambda: moves.append("moved"))
    running = asyncio.create_task(locator.run())
    try:
        yield locator, moves
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_locator_follows_the_leader(address: ZooKeeperAddress) -> None:
    """It waits for the first one, tells the present one, and says when it is another than was told."""
    async with AsyncExitStack() as stack:
        locator, moves = await stack.enter_async_context(following(address))
        waiting = asyncio.ensure_future(locator.locate())
        first = await stack.enter_async_context(MasterServer(options(address)))
        async with asyncio.timeout(PATIENCE_S):
            assert await waiting == f"127.0.0.1:{first.port}"
        second = await stack.enter_async_context(MasterServer(options(address)))
        await until(lambda: second.leadership.leader is not None)
        assert moves == []
        await first.stop()
        await until(lambda: moves == ["moved"])
        assert await locator.locate() == f"127.0.0.1:{second.port}"


async def test_a_written_address_is_believed() -> None:
    """Nothing is asked."""
    async with following(MasterAddress("somewhere", 80)) as (locator, moves):
        assert await locator.locate() == "somewhere:80"
        assert moves == []


async def test_an_agent_follows_the_leader(address: ZooKeeperAddress, tmp_path: Path) -> None:
    """F01 as an agent sees it: the same agent, registered with whoever leads."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(MasterServer(options(address)))
        await is_leading(first)
        second = await stack.enter_async_context(MasterServer(options(address)))
        await stack.enter_async_context(
            AgentServer(
                AgentOptions(
                    master=options(address).zk or "",
                    port=0,
                    work_dir=str(tmp_path / "work"),
                    runtime_dir=str(tmp_path / "run"),
                    resources="cpus:1;mem:100",
                    registration_backoff_factor=0,
                ),
                containerizer=lambda report: ScriptedContainerizer(report=report, script=lambda spec: RUNS),
            )
        )
        await until(lambda: len(first.core.state.agents) == 1)
        (known,) = first.core.state.agents
        await first.stop()
        await until(lambda: known in second.core.state.agents)
        assert second.core.state.recovered_agents == {}
        second.core.check()


@pytest.mark.parametrize("master", ["", "zk://host", "http://host:80", "host:x"])
def test_a_master_that_makes_no_sense(master: str, tmp_path: Path) -> None:
    """Is refused before anything is started."""
    with pytest.raises(ValueError, match=r"zk|host:port"):
        AgentServer(AgentOptions(master=master, work_dir=str(tmp_path)))
