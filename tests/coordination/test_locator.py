"""Whoever follows the leader is told one that is known when it hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mesos_py.coordination import locator
from mesos_py.coordination.address import MasterAddress
from mesos_py.coordination.locator import Locator
from mesos_py.wire.master import MasterInfo


class Leaders:
    """A detector that is told who leads."""

    def __init__(self, address: MasterAddress) -> None:
        self.heard: asyncio.Queue[str | None] = asyncio.Queue()

    async def leaders(self) -> AsyncIterator[MasterInfo | None]:
        while True:
            host = await self.heard.get()
            yield None if host is None else MasterInfo(id=host, ip=1, port=5050, hostname=host)


async def test_a_leader_that_is_gone_before_anybody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by seed 102954: an agent that was stopped meanwhile hears of both at once."""
    leaders = Leaders(MasterAddress("unused", 1))
    monkeypatch.setattr(locator, "StandaloneDetector", lambda address: leaders)
    moved: list[None] = []
    following = Locator(MasterAddress("unused", 1), lambda: moved.append(None))
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        running = group.create_task(following.run())
        asked = group.create_task(following.locate())
        await asyncio.sleep(0)
        for heard in ("a", None):
            leaders.heard.put_nowait(heard)
        while not leaders.heard.empty():
            await asyncio.sleep(0)
        assert not asked.done()
        leaders.heard.put_nowait("b")
        assert await asked == "b:5050"
        assert moved == []
        leaders.heard.put_nowait("c")
        while not moved:
            await asyncio.sleep(0)
        assert await following.locate() == "c:5050"
        running.cancel()
