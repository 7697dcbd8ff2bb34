"""F09: every event of an agent is a point at which it may be killed, and its master with it.

The plan is the same each time, up to the kill: tasks are launched, run, fail, are killed and acknowledged, while the
disk is slow. The first run counts the agent's events; there is one more for each of them.
"""

from __future__ import annotations

import pytest

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import MILLISECOND, SECOND, Nanos
from mesos_py.sim.behaviour import Behaviour
from mesos_py.sim.book import Workload
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.plan import AgentPlan
from tests.sim.scenarios import framework, plan, well

HOST, MASTER = "a0", "m0"
SLOW = 100 * MILLISECOND
BUSY = Behaviour(target=2, kill_every_s=4.0, think=300 * MILLISECOND, forgets=0.2, regrets=0.2, shares=0.5)
#: a registration, and what follows from the first launches
EVENTS_MIN = 15


class Killer:
    """Kills the agent after its event number ``at``: before what follows is kept, or after; every third with master."""

    def __init__(self, at: int) -> None:
        self.seen, self._at = 0, at
        self._cluster: Cluster

    def watch(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        if process.startswith("agent") and not self._cluster.is_healed:
            self.seen += 1
            if self.seen == self._at:
                self._cluster.loop.call_in(self._at % 2 * SLOW, self._kill)

    def _kill(self) -> None:
        self._cluster.agents[HOST].kill()
        if self._at % 3 == 0:
            self._cluster.kill_master(MASTER)
        self._cluster.loop.call_in(2 * SECOND, self._start)

    def _start(self) -> None:
        if not self._cluster.is_healed:  # which starts all there is
            self._cluster.agents[HOST].start()
            if self._at % 3 == 0:
                self._cluster.start_master(MASTER)


@pytest.mark.parametrize("kind", ["command", "custom", "group"])
def test_f09_killed_after_any_event(kind: str) -> None:
    """Every update in order until it is heard, one end for each task, nothing lost and nothing left behind."""
    workload = Workload(kinds=(kind,), forever=0.3, fails=0.3, stubborn=0.3, run_max_s=3.0, launch_max_s=1.0)
    made = plan(
        frameworks=(framework(behaviour=BUSY, workload=workload),), duration_s=12, seed=3,
        agents=(AgentPlan(host=HOST, store_latency_max=SLOW),),
    )  # fmt: skip
    whole = Killer(0)
    well(made, checkers=(whole,))
    assert whole.seen > EVENTS_MIN
    for at in range(1, whole.seen + 1):
        killer = Killer(at)
        well(made, checkers=(killer,))
        assert killer.seen >= at
