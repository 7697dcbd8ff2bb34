"""A subscription in HTTP/1.1: one connection for the stream of events that never ends, one for calls, pipelined.

Both are plain asyncio streams: calls keep their order and do not wait for each other's answers, and nothing is read of
the event stream that nobody asks for, so a slow program is felt by the master and not by our memory.

Bounds: a head is at most ``HEAD_MAX``, an error's text ``TEXT_MAX``, unanswered calls ``UNANSWERED_MAX``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import attrs
import orjson

from mesos_py.sdk.host import Account, Answered, Elsewhere, KnownAgent, NotReached, Refused
from mesos_py.wire import master_api
from mesos_py.wire.codec import json
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.recordio import Decoder

SCHEDULER_PATH, EXECUTOR_PATH, OPERATOR_PATH = "/api/v1/scheduler", "/api/v1/executor", "/api/v1"
PORT = 5050
CONNECT_TIMEOUT_S = 10.0
HEAD_MAX = 1 << 16  # bytes
TEXT_MAX = 1 << 16  # bytes of an error's text
AGENTS_MAX = 1 << 28  # bytes of all that a master says of its agents; 2 KB for each, mostly
AGENTS_AT_ONCE = 100  # made of JSON in one turn of the loop
PIECE = 1 << 18  # bytes read at once
UNANSWERED_MAX = 256  # calls

C = TypeVar("C")
E = TypeVar("E")

#: ways for a connection to be of no use
BROKEN = (OSError, EOFError, asyncio.LimitOverrunError, DecodeError, ValueError, ssl.SSLError)


@attrs.frozen
class Head:
    """The first lines of an answer."""

    status: int
    headers: dict[str, str]


@attrs.frozen
class Place:
    """Where a master answers."""

    host: str
    port: int
    is_secure: bool = False

    @staticmethod
    def of(address: str) -> Place:
        """``host:port``, ``http://host:port``, ``//host:port/path``, ``https://host``. Raises ValueError."""
        parts = urlsplit(address if "//" in address else f"//{address}")
        if parts.scheme not in ("", "http", "https") or not parts.hostname:
            raise ValueError(f"'{address}' is no address of a master")
        is_secure = parts.scheme == "https"
        return Place(parts.hostname, parts.port or (443 if is_secure else PORT), is_secure)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https://' if self.is_secure else ''}{host}:{self.port}"


class Connection:
    """One TCP connection: requests out, answers in, in their order."""

    def __init__(self, place: Place, path: str, authorization: str) -> None:
        """``authorization`` is the value of that header; "": none."""
        self._place = place
        self._lines = [
            f"POST {path} HTTP/1.1", f"Host: {place.host}:{place.port}", "Content-Type: application/json",
            "Accept: application/json", *([f"Authorization: {authorization}"] if authorization else []),
        ]  # fmt: skip
        self._posted: list[bytes] = []
        self.reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> None:
        """Raises NotReached."""
        place = self._place
        context = ssl.create_default_context() if place.is_secure else None
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                self.reader, self._writer = await asyncio.open_connection(
                    place.host, place.port, limit=HEAD_MAX, ssl=context)
        except (OSError, TimeoutError, ssl.SSLError) as error:
            raise NotReached(f"{place}: {error or 'no answer in time'}") from error

    def post(self, call: Any, *headers: str) -> None:
        """It leaves with whatever else is posted in this turn of the loop: one system call for all of it."""
        body = json.encode(call)
        lines = [*self._lines, *headers, f"Content-Length: {len(body)}", "", ""]
        if not self._posted:
            asyncio.get_running_loop().call_soon(self._flush)
        self._posted += ("\r\n".join(lines).encode(), body)

    def _flush(self) -> None:
        posted, self._posted = self._posted, []
        if posted and not self._writer.is_closing():
            self._writer.write(b"".join(posted))

    async def drain(self) -> None:
        """There is room for more. Raises OSError."""
        await self._writer.drain()

    async def head(self) -> Head:
        """Of the next answer. Raises one of BROKEN."""
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise ValueError(f"'{first[:100]}' is no answer of a master")
        pairs = (line.partition(":") for line in lines if line)
        return Head(int(rest[:3]), {name.lower(): value.strip() for name, _, value in pairs})

    async def body(self, head: Head) -> AsyncGenerator[bytes, None]:
        """The answer's, in pieces as they come. Raises one of BROKEN."""
        if head.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                async for piece in self._exactly(size):
                    yield piece
                await self.reader.readexactly(2)
            await self.reader.readuntil(b"\r\n")
        elif "content-length" in head.headers:
            async for piece in self._exactly(int(head.headers["content-length"])):
                yield piece
        elif head.status not in (204, 304):
            while piece := await self.reader.read(PIECE):
                yield piece

    async def _exactly(self, size: int) -> AsyncGenerator[bytes, None]:
        while size > 0:
            piece = await self.reader.read(min(size, PIECE))
            if not piece:
                raise EOFError("the answer was cut short")
            size -= len(piece)
            yield piece

    async def all(self, head: Head, most: int) -> bytes:
        """The whole body, if it is not endless. Raises one of BROKEN."""
        read = bytearray()
        async for piece in self.body(head):
            read += piece
            if len(read) > most:
                raise ValueError("the answer is too long")
        return bytes(read)

    async def text(self, head: Head) -> str:
        """Likewise, of a sentence."""
        return (await self.all(head, TEXT_MAX)).decode("utf-8", "replace").strip()

    async def close(self) -> None:
        self._flush()
        self._writer.close()
        with contextlib.suppress(*BROKEN):  # it was broken already
            await self._writer.wait_closed()


