"""50,000 tasks onto 5,000 emulated agents through the real scheduler API, every update acknowledged.

The master, the emulated agents and the scheduler are three processes. Reported: tasks per second from the first offer
to the last acknowledgement, the master loop's longest stall, and what an agent and a task cost in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import psutil
import uvloop

from benchmarks import report
from benchmarks.lean import LeanScheduler, capacity, scalar
from benchmarks.master import Master


@contextlib.asynccontextmanager
async def emulated(master: Master, count: int, *flags: str) -> AsyncIterator[None]:
    """``count`` emulated agents in a process of their own, all registered."""
    agents = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.emulated_agents", master.address, str(count), *flags],
        stdout=subprocess.PIPE, text=True,
    )
    try:
        assert agents.stdout is not None
        line = await asyncio.to_thread(agents.stdout.readline)
        if line != "ready\n":
            raise SystemExit("the emulated agents did not register")
        yield
    finally:
        agents.kill()
        agents.wait()


async def launch_all(host: str, port: int, total: int, per_agent: int, *, keep: bool = False) -> float:
    """Launch ``total`` tasks, at most ``per_agent`` on one offer; returns seconds.

    The framework stays registered without a stream when ``keep`` is set, so that its tasks stay.
    """
    resources = [scalar("cpus", 0.1), scalar("mem", 32)]
    launched = running = 0
    begin = 0.0
    async with LeanScheduler(host, port, "decisions", failover_timeout=3600.0 if keep else 0.0) as scheduler:
        async for event in scheduler.events():
            if event["type"] == "OFFERS":
                begin = begin or time.perf_counter()
                for offer in event["offers"]["offers"]:
                    count = min(per_agent, total - launched, capacity(offer, 0.1, 32))
                    if count <= 0:
                        scheduler.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 3600})
                        continue
                    tasks = [
                        {
                            "name": "t", "task_id": {"value": f"t-{launched + n}"}, "agent_id": offer["agent_id"],
                            "resources": resources, "command": {"value": "true"},
                        }
                        for n in range(count)
                    ]
                    launched += count
                    scheduler.call(
                        "ACCEPT", offer_ids=[offer["id"]], filters={"refuse_seconds": 3600},
                        operations=[{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
                    )
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                if status["state"] != "TASK_RUNNING":
                    raise SystemExit(f"unexpected update {status}")
                scheduler.acknowledge(status)
                running += 1
                if running == total:
                    while scheduler.answered < scheduler.sent:
                        await asyncio.sleep(0.001)
                    if scheduler.refused:
                        raise SystemExit(f"refused: {scheduler.refused}")
                    return time.perf_counter() - begin
    raise SystemExit("the stream ended early")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=5_000)
    parser.add_argument("--tasks", type=int, default=50_000)
    options = parser.parse_args()
    workload = f"{options.tasks} tasks onto {options.agents} emulated agents, HTTP/JSON, every update acknowledged"
    report.header(f"decisions: {workload}")
    async with Master() as master:
        process = psutil.Process(master.pid)
        empty = process.memory_info().rss
        begin = time.perf_counter()
        async with emulated(master, options.agents):
            report.figure("agents registered", options.agents / (time.perf_counter() - begin), "agents/s")
            idle = process.memory_info().rss
            await master.recent_stall_ms()
            each = -(-options.tasks // options.agents)
            elapsed = await launch_all(master.host, master.port, options.tasks, each, keep=True)
            stall = await master.recent_stall_ms()
            full = process.memory_info().rss
        report.figure("decisions", options.tasks / elapsed, "tasks/s", reference=1500, of="goal")
        report.figure("longest stall of the master's loop meanwhile", stall, "ms", reference=50, of="goal")
        report.figure("master RSS per agent", (idle - empty) / options.agents / 1024, "KiB")
        report.figure("master RSS per running task", (full - idle) / options.tasks / 1024, "KiB")


if __name__ == "__main__":
    uvloop.run(main())
