"""Where the leading master is, for whoever follows it: agents and tools.

A master's address that somebody wrote down is simply believed. With ``zk://`` the candidates are watched, so that a
connection to a master that leads no more can be given up before anything else tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from mesos_py.coordination import Detector, NobodyLeads
from mesos_py.coordination.address import Address, MasterAddress, ZooKeeperAddress
from mesos_py.coordination.election import StandaloneDetector
from mesos_py.coordination.introduction import address_of
from mesos_py.coordination.zookeeper.election import ZooKeeperDetector
from mesos_py.coordination.zookeeper.session import Session

log = structlog.get_logger(__name__)


class Locator:
    """Follows the leader while ``run`` runs. ``moved`` is called when it is not the one ``locate`` told last."""

    def __init__(
        self, address: Address, moved: Callable[[], None], session: Callable[[ZooKeeperAddress], Session] = Session
    ) -> None:
        self._address, self._session = address, session
        self._moved = moved
        self._leader: str | None = None
        self._told: str | None = None
        self._is_known = asyncio.Event()

    async def locate(self) -> str:
        """HOST:PORT of the leading master; waits until there is one."""
        while self._leader is None:  # it may be gone again before we run
            await self._is_known.wait()
        self._told = self._leader
        return self._leader

    async def run(self) -> None:
        """Until cancelled. Raises DetectionFailed."""
        if isinstance(self._address, MasterAddress):
            await self._follow(StandaloneDetector(self._address))
            return
        await self._follow_candidates(self._address)

    async def _follow_candidates(self, address: ZooKeeperAddress) -> None:
        async with self._session(address) as session:
            await self._follow(ZooKeeperDetector(session))

    async def _follow(self, detector: Detector) -> None:
        async for leader in detector.leaders():
            self._leader = None if leader is None else address_of(leader)
            if self._leader is not None:
                log.info("leading master", address=self._leader)
            else:
                log.warning("no master leads; waiting for one", masters=str(self._address))
                self._is_known.clear()
                continue  # the master we know may lead again; what it says decides
            self._is_known.set()
            if self._told is not None and self._told != self._leader:
                self._moved()


async def leader_now(address: Address, within_s: float) -> str:
    """HOST:PORT of the master that leads at this moment. Raises NotReached, NobodyLeads, DetectionFailed."""
    if isinstance(address, MasterAddress):
        return str(address)
    async with Session(address) as session:
        await session.reached(within_s)
        leader = await anext(ZooKeeperDetector(session).leaders())
        if leader is None:
            is_there = await session.owner(address.path) is not None
            hint = "" if is_there else ": there is no such path, so none has ever stood for election there"
            raise NobodyLeads(f"no master leads at {address}{hint}")
    return address_of(leader)
