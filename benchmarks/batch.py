"""The batch framework: no-op tasks on emulated agents, and real processes beside HyperQueue and GNU parallel.

* 100,000 tasks of one array on 1,000 emulated agents, through a real master over HTTP: every launch written down,
  every update acknowledged, every attempt kept in a SQLite file. The agents finish a task once its TASK_RUNNING is
  acknowledged. Master, agents and framework are three processes that share the machine.
* 5,000 x ``true`` as tasks of one array on a local cluster with one agent of 16 cpus, each a process of a session of
  its own with a sandbox; HyperQueue (``pip install hyperqueue``) with one worker of 16 cores, without output files;
  GNU parallel with 16 jobs. What is not installed is left out, and said.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time

import attrs
import psutil
import uvloop

from benchmarks import report
from benchmarks.decisions import emulated
from benchmarks.master import LocalCluster, Master
from frameworks.batch import words
from frameworks.batch.fields import read
from frameworks.batch.job import Submission
from frameworks.batch.shell.program import BatchScheduler
from mesos_py.logs import LogOptions, set_up
from mesos_py.loop import heap
from mesos_py.loop.watch import PERIOD_S, LoopWatch

WITHIN_S = 1_800.0
SLOTS = 16


@attrs.define
class Stalls:
    """Of the loop, in milliseconds: the longest, and the most that its own work had of the processor in one.

    On a machine that does other things the first is theirs, too.
    """

    watch: LoopWatch = attrs.field(factory=LoopWatch)
    own_ms: float = 0.0

    async def look(self) -> None:
        """Until cancelled."""
        self.watch.start()
        try:
            while True:
                before = time.thread_time()
                await asyncio.sleep(PERIOD_S)
                self.own_ms = max(self.own_ms, 1000 * (time.thread_time() - before))
        finally:
            self.watch.stop()


async def run_array(address: str, tasks: int, cpus: float, place: str) -> tuple[float, float, Stalls]:
    """One array to its end; returns seconds of the clock, CPU seconds of this process, and how its loop stood still."""
    batch = BatchScheduler(master=address, store=f"sqlite:{place}/batch-{tasks}")
    job = {"name": "a", "arguments": ["true"], "array": f"1-{tasks}", "resources": {"cpus": cpus, "mem": 1}}
    stalls = Stalls()
    async with batch, asyncio.timeout(WITHIN_S):
        serving = asyncio.create_task(batch.serve(), name="batch")
        while not batch.is_subscribed:
            await asyncio.sleep(0.05)
        facts = batch.listen()
        looking = asyncio.create_task(stalls.look(), name="stalls")
        begin, used = time.perf_counter(), sum(psutil.Process().cpu_times()[:2])
        await batch.ask(words.Submit(read(Submission, {"jobs": [job]})))
        while True:
            told = await facts.get()
            if told is None:
                batch.leave(facts)
                facts = batch.listen()
            elif isinstance(told[1], words.JobChanged) and told[1].state in ("succeeded", "failed"):
                break
        elapsed = time.perf_counter() - begin
        looking.cancel()
        used = sum(psutil.Process().cpu_times()[:2]) - used
        entry = batch.core.entries["a"]
        if entry.succeeded != tasks:
            raise SystemExit(f"{entry.succeeded} of {tasks} tasks have succeeded")
        await batch.teardown()
        await serving
    return elapsed, used, stalls


async def emulated_agents(tasks: int, agents: int, place: str) -> None:
    report.header(f"batch: an array of {tasks} no-op tasks on {agents} emulated agents, HTTP/JSON, SQLite")
    async with Master() as master, emulated(master, agents, "--finish"):
        process = psutil.Process(master.pid)
        before = sum(process.cpu_times()[:2])
        elapsed, used, stalls = await run_array(master.address, tasks, 0.1, place)
        report.figure("tasks, from submission to the end of the last", tasks / elapsed, "tasks/s")
        report.figure("  longest stall of the framework's loop", stalls.watch.longest_ms, "ms")
        report.figure("    by its own work, at most", stalls.own_ms, "ms", reference=100, of="goal")
        report.figure("  CPU of the framework", used / tasks * 1000, "ms/task")
        report.figure("  CPU of the master", (sum(process.cpu_times()[:2]) - before) / tasks * 1000, "ms/task")


HYPERQUEUE = """
import sys, time
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
tasks, slots, place = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
with LocalCluster(place) as cluster:
    cluster.start_worker(WorkerConfig(cores=slots))
    client, job = cluster.client(), Job()
    begin = time.perf_counter()
    for _ in range(tasks):
        job.program(["true"], stdout=None, stderr=None)
    client.wait_for_jobs([client.submit(job)])
    print("rate", tasks / (time.perf_counter() - begin))
"""


def hyperqueue(tasks: int, place: str) -> float | None:
    """Tasks a second; None: it is not installed."""
    if importlib.util.find_spec("hyperqueue") is None:
        return None
    arguments = [str(tasks), str(SLOTS), f"{place}/hq"]
    done = subprocess.run(
        [sys.executable, "-c", HYPERQUEUE, *arguments], text=True, check=True, capture_output=True
    )
    return next(float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("rate "))


def gnu_parallel(tasks: int) -> float | None:
    """Likewise."""
    if shutil.which("parallel") is None:
        return None
    begin = time.perf_counter()
    numbers = "\n".join(map(str, range(tasks)))
    subprocess.run(
        ["parallel", f"-j{SLOTS}", "-n1", "true", "#"], input=numbers, text=True, check=True, capture_output=True
    )
    return tasks / (time.perf_counter() - begin)


async def real_processes(tasks: int, place: str, root: str | None) -> None:
    where = f", sandboxes in {root}" if root else ""
    report.header(f"batch: {tasks} x true as real processes, {SLOTS} at a time{where}")
    others = {"HyperQueue": hyperqueue(tasks, place), "GNU parallel": gnu_parallel(tasks)}
    for name, rate in others.items():
        if rate is None:
            print(f"   {name} is not installed, and left out", flush=True)
        else:
            report.figure(name, rate, "tasks/s")
    async with LocalCluster(1, f"cpus:{SLOTS};mem:100000;disk:100000;ports:[31000-32000]", root) as cluster:
        elapsed, used, _ = await run_array(cluster.address, tasks, 1.0, place)
    reference = others["HyperQueue"] or others["GNU parallel"]
    of = "HyperQueue" if others["HyperQueue"] else "GNU parallel"
    report.figure("batch framework, whole cluster", tasks / elapsed, "tasks/s", reference=reference, of=of)
    report.figure("  CPU of the framework", used / tasks * 1000, "ms/task")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=5_000)
    parser.add_argument("--root", help="where sandboxes are; unset: the usual folder for temporary files")
    options = parser.parse_args()
    set_up(LogOptions(logging_level="WARNING"))
    with heap.steady(), tempfile.TemporaryDirectory(prefix="mesos-py-bench-") as place:  # as `mesos-batch serve`
        if options.tasks:
            await emulated_agents(options.tasks, options.agents, place)
        if options.processes:
            await real_processes(options.processes, place, options.root)


if __name__ == "__main__":
    uvloop.run(main())
