"""Marathon: deployments on emulated agents, reads of many apps, subscribers of events, and a start with many instances.

Everything goes through the real programs: a master, agents that pretend to run tasks, ``marathon-py serve`` with its
state in SQLite, and requests over HTTP from here; they share the machine. Launch tokens are lifted, as they bound what
is measured (100 in 30 s).

* 500 apps of one instance each in one deployment, and one app of 1,000, from the request to ``deployment_success``;
* GET /v2/apps with 1,000 apps and 5,000 tasks embedded, while another process asks for something small all the time:
  its longest wait is how long the loop stood still, and what the machine made of that;
* the same while an app of 10,000 instances for which there is no room is made, changed, and removed;
* 200 subscribers of events while an app of 500 instances is started: what each of them has heard;
* kill -9, and how long the next one takes until it serves all 5,000 instances.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from typing import Any, Self

import psutil
import uvloop

from benchmarks import report
from benchmarks.decisions import emulated
from benchmarks.master import Master
from frameworks.marathon_py.shell.client import MarathonClient, NotThere
from frameworks.marathon_py.shell.waiting import Waiting

WITHIN_S = 600.0
FLAGS = (
    "--launch_tokens=1000000", "--max_instances_per_offer=100", "--decline_offer_duration=1000",
    "--min_revive_offers_interval=1000", "--http_address=127.0.0.1", "--hostname=127.0.0.1", "--logging_level=error",
)  # fmt: skip
TARGET_RATE, TARGET_READ_MS, TARGET_STALL_MS, TARGET_START_S = 100.0, 300.0, 50.0, 5.0


class Served:
    """``marathon-py serve`` on what ``place`` has."""

    def __init__(self, master: str, place: str) -> None:
        self._command = [
            sys.executable, "-m", "frameworks.marathon_py.shell.cli", "serve", f"--master={master}", *FLAGS,
            "--http_port=0", f"--state_file={place}/marathon.db",
        ]  # fmt: skip
        self.url = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = await asyncio.to_thread(self._process.stdout.readline)
        if not line.startswith("ready "):
            raise SystemExit("Marathon has not started")
        self.url = line.removeprefix("ready ").strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    async def __aexit__(self, *exc: object) -> None:
        self.kill()

    @property
    def cpu_s(self) -> float:
        return float(sum(psutil.Process(self._process.pid).cpu_times()[:2]))

    @property
    def memory_mb(self) -> float:
        return float(psutil.Process(self._process.pid).memory_info().rss / 1e6)


def app(id: str, instances: int = 1) -> dict[str, Any]:
    return {"id": id, "cmd": "true", "cpus": 0.01, "mem": 1, "instances": instances}


async def deployed(served: Served, apps: list[dict[str, Any]], name: str) -> None:
    """All of them in one deployment, to its success."""
    count = sum(one["instances"] for one in apps)
    async with MarathonClient(served.url) as marathon, Waiting(marathon) as waiting, asyncio.timeout(WITHIN_S):
        while not (await marathon.info())["frameworkId"]:
            await asyncio.sleep(0.05)
        begin, used = time.perf_counter(), served.cpu_s
        answer = await marathon.put_apps(apps)
        taken = time.perf_counter() - begin
        if not await waiting.heard(answer["deploymentId"]):
            raise SystemExit("the deployment has failed")
        elapsed = time.perf_counter() - begin
    report.figure(name, count / elapsed, "instances/s", reference=TARGET_RATE, of="target")
    report.figure("  until the request was answered", taken * 1000, "ms")
    report.figure("  CPU of Marathon", (served.cpu_s - used) / count * 1000, "ms/instance")


FOLLOWS_S = 3.0  # what is too much for one frame follows, and is over by then

PINGS = """
import http.client, select, sys, time
host, port = sys.argv[1].split(":")
connection, longest = http.client.HTTPConnection(host, int(port)), 0.0
while not select.select([sys.stdin], [], [], 0.002)[0]:
    begin = time.perf_counter()
    connection.request("GET", "/v2/leader")
    connection.getresponse().read()
    longest = max(longest, time.perf_counter() - begin)
