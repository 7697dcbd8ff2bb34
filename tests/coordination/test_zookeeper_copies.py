"""A backup put in place in ZooKeeper, and looking at it, when things happen halfway; and how large requests get."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import attrs
import pytest

from mesos_py.coordination import Corrupt, Fenced, Key, StoreFailed
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.zookeeper.client import Operation
from mesos_py.coordination.zookeeper.layout import REQUEST_MAX, Layout
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.master.registry.store import to_records
from mesos_py.wire.ids import AgentID
from mesos_py.wire.registry import Registry as Message
from tests import builders
from tests.coordination.ensemble import Ensemble, Proxy
from tests.coordination.places import ZooKeeperPlace, candidacy, put, survivors
from tests.coordination.test_zookeeper_records import Dying, owner

pytestmark = [pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]

JUTE_MAXBUFFER = 0xFFFFF  # bytes; what ZooKeeper's servers take for one request by default

A: Key = ("agents", "a")
SMALL: dict[Key, bytes] = {("agents", f"{number}"): b"old" for number in range(40)}
#: two requests
LARGE: dict[Key, bytes] = {("agents", f"{number}"): bytes([number]) * 50_000 for number in range(30, 42)}


@pytest.fixture
async def place(address: ZooKeeperAddress) -> AsyncIterator[ZooKeeperPlace]:
    made = ZooKeeperPlace(address)
    yield made
    await made.close()


@pytest.fixture
def layout(address: ZooKeeperAddress) -> Layout:
    return Layout(address.path)


async def restorer(session: Session) -> ZooKeeperRecords:
    """As the command line makes one: it is no candidate."""
    await session.ensure(session.address.path)
    return ZooKeeperRecords(session, session.address.path)


@pytest.mark.parametrize("is_damaged", [False, True], ids=["sound", "damaged"])
@pytest.mark.parametrize("backup", [SMALL, LARGE], ids=["small", "large"])
async def test_a_restore_is_cut_after_every_step(
    place: ZooKeeperPlace, layout: Layout, backup: dict[Key, bytes], is_damaged: bool
) -> None:
    """All of the old, or all of the new; of a damaged registry nobody finds anything before it is all of the new."""
    before = LARGE if backup is SMALL else SMALL
    watching = await place.session()
    outcomes = []
    async with Dying(place.address, timeout_s=30) as session:
        is_done = False
        step = 0
        while not is_done:
            for is_sent in (False, True):
                session.left = -1
                await (await restorer(session)).replace(before)
                if is_damaged:
                    await put(watching, layout.path(next(iter(before))), b"damaged")
                session.left, session.is_sent = step, is_sent
                try:
                    await (await restorer(session)).replace(backup)
                    is_done = True
                except KeyboardInterrupt:
                    pass
                try:
                    kept: dict[Key, bytes] | None = await survivors(place)
                except Corrupt as error:
                    assert "registry restore" in str(error)
                    kept = None
                assert kept in (None if is_damaged else before, backup)
                outcomes.append(kept == backup)
                if kept is None:
                    session.left = -1
                    await (await restorer(session)).replace(backup)
                    assert await survivors(place) == backup
            step += 1
    assert outcomes == sorted(outcomes)  # it is decided at one step
    assert outcomes[0] is False


async def test_a_commit_that_is_decided_is_seen_as_done(place: ZooKeeperPlace, layout: Layout) -> None:
    """However far it was carried out when its owner died; and looking does not carry it out."""
    watching = await place.session()
    looker = ZooKeeperRecords(watching, "")
    async with Dying(place.address, timeout_s=30) as session:
        for step in range(1, 6):
            session.left = -1
            records = await owner(session)
            await records.commit({**dict.fromkeys([*LARGE, A]), **SMALL})
            session.left = step
            with pytest.raises(KeyboardInterrupt):
                await records.commit({**dict.fromkeys(SMALL), **LARGE})
            debris = sorted(await watching.children(layout.intent))
            seen = (await looker.read()).records
            assert seen == (SMALL if step < 3 else LARGE)  # two parts, the decision, and then it is carried out
            assert sorted(await watching.children(layout.intent)) == debris
            # A backup takes the place of that, too.
            session.left = -1
            await (await restorer(session)).replace({A: b"1"})
            assert await survivors(place) == {A: b"1"}
            assert await watching.children(layout.intent) == []


@pytest.mark.parametrize("what", ["a bucket", "intent", "the ledger", "all of them"])
async def test_parts_of_the_registry_are_missing(place: ZooKeeperPlace, layout: Layout, what: str) -> None:
    """Even when nothing was in them: nobody leads, and a backup puts them back."""
    await survivors(place)
    session = await place.session()
    gone = {"a bucket": [layout.buckets[0]], "intent": [layout.intent], "the ledger": [layout.ledger]}
    for path in gone.get(what, [*layout.buckets, layout.intent, layout.ledger]):
        await session.delete(path)
    with pytest.raises(Corrupt, match="registry restore"):
        await survivors(place)
    await (await restorer(session)).replace(LARGE)
    assert await survivors(place) == LARGE


async def test_what_is_foreign_goes(place: ZooKeeperPlace, layout: Layout) -> None:
    """But not a whole tree that somebody may have put there on purpose; what is beside the records stays."""
    await survivors(place)
    session = await place.session()
    alone, tree = f"{layout.buckets[1]}/x", f"{layout.buckets[0]}/x"
    beside = f"{layout.root}/notes"
    for path in (alone, tree, f"{tree}/y", beside):
        await put(session, path, b"")
    with pytest.raises(StoreFailed, match=f"something below {tree}; remove it by hand"):
        await (await restorer(session)).replace(SMALL)
    await session.delete(f"{tree}/y")
    await session.delete(tree)
    await session.delete(alone)
    with pytest.raises(Corrupt, match="a restore was broken off"):
        await survivors(place)
    await put(session, alone, b"")
    await (await restorer(session)).replace(SMALL)
    assert await survivors(place) == SMALL
    assert await session.owner(beside) is not None


async def test_a_leader_that_writes_on_is_overcome(place: ZooKeeperPlace) -> None:
    """It writes until it is refused, and then exactly the backup is there."""
    leader = await owner(await place.session())
    written = 0

    async def write() -> None:
        nonlocal written
        while True:
            await leader.commit({A: b"%d" % written, ("agents", f"{written % 5}"): b"x"})
            written += 1

    writing = asyncio.ensure_future(write())
    while written < 5:
        await asyncio.sleep(0.01)
    await (await restorer(await place.session())).replace(LARGE)
    with pytest.raises(Fenced):
        await writing
    assert await survivors(place) == LARGE


class Overtaken(Session):
    """Whenever it has taken over and wants to write something, somebody else takes over, ``left`` times."""

    left = 0
    overtake: Callable[[], Awaitable[object]]

    async def transact(self, operations: Sequence[Operation]) -> None:
        if self.left and len(operations) > 2:
            self.left -= 1
            await self.overtake()
        await super().transact(operations)


async def test_masters_that_insist_win(place: ZooKeeperPlace) -> None:
    """A restore that is overtaken again and again gives up, and leaves a registry that is whole."""
    records = await owner(await place.session())
    await records.commit(SMALL)

    async with Overtaken(place.address, timeout_s=30) as session:
        session.overtake, session.left = records.load, 100
        with pytest.raises(Fenced, match="another master has taken over"):
            await (await restorer(session)).replace(LARGE)
        assert await survivors(place) == SMALL
        session.left = 3
        await (await restorer(session)).replace(LARGE)
    assert await survivors(place) == LARGE


async def test_masters_that_are_started_again_and_again_do_not_stop_it(place: ZooKeeperPlace, layout: Layout) -> None:
    """Each takes the damaged registry over before it finds out and ends; that is what it is restored for."""
    records = await owner(await place.session())
    await records.commit(SMALL)
    await put(await place.session(), layout.path(next(iter(SMALL))), b"damaged")

    async def try_to_lead() -> None:
        with pytest.raises(Corrupt):
            await records.load()

    async with Overtaken(place.address, timeout_s=30) as session:
        session.overtake, session.left = try_to_lead, 3
        await (await restorer(session)).replace(LARGE)
        assert session.left == 0
    assert await survivors(place) == LARGE


async def test_no_request_comes_near_what_zookeeper_takes(zookeeper: Ensemble, place: ZooKeeperPlace) -> None:
    """50,000 agents are admitted at once, taken over, replaced by a backup and forgotten again."""
    agents = tuple(
        Message.Agent(info=builders.agent_info(f"host-{number}.example.org", agent_id=AgentID(f"{'m' * 36}-S{number}")))
        for number in range(50_000)
    )
    everything = to_records(Message(agents=Message.Agents(agents=agents)))
    async with Proxy(zookeeper.servers[0].port) as proxy:
        address = attrs.evolve(place.address, hosts=(f"127.0.0.1:{proxy.port}",))
        async with Session(address, timeout_s=60) as session:
            records = await owner(session)
            await records.commit(everything)
            assert len((await records.read()).records) == 50_000
            half = dict(list(everything.items())[:25_000])
            await (await restorer(session)).replace(half)
            successor = ZooKeeperRecords(session, await candidacy(session))
            assert len(await successor.load()) == 25_000
            await successor.commit(dict.fromkeys(half))
            assert (await successor.read()).records == {}
        assert 0.5 * REQUEST_MAX < proxy.largest_request < 0.7 * JUTE_MAXBUFFER
        assert proxy.largest_answer < JUTE_MAXBUFFER
