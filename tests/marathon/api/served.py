"""The API over a real core, asked over real HTTP; the core's master is a script, and everything is kept at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.shell.api.events import HEARTBEAT_S, Hub
from frameworks.marathon_py.shell.api.rows import rows
from frameworks.marathon_py.shell.api.site import Api
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sdk.hearers import Hearers
from mesos_py.web.request import Request
from mesos_py.web.response import Response
from mesos_py.web.server import Server
from tests.marathon.world import World, world_of

NOON = 1_714_564_800 * SECOND  # 2024-05-01T12:00:00Z
ADDRESS = "marathon.example:8080"


class Scripted:
    """A process whose core is told what tests want it to be told."""

    framework_id = "F"
    address = ADDRESS
    master_url: str | None = None
    url = f"http://{ADDRESS}"

    def __init__(self, *specs: App | Pod) -> None:
        """The specs are defined, without a deployment; nothing runs yet."""
        self.world: World = world_of()
        self.world.now = NOON
        self.world.define(*specs)
        self.hearers = Hearers()
        self._told = len(self.world.facts)
        self.flags: dict[str, Any] = {"event_stream_max_outstanding_messages": 20, "http_port": 8080}
        #: what was asked of the core, and of the process
        self.asked: list[Any] = []
        #: what nobody may: pairs of action and resource
        self.forbidden_things: dict[tuple[str, str], None] = {}
        #: about what it was asked whether somebody may
        self.judged: list[Any] = []
        self.plugins: tuple[Mapping[str, Any], ...] = ()
        self.log_levels = {"ROOT": "INFO"}
        #: bytes of events
        self.streamed_bytes = 0

    def set_log_level(self, name: str, level: str, for_s: float | None) -> None:
        if name == "one.too.many":
            raise ValueError("too many")
        self.log_levels[name] = level.upper()

    def streamed(self, size: int) -> None:
        self.streamed_bytes += size

    @property
    def core(self) -> Marathon:
        return self.world.core

    def now(self) -> Nanos:
        return self.world.now

    async def ask(self, body: object) -> Any:
        self.asked.append(body)
        self.world.now += SECOND
        reply = self.world.tell(body).reply
        self._publish()
        return reply

    def run(self) -> None:
        """Whatever can run does, and everybody hears of it."""
        self.world.run()
        self._publish()

    def _publish(self) -> None:
        self.hearers.tell(self.world.facts[self._told :])
        self._told = len(self.world.facts)

    async def stored(self) -> None: ...

    def listen(self) -> asyncio.Queue[Any]:
        return self.hearers.listen()

    def leave(self, queue: asyncio.Queue[Any]) -> None:
        self.hearers.leave(queue)

    async def abdicate(self, backup: str | None, restore: str | None) -> None:
        for uri in (backup, restore):
            if uri is not None and not uri.startswith(("file://", "s3://")):
                raise ValueError(f"{uri} is neither file:// nor s3://")
        self.asked.append((backup, restore))

    def may(self, request: Request, action: str, resource: Any) -> bool:
        self.judged.append(resource)
        return (action, getattr(resource, "id", resource)) not in self.forbidden_things

    def forbidden(self, request: Request) -> Response:
        return Response(403, b'{"message":"not yours"}', "application/json")

    async def ask_plugin(self, name: str, path: str, request: Request) -> Response | None:
        return Response(200, f"{request.method} {path}".encode(), "text/plain") if name == "echo" else None

    def metrics(self) -> Mapping[str, Any]:
        return {"version": "4.0.0", "gauges": {"marathon.apps.active.gauge": {"value": len(self.core.specs)}}}

    def exposition(self) -> str | None:
        return None


class Answer:
    """What came over the wire."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return orjson.loads(self.body) if self.body else None


class Site:
    """``await site.ask("GET", "/v2/apps")``: an ``Answer``."""

    def __init__(self, program: Scripted, hub: Hub, port: int) -> None:
        self.program, self.hub, self.port = program, hub, port
        self.world = program.world

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """``body``: bytes as they are, anything else as JSON; ``headers`` with underscores for dashes."""
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent = {"Content-Type": "application/json", **sent}
        lines = [f"{method} {path} HTTP/1.1", "Host: here:1", "Connection: close", f"Content-Length: {len(raw)}"]
        lines += [f"{name}: {value}" for name, value in sent.items() if value]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode() + raw)
            async with asyncio.timeout(60):
                return await _answer(reader)
        finally:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    body = await reader.read() if headers.get("Content-Length") != "0" else b""
    return Answer(int(head[0].split()[1]), headers, body)


@contextlib.asynccontextmanager
async def served(*specs: App | Pod, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[Site]:
    program = Scripted(*specs)
    hub = Hub(program, heartbeat_s)
    server = Server(Api(program, rows(hub)))
    port = await server.start("127.0.0.1", 0)
    try:
        yield Site(program, hub, port)
    finally:
        await hub.close()
        await server.close(0.0)
