"""Clients at the terminals of docker's containers: ``docker attach``, one connection for each.

Everybody hears what is said from now on; one at a time types. dockerd waits for whoever reads slowly, and the container
for dockerd: a client that has 256 KiB unread for two seconds is cut off, as from every other terminal
(supervisor/switchboard.py). Containers without a terminal have nobody to attach to, as elsewhere.
Mesos has no such thing for its docker containerizer.
Source: Docker Engine API, /containers/{id}/attach.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from mesos_py.agent.containerizer import Attachment, InputTaken, NotAttached, Stream
from mesos_py.agent.containerizer.docker.dockerd import Away, Dockerd, Refused
from mesos_py.agent.containerizer.docker.request import name_of
from mesos_py.agent.containerizer.docker.streams import BROKEN, READ_SIZE, upgraded

UNREAD_MAX: Final = 256 << 10
SLOW_S: Final = 2.0

#: dockerd parts from whoever types this; nobody does, who does not want to. Its own choice is two keys of a shell's.
KEYS: Final = ",".join(["ctrl-@"] * 8)


class Terminals:
    """Of one dockerd."""

    def __init__(self, dockerd: Dockerd) -> None:
        self._dockerd = dockerd
        #: containers, and who types there
        self._typists: dict[str, _Typist] = {}

    async def attach(self, container_id: str, *, types: bool) -> Attachment:
        """To a container that has a terminal, and runs. Raises NotAttached."""
        if types and container_id in self._typists:
            raise InputTaken("Multiple input connections are not allowed")
        wanted = f"stdin=1&detachKeys={KEYS}" if types else "stdout=1&stderr=1"
        typist = _Typist(self, container_id)
        if types:
            self._typists[container_id] = typist
        try:
            path = f"/containers/{name_of(container_id)}/attach?stream=1&{wanted}"
            reader, writer = await upgraded(self._dockerd, path)
        except BaseException as error:
            typist.close()
            if isinstance(error, (Refused, *BROKEN)):
                raise NotAttached(f"dockerd lets nobody attach: {error}") from error
            raise
        if not types:
            return _Viewer(reader, writer)
        typist.writer = writer
        return typist

    def end(self, container_id: str) -> None:
        """The container has ended: there is nobody to type for. Its viewers hear that by themselves."""
        typist = self._typists.get(container_id)
        if typist is not None:
            typist.over.set()

    async def resize(self, container_id: str, rows: int, columns: int) -> None:
        """It has this size, unless it has just gone."""
        with contextlib.suppress(Away, Refused):
            await self._dockerd.ask(
                lambda client: client.resize(name_of(container_id), height=rows, width=columns)
            )  # fmt: skip

    def forget(self, typist: _Typist) -> None:
        """Somebody else may type."""
        if self._typists.get(typist.container_id) is typist:
            del self._typists[typist.container_id]


class _Viewer:
    is_terminal = True

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._unread = 0
        self._has_room = asyncio.Event()
        self._is_cut = False
        self._reading = asyncio.create_task(self._read(), name="view a terminal of docker")

    async def _read(self) -> None:
        """Until the end, or until nobody takes what there is."""
        with contextlib.suppress(OSError):
            while not self._is_cut and (data := await self._reader.read(READ_SIZE)):
                self._unread += len(data)
                self._pieces.put_nowait(data)
                if self._unread > UNREAD_MAX:
                    self._is_cut = not await self._room()
        self._writer.close()
        self._pieces.put_nowait(b"")

    async def _room(self) -> bool:
        self._has_room.clear()
        try:
            async with asyncio.timeout(SLOW_S):
                await self._has_room.wait()
        except TimeoutError:
            return False
        return True

    async def read(self) -> tuple[Stream, bytes] | None:
        data = await self._pieces.get()
        self._unread -= len(data)
        if self._unread <= UNREAD_MAX:
            self._has_room.set()
        if data:
            return Stream.STDOUT, data
        self._pieces.put_nowait(b"")  # for whoever asks again
        if self._is_cut:
            raise NotAttached("what the container has written was not read in time")
        return None

    async def write(self, data: bytes) -> None:
        """Nothing is typed here."""

    async def resize(self, rows: int, columns: int) -> None:
        """Nor is it resized."""

    async def ended(self) -> None:
        await asyncio.wait([self._reading])

    def close(self) -> None:
        self._reading.cancel()
        self._writer.close()


class _Typist:
    is_terminal = True

    def __init__(self, terminals: Terminals, container_id: str) -> None:
        self.container_id = container_id
        self._terminals = terminals
        self.writer: asyncio.StreamWriter | None = None
        self.over = asyncio.Event()

    async def read(self) -> tuple[Stream, bytes] | None:
        return None

    async def write(self, data: bytes) -> None:
        assert self.writer is not None
        with contextlib.suppress(OSError, RuntimeError):  # it has ended: there is nobody to type for
            self.writer.write(data)
            await self.writer.drain()

    async def resize(self, rows: int, columns: int) -> None:
        await self._terminals.resize(self.container_id, rows, columns)

    async def ended(self) -> None:
        await self.over.wait()

    def close(self) -> None:
        self._terminals.forget(self)
        if self.writer is not None:
            self.writer.close()
