"""``BatchScheduler``: the batch framework as a program on the SDK. ``core`` decides; ``sdk.deciding`` is its shell."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any, Self

import structlog

from frameworks.batch import fitting, words
from frameworks.batch.broken import DAMAGED
from frameworks.batch.core import Batch, Habits
from frameworks.batch.job import Job
from frameworks.batch.shell.fleet import Fleet
from mesos_py.coordination import Damaged, Records
from mesos_py.machine.problem import bad_request
from mesos_py.sdk import CoreScheduler
from mesos_py.sdk.matching import Host
from mesos_py.sdk.store import spare
from mesos_py.wire.framework import FrameworkInfo

log = structlog.get_logger(__name__)


class BatchScheduler(CoreScheduler[Batch]):
    """``await BatchScheduler(master="zk://...", store="sqlite:/var/lib/batch").run()``."""

    name = "batch"
    habits: Habits = Habits()
    capabilities = (*CoreScheduler.capabilities, FrameworkInfo.Capability.Type.GPU_RESOURCES)

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self._fleet = Fleet(self.agents, self._offered)

    def _offered(self, role: str) -> list[Host]:
        """What is left of them, or was; nobody changes it here."""
        return [host for host in self.core.seen.values() if host.place[1] == role]

    async def ask(self, body: object) -> Any:
        """Likewise; jobs that no known host could ever run are refused, unless they say that they wait for others, and
        those of a queue in which nothing is ever offered."""
        jobs: tuple[Job, ...] = ()
        match body:
            case words.Submit():
                jobs = body.submission.jobs
            case words.PutSchedule():
                jobs = body.schedule.jobs
        for job in jobs:
            if job.queue not in self.roles:
                why = f"there is no queue '{job.queue}', but {', '.join(self.roles)}"
                return bad_request(f"job '{job.name}' could never be run: {why}")
        for name, why in (await self._fleet.refused([job for job in jobs if not job.wait_for_hosts])).items():
            return bad_request(f"job '{name}' could never be run: {why}; {fitting.HINT}")
        return await super().ask(body)

    async def warnings(self, jobs: Iterable[Job]) -> list[str]:
        """What is said of jobs that are taken all the same."""
        found = await self._fleet.misfits(jobs)
        return [f"job '{name}' fits no host that is known: {why}" for name, why in found.items()]

    def make_core(self, rng: Random) -> Batch:
        return Batch(rng, self.habits)

    async def open_records(self) -> Records:
        return spare(await self.open_place())

    async def open_place(self) -> Records:
        """Where it keeps things."""
        return await super().open_records()

    def begun(self) -> words.Begun:
        open_ = [task for task in self.tasks.values() if not task.has_ended]
        under_way = {task.id: words.UnderWay(task.agent_id, task.launched) for task in open_}
        records = {
            name: DAMAGED + contents if isinstance(contents, Damaged) else contents
            for name, contents in self.records.items()
        }  # fmt: skip
        return words.Begun(records, under_way)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        for text in self.core.complaints:
            log.warning("record not understood", why=text)
        for task in list(self.tasks.values()):
            if task.has_ended:
                self.forget(task.id)  # its end is kept by the core: nothing is acknowledged before
        return self
