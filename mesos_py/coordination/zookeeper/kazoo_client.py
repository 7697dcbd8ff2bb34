"""A client of a real ensemble, and the only place that knows kazoo: its threads end here.

kazoo connects, pings and reconnects in threads of its own; what it has to say comes to the loop by
``call_soon_threadsafe``. Its many errors become the few of ``client``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog
from kazoo import exceptions as kazoo
from kazoo.client import KazooClient as Kazoo
from kazoo.client import KazooState
from kazoo.protocol.states import KeeperState
from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, Permissions

from mesos_py.coordination import AccessDenied, StoreFailed
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.zookeeper.client import BadVersion, Link, NodeExists, NoNode, Operation, Unknown, Watch
from mesos_py.coordination.zookeeper.kazoo_reads import GET_CHILDREN, GET_DATA, MultiRead

T = TypeVar("T")

log = structlog.get_logger(__name__)

RECONNECT_DELAY_MAX_S = 2.0  # between two attempts; mesos src/zookeeper/group.cpp RETRY_INTERVAL
#: in one request, whose answer is then a fraction of a megabyte for a registry of 50,000 agents
READS_PER_REQUEST = {GET_DATA: 100, GET_CHILDREN: 20}
STOP_TIMEOUT_S = 3.0  # for ending the session in order; after that it expires by itself


class Unimplemented(Exception):
    """The server is too old for this request."""


_OURS: tuple[tuple[type[Exception], type[Exception]], ...] = (
    (kazoo.NoNodeError, NoNode),
    (kazoo.NodeExistsError, NodeExists),
    (kazoo.BadVersionError, BadVersion),
    (kazoo.NotEmptyError, NodeExists),
    (kazoo.UnimplementedError, Unimplemented),
)
_ONE_BY_ONE: dict[int, tuple[Callable[[Kazoo, str], Any], Callable[[Any], Any]]] = {
    GET_DATA: (Kazoo.get_async, lambda found: found[0]),
    GET_CHILDREN: (Kazoo.get_children_async, lambda found: found),
}
#: it was not carried out, and will not be the next time; whatever is not known leaves that open
_REFUSED = (
    kazoo.BadArgumentsError,
    kazoo.MarshallingError,
    kazoo.NoChildrenForEphemeralsError,
    kazoo.QuotaExceededError,
)
_DENIED = (kazoo.NoAuthError, kazoo.AuthFailedError, kazoo.InvalidACLError)
_LINKS = {
    KazooState.CONNECTED: Link.CONNECTED,
    KazooState.SUSPENDED: Link.SUSPENDED,
    KazooState.LOST: Link.EXPIRED,
}


class KazooLog(logging.Logger):
    """What kazoo says nowhere but in its log: why there is no connection, and what session it was granted.

    Called in kazoo's threads. Nothing of it is written anywhere; what matters is said by the session.
    """

    def __init__(self) -> None:
        super().__init__("kazoo", logging.WARNING)
        self.trouble = ""
        self.granted_s: float | None = None

    def log(self, level: int, msg: object, *args: object, **more: Any) -> None:
        """The details, at levels that nobody looks at."""
        if isinstance(msg, str) and msg.startswith("Session created"):
            self.granted_s = float(str(args[2])) / 1000  # session, password, timeout in ms ...

    def handle(self, record: logging.LogRecord) -> None:
        """Warnings and worse."""
        said = record.getMessage()
        for beginning, text in _TROUBLES.items():
            if said.startswith(beginning):
                self.trouble = text or said.removeprefix(beginning)
                return


#: how a line of kazoo's begins; what it means to people, "" for the rest of the line
_TROUBLES = {
    "Cannot resolve ": "",
    "Connection dropped: socket connection error: ": "",
    "Connection dropped: socket connection broken": "the connection was closed at once; is that a ZooKeeper?",
    "Connection dropped: invalid server response": "what answers is no ZooKeeper",
    "Connection dropped: ": "",
    "Connection time-out: ": "no answer in time",
    "Unhandled exception in connection loop": "what answers is no ZooKeeper",
    "AUTH_FAILED closing": "it does not take our user and password",
}
#: kazoo has given up for good, on an answer that it does not understand
_GIVEN_UP = (KeeperState.CLOSED, KeeperState.AUTH_FAILED)


class KazooClient:
    """One client of the ensemble at ``address``. Requests may also raise AccessDenied."""

    def __init__(self, address: ZooKeeperAddress, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._is_stopped = False
        #: while there is no connection
        self._forgetting: asyncio.TimerHandle | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._has_multi_read = True
        self._log = KazooLog()
        self._kazoo = Kazoo(
            hosts=",".join(address.hosts),
            timeout=timeout_s,
            auth_data=[("digest", address.credentials)] if address.credentials is not None else None,
            connection_retry={"max_tries": -1, "delay": 0.1, "backoff": 2, "max_delay": RECONNECT_DELAY_MAX_S},
            logger=self._log,
        )
        #: for what only masters may read
        self._private = CREATOR_ALL_ACL if address.credentials is not None else OPEN_ACL_UNSAFE
        #: for what anybody may read
        self._public = self._private + READ_ACL_UNSAFE if address.credentials is not None else self._private

    def start(self, heard: Callable[[Link], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._kazoo.add_listener(lambda state: self._to_loop(self._tell, _LINKS[state]))
        self._kazoo.start_async()

    async def stop(self) -> None:
        self._is_stopped = True
        if self._forgetting is not None:
            self._forgetting.cancel()
        if self._restarting is not None:
            await asyncio.wait((self._restarting,), timeout=STOP_TIMEOUT_S)
        stopping = asyncio.ensure_future(asyncio.to_thread(self._stop))
        done, _ = await asyncio.wait((stopping,), timeout=STOP_TIMEOUT_S)
        if not done:
            log.warning("ZooKeeper session is left to expire", ensemble=str(self._address))

    def _stop(self) -> None:
        self._kazoo.stop()
        self._kazoo.close()

    @property
    def trouble(self) -> str:
        return self._log.trouble

    @property
    def granted_s(self) -> float | None:
        return self._log.granted_s

    @property
    def session_id(self) -> int | None:
        identity = self.identity
        return None if identity is None else identity[0]

    @property
    def identity(self) -> tuple[int, bytes] | None:
        """Number and password of the session: whoever has both can take it over."""
        found: tuple[int, bytes] | None = self._kazoo.client_id
        return found

    # ---- requests

    async def owner(self, path: str, watch: Watch = None) -> int | None:
        stat = await self._call(path, lambda: self._kazoo.exists_async(path, self._watch(watch)))
        return None if stat is None else stat.ephemeralOwner

    async def is_open(self, path: str) -> bool:
        access, _ = await self._call(path, lambda: self._kazoo.get_acls_async(path))
        return any(each.id.scheme == "world" and each.perms & ~Permissions.READ for each in access)

    async def get(self, path: str) -> tuple[bytes, int]:
        data, stat = await self._call(path, lambda: self._kazoo.get_async(path))
        return data, stat.version

    async def children(self, path: str, watch: Watch = None) -> list[str]:
        names: list[str] = await self._call(path, lambda: self._kazoo.get_children_async(path, self._watch(watch)))
        return names

    async def get_many(self, paths: Sequence[str]) -> list[bytes]:
        return await self._read_many(GET_DATA, paths)

    async def children_of_many(self, paths: Sequence[str]) -> list[list[str]]:
        return await self._read_many(GET_CHILDREN, paths)

    async def sync(self, path: str) -> None:
        await self._call(path, lambda: self._kazoo.sync_async(path))

    async def create(self, path: str, data: bytes, *, ephemeral: bool = False, sequence: bool = False) -> str:
        how = {"acl": self._public, "ephemeral": ephemeral, "sequence": sequence}
        made: str = await self._call(path, lambda: self._kazoo.create_async(path, data, **how))
        return made

    async def delete(self, path: str) -> None:
        await self._call(path, lambda: self._kazoo.delete_async(path))

    async def transact(self, operations: Sequence[Operation]) -> None:
        request = self._kazoo.transaction()
        for operation in operations:
            match operation:
                case ("check", path, version):
                    request.check(path, version)
                case ("create", path, data):
                    request.create(path, data, acl=self._private)
                case ("set", path, data, version):
                    request.set_data(path, data, version)
                case ("delete", path, version):
                    request.delete(path, version)
        results = await self._call(self._address.path, request.commit_async)
        for operation, result in zip(operations, results, strict=True):
            if isinstance(result, Exception) and not isinstance(
                result, kazoo.RolledBackError | kazoo.RuntimeInconsistency
            ):
                raise self._ours(result, operation[1])

    async def _call(self, path: str, start: Callable[[], Any]) -> Any:
        future: asyncio.Future[Any] = self._loop.create_future()
        try:
            start().rawlink(lambda result: self._to_loop(_settle, future, result))
            return await future
        except Exception as error:
            raise self._ours(error, path) from error

    async def _read_many(self, kind: int, paths: Sequence[str]) -> list[Any]:
        """Many reads at once cost one wake-up of the loop for hundreds of them, not one each."""
        if self._has_multi_read:
            size = READS_PER_REQUEST[kind]
            reads = [MultiRead(kind, paths[at : at + size]) for at in range(0, len(paths), size)]
            try:
                asking = [self._call(self._address.path, partial(self._request, read)) for read in reads]
                answers = await asyncio.gather(*asking)
            except Unimplemented:
                self._has_multi_read = False
            else:
                found = [one for answer in answers for one in answer]
                for path, one in zip(paths, found, strict=True):
                    if isinstance(one, Exception):
                        raise self._ours(one, path)
                return found
        start, pick = _ONE_BY_ONE[kind]
        return await self._in_thread(paths, partial(start, self._kazoo), pick)

    def _request(self, request: Any) -> Any:
        answer = self._kazoo.handler.async_result()
        self._kazoo._call(request, answer)  # kazoo has no public way for a request it does not know
        return answer

    async def _in_thread(self, paths: Sequence[str], start: Callable[[str], Any], pick: Callable[[Any], T]) -> list[T]:
        try:
            return await asyncio.to_thread(lambda: [pick(one.get()) for one in [start(path) for path in paths]])
        except Exception as error:
            raise self._ours(error, self._address.path) from error

    # ---- from threads to the loop

    def _watch(self, call: Watch) -> Callable[[Any], None] | None:
        return None if call is None else lambda event: self._to_loop(call)

    def _to_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def _tell(self, link: Link) -> None:
        if self._is_stopped:
            return
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        if link is not Link.CONNECTED:
            self._forgetting = self._loop.call_later(self._timeout_s, self._forget)
        if link is Link.EXPIRED and self._kazoo.client_state in _GIVEN_UP:
            self._restarting = self._loop.create_task(self._restart(), name="zookeeper client")
        self._heard(link)

    def _forget(self) -> None:
        """What was seen in a session that is over by now binds nobody: servers turn away who has seen more than they
        have, and would do so for ever if somebody has put others in their place."""
        self._kazoo.last_zxid = 0

    async def _restart(self) -> None:
        """kazoo connects again. Some answers end its thread, and then nobody would."""
        await asyncio.sleep(RECONNECT_DELAY_MAX_S)
        if not self._is_stopped:
            await asyncio.to_thread(self._kazoo.start_async)

    def _ours(self, error: Exception, path: str) -> Exception:
        for theirs, ours in _OURS:
            if isinstance(error, theirs):
                return ours(path)
        if isinstance(error, _DENIED):
            hint = "check user and password (zk://user:password@...) and its access list, or name another path"
            return AccessDenied(f"{self._address}: ZooKeeper denies access to {path}; {hint}")
        if isinstance(error, _REFUSED):
            return StoreFailed(f"{self._address}: ZooKeeper refuses {path} ({type(error).__name__}); name another path")
        if isinstance(error, kazoo.KazooException):
            return Unknown(f"{self._address}: {type(error).__name__}")
        return error


def _settle(future: asyncio.Future[Any], result: Any) -> None:
    if future.done():
        return
    if result.exception is not None:
        future.set_exception(result.exception)
    else:
        future.set_result(result.value)
