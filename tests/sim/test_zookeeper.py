"""Sessions, elections and records on an ensemble that fails: what they promise holds whatever happens to servers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from mesos_py.coordination import StoreFailed
from mesos_py.coordination.zookeeper.client import Link
from mesos_py.coordination.zookeeper.election import ZooKeeperElector
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.machine.values import MILLISECOND, SECOND, seconds
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import Network, Weather
from mesos_py.sim.process import Process
from mesos_py.sim.zookeeper.client import SimClient
from mesos_py.sim.zookeeper.ensemble import Ensemble
from mesos_py.sim.zookeeper.tree import Applied, CloseSession, Create, Request
from tests.coordination.arenas import info
from tests.coordination.model import ADDRESS

TIMEOUT_S = 10.0
PATIENCE_S = 300.0  # virtual
A = ("agents", "a")


class LateClient(SimClient):
    """Finds no server for ``late_s``."""

    late_s = 0.0

    def start(self, heard: Callable[[Link], None]) -> None:
        self._loop.call_later(self.late_s, super().start, heard)


class World:
    """An ensemble of three, clients on hosts of their own, virtual time."""

    def __init__(self, seed: int = 0, *, lag_max: int = 5 * MILLISECOND) -> None:
        self.loop = SimLoop(seed)
        self.rng = random.Random(seed)
        self.net = Network(self.loop, seed, Weather(delay_max=20 * MILLISECOND))
        self.ensemble = Ensemble(
            self.loop, self.net, random.Random(seed), lag_max=lag_max, committed=self._committed
        )
        self.candidates: list[Session] = []
        self.processes: list[Process] = []
        self.ended: list[int] = []

    def _committed(self, session: int, request: Request, applied: Applied) -> None:
        if isinstance(request, CloseSession):
            self.ended.append(request.session)
            holders = [one for one in self.candidates if one.id == request.session and one.is_held]
            assert not holders, f"session {request.session} has ended, but its client takes it for held"

    def client(
        self, host: str, *, is_candidate: bool = True, late_s: float = 0.0, clock: Callable[[], float] | None = None
    ) -> Session:
        """Entered, in a process of its own, which finds no server before ``late_s``."""
        client = LateClient(self.loop, self.net, host, list(self.ensemble.servers), TIMEOUT_S, random.Random(host))
        client.late_s = late_s
        session = Session(ADDRESS, timeout_s=TIMEOUT_S, is_candidate=is_candidate, client=client, clock=clock)
        process = Process(self.loop, host)
        if is_candidate:
            self.candidates.append(session)
        self.processes.append(process)
        process.enter(lambda: self.loop.create_task(session.__aenter__(), name=host))
        return session

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Its result, within bounds."""
        return self.loop.run_until_complete(asyncio.wait_for(what, PATIENCE_S))

    def wait(self, duration_s: float) -> None:
        self.loop.run_for(seconds(duration_s))

    def isolate(self, host: str, *others: str) -> None:
        for other in others:
            self.net.cut(host, other)
            self.net.cut(other, host)

    @property
    def leader(self) -> str:
        assert self.ensemble.leader is not None
        return self.ensemble.leader.host


async def candidate(session: Session, name: str) -> ZooKeeperElector:
    elector = ZooKeeperElector(session)
    await elector.contend(info(name))
    return elector


def server_of(world: World, session: Session) -> str:
    """Which server its client is connected to."""
    return next(
        host for host, server in world.ensemble.servers.items()
        if any(connection.session == session.id for connection in server._connections)
    )  # fmt: skip


def test_who_is_silent_expires_and_knows_it_before() -> None:
    """Cut off from all servers: the lease ends first, then the session, and its znode with it."""
    world = World()
    session = world.client("m0")
    elector = world.run(candidate(session, "one"))
    world.wait(20)
    assert session.is_held
    world.isolate("m0", *world.ensemble.servers)
    world.wait(8.4)
    assert not session.is_held
    assert world.ended == []
    world.wait(6)
    assert len(world.ended) == 1
    assert elector.candidacy not in world.ensemble.tree.nodes


@pytest.mark.parametrize("late_s", [0.5, 3, 8.4, 9, 9.9, 15])
def test_a_session_that_begins_late_is_held_all_the_same(late_s: float) -> None:
    """The servers come when a session that had begun at once would be over soon: who leads then goes on leading."""
    world = World()
    session = world.client("m0", late_s=late_s)
    world.run(candidate(session, "one"))
    assert world.loop.now >= seconds(late_s)
    for _ in range(100):
        assert session.is_held
        assert session.generation == 0
        world.wait(0.2)


