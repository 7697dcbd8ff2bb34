"""Answers: whole ones, and long ones made while they are sent. Mesos' standard texts for errors.

Header values are exact where clients compare them: ``application/json`` without a charset; texts carry
``text/plain; charset=utf-8``; empty answers carry no content type.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from mesos_py.web.streams import RecordStream

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
TEXT = "text/plain; charset=utf-8"
JAVASCRIPT = "text/javascript"
OCTETS = "application/octet-stream"

REASONS = {
    100: "Continue",
    200: "OK",
    202: "Accepted",
    206: "Partial Content",
    307: "Temporary Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}

Headers = tuple[tuple[str, str], ...]


def default_text(status: int) -> str:
    """The body of an error nobody has more to say about: ``404 Not Found.``"""
    return f"{status} {REASONS[status]}."


class Response:
    """A whole answer."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", content_type: str | None = None, headers: Headers = ()) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers


class Chunked:
    """A long answer made while it is sent: the next piece is asked for when the peer has read most of the last.

    ``length`` (bytes) makes it an answer with a Content-Length instead of a chunked one.
    """

    __slots__ = ("content_type", "headers", "length", "pieces", "status")

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        content_type: str | None,
        *,
        status: int = 200,
        headers: Headers = (),
        length: int | None = None,
    ) -> None:
        self.pieces = pieces
        self.content_type = content_type
        self.status = status
        self.headers = headers
        self.length = length


class HttpError(Exception):
    """Raised by a handler instead of returning an error answer."""

    def __init__(self, status: int, text: str | None = None, headers: Headers = ()) -> None:
        super().__init__(status, text)
        self.response = problem(status, text, headers)


OK = Response(200)
ACCEPTED = Response(202)


def problem(status: int, text: str | None = None, headers: Headers = ()) -> Response:
    """An error with its text, or Mesos' standard one."""
    body = (default_text(status) if text is None else text).encode("utf-8", "replace")
    return Response(status, body, TEXT, headers)


def text(body: str) -> Response:
    return Response(200, body.encode("utf-8", "replace"), TEXT)


def json(value: Any, jsonp: str | None = None) -> Response:
    """200 with ``value`` as JSON, or called by the function named ``jsonp``."""
    return json_bytes(orjson.dumps(value), jsonp)


def json_bytes(body: bytes, jsonp: str | None = None) -> Response:
    """200 with a body that is JSON already."""
    if jsonp is None:
        return Response(200, body, JSON)
    return Response(200, b"%s(%s)" % (jsonp.encode("utf-8", "replace"), body), JAVASCRIPT)


def method_not_allowed(allowed: tuple[str, ...], received: str) -> Response:
    """405 as Mesos words it; Mesos: process::http::MethodNotAllowed."""
    expected = ", ".join(f"'{method}'" for method in allowed)
    body = f"405 Method Not Allowed. Expecting one of {{ {expected} }}, but received '{received}'."
    return problem(405, body, (("Allow", ", ".join(allowed)),))


def redirect(location: str) -> Response:
    return Response(307, headers=(("Location", location),))


def headers_of(answer: Response | Chunked | RecordStream) -> dict[str, str]:
    """An answer's headers; no value carries a line end, so what a peer sent cannot become a header of ours."""
    headers = {name: value.translate(_LINE_ENDS) for name, value in answer.headers}
    if answer.content_type is not None:
        headers["Content-Type"] = answer.content_type
    headers["Server"] = "mesos-py"
    return headers


_LINE_ENDS = {10: " ", 13: " ", 0: " "}
