"""Records in ZooKeeper, of whichever instance of a framework is the first candidate; the others wait for their turn.

Any number of instances may be started: the first one runs, the next one takes over within a session's timeout of its
end, with everything it has kept. What an instance that was cut off still tries to write is refused by ZooKeeper itself,
and what it still says to the master by the master, to whom the next one is the framework.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

import structlog

from mesos_py.coordination import Changes, Fenced, Key, Spares, StoreFailed, nothing_spared
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.campaign import LeadershipLost, campaign
from mesos_py.coordination.zookeeper.election import ZooKeeperDetector, ZooKeeperElector
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import SESSION_TIMEOUT_S, Session
from mesos_py.wire.master import MasterInfo

log = structlog.get_logger(__name__)

T = TypeVar("T")


class ElectedRecords:
    """The Records port over an election; ``load`` returns when it is won."""

    def __init__(
        self, address: ZooKeeperAddress, instance: str, *, heard: Callable[[str | None], None] | None = None,
        timeout_s: float = SESSION_TIMEOUT_S, reached_within_s: float | None = None,
    ) -> None:  # fmt: skip
        """``instance`` is who we are, for people, and for the others' ``heard``, which is told who runs.

        ``timeout_s``: of a session; nobody follows one that was killed before its end. ``reached_within_s``: ``load``
        raises NotReached if ZooKeeper has not answered by then, instead of waiting.
        """
        self._address = address
        #: records of its owner's that need not be sound
        self.spares: Spares = nothing_spared
        self._info = MasterInfo(id=uuid.uuid4().hex, ip=0, port=0, pid=instance)
        self._heard, self._reached_within_s = heard or self._tell_log, reached_within_s
        self._session = Session(address, timeout_s=timeout_s, is_candidate=True)
        self._is_entered = False
        self._campaign: asyncio.Task[NoReturn] | None = None
        self._records: ZooKeeperRecords | None = None

    @property
    def is_held(self) -> bool:
        """No other instance can have been elected by now."""
        return self._session.is_held

    async def load(self) -> dict[Key, bytes]:
        await self._session.__aenter__()
        self._is_entered = True
        if self._reached_within_s is not None:
            await self._session.reached(self._reached_within_s)
        elector, is_elected = ZooKeeperElector(self._session), asyncio.Event()

        async def lead() -> None:
            is_elected.set()

        self._campaign = asyncio.create_task(
            campaign(
                elector, ZooKeeperDetector(self._session, has_place=False), self._info, heard=self._hear, lead=lead
            ),
            name="campaign of an instance",
        )
        waiting = asyncio.create_task(is_elected.wait(), name="election of an instance")
        try:
            await asyncio.wait((self._campaign, waiting), return_when=asyncio.FIRST_COMPLETED)
            self._check()
        finally:
            waiting.cancel()
        self._records = ZooKeeperRecords(self._session, elector.candidacy)
        self._records.spares = self.spares
        return await self._records.load()

    def _hear(self, leader: MasterInfo | None) -> None:
        self._heard(None if leader is None else leader.pid)

    def _tell_log(self, leader: str | None) -> None:
        if leader not in (None, self._info.pid):
            log.warning("another instance runs; waiting for its end", instance=leader, store=str(self._address))

    def _check(self) -> None:
        """Raises Fenced when another one is, or may be, the framework by now."""
        if self._campaign is not None and self._campaign.done() and not self._campaign.cancelled():
            error = self._campaign.exception()
            if isinstance(error, LeadershipLost):
                raise Fenced(f"{self._address}: we are not the first instance any more: {error}") from error
            raise StoreFailed(f"{self._address}: {error}") from error

    async def commit(self, changes: Changes) -> None:
        self._check()
        if self._records is None:
            raise Fenced("nothing was taken over yet")
        await self._while_first(self._records.commit(changes))

    async def is_owner(self) -> bool:
        self._check()
        return self._records is not None and await self._while_first(self._records.is_owner())

    async def _while_first(self, request: Coroutine[Any, Any, T]) -> T:
        """The answer; who is cut off gets none, but knows when its session ends. Raises Fenced then."""
        asking = asyncio.create_task(request, name="request of an instance")
        assert self._campaign is not None
        try:
            await asyncio.wait((asking, self._campaign), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                self._check()
            return await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def close(self) -> None:
        """The next instance has its turn at once."""
        if self._campaign is not None:
            self._campaign.cancel()
            await asyncio.gather(self._campaign, return_exceptions=True)
        if self._is_entered:
            await self._session.__aexit__(None, None, None)