class HttpLink(Generic[C, E]):
    """A subscription; made by ``subscribe``."""

    def __init__(
        self, stream: Connection, head: Head, calls: Connection, events: type[E], answered: Answered[C]
    ) -> None:
        self._stream, self._head, self._calls, self._events, self._answered = stream, head, calls, events, answered
        stream_id = head.headers.get("mesos-stream-id")
        self._headers = [] if stream_id is None else [f"Mesos-Stream-Id: {stream_id}"]
        self._unanswered: deque[C] = deque()
        self._has_room = asyncio.Event()
        self._is_broken = False
        self._reading = asyncio.create_task(self._read_answers(), name="answers of the master")

    async def events(self) -> AsyncGenerator[E, None]:
        decoder = Decoder()
        ended = self._reading
        async with contextlib.aclosing(self._stream.body(self._head)) as pieces:
            while True:
                reading = asyncio.ensure_future(anext(pieces, b""))
                try:
                    await asyncio.wait((reading, ended), return_when=asyncio.FIRST_COMPLETED)
                    is_read = reading.done()
                finally:  # also when we are cancelled: nobody else asks how it has ended
                    if not reading.done():
                        reading.cancel()
                        await asyncio.gather(reading, return_exceptions=True)
                    elif not reading.cancelled():
                        reading.exception()
                if not is_read:  # without calls the subscription is of no use
                    return
                try:
                    piece = reading.result()
                    events = [json.decode(self._events, record) for record in decoder.feed(piece)]
                except BROKEN as error:
                    raise NotReached(f"the stream is broken: {error}") from error
                if not piece:
                    return
                for event in events:
                    yield event

    async def call(self, call: C) -> None:
        while len(self._unanswered) >= UNANSWERED_MAX and not self._is_broken:
            self._has_room.clear()
            await self._has_room.wait()
        if self._is_broken:
            raise NotReached("the connection for calls is broken")
        self._unanswered.append(call)
        self._calls.post(call, *self._headers)
        try:
            await self._calls.drain()
        except OSError as error:
            raise NotReached(str(error)) from error

    async def _read_answers(self) -> None:
        """Until the connection ends or breaks."""
        try:
            while True:
                head = await self._calls.head()
                text = await self._calls.text(head)
                self._answered(self._unanswered.popleft(), head.status, text)
                self._has_room.set()
        except (*BROKEN, IndexError):
            self._is_broken = True  # whoever waits for events learns it
            self._has_room.set()

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await asyncio.gather(self._calls.close(), self._stream.close())


async def subscribe(
    place: Place, path: str, authorization: str, call: C, events: type[E], answered: Answered[C]
) -> HttpLink[C, E]:
    """A connection on which SUBSCRIBE was taken. Raises NotReached, Refused, Elsewhere."""
    stream, calls = Connection(place, path, authorization), Connection(place, path, authorization)
    async with contextlib.AsyncExitStack() as stack:
        for connection in (stream, calls):
            await connection.open()
            stack.push_async_callback(connection.close)
        try:
            stream.post(call)
            await stream.drain()
            head = await stream.head()
            text = "" if head.status == 200 else await stream.text(head)
        except BROKEN as error:
            raise NotReached(f"{place}: {error}") from error
        _check(place, head, text)
        stack.pop_all()
    return HttpLink(stream, head, calls, events, answered)


async def ask_agents(place: Place, authorization: str) -> tuple[KnownAgent, ...]:
    """What the master says of its agents. Raises NotReached, Refused, Elsewhere."""
    connection = Connection(place, OPERATOR_PATH, authorization)
    await connection.open()
    try:
        connection.post(master_api.Call(type=master_api.Call.Type.GET_AGENTS))
        await connection.drain()
        head = await connection.head()
        _check(place, head, "" if head.status == 200 else await connection.text(head))
        told = orjson.loads(await connection.all(head, AGENTS_MAX))["get_agents"]
        agents = told.get("agents", []) + [_recovered(info) for info in told.get("recovered_agents", [])]
        found: list[KnownAgent] = []
        for start in range(0, len(agents), AGENTS_AT_ONCE):
            found += [json.from_value(KnownAgent, one) for one in agents[start : start + AGENTS_AT_ONCE]]
            await asyncio.sleep(0)
    except (*BROKEN, KeyError, TypeError, AttributeError) as error:
        raise NotReached(f"{place}: {error}") from error
    finally:
        await connection.close()
    return tuple(found)


def _recovered(info: dict[str, Any]) -> dict[str, Any]:
    """An agent that a new master knows from its registry, and that has not come back yet."""
    return {"agent_info": info, "active": False, "version": "", "total_resources": info.get("resources", [])}


def _check(place: Place, head: Head, text: str) -> None:
    """It was answered as it must be. Raises Elsewhere, NotReached, Refused."""
    if head.status == 307:
        raise Elsewhere(_leader(head.headers.get("location", ""), place))
    if head.status >= 500 or head.status == 404:  # not yet
        raise NotReached(f"{place}: {text or head.status}")
    if head.status != 200:
        raise Refused(f"{place} answers {head.status}: {text}")


def basic(account: Account | None) -> str:
    """The authorization of an account; "" without one."""
    if account is None:
        return ""
    return f"Basic {base64.b64encode(f'{account.principal}:{account.secret}'.encode()).decode()}"


def _leader(location: str, asked: Place) -> str | None:
    """Whom a redirect names; Mesos leaves the scheme out, which is then that of the request."""
    try:
        place = Place.of(location)
    except ValueError:
        return None
    return str(attrs.evolve(place, is_secure=place.is_secure or (asked.is_secure and location.startswith("//"))))
