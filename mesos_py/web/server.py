"""Connections: bytes in, requests to the dispatcher in order, answers out.

A connection serves its requests one after another (pipelining is allowed). Everything a peer can make us hold is
bounded: head and body sizes, requests waiting, bodies of all connections together, answers not read. Everything a
peer can make us wait for has a deadline, except the next request and a stream's reader. A handler that raises answers
500 and is logged; nothing a peer sends ends the process.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import structlog

from mesos_py.machine.values import value
from mesos_py.web import compress
from mesos_py.web.http1 import END, Head, Malformed, RequestParser
from mesos_py.web.negotiate import accepts_gzip
from mesos_py.web.request import Request
from mesos_py.web.response import Chunked, HttpError, Response, head, problem
from mesos_py.web.router import Answer
from mesos_py.web.streams import RecordStream

log = structlog.get_logger(__name__)

SWEEP_S = 1.0  # how often deadlines are looked at
LINGER_S = 5.0  # how long a refused body is read over, so that the peer gets to read the refusal
QUEUE_MAX = 64  # pipelined requests waiting; reading pauses above
WRITE_HIGH_BYTES = 256 << 10  # unread answer bytes above which making more of it pauses


@value
class Limits:
    """What a peer may take."""

    #: bytes of one request body, before and after inflating
    body_bytes: int = 64 << 20
    #: bytes of all bodies being received together
    all_bodies_bytes: int = 512 << 20
    #: seconds for a request's head, from its first byte (or from connecting)
    head_s: float = 30.0
    #: seconds for a body, plus one for each ``body_rate`` bytes
    body_s: float = 60.0
    body_rate: int = 64 << 10
    #: seconds in which a reader of an answer must take some of it
    read_s: float = 120.0
    connections: int = 20_000


class Dispatcher(Protocol):
    """What the server asks for answers."""

    async def __call__(self, request: Request) -> Answer: ...


Upgrade = Callable[[str], Callable[[], asyncio.Protocol] | None]


class Server:
    """Listening sockets and their connections."""

    def __init__(self, dispatch: Dispatcher, *, limits: Limits | None = None, upgrade: Upgrade | None = None) -> None:
        self.dispatch = dispatch
        self.limits = limits or Limits()
        #: path -> maker of the protocol that takes the connection over (WebSocket), None: not upgraded here
        self.upgrade = upgrade or (lambda path: None)
        self.connections: dict[Connection, None] = {}
        self.bodies_bytes = 0
        self.closing = False
        self._listening: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (of the first socket when ``port`` is 0). Raises OSError."""
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: Connection(self), host, port, backlog=1024, reuse_address=True)
        self._listening.append(listening)
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_S, self._sweep)
        name: tuple[str, int] = listening.sockets[0].getsockname()
        return name[1]

    async def close(self, grace_s: float = 1.0) -> None:
        """Stop listening, end streams, let running handlers finish for ``grace_s``, then cut off the rest."""
        self.closing = True
        for listening in self._listening:
            listening.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self.connections):
            connection.shut()
        tasks = [connection.task for connection in self.connections if connection.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for connection in list(self.connections):
            connection.abort()
            if connection.task is not None:
                connection.task.cancel()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self.connections):
            connection.check_deadlines(now)
        self._sweeper = loop.call_later(SWEEP_S, self._sweep)


