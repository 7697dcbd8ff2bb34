"""Who leads, without a service: a master that is alone, an address that somebody wrote down, candidates in one process.

``LocalElection`` is a real election among candidates of one process, for tests and simulations, held to the same suite
as ZooKeeper's; a master that is alone is its only candidate. Mesos: src/master/{contender,detector}/standalone.cpp.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from mesos_py.coordination.address import MasterAddress
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.value import Address


class LocalElection:
    """The candidates, oldest first."""

    def __init__(self) -> None:
        self.candidates: dict[LocalElector, MasterInfo] = {}
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def leader(self) -> MasterInfo | None:
        return next(iter(self.candidates.values()), None)

    async def changed(self) -> None:
        """Returns at the next change of the candidates."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        finally:
            if future in self._waiting:
                self._waiting.remove(future)

    def enter(self, elector: LocalElector, info: MasterInfo) -> None:
        self.candidates[elector] = info
        self._notify()

    def leave(self, elector: LocalElector) -> None:
        if self.candidates.pop(elector, None) is not None:
            self._notify()

    def _notify(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


class LocalElector:
    """One candidate. ``expire`` ends its candidacy as the loss of a session does."""

    def __init__(self, election: LocalElection) -> None:
        self._election = election

    async def contend(self, info: MasterInfo) -> None:
        self._election.leave(self)
        self._election.enter(self, info)

    async def lost(self) -> str:
        while self.is_held:
            await self._election.changed()
        return "the candidacy was taken away"

    async def withdraw(self) -> None:
        self.expire()

    def expire(self) -> None:
        self._election.leave(self)

    @property
    def is_held(self) -> bool:
        return self in self._election.candidates


class LocalDetector:
    """Follows a ``LocalElection``."""

    def __init__(self, election: LocalElection) -> None:
        self._election = election

    async def leaders(self) -> AsyncIterator[MasterInfo | None]:
        told = self._election.leader
        yield told
        while True:
            if self._election.leader is told:
                await self._election.changed()
            elif (leader := self._election.leader) != told:
                told = leader
                yield told
            else:
                told = leader


class StandaloneDetector:
    """Believes what it was told: one master, for ever. All that is known of it is its address."""

    def __init__(self, address: MasterAddress) -> None:
        self._address = address

    async def leaders(self) -> AsyncIterator[MasterInfo | None]:
        host, port = self._address.host, self._address.port
        yield MasterInfo(
            id="",
            ip=0,
            port=port,
            pid=f"master@{self._address}",
            hostname=host,
            address=Address(hostname=host, port=port),
        )
        await asyncio.get_running_loop().create_future()
