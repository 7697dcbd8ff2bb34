"""A session with ZooKeeper that has an end its owner can trust.

::

    lease     the session cannot have expired before: the time at which the last answered request was SENT, plus the
              session's timeout. When it runs out without a further answer, the session counts as expired here, whether
              or not ZooKeeper has said so - who is cut off hears nothing, and must have stopped before others start.

Not every answer proves that: a server of the ensemble that is cut off from its leader goes on to answer reads for a
while (``syncLimit``), though the leader ends the sessions of those connected to it. What the leader has a part in are
writes and ``sync``; for a candidate, only they count.

Mesos: src/zookeeper/group.cpp (local expiry of sessions, retries every 2 s).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

import structlog

from mesos_py.coordination import StoreFailed
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.zookeeper.client import Client, Link, NodeExists, NoNode, Operation, Unknown, Watch

T = TypeVar("T")

log = structlog.get_logger(__name__)

SESSION_TIMEOUT_S = 10.0  # seconds; mesos src/master/constants.hpp ZOOKEEPER_SESSION_TIMEOUT
HEARTBEATS_PER_TIMEOUT = 6
WARN_AFTER_S = 3.0  # without a connection; then again after twice as long, and so on
READS_IN_FLIGHT = 500


class Session:
    """A client of one ensemble for as long as it is entered, through however many ZooKeeper sessions that takes.

    ``generation`` counts sessions that have ended; whatever is bound to a session (a candidacy) ends with it.
    ``timeout_s`` must lie within what the servers grant (4 to 40 s by default).
    """

    def __init__(
        self,
        address: ZooKeeperAddress,
        *,
        timeout_s: float = SESSION_TIMEOUT_S,
        is_candidate: bool = False,
        client: Client | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """``client``: another one than kazoo's. ``is_candidate``: see above.

        ``clock``: the loop's time, by one who has it at any moment: the loop may look at it only once a turn, and a
        process may be suspended in the middle of one.
        """
        self.address = address
        self.timeout_s = timeout_s
        self.generation = 0
        self.is_connected = False
        self.client = client or _kazoo(address, timeout_s)
        self._is_candidate = is_candidate
        self._clock = clock
        self._changed: list[asyncio.Future[None]] = []
        self._lease_until = 0.0
        self._expiry: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self.client.start(self._heard)
        self._beating = asyncio.create_task(self._beat(), name="zookeeper heartbeat")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        if self._expiry is not None:
            self._expiry.cancel()
        await self.client.stop()

    # ---- what has become of the session

    @property
    def is_held(self) -> bool:
        """No session of this generation can have expired yet."""
        now = self._loop.time() if self._clock is None else self._clock()
        return now < self._lease_until

    async def changed(self) -> None:
        """Returns at the next change of ``generation`` or ``is_connected``."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._changed.append(future)
        try:
            await future
        finally:
            if future in self._changed:
                self._changed.remove(future)

    async def connected(self) -> None:
        """Returns when there is a connection; never gives up. Raises AccessDenied."""
        while not self.is_connected:
            await self.changed()

    async def ended(self, generation: int) -> None:
        """Returns when the session of that generation has ended."""
        while self.generation == generation:
            await self.changed()

    def _heard(self, link: Link) -> None:
        if link is Link.EXPIRED:
            self._expire("ZooKeeper has ended the session")
        self.is_connected = link is Link.CONNECTED
        self._notify()

    def _notify(self) -> None:
        waiting, self._changed = self._changed, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _expire(self, why: str) -> None:
        self._lease_until = 0.0
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self.generation += 1
        log.warning("session with ZooKeeper is over", ensemble=str(self.address), reason=why)
        self._notify()

    def _lease_ran_out(self) -> None:
        self._expiry = None
        if self.is_held:
            self._expiry = self._loop.call_at(self._lease_until, self._lease_ran_out)
        else:
            self._expire(f"no answer for the {self.timeout_s:g} s of its timeout")

    async def _beat(self) -> None:
        warned_at, warn_after = self._loop.time(), WARN_AFTER_S
        pause = self.timeout_s / HEARTBEATS_PER_TIMEOUT
        while True:
            if not self.is_connected:
                if self._loop.time() - warned_at >= warn_after:
                    warned_at, warn_after = self._loop.time(), 2 * warn_after
                    log.warning("ZooKeeper cannot be reached; trying on", ensemble=str(self.address))
                await self._changed_or(pause)
                continue
            warned_at, warn_after = self._loop.time(), WARN_AFTER_S
            with contextlib.suppress(StoreFailed):  # it is about to be told that there is no connection
                if self._is_candidate:
                    await self._lead(self.client.sync("/"))
                else:
                    await self._ask(self.client.owner("/"))
            await asyncio.sleep(pause)

    async def _changed_or(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.changed()

    # ---- requests

    async def get(self, path: str) -> tuple[bytes, int]:
        """Data and version; waits for a connection. Raises NoNode, AccessDenied."""
        return await self._read(lambda: self.client.get(path))

    async def owner(self, path: str, gone: Watch = None) -> int | None:
        """The session that an ephemeral znode belongs to; None: no znode. ``gone`` is called when that changes."""
        return await self._read(lambda: self.client.owner(path, gone))

    async def children(self, path: str, stirred: Watch = None) -> list[str]:
        """Names, unordered; ``stirred`` is called when they may have changed. Raises NoNode, AccessDenied."""
        return await self._read(lambda: self.client.children(path, stirred))

    async def get_many(self, paths: Sequence[str]) -> list[bytes]:
        """The data of each; waits for a connection. Raises NoNode when one has vanished, AccessDenied."""
        return await self._read_many(paths, self.client.get_many)

    async def children_of_many(self, paths: Sequence[str]) -> list[list[str]]:
        """The names below each; waits for a connection. Raises NoNode, AccessDenied."""
        return await self._read_many(paths, self.client.children_of_many)

    async def sync(self, path: str) -> None:
        """Reads that follow see everything that was written before. Raises AccessDenied."""
        await self._read(lambda: self.client.sync(path), self._lead)

    async def ensure(self, path: str) -> None:
        """``path`` and everything above it exists. Raises AccessDenied; waits for a connection."""
        parts = path.strip("/").split("/")
        for depth in range(len(parts)):
            above = "/" + "/".join(parts[: depth + 1])
            while await self.owner(above) is None:
                try:
                    await self._lead(self.client.create(above, b""))
                except (Unknown, NodeExists):
                    continue

    async def create_candidate(self, prefix: str, data: bytes) -> str:
        """An ephemeral, sequential znode; its path. Raises Unknown, NoNode, AccessDenied."""
        await self.connected()
        return await self._lead(self.client.create(prefix, data, ephemeral=True, sequence=True))

    @property
    def id(self) -> int | None:
        """ZooKeeper's number of the current session."""
        return self.client.session_id

    async def delete(self, path: str) -> None:
        """The znode is not there; waits for a connection. Raises NodeExists for what is below it, AccessDenied."""
        try:
            await self._read(lambda: self.client.delete(path), self._lead)
        except NoNode:
            return

    async def transact(self, operations: Sequence[Operation]) -> None:
        """All or none. Raises Unknown, NoNode, NodeExists or BadVersion of the first that failed, AccessDenied."""
        await self.connected()
        await self._lead(self.client.transact(operations))

    async def _read(
        self, request: Callable[[], Awaitable[T]], ask: Callable[[Awaitable[T]], Awaitable[T]] | None = None
    ) -> T:
        while True:
            await self.connected()
            try:
                return await (ask or self._ask)(request())
            except Unknown:
                await self._broken()

    async def _read_many(
        self, paths: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[list[T]]]
    ) -> list[T]:
        found: list[T] = []
        while len(found) < len(paths):
            await self.connected()
            try:
                found += await ask(paths[len(found) : len(found) + READS_IN_FLIGHT])
            except Unknown:
                await self._broken()
        return found

    async def _broken(self) -> None:
        """Perhaps it is not yet told that there is no connection; that is no reason to be busy."""
        if self.is_connected:
            await asyncio.sleep(0.01)

    async def _ask(self, request: Awaitable[T]) -> T:
        """An answer that one server can give by itself."""
        sent, generation = self._loop.time(), self.generation
        answer = await request
        if not self._is_candidate:
            self._extend(sent, generation)
        return answer

    async def _lead(self, request: Awaitable[T]) -> T:
        """An answer that the ensemble's leader had a part in."""
        sent, generation = self._loop.time(), self.generation
        answer = await request
        self._extend(sent, generation)
        return answer

    def _extend(self, sent: float, generation: int) -> None:
        if generation == self.generation:
            self._lease_until = max(self._lease_until, sent + self.timeout_s)
            if self._expiry is None:
                self._expiry = self._loop.call_at(self._lease_until, self._lease_ran_out)


def _kazoo(address: ZooKeeperAddress, timeout_s: float) -> Client:
    from mesos_py.coordination.zookeeper.kazoo_client import KazooClient  # a simulation does without it

    return KazooClient(address, timeout_s)
