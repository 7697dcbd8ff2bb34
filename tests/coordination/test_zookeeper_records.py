"""Records when ZooKeeper fails halfway: answers that are lost, owners that die or hang, servers that go and come."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import attrs
import pytest

from mesos_py.coordination import AccessDenied, Corrupt, Fenced, Key, StoreFailed
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.zookeeper.client import Operation
from mesos_py.coordination.zookeeper.layout import RECORD_MAX
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import Session
from tests.coordination.arenas import PATIENCE_S, ZooKeeperArena, info, lost
from tests.coordination.ensemble import MULTI, Ensemble, Proxy
from tests.coordination.places import ZooKeeperPlace, candidacy, put, survivors

pytestmark = [pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]

A: Key = ("agents", "a")
B: Key = ("agents", "b")


@pytest.fixture
async def place(address: ZooKeeperAddress) -> AsyncIterator[ZooKeeperPlace]:
    made = ZooKeeperPlace(address)
    yield made
    await made.close()


@pytest.fixture
async def proxy(zookeeper: Ensemble) -> AsyncIterator[Proxy]:
    async with Proxy(zookeeper.servers[0].port) as made:
        yield made


async def owner(session: Session) -> ZooKeeperRecords:
    records = ZooKeeperRecords(session, await candidacy(session))
    await records.load()
    return records


# ---- answers that are lost (F06)


async def test_a_commit_whose_answer_is_lost_counts_once(place: ZooKeeperPlace, proxy: Proxy) -> None:
    """It was carried out: the owner finds that out, and neither gives up nor writes it twice."""
    address = attrs.evolve(place.address, hosts=(f"127.0.0.1:{proxy.port}",))
    async with Session(address, timeout_s=30) as session:
        records = await owner(session)
        await records.commit({A: b"0"})
        watching = await place.session()
        for number in range(1, 6):
            _, version = await watching.get(place.path(A))
            proxy.losing_replies_to = MULTI
            committing = asyncio.ensure_future(records.commit({A: b"%d" % number, ("agents", f"{number}"): b"new"}))
            async with asyncio.timeout(PATIENCE_S):
                while (await watching.get(place.path(A)))[1] == version:
                    await asyncio.sleep(0.01)
                assert not committing.done()
                proxy.cut()
                proxy.heal()
                await committing
            assert (await watching.get(place.path(A)))[1] == version + 1
    assert await survivors(place) == {A: b"5", **{("agents", f"{number}"): b"new" for number in range(1, 6)}}


async def test_a_commit_that_was_never_sent_is_sent_again(place: ZooKeeperPlace, proxy: Proxy) -> None:
    """It was not carried out: the owner finds that out, too."""
    address = attrs.evolve(place.address, hosts=(f"127.0.0.1:{proxy.port}",))
    async with Session(address, timeout_s=30) as session:
        records = await owner(session)
        for number in range(3):
            proxy.freeze()
            committing = asyncio.ensure_future(records.commit({A: b"%d" % number}))
            done, _ = await asyncio.wait((committing,), timeout=0.05)
            assert not done
            proxy.cut()
            proxy.heal()
            async with asyncio.timeout(PATIENCE_S):
                await committing
    assert await survivors(place) == {A: b"2"}


async def test_an_answer_lost_while_another_took_over(place: ZooKeeperPlace, proxy: Proxy) -> None:
    """Then it does not matter what became of it: the owner may not go on."""
    address = attrs.evolve(place.address, hosts=(f"127.0.0.1:{proxy.port}",))
    async with Session(address, timeout_s=30) as session:
        records = await owner(session)
        proxy.freeze()
        committing = asyncio.ensure_future(records.commit({A: b"old"}))
        successor = await place.records()
        assert await successor.load() == {}
        proxy.cut()
        proxy.heal()
        with pytest.raises(Fenced):
            await committing
        await successor.commit({B: b"new"})
    assert await survivors(place) == {B: b"new"}


# ---- owners that die


class Dying(Session):
    """Its process dies before the request number ``left`` is sent, or after it, unheard."""

    left = -1
    is_sent = False

    async def transact(self, operations: Sequence[Operation]) -> None:
        if self.left == 0:
            if self.is_sent:
                await super().transact(operations)
            raise KeyboardInterrupt
        self.left -= 1
        await super().transact(operations)


async def test_a_large_commit_is_cut_after_every_step(place: ZooKeeperPlace) -> None:
    """Whenever its owner dies: the next one finds all of it or nothing, and no debris is left."""
    before = {("agents", f"{number}"): b"old" for number in range(40)}
    after: dict[Key, bytes] = {("agents", f"{number}"): bytes([number]) * 50_000 for number in range(20, 50)}
    watching = await place.session()
    outcomes = []
    async with Dying(place.address, timeout_s=30) as session:
        is_done = False
        step = 0
        while not is_done:
            for is_sent in (False, True):
                session.left = -1
                records = await owner(session)
                await records.commit({**dict.fromkeys(after), **before})
                session.left, session.is_sent = step, is_sent
                try:
                    await records.commit({**dict.fromkeys(before), **after})
                    is_done = True
                except KeyboardInterrupt:
                    pass
                kept = await survivors(place)
                assert kept in (before, after)
                outcomes.append(kept == after)
                assert await watching.children(f"{place.address.path}/log_replicas/registry/intent") == []
            step += 1
    assert outcomes == sorted(outcomes)  # it is decided at one step
    assert step > 6


async def test_debris_that_does_not_fit_is_refused(place: ZooKeeperPlace) -> None:
    """A decided commit with a part missing or damaged cannot be guessed."""
    after: dict[Key, bytes] = {("agents", f"{number}"): b"x" * 50_000 for number in range(30)}
    async with Dying(place.address, timeout_s=30) as session:
        records = await owner(session)
        session.left = 5  # four parts, the decision, and then it dies
        with pytest.raises(KeyboardInterrupt):
            await records.commit(after)
    watching = await place.session()
    part = f"{place.address.path}/log_replicas/registry/intent/1"
    whole, _ = await watching.get(part)
    await put(watching, part, whole[:-1])
    with pytest.raises(Corrupt, match="intent/1"):
        await survivors(place)
    await watching.delete(part)
    with pytest.raises(Corrupt, match="part 1"):
        await survivors(place)
    await put(watching, part, whole)
    assert await survivors(place) == after


async def test_a_session_that_ended_writes_no_more(place: ZooKeeperPlace) -> None:
    """Even before anybody has taken over, and although kazoo has a new session already."""
    session = await place.session()
    records = await owner(session)
    arena = ZooKeeperArena(place.address)
    arena.sessions[records] = session
    generation = session.generation
    await arena.expire(records)  # type: ignore[arg-type]
    await session.ended(generation)
    with pytest.raises(Fenced, match="candidacy has ended"):
        await records.commit({A: b"1"})
    with pytest.raises(Fenced, match="candidacy has ended"):
        await records.load()
    assert await survivors(place) == {}


LEADER = """
import asyncio, structlog, sys
from mesos_py.coordination import StoreFailed
from mesos_py.coordination.address import parse_address
from mesos_py.coordination.zookeeper.election import ZooKeeperElector
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import Session
from tests.coordination.arenas import info

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

