"""The server under peers that behave and peers that do not; every wait is for something that happens."""

from __future__ import annotations

import asyncio
import gzip
import random
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from mesos_py.web.request import Request
from mesos_py.web.response import ACCEPTED, JSON, Chunked, HttpError, Response, text
from mesos_py.web.router import Answer
from mesos_py.web.server import Limits, Server
from mesos_py.web.streams import RecordStream
from tests.web.raw import ANSWER_S, Wire, exchange, get, post

LIMITS = Limits(body_bytes=100_000)
#: Nobody may take any time.
HASTY = Limits(body_bytes=100_000, head_s=0.0, body_s=0.2, body_rate=1 << 30, read_s=0.2)
BIG = b"x" * 50_000


class Site:
    """A server whose handler does what the path says."""

    def __init__(self, limits: Limits) -> None:
        self.server = Server(self.handle, limits=limits)
        self.closed: list[str] = []
        self.streams: list[RecordStream] = []
        self.changed = asyncio.Event()
        self.port = 0

    async def handle(self, request: Request) -> Answer:
        path = request.path
        if path == "/echo":
            return Response(200, request.body(), JSON)
        if path == "/big":
            return Response(200, BIG, JSON)
        if path == "/huge":
            return Response(200, bytes(50_000_000), JSON)
        if path == "/pieces":
            return Chunked(pieces(), JSON)
        if path == "/bug":
            raise RuntimeError("a bug")
        if path == "/refuse":
            raise HttpError(409, "no")
        if path == "/stream":
            stream = RecordStream(JSON, on_closed=self.on_closed, cap=1 << 20)
            self.streams.append(stream)
            self.changed.set()
            return stream
        return ACCEPTED if request.method == "POST" else text(path)

    def on_closed(self, reason: str) -> None:
        self.closed.append(reason)
        self.changed.set()


async def pieces() -> AsyncIterator[bytes]:
    for piece in (b"a" * 1000, b"", b"b" * 1000):
        yield piece
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(limits: Limits) -> AsyncIterator[Site]:
    made = Site(limits)
    made.port = await made.server.start("127.0.0.1", 0)
    try:
        yield made
    finally:
        await made.server.close(0.1)


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    async with serving(LIMITS) as made:
        yield made


@pytest_asyncio.fixture
async def hasty() -> AsyncIterator[Site]:
    async with serving(HASTY) as made:
        yield made


async def test_requests_are_answered_in_order_on_one_connection(site: Site) -> None:
    async with Wire(site.port) as wire:
        wire.send(get("/a") + post("/b", b"{}") + get("/c"))
        assert [(await wire.answer()).text for _ in range(3)] == ["/a", "", "/c"]


async def test_bodies_may_come_chunked_and_in_any_cut(site: Site) -> None:
    async with Wire(site.port) as wire:
        whole = (
            b'POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n'
        )
        for byte in whole:
            wire.send(bytes((byte,)))
            await asyncio.sleep(0)
        assert (await wire.answer()).body == b'{"a":1}'


async def test_connection_close_is_honoured(site: Site) -> None:
    async with Wire(site.port) as wire:
        wire.send(get("/a", "Connection: close"))
        assert (await wire.answer()).text == "/a"
        assert await wire.ended()


async def test_large_answers_are_gzipped_for_who_accepts_it(site: Site) -> None:
    packed = await exchange(site.port, get("/big", "Accept-Encoding: gzip"))
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == BIG
    plain = await exchange(site.port, get("/big", "Accept-Encoding: gzip;q=0"))
    assert plain.body == BIG
    assert "content-encoding" not in (await exchange(site.port, get("/small", "Accept-Encoding: gzip"))).headers
    assert site.server.gzipped_bytes == len(packed.body)


async def test_answers_in_pieces_are_whole(site: Site) -> None:
    expected = b"a" * 1000 + b"b" * 1000
    assert (await exchange(site.port, get("/pieces"))).body == expected
    packed = await exchange(site.port, get("/pieces", "Accept-Encoding: gzip"))
    assert zlib.decompress(packed.body, wbits=31) == expected
    assert site.server.gzipped_bytes == len(packed.body)


