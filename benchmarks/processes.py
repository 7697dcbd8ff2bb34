"""Real processes through a whole cluster of one master and one agent: rate, memory, and latency.

* 2,000 x ``true`` as command tasks, 100 in flight, against posix_spawn + wait of ``true`` in this very process;
* 2,000 tasks on one custom executor that speaks the v1 executor API;
* ACCEPT to TASK_RUNNING on an idle cluster, for command tasks and on a running executor.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import uvloop

from benchmarks import report
from benchmarks.lean import LeanScheduler, capacity, scalar
from benchmarks.master import LocalCluster

LEAN_EXECUTOR = str(Path(__file__).parent / "lean_executor.py")
RESOURCES = [scalar("cpus", 0.01), scalar("mem", 1)]
TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE"}


def spawn_rate(count: int) -> float:
    """posix_spawn + wait of ``true``, one after the other, per second."""
    begin = time.perf_counter()
    for _ in range(count):
        os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)
    return count / (time.perf_counter() - begin)


def sandbox_ms(count: int, parent: str) -> float:
    """What the file system takes for one sandbox as Mesos lays it out: three directories, two files, a link."""
    with tempfile.TemporaryDirectory(prefix="mesos-py-bench-", dir=parent) as root:
        begin = time.perf_counter()
        for number in range(count):
            runs = f"{root}/{number}/runs"
            os.makedirs(f"{runs}/c")
            for name in ("stdout", "stderr"):
                os.close(os.open(f"{runs}/c/{name}", os.O_CREAT | os.O_WRONLY))
            os.symlink("c", f"{runs}/latest")
        return 1000 * (time.perf_counter() - begin) / count


def executor_info() -> dict[str, Any]:
    """The benchmark's own executor: finishes every task at once."""
    return {
        "executor_id": {"value": "lean"}, "type": "CUSTOM",
        "command": {"shell": False, "value": sys.executable, "arguments": [sys.executable, LEAN_EXECUTOR]},
        "resources": RESOURCES,
    }


def task(task_id: str, agent_id: Any, command: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": task_id, "task_id": {"value": task_id}, "agent_id": agent_id, "resources": RESOURCES
    }
    return body | ({"command": {"value": command}} if command is not None else {"executor": executor_info()})


def accept(scheduler: LeanScheduler, offers: list[dict[str, Any]], tasks: list[dict[str, Any]]) -> None:
    scheduler.call(
        "ACCEPT", offer_ids=[offer["id"] for offer in offers], filters={"refuse_seconds": 0},
        operations=[{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
    )


async def rate(cluster: LocalCluster, name: str, command: str | None, total: int, in_flight: int) -> float:
    """Tasks finished per second; every update acknowledged. Offers are held until there is something to launch."""
    launched = finished = 0
    begin = 0.0
    held: list[dict[str, Any]] = []
    async with LeanScheduler(cluster.host, cluster.port, name, checkpoint=cluster.checkpoint) as scheduler:
        async for event in scheduler.events():
            if event["type"] == "OFFERS":
                begin = begin or time.perf_counter()
                held += event["offers"]["offers"]
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                if "uuid" in status:
                    scheduler.acknowledge(status)
                if status["state"] in TERMINAL:
                    if status["state"] != "TASK_FINISHED":
                        raise SystemExit(f"unexpected update {status}")
                    finished += 1
                    if finished == total:
                        elapsed = time.perf_counter() - begin
                        scheduler.call("TEARDOWN")
                        await asyncio.sleep(0.2)
                        return total / elapsed
            fits = sum(capacity(offer, 0.01, 1) for offer in held) - (command is None and not launched)
            room = min(in_flight - (launched - finished), total - launched, fits)
            if room > 0:
                agent_id = held[0]["agent_id"]
                accept(scheduler, held, [task(f"{name}-{launched + n}", agent_id, command) for n in range(room)])
                launched += room
                held.clear()
    raise SystemExit("the stream ended early")


async def latency(cluster: LocalCluster, name: str, command: str | None, rounds: int) -> list[float]:
    """Milliseconds from ACCEPT to TASK_RUNNING, one task at a time; the first may start an executor and is left out."""
    samples: list[float] = []
    launched = 0
    at = 0.0
    running = ""
    async with LeanScheduler(cluster.host, cluster.port, name, checkpoint=cluster.checkpoint) as scheduler:
        async for event in scheduler.events():
            if event["type"] == "OFFERS":
                offer = event["offers"]["offers"][0]
                if running:
                    scheduler.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})
                    continue
                running = f"{name}-{launched}"
                launched += 1
                at = time.perf_counter()
                accept(scheduler, [offer], [task(running, offer["agent_id"], command)])
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                if "uuid" in status:
                    scheduler.acknowledge(status)
                if status["state"] == "TASK_RUNNING" and status["task_id"]["value"] == running:
                    samples.append(1000 * (time.perf_counter() - at))
                if status["state"] in TERMINAL and status["task_id"]["value"] == running:
                    running = ""
                    if len(samples) > rounds:
                        scheduler.call("TEARDOWN")
                        await asyncio.sleep(0.2)
                        return samples[1:]
    raise SystemExit("the stream ended early")