def test_a_host_that_was_suspended_holds_nothing() -> None:
    """Its loop's time stood still meanwhile, as everything of it did; now and at an earlier time."""
    world = World()
    suspended_s = 1000.0
    session = world.client("m0", clock=lambda: world.loop.time() + suspended_s)
    world.run(candidate(session, "one"))
    world.wait(30)
    assert session.is_held
    assert session.generation == 0
    suspended_s += TIMEOUT_S
    assert not session.is_held
    world.wait(TIMEOUT_S)
    assert session.generation == 1


def test_reads_of_a_server_without_leader_prove_nothing() -> None:
    """It answers them for a while: who only reads does not notice; a candidate steps down in time (F04)."""
    world = World()
    standing, reading = world.client("m0"), world.client("m1", is_candidate=False)
    world.run(candidate(standing, "one"))
    world.run(reading.owner("/"))
    for session, host in ((standing, "m0"), (reading, "m1")):
        while server_of(world, session) == world.leader:
            world.net.reset(host, world.leader)
            world.wait(3)
        others = [name for name in world.ensemble.servers if name != server_of(world, session)]
        world.isolate(host, *others)
    follower = server_of(world, reading)
    if server_of(world, standing) != follower:
        pytest.fail("the seed has put them on two servers")
    world.isolate(follower, *(name for name in world.ensemble.servers if name != follower))
    world.wait(9.5)
    assert not standing.is_held
    assert reading.is_held
    assert world.ended == []
    world.wait(4)
    assert sorted(world.ended) == sorted([standing.id, reading.id])
    assert reading.is_held  # and wrongly so


TROUBLES = ("kill", "stop", "isolate", "part", "suspend", "reset")


@pytest.mark.parametrize("seeds", [range(first, first + 15) for first in range(0, 60, 15)], ids=str)
def test_a_session_never_ends_while_it_is_held(seeds: range) -> None:
    """Servers die, stop and are cut off, clients too: the world checks every end of a session."""
    ended = 0
    for seed in seeds:
        world = World(seed, lag_max=seed % 3 * SECOND)
        rng = random.Random(f"troubles {seed}")
        clients = [world.client(f"m{number}") for number in range(3)]
        for number, session in enumerate(clients):
            world.run(candidate(session, str(number)))
        for _ in range(30):
            trouble(world, rng)
            world.wait(rng.random() * 8)
        ended += len(world.ended)
        heal(world)
        world.wait(30)
        for session in clients:
            assert world.run(candidate(session, "again")).is_held
        world.loop.close()
    assert ended > 5


def trouble(world: World, rng: random.Random) -> None:
    """One more thing goes wrong, or right again."""
    hosts = list(world.ensemble.servers)
    server = world.ensemble.servers[rng.choice(hosts)]
    client = rng.randrange(len(world.processes))
    match rng.choice(TROUBLES):
        case "kill":
            server.kill() if rng.random() < 0.3 else server.start()
        case "stop":
            server.stop() if rng.random() < 0.4 else server.go_on()
        case "isolate" if rng.random() < 0.5:
            world.isolate(server.host, *(host for host in hosts if host != server.host))
        case "part" if rng.random() < 0.5:
            world.isolate(f"m{client}", rng.choice(hosts))
        case "isolate" | "part":
            world.net.heal()
        case "suspend":
            process = world.processes[client]
            process.stop() if rng.random() < 0.4 else world.net.go_on(process)
        case "reset":
            world.net.reset(f"m{client}", server.host, int(rng.random() * SECOND))


def heal(world: World) -> None:
    world.net.heal()
    for server in world.ensemble.servers.values():
        server.start()
        server.go_on()
    for process in world.processes:
        world.net.go_on(process)


def test_a_lost_quorum_ends_nothing_but_leases() -> None:
    """F05: while no majority is there, nobody writes and nobody expires; then all have their full time again."""
    world = World()
    session = world.client("m0")
    elector = world.run(candidate(session, "one"))
    down = [host for host in world.ensemble.servers if host != world.leader]
    for host in down:
        world.ensemble.servers[host].kill()
    world.wait(300)
    assert not session.is_held
    assert world.ended == []
    assert elector.candidacy in world.ensemble.tree.nodes
    for host in down:
        world.ensemble.servers[host].start()
    world.wait(20)
    assert world.run(candidate(session, "again")).is_held


