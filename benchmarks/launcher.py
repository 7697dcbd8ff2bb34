"""``sdk.Launcher`` against a real master and 5,000 emulated agents: from nothing until every task is known to run.

50,000 identical tasks; 2,000 mutually exclusive tasks (one for each host); 1,000 gangs of 3 and 3 gangs of 1,000. Each
is a framework of its own over HTTP, with its records in a SQLite file: every launch is written down before it is asked
for, every update acknowledged. Master, agents and launcher are three processes that share the machine, which is why
what each of them used of it is told as well. References:
kube-scheduler's floor for mutually exclusive pods on 5,000 nodes (60 pods/s: kubernetes
test/integration/scheduler_perf, SchedulingPodAntiAffinity/5000Nodes, with its API server and without kubelets) and
this project's goal of 600/s.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time

import psutil
import uvloop

from benchmarks import report
from benchmarks.decisions import emulated
from benchmarks.master import Master
from mesos_py import sdk

WITHIN_S = 900.0


class Measured(sdk.Launcher):
    """Ends when all of its tasks run."""

    failover_timeout_s = 0.0
    begun_at = 0.0
    done_at = 0.0

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        self.left = sum(spec.count for spec in self.specs)

    async def on_subscribed(self, subscribed: sdk.Event.Subscribed) -> None:
        self.begun_at = self.begun_at or time.perf_counter()

    async def on_update(self, status: sdk.TaskStatus) -> None:
        await super().on_update(status)
        if status.state is not sdk.TaskState.TASK_RUNNING:
            raise SystemExit(f"unexpected update {status}")
        self.left -= 1
        if not self.left:
            self.done_at = time.perf_counter()
            await self.teardown()


async def measure(
    master: Master, name: str, *specs: sdk.Spec, reference: float | None = None, of: str = ""
) -> None:  # fmt: skip
    tasks = sum(spec.count for spec in specs)
    processes = psutil.Process(), psutil.Process(master.pid)
    before = [sum(process.cpu_times()[:2]) for process in processes]
    with tempfile.TemporaryDirectory(prefix="mesos-py-bench-") as place:
        launcher = Measured(name=name, specs=specs, master=master.address, store=f"sqlite:{place}/records")
        async with asyncio.timeout(WITHIN_S):
            await launcher.run()
    report.figure(name, tasks / (launcher.done_at - launcher.begun_at), "tasks/s", reference=reference, of=of)
    used = [sum(process.cpu_times()[:2]) - start for process, start in zip(processes, before, strict=True)]
    report.figure("  CPU of the launcher", used[0] / tasks * 1000, "ms/task")
    report.figure("  CPU of the master", used[1] / tasks * 1000, "ms/task")
    while (await master.metrics())["master/tasks_running"]:
        await asyncio.sleep(0.1)


def spec(name: str, count: int, *, gang: str | None = None, **request: object) -> sdk.Spec:
    given = {"cpus": 0.1, "mem": 32} | request
    return sdk.Spec(name, sdk.command("t", "true"), count=count, gang=gang, request=sdk.Request.of(**given))  # type: ignore[arg-type]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=5_000)
    agents = parser.parse_args().agents
    report.header(f"launcher: tasks onto {agents} emulated agents, HTTP/JSON, SQLite, every update acknowledged")
    async with Master() as master, emulated(master, agents):
        count = agents * 10
        await measure(master, f"{count} identical tasks", spec("t", count))
        count = agents * 2 // 5
        exclusive = spec("t", count, constraints=[("hostname", "UNIQUE")])
        name = f"{count} mutually exclusive tasks"
        await measure(master, name, exclusive, reference=60.0, of="kube-scheduler's floor")
        await measure(master, name, exclusive, reference=600.0, of="goal")
        count = agents // 5
        gangs = [spec(f"g{number}", 3, gang=f"g{number}", cpus=4) for number in range(count)]
        await measure(master, f"{count} gangs of 3", *gangs)
        large = [spec(f"g{number}", count, gang=f"g{number}", cpus=4) for number in range(3)]
        await measure(master, f"3 gangs of {count}", *large)


if __name__ == "__main__":
    uvloop.run(main())
