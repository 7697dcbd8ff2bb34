"""Performs the core's ``Probe``s: HTTP, HTTPS and TCP, to wherever a task is reached from here.

So many are made at once, the others wait their turn, and the time of a probe begins with its turn. Of one check of one
instance there is at most one under way and one that waits: a later one takes the place of the one that waits.

Redirects are answers, certificates are not looked at, a body is only read for a readiness check, which may show it.
Source: mesosphere/marathon .../core/health/impl/HealthCheckWorker.scala, .../core/readiness/impl.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice
from typing import Protocol

import aiohttp

from frameworks.marathon_py import words

BODY_MAX = 1 << 16  # bytes of a body that are shown
READINESS = "readiness"

Key = tuple[str, str, int]
"""Instance, kind and number of a check."""


class Looker(Protocol):
    """Makes one probe."""

    async def look(self, probe: words.Probe) -> words.Probed:
        """Raises TimeoutError when its time is over, OSError or aiohttp.ClientError for what comes to nothing."""
        ...


class Network:
    """Over this machine's network."""

    async def look(self, probe: words.Probe) -> words.Probed:
        async with asyncio.timeout(probe.timeout_s):
            return await (self._connect(probe) if probe.protocol == "TCP" else self._ask(probe))

    async def _connect(self, probe: words.Probe) -> words.Probed:
        _, writer = await asyncio.open_connection(probe.host, probe.port)
        writer.close()
        return words.Probed(probe)

    async def _ask(self, probe: words.Probe) -> words.Probed:
        host = f"[{probe.host}]" if ":" in probe.host else probe.host
        url = f"{probe.protocol.lower()}://{host}:{probe.port}/{probe.path.removeprefix('/')}"
        connector = aiohttp.TCPConnector(ssl=False, force_close=True)
        session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None))
        async with session, session.get(url, allow_redirects=False) as response:
            body = b""
            while probe.kind == READINESS and len(body) < BODY_MAX and (piece := await response.content.readany()):
                body += piece
            return words.Probed(
                probe, status=response.status, content_type=response.content_type if body else "",
                body=body[:BODY_MAX].decode("utf-8", "replace"),
            )  # fmt: skip


class Prober:
    """Makes probes within the bounds above, and tells what came of them."""

    def __init__(self, looker: Looker, tell: Callable[[words.Probed], None], at_once: int) -> None:
        self._looker, self._tell, self._at_once = looker, tell, at_once
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._waiting: dict[Key, words.Probe] = {}

    def probe(self, probe: words.Probe) -> None:
        """In its turn."""
        self._waiting[probe.instance_id, probe.kind, probe.index] = probe
        self._go_on()

    async def close(self) -> None:
        """Everything that is under way ends, and nothing is told."""
        self._at_once = 0
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _go_on(self) -> None:
        free = max(0, self._at_once - len(self._running))
        for key in list(islice((key for key in self._waiting if key not in self._running), free)):
            task = asyncio.create_task(self._look(self._waiting.pop(key)), name=f"probe {' '.join(map(str, key))}")
            self._running[key] = task
            task.add_done_callback(lambda done, key=key: self._done(key, done))  # type: ignore[misc]

    def _done(self, key: Key, task: asyncio.Task[None]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.result()  # a bug of ours is not to be lost
        self._go_on()

    async def _look(self, probe: words.Probe) -> None:
        try:
            found = await self._looker.look(probe)
        except TimeoutError:
            found = words.Probed(probe, cause=f"no answer within {probe.timeout_s:g} s")
        except (OSError, aiohttp.ClientError, ValueError) as error:  # ValueError: no URL
            found = words.Probed(probe, cause=f"{type(error).__name__}: {error}")
        self._tell(found)
