"""Bodies of calls: small ones are read at once, large ones while the loop goes on."""

from __future__ import annotations

import asyncio

import pytest

from mesos_py.web.calls import LARGE_BYTES, decode
from mesos_py.web.request import Request
from mesos_py.web.response import JSON, PROTOBUF, HttpError
from mesos_py.wire.codec import json, protobuf
from mesos_py.wire.executor_api import Call
from mesos_py.wire.ids import ExecutorID, FrameworkID


def message(size: int) -> Call:
    return Call(
        type=Call.Type.MESSAGE, executor_id=ExecutorID("e"), framework_id=FrameworkID("f"),
        message=Call.Message(data=bytes(size)),
    )  # fmt: skip


def request(body: bytes) -> Request:
    made = Request.__new__(Request)
    made._body = body
    return made


async def rounds_while(work: asyncio.Task[Call]) -> int:
    """How often the loop came round until ``work`` was done."""
    rounds = 0
    while not work.done():
        await asyncio.sleep(0)
        rounds += 1
    return rounds


@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
async def test_only_a_large_body_is_read_beside_the_loop(content_type: str) -> None:
    encode = json.encode if content_type == JSON else protobuf.encode
    for size, is_large in ((10, False), (2 * LARGE_BYTES, True)):
        call = message(size)
        reading = asyncio.create_task(decode(Call, content_type, request(encode(call))))
        assert (await rounds_while(reading) > 1) == is_large
        assert reading.result() == call


@pytest.mark.parametrize("size", [10, LARGE_BYTES])
async def test_what_cannot_be_read_is_a_bad_request(size: int) -> None:
    with pytest.raises(HttpError) as caught:
        await decode(Call, JSON, request(b"{" * size))
    assert caught.value.response.status == 400
