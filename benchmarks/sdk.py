"""What the SDK costs: the workload of ``decisions`` by a scheduler of the SDK, next to the lean client's.

The lean client does the least a correct scheduler must; the SDK's keeps every task (in memory, then in SQLite), types
every message, reconciles, and hands each update to a handler before it is acknowledged. Each has a master and emulated
agents of its own; master, agents and scheduler are three processes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from benchmarks import report
from benchmarks.decisions import emulated, launch_all
from benchmarks.master import Master
from mesos_py import sdk
from mesos_py.logs import LogOptions, set_up


class Launches(sdk.Scheduler):
    """So many tasks, so many on one offer at most; over when the last update is acknowledged."""

    name = "sdk"
    refuse_s = 3600.0
    failover_timeout_s = 60.0

    def __init__(self, total: int, per_agent: int, **settings: object) -> None:
        super().__init__(**settings)
        self._total, self._per_agent = total, per_agent
        self._launched = self._running = 0
        self.began = self.took = 0.0

    async def on_offers(self, offers: Sequence[sdk.Offer]) -> None:
        self.began = self.began or time.perf_counter()
        for offer in offers:
            count = min(self._per_agent, self._total - self._launched)
            tasks = [sdk.command("t", "true", task_id=f"t-{self._launched + n}") for n in range(count)]
            self._launched += len(await self.launch(offer, tasks))

    async def on_update(self, status: sdk.TaskStatus) -> None:
        self._running += 1
        if self._running == self._total:
            self.took = time.perf_counter() - self.began
            await self.teardown()


async def lean(agents: int, tasks: int) -> float:
    async with Master() as master, emulated(master, agents):
        return tasks / await launch_all(master.host, master.port, tasks, -(-tasks // agents))


async def with_sdk(agents: int, tasks: int, store: str) -> float:
    async with Master() as master, emulated(master, agents):
        scheduler = Launches(tasks, -(-tasks // agents), master=master.address, store=store)
        await scheduler.run()
        return tasks / scheduler.took


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--tasks", type=int, default=20_000)
    options = parser.parse_args()
    set_up(LogOptions(logging_level="WARNING"))
    report.header(f"sdk: {options.tasks} tasks onto {options.agents} emulated agents, every update acknowledged")
    reference = await lean(options.agents, options.tasks)
    report.figure("lean client", reference, "tasks/s", reference=1500, of="goal")
    memory = await with_sdk(options.agents, options.tasks, "memory")
    report.figure("the SDK, kept in memory", memory, "tasks/s", reference=reference, of="lean client")
    with tempfile.TemporaryDirectory(prefix="mesos-py-bench-") as folder:
        sqlite = await with_sdk(options.agents, options.tasks, f"sqlite:{Path(folder) / 'store'}")
    report.figure("the SDK, kept in SQLite", sqlite, "tasks/s", reference=reference, of="lean client")


if __name__ == "__main__":
    uvloop.run(main())
