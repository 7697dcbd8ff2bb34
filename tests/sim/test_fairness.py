"""I10: in steady state, with everybody wanting more than there is, frameworks get equal shares over time (DRF)."""

from __future__ import annotations

import pytest

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import MILLISECOND, Nanos
from mesos_py.sim.behaviour import Behaviour
from mesos_py.sim.book import Workload
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.faults import Fault
from mesos_py.sim.plan import AgentPlan
from tests.sim.scenarios import fault, framework, plan, well

#: more than there is, and each takes one task's worth at a time
GREEDY = Behaviour(target=30, kill_every_s=None, think=50 * MILLISECOND, refuse_s=1.0)


class Books:
    """The schedulers, to be looked at when the run is over."""

    cluster: Cluster

    def watch(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        """Nothing is judged before the end."""

    def cpu_seconds(self) -> list[float]:
        """What each framework's finished tasks have used, least first."""
        return sorted(
            sum(one.shape.cpus * (one.shape.fate.run or 0.0) for one in scheduler.book.values() if one.has_finished)
            for scheduler in self.cluster.schedulers.values()
        )


@pytest.mark.parametrize("faults", [(), (fault(40, "restart master", "m0", 5),)], ids=["calm", "after a failover"])
def test_equal_frameworks_end_up_with_equal_shares(faults: tuple[Fault, ...]) -> None:
    """Tasks are short, so that what one has too much comes free; nobody is ever without."""
    brief = Workload(forever=0.0, fails=0.0, stubborn=0.0, run_max_s=4.0, launch_max_s=0.1, cpus_max=0.4)
    frameworks = tuple(
        framework(f"f{number}", behaviour=GREEDY, workload=brief, role=f"r{number}") for number in range(3)
    )
    agents = tuple(AgentPlan(host=f"a{number}", cpus=4.0, mem=4096.0) for number in range(2))
    books = Books()
    well(plan(*faults, frameworks=frameworks, agents=agents, duration_s=90, encoded=False), checkers=(books,))
    used = books.cpu_seconds()
    assert used[0] > 50
    assert used[-1] < 1.2 * used[0]
