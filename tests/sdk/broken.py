"""Frameworks that are broken on purpose, each in one way; ``mesos-py certify`` must find out which."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from mesos_py import sdk
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
