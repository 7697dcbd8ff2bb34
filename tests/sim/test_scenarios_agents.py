"""Fault scenarios F09 to F12: agents die, hang, are started again; hosts reboot; disks tear and fill up."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import MILLISECOND, Nanos
from mesos_py.sim.agents import AgentProcess
from mesos_py.sim.behaviour import Behaviour
from mesos_py.sim.book import Workload
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.fate import Fate
from mesos_py.sim.masters import MasterProcess
from mesos_py.sim.plan import AgentPlan
from mesos_py.wire.task import TaskStatus
from tests.sim.scenarios import BROKEN, LASTING, PATIENT, fault, framework, plan, survived, well


class Starts:
    """How many containers have begun to run on each host, what was told not to have begun, and the cluster."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.in_vain: dict[str, None] = {}
        self.cluster: Cluster

    def watch(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        """Cores may do what they like."""

    def heard(self, host: str, framework_id: str, status: TaskStatus, at: Nanos) -> None:
        if status.reason is TaskStatus.Reason.REASON_CONTAINER_LAUNCH_FAILED:
            self.in_vain[status.task_id] = None

    def started(self, host: str, spec: ContainerSpec, fate: Fate, at: Nanos) -> None:
        self.counts[host] = self.counts.get(host, 0) + 1


KINDS = [("command",), ("custom",), ("group",)]


@pytest.mark.parametrize("kinds", KINDS, ids=lambda kinds: kinds[0])
@pytest.mark.parametrize("how", ["restart agent", "end agent", "stop agent"])
def test_f09_an_agent_dies_and_comes_back(how: str, kinds: tuple[str, ...]) -> None:
    """Tasks of checkpointing frameworks run on, executors connect again, nothing is started a second time."""
    lasting = Workload(kinds=kinds, forever=1.0, fails=0.0, stubborn=0.0)
    starts = Starts()
    for_s = 0.0 if how == "end agent" else 10.0
    faults = [fault(20.0 * number, how, f"a{number % 2}", for_s) for number in range(1, 6)]
    report = well(plan(*faults, frameworks=(framework(workload=lasting),)), checkers=(starts,))
    survived(report)
    assert sum(starts.counts.values()) == report.tasks


@pytest.mark.parametrize("kinds", KINDS, ids=lambda kinds: kinds[0])
def test_f09_killed_at_any_moment(kinds: tuple[str, ...]) -> None:
    """While tasks are launched, end, are killed and acknowledged, with a slow disk: one end each, told until heard."""
    busy = Behaviour(target=6, kill_every_s=10.0, think=500 * MILLISECOND, forgets=0.3, regrets=0.2, shares=0.5)
    brief = Workload(kinds=kinds, forever=0.3, run_max_s=10.0, launch_max_s=3.0, stubborn=0.3)
    kills = [fault(3.7 * number, "restart agent", f"a{number % 2}", 0.5) for number in range(1, 30)]
    agents = tuple(AgentPlan(host=f"a{number}", store_latency_max=500 * MILLISECOND) for number in range(2))
    well(plan(*kills, frameworks=(framework(behaviour=busy, workload=brief),), agents=agents))


@pytest.mark.parametrize("how", ["restart agent", "kill supervisor", "reboot host"])
def test_f09_containers_of_the_api(how: str) -> None:
    """What was launched is there, has ended or was removed, and in the end nothing is left of any."""
    faults = [fault(7.0 * number, how, f"a{number % 2}", 2.0) for number in range(1, 15)]
    agents = tuple(AgentPlan(host=f"a{number}", store_latency_max=500 * MILLISECOND) for number in range(2))
    well(plan(*faults, agents=agents, guests_every_s=1.0))


def test_f09_tasks_that_do_not_checkpoint_end_with_the_agent() -> None:
    """And their framework hears of it."""
    alone = (AgentPlan(host="a0"),)
    report = well(plan(fault(30, "restart agent", "a0", 5), frameworks=(framework(checkpoint=False),), agents=alone))
    assert set(report.ends) <= {"OPEN", "FINISHED", *BROKEN}
    assert sum(count for end, count in report.ends.items() if end in BROKEN) == 3


def test_f09_the_agent_and_the_leader_die_together() -> None:
    """Who leads next knows the agent; the agent knows its tasks."""
    faults = [fault(25.0 * number, kind, host, 4.0) for number in range(1, 5)
              for kind, host in (("restart agent", "a0"), ("restart master", "leader"))]  # fmt: skip
    survived(well(plan(*faults, masters=3, has_zookeeper=True)))


def test_f10_the_host_reboots() -> None:
    """Nothing of what ran is there any more, and is told so; the agent is the same as before."""
    starts = Starts()
    report = well(plan(fault(30, "reboot host", "a0", 10), agents=(AgentPlan(host="a0"),)), checkers=(starts,))
    assert sum(count for end, count in report.ends.items() if end in BROKEN) == 3
    agent = starts.cluster.agents["a0"].agent
    assert report.ends["OPEN"] == 3
    assert agent is None  # the run is over


def test_f10_what_had_ended_before_the_reboot_is_told_after_it() -> None:
    """An end that nobody has acknowledged outlives the host's processes, not its disk."""
    deaf = Behaviour(target=3, kill_every_s=None, never_acknowledges=True)
    brief = Workload(forever=0.0, run_max_s=5.0, fails=0.0, stubborn=0.0)
    well(plan(fault(30, "reboot host", "a0", 10), frameworks=(framework(behaviour=deaf, workload=brief),)))


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("what", ["a record", "the ledger"])
def test_f11_what_the_agent_kept_is_torn(what: str, part: float) -> None:
    """It refuses to start and says why; its tasks are told lost or gone, and nothing is launched on a guess."""
    starts = Starts()
    runs: list[str] = []

    def tear(process: MasterProcess | AgentProcess) -> None:
        """What the first run has kept is cut off before the second one reads it."""
        if process.host != "a0":
            return
        runs.append(process.name)
        if len(runs) == 2:
            kept = starts.cluster.agents["a0"].disk.kept
            if what == "the ledger":
                kept.ledger = kept.ledger[: int(part * len(kept.ledger))]
            else:
                key = sorted(kept.kept)[-1]
                kept.kept[key] = kept.kept[key][: int(part * len(kept.kept[key]))]

    made = plan(fault(30, "restart agent", "a0", 5), fault(60, "lose host", "a0", 5), duration_s=100)
    report = well(made, checkers=(starts,), tamper=tear)
    (refusal,) = report.endings
    assert refusal.startswith("Corrupt: ")
    assert report.endings[refusal] > 3


@pytest.mark.parametrize("draw", [0.1, 0.9], ids=["but for the ballast", "to the last byte"])
def test_f12_the_disk_is_full(draw: float) -> None:
    """Launches fail with the reason, the agent lives, what runs goes on, and nothing is forgotten."""
    eager = Behaviour(target=8, kill_every_s=15.0, think=100 * MILLISECOND, refuse_s=1.0)
    brief = Workload(forever=0.3, run_max_s=20.0, fails=0.0, stubborn=0.0)
    frameworks: tuple[Any, ...] = (framework(), framework("f1", behaviour=eager, workload=brief))
    faults = [fault(30, "fill disk", f"a{number}", 40, draw) for number in range(2)]
    report = well(plan(*faults, frameworks=frameworks, duration_s=150))
    assert report.endings == {}
    assert report.ends["OPEN"] >= 3
    assert report.ends.get("FAILED", 0) > 0


def test_f12_an_agent_restarts_on_a_full_disk() -> None:
    """It tries until there is room; its tasks run on meanwhile."""
    faults = (fault(30, "fill disk", "a0", 60, 0.9), fault(40, "restart agent", "a0", 5))
    survived(well(plan(*faults, frameworks=(framework(behaviour=PATIENT, workload=LASTING),), duration_s=150)))


def test_what_is_asked_of_a_dead_supervisor_is_in_vain() -> None:
    """F28, seed 3045: it dies while the agent is stopped, which hears of launches before it hears of that."""
    slow = framework(checkpoint=False, behaviour=attrs.evolve(PATIENT, think=10_000 * MILLISECOND), workload=LASTING)
    faults = (fault(2.0, "stop agent", "a0", 15.0), fault(3.0, "kill supervisor", "a0"))
    in_vain = 0
    for seed in range(5):  # in most of them it accepts meanwhile
        starts = Starts()
        report = well(plan(*faults, seed=seed, agents=(AgentPlan(),), frameworks=(slow,)), checkers=(starts,))
        assert starts.counts == {"a0": report.tasks - len(starts.in_vain)}, "nothing runs that was told to have failed"
        in_vain += len(starts.in_vain)
    assert in_vain > 0
