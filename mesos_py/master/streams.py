"""Where the core's words go: schedulers' event streams, agents' channels, operators' event streams.

A peer that cannot be found has gone; what is said to it is lost, and the core has been or will be told Disconnected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from mesos_py.machine.frame import Close, Disconnected, Event, Frame, PeerID, Send
from mesos_py.master import subscribe, words
from mesos_py.web.response import JSON, PROTOBUF, Headers
from mesos_py.web.streams import CAP_BYTES, RecordStream, frame
from mesos_py.wire.codec import json as json_codec
from mesos_py.wire.codec import protobuf as protobuf_codec
from mesos_py.wire.master_api import Event as OperatorEvent
from mesos_py.wire.scheduler_api import Event as SchedulerEvent

Encode = Callable[[Any], bytes]

ENCODERS: dict[str, Encode] = {JSON: json_codec.encode, PROTOBUF: protobuf_codec.encode}

_HEARTBEATS = {kind: frame(encode(words.HEARTBEAT)) for kind, encode in ENCODERS.items()}
_OPERATOR_HEARTBEATS = {kind: frame(encode(subscribe.HEARTBEAT)) for kind, encode in ENCODERS.items()}


class Agents(Protocol):
    """``transport.agent_channel.AgentChannels``."""

    def send(self, peer: PeerID, message: object) -> None: ...

    def close(self, peer: PeerID) -> None: ...


class Schedulers:
    """Open scheduler streams by peer, which is their Mesos-Stream-Id."""

    def __init__(
        self,
        tell: Callable[[Event], None],
        on_sent: Callable[[PeerID, SchedulerEvent], None],
        *,
        cap: int = CAP_BYTES,
    ) -> None:
        self._tell = tell
        self._on_sent = on_sent
        self._cap = cap
        self._streams: dict[PeerID, RecordStream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def __contains__(self, peer: PeerID) -> bool:
        return peer in self._streams

    def open(self, peer: PeerID, content_type: str, headers: Headers) -> RecordStream:
        """A stream whose end the core is told of."""

        def on_closed(reason: str) -> None:
            self._streams.pop(peer, None)
            self._tell(Event(Disconnected, None, peer))

        stream = RecordStream(content_type, headers=headers, on_closed=on_closed, cap=self._cap)
        self._streams[peer] = stream
        return stream

    def send(self, peer: PeerID, message: SchedulerEvent) -> bool:
        """Send to the scheduler behind ``peer``; False when there is none."""
        stream = self._streams.get(peer)
        if stream is None:
            return False
        if message is words.HEARTBEAT:
            stream.send_framed(_HEARTBEATS[stream.content_type])
        else:
            stream.send(ENCODERS[stream.content_type](message))
        self._on_sent(peer, message)
        return True

    def close(self, peer: PeerID) -> bool:
        stream = self._streams.pop(peer, None)
        if stream is None:
            return False
        stream.close()
        return True


class Operators:
    """Subscribers of the operator API: at most ``limit``, of whom the oldest goes when one more comes."""

    def __init__(self, *, limit: int, heartbeat_s: float, cap: int = CAP_BYTES) -> None:
        self._limit = limit
        self._heartbeat_s = heartbeat_s
        self._cap = cap
        #: None: its snapshot is still being made; what happens meanwhile waits
        self._streams: dict[RecordStream, list[bytes] | None] = {}
        self._heartbeat: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._streams)

    def open(self, content_type: str) -> RecordStream:
        """A stream that collects what happens from now on, until ``begin``."""
        stream = RecordStream(content_type, on_closed=lambda reason: self._forget(stream), cap=self._cap)
        while len(self._streams) >= max(1, self._limit):
            oldest = next(iter(self._streams))
            self._forget(oldest)
            oldest.close()
        self._streams[stream] = []
        if self._heartbeat is None:
            self._heartbeat = asyncio.get_running_loop().call_later(self._heartbeat_s, self._beat)
        return stream

    def begin(self, stream: RecordStream, subscribed: Iterable[bytes]) -> None:
        """Send the SUBSCRIBED event, a heartbeat, then what has happened since ``open``."""
        stream.send_long(subscribed)
        stream.send_framed(_OPERATOR_HEARTBEATS[stream.content_type])
        for chunk in self._streams.get(stream) or ():
            stream.send_framed(chunk)
        if stream in self._streams:
            self._streams[stream] = None

    def publish(self, changes: list[Any]) -> None:
        """Tell every subscriber; each event is encoded once per content type."""
        if not self._streams:
            return
        for change in changes:
            event = subscribe.event_of(change)
            if event is not None:
                self._send(event)

    def close(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        for stream in list(self._streams):
            stream.close()
        self._streams.clear()

    def _send(self, event: OperatorEvent) -> None:
        encoded: dict[str, bytes] = {}
        for stream, waiting in list(self._streams.items()):
            kind = stream.content_type
            chunk = encoded.get(kind)
            if chunk is None:
                chunk = encoded[kind] = frame(ENCODERS[kind](event))
            if waiting is None:
                stream.send_framed(chunk)
            else:
                waiting.append(chunk)

    def _beat(self) -> None:
        for stream, waiting in list(self._streams.items()):
            if waiting is None:
                stream.send_framed(_OPERATOR_HEARTBEATS[stream.content_type])
        self._heartbeat = None
        if self._streams:
            self._heartbeat = asyncio.get_running_loop().call_later(self._heartbeat_s, self._beat)

    def _forget(self, stream: RecordStream) -> None:
        self._streams.pop(stream, None)


class MasterRim:
    """What the driver says words through."""

    def __init__(
        self,
        schedulers: Schedulers,
        operators: Operators,
        agents: Agents,
        observers: tuple[Callable[[Frame], None], ...],
    ) -> None:
        self._schedulers = schedulers
        self._operators = operators
        self._agents = agents
        self._observers = observers

    def send(self, word: Send | Close) -> None:
        if isinstance(word, Close):
            if not self._schedulers.close(word.peer):
                self._agents.close(word.peer)
        elif not isinstance(word.message, SchedulerEvent):
            self._agents.send(word.peer, word.message)
        else:
            self._schedulers.send(word.peer, word.message)

    def publish(self, frame: Frame) -> None:
        for observe in self._observers:
            observe(frame)
        self._operators.publish(frame.changes)
