"""Sessions and attached clients over HTTP: records of what a container writes, and of what is typed.

A session is launched, and its caller attached to what it writes; it ends with that connection, or with what it says.
Each record of an answer is one HTTP chunk. A reader that is slow makes the container slow, or is cut off
(containerizer/supervisor/switchboard.py).
Mesos: src/slave/http.cpp Http::launchNestedContainerSession, attachContainerOutput, attachContainerInput;
src/slave/containerizer/mesos/io/switchboard.cpp.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from aiohttp import HttpVersion11, web

from mesos_py.agent import validation, whereabouts
from mesos_py.agent.api.containers import ContainerApi
from mesos_py.agent.api.media import Media, RecordReader
from mesos_py.agent.api_containers import text_of
from mesos_py.agent.container_validation import invalid_record
from mesos_py.agent.containerizer import Attachment, Containerizer, InputTaken, NotAttached, Stream
from mesos_py.agent.core import Agent
from mesos_py.machine.values import SECOND
from mesos_py.web.request import Request
from mesos_py.web.response import ACCEPTED, OK, HttpError, headers_of
from mesos_py.web.router import Answer
from mesos_py.web.streams import frame
from mesos_py.wire.agent_api import Call, ProcessIO
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.value import DurationInfo

ENDED_S: Final = 1.0  # between the end of a container and of whoever types for it

_Data = ProcessIO.Data
_Types = {Stream.STDOUT: _Data.Type.STDOUT, Stream.STDERR: _Data.Type.STDERR}


class AttachApi:
    """The calls that answer with a stream, and the one that is asked with one."""

    def __init__(self, core: Agent, calls: ContainerApi, containerizer: Containerizer, *, heartbeat_s: float) -> None:
        self._core = core
        self._heartbeat_s = heartbeat_s
        self._calls = calls
        self._containerizer = containerizer

    async def session(self, call: Call, request: Request, media: Media) -> Answer:
        """LAUNCH_NESTED_CONTAINER_SESSION: answered with what it writes; it does not outlive its caller."""
        wanted = call.launch_nested_container_session
        assert wanted is not None
        async with self._calls.asking(call) as answer:
            if answer.already:
                return ACCEPTED
            key = self._core.api_containers.by_text[text_of(wanted.container_id)].key
            return await self._show(key, request, media)

    async def output(self, call: Call, request: Request, media: Media) -> Answer:
        """ATTACH_CONTAINER_OUTPUT: answered with what the container writes from now on."""
        assert call.attach_container_output is not None
        return await self._show(self._key(call.attach_container_output.container_id), request, media)

    async def input(self, call: Call, records: RecordReader) -> Answer:
        """ATTACH_CONTAINER_INPUT: ``records`` are typed. 200 once they end, or there is nobody to type for any more."""
        wanted = call.attach_container_input
        assert wanted is not None
        if wanted.type is not Call.AttachContainerInput.Type.CONTAINER_ID or wanted.container_id is None:
            raise HttpError(400, "Expecting 'attach_container_input.type' to be CONTAINER_ID")
        attachment = await self._attach(self._key(wanted.container_id), types=True)
        typing = asyncio.create_task(_type(records, attachment), name="type")
        ended = asyncio.create_task(attachment.ended(), name="end of typing")
        try:
            await asyncio.wait((typing, ended), return_when=asyncio.FIRST_COMPLETED)
            if not typing.done():
                await asyncio.wait((typing,), timeout=ENDED_S)
            if typing.done():
                typing.result()
            return OK
        finally:
            for task in (typing, ended):
                task.cancel()
            await asyncio.gather(typing, ended, return_exceptions=True)
            attachment.close()

    # ---- parts

    def _key(self, container_id: ContainerID) -> str:
        place = whereabouts.find(self._core, container_id)
        if place is None:
            raise HttpError(404, f"Container {text_of(container_id)} cannot be found")
        return place.key

    async def _attach(self, key: str, *, types: bool) -> Attachment:
        try:
            return await self._containerizer.attach(key, types=types)
        except InputTaken as error:
            raise HttpError(409, str(error)) from error
        except NotAttached as error:
            raise HttpError(500, str(error)) from error

    async def _show(self, key: str, request: Request, media: Media) -> web.StreamResponse:
        attachment = await self._attach(key, types=False)
        try:
            return await _send(attachment, request, media, self._heartbeat_s)
        finally:
            attachment.close()


async def _send(attachment: Attachment, request: Request, media: Media, heartbeat_s: float) -> web.StreamResponse:
    """Everything the container writes, until its end; broken off when we are too slow for it."""
    response = web.StreamResponse(headers=headers_of(media.answer()))
    if request.incoming.version >= HttpVersion11:
        response.enable_chunked_encoding()
    encode: Callable[[Any], bytes] = media.encoder()
    await response.prepare(request.incoming)
    try:
        while (said := await _next(attachment, heartbeat_s)) is not None:
            await response.write(frame(encode(said)))
        await response.write_eof()
    except NotAttached:
        if request.incoming.transport is not None:
            request.incoming.transport.abort()  # the only way to say that this is not all
    except ConnectionError:
        pass  # the reader has gone; so it is said to whoever listens still
    return response


async def _next(attachment: Attachment, heartbeat_s: float) -> ProcessIO | None:
    """None at the end; a heartbeat when nothing is written for a while. Raises NotAttached."""
    try:
        async with asyncio.timeout(heartbeat_s):
            piece = await attachment.read()
    except TimeoutError:
        return _heartbeat(heartbeat_s)
    if piece is None:
        return None
    return ProcessIO(type=ProcessIO.Type.DATA, data=_Data(type=_Types[piece[0]], data=piece[1]))


def _heartbeat(interval_s: float) -> ProcessIO:
    interval = DurationInfo(nanoseconds=int(interval_s * SECOND))
    types = ProcessIO.Control
    control = types(type=types.Type.HEARTBEAT, heartbeat=types.Heartbeat(interval=interval))
    return ProcessIO(type=ProcessIO.Type.CONTROL, control=control)


async def _type(records: AsyncIterator[Call], attachment: Attachment) -> None:
    """Raises HttpError for a record that makes no sense; what was typed before is."""
    async for call in records:
        refused = validation.agent_call(call) or invalid_record(call)
        if refused is not None:
            raise HttpError(400, refused)
        wanted = call.attach_container_input
        assert wanted is not None
        assert wanted.process_io is not None
        said = wanted.process_io
        if said.data is not None and said.type is ProcessIO.Type.DATA:
            await attachment.write(said.data.data or b"")
        elif said.control is not None and said.control.tty_info is not None:
            size = said.control.tty_info.window_size
            if not attachment.is_terminal:
                raise HttpError(400, "Unable to set the window size: Inappropriate ioctl for device")
            if size is not None:
                await attachment.resize(size.rows, size.columns)
