"""What tests need to talk to a master over HTTP: calls, a framework's stream, an agent's channel."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from mesos_py.master.server import MasterServer
from mesos_py.transport.channel import decode_batch, encode_batch
from mesos_py.wire import internal
from tests import builders
from tests.web.raw import Wire, post

API = "/api/v1"
SCHEDULER = "/api/v1/scheduler"
INFO = {"user": "root", "name": "f", "failover_timeout": 60.0}


def call(kind: str, **payload: Any) -> bytes:
    return post(API, json.dumps({"type": kind, **payload}).encode())


async def subscribed(wire: Wire, **info: Any) -> tuple[str, str]:
    """A framework on this connection: its stream id and framework id."""
    body = {"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO | info}}
    wire.send(post(SCHEDULER, json.dumps(body).encode()))
    stream_id = (await wire.head()).headers["mesos-stream-id"]
    first = record(await wire.chunk())
    return stream_id, first["subscribed"]["framework_id"]["value"]


def record(chunk: bytes) -> Any:
    """The event in a chunk, which must be exactly one record."""
    size, _, body = chunk.partition(b"\n")
    assert int(size) == len(body)
    return json.loads(body)


async def until(happened: Any) -> None:
    """Wait until ``happened()``; nothing else tells a test that a core has been told."""
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.001)


class AgentLink:
    """An agent's end of the channel, as far as registering goes."""

    def __init__(self, master: MasterServer) -> None:
        self._url = f"http://127.0.0.1:{master.port}/internal/agent"

    async def __aenter__(self) -> AgentLink:
        self._session = aiohttp.ClientSession()
        self.socket = await self._session.ws_connect(self._url)
        info = builders.agent_info(resources=builders.resources(cpus=8, mem=1024, disk=1000))
        await self.socket.send_bytes(
            encode_batch(
                [
                    internal.RegisterAgent(
                        agent=info, pid="slave(1)@127.0.0.1:5051", version="1.12.0",
                        capabilities=builders.AGENT_CAPABILITIES,
                    )
                ]
            )
        )  # fmt: skip
        heard: list[Any] = []
        while not any(isinstance(word, internal.AgentRegistered) for word in heard):
            heard = decode_batch(await self.socket.receive_bytes(timeout=60))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.socket.close()
        await self._session.close()
