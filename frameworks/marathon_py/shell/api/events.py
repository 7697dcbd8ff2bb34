"""``/v2/events``: facts as server-sent events, each in one chunk of the connection.

::

    facts --listen--> Hub --one encoding of each--> queue of each subscriber, bounded --> connection

Whoever leaves more than ``--event_stream_max_outstanding_messages`` unread is cut off; nobody waits for him. Something
is sent at least every ten seconds. What was missed is not told again. Source: mesosphere/marathon
.../core/event/impl/stream/HttpEventStreamActor.scala, HttpEventSSEHandle.scala.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

import orjson

from frameworks.marathon_py.definitions.timestamps import timestamp
from frameworks.marathon_py.shell.api.call import Call
from frameworks.marathon_py.shell.api.errors import Failed
from frameworks.marathon_py.shell.api.program import EVENTS, Program
from frameworks.marathon_py.shell.api.site import Row
from frameworks.marathon_py.views.events import event
from mesos_py.machine.values import Nanos
from mesos_py.web.response import Response
from mesos_py.web.router import Answer
from mesos_py.web.streams import RecordStream

EVENT_STREAM = "text/event-stream"
CONTENT_TYPE = f"{EVENT_STREAM};charset=utf-8"
HEARTBEAT_S = 10.0
SUBSCRIBERS_MAX = 1_000
UNREAD_MAX = 1_024  # events; --event_stream_max_outstanding_messages
ATTACHED, DETACHED = "event_stream_attached", "event_stream_detached"


class Hub:
    """Who subscribes, and to what. It listens while somebody does."""

    def __init__(self, program: Program, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._program = program
        self._heartbeat_s = heartbeat_s
        self._unread_max = int(program.flags.get("event_stream_max_outstanding_messages") or UNREAD_MAX)
        #: of each what it is sent: types of events, or None for all
        self._subscribers: dict[RecordStream, frozenset[str] | None] = {}
        self._telling: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._subscribers)

    def subscribe(self, types: Iterable[str], address: str) -> RecordStream:
        """Raises Failed 503 when too many do already, or listen otherwise."""
        if len(self._subscribers) >= SUBSCRIBERS_MAX:
            raise Failed(503, f"{SUBSCRIBERS_MAX} subscribe to events already")
        stream = RecordStream(
            CONTENT_TYPE, on_closed=lambda reason: self._lost(stream, address),
            headers=(("Connection", "close"),), cap_records=self._unread_max,
        )  # fmt: skip
        if self._telling is None or self._telling.done():
            try:
                queue = self._program.listen()
            except RuntimeError as error:
                raise Failed(503, str(error)) from error
            self._telling = asyncio.create_task(self._tell(queue), name="marathon events")
        self._subscribers[stream] = frozenset(types) or None
        self._say(ATTACHED, {"remoteAddress": address})
        return stream

    def _lost(self, stream: RecordStream, address: str) -> None:
        if self._subscribers.pop(stream, self) is not self:
            self._say(DETACHED, {"remoteAddress": address})

    async def close(self) -> None:
        """All streams end after what they were sent."""
        for stream in list(self._subscribers):
            stream.close()
        self._subscribers.clear()
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)

    async def _tell(self, queue: asyncio.Queue[Any]) -> None:
        """While there are subscribers; closes their streams when facts were too many, so that they know."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._heartbeat_s
        in_a_row = 0
        try:
            while self._subscribers:
                if loop.time() >= due:
                    self._send("", b"\r\n")
                    due = loop.time() + self._heartbeat_s
                try:
                    async with asyncio.timeout_at(due):
                        told = await queue.get()
                except TimeoutError:
                    continue
                if told is None:
                    break
                shown = event(told[1])
                if shown is not None:
                    self._say(*shown)
                    in_a_row += 1
                if in_a_row >= self._unread_max // 4 or queue.empty():
                    in_a_row = 0
                    await asyncio.sleep(0)  # connections take what they were sent: many facts at once make nobody slow
        finally:
            self._program.leave(queue)
            for stream in list(self._subscribers):
                stream.close()
            self._subscribers.clear()

    def _say(self, name: str, more: dict[str, Any]) -> None:
        self._send(name, framed(name, more, self._program.now()))

    def _send(self, name: str, text: bytes) -> None:
        for stream, types in list(self._subscribers.items()):
            if types is None or not name or name in types:
                stream.send_framed(text)
                self._program.streamed(len(text))


def framed(name: str, more: dict[str, Any], now: Nanos) -> bytes:
    """One event as it is sent."""
    body = orjson.dumps({"eventType": name, "timestamp": timestamp(now), **more})
    return b"event: %b\r\ndata: %b\r\n\r\n" % (name.encode(), body)


async def subscribe(hub: Hub, call: Call) -> Answer:
    """Events from now on, as server-sent events; event_type, repeated, chooses some."""
    if EVENT_STREAM not in call.request.headers.get("Accept", "").lower():
        raise Failed(405, f"{EVENT_STREAM} must be accepted")
    if call.request.method == "HEAD":
        return Response(200, content_type=CONTENT_TYPE)
    peer = call.request.incoming.transport
    host, port = peer.get_extra_info("peername")[:2] if peer is not None else (call.request.remote, 0)
    return hub.subscribe(call.query.get("event_type", ()), f"{host}:{port}")


def rows(hub: Hub) -> tuple[Row, ...]:
    return (
        Row(
            method="GET", path="/v2/events", handler=partial(subscribe, hub), action="view", to=EVENTS, produces="",
            query=("event_type", "plan-format"),
        ),
    )  # fmt: skip
