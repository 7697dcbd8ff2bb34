"""What is special about electing by ZooKeeper: Mesos' znodes, sessions that end, links that break, foreign znodes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import attrs
import pytest
from kazoo.client import KazooClient
from kazoo.security import CREATOR_ALL_ACL
from structlog.testing import capture_logs

from mesos_py.coordination import AccessDenied, DetectionFailed
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.zookeeper.election import ZooKeeperDetector
from mesos_py.wire.codec import protobuf
from mesos_py.wire.master import MasterInfo
from tests.coordination.arenas import PATIENCE_S, Watcher, ZooKeeperArena, info, lost
from tests.coordination.ensemble import CREATE, DELETE, SESSION_MAX_S, Ensemble, Proxy

pytestmark = [pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]

SHORT_S = 2.0  # a session that may end during a test, and not before


@pytest.fixture
async def arena(address: ZooKeeperAddress) -> AsyncIterator[ZooKeeperArena]:
    made = ZooKeeperArena(address)
    yield made
    await made.close()


@pytest.fixture
async def proxy(zookeeper: Ensemble) -> AsyncIterator[Proxy]:
    async with Proxy(zookeeper.servers[0].port) as made:
        yield made


def through(proxy: Proxy, address: ZooKeeperAddress) -> ZooKeeperAddress:
    return attrs.evolve(address, hosts=(f"127.0.0.1:{proxy.port}",))


class Foreigner:
    """A client that is none of ours."""

    def __init__(self, address: ZooKeeperAddress, credentials: str | None = None) -> None:
        auth = [("digest", credentials)] if credentials is not None else None
        self.client = KazooClient(hosts=",".join(address.hosts), auth_data=auth)
        self.path = address.path

    async def __aenter__(self) -> Foreigner:
        await asyncio.to_thread(self.client.start)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self.client.stop)
        await asyncio.to_thread(self.client.close)

    async def make(self, name: str, data: bytes = b"") -> None:
        await asyncio.to_thread(self.client.create, f"{self.path}/{name}", data, makepath=True)

    async def make_closed(self, name: str) -> None:
        """For itself alone."""
        path = f"{self.path}/{name}" if name else self.path
        await asyncio.to_thread(self.client.create, path, b"", CREATOR_ALL_ACL, makepath=True)

    async def remove(self, name: str) -> None:
        await asyncio.to_thread(self.client.delete, f"{self.path}/{name}")

    async def names(self) -> list[str]:
        return sorted(await asyncio.to_thread(self.client.get_children, self.path))


async def test_the_znodes_are_those_of_mesos(arena: ZooKeeperArena) -> None:
    """An existing client lists, takes the smallest name and reads JSON with v0 names."""
    elector = await arena.elector()
    await elector.contend(info("one"))
    async with Foreigner(arena.address) as client:
        assert await client.names() == ["json.info_0000000000"]
        data, stat = await asyncio.to_thread(client.client.get, f"{arena.address.path}/json.info_0000000000")
    assert stat.ephemeralOwner != 0
    assert json.loads(data) == {
        "address": {"hostname": "localhost", "ip": "127.0.0.1", "port": 5050},
        "capabilities": [{"type": "QUOTA_V2"}],
        "hostname": "localhost",
        "id": "one",
        "ip": 16777343,
        "pid": "master@127.0.0.1:5050",
        "port": 5050,
        "version": "1.12.0",
    }


async def test_what_is_no_candidate_is_overlooked(arena: ZooKeeperArena) -> None:
    """Directories and names without a sequence number."""
    watcher = await arena.watcher()
    assert await watcher.next() is None
    async with Foreigner(arena.address) as client:
        for name in ("log_replicas", "aaa", "json.info", "json.info_x", "0_x"):
            await client.make(name, b"?")
        elector = await arena.elector()
        await elector.contend(info("one"))
        assert await watcher.next() == "one"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("json.info_0000000000", b""),
        ("json.info_0000000000", b'{"id": "x", "ip": 1, "po'),
        ("json.info_0000000000", b"[]"),
        ("other_0000000000", b'{"id": "x", "ip": 1, "port": 1}'),
        ("0000000000", b"127.0.0.1:5050"),
        ("0000000000", b"master@file:///etc/hostname"),
        ("info_0000000000", b"\xff"),
    ],
)
async def test_a_first_candidate_that_is_no_master_stops_detection(
    arena: ZooKeeperArena, name: str, data: bytes
) -> None:
    """Going by the second would mean two leaders; the message names the znode."""
    async with Foreigner(arena.address) as client:
        await client.make(name, data)
        with pytest.raises(DetectionFailed, match=name):
            await (await arena.watcher()).next()
        await client.remove(name)
    assert await (await arena.watcher()).next() is None


async def test_what_an_earlier_session_of_ours_has_left_is_no_candidacy(arena: ZooKeeperArena) -> None:
    """ZooKeeper has not noticed yet that the session is over; somebody has stood for election since (seed 710901)."""
    ghost, rival, again = await arena.elector(), await arena.elector(), await arena.elector()
    await ghost.contend(info("one"))
    await rival.contend(info("two"))
    await again.contend(info("one"))
    assert await ghost.lost() == f"the znode {ghost.candidacy} was removed"
    assert await (await arena.watcher()).next() == "two"
    await rival.withdraw()
    assert await (await arena.watcher()).next() == "one"
    assert again.is_held


async def test_an_instance_of_a_framework_need_not_say_where_it_answers(arena: ZooKeeperArena) -> None:
    """Who follows it asks who it is; who follows a master must be able to go there."""
    elector = await arena.elector()
    await elector.contend(MasterInfo(id="instance", ip=0, port=0, pid="batch@host:1"))
    session = await arena.session()
    with pytest.raises(DetectionFailed, match="is no host:port"):
        await anext(ZooKeeperDetector(session).leaders())
    leader = await anext(ZooKeeperDetector(session, has_place=False).leaders())
    assert leader is not None and leader.pid == "batch@host:1"


async def test_a_master_of_old_is_understood(arena: ZooKeeperArena) -> None:
    """Mesos until 0.24 wrote protobuf, and before that a pid."""
    async with Foreigner(arena.address) as client:
        await client.make("info_0000000000", protobuf.encode(info("old")))
        assert await (await arena.watcher()).next() == "old"
        await client.remove("info_0000000000")
        await client.make("0000000000", b"master@10.0.0.1:5050")
        assert await (await arena.watcher()).next() == "master@10.0.0.1:5050"


async def test_a_candidate_whose_znode_is_removed_has_lost(arena: ZooKeeperArena) -> None:
    """By an operator, say."""
    elector = await arena.elector()
    await elector.contend(info("one"))
    waiting = asyncio.ensure_future(lost(elector))
    async with Foreigner(arena.address) as client:
        await client.remove("json.info_0000000000")
    assert "was removed" in await waiting


async def test_the_path_may_go_and_come_back(arena: ZooKeeperArena) -> None:
    """A detector of a path that is not there yet, or not any more, waits for it."""
    watcher, elector = await arena.watcher(), await arena.elector()
    assert await watcher.next() is None
    await elector.contend(info("one"))
    assert await watcher.next() == "one"
    await elector.withdraw()
    assert await watcher.next() is None
    async with Foreigner(arena.address) as client:
        await asyncio.to_thread(client.client.delete, arena.address.path)
        await elector.contend(info("one"))
        assert await watcher.next() == "one"


# ---- connections


async def test_a_short_interruption_is_nobodys_business(arena: ZooKeeperArena, proxy: Proxy) -> None:
    """The session goes on: same candidacy, same leader, nothing lost."""
    session = await arena.session(through(proxy, arena.address), timeout_s=30)
    elector, watcher = await arena.elector(session), await arena.watcher(session)
    await elector.contend(info("one"))
    assert await watcher.next() == "one"
    losing, saying = asyncio.ensure_future(elector.lost()), asyncio.ensure_future(watcher.next())
    for _ in range(3):
        proxy.cut()
        while session.is_connected:
            await session.changed()
        proxy.heal()
        await session.connected()
        await session.sync("/")
    assert not losing.done()
    assert not saying.done()
    assert elector.is_held
    async with Foreigner(arena.address) as client:
        assert await client.names() == ["json.info_0000000000"]
    losing.cancel()
    saying.cancel()


@pytest.mark.parametrize("how", ["cut", "freeze"])
async def test_who_is_cut_off_stops_before_the_next_one_starts(arena: ZooKeeperArena, proxy: Proxy, how: str) -> None:
    """F04: whether its connections break or just fall silent, the old leader knows before there is a new one."""
    session = await arena.session(through(proxy, arena.address), timeout_s=SHORT_S)
    old, watcher = await arena.elector(session), await arena.watcher(session)
    await old.contend(info("old"))
    await watcher.until("old")
    new, other = await arena.elector(), await arena.watcher()
    await new.contend(info("new"))
    await other.until("old")
    losing = asyncio.ensure_future(lost(old))
    assert old.is_held
    getattr(proxy, how)()
    await other.until("new")
    assert not old.is_held
    await losing
    assert await watcher.next() is None
    proxy.heal()
    assert await watcher.next() == "new"
    await old.contend(info("old"))
    await new.withdraw()
    await watcher.until("old")


async def test_a_candidacy_of_unknown_outcome_is_found(arena: ZooKeeperArena, proxy: Proxy) -> None:
    """The znode was made, the answer lost: there is one candidacy, not two, and it counts."""
    session = await arena.session(through(proxy, arena.address), timeout_s=30)
    elector = await arena.elector(session)
    async with Foreigner(arena.address) as client:
        await asyncio.to_thread(client.client.ensure_path, arena.address.path)
        proxy.losing_replies_to = CREATE
        contending = asyncio.ensure_future(elector.contend(info("one")))
        async with asyncio.timeout(PATIENCE_S):
            while not await client.names():
                await asyncio.sleep(0.01)
            assert not contending.done()
            proxy.cut()
            proxy.heal()
            await contending
        names = await client.names()
    assert elector.candidacy == f"{arena.address.path}/{names[0]}"
    assert len(names) == 1


async def test_a_session_lasts_no_longer_than_was_granted(arena: ZooKeeperArena) -> None:
    """A leader that believed in more would go on speaking after its successor has begun."""
    session = await arena.session(timeout_s=SESSION_MAX_S + 40)
    await session.reached(PATIENCE_S)
    assert session.timeout_s == SESSION_MAX_S
    session = await arena.session(timeout_s=SESSION_MAX_S / 2)
    await session.reached(PATIENCE_S)
    assert session.timeout_s == SESSION_MAX_S / 2


async def test_a_withdrawal_of_unknown_outcome_is_one(arena: ZooKeeperArena, proxy: Proxy) -> None:
    """The znode was removed, the answer lost: it is removed."""
    session = await arena.session(through(proxy, arena.address), timeout_s=30)
    elector = await arena.elector(session)
    await elector.contend(info("one"))
    watcher = await arena.watcher()
    await watcher.until("one")
    proxy.losing_replies_to = DELETE
    withdrawing = asyncio.ensure_future(elector.withdraw())
    assert await watcher.next() is None
    assert not withdrawing.done()
    proxy.cut()
    proxy.heal()
    async with asyncio.timeout(PATIENCE_S):
        await withdrawing


async def test_an_ensemble_that_is_not_there_yet_is_waited_for(arena: ZooKeeperArena, proxy: Proxy) -> None:
    """Neither an error nor a busy loop; nobody is said to lead meanwhile."""
    proxy.cut()
    session = await arena.session(through(proxy, arena.address))
    elector = await arena.elector(session)
    contending = asyncio.ensure_future(elector.contend(info("one")))
    done, _ = await asyncio.wait((contending,), timeout=0.3)
    assert not done
    assert not elector.is_held
    proxy.heal()
    async with asyncio.timeout(PATIENCE_S):
        await contending
    assert await (await arena.watcher()).next() == "one"


# ---- access


async def test_with_a_password_others_may_only_look(arena: ZooKeeperArena) -> None:
    """Everybody finds the leader; nobody else contends or removes it (X27), and the message says what to check."""
    alice = attrs.evolve(arena.address, credentials="alice:secret")
    session = await arena.session(alice)
    elector = await arena.elector(session)
    await elector.contend(info("one"))
    assert await (await arena.watcher()).next() == "one"
    for credentials in ("alice:wrong", "eve:secret", None):
        stranger = await arena.session(attrs.evolve(arena.address, credentials=credentials))
        with pytest.raises(AccessDenied, match="check user and password"):
            await (await arena.elector(stranger)).contend(info("two"))
        with pytest.raises(AccessDenied):
            await stranger.delete(elector.candidacy)
    again = await arena.elector(await arena.session(alice))
    await again.contend(info("two"))
    await elector.withdraw()
    assert await Watcher.next(await arena.watcher()) == "two"


async def test_a_path_that_anybody_may_write_to_is_told(arena: ZooKeeperArena) -> None:
    """It was there before masters had a password; what they make themselves is theirs (X27)."""
    async with Foreigner(arena.address) as client:
        await client.make("notes")
    for path, is_told in ((arena.address.path, True), (f"{arena.address.path}/own", False)):
        alice = attrs.evolve(arena.address, credentials="alice:secret", path=path)
        with capture_logs() as lines:
            await (await arena.elector(await arena.session(alice))).contend(info("one"))
        assert any(line["event"] == "anybody may stand for election" for line in lines) is is_told


async def test_a_path_nobody_may_read_is_told(arena: ZooKeeperArena) -> None:
    """Instead of "nobody leads"."""
    async with Foreigner(arena.address, "alice:secret") as client:
        await client.make_closed("")
    with pytest.raises(DetectionFailed, match="denies access"):
        await (await arena.watcher()).next()
