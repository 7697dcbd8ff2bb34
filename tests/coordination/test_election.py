"""One suite for every election: there is one leader, everybody hears who it is, and nobody leads who has lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mesos_py.coordination.address import MasterAddress
from mesos_py.coordination.election import StandaloneDetector
from tests.coordination.arenas import Arena, LocalArena, SimulatedArena, Watcher, ZooKeeperArena, info, lost

pytestmark = pytest.mark.xdist_group("zookeeper")


@pytest.fixture(params=["local", "simulated zookeeper", pytest.param("zookeeper", marks=pytest.mark.zk)])
async def arena(request: pytest.FixtureRequest) -> AsyncIterator[Arena]:
    made: Arena
    if request.param == "local":
        made = LocalArena()
    elif request.param == "simulated zookeeper":
        made = SimulatedArena()
    else:
        made = ZooKeeperArena(request.getfixturevalue("address"))
    yield made
    await made.close()


async def test_nobody_leads_at_first(arena: Arena) -> None:
    """And that is told, rather than waited out."""
    assert await (await arena.watcher()).next() is None


async def test_the_oldest_candidate_leads(arena: Arena) -> None:
    """Until it withdraws; then the next oldest does. Who contends again has to queue."""
    one, two, watcher = await arena.elector(), await arena.elector(), await arena.watcher()
    assert await watcher.next() is None
    await one.contend(info("one"))
    assert await watcher.next() == "one"
    await two.contend(info("two"))
    assert await (await arena.watcher()).next() == "one"
    await one.withdraw()
    assert await watcher.until("two") in (["two"], [None, "two"])
    await one.contend(info("one"))
    assert await (await arena.watcher()).next() == "two"
    await two.withdraw()
    assert (await watcher.until("one"))[-1] == "one"
    await one.withdraw()
    assert await watcher.next() is None


async def test_a_lost_candidacy_is_noticed_by_all(arena: Arena) -> None:
    """The holder is told why, and does not hold it any more; the next one leads."""
    one, two, watcher = await arena.elector(), await arena.elector(), await arena.watcher()
    assert not one.is_held
    await one.contend(info("one"))
    await two.contend(info("two"))
    await watcher.until("one")
    waiting = asyncio.ensure_future(lost(one))
    assert one.is_held
    await arena.expire(one)
    assert await waiting
    assert not one.is_held
    assert two.is_held
    await watcher.until("two")
    await one.contend(info("one"))
    assert one.is_held
    await arena.expire(two)
    await watcher.until("one")


async def test_of_many_at_once_one_leads(arena: Arena) -> None:
    """F07: all who look agree, through a whole row of successions."""
    electors = {f"m{number}": await arena.elector() for number in range(5)}
    watchers: list[Watcher] = [await arena.watcher() for _ in range(2)]
    await asyncio.gather(*(elector.contend(info(name)) for name, elector in electors.items()))
    left = set(electors)
    while left:
        leader = await (await arena.watcher()).next()
        assert leader in left
        for watcher in watchers:
            await watcher.until(leader)
        left.discard(leader)
        await electors[leader].withdraw()
    for watcher in watchers:
        assert await watcher.until(None)


async def test_contending_twice_is_one_candidacy(arena: Arena) -> None:
    """The older one is given up."""
    one, two = await arena.elector(), await arena.elector()
    await one.contend(info("one"))
    await two.contend(info("two"))
    await one.contend(info("one again"))
    assert await (await arena.watcher()).next() == "two"
    await one.withdraw()
    await two.withdraw()
    assert await (await arena.watcher()).next() is None


async def test_a_known_master_leads() -> None:
    """Who was told an address asks nobody."""
    leaders = StandaloneDetector(MasterAddress("::1", 5050)).leaders()
    leader = await anext(leaders)
    assert leader is not None
    assert (leader.hostname, leader.port, leader.pid) == ("::1", 5050, "master@[::1]:5050")
    waiting = asyncio.ensure_future(anext(leaders))
    done, _ = await asyncio.wait((waiting,), timeout=0.01)
    assert not done
    waiting.cancel()
