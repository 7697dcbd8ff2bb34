"""HTTP in, requests to the dispatcher, answers out; aiohttp's low-level server underneath.

aiohttp parses, keeps connections alive, takes pipelined requests in order, inflates gzipped bodies and bounds heads.
What is added here is what a master needs beyond: bodies bounded one by one and all together, deadlines for bodies and
for readers, answers as values, and streams that end at once when their peer goes. A handler that raises answers 500
and is logged; nothing a peer sends ends the process.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import structlog
from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError

from mesos_py.loop.turns import Turns
from mesos_py.machine.values import value
from mesos_py.web import compress
from mesos_py.web.lingering import linger
from mesos_py.web.listener import Listener
from mesos_py.web.negotiate import accepts_gzip
from mesos_py.web.request import Request, is_streamed
from mesos_py.web.response import Chunked, HttpError, Response, headers_of, problem
from mesos_py.web.router import Answer
from mesos_py.web.streams import RecordStream

log = structlog.get_logger(__name__)

#: What aiohttp calls errors are peers' faults, answered already: junk, broken bodies, connections that end early.
_quiet = logging.getLogger("mesos_py.web.http")
_quiet.setLevel(logging.CRITICAL)

EVENTS = "text/event-stream"
PIECE_BYTES = 256 << 10  # a larger answer is handed over in pieces, so that its reader is watched
SWEEP_S = 1.0  # how often new connections are looked at
HEAD_FIELD_BYTES_MAX = 64 << 10  # bytes of the request line, and of each header


@value
class Limits:
    """What a peer may take."""

    #: bytes of one request body, after inflating
    body_bytes: int = 64 << 20
    #: bytes of all bodies being received together
    all_bodies_bytes: int = 512 << 20
    #: seconds a new connection may take for its first request's head
    head_s: float = 30.0
    #: seconds a connection may wait without a complete request head after that
    idle_s: float = 300.0
    #: seconds for a body, plus one for each ``body_rate`` bytes announced
    body_s: float = 60.0
    body_rate: int = 64 << 10
    #: seconds in which a reader of an answer must take its next piece
    read_s: float = 120.0
    connections: int = 20_000


class Dispatcher(Protocol):
    """What the server asks for answers."""

    async def __call__(self, request: Request) -> Answer: ...


class _Connections(web.Server):
    """Counts them: to ask aiohttp how many there are costs as much as there are."""

    count = 0

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        self.count += 1
        super().connection_made(handler, transport)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        self.count -= 1
        super().connection_lost(handler, exc)


class Server:
    """Listening sockets and their connections."""

    def __init__(
        self, dispatch: Dispatcher, *, limits: Limits | None = None, turns: Turns | None = None, compresses: bool = True
    ) -> None:
        """``compresses``: answers are gzipped for those who accept that."""
        self._dispatch = dispatch
        self._compresses = compresses
        #: of answers, as they were sent
        self.gzipped_bytes = 0
        self.limits = limits or Limits()
        self._turns = turns or Turns()
        self._bodies_bytes = 0
        self._streams: dict[RecordStream, None] = {}
        self._http: _Connections | None = None
        self._listening: list[Listener] = []
        #: connections that have not asked anything yet, and since when
        self._fresh: dict[web.RequestHandler, float] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen, too; returns the port. ``tls``: nothing but HTTPS is spoken there. Raises OSError."""
        if self._http is None:
            self._http = _Connections(
                self._handle,
                handler_cancellation=True,  # a stream's handler learns at once that its peer has gone
                access_log=None,
                logger=_quiet,
                keepalive_timeout=self.limits.idle_s,
                max_line_size=HEAD_FIELD_BYTES_MAX,
                max_field_size=HEAD_FIELD_BYTES_MAX,
            )
        if self._sweeper is None:
            self._sweep()
        listening = Listener(host, port, self._connect, tls)
        self._listening.append(listening)
        return listening.port

    @property
    def connections(self) -> int:
        """How many are open."""
        return 0 if self._http is None else self._http.count

    async def close(self, grace_s: float = 1.0) -> None:
        """Stop listening, end streams, let running handlers finish for ``grace_s``, then cut off the rest."""
        for listening in self._listening:
            listening.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for stream in list(self._streams):
            stream.close()
        if self._http is not None:
            self._http.pre_shutdown()
            await self._http.shutdown(grace_s)

    def _connect(self) -> web.RequestHandler:
        assert self._http is not None
        made = self._http()
        self._fresh[made] = asyncio.get_running_loop().time()
        return made

    def _sweep(self) -> None:
        """Close connections that dawdle over their first head; aiohttp minds the later ones."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection, since in list(self._fresh.items()):
            if now < since + self.limits.head_s:
                break  # in order of their birth
            del self._fresh[connection]
            connection.force_close()
        self._sweeper = loop.call_later(SWEEP_S, self._sweep)

    # ---- one request

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        assert self._http is not None
        if self._fresh:
            self._fresh.pop(incoming.protocol, None)
        if self.connections > self.limits.connections and incoming.transport is not None:
            incoming.transport.abort()
        body = b""
        try:
            if incoming.body_exists and not is_streamed(incoming):
                body = await self._body(incoming)
            request = Request(incoming, body)
            await self._turns.turn()
            answer = await self._dispatch(request)
        except HttpError as error:
            answer = error.response
            if _is_inflating(incoming):
                return await _last_word(incoming, answer)
        except Exception as error:
            log.exception("handler failed", method=incoming.method, path=incoming.path, error=repr(error))
            answer = problem(500)
        finally:
            self._bodies_bytes -= len(body)
        return await self._answer(incoming, answer)

    async def _body(self, incoming: web.BaseRequest) -> bytes:
        """The whole body, inflated when it came gzipped. Raises HttpError 400, 408, 413, 415 or 503."""
        limits = self.limits
        announced = incoming.content_length or 0
        if announced > limits.body_bytes:
            raise _too_large(limits.body_bytes)
        if incoming.headers.get("Content-Encoding", "identity").lower() not in ("identity", "gzip", "x-gzip"):
            raise HttpError(415, "415 Unsupported Media Type.")
        if incoming.headers.get("Expect", "").lower() == "100-continue" and incoming.transport is not None:
            incoming.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        content = incoming.content
        if content.is_eof():  # nearly always: a call arrives in one piece with its head
            whole = content.read_nowait()
            if len(whole) > limits.body_bytes:
                raise _too_large(limits.body_bytes)
            self._bodies_bytes += len(whole)
            return whole
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(limits.body_s + announced / limits.body_rate):
                while piece := await content.readany():
                    pieces.append(piece)
                    size += len(piece)
                    self._bodies_bytes += len(piece)
                    if size > limits.body_bytes:
                        raise _too_large(limits.body_bytes)
                    if self._bodies_bytes > limits.all_bodies_bytes:
                        raise HttpError(503, "Too many large requests at once.")
                    await self._turns.turn()  # what is small on the wire may have much in it
        except BaseException as error:
            self._bodies_bytes -= size
            if isinstance(error, TimeoutError):
                raise HttpError(408) from error
            if isinstance(error, (web.RequestPayloadError, HttpProcessingError, ValueError)):
                raise HttpError(400, f"Failed to read request body: {error}") from error
            raise
        return b"".join(pieces)

    # ---- one answer

    async def _answer(self, incoming: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        if isinstance(answer, web.StreamResponse):
            return answer  # a WebSocket that has been served
        if isinstance(answer, Response):
            body, headers = answer.body, headers_of(answer)
            if len(body) >= compress.BYTES_MIN and self._may_compress(incoming, headers):
                body = await compress.gzip(body)
                headers["Content-Encoding"] = "gzip"
                self.gzipped_bytes += len(body)
            if len(body) <= PIECE_BYTES:
                return web.Response(status=answer.status, body=body or None, headers=headers)
            return await self._send_pieces(incoming, answer.status, headers, _slices(body), len(body))
        if isinstance(answer, RecordStream):
            return await self._stream(incoming, answer)
        return await self._pieces(incoming, answer)

    async def _stream(self, incoming: web.BaseRequest, stream: RecordStream) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers_of(stream))
        _chunk(response, incoming)
        self._streams[stream] = None
        try:
            writer = await response.prepare(incoming)
            assert writer is not None

            async def drain() -> None:
                async with asyncio.timeout(self.limits.read_s):
                    await writer.drain()

            await stream.pump(response, incoming.transport, drain)
            await response.write_eof()
        except ConnectionError:
            stream.lost()
        except TimeoutError:  # it has asked for a long record and does not read it
            stream.lost("slow")
            if incoming.transport is not None:
                incoming.transport.abort()
        except asyncio.CancelledError:  # the peer has gone
            stream.lost()
            raise
        finally:
            del self._streams[stream]
        return response

    async def _pieces(self, incoming: web.BaseRequest, answer: Chunked) -> web.StreamResponse:
        pieces, headers = answer.pieces, headers_of(answer)
        if answer.length is None and self._may_compress(incoming, headers):
            pieces = self._counted(compress.gzip_pieces(pieces))
            headers["Content-Encoding"] = "gzip"
        return await self._send_pieces(incoming, answer.status, headers, pieces, answer.length)

    async def _counted(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            self.gzipped_bytes += len(piece)
            yield piece

    def _may_compress(self, incoming: web.BaseRequest, headers: Mapping[str, str]) -> bool:
        """Events must not wait for others to be compressed with."""
        if not self._compresses or "Content-Encoding" in headers or headers.get("Content-Type", "").startswith(EVENTS):
            return False
        return accepts_gzip(incoming.headers)

    async def _send_pieces(
        self,
        incoming: web.BaseRequest,
        status: int,
        headers: dict[str, str],
        pieces: AsyncIterator[bytes],
        length: int | None,
    ) -> web.StreamResponse:
        """Chunked unless ``length`` is given; a reader that takes nothing for ``read_s`` is cut off."""
        if length is not None:
            headers["Content-Length"] = str(length)
        response = web.StreamResponse(status=status, headers=headers)
        if length is None:
            _chunk(response, incoming)
        await response.prepare(incoming)
        if incoming.method == "HEAD":
            return response
        sent = 0
        try:
            async for piece in pieces:
                if piece:
                    async with asyncio.timeout(self.limits.read_s):
                        await response.write(piece)
                    sent += len(piece)
            if length is None or sent == length:
                await response.write_eof()
                return response
        except (ConnectionError, TimeoutError):
            pass  # the reader has gone, or does not read: abort below says it to whoever listens still
        except Exception as error:
            log.exception("answer broken off", path=incoming.path, error=repr(error))
        # The head has left: the only way to say that the answer is not whole is to break it off.
        if incoming.transport is not None:
            incoming.transport.abort()
        return response


def _is_inflating(incoming: web.BaseRequest) -> bool:
    """Whether more of a compressed body would be inflated if the connection were read on."""
    return "Content-Encoding" in incoming.headers and incoming.body_exists and not incoming.content.is_eof()


async def _last_word(incoming: web.BaseRequest, answer: Response) -> web.StreamResponse:
    """The answer, and the end of the connection.

    aiohttp reads what is left of a body so that its sender hears the answer; of a bomb that is gigabytes of zeros,
    inflated without a pause.
    """
    response = web.Response(status=answer.status, body=answer.body or None, headers=headers_of(answer))
    response.force_close()
    await response.prepare(incoming)
    await response.write_eof()
    if incoming.transport is not None:
        await linger(incoming.transport)
    incoming.protocol.force_close()
    return response


def _chunk(response: web.StreamResponse, incoming: web.BaseRequest) -> None:
    """Chunked, but for HTTP/1.0, where the end of the connection is the end of the answer."""
    if incoming.version >= HttpVersion11:
        response.enable_chunked_encoding()


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]


def _too_large(limit: int) -> HttpError:
    return HttpError(413, f"Request body is larger than {limit} bytes.")
