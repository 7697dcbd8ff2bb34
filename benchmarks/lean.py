"""A lean scheduler client: raw asyncio, calls pipelined on one connection, events from the stream on another.

It does the least a correct scheduler must, so that what is measured is the master and not the client.
"""

from __future__ import annotations

import asyncio
import collections
from collections.abc import AsyncIterator
from typing import Any

import orjson


class LeanScheduler:
    """One framework. ``events()`` yields decoded events; ``call`` fires a call without waiting for its 202."""

    def __init__(
        self, host: str, port: int, name: str, *, roles: tuple[str, ...] = ("*",), failover_timeout: float = 0.0,
        framework_id: str = "", checkpoint: bool = True,
    ) -> None:
        self._host, self._port, self._name = host, port, name
        self._roles, self._failover_timeout, self._checkpoint = roles, failover_timeout, checkpoint
        self.framework_id = framework_id
        self.stream_id = ""
        self._calls: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.answered = 0
        self.sent = 0
        self.refused: collections.Counter[bytes] = collections.Counter()

    async def __aenter__(self) -> LeanScheduler:
        reader, self._calls = await asyncio.open_connection(self._host, self._port)
        self._reading = asyncio.create_task(self._read_answers(reader), name="answers")
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._calls is not None and self._reading is not None
        self._reading.cancel()
        self._calls.close()

    def call(self, kind: str, **payload: Any) -> None:
        """Write one call; answers are counted, and anything but 202 is remembered in ``refused``."""
        body: dict[str, Any] = {"type": kind, "framework_id": {"value": self.framework_id}}
        if payload:
            body[kind.lower()] = payload
        data = orjson.dumps(body)
        assert self._calls is not None
        self._calls.write(
            b"POST /api/v1/scheduler HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            b"Mesos-Stream-Id: %b\r\nContent-Length: %d\r\n\r\n%b" % (self.stream_id.encode(), len(data), data)
        )
        self.sent += 1

    def acknowledge(self, status: dict[str, Any]) -> None:
        self.call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=status["uuid"])

    async def _read_answers(self, reader: asyncio.StreamReader) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.split(b"\r\n")[1:]:
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = await reader.readexactly(length) if length else b""
            self.answered += 1
            if b" 202 " not in head[:16]:
                self.refused[head[:16] + body[:200]] += 1

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Subscribe and yield events; SUBSCRIBED is consumed here."""
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=64 << 20)
        info = {
            "user": "root", "name": self._name, "roles": list(self._roles),
            "checkpoint": self._checkpoint,
            "failover_timeout": self._failover_timeout,
            "capabilities": [
                {"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}, {"type": "RESERVATION_REFINEMENT"}
            ],
        }
        call: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if self.framework_id:
            call["framework_id"] = info["id"] = {"value": self.framework_id}
        body = orjson.dumps(call)
        writer.write(
            b"POST /api/v1/scheduler HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            b"Accept: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert " 200 " in head, head
        for line in head.split("\r\n"):
            if line.lower().startswith("mesos-stream-id:"):
                self.stream_id = line.split(":", 1)[1].strip()
        try:
            while True:
                size = int(await reader.readline(), 16)  # one chunk is one record
                chunk = await reader.readexactly(size + 2)
                event = orjson.loads(chunk[chunk.index(b"\n") + 1 : -2])
                if event["type"] == "SUBSCRIBED":
                    self.framework_id = event["subscribed"]["framework_id"]["value"]
                else:
                    yield event
        finally:
            writer.close()


def scalar(name: str, value: float) -> dict[str, Any]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}


def capacity(offer: dict[str, Any], cpus: float, mem: float) -> int:
    """How many tasks of ``cpus`` and ``mem`` fit into the offer."""
    have = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if r["type"] == "SCALAR"}
    return int(min(have.get("cpus", 0.0) / cpus + 1e-6, have.get("mem", 0.0) / mem + 1e-6))
