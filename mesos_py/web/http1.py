"""Bytes of one connection -> request heads and bodies, without a socket (RFC 9112).

``RequestParser.feed`` takes whatever arrived and returns events in order: a ``Head``, then pieces of its body as
``bytes``, then ``END``. Any cut of the input gives the same requests. What is ambiguous is refused rather than
guessed: a length beside a transfer encoding, two lengths, white space before a colon, folded lines, bare line feeds.
Bounds: ``HEAD_BYTES_MAX`` for request line and headers together, ``HEADERS_MAX`` of them. Bodies are not collected
here, so they are bounded by whoever collects them.
"""

from __future__ import annotations

import re
from typing import Final

HEAD_BYTES_MAX = 64 << 10  # bytes of request line and headers; browsers send 8 KiB at most
HEADERS_MAX = 128
CHUNK_LINE_MAX = 256  # bytes of a chunk's length and extensions

_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([^\x00-\x20\x7f]+) HTTP/(\d)\.(\d)\r\n")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\Z")
_DIGITS = re.compile(r"[0-9]{1,18}\Z")

#: Of headers that may not be repeated the second is refused; all others are joined by a comma.
_SINGLE = frozenset(("content-length", "transfer-encoding", "host", "content-type", "authorization"))


class Malformed(Exception):
    """What arrived is not HTTP; the connection cannot be used further. ``status`` is the answer it deserves."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class End:
    """The request is complete."""


END: Final = End()


class Head:
    """Request line and headers. Header names are in lower case."""

    __slots__ = ("headers", "keep_alive", "length", "method", "target")

    def __init__(self, method: str, target: str, headers: dict[str, str], keep_alive: bool, length: int | None) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        #: whether the peer is ready to reuse the connection
        self.keep_alive = keep_alive
        #: bytes of body to come; None when it is chunked
        self.length = length


Event = Head | bytes | End

_HEAD, _LENGTH, _CHUNK_SIZE, _CHUNK_DATA, _CHUNK_END, _TRAILER = range(6)


class RequestParser:
    """One connection's requests. After Malformed it must not be fed again."""

    __slots__ = ("_left", "_rest", "_searched", "_state")

    def __init__(self) -> None:
        self._rest = b""
        self._searched = 0  # bytes of rest known not to hold the end of a head
        self._state = _HEAD
        self._left = 0  # bytes of body or chunk still to come; of trailer still allowed

    @property
    def is_idle(self) -> bool:
        """Between two requests, nothing of the next one seen."""
        return self._state == _HEAD and not self._rest

    @property
    def is_in_head(self) -> bool:
        return self._state == _HEAD

    def feed(self, data: bytes) -> list[Event]:
        """The events completed by ``data``. Raises Malformed."""
        events: list[Event] = []
        if self._rest:
            data = self._rest + data
            self._rest = b""
        position = 0
        end = len(data)
        while position < end:
            before = (position, self._state)
            if self._state == _HEAD:
                position = self._head(data, position, events)
            elif self._state in (_LENGTH, _CHUNK_DATA):
                position = self._body(data, position, events)
            else:
                position = self._chunk_line(data, position, events)
            if before == (position, self._state):  # needs more
                self._rest = data[position:]
                break
        return events

    def _head(self, data: bytes, position: int, events: list[Event]) -> int:
        while data.startswith(b"\r\n", position):  # blank lines before a request are ignored (RFC 9112, 2.2)
            position += 2
        found = data.find(b"\r\n\r\n", max(position, self._searched - 3))
        if found < 0 or found - position > HEAD_BYTES_MAX:
            if found >= 0 or len(data) - position > HEAD_BYTES_MAX:
                raise Malformed(431, "Request line and headers are too long.")
            self._searched = len(data) - position
            if data[position:] == b"\r":
                return position
            _check_start(data, position)
            return position
        self._searched = 0
        head = _parse_head(data, position, found + 2)
        events.append(head)
        if head.length is None:
            self._state = _CHUNK_SIZE
        elif head.length:
            self._state, self._left = _LENGTH, head.length
        else:
            events.append(END)
        return found + 4

    def _body(self, data: bytes, position: int, events: list[Event]) -> int:
        piece = data[position : position + self._left] if position or self._left < len(data) else data
        self._left -= len(piece)
        events.append(piece)
        if not self._left:
            if self._state == _LENGTH:
                self._state = _HEAD
                events.append(END)
            else:
                self._state = _CHUNK_END
        return position + len(piece)

    def _chunk_line(self, data: bytes, position: int, events: list[Event]) -> int:
        found = data.find(b"\r\n", position, position + max(CHUNK_LINE_MAX, self._left))
        if found < 0:
            if len(data) - position >= max(CHUNK_LINE_MAX, self._left):
                raise Malformed(400, "Chunk header is too long.")
            return position
        line = data[position:found]
        if self._state == _CHUNK_END:
            if line:
                raise Malformed(400, "Chunk is longer than it said.")
            self._state = _CHUNK_SIZE
        elif self._state == _CHUNK_SIZE:
            match = _CHUNK_LINE.match(line)
            if match is None:
                raise Malformed(400, "Chunk length is not a number.")
            self._left = int(match[1], 16)
            if self._left:
                self._state = _CHUNK_DATA
            else:
                self._state, self._left = _TRAILER, HEAD_BYTES_MAX
        elif line:  # trailers are read over: nothing we serve is told in one
            self._left -= len(line) + 2
            if self._left <= 0:
                raise Malformed(431, "Trailers are too long.")
        else:
            self._state, self._left = _HEAD, 0
            events.append(END)
        return found + 2


def _check_start(data: bytes, position: int) -> None:
    """Refuse junk before all of a head has come."""
    byte = data[position]
    if not 0x21 <= byte <= 0x7E:
        raise Malformed(400, "400 Bad Request.")


def _parse_head(data: bytes, start: int, stop: int) -> Head:
    """The head in ``data[start:stop]``, whose last line ends at ``stop``."""
    line = _REQUEST_LINE.match(data, start, stop)
    if line is None:
        raise Malformed(400, "400 Bad Request.")
    if line[3] != b"1":
        raise Malformed(505, "505 HTTP Version Not Supported.")
    headers: dict[str, str] = {}
    position = line.end()
    count = 0
    while position < stop:
        header = _HEADER.match(data, position, stop)
        count += 1
        if header is None:
            raise Malformed(400, "400 Bad Request.")
        if count > HEADERS_MAX:
            raise Malformed(431, "Too many headers.")
        name = header[1].decode("ascii").lower()
        value = header[2].strip().decode("latin-1")
        if name in headers:
            if name in _SINGLE:
                raise Malformed(400, "400 Bad Request.")
            value = f"{headers[name]}, {value}"
        headers[name] = value
        position = header.end()
    target = line[2].decode("utf-8", "replace")
    return Head(line[1].decode("ascii"), target, headers, _keep_alive(headers, line[4] != b"0"), _length(headers))


def _keep_alive(headers: dict[str, str], is_1_1: bool) -> bool:
    connection = headers.get("connection")
    if connection is None:
        return is_1_1
    tokens = [token.strip() for token in connection.lower().split(",")]
    return "close" not in tokens and (is_1_1 or "keep-alive" in tokens)


def _length(headers: dict[str, str]) -> int | None:
    encoding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if encoding is not None:
        if encoding.lower() != "chunked" or length is not None:
            raise Malformed(400, "400 Bad Request.")
        return None
    if length is None:
        return 0
    if _DIGITS.match(length) is None:
        raise Malformed(400, "400 Bad Request.")
    return int(length)
