"""What a scheduler offers its program, on simulated clusters: settings, calls, records, offers, both ways of use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mesos_py import sdk
from mesos_py.sdk.testing import Cluster, Fate, simulated
from mesos_py.wire.ids import OfferID, TaskID


def lasting(task: sdk.TaskInfo) -> Fate:
    return Fate()


def test_settings() -> None:
    """Attributes by name, those of subclasses too; what is none is said to be none."""

    class Mine(sdk.Scheduler):
        colour = "red"

    mine = Mine(name="n", roles=("a", "b"), colour="blue", wants_offers=False, failover_timeout_s=7.0)
    info = mine.framework_info()
    assert (info.name, info.roles, info.failover_timeout, mine.colour) == ("n", ("a", "b"), 7.0, "blue")
    assert mine.wants_offers is False
    assert Mine().framework_info().name == "mine"
    for name in ("color", "launch", "tasks", "framework_id", "_client"):
        with pytest.raises(TypeError, match=f"Mine has no setting '{name}'"):
            Mine(**{name: 1})


async def test_before_it_runs() -> None:
    """Nothing can be said, and the error says how to begin."""
    with pytest.raises(RuntimeError, match=r"await scheduler\.run"):
        await sdk.Scheduler().revive()


class Quiet(sdk.Scheduler):
    """Notes what it is offered, and what is taken back."""

    declines = False

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.offered: list[OfferID] = []
        self.rescinded: list[OfferID] = []

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        self.offered += [offer.id for offer in offers]

    async def on_rescind(self, offer_id: OfferID) -> None:
        self.rescinded.append(offer_id)


def quiet_of(cluster: Cluster) -> Quiet:
    scheduler = cluster.programs[0].scheduler
    assert isinstance(scheduler, Quiet)
    return scheduler


@simulated
async def test_offers_that_are_not_wanted() -> None:
    """None come, over a change of masters too, until they are wanted."""
    async with Cluster(masters=3) as cluster:
        program = cluster.start(lambda: Quiet(wants_offers=False))
        await cluster.until(lambda: program.subscribed)
        await asyncio.sleep(20.0)
        cluster.inject("restart master", for_s=60.0)
        await asyncio.sleep(30.0)
        await cluster.until(lambda: program.subscribed)
        await asyncio.sleep(20.0)
        quiet = quiet_of(cluster)
        assert quiet.offered == []
        quiet.wants_offers = True
        await cluster.until(lambda: len(quiet.offers) == 2)


@simulated
async def test_offers_are_taken_back_with_their_master() -> None:
    """Each that was outstanding; what comes from the next one is new."""
    async with Cluster() as cluster:
        cluster.start(Quiet)
        await cluster.until(lambda: cluster.programs[0].scheduler is not None)
        quiet = quiet_of(cluster)
        await cluster.until(lambda: len(quiet.offered) == 2)
        cluster.inject("restart master", for_s=5.0)
        await cluster.until(lambda: len(quiet.rescinded) == 2)
        assert quiet.rescinded == quiet.offered and not quiet.offers
        await cluster.until(lambda: len(quiet.offers) == 2)


class Launches(sdk.Scheduler):
    """Tries everything on its first offers."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[int] = []

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        if self.results:
            return
        small, same = sdk.command("small", "x", task_id="small"), sdk.command("same", "x", task_id="same")
        huge = sdk.command("huge", "x", cpus=1_000.0)
        (first, second) = offers if len(offers) == 2 else (offers[0], offers[0])
        self.results.append(len(await self.launch(first, [small, same, same, huge])))
        self.results.append(len(await self.launch(first, [sdk.command("late", "x")])))
        self.results.append(len(await self.launch(second, [same])))
        with pytest.raises(ValueError, match="needs 'kill'"):
            await self.call(sdk.Call(type=sdk.Call.Type.KILL))
        with pytest.raises(ValueError, match="not the program's business"):
            await self.call(sdk.Call(type=sdk.Call.Type.SUBSCRIBE))


@simulated
async def test_launching_once() -> None:
    """What fits and is new; nothing on an offer that is used up, nothing whose id is known."""
    async with Cluster(outcomes=lasting) as cluster:
        program = cluster.start(Launches)
        await cluster.until(lambda: len(program.book) == 2 and len(cluster.running.get("a0", ())) in (0, 2))
        assert isinstance(program.scheduler, Launches)
        assert program.scheduler.results == [2, 0, 0]
        assert sorted(program.book) == ["same", "small"]


class Counts(sdk.Scheduler):
    """Counts its runs."""

    async def on_subscribed(self, subscribed: sdk.Event.Subscribed) -> None:
        self.keep("runs", str(int(self.records.get("runs", b"0")) + 1).encode())
        self.keep("gone", b"x")
        self.keep("gone", None)
        await self.stored()


@simulated
async def test_own_records_survive() -> None:
    """What was kept before a run was killed is there in the next one."""
    async with Cluster() as cluster:
        program = cluster.start(Counts)
        for run in range(3):
            await cluster.until(lambda: program.subscribed)
            await asyncio.sleep(1.0)
            assert program.scheduler is not None
            assert program.scheduler.records == {"runs": str(run + 1).encode()}
            program.crash()
            program.start()


class ByHand(sdk.Scheduler):
    """Iterates over its events instead of having handlers."""

    async def run(self) -> None:
        async with self:
            async for event in self.events():
                if event.offers is not None and not self.tasks:
                    offer = event.offers.offers[0]
                    assert await self.launch(offer, [sdk.command("one", "x", task_id="one")])
                elif event.update is not None and sdk.is_end(event.update.status.state):
                    self.forget(event.update.status.task_id)
                    assert TaskID("one") not in self.tasks or self.tasks[TaskID("one")].has_ended
                    await self.teardown()


@simulated
async def test_events_by_hand() -> None:
    """Asking for the next one acknowledges the last one; after a teardown there are no more."""
    async with Cluster(outcomes=lambda task: Fate(run=3.0)) as cluster:
        program = cluster.start(ByHand)
        await cluster.until(lambda: program.has_ended)
        assert program.errors == [] and [one.has_finished for one in program.book.values()] == [True]


class Changes(Quiet):
    """Becomes another framework."""

    roles = ("a",)

    async def on_subscribed(self, subscribed: sdk.Event.Subscribed) -> None:
        await self.update_framework(sdk.evolve(self.framework_info(), roles=("b",)))


@simulated
async def test_another_framework_info() -> None:
    """It is offered what the new one is to be offered."""
    async with Cluster() as cluster:
        cluster.start(Changes)
        await cluster.until(lambda: cluster.programs[0].scheduler is not None)
        quiet = quiet_of(cluster)
        await cluster.until(
            lambda: {offer.allocation_info.role for offer in quiet.offers.values() if offer.allocation_info} == {"b"}
        )
