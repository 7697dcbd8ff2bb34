"""The simulator's ZooKeeper and a real one are asked the same, and answer the same."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.zookeeper.client import Client, Link, Operation, Refused
from mesos_py.coordination.zookeeper.kazoo_client import KazooClient
from tests.coordination.arenas import PATIENCE_S
from tests.coordination.model import Model

pytestmark = [pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]

NAMES = ("a", "b", "a/c", "a/c/d", "b/e")
STEPS = 120


async def started(client: Client) -> Client:
    """Connected."""
    connected = asyncio.Event()
    client.start(lambda link: connected.set() if link is Link.CONNECTED else None)
    async with asyncio.timeout(PATIENCE_S):
        await connected.wait()
    return client


class Pair:
    """A client of each, and one more of each that ends with its ephemeral znodes."""

    def __init__(self, address: ZooKeeperAddress) -> None:
        self.base = address.path
        self.model = Model(address)
        self._address = address
        self.clients: list[tuple[Client, Client]] = []

    async def start(self) -> None:
        for _ in range(2):
            real = await started(KazooClient(self._address, 30.0))
            self.clients.append((real, await started(self.model.session().client)))
        for side in self.clients[0]:
            for depth in range(2, self.base.count("/") + 2):
                path = "/".join(self.base.split("/")[:depth])
                if await side.owner(path) is None:
                    await side.create(path, b"")

    async def stop(self) -> None:
        for pair in self.clients:
            for client in pair:
                await client.stop()


@pytest.fixture
async def pair(address: ZooKeeperAddress) -> AsyncIterator[Pair]:
    made = Pair(address)
    await made.start()
    yield made
    await made.stop()


def draw(rng: random.Random, base: str) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """One request."""
    path, data = f"{base}/{rng.choice(NAMES)}", bytes([rng.randrange(256)])
    match rng.randrange(8):
        case 0 | 1:
            return "create", (path, data), {}
        case 2:
            return "create", (path, data), {"ephemeral": rng.random() < 0.5, "sequence": True}
        case 3:
            return "delete", (path,), {}
        case 4:
            return "get", (path,), {}
        case 5:
            return "children", (path,), {}
        case _:
            return "transact", ([operation(rng, base) for _ in range(rng.randint(1, 4))],), {}


def operation(rng: random.Random, base: str) -> Operation:
    path, data, version = f"{base}/{rng.choice(NAMES)}", bytes([rng.randrange(256)]), rng.choice((-1, 0, 1))
    return rng.choice(
        (("check", path, version), ("create", path, data), ("set", path, data, version), ("delete", path, version))
    )


async def asked(client: Client, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> object:
    """The answer, or which Refused it is."""
    try:
        answer = await getattr(client, name)(*arguments, **options)
    except Refused as refused:
        return type(refused).__name__
    return sorted(answer) if name == "children" else answer


@pytest.mark.parametrize("seed", range(4))
async def test_equal_requests_get_equal_answers(pair: Pair, seed: int) -> None:
    """Names of sequential znodes, versions, which operation of several is refused, and what is left of it."""
    rng = random.Random(seed)
    real, simulated = pair.clients[0]
    seen: dict[object, int] = {}
    for _ in range(STEPS):
        name, arguments, options = draw(rng, pair.base)
        theirs = await asked(real, name, arguments, options)
        assert await asked(simulated, name, arguments, options) == theirs, (name, arguments, options)
        kind = theirs if isinstance(theirs, str) and theirs[0] != "/" else name
        seen[kind] = seen.get(kind, 0) + 1
    assert {"NoNode", "NodeExists", "BadVersion", "create", "get", "children", "transact"} <= seen.keys(), seen


async def test_watches_are_called_alike(pair: Pair) -> None:
    """Once, for what they watch: a znode that is made, changed, removed; a list of children; the end of its parent."""
    base = pair.base
    writes: list[tuple[str, tuple[Any, ...]]] = [
        ("create", (f"{base}/a", b"")),
        ("create", (f"{base}/a/c", b"")),
        ("transact", ([("set", f"{base}/a", b"1", -1)],)),
        ("delete", (f"{base}/a/c",)),
        ("transact", ([("check", f"{base}/a", -1)],)),
        ("delete", (f"{base}/a",)),
    ]

    async def told(client: Client, writer: Client) -> list[tuple[int, str]]:
        heard: list[tuple[int, str]] = []
        for number, (name, arguments) in enumerate(writes):
            await client.sync("/")
            for path in ("", "/a", "/a/c"):
                await client.owner(base + path, lambda n=number, p=path: heard.append((n, f"data {p}")))
                if await client.owner(base + path) is not None:
                    await client.children(base + path, lambda n=number, p=path: heard.append((n, f"children {p}")))
            await getattr(writer, name)(*arguments)
        last = asyncio.Event()  # they are called in order
        await client.owner(f"{base}/last", last.set)
        await writer.create(f"{base}/last", b"")
        async with asyncio.timeout(PATIENCE_S):
            await last.wait()
        return sorted(heard)

    real, simulated = [await told(pair.clients[0][side], pair.clients[1][side]) for side in range(2)]
    assert real == simulated
    assert len(real) > 10


async def test_what_was_bound_to_a_session_ends_with_it_alike(pair: Pair) -> None:
    """Ephemeral znodes go, lasting ones stay, numbers go on."""
    left: list[list[str]] = []
    for side in range(2):
        client, leaving = pair.clients[0][side], pair.clients[1][side]
        await leaving.create(f"{pair.base}/e_", b"", ephemeral=True, sequence=True)
        await leaving.create(f"{pair.base}/l_", b"", sequence=True)
        gone = asyncio.Event()
        assert await client.owner(f"{pair.base}/e_0000000000", gone.set) == leaving.session_id
        await leaving.stop()
        async with asyncio.timeout(PATIENCE_S):
            await gone.wait()
        await client.create(f"{pair.base}/e_", b"", ephemeral=True, sequence=True)
        left.append(sorted(await client.children(pair.base)))
    assert left[0] == left[1] == ["e_0000000002", "l_0000000001"]
