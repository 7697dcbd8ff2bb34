"""Containers that are over are removed, with their anonymous volumes, after a while.

Nothing is kept for that but the container itself, which says when it ended: a later agent finds it and waits for what
is left of the time.
Mesos: src/slave/containerizer/docker.cpp DockerContainerizerProcess::remove
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from mesos_py.agent.containerizer.docker.dockerd import AGAIN_FIRST_S, AGAIN_MAX_S, Dockerd, Refused

ATTEMPTS: Final = 8  # when dockerd refuses, as it does while something of it is in use
GONE: Final = 404

log = structlog.get_logger(__name__)


class Remover:
    """Removes containers now or later."""

    def __init__(self, dockerd: Dockerd) -> None:
        self._dockerd = dockerd
        self._later: dict[str, asyncio.TimerHandle] = {}
        self._working: set[asyncio.Task[None]] = set()

    def schedule(self, name: str, delay_s: float) -> None:
        """It is removed then."""
        if name not in self._later:
            self._later[name] = asyncio.get_running_loop().call_later(max(0.0, delay_s), self._due, name)

    async def remove(self, name: str) -> None:
        """Nothing runs of it, and dockerd does not know it any more; what it ran is killed."""
        timer = self._later.pop(name, None)
        if timer is not None:
            timer.cancel()
        pause = AGAIN_FIRST_S
        for _ in range(ATTEMPTS):
            try:
                await self._dockerd.insist(lambda client: client.remove_container(name, v=True, force=True))
                return
            except Refused as error:
                if error.status == GONE:
                    return
                why = str(error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, AGAIN_MAX_S)
        log.error("container not removed", name=name, why=why)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it meanwhile."""
        task = asyncio.get_running_loop().create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def close(self, *, keep: bool) -> None:
        """Whatever waits for its time is left to a later agent; without ``keep`` it is removed now."""
        names = list(self._later)
        for timer in self._later.values():
            timer.cancel()
        self._later.clear()
        if keep:
            for task in self._working:
                task.cancel()
        else:
            await asyncio.gather(*[self.remove(name) for name in names])
        await asyncio.gather(*self._working, return_exceptions=True)

    def _due(self, name: str) -> None:
        self._later.pop(name, None)
        self.start(self.remove(name))
