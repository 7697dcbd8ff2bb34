"""The two ends of the agent link, joined over loopback."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mesos_py.loop.turns import Turns
from mesos_py.machine.frame import Disconnected, Event
from mesos_py.transport import master_link
from mesos_py.transport.agent_channel import PATH, AgentChannels
from mesos_py.transport.channel import PENDING_MAX, Outbox, encode_batch
from mesos_py.transport.master_link import MasterLink
from mesos_py.wire import internal
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.ids import AgentID

WAIT_S = 60.0  # for what takes milliseconds

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Listener:
    """Keeps what the agent's end heard."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, str, Any]] = asyncio.Queue()

    def master_connected(self, peer: str, address: str) -> None:
        self.heard.put_nowait(("connected", peer, address))

    def master_said(self, peer: str, message: Any, size: int) -> None:
        assert size > 0
        self.heard.put_nowait(("said", peer, message))

    def master_lost(self, peer: str) -> None:
        self.heard.put_nowait(("lost", peer, None))


class Gate(Turns):
    """Nobody has a turn until ``release``."""

    is_open = True

    def release(self) -> None:
        self.is_open = True
        asyncio.get_running_loop().call_soon(self._next_round)

    def _has_room(self) -> bool:
        return self.is_open and super()._has_room()


class Rig:
    """A master's end on a free port, and what it was told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Event] = asyncio.Queue()
        self.turns = Gate()
        self.channels = AgentChannels(self.told.put_nowait, self.turns)
        self.address = ""
        #: what agents were told where the master is
        self.asked: asyncio.Queue[str] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def serving(self, handle: Handler | None = None) -> AsyncIterator[None]:
        application = web.Application()
        application.router.add_get(PATH, handle or self.channels.handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.address = f"127.0.0.1:{port}"
        try:
            yield
        finally:
            await runner.cleanup()


@contextlib.asynccontextmanager
async def linked(rig: Rig, rng: random.Random | None = None) -> AsyncIterator[tuple[MasterLink, Listener]]:
    async def locate() -> str:
        rig.asked.put_nowait(rig.address)
        return rig.address

    listener = Listener()
    link = MasterLink(locate, listener, rng=rng or random.Random(1))
    running = asyncio.create_task(link.run(), name="link")
    try:
        yield link, listener
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_words_go_both_ways_in_order() -> None:
    """What either side puts arrives at the other, in order."""
    rig = Rig()
    async with asyncio.timeout(WAIT_S), rig.serving(), linked(rig) as (link, listener):
        kind, peer, address = await listener.heard.get()
        assert (kind, address) == ("connected", rig.address)
        link.send(peer, internal.Pong())
        link.send(peer, internal.UnregisterAgent(agent_id=AgentID("a")))
        first, second = await rig.told.get(), await rig.told.get()
        assert (first.kind, second.kind) == (internal.Pong, internal.UnregisterAgent)
        assert first.peer is not None and first.peer in rig.channels
        rig.channels.send(first.peer, internal.Ping(connected=True))
        assert await listener.heard.get() == ("said", peer, internal.Ping(connected=True))


async def test_a_closed_connection_is_heard_of_at_both_ends_and_opened_again() -> None:
    """Words before the close still arrive; the core hears Disconnected; the agent comes back as a new peer."""
    rig = Rig()
    async with asyncio.timeout(WAIT_S), rig.serving(), linked(rig) as (link, listener):
        _, peer, _ = await listener.heard.get()
        link.send(peer, internal.Pong())
        old = (await rig.told.get()).peer
        assert old is not None
        rig.channels.send(old, internal.ShutdownAgent(message="bye"))
        rig.channels.close(old)
        assert (await listener.heard.get())[2] == internal.ShutdownAgent(message="bye")
        assert await listener.heard.get() == ("lost", peer, None)
        gone = await rig.told.get()
        assert (gone.kind, gone.peer) == (Disconnected, old)
        kind, again, _ = await listener.heard.get()
        assert kind == "connected" and again != peer
        link.send(peer, internal.Pong())  # for the old connection: forgotten
        link.send(again, internal.Pong())
        assert (await rig.told.get()).peer != old
        assert rig.told.empty()


@contextlib.asynccontextmanager
async def hanging(*, says_nothing: bool) -> AsyncIterator[str]:
    """The address of a master that was suspended: before it has answered the agent, or after."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if says_nothing:
            await asyncio.Event().wait()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await asyncio.Event().wait()
        return socket

    application = web.Application()
    application.router.add_get(PATH, handle)
    runner = web.AppRunner(application, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("says_nothing", [True, False])
async def test_a_master_that_hangs_does_not_hold_the_agent(
    monkeypatch: pytest.MonkeyPatch, says_nothing: bool
) -> None:
    """Told that another one leads, the agent does not wait until the first one would have timed out."""
    monkeypatch.setattr(master_link, "CONNECT_TIMEOUT_S", 100 * WAIT_S)
    rig = Rig()
    async with rig.serving(), hanging(says_nothing=says_nothing) as hung:
        leads, rig.address = rig.address, hung
        async with linked(rig) as (link, listener), asyncio.timeout(WAIT_S):
            assert await rig.asked.get() == hung
            if not says_nothing:
                assert (await listener.heard.get())[2] == hung
            rig.address = leads
            link.leave()
            heard = await listener.heard.get()
            if not says_nothing:
                assert heard[0] == "lost"
                heard = await listener.heard.get()
            assert (heard[0], heard[2]) == ("connected", leads)


async def test_the_next_master_is_not_kept_waiting_by_back_off() -> None:
    """Attempts to reach one that is not there become rare; the news that another one leads ends the pause."""

    is_waiting = asyncio.Event()

    class Patient(random.Random):
        def uniform(self, a: float, b: float) -> float:
            is_waiting.set()
            return 1e6 * b

    rig = Rig()
    async with rig.serving():
        leads, rig.address = rig.address, "127.0.0.1:1"
        async with linked(rig, Patient()) as (link, listener), asyncio.timeout(WAIT_S):
            await is_waiting.wait()
            rig.address = leads
            link.leave()
            assert (await listener.heard.get())[2] == leads


async def test_what_an_agent_repeats_before_it_was_read_is_heard_once() -> None:
    """Reports that only repeat the one before them cost nothing; anything else is heard as often as it is said."""
    rig = Rig()
    rig.turns.is_open = False
    asked = internal.RegisterAgent(agent=AgentInfo(hostname="h"), pid="slave(1)@h:1", version="1.12.0")
    moved = internal.RegisterAgent(agent=AgentInfo(hostname="i"), pid="slave(1)@h:1", version="1.12.0")
    async with asyncio.timeout(WAIT_S), rig.serving(), aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://{rig.address}{PATH}") as socket:
            for message in (asked, asked, asked, moved, internal.Pong(), internal.Pong()):
                await socket.send_bytes(encode_batch((message,)))
            while len(rig.turns._waiting) < 2:  # the first report, and whatever is not a repetition of it
                await asyncio.sleep(0.001)
            rig.turns.release()
            heard = [(await rig.told.get()).body for _ in range(4)]
        assert heard == [asked, moved, internal.Pong(), internal.Pong()]
        assert (await rig.told.get()).kind is Disconnected


async def test_the_end_of_a_connection_waits_for_its_turn() -> None:
    """Thousands of agents may be cut off at once; until the core hears of it, nothing can be said to them."""
    rig = Rig()
    async with asyncio.timeout(WAIT_S), rig.serving(), aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://{rig.address}{PATH}") as socket:
            await socket.send_bytes(encode_batch((internal.Pong(),)))
            assert (await rig.told.get()).kind is internal.Pong
            rig.turns.is_open = False
        while not rig.turns._waiting:
            await asyncio.sleep(0.001)
        assert rig.told.empty() and len(rig.channels) == 0
        rig.turns.release()
        assert (await rig.told.get()).kind is Disconnected


async def test_who_has_gone_before_it_was_answered_was_never_there() -> None:
    """When thousands come at once many do not wait; it costs nothing to find that out."""
    rig, served = Rig(), asyncio.Event()

    async def late(request: web.Request) -> web.StreamResponse:
        while request.transport is not None:
            await asyncio.sleep(0.001)
        answer = await rig.channels.handle(request)
        served.set()
        return answer

    async with asyncio.timeout(WAIT_S), rig.serving(late):
        host, _, port = rig.address.partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        head = f"GET {PATH} HTTP/1.1\r\nHost: h\r\n{upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        writer.close()
        await served.wait()
        assert rig.told.empty() and len(rig.channels) == 0


async def test_a_peer_that_speaks_another_language_is_cut_off() -> None:
    """Text, or bytes that are no batch, end the connection; the core only hears that it ended."""
    rig = Rig()
    async with asyncio.timeout(WAIT_S), rig.serving(), aiohttp.ClientSession() as session:
        for junk in ("hello", b"\xc1junk"):
            async with session.ws_connect(f"http://{rig.address}{PATH}") as socket:
                await (socket.send_str(junk) if isinstance(junk, str) else socket.send_bytes(junk))
                assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            assert (await rig.told.get()).kind is Disconnected


async def test_a_peer_that_does_not_read_is_given_up() -> None:
    """An outbox holds PENDING_MAX messages, then says so instead of growing."""

    class Stuck:
        async def send_bytes(self, message: bytes) -> None:
            await asyncio.Event().wait()

        async def close(self) -> bool:
            return True

    overflows: list[bool] = []
    outbox = Outbox(Stuck(), lambda: overflows.append(True))
    for _ in range(PENDING_MAX + 3):
        outbox.put(internal.Pong())
    assert len(outbox) == PENDING_MAX
    assert len(overflows) == 3
