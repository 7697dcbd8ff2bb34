"""One complete request, as handlers see it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from mesos_py.web.response import HttpError

if TYPE_CHECKING:
    from mesos_py.web.server import Connection

QUERY_FIELDS_MAX = 1_000


class Request:
    """Method, path (percent-decoded, as sent), headers (names in lower case) and the whole body."""

    __slots__ = (
        "_body",
        "_query",
        "connection",
        "headers",
        "keep_alive",
        "method",
        "path",
        "principal",
        "query_string",
    )

    def __init__(
        self,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes,
        *,
        keep_alive: bool,
        connection: Connection,
    ) -> None:
        self.method = method
        path, _, self.query_string = target.partition("?")
        if not path.startswith("/"):  # absolute form, as sent through proxies
            path = "/" + path.partition("://")[2].partition("/")[2]
        self.path = unquote(path) if "%" in path else path
        self.headers = headers
        self.keep_alive = keep_alive
        self.connection = connection
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
    def remote(self) -> str:
        return self.connection.remote

    def body(self) -> bytes:
        """The body, inflated when it came gzipped. Raises HttpError 400 or 413."""
        encoding = self.headers.get("content-encoding")
        if encoding is None or encoding.lower() == "identity":
            return self._body
        if encoding.lower() not in ("gzip", "x-gzip"):
            raise HttpError(415, "415 Unsupported Media Type.")
        return inflate(self._body, self.connection.server.limits.body_bytes)

    def form(self) -> dict[str, str]:
        """The body as ``key=value&key=value``; its content type is not looked at (Mesos: process::http::query)."""
        return decode_form(self.body().decode("utf-8", "replace"))


def decode_form(text: str) -> dict[str, str]:
    """Fields of a query string; a name without "=" is present with an empty value."""
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX))
    except ValueError as error:
        raise HttpError(400, f"Unable to decode query string: {error}") from error


def inflate(data: bytes, limit: int) -> bytes:
    """``data`` ungzipped. Raises HttpError: 400 when it is not gzip, 413 when it grows beyond ``limit`` bytes."""
    decoder = zlib.decompressobj(wbits=31)
    try:
        body = decoder.decompress(data, limit + 1)
    except zlib.error as error:
        raise HttpError(400, f"Failed to decompress request body: {error}") from error
    if len(body) > limit:
        raise HttpError(413, f"Request body is larger than {limit} bytes.")
    if not decoder.eof:
        raise HttpError(400, "Failed to decompress request body: it is truncated")
    return body
