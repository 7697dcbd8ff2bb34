"""``BatchScheduler``: the batch framework as a program on the SDK. ``core`` decides; ``sdk.deciding`` is its shell."""

from __future__ import annotations

from random import Random
from typing import Self

from frameworks.batch import words
from frameworks.batch.core import Batch, Habits
from mesos_py.sdk import CoreScheduler


class BatchScheduler(CoreScheduler[Batch]):
    """``await BatchScheduler(master="zk://...", store="sqlite:/var/lib/batch").run()``."""

    name = "batch"
    habits: Habits = Habits()

    def make_core(self, rng: Random) -> Batch:
        return Batch(rng, self.habits)

    def begun(self) -> words.Begun:
        open_ = [task for task in self.tasks.values() if not task.has_ended]
        under_way = {task.id: words.UnderWay(task.agent_id, task.launched) for task in open_}
        return words.Begun(dict(self.records), under_way)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        for task in list(self.tasks.values()):
            if task.has_ended:
                self.forget(task.id)  # its end is kept by the core: nothing is acknowledged before
        return self
