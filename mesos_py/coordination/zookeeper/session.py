"""A session with ZooKeeper, and the only place that knows kazoo: its threads end here.

kazoo connects, pings and reconnects in threads of its own; what it has to say comes to the loop by
``call_soon_threadsafe``. Here its many errors become few, and a session gets an end that its owner can trust::

    lease     the session cannot have expired before: the time at which the last answered request was SENT, plus the
              session's timeout. When it runs out without a further answer, the session counts as expired here, whether
              or not ZooKeeper has said so - who is cut off hears nothing, and must have stopped before others start.

An error during a write leaves open whether it happened (``Unknown``); who wrote has to look.

Mesos: src/zookeeper/group.cpp (local expiry of sessions, retries every 2 s).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from kazoo import exceptions as kazoo
from kazoo.client import KazooClient, KazooState
from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE

from mesos_py.coordination import AccessDenied, StoreFailed
from mesos_py.coordination.address import ZooKeeperAddress

T = TypeVar("T")

log = structlog.get_logger(__name__)

SESSION_TIMEOUT_S = 10.0  # seconds; mesos src/master/constants.hpp ZOOKEEPER_SESSION_TIMEOUT
HEARTBEATS_PER_TIMEOUT = 6
RECONNECT_DELAY_MAX_S = 2.0  # between two attempts; mesos src/zookeeper/group.cpp RETRY_INTERVAL
STOP_TIMEOUT_S = 3.0  # for ending the session in order; after that it expires by itself
WARN_AFTER_S = 3.0  # without a connection; then again after twice as long, and so on
READS_IN_FLIGHT = 500

#: ("check", path, version) ("create", path, data) ("set", path, data, version) ("delete", path, version)
Operation = tuple[Any, ...]
ANY_VERSION = -1


class Unknown(StoreFailed):
    """The connection broke: the request may or may not have been carried out."""


class Refused(Exception):
    """ZooKeeper did not do it, because of what is there."""


class NoNode(Refused):
    """There is no such znode."""


class NodeExists(Refused):
    """There is such a znode already."""


class BadVersion(Refused):
    """Somebody else has changed the znode."""


_OURS: tuple[tuple[type[Exception], type[Exception]], ...] = (
    (kazoo.NoNodeError, NoNode),
    (kazoo.NodeExistsError, NodeExists),
    (kazoo.BadVersionError, BadVersion),
    (kazoo.NotEmptyError, NodeExists),
)
_DENIED = (kazoo.NoAuthError, kazoo.AuthFailedError, kazoo.InvalidACLError)


class Session:
    """A client of one ensemble for as long as it is entered, through however many ZooKeeper sessions that takes.

    ``generation`` counts sessions that have ended; whatever is bound to a session (a candidacy) ends with it.
    ``timeout_s`` must lie within what the servers grant (4 to 40 s by default).
    """

    def __init__(self, address: ZooKeeperAddress, *, timeout_s: float = SESSION_TIMEOUT_S) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.generation = 0
        self.is_connected = False
        self._changed: list[asyncio.Future[None]] = []
        self._lease_until = 0.0
        self._expiry: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self._is_closed = False
        quiet = logging.getLogger(f"{__name__}.kazoo")
        quiet.setLevel(logging.CRITICAL)  # what matters of it is said here
        self._client = KazooClient(
            hosts=",".join(address.hosts),
            timeout=timeout_s,
            auth_data=[("digest", address.credentials)] if address.credentials is not None else None,
            connection_retry={"max_tries": -1, "delay": 0.1, "backoff": 2, "max_delay": RECONNECT_DELAY_MAX_S},
            logger=quiet,
        )
        closed = CREATOR_ALL_ACL if address.credentials is not None else OPEN_ACL_UNSAFE
        #: for what only masters may read
        self.private = closed
        #: for what anybody may read
        self.public = closed + READ_ACL_UNSAFE if address.credentials is not None else closed

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._client.add_listener(self._state_in_thread)
        self._client.start_async()
        self._beating = asyncio.create_task(self._beat(), name="zookeeper heartbeat")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closed = True
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        if self._expiry is not None:
            self._expiry.cancel()
        stopping = asyncio.ensure_future(asyncio.to_thread(self._stop))
        done, _ = await asyncio.wait((stopping,), timeout=STOP_TIMEOUT_S)
        if not done:
            log.warning("ZooKeeper session is left to expire", ensemble=str(self.address))

    def _stop(self) -> None:
        self._client.stop()
        self._client.close()

    # ---- what has become of the session

    @property
    def is_held(self) -> bool:
        """No session of this generation can have expired yet."""
        return self._loop.time() < self._lease_until

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

    def _state_in_thread(self, state: str) -> None:
        self._to_loop(self._heard_state, state)

    def _to_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def _heard_state(self, state: str) -> None:
        if self._is_closed:
            return
        if state == KazooState.LOST:
            self._expire("ZooKeeper has ended the session")
        self.is_connected = state == KazooState.CONNECTED
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
                await self._call(lambda: self._client.exists_async("/"))
            await asyncio.sleep(pause)

    async def _changed_or(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.changed()

    # ---- requests

    async def get(self, path: str) -> tuple[bytes, int]:
        """Data and version; waits for a connection. Raises NoNode, AccessDenied."""
        data, stat = await self._read(lambda: self._client.get_async(path))
        return data, stat.version

    async def owner(self, path: str, gone: Callable[[], None] | None = None) -> int | None:
        """The session that an ephemeral znode belongs to; None: no znode. ``gone`` is called when that changes."""
        stat = await self._read(lambda: self._client.exists_async(path, self._watch(gone)))
        return None if stat is None else stat.ephemeralOwner

    async def children(self, path: str, stirred: Callable[[], None] | None = None) -> list[str]:
        """Names, unordered; ``stirred`` is called when they may have changed. Raises NoNode, AccessDenied."""
        names: list[str] = await self._read(lambda: self._client.get_children_async(path, self._watch(stirred)))
        return names

    async def get_many(self, paths: Sequence[str]) -> list[bytes]:
        """The data of each; waits for a connection. Raises NoNode when one has vanished, AccessDenied."""
        return await self._read_in_thread(paths, self._client.get_async, lambda found: found[0])

    async def children_of_many(self, paths: Sequence[str]) -> list[list[str]]:
        """The names below each; waits for a connection. Raises NoNode, AccessDenied."""
        return await self._read_in_thread(paths, self._client.get_children_async, lambda found: found)

    async def sync(self, path: str) -> None:
        """Reads that follow see everything that was written before. Raises AccessDenied."""
        await self._read(lambda: self._client.sync_async(path))

    async def ensure(self, path: str) -> None:
        """``path`` and everything above it exists. Raises AccessDenied; waits for a connection."""
        parts = path.strip("/").split("/")
        for depth in range(len(parts)):
            above = "/" + "/".join(parts[: depth + 1])
            while await self.owner(above) is None:
                try:
                    await self._call(partial(self._client.create_async, above, b"", acl=self.public))
                except (Unknown, NodeExists):
                    continue

    async def create_candidate(self, prefix: str, data: bytes) -> str:
        """An ephemeral, sequential znode; its path. Raises Unknown, NoNode, AccessDenied."""
        await self.connected()
        path: str = await self._call(
            lambda: self._client.create_async(prefix, data, acl=self.public, ephemeral=True, sequence=True)
        )
        return path

    @property
    def id(self) -> int | None:
        """ZooKeeper's number of the current session."""
        identity = self._client.client_id
        return None if identity is None else identity[0]

    async def delete(self, path: str) -> None:
        """The znode is not there; waits for a connection. Raises Unknown, AccessDenied."""
        await self.connected()
        try:
            await self._call(lambda: self._client.delete_async(path))
        except NoNode:
            return

    async def transact(self, operations: Sequence[Operation]) -> None:
        """All or none. Raises Unknown, NoNode, NodeExists or BadVersion of the first that failed, AccessDenied."""
        await self.connected()
        request = self._client.transaction()
        for operation in operations:
            match operation:
                case ("check", path, version):
                    request.check(path, version)
                case ("create", path, data):
                    request.create(path, data, acl=self.private)
                case ("set", path, data, version):
                    request.set_data(path, data, version)
                case ("delete", path, version):
                    request.delete(path, version)
        for result in await self._call(request.commit_async):
            if isinstance(result, Exception) and not isinstance(
                result, kazoo.RolledBackError | kazoo.RuntimeInconsistency
            ):
                raise self._ours(result)

    def _watch(self, call: Callable[[], None] | None) -> Callable[[Any], None] | None:
        return None if call is None else lambda event: self._to_loop(call)

    async def _read(self, start: Callable[[], Any]) -> Any:
        while True:
            await self.connected()
            try:
                return await self._call(start)
            except Unknown:
                if self.is_connected:
                    await asyncio.sleep(0.01)  # kazoo has not told yet that it is not

    async def _read_in_thread(
        self, paths: Sequence[str], start: Callable[[str], Any], pick: Callable[[Any], T]
    ) -> list[T]:
        """Many reads at once cost a wake-up of the loop per hundreds of them, not one each."""

        def read(some: Sequence[str]) -> list[T]:
            return [pick(result.get()) for result in [start(path) for path in some]]

        found: list[T] = []
        while len(found) < len(paths):
            await self.connected()
            try:
                found += await asyncio.to_thread(read, paths[len(found) : len(found) + READS_IN_FLIGHT])
            except Exception as error:
                ours = self._ours(error)
                if not isinstance(ours, Unknown):
                    raise ours from error
                await asyncio.sleep(0.01)
        return found

    async def _call(self, start: Callable[[], Any]) -> Any:
        future: asyncio.Future[Any] = self._loop.create_future()
        sent, generation = self._loop.time(), self.generation
        try:
            start().rawlink(lambda result: self._to_loop(_settle, future, result))
            answer = await future
        except Exception as error:
            raise self._ours(error) from error
        if generation == self.generation:
            self._lease_until = max(self._lease_until, sent + self.timeout_s)
            if self._expiry is None:
                self._expiry = self._loop.call_at(self._lease_until, self._lease_ran_out)
        return answer

    def _ours(self, error: Exception) -> Exception:
        for theirs, ours in _OURS:
            if isinstance(error, theirs):
                return ours(str(error))
        if isinstance(error, _DENIED):
            return AccessDenied(f"{self.address}: ZooKeeper denies access; check user and password, and its ACLs")
        if isinstance(error, kazoo.KazooException):
            return Unknown(f"{self.address}: {type(error).__name__}")
        return error


def _settle(future: asyncio.Future[Any], result: Any) -> None:
    if future.done():
        return
    if result.exception is not None:
        future.set_exception(result.exception)
    else:
        future.set_result(result.value)
