"""A session with ZooKeeper that has an end its owner can trust.

::

    lease     the session cannot have expired before: the time at which the last answered request BUT ONE was SENT, plus
              the session's timeout. When it runs out without a further answer, the session counts as expired here,
              whether or not ZooKeeper has said so - who is cut off hears nothing, and must have stopped before others
              start.

Not every answer proves that the session lives. A server of the ensemble that is cut off from its leader goes on to
answer reads, and a leader that is cut off from its servers ``sync`` as well, for a while (``syncLimit``). So what
counts for a candidate is writes, which a majority has taken part in; its heartbeat is one that changes nothing. And
servers tell their leader whom they have heard of every half tick: that the last request was answered proves that the
leader has been told of the one before, a heartbeat earlier. Of two that are under way at once it would not prove that,
so there is a pause after each answer; answers that take longer than a fifth of the timeout are too slow for it.

Mesos: src/zookeeper/group.cpp (local expiry of sessions, retries every 2 s).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

import structlog

from mesos_py.coordination import NotReached, StoreFailed
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.zookeeper.client import (
    ANY_VERSION,
    Client,
    Link,
    NodeExists,
    NoNode,
    Operation,
    Refused,
    Unknown,
    Watch,
)

T = TypeVar("T")

log = structlog.get_logger(__name__)

SESSION_TIMEOUT_S = 10.0  # seconds; mesos src/master/constants.hpp ZOOKEEPER_SESSION_TIMEOUT
HEARTBEATS_PER_TIMEOUT = 6  # of a candidate, whose lease is what it leads by
#: of anybody else: a cluster has thousands. With fewer, kazoo would ping as well: it does after a third of the timeout.
HEARTBEATS_PER_TIMEOUT_ELSE = 4
WARN_AFTER_S = 3.0  # without a connection; then again after twice as long, and so on
WARN_EVERY_MAX_S = 300.0
READS_IN_FLIGHT = 500
LOOK_AGAIN_S = 0.001


class Session:
    """A client of one ensemble for as long as it is entered, through however many ZooKeeper sessions that takes.

    ``generation`` counts sessions that have ended; whatever is bound to a session (a candidacy) ends with it.
    Servers grant sessions within their own bounds (4 to 40 s by default); when theirs is shorter than ``timeout_s``, it
    is what counts.
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

        ``clock``: another one than the loop's, in seconds, to be looked at at any moment: a process may be suspended in
        the middle of a turn, and a whole host, for which its loop's time then stands still.
        """
        self.address = address
        self.timeout_s = timeout_s
        self.generation = 0
        self.is_connected = False
        self.client = client or _kazoo(address, timeout_s)
        self._is_candidate = is_candidate
        self._clock = clock
        self._changed: list[asyncio.Future[None]] = []
        #: when the last two requests were sent whose answers prove that the session lives, a heartbeat apart
        self._proofs: tuple[float, ...] = ()
        #: the first session has begun after that
        self._entered_at: float | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None

    @property
    def _pause(self) -> float:
        """Between heartbeats, seconds."""
        return self.timeout_s / (HEARTBEATS_PER_TIMEOUT if self._is_candidate else HEARTBEATS_PER_TIMEOUT_ELSE)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._entered_at = self._now()
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
        return self._now() < self._lease_until

    def _now(self) -> float:
        return self._loop.time() if self._clock is None else self._clock()

    @property
    def _lease_until(self) -> float:
        return self._proofs[0] + self.timeout_s if len(self._proofs) == 2 else 0.0

    async def changed(self) -> None:
        """Returns at the next change of ``generation`` or ``is_connected``, and when it begins to be held."""
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

    async def reached(self, within_s: float) -> None:
        """There is a connection. Raises NotReached when it takes longer."""
        try:
            async with asyncio.timeout(within_s):
                await self.connected()
        except TimeoutError as error:
            raise NotReached(f"{self.address} cannot be reached ({self.client.trouble or 'no answer'})") from error

    async def held(self) -> bool:
        """Returns True when the session is held, False when it has ended before that."""
        generation = self.generation
        while self.generation == generation and not self.is_held:
            await self.changed()
        return self.generation == generation

    async def ended(self, generation: int) -> None:
        """Returns when the session of that generation has ended."""
        while self.generation == generation:
            await self.changed()

    def _heard(self, link: Link) -> None:
        if link is Link.EXPIRED:
            self._expire("ZooKeeper has ended the session")
        self.is_connected = link is Link.CONNECTED
        granted_s = self.client.granted_s
        if granted_s is not None and granted_s < self.timeout_s:
            log.warning("ZooKeeper grants a shorter session", wanted_s=self.timeout_s, granted_s=granted_s)
            self.timeout_s = granted_s
        if self.is_connected and self._entered_at is not None:
            if self._now() - self._entered_at < self._pause:  # else it would run out before two heartbeats
                self._prove(self._entered_at, self._entered_at)
            self._entered_at = None
        self._notify()

    def _notify(self) -> None:
        waiting, self._changed = self._changed, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _expire(self, why: str) -> None:
        self._proofs = ()
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self.generation += 1
        log.warning("session with ZooKeeper is over", ensemble=str(self.address), reason=why)
        self._notify()

    def _watch_lease(self) -> None:
        left_s = max(self._lease_until - self._now(), LOOK_AGAIN_S)  # clocks may differ by a rounding
        self._expiry = self._loop.call_later(left_s, self._lease_ran_out)

    def _lease_ran_out(self) -> None:
        self._expiry = None
        if self.is_held:
            self._watch_lease()
        else:
            self._expire(f"answers do not come in time for its timeout of {self.timeout_s:g} s")

    async def _beat(self) -> None:
        warned_at, warn_after = self._loop.time(), WARN_AFTER_S
        while True:
            if not self.is_connected:
                if self._loop.time() - warned_at >= warn_after:
                    warned_at, warn_after = self._loop.time(), min(2 * warn_after, WARN_EVERY_MAX_S)
                    log.warning(
                        "ZooKeeper cannot be reached; trying on",
                        ensemble=str(self.address),
                        reason=self.client.trouble or "no answer",
                    )
                await self._changed_or(self._pause)
                continue
            if warn_after > WARN_AFTER_S:
                log.info("ZooKeeper is reached", ensemble=str(self.address))
            warned_at, warn_after = self._loop.time(), WARN_AFTER_S
            # It is about to be told that there is no connection; or nobody has ever been a candidate there.
            with contextlib.suppress(StoreFailed, NoNode):
                if self._is_candidate:
                    await self._write(self.client.transact((("check", self.address.path, ANY_VERSION),)))
                else:
                    await self._ask(self.client.owner("/"))
            await asyncio.sleep(self._pause)

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

    async def is_open(self, path: str) -> bool:
        """Anybody may change what is there, or make something below it. Raises NoNode, AccessDenied."""
        return await self._read(lambda: self.client.is_open(path))

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
        await self._read(lambda: self.client.sync(path))

    async def ensure(self, path: str) -> None:
        """``path`` and everything above it exists. Raises AccessDenied; waits for a connection."""
        parts = path.strip("/").split("/")
        for depth in range(len(parts)):
            above = "/" + "/".join(parts[: depth + 1])
            while await self.owner(above) is None:
                try:
                    await self._write(self.client.create(above, b""))
                except (Unknown, NodeExists):
                    continue

    async def create_candidate(self, prefix: str, data: bytes) -> str:
        """An ephemeral, sequential znode; its path. Raises Unknown, NoNode, AccessDenied."""
        await self.connected()
        return await self._write(self.client.create(prefix, data, ephemeral=True, sequence=True))

    @property
    def id(self) -> int | None:
        """ZooKeeper's number of the current session."""
        return self.client.session_id

    async def delete(self, path: str) -> None:
        """The znode is not there; waits for a connection. Raises NodeExists for what is below it, AccessDenied."""
        try:
            await self._read(lambda: self.client.delete(path), self._write)
        except NoNode:
            return

    async def transact(self, operations: Sequence[Operation]) -> None:
        """All or none. Raises Unknown, NoNode, NodeExists or BadVersion of the first that failed, AccessDenied."""
        await self.connected()
        await self._write(self.client.transact(operations))

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
        sent, generation = self._now(), self.generation
        answer = await request
        if not self._is_candidate:
            self._extend(sent, generation)
        return answer

    async def _write(self, request: Awaitable[T]) -> T:
        """An answer that a majority of the ensemble had a part in."""
        sent, generation = self._now(), self.generation
        try:
            answer = await request
        except Refused:
            self._extend(sent, generation)  # that, too, they had to agree on
            raise
        self._extend(sent, generation)
        return answer

    def _extend(self, sent: float, generation: int) -> None:
        if generation == self.generation and not (self._proofs and sent - self._proofs[-1] < self._pause):
            self._prove(*self._proofs[-1:], sent)

    def _prove(self, *proofs: float) -> None:
        self._proofs = proofs
        if self.is_held and self._expiry is None:
            self._watch_lease()
            self._notify()


def _kazoo(address: ZooKeeperAddress, timeout_s: float) -> Client:
    from mesos_py.coordination.zookeeper.kazoo_client import KazooClient  # a simulation does without it

    return KazooClient(address, timeout_s)
