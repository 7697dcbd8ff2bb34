"""ConnectionLoss at every request of everything that masters do in ZooKeeper, carried out or not: it counts once.

On the simulator's ensemble, in virtual time: every request in turn is never sent, or its answer is lost together with
the next one.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, TypeVar

from mesos_py.coordination import Key
from mesos_py.coordination.zookeeper.client import Operation, Refused, Unknown, Watch
from mesos_py.coordination.zookeeper.election import ZooKeeperElector
from mesos_py.coordination.zookeeper.reading import ledger_of
from mesos_py.coordination.zookeeper.records import ZooKeeperRecords
from mesos_py.coordination.zookeeper.session import Session
from mesos_py.sim.zookeeper.client import SimClient
from tests.coordination.arenas import info
from tests.coordination.model import ADDRESS
from tests.sim.test_zookeeper import World

T = TypeVar("T")

SMALL: dict[Key, bytes] = {("agents", "a"): b"1", ("agents", "b"): b"2"}
#: more than one request holds
LARGE: dict[Key, bytes] = {("agents", f"{number}"): bytes([number]) * 90_000 for number in range(8)}
RESTORED: dict[Key, bytes] = {("agents", f"{number}"): bytes([number]) * 80_000 for number in range(4, 12)}
LOST, UNSENT = True, False


class ShakyClient(SimClient):
    """Its requests are counted; of some the answer is lost, or they are never sent."""

    #: number of the request -> LOST or UNSENT
    losses: dict[int, bool]
    count = 0

    async def _shaken(self, request: Coroutine[Any, Any, T]) -> T:
        number, self.count = self.count, self.count + 1
        if number not in self.losses:
            return await request
        if self.losses[number] is LOST:
            with contextlib.suppress(Refused):  # nobody hears of that either
                await request
        else:
            request.close()
        raise Unknown("lost")

    async def owner(self, path: str, watch: Watch = None) -> int | None:
        return await self._shaken(super().owner(path, watch))

    async def get(self, path: str) -> tuple[bytes, int]:
        return await self._shaken(super().get(path))

    async def children(self, path: str, watch: Watch = None) -> list[str]:
        return await self._shaken(super().children(path, watch))

    async def get_many(self, paths: Sequence[str]) -> list[bytes]:
        return await self._shaken(super().get_many(paths))

    async def children_of_many(self, paths: Sequence[str]) -> list[list[str]]:
        return await self._shaken(super().children_of_many(paths))

    async def sync(self, path: str) -> None:
        await self._shaken(super().sync(path))

    async def create(self, path: str, data: bytes, *, ephemeral: bool = False, sequence: bool = False) -> str:
        return await self._shaken(super().create(path, data, ephemeral=ephemeral, sequence=sequence))

    async def delete(self, path: str) -> None:
        await self._shaken(super().delete(path))

    async def transact(self, operations: Sequence[Operation]) -> None:
        if len(operations) == 1 and operations[0][0] == "check":
            await super().transact(operations)  # a heartbeat: it comes when it comes
        else:
            await self._shaken(super().transact(operations))


def story(losses: dict[int, bool]) -> int:
    """A master stands for election, takes over, writes a little and much; its registry is replaced. How many requests
    that takes, those included that ``losses`` have made necessary."""
    world = World()
    client = ShakyClient(world.loop, world.net, "m0", list(world.ensemble.servers), 10.0, random.Random(0))
    client.losses = losses
    session = Session(ADDRESS, timeout_s=10.0, is_candidate=True, client=client)

    async def run() -> None:
        async with session:
            elector = ZooKeeperElector(session)
            await elector.contend(info("one"))
            records = ZooKeeperRecords(session, elector.candidacy)
            assert await records.load() == {}
            before, _ = await ledger_of(session, records.layout)
            await records.commit(SMALL)
            after, _ = await ledger_of(session, records.layout)
            assert (after.epoch, after.serial) == (before.epoch, before.serial + 1)
            await records.commit(LARGE)
            assert (await records.read()).records == SMALL | LARGE
            await records.replace(RESTORED)
            assert await records.is_owner()
            assert candidates(world) == [elector.candidacy]
            await elector.withdraw()
            assert candidates(world) == []

    world.run(run())
    other = world.client("m1")

    async def survivors() -> Any:
        elector = ZooKeeperElector(other)
        await elector.contend(info("two"))
        return await ZooKeeperRecords(other, elector.candidacy).load()

    assert world.run(survivors()) == RESTORED
    return client.count


def candidates(world: World) -> list[str]:
    return [path for path in world.ensemble.tree.nodes if path.startswith(f"{ADDRESS.path}/json.info_")]


def cases(total: int) -> Iterator[dict[int, bool]]:
    for number in range(total):
        yield {number: UNSENT}
        yield {number: LOST, number + 1: LOST}


def test_every_request_of_a_masters_life_loses_its_answer() -> None:
    """What was written is there once, nobody stands for election twice, and a restore is done as a whole."""
    total = story({})
    assert total > 50
    for losses in cases(total):
        try:
            assert story(losses) > total - 1
        except Exception as error:
            raise AssertionError(f"requests that went wrong: {losses}") from error
