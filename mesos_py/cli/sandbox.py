"""Reads files of a sandbox from its agent as they grow.

READ_FILE of the agent's operator API carries bytes exactly; a file that is not there yet is an empty one. An agent
that is not there is waited for, since tasks may outlive it.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

from mesos_py.cli.client import Client, Refused, Unreachable

POLL_S = 0.2
PIECE_BYTES = 64 * 1024  # the most one answer carries; Mesos: src/files/files.cpp


async def copy(
    agent: Client, path: str, write: Callable[[bytes], Any], ended: asyncio.Event, *, offset: int = 0
) -> int:
    """Give ``write`` what is in the file and what is added until ``ended`` is set; returns where it stopped.

    What was there when ``ended`` was set is read to the end. Raises Unreachable if the agent is not there then.
    """
    while True:
        last = ended.is_set()
        try:
            while data := await read(agent, path, offset):
                write(data)
                offset += len(data)
        except Unreachable:
            if last:
                raise
        if last:
            return offset
        try:
            await asyncio.wait_for(ended.wait(), POLL_S)
        except TimeoutError:
            continue  # not ended: look again


async def read(agent: Client, path: str, offset: int) -> bytes:
    """At most one piece; b"" at the end, and for a file that is not there. Raises Unreachable, Refused."""
    try:
        answer = await agent.call("READ_FILE", {"path": path, "offset": offset, "length": PIECE_BYTES})
    except Refused as refused:
        if refused.status == 404:
            return b""
        if refused.status == 503:  # it recovers
            raise Unreachable(str(refused), refused.code) from refused
        raise
    return base64.b64decode(answer["read_file"].get("data", ""))