async def main():
    async with Session(parse_address(sys.argv[1]), timeout_s=2, is_candidate=True) as session:
        elector = ZooKeeperElector(session)
        await elector.contend(info("old"))
        records = ZooKeeperRecords(session, elector.candidacy)
        await records.load()
        losing = asyncio.ensure_future(elector.lost())
        for number in range(10**6):
            try:
                await records.commit({("a", "a"): b"%d" % number})
            except StoreFailed as error:
                print("refused", type(error).__name__, flush=True)
                break
            print(number, elector.is_held, flush=True)
            await asyncio.sleep(0.005)
        print("lost", await losing, flush=True)

asyncio.run(main())
"""


async def test_a_leader_that_was_stopped_writes_no_more(place: ZooKeeperPlace) -> None:
    """F03: SIGSTOP beyond its session, then SIGCONT: it learns that it has lost, and nothing is overwritten."""
    arena = ZooKeeperArena(place.address, timeout_s=30)
    process = subprocess.Popen(
        [sys.executable, "-c", LEADER, str(place.address)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    try:
        for _ in range(10):
            assert (await asyncio.to_thread(process.stdout.readline)).split()[-1] == "True"
        elector, watcher = await arena.elector(), await arena.watcher()
        await elector.contend(info("new"))
        process.send_signal(signal.SIGSTOP)
        await watcher.until("new")
        successor = ZooKeeperRecords(arena.sessions[elector], elector.candidacy)
        found = await successor.load()
        await successor.commit({("a", "a"): b"new"})
        process.send_signal(signal.SIGCONT)
        said, _ = await asyncio.to_thread(process.communicate, timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
        await arena.close()
    *numbers, refused, end = said.splitlines()
    assert refused == "refused Fenced"
    assert end == "lost the session with ZooKeeper has ended"
    assert all(int(line.split()[0]) <= int(found["a", "a"]) for line in numbers)
    assert await survivors(place) == {("a", "a"): b"new"}


# ---- what ZooKeeper does not take


async def test_a_record_that_is_too_large_is_refused_as_such(place: ZooKeeperPlace) -> None:
    """Not with a broken connection, for ever again."""
    records = await place.records()
    await records.load()
    with pytest.raises(StoreFailed, match="limit"):
        await records.commit({A: b"x" * RECORD_MAX, B: b"1"})
    await records.commit({A: b"x" * (RECORD_MAX - 100)})
    assert (await survivors(place)).keys() == {A}


async def test_a_foreign_znode_in_the_registry_is_named(place: ZooKeeperPlace) -> None:
    """Somebody's experiment is not an agent."""
    await survivors(place)
    session = await place.session()
    await put(session, f"{place.address.path}/log_replicas/registry/00/x", b"")
    with pytest.raises(Corrupt, match="registry/00/x"):
        await survivors(place)