class Connection(asyncio.Protocol):
    """One peer's connection."""

    __slots__ = (
        "_body",
        "_body_size",
        "_closing",
        "_deadline",
        "_drained",
        "_first",
        "_head",
        "_head_since",
        "_loop",
        "_lost",
        "_parser",
        "_paused_since",
        "_progress",
        "_queue",
        "_reading_paused",
        "_refused",
        "_stream",
        "_transport",
        "_wakeup",
        "remote",
        "server",
        "task",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        self.server = server
        self.remote = ""
        self.task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._parser = RequestParser()
        self._transport: asyncio.Transport | None = None
        self._queue: deque[Request | Response] = deque()
        self._wakeup: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._head: Head | None = None
        self._body: list[bytes] = []
        self._body_size = 0
        self._first: bytes | None = b""  # raw bytes until the first head: a WebSocket takes them over
        self._head_since = self._loop.time()  # 0 while nothing of a head is awaited
        self._deadline = 0.0  # of the body being received
        self._paused_since = 0.0  # since when the peer has not read
        self._progress = 0  # unread bytes when last looked at
        self._reading_paused = False
        self._refused = False  # what still arrives is read over
        self._closing = False
        self._lost = False
        self._stream: RecordStream | None = None

    # ---- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it
        transport = self._transport
        peer = transport.get_extra_info("peername")
        self.remote = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) and len(peer) >= 2 else str(peer)
        if self.server.closing or len(self.server.connections) >= self.server.limits.connections:
            transport.abort()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)
        self.server.connections[self] = None
        self.task = self._loop.create_task(self._serve(), name=f"serve {self.remote}")

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        self.server.connections.pop(self, None)
        self._forget_body()
        self._queue.clear()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.lost()
        _wake(self._wakeup)
        _wake(self._drained)

    def eof_received(self) -> bool:
        return False  # a peer that says no more is gone; half-open connections are not served

    def data_received(self, data: bytes) -> None:
        if self._refused or self._closing:
            return
        if self._first is not None:
            self._first += data
        try:
            events = self._parser.feed(data)
            for event in events:
                if event is END:
                    self._complete()
                elif isinstance(event, Head):
                    if self._begin(event):
                        return
                elif isinstance(event, bytes):
                    self._collect(event)
        except Malformed as refusal:
            self._refuse(problem(refusal.status, str(refusal)))
            return
        except HttpError as refusal:
            self._refuse(refusal.response)
            return
        if self._parser.is_in_head and not self._parser.is_idle:
            self._head_since = self._head_since or self._loop.time()
        elif self._first is None:
            self._head_since = 0.0

    def pause_writing(self) -> None:
        self._paused_since = self._loop.time()
        self._progress = self.unread_bytes

    def resume_writing(self) -> None:
        self._paused_since = 0.0
        _wake(self._drained)

    # ---- receiving

    def _begin(self, head: Head) -> bool:
        """A head has come; True when somebody else takes the connection over."""
        first, self._first = self._first, None
        if first is not None and head.headers.get("upgrade", "").lower() == "websocket":
            maker = self.server.upgrade(head.target.partition("?")[0])
            if maker is not None:
                self._hand_over(maker(), first)
                return True
        self._head = head
        limits = self.server.limits
        if (head.length or 0) > limits.body_bytes:
            raise _too_large(limits.body_bytes)
        if head.length != 0:
            self._deadline = self._loop.time() + limits.body_s
            if head.headers.get("expect", "").lower() == "100-continue" and not self._queue and self._stream is None:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return False

    def _collect(self, piece: bytes) -> None:
        self._body_size += len(piece)
        self.server.bodies_bytes += len(piece)
        limits = self.server.limits
        if self._body_size > limits.body_bytes:
            raise _too_large(limits.body_bytes)
        if self.server.bodies_bytes > limits.all_bodies_bytes:
            raise HttpError(503, "Too many large requests at once.")
        self._deadline += len(piece) / limits.body_rate
        self._body.append(piece)

    def _complete(self) -> None:
        head = self._head
        assert head is not None
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._forget_body()
        request = Request(head.method, head.target, head.headers, body, keep_alive=head.keep_alive, connection=self)
        self._queue.append(request)
        if len(self._queue) >= QUEUE_MAX and not self._reading_paused and self._transport is not None:
            if self._stream is not None:  # its answers would wait for ever, and so would the news of its end
                self.abort()
                return
            self._reading_paused = True
            self._transport.pause_reading()
        _wake(self._wakeup)

    def _forget_body(self) -> None:
        self.server.bodies_bytes -= self._body_size
        self._body = []
        self._body_size = 0
        self._head = None
        self._deadline = 0.0

    def _refuse(self, answer: Response) -> None:
        """Answer after what was asked before, read over the rest, close."""
        self._refused = True
        self._forget_body()
        self._head_since = 0.0
        self._queue.append(answer)
        _wake(self._wakeup)

    def _hand_over(self, protocol: asyncio.Protocol, first: bytes) -> None:
        transport = self._transport
        assert transport is not None
        self._lost = True
        self.server.connections.pop(self, None)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(first)
        _wake(self._wakeup)

    # ---- answering

    async def _serve(self) -> None:
        queue = self._queue
        while True:
            while not queue:
                if self._lost or self._closing:
                    self._close()
                    return
                self._wakeup = self._loop.create_future()
                await self._wakeup
                self._wakeup = None
            request = queue.popleft()
            if self._reading_paused and len(queue) < QUEUE_MAX // 2 and self._transport is not None:
                self._reading_paused = False
                self._transport.resume_reading()
            if isinstance(request, Response):
                await self._refusal(request)
                return
            try:
                answer = await self.server.dispatch(request)
            except HttpError as error:
                answer = error.response
            except Exception as error:
                log.exception("handler failed", method=request.method, path=request.path, error=repr(error))
                answer = problem(500)
            if self._lost:
                if isinstance(answer, RecordStream):
                    answer.lost()
                return
            keep_alive = request.keep_alive and not self._closing
            await self._answer(request, answer, keep_alive)
            if self._lost or not keep_alive:
                self._close()
                return
            if self._paused_since:
                await self._drain()

    async def _answer(self, request: Request, answer: Answer, keep_alive: bool) -> None:
        if isinstance(answer, Response):
            body = answer.body
            headers = answer.headers
            if len(body) >= compress.BYTES_MIN and accepts_gzip(request.headers):
                body = await compress.gzip(body)
                headers = (*headers, ("Content-Encoding", "gzip"))
            first = head(answer.status, answer.content_type, headers, length=len(body), close=not keep_alive)
            if request.method == "HEAD":
                self.write(first)
            elif len(body) < WRITE_HIGH_BYTES:
                self.write(first + body)
            else:
                self.write_many((first, body))
        elif isinstance(answer, RecordStream):
            self._stream = answer
            self.write(head(200, answer.content_type, answer.headers, length=None, close=not keep_alive))
            answer.attach(self)
            if self._closing:
                answer.close()
            await answer.finished
            self._stream = None
        else:
            await self._send_pieces(request, answer, keep_alive)

    async def _send_pieces(self, request: Request, answer: Chunked, keep_alive: bool) -> None:
        pieces, headers, length = answer.pieces, answer.headers, answer.length
        if length is None and accepts_gzip(request.headers):
            pieces = compress.gzip_pieces(pieces)
            headers = (*headers, ("Content-Encoding", "gzip"))
        self.write(head(answer.status, answer.content_type, headers, length=length, close=not keep_alive))
        if request.method == "HEAD":
            return
        try:
            async for piece in pieces:
                if not piece:
                    continue
                if length is None:
                    self.write_many((b"%x\r\n" % len(piece), piece, b"\r\n"))
                else:
                    length -= len(piece)
                    self.write(piece)
                if self._paused_since:
                    await self._drain()
                if self._lost:
                    return
        except Exception as error:
            # The head has left: the only way to say that the answer is not whole is to break it off.
            log.exception("answer broken off", path=request.path, error=repr(error))
            self.abort()
            return
        if length is None:
            self.write(b"0\r\n\r\n")
        elif length:  # the file shrank meanwhile
            self.abort()

    async def _refusal(self, answer: Response) -> None:
        self.write(head(answer.status, answer.content_type, answer.headers, length=len(answer.body), close=True))
        self.write(answer.body)
        if self._transport is not None and not self._lost and self._transport.can_write_eof():
            self._transport.write_eof()
        self._wakeup = self._loop.create_future()  # by connection_lost
        await asyncio.wait((self._wakeup,), timeout=LINGER_S)
        self.abort()

    async def _drain(self) -> None:
        self._drained = self._loop.create_future()
        if not self._lost and self._paused_since:
            await self._drained
        self._drained = None

    # ---- for streams and the server

    @property
    def unread_bytes(self) -> int:
        """Bytes written that the system has not taken yet."""
        return 0 if self._transport is None or self._lost else self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        if not self._lost and self._transport is not None:
            self._transport.write(data)

    def write_many(self, pieces: Sequence[bytes]) -> None:
        if not self._lost and self._transport is not None:
            self._transport.writelines(pieces)

    def abort(self) -> None:
        """Cut the peer off: what it has not read is forgotten."""
        if self._transport is not None:
            self._transport.abort()

    def shut(self) -> None:
        """End the stream, if any; close once the running handler has answered."""
        self._closing = True
        if self._stream is not None:
            self._stream.close()
        _wake(self._wakeup)

    def check_deadlines(self, now: float) -> None:
        limits = self.server.limits
        late = (self._head_since and now > self._head_since + limits.head_s) or (
            self._deadline and now > self._deadline
        )
        if late and not self._refused:
            self._refuse(problem(408))
        elif self._paused_since and self._stream is None:
            unread = self.unread_bytes
            if unread != self._progress:
                self._progress, self._paused_since = unread, now
            elif now > self._paused_since + limits.read_s:
                self.abort()

    def _close(self) -> None:
        if self._transport is not None and not self._lost:
            self._transport.close()


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _too_large(limit: int) -> HttpError:
    return HttpError(413, f"Request body is larger than {limit} bytes.")