async def test_answers_in_pieces_reach_http_1_0(site: Site) -> None:
    async with Wire(site.port) as wire:
        wire.send(b"GET /pieces HTTP/1.0\r\n\r\n")
        assert "transfer-encoding" not in (await wire.head()).headers
        assert await wire.reader.read() == b"a" * 1000 + b"b" * 1000


async def test_a_bomb_is_not_inflated_to_its_end(site: Site) -> None:
    """A body refused for what is in it is not read on: the connection ends with the answer, and others are served."""
    bomb = post("/echo", gzip.compress(bytes(200_000_000)), "Content-Encoding: gzip")
    async with Wire(site.port) as wire:
        wire.send(bomb + get("/after"))
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert await wire.ended()
    assert (await exchange(site.port, get("/small"))).status == 200


async def test_who_sends_everything_before_it_reads_hears_the_answer(site: Site) -> None:
    """As most clients do: a connection that ends with unread input must not take the answer with it."""
    body = gzip.compress(random.Random(1).randbytes(5_000_000), 1)
    for _ in range(5):
        async with Wire(site.port) as wire:
            wire.send(post("/echo", body, "Content-Encoding: gzip"))
            await wire.writer.drain()
            assert (await wire.answer()).status == 413
            assert await wire.ended()


async def test_gzipped_requests_are_inflated(site: Site) -> None:
    request = post("/echo", gzip.compress(b'{"a":1}'), "Content-Encoding: gzip")
    assert (await exchange(site.port, request)).body == b'{"a":1}'


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (post("/echo", b"x" * 100_001), 413),
        (post("/echo", b"x" * 100_000), 200),
        (post("/echo", gzip.compress(bytes(50_000_000)), "Content-Encoding: gzip"), 413),
        (post("/echo", b"junk", "Content-Encoding: gzip"), 400),
        (post("/echo", b"x", "Content-Encoding: lzw"), 415),
        (b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n" + b"x" * 200_000, 413),
        (get("/bug"), 500),
        (get("/refuse"), 409),
    ],
)
async def test_what_cannot_be_served_has_a_status(site: Site, request_: bytes, status: int) -> None:
    async with Wire(site.port) as wire:
        wire.send(request_)
        assert (await wire.head()).status == status
    assert (await exchange(site.port, get("/still-there"))).text == "/still-there"


async def test_each_record_is_one_chunk(site: Site) -> None:
    """However many are sent at once, and before the head has left."""
    async with Wire(site.port) as wire:
        wire.send(get("/stream"))
        await site.changed.wait()
        stream = site.streams[0]
        for size in (0, 1, 70_000):
            stream.send(b"r" * size)
        head = await wire.head()
        assert head.headers["transfer-encoding"] == "chunked"
        for size in (0, 1, 70_000):
            assert await wire.chunk() == b"%d\n" % size + b"r" * size
        stream.send(b"last")
        stream.close()
        assert await wire.chunk() == b"4\nlast"
        assert await wire.chunk() == b""
    assert site.closed == []


LONG = [b"x" * 70_000] * 300  # 20 times the cap


async def test_a_long_record_is_one_chunk_and_does_not_count_as_unread(site: Site) -> None:
    """As the first or between others; what is sent while it is read comes after it."""
    async with Wire(site.port) as wire:
        wire.send(get("/stream"))
        await site.changed.wait()
        stream = site.streams[0]
        for record in (LONG, b"small", LONG, b"smaller", b"smallest"):
            stream.send(record) if isinstance(record, bytes) else stream.send_long(record)
        await wire.head()
        whole = b"".join(LONG)
        for expected in (whole, b"small", whole, b"smaller", b"smallest"):
            assert await wire.chunk() == b"%d\n" % len(expected) + expected
        stream.send_long(())
        stream.close()
        assert await wire.chunk() == b"0\n"
        assert await wire.chunk() == b""
    assert site.closed == []


