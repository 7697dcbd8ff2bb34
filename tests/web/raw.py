"""HTTP by hand: exactly the bytes a test wants to send, and exactly the ones that come back."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import attrs

ANSWER_S = 60.0  # for what takes milliseconds


@attrs.frozen
class Answer:
    """One response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Wire:
    """One connection."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port, limit=64 << 20)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> Answer:
        """Status line and headers; the body is not read."""
        async with asyncio.timeout(ANSWER_S):
            raw = await self.reader.readuntil(b"\r\n\r\n")
        lines = raw.decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines[1:] if line)
        return Answer(int(lines[0].split(" ")[1]), {name.lower(): value for name, _, value in pairs}, b"")

    async def answer(self) -> Answer:
        """A whole response."""
        head = await self.head()
        if head.headers.get("transfer-encoding") == "chunked":
            pieces = []
            while piece := await self.chunk():
                pieces.append(piece)
            return attrs.evolve(head, body=b"".join(pieces))
        async with asyncio.timeout(ANSWER_S):
            body = await self.reader.readexactly(int(head.headers.get("content-length", "0")))
        return attrs.evolve(head, body=body)

    async def chunk(self) -> bytes:
        """The next HTTP chunk; b"" is the last one."""
        async with asyncio.timeout(ANSWER_S):
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            data = await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        return data

    async def ended(self) -> bool:
        """The other side has closed the connection, whatever it still sent."""
        async with asyncio.timeout(ANSWER_S):
            with contextlib.suppress(ConnectionError):
                await self.reader.read()
        return True


async def exchange(port: int, request: bytes) -> Answer:
    """One request on a connection of its own."""
    async with Wire(port) as wire:
        wire.send(request)
        return await wire.answer()


def post(path: str, body: bytes, *headers: str, content_type: str | None = "application/json") -> bytes:
    """A POST with its length."""
    lines = [f"POST {path} HTTP/1.1", "Host: here", *headers, f"Content-Length: {len(body)}"]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: here", *headers]).encode() + b"\r\n\r\n"
