"""GET /state with 10,000 agents and 100,000 tasks: bytes per second, and the longest stall of the master's loop.

The cluster is filled as in ``decisions.py``: emulated agents, tasks launched through the scheduler API. Then /state is
read over and over: the first time nothing is encoded yet, later everything is, and in between every task changes.
"""

from __future__ import annotations

import argparse
import time

import aiohttp
import uvloop

from benchmarks import report
from benchmarks.decisions import emulated, launch_all
from benchmarks.master import Master


async def read_state(session: aiohttp.ClientSession, address: str) -> tuple[int, float]:
    """(bytes, seconds) of one GET /state."""
    begin = time.perf_counter()
    size = 0
    async with session.get(f"http://{address}/state") as answer:
        async for chunk in answer.content.iter_any():
            size += len(chunk)
    return size, time.perf_counter() - begin


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--reads", type=int, default=5)
    options = parser.parse_args()
    report.header(f"state: {options.agents} agents, {options.tasks} tasks, {options.reads} reads of /state")
    async with Master() as master, emulated(master, options.agents), aiohttp.ClientSession() as session:
        await launch_all(master.host, master.port, options.tasks, -(-options.tasks // options.agents), keep=True)
        await master.recent_stall_ms()
        size, elapsed = await read_state(session, master.address)
        report.figure("size of /state", size / 1e6, "MB")
        report.figure("first read, nothing encoded yet", size / elapsed / 1e6, "MB/s", reference=36)
        report.figure("longest stall meanwhile", await master.recent_stall_ms(), "ms", reference=50, of="goal")
        reads = [await read_state(session, master.address) for _ in range(options.reads)]
        rates = sorted(size / elapsed / 1e6 for size, elapsed in reads)
        report.figure("later reads, median", rates[len(rates) // 2], "MB/s", reference=36)
        report.figure("longest stall meanwhile", await master.recent_stall_ms(), "ms", reference=50, of="goal")


if __name__ == "__main__":
    uvloop.run(main())
