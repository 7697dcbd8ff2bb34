"""Fault scenarios F01 to F08: masters and their ZooKeeper die, hang, are cut off and damaged; no task notices."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.machine.frame import Close, Event, Frame, Send
from mesos_py.machine.values import MILLISECOND, SECOND, Nanos
from mesos_py.sim.behaviour import Behaviour
from mesos_py.sim.book import Workload
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.faults import LEADER, Fault
from mesos_py.sim.observe import is_master
from mesos_py.sim.plan import AgentPlan, Plan
from mesos_py.wire import internal
from tests.sim.scenarios import fault, framework, plan, survived, well

SESSION_S = 10.0
#: until the end of a session is noticed, committed and acted upon: ZooKeeper counts in ticks of two seconds
NOTICED_S = 3.0


def masters(*faults: Fault, **fields: Any) -> Plan:
    """Three masters and a ZooKeeper of three."""
    return plan(*faults, **({"masters": 3, "has_zookeeper": True, "zk_session_timeout_s": SESSION_S} | fields))


def test_calm() -> None:
    """One is elected at once, and stays it."""
    report = well(masters())
    survived(report)
    assert len(report.reigns) == 1
    assert report.reigns[0][0] < 2
    assert report.endings == {}


def test_f01_the_leader_is_killed() -> None:
    """A standby leads within the session's timeout and a moment; tasks keep running."""
    report = well(masters(fault(30, "restart master", LEADER, 60)))
    survived(report)
    (_, first), (at_s, second) = report.reigns
    assert first != second
    assert 30 < at_s < 30 + SESSION_S + NOTICED_S


def test_f02_the_only_master_restarts() -> None:
    """Agents register again, its state is rebuilt from them, no task notices."""
    faults = [fault(20.0 * number, "restart master", "m0", 5.0) for number in range(1, 5)]
    survived(well(plan(*faults)))


@pytest.mark.parametrize("checkpoint", [True, False], ids=["checkpoints", "does not"])
def test_f02_the_only_master_hangs(checkpoint: bool) -> None:
    """Everybody has left it and come back, again and again, before it reads any of that; nobody is given up for it."""
    made = plan(fault(30, "stop master", "m0", 200), duration_s=300, frameworks=(framework(checkpoint=checkpoint),))
    survived(well(made))


def test_f03_the_leader_is_stopped_and_goes_on() -> None:
    """SIGSTOP beyond its session, SIGCONT: it says nothing more, writes nothing, and ends; another one leads."""
    report = well(masters(fault(30, "stop master", LEADER, 40)))
    survived(report)
    assert len(report.reigns) == 2
    assert sum(report.endings.values()) == 1
    assert set(report.endings) <= {
        "LeaseExpired: the lease has run out: somebody else may act by now",
        "LeadershipLost: the session with ZooKeeper has ended",
    }


def test_f03_a_short_stop_changes_nothing() -> None:
    """Whoever goes on within its lease leads on."""
    report = well(masters(fault(30, "stop master", LEADER, 5)))
    survived(report)
    assert len(report.reigns) == 1


@pytest.mark.parametrize("draw", [0.1, 0.7, 0.9], ids=["both ways", "asking", "hearing"])
def test_f04_the_leader_is_cut_off_from_zookeeper_alone(draw: float) -> None:
    """It steps down before its session ends, though agents and frameworks still hear it."""
    report = well(masters(fault(30, "cut off from zookeeper", LEADER, 60, draw)))
    survived(report)
    (_, first), (at_s, second) = report.reigns
    assert first != second
    assert 30 < at_s < 30 + SESSION_S + NOTICED_S


class Launches:
    """When tasks are launched."""

    def __init__(self) -> None:
        self.at_s: list[float] = []

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        """Nothing is counted until it is said."""

    def said(self, process: str, word: Send | Close, at: Nanos) -> None:
        if is_master(process) and isinstance(word, Send) and isinstance(word.message, internal.RunTask):
            self.at_s.append(at / SECOND)


