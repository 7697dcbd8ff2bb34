"""The elections there are, with a way to take a candidacy from its holder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from kazoo.client import KazooClient as Kazoo

from mesos_py.coordination import Detector, Elector
from mesos_py.coordination.address import ZooKeeperAddress
from mesos_py.coordination.election import LocalDetector, LocalElection, LocalElector
from mesos_py.coordination.zookeeper.election import ZooKeeperDetector, ZooKeeperElector
from mesos_py.coordination.zookeeper.kazoo_client import KazooClient
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.sim.zookeeper.tree import CloseSession
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.value import Address
from tests.coordination.model import ADDRESS, Model

PATIENCE_S = 60.0  # for what takes milliseconds


def info(name: str) -> MasterInfo:
    """A master."""
    return MasterInfo(
        id=name,
        ip=16777343,
        port=5050,
        pid="master@127.0.0.1:5050",
        hostname="localhost",
        version="1.12.0",
        address=Address(hostname="localhost", ip="127.0.0.1", port=5050),
        capabilities=(MasterInfo.Capability(type=MasterInfo.Capability.Type.QUOTA_V2),),
    )


class Watcher:
    """What a detector says, one answer at a time."""

    def __init__(self, detector: Detector) -> None:
        self._leaders: AsyncIterator[MasterInfo | None] = detector.leaders()

    async def next(self) -> str | None:
        """The id of the leader, when it changes next."""
        async with asyncio.timeout(PATIENCE_S):
            leader = await anext(self._leaders)
        return None if leader is None else leader.id

    async def until(self, wanted: str | None) -> list[str | None]:
        """Everything that is said until ``wanted`` leads."""
        said = [await self.next()]
        while said[-1] != wanted:
            said.append(await self.next())
        return said


async def lost(elector: Elector) -> str:
    async with asyncio.timeout(PATIENCE_S):
        return await elector.lost()


class Arena(Protocol):
    """One election."""

    async def elector(self) -> Elector: ...

    async def watcher(self) -> Watcher: ...

    async def expire(self, elector: Elector) -> None:
        """End the candidacy behind its holder's back."""
        ...

    async def close(self) -> None: ...


class LocalArena:
    def __init__(self) -> None:
        self._election = LocalElection()

    async def elector(self) -> LocalElector:
        return LocalElector(self._election)

    async def watcher(self) -> Watcher:
        return Watcher(LocalDetector(self._election))

    async def expire(self, elector: Elector) -> None:
        assert isinstance(elector, LocalElector)
        elector.expire()

    async def close(self) -> None:
        """Nothing is held."""


class ZooKeeperArena:
    """Every participant has a session of its own."""

    def __init__(self, address: ZooKeeperAddress, timeout_s: float = 6.0) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self.sessions: dict[object, Session] = {}

    def _make(self, address: ZooKeeperAddress, timeout_s: float) -> Session:
        return Session(address, timeout_s=timeout_s, is_candidate=True)

    async def session(self, address: ZooKeeperAddress | None = None, timeout_s: float | None = None) -> Session:
        session = self._make(address or self.address, timeout_s or self._timeout_s)
        await session.__aenter__()
        self.sessions[session] = session
        return session

    async def elector(self, session: Session | None = None) -> ZooKeeperElector:
        session = session or await self.session()
        elector = ZooKeeperElector(session)
        self.sessions[elector] = session
        return elector

    async def watcher(self, session: Session | None = None) -> Watcher:
        return Watcher(ZooKeeperDetector(session or await self.session()))

    async def expire(self, elector: Elector) -> None:
        """Another client of the same session ends it: for the first, that is an expiry."""
        client = self.sessions[elector].client
        assert isinstance(client, KazooClient)
        twin = Kazoo(hosts=",".join(self.address.hosts), client_id=client.identity)

        def end() -> None:
            twin.start()
            twin.stop()
            twin.close()

        await asyncio.to_thread(end)

    async def close(self) -> None:
        await asyncio.gather(*(each.__aexit__(None, None, None) for each in set(self.sessions.values())))


class SimulatedArena(ZooKeeperArena):
    """The same on the simulator's ensemble."""

    def __init__(self) -> None:
        super().__init__(ADDRESS)
        self.model = Model(ADDRESS)

    def _make(self, address: ZooKeeperAddress, timeout_s: float) -> Session:
        return self.model.session(timeout_s)

    async def expire(self, elector: Elector) -> None:
        session = self.sessions[elector].id
        assert session is not None
        self.model.ensemble.write(CloseSession(session))
