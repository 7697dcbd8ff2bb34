"""What a standby does with a request: hands it to the leader as it is, and the answer back.

``X-Marathon-Via`` names every standby on the way, in requests and in answers; a request that has come through here
before goes round in circles. Bodies of answers are passed on while they come, as they are encoded.

Source: mesosphere/marathon .../core/election/... LeaderProxyFilter.scala, JavaUrlConnectionRequestForwarder.scala.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import structlog
from multidict import CIMultiDict
from yarl import URL

from frameworks.marathon_py.shell.api.errors import Failed
from mesos_py.web.request import Request
from mesos_py.web.response import Chunked, Headers, Response

log = structlog.get_logger(__name__)

VIA, FORWARDED_FOR = "X-Marathon-Via", "X-Forwarded-For"
PIECE_BYTES = 64 << 10
WITHOUT_BODY = (204, 304)
#: of one connection only (RFC 9110, 7.6.1), or made anew for it
_OF_THE_HOP = frozenset({
    "connection", "host", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade", "content-length", "expect",
})  # fmt: skip
#: made anew for an answer
_OF_OURS = _OF_THE_HOP | {"server", "date", "content-type"}


class Relay:
    """Hands requests to a leader. Entered once; the bounds are those of ``--leader_proxy_...``."""

    def __init__(
        self, ours: str, *, connect_s: float, read_s: float, connections_max: int, trusted: ssl.SSLContext | None = None
    ) -> None:
        """``ours`` is HOST:PORT of this standby."""
        self._via = f"1.1 {ours}"
        self._read_s = read_s
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections_max, ssl=trusted or True),
            timeout=aiohttp.ClientTimeout(total=None, connect=connect_s, sock_read=read_s),
            cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
        )  # fmt: skip

    async def close(self) -> None:
        await self._session.close()

    async def hand(self, request: Request, leader: str) -> Chunked | Response:
        """The answer of the leader at ``leader``, a URL without a path. Raises Failed 500, 502."""
        if self._via in request.incoming.headers.getall(VIA, []):
            raise Failed(502, "Detected proxying loop.")
        url = URL(leader + request.target, encoded=True)
        try:
            answer = await self._session.request(
                request.method, url, headers=self._headers(request), data=request.body() or None, allow_redirects=False)
        except aiohttp.ClientConnectorError as error:
            if error.os_error.errno == errno.ECONNREFUSED:
                raise Failed(502, "Connection to leader refused.") from error
            raise self._failed(leader, error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._failed(leader, error) from error
        headers: Headers = (*_passed(answer.headers), (VIA, self._via))
        if request.method == "HEAD" or answer.status in WITHOUT_BODY:
            answer.release()
        if answer.status in WITHOUT_BODY:
            return Response(answer.status, headers=headers)
        length = answer.headers.get("Content-Length")
        return Chunked(
            _pieces(answer), answer.headers.get("Content-Type"), status=answer.status, headers=headers,
            length=int(length) if length is not None and length.isdecimal() else None,
        )  # fmt: skip

    def _headers(self, request: Request) -> CIMultiDict[str]:
        headers = CIMultiDict[str]()
        for name, value in request.incoming.headers.items():
            if name.lower() not in _OF_THE_HOP | {"content-encoding"}:  # the server has inflated the body
                headers.add(name, value)
        if headers.get("Origin", "").partition("://")[2] == request.headers.get("Host"):
            del headers["Origin"]  # a page of ours, and the leader has another name
        passed_by = [*headers.popall(FORWARDED_FOR, []), request.remote]
        headers[FORWARDED_FOR] = ", ".join(passed_by)
        headers.add(VIA, self._via)
        return headers

    def _failed(self, leader: str, error: BaseException) -> Failed:
        text = f"the leader at {leader} did not answer: {type(error).__name__} {error}".rstrip()
        log.warning("request not relayed", leader=leader, error=str(error) or type(error).__name__)
        return Failed(500, text)


def _passed(headers: Any) -> Headers:
    return tuple((name, value) for name, value in headers.items() if name.lower() not in _OF_OURS)


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Raises what breaks it off, which breaks off ours."""
    try:
        async for piece in answer.content.iter_chunked(PIECE_BYTES):
            yield piece
    finally:
        answer.close()
