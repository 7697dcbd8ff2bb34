"""The door: who is let in, who answers, what a standby hands on and how; over HTTP, two instances in one process."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import attrs
import pytest

from frameworks.marathon_py.shell.access import Basic
from frameworks.marathon_py.shell.front import Front, Leadership, Site
from frameworks.marathon_py.shell.relay import Relay
from mesos_py.web.request import Request
from mesos_py.web.response import JSON, Chunked, Response
from mesos_py.web.router import Answer
from mesos_py.web.server import Server
from tests.ports import free_ports

BIG = b'{"apps":[' + b",".join(b'{"id":"/a/%d"}' % number for number in range(500)) + b"]}"


@attrs.define(eq=False)
class Instance:
    """One that may lead; ``asked`` is what came to its API."""

    leadership: Leadership
    port: int = 0
    asked: list[Request] = attrs.Factory(list)
    go_on: asyncio.Event = attrs.Factory(asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def lead(self) -> None:
        self.leadership.leader, self.leadership.site = self.leadership.ours, self.answer

    async def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        match request.path:
            case "/big":
                return Response(200, BIG, JSON, (("X-Marathon-Leader", self.url),))
            case "/wait":
                await self.go_on.wait()
            case "/pieces":
                return Chunked(self.pieces(), "text/plain")
            case "/gone":
                return Response(204)
        return Response(409, request.body() or b"{}", JSON, (("Marathon-Deployment-Id", "d"),))

    async def pieces(self) -> AsyncIterator[bytes]:
        yield b"one"
        await self.go_on.wait()
        raise RuntimeError("and no more")


Make = Callable[..., Any]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    """``await make(leader=..., ...)``: an instance that listens; settings are those of its front."""
    async with contextlib.AsyncExitStack() as stack:

        async def made(*, read_s: float = 20.0, basic: Basic | None = None, **settings: Any) -> Instance:
            instance = Instance(Leadership(""))
            front: list[Front] = []
            server = Server(lambda request: front[0](request))  # noqa: PLW0108 - there is none yet
            stack.push_async_callback(server.close, 0.0)
            instance.port = await server.start("127.0.0.1", 0)
            instance.leadership.ours = instance.url
            relay = Relay(instance.address, connect_s=20.0, read_s=read_s, connections_max=4)
            stack.push_async_callback(relay.close)

            async def identify(request: Request) -> None:
                if basic is not None:
                    basic.identify(request)

            front.append(Front(instance.leadership, relay, identify=identify, try_every_s=0.01, **settings))
            return instance

        yield made


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


async def standby_of(make: Make, leader: Instance, **settings: Any) -> Instance:
    standby: Instance = await make(**settings)
    standby.leadership.leader = leader.url
    return standby


async def test_a_standby_hands_on_what_it_is_asked_as_it_is(make: Make, client: aiohttp.ClientSession) -> None:
    """Method, path, query and body; status, headers and body of the answer; who has handed it on."""
    leader = await make()
    leader.lead()
    standby = await standby_of(make, leader)
    sent = {"X-Forwarded-For": "10.0.0.9", "X-Mine": "1", "Connection": "close"}
    url = f"{standby.url}/v2/apps//a%2Fb/?force=true&label=a%3D%3Db"
    async with client.put(url, data=b'{"id": 1}', headers=sent) as answer:
        assert (answer.status, await answer.read()) == (409, b'{"id": 1}')
        assert answer.headers["Marathon-Deployment-Id"] == "d"
        assert answer.headers["X-Marathon-Via"] == f"1.1 {standby.address}"
        assert answer.headers["Content-Type"] == "application/json"
    (asked,) = leader.asked
    assert (asked.method, asked.target) == ("PUT", "/v2/apps//a%2Fb/?force=true&label=a%3D%3Db")
    assert asked.headers["X-Forwarded-For"] == "10.0.0.9, 127.0.0.1"
    assert asked.headers["X-Marathon-Via"] == f"1.1 {standby.address}"
    assert (asked.headers["X-Mine"], asked.headers["Host"]) == ("1", leader.address)
    assert standby.asked == []


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_what_the_leader_has_compressed_is_passed_on(
    make: Make, client: aiohttp.ClientSession, encoding: str
) -> None:
    leader = await make()
    leader.lead()
    standby = await standby_of(make, leader)
    async with client.get(f"{standby.url}/big", headers={"Accept-Encoding": encoding}) as answer:
        body = await answer.read()
        assert answer.headers.get("Content-Encoding", "identity") == encoding
        assert (gzip.decompress(body) if encoding == "gzip" else body) == BIG
        assert answer.headers["X-Marathon-Leader"] == leader.url


async def test_answers_without_a_body(make: Make, client: aiohttp.ClientSession) -> None:
    leader = await make()
    leader.lead()
    standby = await standby_of(make, leader)
    async with client.get(f"{standby.url}/gone") as answer:
        assert (answer.status, await answer.read(), "Content-Type" in answer.headers) == (204, b"", False)
    async with client.head(f"{standby.url}/big", headers={"Accept-Encoding": "identity"}) as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(BIG)))


async def test_through_several_standbys(make: Make, client: aiohttp.ClientSession) -> None:
    """Each has a name in the list."""
    leader = await make()
    leader.lead()
    near = await standby_of(make, leader)
    far = await standby_of(make, near)
    async with client.get(f"{far.url}/v2/info") as answer:
        assert answer.status == 409
    assert leader.asked[0].incoming.headers.getall("X-Marathon-Via") == [f"1.1 {far.address}", f"1.1 {near.address}"]


async def test_two_that_take_each_other_for_the_leader(make: Make, client: aiohttp.ClientSession) -> None:
    one = await make()
    other = await standby_of(make, one)
    one.leadership.leader = other.url
    async with client.get(f"{one.url}/v2/apps") as answer:
        assert (answer.status, await answer.json()) == (502, {"message": "Detected proxying loop."})


async def test_a_leader_that_is_not_there(make: Make, client: aiohttp.ClientSession) -> None:
    (port,) = free_ports(1)
    standby = await make()
    standby.leadership.leader = f"http://127.0.0.1:{port}"
    async with client.get(f"{standby.url}/v2/apps") as answer:
        assert (answer.status, await answer.json()) == (502, {"message": "Connection to leader refused."})


async def test_a_leader_that_says_nothing(make: Make, client: aiohttp.ClientSession) -> None:
    leader = await make()
    leader.lead()
    standby = await standby_of(make, leader, read_s=0.05)
    async with client.get(f"{standby.url}/wait") as answer:
        assert answer.status == 500
        assert f"the leader at {leader.url} did not answer" in (await answer.json())["message"]


async def test_an_answer_that_is_broken_off_is_broken_off(make: Make, client: aiohttp.ClientSession) -> None:
    """It must not look whole."""
    leader = await make()
    leader.lead()
    standby = await standby_of(make, leader)
    async with client.get(f"{standby.url}/pieces", headers={"Accept-Encoding": "identity"}) as answer:
        assert await answer.content.readany() == b"one"
        leader.go_on.set()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_nobody_is_known_to_lead(make: Make, client: aiohttp.ClientSession) -> None:
    """Nor is who is elected and not ready yet."""
    alone = await make()
    for leader in (None, alone.url):
        alone.leadership.leader = leader
        async with client.get(f"{alone.url}/v2/apps") as answer:
            assert (answer.status, await answer.json()) == (502, {"message": "Could not determine the current leader"})


async def test_a_leader_that_was_stopped_for_too_long_answers_nothing(
    make: Make, client: aiohttp.ClientSession
) -> None:
    """Others may have changed what it would show; it does not know of them yet."""
    alone = await make()
    alone.lead()
    alone.leadership.is_held = lambda: False
    async with client.get(f"{alone.url}/v2/apps") as answer:
        assert (answer.status, alone.asked) == (502, [])


async def test_who_is_elected_meanwhile_answers(make: Make, client: aiohttp.ClientSession) -> None:
    alone = await make()
    asking = asyncio.create_task(client.get(f"{alone.url}/v2/apps"))
    await asyncio.sleep(0.03)
    alone.lead()
    async with await asking as answer:
        assert answer.status == 409
    assert len(alone.asked) == 1


async def test_events_are_redirected(make: Make, client: aiohttp.ClientSession) -> None:
    leader = await make()
    leader.lead()
    standby = await standby_of(make, leader)
    async with client.get(f"{standby.url}/v2/events?event_type=a", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, f"{leader.url}/v2/events?event_type=a")
    assert leader.asked == []


async def test_a_page_of_a_standby_is_a_page_of_ours(make: Make, client: aiohttp.ClientSession) -> None:
    """Its origin is the standby, which the leader does not know; another origin is handed on."""
    leader = await make()
    leader.lead()
    standby = await standby_of(make, leader)
    for origin in (standby.url, "http://elsewhere"):
        async with client.post(f"{standby.url}/v2/apps", headers={"Origin": origin}) as answer:
            assert answer.status == 409
    assert [asked.headers.get("Origin") for asked in leader.asked] == [None, "http://elsewhere"]


async def test_too_many_at_once(make: Make, client: aiohttp.ClientSession) -> None:
    """Those that are under way go on."""
    leader = await make(requests_max=1)
    leader.lead()
    first = asyncio.create_task(client.get(f"{leader.url}/wait"))
    while not leader.asked:
        await asyncio.sleep(0.01)
    async with client.get(f"{leader.url}/v2/apps") as answer:
        assert (answer.status, await answer.text()) == (503, "Too many concurrent requests! Allowed: 1.")
    leader.go_on.set()
    async with await first as answer:
        assert answer.status == 409
    async with client.get(f"{leader.url}/v2/apps") as answer:
        assert answer.status == 409


@pytest.mark.parametrize(("header", "status"), [
    (None, 401), ("Basic", 401), ("Basic %%%", 401), ("Bearer " + b64encode(b"me:p:w").decode(), 401),
    ("Basic " + b64encode(b"me:p").decode(), 401), ("Basic " + b64encode(b"me:p:w").decode(), 409),
    ("basic " + b64encode(b"me:p:w").decode(), 409),
])  # fmt: skip
async def test_a_password(make: Make, client: aiohttp.ClientSession, header: str | None, status: int) -> None:
    """Everything is behind it; it may have colons."""
    leader = await make(basic=Basic("me:p:w", "Mesosphere"))
    leader.lead()
    async with client.get(f"{leader.url}/ping", headers={"Authorization": header} if header else {}) as answer:
        assert answer.status == status
        assert answer.headers.get("WWW-Authenticate") == (None if status != 401 else 'Basic realm="Mesosphere"')
    assert [asked.principal for asked in leader.asked] == (["me"] if status != 401 else [])


async def test_pages_of_other_origins_may_read(make: Make, client: aiohttp.ClientSession) -> None:
    """Of those that were named, errors included; browsers ask first, without a password."""
    leader = await make(origins=("http://one", "http://two"), basic=Basic("me:pw", "Mesosphere"))
    leader.lead()
    asked = {"Origin": "http://one", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "X-A, b"}
    async with client.options(f"{leader.url}/v2/apps", headers=asked) as answer:
        told = {name: value for name, value in answer.headers.items() if name.startswith("Access-Control")}
        assert (answer.status, told) == (200, {
            "Access-Control-Allow-Origin": "http://one", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
            "Access-Control-Allow-Headers": "X-A, b", "Access-Control-Max-Age": "86400",
        })  # fmt: skip
    async with client.get(f"{leader.url}/v2/apps", headers={"Origin": "http://three"}) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, "http://two")


def test_a_password_needs_a_user() -> None:
    for text in ("", "me", ":pw"):
        with pytest.raises(ValueError, match="expecting USER:PASSWORD"):
            Basic(text, "Mesosphere")


def test_the_site_is_what_a_server_asks() -> None:
    """For the type checker."""
    site: Site | None = Instance(Leadership("")).answer
    assert site is not None
