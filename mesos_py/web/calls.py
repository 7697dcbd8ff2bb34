"""The call in a request's body, for every endpoint of the v1 APIs."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from mesos_py.web.request import Request
from mesos_py.web.response import JSON, HttpError
from mesos_py.wire.codec import json, protobuf
from mesos_py.wire.codec.errors import DecodeError

T = TypeVar("T")

LARGE_BYTES = 256 << 10  # of a call; a body of many small values takes 40 ms to decode


async def decode(cls: type[T], content_type: str, request: Request) -> T:
    """A large body is read beside the loop. Raises HttpError 400 with Mesos' text."""
    body, decode_now = request.body(), json.decode if content_type == JSON else protobuf.decode
    try:
        if len(body) < LARGE_BYTES:
            return decode_now(cls, body)
        return await asyncio.to_thread(decode_now, cls, body)
    except DecodeError as error:
        raise HttpError(400, str(error)) from None