async def test_a_long_record_reaches_http_1_0(site: Site) -> None:
    async with Wire(site.port) as wire:
        wire.send(b"GET /stream HTTP/1.0\r\n\r\n")
        await site.changed.wait()
        site.streams[0].send_long(LONG)
        site.streams[0].close()
        await wire.head()
        async with asyncio.timeout(ANSWER_S):
            assert await wire.reader.read() == b"%d\n" % sum(map(len, LONG)) + b"".join(LONG)


async def test_a_long_record_that_nobody_reads_ends_the_stream(hasty: Site) -> None:
    async with Wire(hasty.port) as wire:
        wire.send(get("/stream"))
        await wire.head()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        hasty.changed.clear()
        hasty.streams[0].send_long(LONG)
        async with asyncio.timeout(ANSWER_S):
            await hasty.changed.wait()
        assert hasty.closed == ["slow"]
        assert not hasty.streams[0].is_open


async def test_a_peer_that_goes_is_noticed_at_once(site: Site) -> None:
    async with Wire(site.port) as wire:
        wire.send(get("/stream"))
        await wire.head()
        site.changed.clear()
    await asyncio.wait_for(site.changed.wait(), ANSWER_S)
    assert site.closed == ["gone"]
    assert not site.streams[0].is_open


async def test_a_peer_that_stops_reading_is_cut_off_at_the_cap(site: Site) -> None:
    """F23, X25: what waits for it stays within the cap and one record."""
    async with Wire(site.port) as wire:
        wire.send(get("/stream"))
        await wire.head()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        stream = site.streams[0]
        record = b"r" * 100_000
        most = 0
        for _ in range(2_000):
            stream.send(record)
            most = max(most, stream.unread_bytes)
            await asyncio.sleep(0)
            if not stream.is_open:
                break
        assert not stream.is_open
        assert most <= (1 << 20) + 2 * len(record)
        site.changed.clear()
        if not site.closed:
            await asyncio.wait_for(site.changed.wait(), ANSWER_S)
        assert site.closed == ["slow"]
        assert stream.unread_bytes == 0


async def test_a_reader_that_takes_its_time_gets_it_all(site: Site) -> None:
    assert len((await exchange(site.port, get("/huge"))).body) == 50_000_000


async def test_a_reader_that_takes_nothing_is_cut_off(hasty: Site) -> None:
    """X25: what was made for it does not stay for ever."""
    async with Wire(hasty.port) as wire:
        wire.send(get("/huge"))
        await wire.head()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        while hasty.server.connections > 0:
            await asyncio.sleep(0.01)
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await wire.ended()


async def test_a_body_that_does_not_come_is_not_waited_for(hasty: Site) -> None:
    async with Wire(hasty.port) as wire:
        wire.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n{")
        assert (await wire.head()).status == 408


async def test_connections_that_dawdle_over_their_head_are_closed(hasty: Site) -> None:
    """X22: slowloris, by the hundred."""
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(dawdle(hasty.port, b"GET / HTTP/1.1\r\nX-Slow: "[: number % 20]))
    assert (await exchange(hasty.port, get("/still-there"))).text == "/still-there"


async def dawdle(port: int, beginning: bytes) -> None:
    async with Wire(port) as wire:
        wire.send(beginning)
        assert await wire.ended()


JUNK = [
    b"\x00" * 100,
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc\r\n0\r\n\r\n",
    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % number for number in range(100_000)) + b"\r\n",
    b"GET /%00%ff%c0%ae%2e%2e/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"tls" * 50,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
async def test_junk_ends_its_own_connection_at_most(site: Site, junk: bytes) -> None:
    async with Wire(site.port) as wire:
        wire.send(junk)
        wire.writer.write_eof()
        await wire.ended()
    assert (await exchange(site.port, get("/still-there"))).text == "/still-there"


async def test_random_bytes_end_their_own_connection_at_most(site: Site) -> None:
    rng = random.Random(7)
    good = post("/echo", b'{"a":1}', "Accept: application/json")
    for _ in range(200):
        mutated = bytearray(good)
        for _ in range(rng.randint(1, 8)):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        async with Wire(site.port) as wire:
            wire.send(bytes(mutated[: rng.randint(1, len(mutated))]))
            wire.writer.write_eof()
            await wire.ended()
    assert (await exchange(site.port, get("/still-there"))).text == "/still-there"
