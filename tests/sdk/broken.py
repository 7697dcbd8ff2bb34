"""Frameworks that are broken on purpose, each in one way; ``mesos-py certify`` must find out which."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from mesos_py import sdk
from mesos_py.wire.ids import AgentID, OfferID
from mesos_py.wire.offer import Offer


class Keeper(sdk.Scheduler):
    """Nothing is wrong with this one: it keeps three tasks under way for ever."""

    name = "keeper"

    def missing(self) -> int:
        return 3 - sum(not task.has_ended and not task.is_unreachable for task in self.tasks.values())

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        for offer in offers:
            await self.launch(offer, [sdk.command("kept", "run", cpus=0.5) for _ in range(self.missing())])


class ForgetsToAcknowledge(Keeper):
    acknowledges = False


class SubscribesWithoutItsId(Keeper):
    store = "memory"


class NeverDeclines(Keeper):
    declines = False


class LaunchesTwice(Keeper):
    """Whatever it has launched it launches again on the next offer."""

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        task = sdk.command("twice", "run", task_id="always-the-same")
        for offer in offers:
            placed = sdk.Pool(offer).take(task)
            if placed is not None:
                launch = Offer.Operation.Launch(task_infos=(placed,))
                operation = Offer.Operation(type=Offer.Operation.Type.LAUNCH, launch=launch)
                await self.accept([offer], [operation])


class NeverReconciles(Keeper):
    reconciles = False


class IgnoresRescinds(Keeper):
    """Thinks about each offer for so long that it may be gone, and never looks whether it is."""

    declines = False

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        for offer in offers:
            self.thinking = [*getattr(self, "thinking", []), asyncio.create_task(self.think(offer))]

    async def think(self, offer: sdk.Offer) -> None:
        await asyncio.sleep(30.0)
        placed = sdk.Pool(offer).take(sdk.command("late", "run"))
        operations = []
        if placed is not None and self.missing():
            launch = Offer.Operation.Launch(task_infos=(placed,))
            operations = [Offer.Operation(type=Offer.Operation.Type.LAUNCH, launch=launch)]
        await self.accept([offer], operations)


class FailsInAHandler(Keeper):
    async def on_update(self, status: sdk.TaskStatus) -> None:
        if status.state is sdk.TaskState.TASK_FAILED:
            raise NotImplementedError("who would have thought of that")


class LeavesInAHandler(Keeper):
    """Its program is over, and takes nothing with it but itself."""

    async def on_update(self, status: sdk.TaskStatus) -> None:
        if status.state is sdk.TaskState.TASK_FAILED:
            sys.exit(3)


class MakesNoSense(Keeper):
    async def on_update(self, status: sdk.TaskStatus) -> None:
        await self.acknowledge(sdk.evolve(status, uuid=b"not a uuid"))


class NeverLaunchesAgain(Keeper):
    """Counts what it has launched, and not what has become of it."""

    def missing(self) -> int:
        return 3 - len(self.tasks)


class FailsOnRescind(Keeper):
    declines = False

    async def on_rescind(self, offer_id: OfferID) -> None:
        raise KeyError(offer_id)


class FailsOnWhatItDoesNotKnow(Keeper):
    """Handles events itself, and knows three."""

    async def handle(self, event: sdk.Event) -> None:
        if event.type not in (sdk.Event.Type.SUBSCRIBED, sdk.Event.Type.OFFERS, sdk.Event.Type.UPDATE):
            raise ValueError(f"what is {event.type}?")
        await super().handle(event)


class FailsWhenDisconnected(Keeper):
    def on_disconnected(self, why: str) -> None:
        raise ConnectionError(why)


def _launch(task: sdk.TaskInfo) -> list[Offer.Operation]:
    launch = Offer.Operation.Launch(task_infos=(task,))
    return [Offer.Operation(type=Offer.Operation.Type.LAUNCH, launch=launch)]


class Careless(Keeper):
    """Places tasks itself: like ``placed``, one on each offer while any is missing."""

    def placed(self, offer: sdk.Offer) -> sdk.TaskInfo:
        task = sdk.Pool(offer).take(sdk.command("careless", "run", cpus=0.5))
        assert task is not None
        return task

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        for offer in offers:
            if self.missing():
                await self.accept([offer], _launch(self.placed(offer)))


class UsesMoreThanThereIs(Careless):
    def placed(self, offer: sdk.Offer) -> sdk.TaskInfo:
        task = super().placed(offer)
        return sdk.evolve(task, resources=sdk.resources(cpus=0.5, mem=1e6))


class LaunchesOnNobody(Careless):
    def placed(self, offer: sdk.Offer) -> sdk.TaskInfo:
        return sdk.evolve(super().placed(offer), agent_id=AgentID("nobody's"))


class UsesOffersOfOthers(Careless):
    """Or of its imagination."""

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        for offer in offers:
            if self.missing():
                await self.accept([sdk.evolve(offer, id=OfferID(f"{offer.id}0"))], _launch(self.placed(offer)))


class UsesWhatItHasGivenBack(Careless):
    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        await self.decline(offers)
        await super().on_offers(offers)


class UsesIdsAgain(Keeper):
    """When a task has ended it is forgotten, and the next one is called the same."""

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        for offer in offers:
            await self.launch(offer, [sdk.command("kept", "run", task_id=f"kept-{number}") for number in range(3)])

    async def on_update(self, status: sdk.TaskStatus) -> None:
        if self.tasks[status.task_id].has_ended:
            self.forget(status.task_id)


class NeverNoticesSilence(Keeper):
    """Waits for ever for the next word on a connection that is dead."""

    async def on_subscribed(self, subscribed: sdk.Event.Subscribed) -> None:
        self._there.session.heartbeat_s = 1e6
