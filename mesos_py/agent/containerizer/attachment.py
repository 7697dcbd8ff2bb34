"""A client's connection to what a container reads and writes; the other end is supervisor/switchboard.py."""

from __future__ import annotations

import asyncio
import os
from typing import Self

from mesos_py.agent.containerizer import InputTaken, NotAttached, Stream
from mesos_py.agent.containerizer.client import connect
from mesos_py.agent.containerizer.supervisor import frames

READ_SIZE = 64 * 1024

#: The supervisor answers at once; more than this is a machine in trouble.
ANSWER_TIMEOUT_S = 10

#: Typed bytes in one frame.
PIECE_BYTES = 32 * 1024

STREAMS = {frames.STDOUT: Stream.STDOUT, frames.STDERR: Stream.STDERR}


class SupervisorAttachment:
    """The Attachment port on a supervisor's socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_terminal = False
        self._reader, self._writer = reader, writer
        self._decoder = frames.Decoder()
        self._heard: list[list[bytes]] = []

    @classmethod
    async def open(cls, directory: str, container_id: str, *, types: bool) -> Self:
        """Raises NotAttached."""
        try:
            # The socket is on this host and listens: connecting to it does not wait.
            reader, writer = await asyncio.open_unix_connection(sock=connect(directory), limit=READ_SIZE)
        except OSError as error:
            raise NotAttached(f"the supervisor cannot be reached: {error}") from error
        made = cls(reader, writer)
        try:
            word = frames.TYPE if types else frames.VIEW
            writer.write(frames.encode(word, frames.VERSION, os.fsencode(container_id)))
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await made._next()
            if answer is None or answer[0] != frames.ATTACHED:
                text = "the supervisor has ended" if answer is None else answer[1].decode(errors="replace")
                raise InputTaken(text) if text.startswith("Multiple") else NotAttached(text)
            made.is_terminal = bool(answer[1])
        except (OSError, TimeoutError) as error:
            writer.close()
            raise NotAttached(f"the supervisor does not answer: {error}") from error
        except BaseException:
            writer.close()
            raise
        return made

    async def read(self) -> tuple[Stream, bytes] | None:
        frame = await self._next()
        if frame is None:
            raise NotAttached("what the container has written was not read in time")
        return None if frame[0] == frames.END else (STREAMS[frame[1]], frame[2])

    async def write(self, data: bytes) -> None:
        if not data:
            self._send(frames.INPUT, b"")
        for start in range(0, len(data), PIECE_BYTES):
            self._send(frames.INPUT, data[start : start + PIECE_BYTES])
        await self._drain()

    async def resize(self, rows: int, columns: int) -> None:
        self._send(frames.RESIZE, b"%d" % rows, b"%d" % columns)
        await self._drain()

    async def ended(self) -> None:
        while await self._next() is not None:
            pass  # nothing is said to whoever types

    def close(self) -> None:
        self._writer.close()

    def _send(self, *fields: bytes) -> None:
        self._writer.write(frames.encode(*fields))

    async def _drain(self) -> None:
        try:
            await self._writer.drain()
        except ConnectionError:
            return  # the container has ended: there is nobody to type for

    async def _next(self) -> list[bytes] | None:
        """None at the end of the connection."""
        while not self._heard:
            try:
                data = await self._reader.read(READ_SIZE)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self._heard = list(self._decoder.feed(data))
        return self._heard.pop(0)