async def private_memory(cluster: LocalCluster, count: int) -> float:
    """MiB of private memory that one running ``sleep`` adds to the whole cluster, shell and all."""
    before = cluster.private_bytes()
    up = 0
    async with LeanScheduler(cluster.host, cluster.port, "sleepers", checkpoint=cluster.checkpoint) as scheduler:
        async for event in scheduler.events():
            if event["type"] == "OFFERS":
                offer = event["offers"]["offers"][0]
                tasks = [task(f"s-{n}", offer["agent_id"], "sleep 1000") for n in range(count - up)]
                accept(scheduler, [offer], tasks)
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                if "uuid" in status:
                    scheduler.acknowledge(status)
                up += status["state"] == "TASK_RUNNING"
                if up == count:
                    await asyncio.sleep(0.5)
                    used = (cluster.private_bytes() - before) / count / (1 << 20)
                    scheduler.call("TEARDOWN")
                    await asyncio.sleep(0.5)
                    return used
    raise SystemExit("the stream ended early")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument(
        "--checkpoint", action=argparse.BooleanOptionalAction, default=True,
        help="whether frameworks ask for tasks that outlive their agent",
    )
    parser.add_argument("--root", default=tempfile.gettempdir(), help="where sandboxes are made; /dev/shm: no disk")
    options = parser.parse_args()
    workload = f"{options.tasks} tasks, 100 in flight, one agent with its sandboxes in {options.root}"
    workload += ", frameworks checkpoint" if options.checkpoint else ", frameworks do not checkpoint"
    report.header(f"processes: {workload}; latency over {options.rounds} tasks")
    resources = "cpus:64;mem:65536;disk:100000;ports:[31000-32000]"
    async with LocalCluster(agents=1, resources=resources, root=options.root) as cluster:
        cluster.checkpoint = options.checkpoint
        spawn = spawn_rate(1000)
        report.figure("posix_spawn + wait of true, in sequence", spawn, "spawns/s")
        report.figure("one sandbox on this file system, bare", sandbox_ms(500, options.root), "ms")
        command = await rate(cluster, "true", "true", options.tasks, 100)
        report.figure("command tasks", command, "tasks/s", reference=9.6)
        report.figure("  as a part of the spawn rate", command / spawn, "", reference=0.5, of="goal")
        executor = await rate(cluster, "exec", None, options.tasks, 100)
        report.figure("tasks on one custom executor", executor, "tasks/s", reference=189)
        p50, p99 = report.quantiles(await latency(cluster, "lat", "true", options.rounds))
        report.figure("ACCEPT to TASK_RUNNING, command task, p50", p50, "ms", reference=126)
        report.figure("ACCEPT to TASK_RUNNING, command task, p99", p99, "ms", reference=163)
        p50, p99 = report.quantiles(await latency(cluster, "lex", None, options.rounds))
        report.figure("ACCEPT to TASK_RUNNING, running executor, p50", p50, "ms", reference=52)
        report.figure("ACCEPT to TASK_RUNNING, running executor, p99", p99, "ms")
        memory = await private_memory(cluster, 100)
        report.figure("private memory of a running command task", memory, "MiB", reference=5, of="goal")
        report.figure("cluster RSS", psutil.Process(cluster.pid).memory_info().rss / (1 << 20), "MiB")


if __name__ == "__main__":
    uvloop.run(main())