def test_f05_the_quorum_is_lost_for_five_minutes() -> None:
    """Tasks run on, none is launched meanwhile, and all goes on by itself when it returns."""
    busy = Behaviour(target=3, kill_every_s=None, think=100 * MILLISECOND)
    brief = Workload(forever=0.0, fails=0.0, stubborn=0.0, run_max_s=10.0)
    launches = Launches()
    frameworks = (framework(), framework("f1", behaviour=busy, workload=brief))
    report = well(masters(fault(60, "lose quorum", "z1", 300), frameworks=frameworks, duration_s=420),
                  checkers=(launches,))  # fmt: skip
    quiet = [at_s for at_s in launches.at_s if 60 + SESSION_S < at_s < 360]
    assert quiet == []
    assert any(at_s < 60 for at_s in launches.at_s)
    assert any(360 < at_s < 420 for at_s in launches.at_s)
    assert report.ends["OPEN"] == 3


def test_f05_tasks_survive_that() -> None:
    """All of them, and nobody is told anything else."""
    survived(well(masters(fault(60, "lose quorum", "z1", 300), duration_s=420)))


def test_f06_answers_of_zookeeper_are_lost() -> None:
    """While agents are admitted and given up: every write counts once, the registry fits its ledger."""
    faults = [fault(1 + number / 3, "reset zookeeper", "m0", draw=number % 10 / 10) for number in range(120)]
    comings = [fault(5.0 * number, "lose host", f"a{number % 3}", 2.0) for number in range(1, 8)]
    agents = tuple(AgentPlan(host=f"a{number}") for number in range(3))
    report = well(masters(*faults, *comings, masters=1, agents=agents, zk_commit_max=200 * MILLISECOND))
    assert report.reigns


@pytest.mark.parametrize("seed", range(5))
def test_f07_all_contend_in_the_same_moment(seed: int) -> None:
    """Started at once, and all killed and started again at once: one of them wins, each time."""
    faults = [fault(at_s, "restart master", f"m{number}", 3.0, 0.9) for at_s in (30, 60) for number in range(3)]
    report = well(masters(*faults, seed=seed))
    survived(report)
    assert len(report.reigns) == 3


@pytest.mark.parametrize("draw", [0.0, 0.4, 0.99], ids=["a record", "another", "the ledger"])
def test_f08_the_registry_is_damaged(draw: float) -> None:
    """Nobody leads on a guess of what it was; tasks run on; with the backup in its place all is as before."""
    faults = (fault(30, "damage registry", "z0", 60, draw), fault(31, "restart master", LEADER, 100))
    report = well(masters(*faults, duration_s=150))
    survived(report)
    refusals = [why for why in report.endings if why.startswith("Corrupt: ")]
    assert len(refusals) == 1
    assert "registry restore" in refusals[0]
    assert not [at_s for at_s, _ in report.reigns if 31 < at_s < 90]


def test_f15_everybody_comes_to_a_new_leader_at_once() -> None:
    """Two hundred agents: all are known again within seconds, and the leader stays it."""
    agents = tuple(AgentPlan(host=f"a{number}", cpus=1.0) for number in range(200))
    made = masters(fault(20, "restart master", LEADER, 30), agents=agents, duration_s=50, check_every=1_000,
                   encoded=False)  # fmt: skip
    report = well(made)
    survived(report)
    assert len(report.reigns) == 2


def test_f31_clocks_are_set_while_masters_change() -> None:
    """An hour forward, an hour back: who starts later believes it, and nobody is given up for it."""
    jumps = [fault(10.0 * number, "clock jump", "a0", draw=number / 100) for number in range(1, 12)]
    kills = [fault(25.0 * number, "restart master", LEADER, 3.0) for number in range(1, 5)]
    report = well(masters(*jumps, *kills))
    survived(report)
    assert len(report.reigns) >= 4


class Around:
    """The cluster of a run, to be looked at when it is over."""

    cluster: Cluster

    def watch(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        """Nothing is judged."""


def test_agents_back_off_from_a_master_that_is_not_ready() -> None:
    """While it reads its registry it turns them away, and they come less and less often."""
    around = Around()
    agents = tuple(AgentPlan(host=f"a{number}") for number in range(20))
    well(plan(agents=agents, store_latency_max=20 * SECOND), checkers=(around,))
    assert 0 < around.cluster.net.turned_away <= 15 * len(agents)
