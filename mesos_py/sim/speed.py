"""How fast a calm cluster is simulated: from nothing, through registration and launches, to the end of a long quiet."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator

import attrs

from mesos_py.machine.values import SECOND, seconds
from mesos_py.sim.behaviour import Behaviour
from mesos_py.sim.book import Workload
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.net import Weather
from mesos_py.sim.plan import AgentPlan, FrameworkPlan, Plan
from mesos_py.sim.run import silent

VIRTUAL_S = 600.0


@attrs.frozen(kw_only=True)
class Figures:
    agents: int
    tasks: int
    virtual_s: float
    real_s: float
    #: of one processor; less than ``real_s`` where others use it, too
    processor_s: float
    events: int

    def text(self) -> str:
        return (
            f"{self.agents} agents, {self.tasks} tasks: {self.virtual_s:.0f} virtual seconds in {self.real_s:.2f} s"
            f" ({self.processor_s:.2f} s of processor),"
            f" {self.virtual_s / self.real_s:.0f} times real time, {self.events / self.real_s:.0f} events a second"
        )


def measure(agents: int, virtual_s: float = VIRTUAL_S, masters: int = 1) -> Figures:
    """One framework that keeps a task on every other agent; no faults, no checks. Masters that have rivals are elected
    by three servers of ZooKeeper, with which every agent has a session."""
    framework = FrameworkPlan(
        host="f0", partition_aware=True, killing_state=False, checkpoint=True, failover_timeout_s=60.0, role="*",
        behaviour=Behaviour(target=max(1, agents // 2), kill_every_s=None, reconcile_every_s=3600.0, suppresses=True,
                            refuse_s=600.0),
        workload=Workload(forever=1.0, fails=0.0, stubborn=0.0),
    )  # fmt: skip
    plan = Plan(
        seed=0, agents=tuple(AgentPlan(host=f"a{number}", cpus=4.0, mem=4096.0) for number in range(agents)),
        frameworks=(framework,), weather=Weather(), faults=(), duration_s=0.0, encoded=False, check_every=1 << 60,
        lateness_max=0, ping_timeout_s=15.0, ping_timeouts=5, offer_timeout_s=None, store_latency_max=0, ends_all=False,
        masters=masters, has_zookeeper=masters > 1,
    )  # fmt: skip
    loop = SimLoop(0)
    began, processor_began = time.perf_counter(), time.process_time()
    with silent(), uncollected():
        cluster = loop.run_until_complete(_made(loop, plan))
        loop.run_for(seconds(virtual_s))
        real_s, processor_s = time.perf_counter() - began, time.process_time() - processor_began
        cluster.stop()
        loop.close()
    (scheduler,) = cluster.schedulers.values()
    return Figures(
        agents=agents, tasks=len(scheduler.open_records()), virtual_s=loop.now / SECOND, real_s=real_s,
        processor_s=processor_s, events=cluster.events,
    )  # fmt: skip


async def _made(loop: SimLoop, plan: Plan) -> Cluster:
    """In the loop: it has timers from the start."""
    return Cluster(loop, plan)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """A large cluster lives as long as its simulation, and hardly anything that ends before is in cycles."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
