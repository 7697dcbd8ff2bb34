"""Clients of what a container reads and writes: its output copied to ours, what we are typed passed on to it.

Mesos: include/mesos/v1/agent/agent.proto, LAUNCH_NESTED_CONTAINER_SESSION and ATTACH_CONTAINER_*.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson

from mesos_py.cli import terminal
from mesos_py.cli.client import Client, Refused, Unreachable
from mesos_py.cli.command import EXIT_UNREACHABLE
from mesos_py.wire import recordio

HEARTBEAT_S = 30.0  # as Mesos' own client; so that nobody on the way takes a quiet connection for a dead one
RECORDS_MAX = 16  # that are typed and not sent yet

ANSWER_HEADERS = {
    "Content-Type": "application/json", "Accept": "application/recordio", "Message-Accept": "application/json",
}  # fmt: skip
STREAM_HEADERS = {"Content-Type": "application/recordio", "Message-Content-Type": "application/json"}

#: Leaves an attached container to itself, as docker has it: Ctrl-P, Ctrl-Q.
DETACH_KEYS = b"\x10\x11"


class Detached(Exception):
    """Whoever types has left."""


@contextlib.asynccontextmanager
async def output(agent: Client, call: dict[str, Any]) -> AsyncIterator[AsyncIterator[tuple[str, bytes]]]:
    """(STDOUT or STDERR, data) of a call that answers with a stream. Raises Refused, Unreachable."""
    try:
        async with agent.session.post(
            f"http://{agent.address}/api/v1", data=orjson.dumps(call), headers=ANSWER_HEADERS
        ) as answer:
            if answer.status != 200:
                raise Refused(answer.status, await answer.text())
            yield _records(answer)
    except (aiohttp.ClientError, OSError) as error:
        raise agent.unreachable(error) from error


async def _records(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, bytes]]:
    decoder = recordio.Decoder()
    async for piece in answer.content.iter_any():
        for record in decoder.feed(piece):
            said = orjson.loads(record)
            if said["type"] == "DATA":
                yield said["data"]["type"], base64.b64decode(said["data"].get("data", ""))


async def copy(pieces: AsyncIterator[tuple[str, bytes]]) -> None:
    """Everything that comes is on our stdout and stderr."""
    async for name, data in pieces:
        stream = (sys.stderr if name == "STDERR" else sys.stdout).buffer
        stream.write(data)
        stream.flush()


async def type_into(
    agent: Client, container_id: dict[str, Any], typed: AsyncIterator[bytes], *, is_terminal: bool,
    detachable: bool = False,
) -> None:  # fmt: skip
    """``typed`` is typed, and the size of our terminal passed on if it has one; until the agent has enough.

    Raises Refused, Unreachable; Detached, if whoever types may leave so.
    """
    queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(RECORDS_MAX)
    sources = [_type(queue, typed, is_terminal=is_terminal, detachable=detachable), _beat(queue)]
    if is_terminal:
        sources.append(_sizes(queue))
    running = [asyncio.create_task(source, name="type") for source in sources]
    sending = asyncio.create_task(_send(agent, container_id, queue), name="send what is typed")
    try:
        await asyncio.wait((running[0], sending), return_when=asyncio.FIRST_COMPLETED)
        if running[0].done():
            running[0].result()
        await sending
    finally:
        for task in (*running, sending):
            task.cancel()
        await asyncio.gather(*running, sending, return_exceptions=True)


async def _send(agent: Client, container_id: dict[str, Any], queue: asyncio.Queue[dict[str, Any] | None]) -> None:
    async def records() -> AsyncIterator[bytes]:
        yield _record({"type": "CONTAINER_ID", "container_id": container_id})
        while (said := await queue.get()) is not None:
            yield _record({"type": "PROCESS_IO", "process_io": said})

    try:
        async with agent.session.post(
            f"http://{agent.address}/api/v1", data=records(), headers=STREAM_HEADERS
        ) as answer:
            if answer.status != 200:
                raise Refused(answer.status, await answer.text())
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(str(agent.unreachable(error)), EXIT_UNREACHABLE) from error


def _record(wanted: dict[str, Any]) -> bytes:
    return recordio.encode(orjson.dumps({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": wanted}))


async def _type(
    queue: asyncio.Queue[dict[str, Any] | None], typed: AsyncIterator[bytes], *, is_terminal: bool, detachable: bool
) -> None:
    held = b""
    async for data in typed:
        if detachable and terminal.is_terminal():
            data, held = held + data, b""
            if DETACH_KEYS in data:
                raise Detached
            if data.endswith(DETACH_KEYS[:1]):
                data, held = data[:-1], data[-1:]
        if data:
            await queue.put(_data(data))
    await queue.put(_data(b""))
    if not is_terminal:
        await queue.put(None)


def _data(data: bytes) -> dict[str, Any]:
    return {"type": "DATA", "data": {"type": "STDIN", "data": base64.b64encode(data).decode()}}


async def _sizes(queue: asyncio.Queue[dict[str, Any] | None]) -> None:
    async for rows, columns in terminal.resized():
        await queue.put({"type": "CONTROL", "control": {"type": "TTY_INFO", "tty_info": window(rows, columns)}})


async def _beat(queue: asyncio.Queue[dict[str, Any] | None]) -> None:
    beat = {"type": "HEARTBEAT", "heartbeat": {"interval": {"nanoseconds": int(HEARTBEAT_S * 1e9)}}}
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        await queue.put({"type": "CONTROL", "control": beat})


def window(rows: int, columns: int) -> dict[str, Any]:
    """A TTYInfo of that size."""
    return {"window_size": {"rows": rows, "columns": columns}}
