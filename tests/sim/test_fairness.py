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
GREEDY = Behaviour(target=100, kill_every_s=None, think=10 * MILLISECOND, refuse_s=0.0)


class Books:
    """The schedulers, to be looked at when the run is over."""

    cluster: Cluster

    def watch(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        """Nothing is judged before the end."""

    def cpu_seconds(self) -> dict[str, float]:
        """What each framework's finished tasks have used."""
        return {
            host: sum(
                one.shape.cpus * (one.shape.fate.run or 0.0) for one in scheduler.book.values() if one.has_finished
            )
            for host, scheduler in self.cluster.schedulers.items()
        }


@pytest.mark.parametrize(
    ("faults", "weights"),
    [((), {}), ((fault(40, "restart master", "m0", 5),), {"r1": 2.0, "r2": 4.0})],
    ids=["equal", "weighted, over a failover"],
)
def test_frameworks_end_up_with_their_shares(faults: tuple[Fault, ...], weights: dict[str, float]) -> None:
    """Each agent has room for one task, and tasks are short: whoever is furthest below its share gets the next."""
    brief = Workload(forever=0.0, fails=0.0, stubborn=0.0, run_max_s=4.0, launch_max_s=0.1, cpus_max=0.0)
    frameworks = tuple(
        framework(f"f{number}", behaviour=GREEDY, workload=brief, role=f"r{number}") for number in range(3)
    )
    agents = tuple(AgentPlan(host=f"a{number}", cpus=0.1, mem=4096.0) for number in range(21))
    books = Books()
    made = plan(*faults, frameworks=frameworks, agents=agents, duration_s=90, encoded=False, weights=weights)
    well(made, checkers=(books,))
    each = sorted(used / weights.get(f"r{host[1:]}", 1.0) for host, used in books.cpu_seconds().items())
    assert each[0] * (3 + sum(weights.values()) - len(weights)) > 90  # of 2.1 cpus for 90 s
    assert each[-1] < 1.2 * each[0]
