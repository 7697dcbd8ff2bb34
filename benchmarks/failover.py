"""A new leader: 10,000 agents with 100,000 tasks reregister at once, and frameworks resubscribe.

The leader recovers its registry, in which all agents stand, from its store; from then on agents, each with a connection
of its own and the real codec, find it within a second of each other. Measured is until every agent has been answered,
which is when every task is known again: once with the tasks of one framework, once with those of many, which are
subscribed and offered to meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import psutil
import uvloop

from benchmarks import report
from benchmarks.emulated_agents import RESOURCES
from benchmarks.lean import LeanScheduler
from benchmarks.master import Master
from benchmarks.returning_agents import PREDECESSOR, agent_info, framework_info
from mesos_py.algebra.parse import parse_resources
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.coordination.sqlite_file import REGISTRY_FILE
from mesos_py.master.registry import AdmitAgent, Registry
from mesos_py.master.registry.store import to_records


async def admit(work_dir: str, agents: int) -> None:
    """A registry that has ``agents`` agents, as an earlier master left it."""
    registry, resources = Registry(), parse_resources(RESOURCES)
    for number in range(agents):
        registry.apply(AdmitAgent(agent_info(number, resources)))
    records = SqliteRecords(os.path.join(work_dir, REGISTRY_FILE))
    await records.load()
    await records.commit(to_records(registry.message()))
    await records.close()


@contextlib.asynccontextmanager
async def returning(agents: int, each: int, frameworks: int) -> AsyncIterator[subprocess.Popen[str]]:
    """Agents in a process of their own, made and waiting to hear where the leader is."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "benchmarks.returning_agents", str(agents), f"--tasks={each}",
            f"--frameworks={frameworks}",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        await heard(process)
        yield process
    finally:
        process.kill()
        process.wait()


async def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = await asyncio.to_thread(process.stdout.readline)
    if not line:
        raise SystemExit("the returning agents have ended")
    return line


async def subscribe(master: Master, number: int) -> None:
    """Framework ``number`` is back; it keeps what it is offered."""
    info = framework_info(number)
    async with LeanScheduler(
        master.host, master.port, info.name, framework_id=f"{PREDECESSOR}-{number:04}", failover_timeout=3600.0
    ) as scheduler:
        async for _ in scheduler.events():
            pass


async def failover(agents: int, tasks: int, frameworks: int) -> None:
    each = tasks // agents
    workload = f"{agents} agents with {each * agents} tasks of {frameworks} framework(s) come to a new leader"
    report.header(f"failover: {workload}, within the back-off of 1 s")
    async with (
        returning(agents, each, frameworks) as process,
        Master(prepare=lambda work_dir: admit(work_dir, agents)) as master,
        asyncio.TaskGroup() as group,
    ):
        assert process.stdin is not None
        watched = psutil.Process(master.pid)
        used = watched.cpu_times()
        process.stdin.write(f"{master.address}\n")
        process.stdin.flush()
        subscribed = [group.create_task(subscribe(master, number)) for number in range(frameworks)]
        said = json.loads(await heard(process))
        metrics = await master.metrics()
        recovered_at = (await master.call("GET_MASTER"))["elected_time"]
        cpu = watched.cpu_times()
        process.kill()  # before their master ends, which they would tell
        for task in subscribed:
            task.cancel()
    known = (metrics["master/slaves_active"], metrics["master/tasks_running"], metrics["master/frameworks_active"])
    if known != (agents, each * agents, frameworks):
        raise SystemExit(f"agents, tasks, frameworks known: {known}")
    fetch_ms = metrics["registrar/state_fetch_ms"]
    elected_at = recovered_at - fetch_ms / 1000
    report.figure("registry recovered after the election", fetch_ms, "ms")
    report.figure("last agent connected", said["connected_at"] - elected_at, "s")
    report.figure("every agent and task known", said["answered_at"] - elected_at, "s", reference=4.3)
    report.figure("  the same", said["answered_at"] - elected_at, "s", reference=8, of="goal")
    report.figure("reregistrations sent", said["sent"], "")
    report.figure("CPU time of the master", cpu.user + cpu.system - used.user - used.system, "s")
    stall, work = metrics["loop/longest_stall_ms"], metrics["loop/longest_work_ms"]
    report.figure("longest stall of the master's loop", stall, "ms", reference=100, of="goal")
    report.figure("  in processor time", work, "ms", reference=100, of="goal")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--frameworks", type=int, nargs="*", default=[1, 100])
    options = parser.parse_args()
    for frameworks in options.frameworks:
        await failover(options.agents, options.tasks, frameworks)


if __name__ == "__main__":
    uvloop.run(main())