@pytest.mark.parametrize("seed", range(30))
def test_a_write_of_unknown_outcome_happens_once(seed: int) -> None:
    """F06: under a stream of commits connections break and servers die; every commit that returned counts once."""
    world = World(seed, lag_max=SECOND // 2)
    session = world.client("m0")
    elector = world.run(candidate(session, "one"))
    records = ZooKeeperRecords(session, elector.candidacy)

    async def commit_all() -> int:
        await records.load()
        for number in range(40):
            try:
                await records.commit({A: b"%d" % number, ("agents", f"{number}"): b"x"})
            except StoreFailed:
                return number
        return 40

    async def trouble_all() -> None:
        hosts = list(world.ensemble.servers)
        for _ in range(40):
            await asyncio.sleep(world.rng.random() / 4)
            match world.rng.randrange(6):
                case 0:
                    server = world.ensemble.servers[world.rng.choice(hosts)]
                    server.kill()
                    world.loop.call_in(SECOND, server.start)
                case _:
                    world.net.reset("m0", world.rng.choice(hosts), 0, server_late=False)

    async def both() -> int:
        troubling = world.loop.create_task(trouble_all())
        done = await commit_all()
        await troubling
        return done

    done = world.run(both())
    heal(world)
    world.wait(30)
    other = world.client("m1")
    kept = world.run(ZooKeeperRecords(other, world.run(candidate(other, "two")).candidacy).load())
    count = len([key for key in kept if key != A])
    assert count in (done, done + 1)
    assert kept[A] == b"%d" % (count - 1)
    world.loop.close()


def test_writes_that_come_together_share_a_moment() -> None:
    """A thousand sessions are opened at once: one after the other would take ten seconds, more than clients wait."""
    world = World()
    sessions = [world.client(f"a{number}", is_candidate=False) for number in range(1_000)]
    world.wait(2)
    assert None not in [session.id for session in sessions]
    assert len(world.ensemble.tree.sessions) == len(sessions)


def test_of_writes_that_share_a_moment_the_first_few_survive_their_leader() -> None:
    """It dies while a majority writes them down: none, some or all are carried out, never one without those before."""
    survivors = set()
    for seed in range(30):
        world = World(seed)
        kept = survivors_of(world, 9)
        assert kept == list(range(len(kept)))
        survivors.add(len(kept))
    assert {0, 9} < survivors


def survivors_of(world: World, count: int) -> list[int]:
    """Which of so many writes are carried out, when the leader dies with all of them under way."""
    ensemble = world.ensemble
    leader = ensemble.servers[world.leader]

    def first_done(number: int, applied: Applied | None) -> None:
        world.loop.call_soon(leader.kill)  # the others are on their way by then

    def others_done(number: int, applied: Applied | None) -> None:
        pytest.fail("nobody is left to say so")

    ensemble.propose(Create("/first", b""), 0, first_done)
    for number in range(count):
        ensemble.propose(Create(f"/{number}", b""), 0, others_done)
    world.wait(30)
    kept = [number for number in range(count) if f"/{number}" in ensemble.tree.nodes]
    world.loop.close()
    return kept


class Talkative(SimClient):
    """Tells what it has said."""

    def __init__(self, world: World, host: str) -> None:
        super().__init__(world.loop, world.net, host, list(world.ensemble.servers), TIMEOUT_S, random.Random(host))
        self.said: list[str] = []

    def _say(self, message: tuple[Any, ...]) -> None:
        self.said.append(message[0] if isinstance(message[0], str) else message[1])
        super()._say(message)


def test_a_session_that_only_looks_needs_no_pings() -> None:
    """Its heartbeats come before a client that is quiet would ping, and are four in a timeout."""
    world = World()
    client = Talkative(world, "a0")
    session = Session(ADDRESS, timeout_s=TIMEOUT_S, client=client)
    Process(world.loop, "a0").enter(lambda: world.loop.create_task(session.__aenter__()))
    world.wait(10 * TIMEOUT_S)
    assert session.is_held and session.generation == 0
    assert set(client.said) == {"hello", "owner"}
    assert 35 <= client.said.count("owner") <= 40


def test_a_quiet_client_pings_and_gives_up_who_does_not_answer() -> None:
    """After a third of the timeout it asks, after two thirds it looks for another server; kazoo does the same."""
    world = World()
    client = Talkative(world, "a0")
    links: list[tuple[float, Link]] = []
    Process(world.loop, "a0").enter(client.start, lambda link: links.append((world.loop.time(), link)))
    world.wait(10 * TIMEOUT_S)
    assert [link for _, link in links] == [Link.CONNECTED]
    assert 25 <= client.said.count("ping") <= 30
    world.isolate("a0", *world.ensemble.servers)
    cut_at = world.loop.time()
    world.wait(TIMEOUT_S)
    (_, _), (lost_at, lost) = links
    assert lost is Link.SUSPENDED
    assert TIMEOUT_S / 3 <= lost_at - cut_at <= TIMEOUT_S * 2 / 3 + 0.1
