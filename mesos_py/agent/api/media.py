"""What kinds of bodies a call of the agent's operator API comes in and is answered with; streams of records in both.

==========================  =================================  ====================================================
                            asked with                         answered with
==========================  =================================  ====================================================
a message                   JSON or protobuf                   JSON or protobuf
a stream                    recordio and Message-Content-Type  recordio and Message-Accept; or JSON or protobuf, by
                                                               which records are meant, too
==========================  =================================  ====================================================

Mesos: src/slave/http.cpp Http::api.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final, Self

import attrs

from mesos_py.web import negotiate
from mesos_py.web.request import Request
from mesos_py.web.response import JSON, PROTOBUF, HttpError, Response
from mesos_py.wire.agent_api import Call
from mesos_py.wire.codec import json, protobuf
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.recordio import Decoder

RECORDIO: Final = "application/recordio"
RECORD_BYTES_MAX: Final = 1 << 20  # of one record that is typed; ours

NO_CONTENT_TYPE = "Expecting 'Content-Type' to be present"
BAD_CONTENT_TYPE = f"Expecting 'Content-Type' of {JSON} or {PROTOBUF} or {RECORDIO}"
NO_MESSAGE_TYPE = "Expecting 'Message-Content-Type' to be set for streaming requests"
BAD_MESSAGE_TYPE = f"Expecting 'Message-Content-Type' of {JSON} or {PROTOBUF}"
NEEDLESS_MESSAGE_TYPE = "Expecting 'Message-Content-Type' to be not set for non-streaming requests"
BAD_ACCEPT = f"Expecting 'Accept' to allow {JSON} or {PROTOBUF} or {RECORDIO}"
BAD_MESSAGE_ACCEPT = f"Expecting 'Message-Accept' to allow {JSON} or {PROTOBUF}"
NEEDLESS_MESSAGE_ACCEPT = "Expecting 'Message-Accept' to be not set for non-streaming responses"


@attrs.frozen(kw_only=True)
class Media:
    """What a request's headers say."""

    content: str
    #: of the records of a streamed request
    message_content: str | None
    accept: str
    #: of the records of an answer that is a stream
    message_accept: str

    @classmethod
    def of(cls, request: Request) -> Self:
        """Raises HttpError in Mesos' order."""
        content, message_content = _content(request)
        accept, message_accept = _accept(request)
        return cls(content=content, message_content=message_content, accept=accept, message_accept=message_accept)

    def answer(self) -> Response:
        """A stream's status and headers."""
        if self.accept != RECORDIO:
            return Response(200, content_type=self.accept)
        return Response(200, content_type=RECORDIO, headers=(("Message-Content-Type", self.message_accept),))

    def encoder(self) -> Callable[[Any], bytes]:
        """What makes a message a record of the answer."""
        return json.encode if self.message_accept == JSON else protobuf.encode


class RecordReader:
    """The calls of a streamed request, as they come."""

    def __init__(self, request: Request, message_type: str) -> None:
        self._pieces = request.pieces()
        self._decode = json.decode if message_type == JSON else protobuf.decode
        self._decoder = Decoder(RECORD_BYTES_MAX)
        self._records: list[bytes] = []

    def __aiter__(self) -> AsyncIterator[Call]:
        return self

    async def __anext__(self) -> Call:
        """Raises HttpError 400 for what is no call; the end of the request may cut no record short."""
        try:
            while not self._records:
                try:
                    piece = await anext(self._pieces)
                except StopAsyncIteration:
                    if not self._decoder.is_empty:
                        raise HttpError(400, "Failed to decode record: the request ends within it") from None
                    raise
                self._records = self._decoder.feed(piece)
            return self._decode(Call, self._records.pop(0))
        except DecodeError as error:
            raise HttpError(400, str(error)) from None


def _content(request: Request) -> tuple[str, str | None]:
    value = request.headers.get("content-type")
    if value is None:
        raise HttpError(400, NO_CONTENT_TYPE)
    if value not in (JSON, PROTOBUF, RECORDIO):
        raise HttpError(415, BAD_CONTENT_TYPE)
    message_type = request.headers.get("message-content-type")
    if value == RECORDIO:
        if message_type is None:
            raise HttpError(400, NO_MESSAGE_TYPE)
        if message_type not in (JSON, PROTOBUF):
            raise HttpError(415, BAD_MESSAGE_TYPE)
    elif message_type is not None:
        raise HttpError(415, NEEDLESS_MESSAGE_TYPE)
    return value, message_type


def _accept(request: Request) -> tuple[str, str]:
    value, message_accept = request.headers.get("accept"), request.headers.get("message-accept")
    for kind in (JSON, PROTOBUF):
        if negotiate.accepts(value, kind):
            if message_accept is not None:
                raise HttpError(406, NEEDLESS_MESSAGE_ACCEPT)
            return kind, kind
    if not negotiate.accepts(value, RECORDIO):
        raise HttpError(406, BAD_ACCEPT)
    for kind in (JSON, PROTOBUF):
        if negotiate.accepts(message_accept, kind):
            return RECORDIO, kind
    raise HttpError(406, BAD_MESSAGE_ACCEPT)