print(longest * 1000)
"""


class Pinging:
    """Another process asks for something small all the time: what we do ourselves must not make it slow."""

    def __init__(self, served: Served) -> None:
        self._command = [sys.executable, "-c", PINGS, served.url.removeprefix("http://")]
        self.longest_ms = 0.0

    async def __aenter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.longest_ms = float((await asyncio.to_thread(self._process.communicate, "over\n"))[0])

    def report(self) -> None:
        report.figure("longest answer to another request meanwhile", self.longest_ms, "ms",
                      reference=TARGET_STALL_MS, of="target")  # fmt: skip


async def many(served: Served, instances: int) -> None:
    """None of them is launched: what it takes to know of them is measured, not to start them."""
    report.header(f"an app of {instances} instances for which there is no room is made, changed, removed")
    made = {**app("/room", instances), "cpus": 100_000}
    steps = {"made": made, "changed": {**made, "cmd": "false"}, "removed": {**made, "instances": 0}}
    async with MarathonClient(served.url) as marathon, Pinging(served) as pinging:
        for what, step in steps.items():
            begin, used = time.perf_counter(), served.cpu_s
            await marathon.put_apps([step], force=True)
            taken = time.perf_counter() - begin
            await asyncio.sleep(FOLLOWS_S)
            report.figure(f"{what}: until the request was answered", taken * 1000, "ms")
            report.figure("  CPU of Marathon", (served.cpu_s - used) * 1000, "ms")
    pinging.report()


async def reads(served: Served, times: int) -> None:
    async with MarathonClient(served.url) as marathon, Pinging(served) as pinging:
        took = []
        for _ in range(times):
            begin = time.perf_counter()
            apps = await marathon.apps("apps.tasks")
            took.append((time.perf_counter() - begin) * 1000)
    tasks = sum(len(one["tasks"]) for one in apps)
    report.header(f"GET /v2/apps?embed=apps.tasks with {len(apps)} apps and {tasks} tasks, {times} times")
    report.figure("median, JSON read included", statistics.median(took), "ms", reference=TARGET_READ_MS, of="target")
    report.figure("slowest (the first)", max(took), "ms")
    pinging.report()


async def subscribers(served: Served, count: int, instances: int) -> None:
    heard: list[Counter[str]] = [Counter() for _ in range(count)]
    attached = 0

    async def hear(number: int) -> None:
        nonlocal attached
        async with MarathonClient(served.url) as marathon, marathon.events("status_update_event") as events:
            attached += 1
            async for event in events:
                heard[number][event["taskStatus"]] += 1

    hearing = [asyncio.create_task(hear(number), name="subscriber") for number in range(count)]
    while attached < count:
        await asyncio.sleep(0.05)
    report.header(f"{count} subscribers of events, while {instances} instances are started")
    await deployed(served, [app("/heard", instances)], "instances, to deployment_success")
    begin = time.perf_counter()
    while min(one["TASK_RUNNING"] for one in heard) < instances and time.perf_counter() - begin < 60:
        await asyncio.sleep(0.05)
    report.figure("events of the last subscriber after that", (time.perf_counter() - begin) * 1000, "ms")
    report.figure("subscribers that have heard of all", sum(one["TASK_RUNNING"] == instances for one in heard), "")
    for one in hearing:
        one.cancel()
    await asyncio.gather(*hearing, return_exceptions=True)


async def restarted(served: Served, instances: int) -> None:
    served.kill()
    begin = time.perf_counter()
    await served.start()
    async with MarathonClient(served.url) as marathon, asyncio.timeout(WITHIN_S):
        while True:
            try:
                apps = await marathon.apps("apps.counts")
            except NotThere:
                apps = []
            if sum(one["tasksRunning"] for one in apps) >= instances:
                break
            await asyncio.sleep(0.05)
    report.header(f"kill -9 with {instances} instances in {len(apps)} apps")
    report.figure("started again, until all are served", time.perf_counter() - begin, "s",
                  reference=TARGET_START_S, of="target")  # fmt: skip
    report.figure("  memory of Marathon", served.memory_mb, "MB")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--apps", type=int, default=1_000, help="of five instances, to be read and started with")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mesos-py-bench-") as place:
        async with Master() as master, emulated(master, options.agents):
            report.header(f"marathon: deployments on {options.agents} emulated agents, HTTP/JSON, SQLite")
            async with Served(master.address, place) as served:
                await deployed(served, [app(f"/one/{n}") for n in range(500)], "500 apps of one instance")
                await deployed(served, [app("/many", 1_000)], "one app of 1,000 instances")
                await subscribers(served, 200, 500)
                await many(served, 10_000)
    with tempfile.TemporaryDirectory(prefix="mesos-py-bench-") as place:
        async with Master() as master, emulated(master, options.agents), Served(master.address, place) as served:
            report.header(f"marathon: {options.apps} apps of five instances, in one deployment")
            await deployed(served, [app(f"/some/{n}", 5) for n in range(options.apps)], "instances")
            await reads(served, 10)
            await restarted(served, 5 * options.apps)


if __name__ == "__main__":
    uvloop.run(main())
