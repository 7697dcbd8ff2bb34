"""Which processes belong to which container: what its supervisor says when it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from mesos_py.agent.containerizer.supervisor import frames

#: Answer of the supervisor; it walks /proc, nothing else.
TIMEOUT_S = 10

#: Containers asked for at once: neither the supervisor nor our loop walks /proc for longer than some ms.
AT_ONCE = 50

log = structlog.get_logger(__name__)


class Members:
    """Questions to the supervisor of one containerizer; ``send`` writes one frame to it."""

    def __init__(self, send: Callable[..., None]) -> None:
        self._send = send
        self._token = 0
        self._asked: dict[bytes, asyncio.Future[list[bytes]]] = {}

    async def ask(self, keys: Sequence[bytes]) -> list[list[int]]:
        """The pids of each container's tree; nothing when the supervisor dies or hangs instead of answering."""
        self._token += 1
        token = b"%d" % self._token
        answer: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        self._asked[token] = answer
        try:
            self._send(frames.MEMBERS, token, *keys)
            async with asyncio.timeout(TIMEOUT_S):
                fields = await answer
        except TimeoutError:
            log.warning("the supervisor does not answer", containers=len(keys))
            return []
        finally:
            self._asked.pop(token, None)
        return [[int(pid) for pid in pids.split()] for pids in fields[1::2]]

    def hear(self, frame: list[bytes]) -> None:
        answer = self._asked.get(frame[1])
        if answer is not None and not answer.done():
            answer.set_result(frame[2:])

    def lose(self) -> None:
        """The supervisor has gone."""
        for answer in self._asked.values():
            if not answer.done():
                answer.set_result([])
