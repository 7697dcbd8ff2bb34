"""``kill -9`` of the leading master until offers flow again: three masters, three servers of ZooKeeper, real processes.

Nobody can lead before ZooKeeper gives the dead leader up, which takes its session timeout, counted from the last it
heard of it and rounded up to its own ticks. What comes after that is ours: another master leads and reads the registry,
agents and the framework find it, and it offers. Agents wait a random part of their back-off factor of 1 s before
they register, so that thousands of them would not come at once.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks import report
from mesos_py.logs import LogOptions, set_up
from tests.coordination.ensemble import TICK_MS, Ensemble, missing
from tests.faults.cluster import Cluster
from tests.faults.framework import Framework
from tests.faults.programs import until

GOAL_S = 1.0  # beyond the session timeout


async def once(cluster: Cluster, framework: Framework) -> tuple[float, float, float, float]:
    """Seconds from the kill until another one leads, the framework is subscribed there, has an offer, has all."""
    await until(lambda: len(framework.offers) == len(cluster.agents), "offers")
    old = await cluster.leader()
    seen = len(framework.events)
    old.kill()
    killed_at = time.time()

    def heard(kind: str) -> bool:
        return any(event["type"] == kind for event in framework.events[seen:])

    await until(lambda: heard("SUBSCRIBED"), "subscribed again")
    subscribed_at = time.time()
    await until(lambda: heard("OFFERS"), "offers again")
    offered_at = time.time()
    await until(lambda: len(framework.offers) == len(cluster.agents), "offers of every agent")
    all_offered_at = time.time()
    new = await cluster.leader(other_than=old)
    elected_at = (await cluster.ask(new, "GET_MASTER"))["elected_time"]
    await old.start()
    await until(cluster.all_registered, "agents are back")
    return elected_at - killed_at, subscribed_at - killed_at, offered_at - killed_at, all_offered_at - killed_at


async def measure(ensemble: Ensemble, root: Path, session_s: float, rounds: int, agents: int) -> None:
    workload = f"3 masters, 3 servers of ZooKeeper with ticks of {TICK_MS} ms, {agents} agents, 1 framework"
    report.header(f"kill -9 of the leader to offers: {workload}; session timeout {session_s:g} s, {rounds} rounds")
    async with (
        Cluster(ensemble, f"/bench{session_s:g}", root, agents=agents, session_s=session_s, flags=()) as cluster,
        Framework(cluster.zk) as framework,
    ):
        measured = [await once(cluster, framework) for _ in range(rounds)]
        await framework.teardown()
    elected, subscribed, offered, all_offered = zip(*measured, strict=True)
    goal_s = session_s + GOAL_S
    report.figure("until another one leads, median", statistics.median(elected), "s")
    report.figure("  from then to the framework's subscription", _between(elected, subscribed), "s")
    report.figure("  from then to its first offer", _between(subscribed, offered), "s")
    report.figure("  from then to offers of every agent", _between(offered, all_offered), "s")
    report.figure("kill -9 to offers, median", statistics.median(offered), "s", reference=goal_s, of="goal")
    report.figure("kill -9 to offers, longest", max(offered), "s", reference=goal_s, of="goal")


def _between(earlier: tuple[float, ...], later: tuple[float, ...]) -> float:
    return statistics.median(end - begin for begin, end in zip(earlier, later, strict=True))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=float, nargs="*", default=[10.0], help="session timeouts in seconds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--agents", type=int, default=3)
    options = parser.parse_args()
    why = missing()
    if why is not None:
        raise SystemExit(why)
    set_up(LogOptions(logging_level="ERROR"))
    with tempfile.TemporaryDirectory(prefix="mesos-py-bench-") as folder:
        ensemble = Ensemble(Path(folder), 3)
        try:
            await asyncio.to_thread(ensemble.start)
            for session_s in options.sessions:
                root = Path(folder) / f"session-{session_s:g}"
                root.mkdir()
                await measure(ensemble, root, session_s, options.rounds, options.agents)
        finally:
            ensemble.stop()


if __name__ == "__main__":
    uvloop.run(main())
