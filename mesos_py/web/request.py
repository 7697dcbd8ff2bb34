"""One complete request, as handlers see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import parse_qsl, unquote

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from mesos_py.web.response import HttpError

QUERY_FIELDS_MAX = 1_000

STREAM = "application/recordio"  # the content type of a request that is answered while it is read


class Request:
    """Method, path (percent-decoded, as sent), headers (by any case of their names) and the whole body.

    The body of a stream is read by whoever answers, if at all.
    """

    __slots__ = ("_body", "_query", "headers", "incoming", "method", "path", "principal", "query_string")

    def __init__(self, incoming: web.BaseRequest, body: bytes) -> None:
        #: aiohttp's own request, for what upgrades it (WebSocket)
        self.incoming = incoming
        self.method = incoming.method
        path, _, self.query_string = self.target.partition("?")
        self.path = unquote(path) if "%" in path else path
        self.headers: Mapping[str, str] = incoming.headers
        #: who asks, when the endpoint's realm authenticates
        self.principal: str | None = None
        self._body = body
        self._query: dict[str, str] | None = None

    @property
    def query(self) -> dict[str, str]:
        """Of repeated names the last counts. Raises HttpError 400 when it cannot be decoded."""
        if self._query is None:
            self._query = decode_form(self.query_string)
        return self._query

    @property
    def target(self) -> str:
        """Path and query, still percent-encoded."""
        raw = self.incoming.raw_path  # in absolute form when sent through a proxy
        return raw if raw.startswith("/") else "/" + raw.partition("://")[2].partition("/")[2]

    @property
    def remote(self) -> str:
        return self.incoming.remote or ""

    def body(self) -> bytes:
        """The body, inflated when it came gzipped."""
        return self._body

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body of a stream as it comes. Raises HttpError 400 or 415."""
        incoming = self.incoming
        if "Content-Encoding" in self.headers:
            raise HttpError(415, "415 Unsupported Media Type.")
        if self.headers.get("Expect", "").lower() == "100-continue" and incoming.transport is not None:
            incoming.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            while piece := await incoming.content.readany():
                yield piece
        except (web.RequestPayloadError, HttpProcessingError, ValueError) as error:
            raise HttpError(400, f"Failed to read request body: {error}") from error

    def form(self) -> dict[str, str]:
        """The body as ``key=value&key=value``; its content type is not looked at (Mesos: process::http::query)."""
        return decode_form(self.body().decode("utf-8", "replace"))


def is_streamed(incoming: web.BaseRequest) -> bool:
    """Whether a request may go on for as long as its answer does."""
    return incoming.headers.get("Content-Type") == STREAM


def decode_form(text: str) -> dict[str, str]:
    """Fields of a query string; a name without "=" is present with an empty value."""
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX))
    except ValueError as error:
        raise HttpError(400, f"Unable to decode query string: {error}") from error
