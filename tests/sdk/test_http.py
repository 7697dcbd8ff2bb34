"""A subscription over HTTP, against a server that answers as the test says, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson
import pytest

from mesos_py.sdk.host import Account, Elsewhere, NotReached, Refused
from mesos_py.sdk.http import SCHEDULER_PATH, UNANSWERED_MAX, HttpLink, Place, ask_agents, basic, subscribe
from mesos_py.wire.codec import json
from mesos_py.wire.recordio import encode
from mesos_py.wire.scheduler_api import Call, Event
from tests.ports import free_ports

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEARTBEAT = encode(json.encode(Event(type=Event.Type.HEARTBEAT)))
STREAM = b"HTTP/1.1 200 OK\r\nMesos-Stream-Id: s-1\r\nTransfer-Encoding: chunked\r\n\r\n"
TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
SUBSCRIBE = Call(type=Call.Type.SUBSCRIBE)


async def request(reader: asyncio.StreamReader) -> tuple[str, Call]:
    """The head of the next request, and its call."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("Content-Length"))
    return head, json.decode(Call, await reader.readexactly(length))


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Server:
    """Answers the first request that comes with ``stream``, all on the other connection with ``calls``."""

    def __init__(self, stream: Talk, calls: Talk) -> None:
        self._stream, self._calls = stream, calls
        self.place: Place
        self.heads: list[str] = []
        self.calls: list[Call] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.place = Place("127.0.0.1", server.sockets[0].getsockname()[1])
        try:
            yield self
        finally:
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head, call = await request(reader)
                self.heads.append(head)
                if call.type is Call.Type.SUBSCRIBE:
                    await self._stream(reader, writer)
                    return
                self.calls.append(call)
                await self._calls(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            writer.close()


def answering(*pieces: bytes) -> Talk:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return answer


async def open_link(
    server: Server, answered: Callable[[Call, int, str], None] = lambda call, status, text: None
) -> HttpLink[Call, Event]:
    return await subscribe(server.place, SCHEDULER_PATH, "", SUBSCRIBE, Event, answered)


async def events_of(*pieces: bytes) -> list[str]:
    """Names of the events in a stream that is written in these pieces and then ends."""
    async with Server(answering(STREAM, *pieces), answering(TAKEN)).running() as server:
        link = await open_link(server)
        found: list[str] = []
        try:
            async for event in link.events():
                found += [event.type.name] if event.type is not None else []
        except NotReached:
            found += ["broken"]
        await link.close()
    return found


@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
async def test_records_are_found_however_the_stream_is_cut(size: int) -> None:
    """One record in one chunk, many in one, one in many: the framing of HTTP means nothing."""
    body = HEARTBEAT * 5
    pieces = b"".join(chunked(body[at : at + size]) for at in range(0, len(body), size)) + b"0\r\n\r\n"
    assert await events_of(pieces) == ["HEARTBEAT"] * 5
    assert await events_of(*(pieces[at : at + 3] for at in range(0, len(pieces), 3))) == ["HEARTBEAT"] * 5


@pytest.mark.parametrize("tail", [b"5\r\nxx", b"zz\r\n", chunked(b"xx\nyy"), chunked(b"3\n{{{")],
                         ids=["cut short", "no chunk", "no record", "no JSON"])  # fmt: skip
async def test_a_stream_that_breaks(tail: bytes) -> None:
    """What came before counts; the rest is told by the next subscription."""
    assert await events_of(chunked(HEARTBEAT), tail) == ["HEARTBEAT", "broken"]


async def test_calls_keep_their_order_and_do_not_wait_for_answers() -> None:
    """They are written at once, with the id of the stream; each answer belongs to the oldest call without one."""
    released = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno" if len(server.calls) % 2 else TAKEN)

    answers: list[tuple[str, int, str]] = []
    all_answered = asyncio.Event()

    def answered(call: Call, status: int, text: str) -> None:
        answers.append((call.type.name if call.type else "", status, text))
        if len(answers) == 4:
            all_answered.set()

    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM)
        await reader.read()

    async with Server(stay, hold).running() as server:
        link = await open_link(server, answered)
        types = (Call.Type.REVIVE, Call.Type.SUPPRESS, Call.Type.REVIVE, Call.Type.SUPPRESS)
        async with asyncio.timeout(60):
            for type_ in types:
                await link.call(Call(type=type_))
            released.set()
            await all_answered.wait()
        await link.close()
        assert [call.type for call in server.calls] == list(types)
        assert [(name, status) for name, status, _ in answers] == [
            ("REVIVE", 400), ("SUPPRESS", 202), ("REVIVE", 400), ("SUPPRESS", 202)]  # fmt: skip
        assert all("Mesos-Stream-Id: s-1" in head for head in server.heads[1:])


