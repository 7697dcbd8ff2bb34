"""When a master leads, when it stands again, and when it has to end, for any order of events."""

from __future__ import annotations

import asyncio

import pytest

from mesos_py.coordination.campaign import LeadershipLost, campaign
from mesos_py.coordination.election import LocalDetector, LocalElection, LocalElector
from mesos_py.wire.master import MasterInfo
from tests.coordination.arenas import info


class Candidate:
    """One master's campaign, and what it was told."""

    def __init__(self, election: LocalElection, name: str) -> None:
        self.elector = LocalElector(election)
        self.heard: list[str | None] = []
        self.has_led = 0
        self.may_finish = asyncio.Event()
        self.task = asyncio.ensure_future(
            campaign(self.elector, LocalDetector(election), info(name), heard=self._hear, lead=self._lead)
        )

    def _hear(self, leader: MasterInfo | None) -> None:
        self.heard.append(None if leader is None else leader.id)

    async def _lead(self) -> None:
        self.has_led += 1
        await self.may_finish.wait()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_it_leads_once_and_then_ends() -> None:
    """Losing the candidacy as leader is the end, whether it had finished taking over or not."""
    for is_finished in (False, True):
        election = LocalElection()
        one = Candidate(election, "one")
        await settle()
        assert (one.heard, one.has_led) == (["one"], 1)
        if is_finished:
            one.may_finish.set()
            await settle()
        assert not one.task.done()
        one.elector.expire()
        with pytest.raises(LeadershipLost, match="taken away"):
            await one.task


async def test_a_follower_that_loses_stands_again() -> None:
    """It goes to the end of the queue, and leads when its turn comes."""
    election = LocalElection()
    candidates = {}
    for name in ("one", "two", "three"):
        candidates[name] = Candidate(election, name)
        await settle()
    candidates["two"].elector.expire()
    await settle()
    assert [leader.id for leader in election.candidates.values()] == ["one", "three", "two"]
    assert candidates["two"].heard == ["one", None, "one"]
    candidates["one"].elector.expire()
    await settle()
    assert [candidate.has_led for candidate in candidates.values()] == [1, 0, 1]
    candidates["three"].elector.expire()
    await settle()
    assert candidates["two"].has_led == 1
    assert [candidate.task.done() for candidate in candidates.values()] == [True, False, True]
    for candidate in candidates.values():
        candidate.task.cancel()
        await asyncio.gather(candidate.task, return_exceptions=True)


async def test_what_goes_wrong_while_taking_over_ends_it() -> None:
    """An unreadable registry, say."""
    election = LocalElection()

    async def lead() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await campaign(LocalElector(election), LocalDetector(election), info("one"), heard=lambda _: None, lead=lead)
