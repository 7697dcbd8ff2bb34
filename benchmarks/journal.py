"""What a journal costs: decisions with and without one, and a snapshot of 10,000 agents with 100,000 tasks.

Decisions are those of ``decisions.py``, through a real master, each round once without and once with ``--journal``.
The snapshot is of a core in this process whose agents have come back with their tasks: for how long the process stands
still, how long the child takes, what it writes, and how much slower pings are answered while it is at work.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import tempfile
import time
from pathlib import Path

import attrs
import psutil
import uvloop

from benchmarks import report
from benchmarks.decisions import emulated, launch_all
from benchmarks.emulated_agents import RESOURCES
from benchmarks.master import Master
from benchmarks.returning_agents import PREDECESSOR, agent_info
from benchmarks.returning_agents import report as reregistration
from mesos_py.algebra.parse import parse_resources
from mesos_py.journal import events
from mesos_py.journal.files import Head, Segment
from mesos_py.journal.snapshot import Child
from mesos_py.loop import heap
from mesos_py.machine.frame import Event, Tick
from mesos_py.master.core import Master as Core
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.options import Options
from mesos_py.master.registry import AdmitAgent, Registry
from mesos_py.master.server import master_info
from mesos_py.wire import internal


@attrs.frozen
class Figures:
    """Of one round."""

    #: tasks a second
    rate: float
    #: processor time of the master, microseconds a task
    used: float
    #: the longest of the master's loop, milliseconds
    stall: float


async def decisions(agents: int, tasks: int, *flags: str) -> Figures:
    async with Master(*flags) as master, emulated(master, agents):
        await master.recent_stall_ms()
        process = psutil.Process(master.pid)
        before = sum(process.cpu_times()[:2])
        elapsed = await launch_all(master.host, master.port, tasks, -(-tasks // agents))
        used = sum(process.cpu_times()[:2]) - before
        return Figures(tasks / elapsed, 1e6 * used / tasks, await master.recent_stall_ms())


def recorded_bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*.events"))


async def compare(agents: int, tasks: int, rounds: int) -> None:
    report.header(f"journal: {tasks} tasks onto {agents} emulated agents, without and with --journal, {rounds} times")
    without, with_ = [], []
    size = 0
    for _ in range(rounds):
        without.append(await decisions(agents, tasks))
        with tempfile.TemporaryDirectory(prefix="mesos-py-bench-") as directory:
            with_.append(await decisions(agents, tasks, f"--journal={directory}"))
            size = recorded_bytes(Path(directory))
    rate, used = max(one.rate for one in without), min(one.used for one in without)
    report.figure("decisions without a journal, best", rate, "tasks/s")
    report.figure("decisions with one, best", max(one.rate for one in with_), "tasks/s", reference=rate, of="without")
    report.figure("processor time of the master without, least", used, "us/task")
    report.figure("with", min(one.used for one in with_), "us/task", reference=used, of="without")
    report.figure("longest stall without", max(one.stall for one in without), "ms")
    report.figure("longest stall with", max(one.stall for one in with_), "ms")
    report.figure("events recorded", size / tasks, "B/task")


def core_of(agents: int, tasks: int) -> tuple[Core, list[str]]:
    """A master whose agents have all come back, and their channels."""
    resources = parse_resources(RESOURCES)
    registry = Registry()
    for number in range(agents):
        registry.apply(AdmitAgent(agent_info(number, resources)))
    core = Core(master_info(Options(), 5050), Options(), random.Random(1))
    now = time.time_ns()
    began = time.perf_counter()
    events.told(Event(RegistryRecovered, RegistryRecovered(registry)), now)
    report.figure("the loop's part in recording the registry", 1000 * (time.perf_counter() - began), "ms")
    core.apply(Event(RegistryRecovered, RegistryRecovered(registry)), now)
    peers = []
    for number in range(agents):
        peers.append(f"agent-{number}")
        body = reregistration(number, resources, tasks // agents, 10)
        core.apply(Event(type(body), body, peers[-1]), now)
    while (deadline := core.deadline()) is not None and deadline <= now:
        core.apply(Event(Tick), now)
    return core, peers


def pongs(core: Core, peers: list[str], for_s: float, child: Child | None = None) -> list[float]:
    """Microseconds that each event takes, for so long or until the child has ended."""
    took = []
    until = time.perf_counter() + for_s
    rng = random.Random(2)
    now = time.time_ns()
    while time.perf_counter() < until:
        peer = peers[int(rng.random() * len(peers))]
        began = time.perf_counter()
        core.apply(Event(internal.Pong, internal.Pong(), peer), now)
        took.append(1e6 * (time.perf_counter() - began))
        if len(took) % 1000 == 0 and child is not None and child.ended() is not None:
            break
    return took


async def snapshot(agents: int, tasks: int) -> None:
    report.header(f"journal: a snapshot of {agents} agents with {tasks} tasks ({PREDECESSOR[:8]})")
    core, peers = core_of(agents, tasks)
    process = psutil.Process()
    with heap.steady(), tempfile.TemporaryDirectory(prefix="mesos-py-bench-") as directory:
        report.figure("the process", process.memory_info().rss / (1 << 20), "MiB")
        before = pongs(core, peers, 3.0)
        path = os.path.join(directory, "000000.snapshot")
        began = time.perf_counter()
        child = Child(path, Head(program="master", number=0, before=0, at_ns=0), core)
        report.figure("the process stands still", 1000 * (time.perf_counter() - began), "ms", reference=100, of="goal")
        during = pongs(core, peers, 300.0, child)
        assert child.ended(), "no snapshot"
        report.figure("until the snapshot is there", time.perf_counter() - began, "s")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        report.figure("processor time of the child", used.ru_utime + used.ru_stime, "s")
        report.figure("its size", os.stat(path).st_size / (1 << 20), "MiB")
        report.figure("an event before, p99", report.quantiles(before)[1], "us")
        report.figure("an event meanwhile, p99", report.quantiles(during)[1], "us")
        Path(directory, "000000.events").write_bytes(Path(path).read_bytes())
        began = time.perf_counter()
        loaded = Segment(Path(directory, "000000.events")).core()
        report.figure("reading it", time.perf_counter() - began, "s")
        loaded.check()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    await snapshot(options.agents, options.tasks)
    await compare(1_000, 20_000, options.rounds)


if __name__ == "__main__":
    uvloop.run(main())
