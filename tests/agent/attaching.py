"""Clients of an agent's sessions and attached containers, as records over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from mesos_py.wire import recordio
from tests.agent.masters import WAIT_S, Master

JSON, PROTOBUF, RECORDIO = "application/json", "application/x-protobuf", "application/recordio"
STREAMED = {"Content-Type": RECORDIO, "Message-Content-Type": JSON}


class Sessions:
    """A task that runs, and clients of its agent."""

    def __init__(self, address: str, client: aiohttp.ClientSession, root: str) -> None:
        self.client, self.root = client, root
        self.url = f"http://{address}/api/v1"

    def id(self, name: str) -> dict[str, Any]:
        return {"value": name, "parent": {"value": self.root}}

    @asynccontextmanager
    async def stream(self, kind: str, accept: str = RECORDIO, **wanted: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer of a call that answers with a stream."""
        headers = {"Accept": accept} | ({"Message-Accept": JSON} if accept == RECORDIO else {})
        message = {"type": kind, kind.lower(): wanted}
        async with self.client.post(self.url, json=message, headers=headers) as response:
            yield response

    @asynccontextmanager
    async def session(self, name: str, command: str, *, tty: dict[str, Any] | None = None) -> AsyncIterator[Heard]:
        container = {"container": {"type": "MESOS", "tty_info": tty}} if tty is not None else {}
        async with self.stream(
            "LAUNCH_NESTED_CONTAINER_SESSION", container_id=self.id(name), command={"value": command}, **container
        ) as response:
            assert response.status == 200, await response.text()
            yield Heard(response)

    async def call(self, kind: str, name: str) -> tuple[int, str]:
        message = {"type": kind, kind.lower(): {"container_id": self.id(name)}}
        async with self.client.post(self.url, json=message) as response:
            return response.status, await response.text()

    def typist(self, name: str) -> Typist:
        return Typist(self, self.id(name))

    async def ended(self, name: str) -> int:
        status, text = await self.call("WAIT_CONTAINER", name)
        assert status == 200, text
        return int(json.loads(text)["wait_container"]["exit_status"])


class Heard:
    """Records of an answer."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self._decoder = recordio.Decoder()
        self._records: list[bytes] = []

    async def record(self) -> dict[str, Any] | None:
        while not self._records:
            async with asyncio.timeout(WAIT_S):
                piece = await self.response.content.readany()
            if not piece:
                return None
            self._records += self._decoder.feed(piece)
        return json.loads(self._records.pop(0))  # type: ignore[no-any-return]

    async def until(self, text: bytes) -> bytes:
        said = b""
        while text not in said:
            record = await self.record()
            assert record is not None, said
            said += base64.b64decode(record["data"]["data"])
        return said

    async def rest(self) -> dict[str, bytes]:
        said: dict[str, bytes] = {}
        while (record := await self.record()) is not None:
            stream = record["data"]["type"]
            said[stream] = said.get(stream, b"") + base64.b64decode(record["data"]["data"])
        return said


class Typist:
    """A streamed request; ``send`` before or while it is under way."""

    def __init__(self, sessions: Sessions, container_id: dict[str, Any]) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.send("CONTAINER_ID", container_id=container_id)
        self.answered = asyncio.create_task(self._post(sessions))

    def send(self, kind: str, **fields: Any) -> None:
        message = {"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": {"type": kind, **fields}}
        self._queue.put_nowait(recordio.encode(json.dumps(message).encode()))

    def type(self, data: bytes) -> None:
        text = base64.b64encode(data).decode()
        self.send("PROCESS_IO", process_io={"type": "DATA", "data": {"type": "STDIN", "data": text}})

    def control(self, **control: Any) -> None:
        self.send("PROCESS_IO", process_io={"type": "CONTROL", "control": control})

    def end(self) -> None:
        self._queue.put_nowait(None)

    async def _post(self, sessions: Sessions) -> tuple[int, str]:
        async def pieces() -> AsyncIterator[bytes]:
            while (piece := await self._queue.get()) is not None:
                yield piece

        async with sessions.client.post(sessions.url, data=pieces(), headers=STREAMED) as response:
            return response.status, await response.text()


def root_of(master: Master) -> str:
    status = master.updates[-1].container_status
    assert status is not None
    assert status.container_id is not None
    return status.container_id.value
