"""Bodies that nobody should send, and a store that does not keep: the master refuses, or ends; it never lies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from mesos_py.coordination import Changes
from mesos_py.coordination.memory import MemoryRecords
from mesos_py.master.options import Options
from mesos_py.master.registry.store import MASTER
from mesos_py.master.server import MasterServer
from mesos_py.transport.channel import decode_batch, encode_batch
from mesos_py.wire import internal
from mesos_py.wire.scheduler_api import Call
from tests import builders
from tests.master.over_http import API, SCHEDULER, call, subscribed
from tests.web.raw import Answer, Wire, exchange, post


@pytest_asyncio.fixture
async def master() -> AsyncIterator[MasterServer]:
    async with MasterServer(Options(port=0)) as server:
        yield server


# ---- peers that misbehave

BODIES = [
    b"",
    b"{",
    b"null",
    b"[" * 100_000,
    b'{"type":' * 100_000,
    b'{"type":"SUBSCRIBE","type":"REVIVE"}',
    b'{"type":"ACCEPT","framework_id":{"value":"x"},"accept":{"filters":{"refuse_seconds":NaN}}}',
    b'{"type":"ACCEPT","framework_id":{"value":"x"},"accept":{"filters":{"refuse_seconds":1e400}}}',
    b'{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"\\ud800","name":"\\udfff"}}}',
    b'{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","failover_timeout":1e308}}}',
    b'{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"' + b"n" * 1_000_000 + b'"}}}',
    b'{"type":"KILL","framework_id":{"value":"\x00"},"kill":{"task_id":{"value":""}}}',
    b"\xff\xfe{\x00",
    b'{"type":1e999}',
    b"9" * 100_000,
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("path", [API, SCHEDULER, "/weights", "/quota", "/machine/up", "/reserve", "/teardown"])
async def test_no_body_ends_the_master(master: MasterServer, path: str, body: bytes) -> None:
    """X22: each is refused or understood, as JSON and as protobuf, and the master goes on."""
    for content_type in ("application/json", "application/x-protobuf"):
        async with Wire(master.port) as wire:
            wire.send(post(path, body, content_type=content_type))
            assert (await wire.head()).status in (200, 202, 400, 405, 501)
    assert (await exchange(master.port, call("GET_HEALTH"))).status == 200
    assert master.driver.outbox_length == 0


async def test_random_calls_do_not_end_the_master(master: MasterServer) -> None:
    """Well-formed calls with wrong parts, on a stream that exists."""
    rng = random.Random(3)
    async with Wire(master.port) as stream, Wire(master.port) as calls:
        stream_id, framework_id = await subscribed(stream)
        values = [None, "", "x", 0, -1, 1.5, True, [], {}, {"value": framework_id}, {"value": ""}, [{"value": "x"}]]
        kinds = [kind.name for kind in Call.Type if kind.name not in ("SUBSCRIBE", "TEARDOWN")]
        for _ in range(300):
            kind = rng.choice(kinds)
            payload = {
                name: rng.choice(values) for name in ("offer_ids", "task_id", "agent_id", "uuid", "roles", "tasks")
            }
            body = {"type": kind, "framework_id": {"value": framework_id}, kind.lower(): payload}
            calls.send(post(SCHEDULER, json.dumps(body).encode(), f"Mesos-Stream-Id: {stream_id}"))
            answer: Answer = await calls.answer()
            assert answer.status in (200, 202, 400, 501)
    master.core.check()


# ---- life and death


class BrokenRecords(MemoryRecords):
    """Keeps nothing but who leads."""

    async def commit(self, changes: Changes) -> None:
        if MASTER not in changes:
            raise OSError("no space left")
        await super().commit(changes)


async def test_a_master_that_cannot_remember_ends(master: MasterServer) -> None:
    """And says nothing of what it could not remember."""
    async with MasterServer(Options(port=0), records=BrokenRecords()) as broken:
        ended = asyncio.create_task(broken.wait())
        async with aiohttp.ClientSession() as session:
            socket = await session.ws_connect(f"http://127.0.0.1:{broken.port}/internal/agent")
            register = internal.RegisterAgent(agent=builders.agent_info(), pid="slave(1)@127.0.0.1:1", version="1.12.0")
            await socket.send_bytes(encode_batch([register]))
            assert await asyncio.wait_for(ended, 60) == "OSError: no space left"
            heard: list[Any] = []
            with contextlib.suppress(TimeoutError, TypeError):
                while True:
                    heard += decode_batch(await socket.receive_bytes(timeout=0.05))
            assert all(isinstance(word, internal.Ping) for word in heard)
            answer = await exchange(broken.port, call("GET_STATE"))
            assert answer.status in (500, 503)