async def test_a_registry_that_lost_a_bucket_is_refused(place: ZooKeeperPlace) -> None:
    """Even an empty one."""
    await survivors(place)
    session = await place.session()
    await session.delete(f"{place.address.path}/log_replicas/registry/00")
    with pytest.raises(Corrupt, match="lost a part"):
        await survivors(place)


async def test_the_registry_of_another_program_is_not_overlooked(place: ZooKeeperPlace) -> None:
    """Masters of a C++ Mesos keep theirs on their own disks, and meet here: one of ours is no successor of theirs."""
    session, path = await place.session(), f"{place.address.path}/log_replicas"
    await session.ensure(path)
    await put(session, f"{path}/0000000003", b"log-replica(1)@10.0.0.1:5050")
    with pytest.raises(StoreFailed, match=r"of a C\+\+ Mesos .* name another path"):
        await survivors(place)
    await session.delete(f"{path}/0000000003")
    assert await survivors(place) == {}


async def test_nobody_else_reads_or_writes_the_records(place: ZooKeeperPlace) -> None:
    """With a password, what masters remember is theirs alone."""
    async with Session(attrs.evolve(place.address, credentials="alice:secret"), timeout_s=30) as session:
        records = await owner(session)
        await records.commit({A: b"1"})
        for credentials in (None, "alice:wrong"):
            async with Session(attrs.evolve(place.address, credentials=credentials), timeout_s=30) as stranger:
                with pytest.raises(AccessDenied, match="check user and password"):
                    await ZooKeeperRecords(stranger, place.address.path).load()
                with pytest.raises(AccessDenied):
                    await stranger.get(records.layout.path(A))


# ---- an ensemble of three


async def test_a_commit_outlives_the_servers_leader(quorum: Ensemble, quorum_address: ZooKeeperAddress) -> None:
    """kill -9 of ZooKeeper's own leader under a stream of commits: all confirmed ones are kept, the owner goes on."""
    place = ZooKeeperPlace(quorum_address, timeout_s=30)
    session = await place.session()
    records = await owner(session)
    losing = asyncio.ensure_future(session.ended(session.generation))
    server = quorum.leader()
    try:
        for number in range(60):
            if number == 20:
                server.kill()
            async with asyncio.timeout(PATIENCE_S):
                await records.commit({("agents", f"{number}"): b"%d" % number, A: b"%d" % number})
        assert not losing.done()
    finally:
        losing.cancel()
        server.start()
        quorum.wait()
    assert await survivors(place) == {A: b"59", **{("agents", f"{n}"): b"%d" % n for n in range(60)}}
    await place.close()


async def test_without_a_quorum_nobody_leads_and_then_somebody_does(
    quorum: Ensemble, quorum_address: ZooKeeperAddress
) -> None:
    """F05: the leader steps down while nobody can elect; when the servers are back, all goes on by itself."""
    arena = ZooKeeperArena(quorum_address, timeout_s=3)
    elector = await arena.elector()
    watcher = await arena.watcher()
    await elector.contend(info("one"))
    await watcher.until("one")
    records = ZooKeeperRecords(arena.sessions[elector], elector.candidacy)
    await records.load()
    await records.commit({A: b"1"})
    down = quorum.servers[:2]
    try:
        for server in down:
            server.kill()
        assert await lost(elector) == "the session with ZooKeeper has ended"
        assert not elector.is_held
        assert await watcher.next() is None
    finally:
        for server in down:
            server.start()
        quorum.wait()
    async with asyncio.timeout(PATIENCE_S):
        await elector.contend(info("one again"))
    await watcher.until("one again")
    again = ZooKeeperRecords(arena.sessions[elector], elector.candidacy)
    assert await again.load() == {A: b"1"}
    with pytest.raises(Fenced):
        await records.commit({A: b"2"})
    await arena.close()
