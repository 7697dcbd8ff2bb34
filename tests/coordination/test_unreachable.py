"""What stands where ZooKeeper should be is none, or does not let us: it is said what, and nobody is kept busy by it."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import pytest

from mesos_py.coordination import AccessDenied, NobodyLeads, NotReached, StoreFailed
from mesos_py.coordination.address import MasterAddress, ZooKeeperAddress
from mesos_py.coordination.locator import leader_now
from mesos_py.coordination.zookeeper.session import Session
from tests.coordination.arenas import PATIENCE_S, ZooKeeperArena, info
from tests.coordination.ensemble import Ensemble, Proxy
from tests.coordination.test_zookeeper_election import Foreigner
from tests.ports import closed_port

pytestmark = [pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def says(data: bytes) -> Behaviour:
    """Waits for a word, says this, and closes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(data)
        await writer.drain()

    return behave


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """At once."""


CLOSED, NONE = "the connection was closed at once; is that a ZooKeeper[?]", "what answers is no ZooKeeper"
STRANGERS: dict[str, tuple[Behaviour, str]] = {
    "closes": (closes, f"{CLOSED}|Connection reset by peer|Broken pipe"),
    "http": (says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), f"{CLOSED}|Connection reset by peer"),
    "short": (says(struct.pack(">i", 3) + b"xxx"), NONE),
    "negative": (says(struct.pack(">i", -5) + b"x" * 40), NONE),
    "zeros": (says(bytes(100)), NONE),
}


@asynccontextmanager
async def stranger(behave: Behaviour, port: int = 0) -> AsyncIterator[tuple[int, list[float]]]:
    """A server; its port, and when somebody came."""
    came: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(asyncio.get_running_loop().time())
        try:
            await behave(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1], came
    finally:
        server.close()


def at(host: str) -> ZooKeeperAddress:
    return ZooKeeperAddress((host,), "/mesos", "alice:secret")


@pytest.mark.parametrize("name", STRANGERS)
async def test_a_server_that_is_no_zookeeper(zookeeper: Ensemble, name: str) -> None:
    """It is said; attempts are few; and once a ZooKeeper is there, it is found."""
    behave, why = STRANGERS[name]
    async with stranger(behave) as (port, came):
        address = at(f"127.0.0.1:{port}")
        async with Session(address, timeout_s=4) as session:
            with pytest.raises(NotReached) as caught:
                await session.reached(2.0)
            assert re.fullmatch(rf"zk://alice:\*\*\*@[0-9.:]+/mesos cannot be reached \(({why})\)", str(caught.value))
            assert len(came) <= 8
            session.client._kazoo.set_hosts(zookeeper.hosts)  # type: ignore[attr-defined] - as if it had moved in there
            await session.reached(PATIENCE_S)


@pytest.mark.parametrize(
    ("host", "why"),
    [("127.0.0.1:{}", "Connection refused"), ("no.such.host.invalid:2181", "no.such.host.invalid: .+")],
)
async def test_nobody_is_there(host: str, why: str) -> None:
    """The port is closed, or the name means nothing."""
    with closed_port() as port, pytest.raises(NotReached, match=f"cannot be reached \\({why}\\)"):
        await leader_now(at(host.format(port)), 2.0)


async def test_who_leads_now(address: ZooKeeperAddress, zookeeper: Ensemble) -> None:
    """Somebody, nobody, or nobody ever: the last is most likely a wrong path."""
    assert await leader_now(MasterAddress("h", 1), 1.0) == "h:1"
    with pytest.raises(NobodyLeads, match="there is no such path, so none has ever stood for election there"):
        await leader_now(address, PATIENCE_S)
    arena = ZooKeeperArena(address)
    elector = await arena.elector()
    await elector.contend(info("one"))
    assert await leader_now(address, PATIENCE_S) == "127.0.0.1:5050"
    await elector.withdraw()
    with pytest.raises(NobodyLeads, match=f"no master leads at {re.escape(str(address))}$"):
        await leader_now(address, PATIENCE_S)
    await arena.close()


