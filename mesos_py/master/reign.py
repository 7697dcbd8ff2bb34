"""How a master comes to lead, and how it ends: between the two, and only then, does it answer and write.

::

    alone         lead(records) --> recovered --> hold(records) --taken over--> silent, raises
    among rivals  campaign(session): candidate --elected--> the same, or --lost--> silent, raises

Who leads takes over the records first, so that whoever led before can write no more; then the core is told what they
say; then calls are answered. The store refuses the next write of a master whose records somebody else has taken over
(another master, or a restore of a backup); one that has nothing to write finds out by looking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, Protocol

import structlog

from mesos_py.coordination import Corrupt, Fenced, Records
from mesos_py.coordination.campaign import campaign
from mesos_py.coordination.introduction import name_of
from mesos_py.coordination.zookeeper.election import ZooKeeperDetector, ZooKeeperElector
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.machine.driver import Driver, Store
from mesos_py.machine.frame import Event
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.leadership import Leadership
from mesos_py.master.registry import Registry
from mesos_py.master.registry.store import RegistryStore
from mesos_py.wire.master import MasterInfo

log = structlog.get_logger(__name__)

OWNERSHIP_LOOK_S = 2.0  # between two looks at whose the records are


class Slot(Protocol):
    """What the driver commits to; empty until the registry has been read."""

    store: Store | None


class Reign:
    """One master's. ``heard`` is told who leads whenever that changes, ``recovered`` what the registry says."""

    def __init__(
        self,
        info: MasterInfo,
        leadership: Leadership,
        driver: Driver,
        slot: Slot,
        *,
        heard: Callable[[MasterInfo | None], None] = lambda leader: None,
        recovered: Callable[[Registry], None] = lambda registry: None,
    ) -> None:
        self._info, self._leadership, self._driver, self._slot = info, leadership, driver, slot
        self._heard, self._recovered = heard, recovered
        #: seconds that reading the registry took
        self.fetch_s = 0.0

    async def campaign(self, session: Session) -> NoReturn:
        """Stand for election until we have led and must not any more. Raises what ``coordination.campaign`` does."""
        elector = ZooKeeperElector(session)

        async def lead() -> None:
            self._leadership.candidacy = elector
            records = ZooKeeperRecords(session, elector.candidacy)
            await self.lead(records)
            await self.hold(records)

        try:
            await campaign(elector, ZooKeeperDetector(session), self._info, heard=self._hear, lead=lead)
        finally:
            self._silence()

    async def hold(self, records: Records) -> NoReturn:
        """Lead for as long as the records are ours. Raises Fenced, StoreFailed.

        Damage done to them meanwhile is told, and ends a master when it writes: until then it knows everything.
        """
        told = ""
        try:
            while True:
                try:
                    if not await records.is_owner():
                        raise Fenced("the registry was taken over: by a restore, or by another master")
                except Corrupt as error:
                    if told != str(error):
                        log.error("the registry was damaged", reason=str(error))
                    told = str(error)
                await asyncio.sleep(OWNERSHIP_LOOK_S)
        finally:
            self._silence()

    async def lead(self, records: Records) -> None:
        """Take over, and answer from then on. Raises Corrupt, StoreFailed."""
        began = asyncio.get_running_loop().time()
        self._leadership.is_leading = True
        store = RegistryStore(records)
        registry = await store.load(self._info)
        self._slot.store = store
        self.fetch_s = asyncio.get_running_loop().time() - began
        self._recovered(registry)
        self._driver.tell(Event(RegistryRecovered, RegistryRecovered(registry)))
        if self._leadership.leader is None:
            self._hear(self._info)  # nobody has elected us
        self._leadership.is_recovered = True

    def _silence(self) -> None:
        self._leadership.is_leading = False
        self._leadership.leader = None

    def _hear(self, leader: MasterInfo | None) -> None:
        is_ghost = leader is not None and leader.id != self._info.id and name_of(leader) == name_of(self._info)
        # A master that was killed at our address still stands there: whoever is sent to it comes back to us.
        self._leadership.leader = None if is_ghost else leader
        self._heard(leader)
