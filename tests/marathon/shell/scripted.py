"""A server that answers as a test says, and remembers what it was asked: what clients of Marathon meet."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import orjson
from aiohttp import web

from frameworks.marathon_py.shell.cli import main
from frameworks.marathon_py.shell.client import MarathonClient

Answer = tuple[int, Any] | Callable[[], tuple[int, Any]]


@attrs.frozen
class Asked:
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any


class Scripted:
    """``server.on("GET", "/v2/apps", {"apps": []})``; what nobody has thought of is 404."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.headers: dict[str, str] = {}
        self.streams: list[asyncio.Queue[bytes | None]] = []
        self.url = ""
        #: streams do not end well, as when their server is killed
        self.breaks = False

    def on(self, method: str, path: str, *bodies: Any, status: int = 200) -> None:
        """One after the other, the last one for ever; a function is called for each answer."""
        self.answers[method, path] = [body if callable(body) else (status, body) for body in bodies]

    def tell(self, **event: Any) -> None:
        """All who listen."""
        for stream in self.streams:
            stream.put_nowait(b"event: %s\ndata: %s\n\n" % (event["eventType"].encode(), orjson.dumps(event)))

    def cut(self) -> None:
        """Nobody listens any more."""
        for stream in self.streams:
            stream.put_nowait(None)
        self.streams.clear()

    def bodies(self, method: str, path: str) -> list[Any]:
        return [one.body for one in self.asked if (one.method, one.path) == (method, path)]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        text = await request.read()
        body = orjson.loads(text) if text else None
        self.asked.append(Asked(request.method, request.path, tuple(request.query.items()), body))
        if request.path == "/v2/events":
            return await self._stream(request)
        found = self.answers.get((request.method, request.path))
        if not found:
            return web.json_response({"message": f"no {request.method} {request.path} here"}, status=404)
        answer = found.pop(0) if len(found) > 1 else found[0]
        status, said = answer() if callable(answer) else answer
        return web.Response(
            status=status, body=orjson.dumps(said) if said is not None else b"", headers=self.headers
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        stream: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.streams.append(stream)  # whoever knows that he is heard misses nothing
        await response.prepare(request)
        while (text := await stream.get()) is not None:
            await response.write(text)
        if self.breaks and request.transport is not None:
            request.transport.abort()
        return response

    def client(self) -> MarathonClient:
        return MarathonClient(self.url)

    async def cli(self, *arguments: str) -> int:
        """``marathon-py ARGUMENTS``; its exit code."""
        first = arguments.index("--") if "--" in arguments else len(arguments)  # what follows is a command
        words = [*arguments[:first], f"--url={self.url}", *arguments[first:]]
        return await asyncio.to_thread(main, words)


@contextlib.asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    server = Scripted()
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", server.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.cut()
        await runner.cleanup()
