"""A client of the simulated ensemble that behaves as kazoo does.

It tries the servers one after the other for ever, pings when it has nothing to say, gives a connection up on which
nothing has come for two thirds of the session's timeout, keeps the session over connections, and begins a new one when
it is told that the old one has ended. When a connection breaks, what was asked on it has an unknown outcome, and every
watch is called. What is asked in between waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import Any

from mesos_py.coordination.zookeeper.client import Link, Operation, Refused, Unknown, Watch
from mesos_py.machine.values import seconds
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import End, Network
from mesos_py.sim.zookeeper.server import SERVICE

BACKOFF_MIN_S, BACKOFF_MAX_S = 0.1, 2.0  # as kazoo_client.py asks kazoo for
STOP_TIMEOUT_S = 3.0


class SimClient:
    """One client, on ``host``."""

    trouble = ""
    granted_s: float | None = None  # what it has asked for

    def __init__(
        self, loop: SimLoop, net: Network, host: str, servers: Sequence[str], timeout_s: float, rng: random.Random
    ) -> None:
        self._loop, self._net, self._host, self._timeout_s = loop, net, host, timeout_s
        self._quiet_max = seconds(timeout_s) // 3
        self._servers = list(servers)
        self._rng = rng
        self._heard: Callable[[Link], None] = lambda link: None
        self._session = 0
        #: the newest write it has seen anything of
        self._seen = 0
        self._end: End | None = None
        self._is_welcome = False
        #: when something was said or heard last
        self._spoken_at = loop.now
        #: nothing has been heard since a ping
        self._is_pinged = False
        self._broken: asyncio.Future[bool] | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._numbers = 0
        #: number -> who waits for the answer
        self._asked: dict[int, asyncio.Future[Any]] = {}
        #: asked while there was no connection
        self._queued: list[tuple[Any, ...]] = []
        self._watches: dict[tuple[str, str], dict[Callable[[], None], None]] = {}

    # ---- life

    def start(self, heard: Callable[[Link], None]) -> None:
        self._heard = heard
        self._connecting = self._loop.create_task(self._connect(), name=f"zookeeper client on {self._host}")

    async def stop(self) -> None:
        self._heard = lambda link: None
        if self._is_welcome:
            with contextlib.suppress(TimeoutError, Unknown):  # then the session expires by itself
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self._ask("close")
        if self._connecting is not None:
            self._connecting.cancel()
        if self._end is not None:
            self._end.close()

    @property
    def session_id(self) -> int | None:
        return self._session or None

    # ---- connection

    async def _connect(self) -> None:
        backoff_s = BACKOFF_MIN_S
        while True:
            self._rng.shuffle(self._servers)
            for server in self._servers:
                try:
                    async with asyncio.timeout(self._timeout_s / len(self._servers)):
                        end = await self._net.connect(self._host, server, SERVICE)
                except (ConnectionError, TimeoutError):
                    continue
                if await self._use(end):
                    backoff_s = BACKOFF_MIN_S
            await asyncio.sleep(backoff_s * self._rng.uniform(1.0, 1.5))
            backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)

    async def _use(self, end: End) -> bool:
        """Until it breaks; whether it was of any use."""
        self._end, self._is_welcome, self._is_pinged = end, False, False
        self._broken = self._loop.create_future()
        end.listen(self._hear, lambda why: self._break())
        self._say(("hello", self._session, self._timeout_s, self._seen))
        pulse = self._loop.call_in(self._quiet_max, self._pulse, end)
        try:
            return await self._broken
        finally:
            pulse.cancel()
            end.close()
            if self._end is end:
                self._end = None

    def _pulse(self, end: End) -> None:
        if end is not self._end:
            return
        quiet = self._loop.now - self._spoken_at
        if quiet >= self._quiet_max:
            if self._is_pinged:
                self._break()
                return
            self._is_pinged, quiet = True, 0
            self._say(("ping",))
        self._loop.call_in(self._quiet_max - quiet, self._pulse, end)

    def _break(self, link: Link = Link.SUSPENDED) -> None:
        if self._broken is None or self._broken.done():
            return
        was_welcome, self._is_welcome = self._is_welcome, False
        self._broken.set_result(was_welcome)
        if was_welcome or link is Link.EXPIRED:
            self._fail(link)

    def _fail(self, link: Link) -> None:
        asked, self._asked, self._queued = self._asked, {}, []
        for future in asked.values():
            if not future.done():
                future.set_exception(Unknown(f"{self._host}: the connection is {link.value}"))
        watches, self._watches = self._watches, {}
        for calls in watches.values():
            for call in calls:
                self._loop.call_soon(call)
        self._heard(link)

    def _hear(self, message: tuple[Any, ...]) -> None:
        self._is_pinged, self._spoken_at = False, self._loop.now
        match message:
            case ("pong",):
                return
            case ("welcome", session):
                self._session, self._is_welcome = session, True
                queued, self._queued = self._queued, []
                self._heard(Link.CONNECTED)
                for request in queued:
                    self._say(request)
            case ("expired",):
                self._session = self._seen = 0
                self._break(Link.EXPIRED)
            case ("event", kind, path):
                for call in self._watches.pop((kind, path), ()):
                    call()
            case (number, seen, result):
                self._seen = seen
                future = self._asked.pop(number, None)
                if future is not None and not future.done():
                    if isinstance(result, Refused):
                        future.set_exception(type(result)(*result.args))
                    else:
                        future.set_result(result)

    # ---- requests

    def _ask(self, name: str, *arguments: Any, watches: bool = False) -> asyncio.Future[Any]:
        self._numbers += 1
        future: asyncio.Future[Any] = self._loop.create_future()
        self._asked[self._numbers] = future
        request = (self._numbers, name, arguments, watches)
        if self._is_welcome:
            self._say(request)
        else:
            self._queued.append(request)
        return future

    def _say(self, message: tuple[Any, ...]) -> None:
        assert self._end is not None
        self._spoken_at = self._loop.now
        self._end.send(message)

    async def _watched(self, name: str, kind: str, path: str, watch: Watch) -> Any:
        if watch is not None:
            self._watches.setdefault((kind, path), {})[watch] = None
        return await self._ask(name, path, watches=watch is not None)

    async def owner(self, path: str, watch: Watch = None) -> int | None:
        found: int | None = await self._watched("owner", "data", path, watch)
        return found

    async def is_open(self, path: str) -> bool:
        return False  # there are no access lists

    async def get(self, path: str) -> tuple[bytes, int]:
        data, version = await self._ask("get", path)
        return data, version

    async def children(self, path: str, watch: Watch = None) -> list[str]:
        names: list[str] = await self._watched("children", "children", path, watch)
        return names

    async def get_many(self, paths: Sequence[str]) -> list[bytes]:
        return [data for data, _ in await self._all("get", paths)]

    async def children_of_many(self, paths: Sequence[str]) -> list[list[str]]:
        return await self._all("children", paths)

    async def _all(self, name: str, paths: Sequence[str]) -> list[Any]:
        return list(await asyncio.gather(*[self._ask(name, path) for path in paths]))

    async def sync(self, path: str) -> None:
        await self._ask("sync", path)

    async def create(self, path: str, data: bytes, *, ephemeral: bool = False, sequence: bool = False) -> str:
        made: str = await self._ask("create", path, data, ephemeral, sequence)
        return made

    async def delete(self, path: str) -> None:
        await self.transact((("delete", path, -1),))

    async def transact(self, operations: Sequence[Operation]) -> None:
        await self._ask("transact", tuple(operations))