async def test_unanswered_calls_are_bounded() -> None:
    """One more waits; when the connection breaks, it is told so, and the stream is of no use either."""
    gone = asyncio.Event()

    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM)
        await reader.read()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        raise asyncio.IncompleteReadError(b"", None)

    async with Server(stay, never).running() as server:
        link = await open_link(server)
        for _ in range(UNANSWERED_MAX):
            await link.call(Call(type=Call.Type.REVIVE))
        one_more = asyncio.create_task(link.call(Call(type=Call.Type.REVIVE)))
        await asyncio.sleep(0)
        assert not one_more.done()
        gone.set()
        async with asyncio.timeout(60):
            with pytest.raises(NotReached):
                await one_more
            assert [event async for event in link.events()] == []
        await link.close()


@pytest.mark.parametrize(("answer", "error", "text"), [
    (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 17\r\n\r\nNo leader elected", NotReached, "No leader elected"),
    (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", NotReached, "404"),
    (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nwho", Refused, "401: who"),
    (b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", Refused, "400: no"),
    (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", NotReached, "is no answer of a master"),
    (b"HTTP/1.1 200", NotReached, "bytes read"),
    (b"HTTP/1.1 500 X\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 70_000, NotReached, "too long"),
])  # fmt: skip
async def test_who_is_not_subscribed(answer: bytes, error: type[Exception], text: str) -> None:
    """What may be better later is not what is refused for good."""
    async with Server(answering(answer), answering(TAKEN)).running() as server:
        with pytest.raises(error, match=text):
            await open_link(server)


@pytest.mark.parametrize(("location", "leader"), [
    ("//10.0.0.2:5050/api/v1/scheduler", "10.0.0.2:5050"), ("http://m2:80/x", "m2:80"), ("//[::1]:5050", "[::1]:5050"),
    ("https://m2/x", "https://m2:443"), ("", None), ("ftp://m2", None),
])  # fmt: skip
async def test_redirects(location: str, leader: str | None) -> None:
    """Also those without a scheme, as Mesos writes them."""
    answer = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    async with Server(answering(answer), answering(TAKEN)).running() as server:
        with pytest.raises(Elsewhere) as caught:
            await open_link(server)
        assert caught.value.address == leader


async def test_nobody_is_there() -> None:
    """The error says where."""
    place = Place("127.0.0.1", free_ports(1)[0])
    with pytest.raises(NotReached, match=str(place.port)):
        await subscribe(place, SCHEDULER_PATH, "", SUBSCRIBE, Event, lambda call, status, text: None)


def test_places_and_accounts() -> None:
    """Addresses as people write them; a principal with its secret as HTTP wants it."""
    assert Place.of("m") == Place("m", 5050)
    assert Place.of("http://m:80/master") == Place("m", 80)
    assert Place.of("https://m") == Place("m", 443, True)
    assert (basic(None), basic(Account("a", "b"))) == ("", "Basic YTpi")
    with pytest.raises(ValueError, match="no address of a master"):
        Place.of("ftp://m")


def _answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


AGENT = {
    "agent_info": {"hostname": "h", "id": {"value": "a"}, "resources": []}, "active": True, "version": "1.12.0",
    "total_resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 4}}],
}  # fmt: skip
RECOVERED = {"hostname": "r", "id": {"value": "b"}, "resources": AGENT["total_resources"]}


async def test_a_master_is_asked_for_its_agents() -> None:
    """Those that have not come back to it yet are among them."""
    told = {"type": "GET_AGENTS", "get_agents": {"agents": [AGENT] * 250, "recovered_agents": [RECOVERED]}}
    async with Server(answering(), answering(_answer("200 OK", orjson.dumps(told)))).running() as server:
        found = await ask_agents(server.place, "")
    assert len(found) == 251
    assert [(one.agent_info.hostname, one.active, len(one.total_resources)) for one in found[-2:]] == [
        ("h", True, 1), ("r", False, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("answer", "error"), [
    (_answer("307 Temporary Redirect", b"", "Location: //other:5050/api/v1"), Elsewhere),
    (_answer("401 Unauthorized", b"who are you"), Refused), (_answer("503 Service Unavailable", b""), NotReached),
    (_answer("200 OK", b"{}"), NotReached), (_answer("200 OK", b"[1]"), NotReached), (b"SSH-2.0\r\n\r\n", NotReached),
])  # fmt: skip
async def test_a_master_that_does_not_tell_its_agents(answer: bytes, error: type[Exception]) -> None:
    async with Server(answering(), answering(answer)).running() as server:
        with pytest.raises(error):
            await ask_agents(server.place, "")
