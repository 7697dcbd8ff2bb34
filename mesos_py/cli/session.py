"""A scheduler's subscriptions, as ``mesos-py run`` needs them: events in, calls out, JSON both ways.

One after the other: whoever subscribes again is the same framework, at the same master or at the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson

from mesos_py.cli.client import ANSWER_TIMEOUT_S, Client, Unreachable
from mesos_py.cli.command import EXIT_UNREACHABLE
from mesos_py.wire.recordio import Decoder

PATH = "/api/v1/scheduler"
JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class Session:
    """``async for event in session.events(info)``; ``await session.call("ACCEPT", {...})`` in between."""

    def __init__(self, master: Client) -> None:
        self._master = master
        self._stream_id = ""
        #: as the master named the framework; "" before SUBSCRIBED
        self.framework_id = ""

    async def events(self, framework_info: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Subscribe and yield every event but heartbeats. Raises Unreachable when the stream ends, Refused."""
        call: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": framework_info}}
        if self.framework_id:
            identity = {"value": self.framework_id}
            call |= {"framework_id": identity, "subscribe": {"framework_info": framework_info | {"id": identity}}}
        decoder = Decoder()
        try:
            async with self._master.session.post(
                f"http://{self._master.address}{PATH}", data=orjson.dumps(call), headers=JSON_HEADERS
            ) as answer:
                if answer.status != 200:
                    raise self._master.refusal(answer.status, await answer.text())
                self._stream_id = answer.headers["Mesos-Stream-Id"]
                async for piece in answer.content.iter_any():
                    for record in decoder.feed(piece):
                        event = orjson.loads(record)
                        if event["type"] == "SUBSCRIBED":
                            self.framework_id = event["subscribed"]["framework_id"]["value"]
                        if event["type"] != "HEARTBEAT":
                            yield event
        except (aiohttp.ClientError, OSError) as error:
            raise self._master.unreachable(error) from error
        raise Unreachable(f"the master at {self._master.address} closed the stream", EXIT_UNREACHABLE)

    async def call(self, type: str, body: dict[str, Any] | None = None) -> None:
        """Raises Refused or Unreachable; what the call leads to arrives as events."""
        message: dict[str, Any] = {"type": type, "framework_id": {"value": self.framework_id}}
        if body is not None:
            message[type.lower()] = body
        headers = JSON_HEADERS | {"Mesos-Stream-Id": self._stream_id}
        try:
            async with (
                asyncio.timeout(ANSWER_TIMEOUT_S),
                self._master.session.post(
                    f"http://{self._master.address}{PATH}", data=orjson.dumps(message), headers=headers
                ) as answer,
            ):
                if answer.status >= 300:
                    raise self._master.refusal(answer.status, await answer.text())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._master.unreachable(error) from error
