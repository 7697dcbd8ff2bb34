"""Reads files of a sandbox from its agent as they grow, and goes on where they are replaced by new ones.

READ_FILE of the agent's operator API carries bytes exactly; a file that is not there yet is an empty one. An agent
that is not there is waited for, since tasks may outlive it.

A logger may rotate what we follow: it is ``stdout.1`` then, later ``stdout.2``, and ``stdout`` is a new file. The API
names no inode, so the place where we are is known by the bytes before it: they are read again each time, and looked for
in the older files when they are not where they were. (Of a file that says the same line for ever we may miss some.)
"""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import Callable
from typing import Any

from mesos_py.cli.client import Client, Refused, Unreachable

POLL_S = 0.2
PIECE_BYTES = 64 * 1024  # the most one answer carries; Mesos: src/files/files.cpp
TAIL_BYTES = 256  # by which a place in a file is known again


async def copy(
    agent: Client, path: str, write: Callable[[bytes], Any], ended: asyncio.Event, *, missed: Callable[[], Any] | None
) -> None:
    """Give ``write`` what is in the file and what is added until ``ended`` is set.

    What was there when ``ended`` was set is read to the end. With ``missed`` the file may be rotated: older ones are
    read before it, and it is called when what was not read yet has been removed. Raises Unreachable if the agent is not
    there at the end.
    """
    follower = _Follower(agent, path, write, missed)
    while True:
        last = ended.is_set()
        try:
            while await follower.step():
                pass
        except Unreachable:
            if last:
                raise
        if last:
            return
        try:
            await asyncio.wait_for(ended.wait(), POLL_S)
        except TimeoutError:
            continue  # not ended: look again


class _Follower:
    """A place in a file that may be replaced."""

    def __init__(
        self, agent: Client, path: str, write: Callable[[bytes], Any], missed: Callable[[], Any] | None
    ) -> None:
        self._agent, self._path, self._write, self._missed = agent, path, write, missed
        #: how far we are in one of the files; 0: in none yet
        self._offset = 0
        #: what is before that
        self._tail = b""

    async def step(self) -> bool:
        """False: there is nothing new."""
        if self._offset == 0:
            return await self._begin()
        for number in itertools.count():
            there = await self._read(number, self._offset - len(self._tail))
            if there is None and number:
                break
            if there is None or not there.startswith(self._tail):
                continue
            rest = there[len(self._tail) :]
            if rest:
                self._take(rest)
            return bool(rest) or (number > 0 and await self._go_on(number))
        if await self._read(0, 0) is None:
            return False  # the task has removed it, and may make another
        if self._missed is not None:
            self._missed()
        return await self._begin()

    async def _begin(self) -> bool:
        """With the oldest file there is."""
        number = 0
        while self._missed is not None and await self._read(number + 1, 0) is not None:
            number += 1
        return self._enter(await self._read(number, 0) or b"")

    async def _go_on(self, number: int) -> bool:
        """We have all of that older file: on to the next one, once it has something to say."""
        newer = await self._read(number - 1, 0)
        if newer and await self._read(number, self._offset - len(self._tail)) == self._tail:
            return self._enter(newer)
        return bool(newer)  # they were renamed meanwhile: look for our place once more

    def _enter(self, data: bytes) -> bool:
        self._offset, self._tail = 0, b""
        self._take(data)
        return bool(data)

    def _take(self, data: bytes) -> None:
        if data:
            self._write(data)
            self._offset += len(data)
            self._tail = (self._tail + data)[-TAIL_BYTES:]

    async def _read(self, number: int, offset: int) -> bytes | None:
        if number and self._missed is None:
            return None
        return await read(self._agent, f"{self._path}.{number}" if number else self._path, offset)


async def read(agent: Client, path: str, offset: int) -> bytes | None:
    """At most one piece; b"" at the end, None for a file that is not there. Raises Unreachable, Refused."""
    try:
        answer = await agent.call("READ_FILE", {"path": path, "offset": offset, "length": PIECE_BYTES})
    except Refused as refused:
        if refused.status == 404:
            return None
        if refused.status == 503:  # it recovers
            raise Unreachable(str(refused), refused.code) from refused
        raise
    return base64.b64decode(answer["read_file"].get("data", ""))