async def test_a_silent_server_is_left_for_another(address: ZooKeeperAddress, zookeeper: Ensemble) -> None:
    """One that accepts and says nothing holds nobody up when there are others."""

    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with stranger(hangs) as (port, _):
        both = attrs.evolve(address, hosts=(f"127.0.0.1:{port}", *address.hosts))
        async with Session(both, timeout_s=2) as session:
            await session.reached(PATIENCE_S)


# ---- servers that were ZooKeepers


async def frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))


def framed(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


WELCOME = struct.pack(">iiqi", 0, 4000, 1, 16) + bytes(16)  # session 1, for 4 s
NONSENSE = {
    "another's answer": framed(struct.pack(">iqi", 99, 0, 0)),
    "an error nobody knows": framed(struct.pack(">iqi", 1, 5, -9999)),
    "no head": framed(b"xx"),
    "a negative length": struct.pack(">i", -7) + b"zzzz",
    "a watch of nothing": framed(struct.pack(">iqi", -1, 5, 0)),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # that is what it is about
async def test_servers_that_answer_nonsense(zookeeper: Ensemble) -> None:
    """Such answers end kazoo's thread, which would never connect again by itself."""
    (server,) = zookeeper.servers

    async def recovers(nonsense: bytes) -> None:
        said = asyncio.Event()

        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await frame(reader)
            writer.write(framed(WELCOME))
            await frame(reader)
            writer.write(nonsense)
            await writer.drain()
            said.set()
            await reader.read(1)  # until the other side has had enough

        async with (
            stranger(behave) as (port, _), Proxy(port) as proxy,
            Session(ZooKeeperAddress((f"127.0.0.1:{proxy.port}",), "/mesos"), timeout_s=4) as session,
        ):  # fmt: skip
            asking = asyncio.create_task(session.owner("/zookeeper"))
            await said.wait()
            proxy.targets = (server.port,)
            assert await asking == 0

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*map(recovers, NONSENSE.values()))


async def test_servers_that_know_less_than_we_have_seen(zookeeper: Ensemble) -> None:
    """Somebody has put an empty ensemble in the place of the old one: it turns away whoever has seen more than it has.

    That is right for as long as the session may live, and would keep us out for ever after it.
    """
    seen: list[int] = []

    async def knows_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(struct.unpack(">q", (await frame(reader))[4:12])[0])

    (server,) = zookeeper.servers
    async with (
        stranger(knows_nothing) as (port, _), Proxy(server.port) as proxy,
        Session(at(f"127.0.0.1:{proxy.port}"), timeout_s=2) as session, asyncio.timeout(PATIENCE_S),
    ):  # fmt: skip
        assert await session.owner("/zookeeper") == 0
        proxy.targets = (port,)
        proxy.cut()
        proxy.heal()
        while 0 not in seen:
            await asyncio.sleep(0.01)
        assert max(seen) > 0


# ---- paths that are not for us


async def test_a_path_of_somebody_else_is_named(address: ZooKeeperAddress) -> None:
    """With what to do about it; the same for what is read and for what is written."""
    async with Foreigner(address, "alice:secret") as client:
        await client.make_closed("")
    arena = ZooKeeperArena(address)
    elector = await arena.elector()
    told = f"ZooKeeper denies access to {address.path}/json.info_; check user and password (zk://user:password@...)"
    with pytest.raises(AccessDenied, match=re.escape(told)):
        await elector.contend(info("one"))
    with pytest.raises(AccessDenied, match=f"denies access to {address.path};"):
        await (await arena.session()).children(address.path)
    await arena.close()


async def test_a_path_below_a_candidate_is_refused(address: ZooKeeperAddress) -> None:
    """ZooKeeper will never allow it: that is not tried again and again."""
    arena = ZooKeeperArena(address)
    await (elector := await arena.elector()).contend(info("one"))
    below = attrs.evolve(address, path=f"{elector.candidacy}/x")
    other = await arena.elector(await arena.session(below))
    with pytest.raises(StoreFailed, match=f"ZooKeeper refuses {below.path} \\(NoChildrenForEphemeralsError\\)"):
        await other.contend(info("two"))
    await arena.close()
