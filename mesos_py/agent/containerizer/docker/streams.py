"""Connections that dockerd gives up to bytes: what a process in a container says and reads.

Source: Docker Engine API, /exec/{id}/start and /containers/{id}/attach ("hijacking").
"""

from __future__ import annotations

import asyncio
from typing import Final

from mesos_py.agent.containerizer.docker.dockerd import Dockerd, Refused

READ_SIZE: Final = 64 << 10
HEAD_MAX: Final = 64 << 10  # bytes of dockerd's answer before what is said

#: Of what can go wrong, besides Refused.
BROKEN: Final = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


async def upgraded(dockerd: Dockerd, path: str, body: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of its own, from which all bytes are the process'. Raises Refused, and what is BROKEN."""
    reader, writer = await asyncio.open_unix_connection(dockerd.socket, limit=HEAD_MAX)
    try:
        writer.write(
            b"POST %b HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nConnection: Upgrade\r\n"
            b"Upgrade: tcp\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
        )
        async with asyncio.timeout(dockerd.timeout_s):
            head = await reader.readuntil(b"\r\n\r\n")
        answer = head.split(b"\r\n", 1)[0]
        if b" 101 " not in answer:
            raise Refused(500, answer.decode(errors="replace"))
    except BaseException:
        writer.close()
        raise
    return reader, writer
