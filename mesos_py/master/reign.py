"""How a master comes to lead, and how it ends: between the two, and only then, does it answer and write.

::

    alone         lead(records) --> recovered                                for as long as its process lasts
    among rivals  campaign(session): candidate --elected--> lead(records) --> recovered --lost--> silent, raises

Who leads takes over the records first, so that whoever led before can write no more; then the core is told what they
say; then calls are answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn, Protocol

from mesos_py.coordination import Records
from mesos_py.coordination.campaign import campaign
from mesos_py.coordination.registry_store import RegistryStore
from mesos_py.coordination.zookeeper.election import ZooKeeperDetector, ZooKeeperElector
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.machine.driver import Driver, Store
from mesos_py.machine.frame import Event
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.leadership import Leadership
from mesos_py.master.registry import Registry
from mesos_py.wire.master import MasterInfo


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
            await self.lead(ZooKeeperRecords(session, elector.candidacy))

        try:
            await campaign(elector, ZooKeeperDetector(session), self._info, heard=self._hear, lead=lead)
        finally:
            self._leadership.is_leading = False
            self._leadership.leader = None

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

    def _hear(self, leader: MasterInfo | None) -> None:
        self._leadership.leader = leader
        self._heard(leader)
