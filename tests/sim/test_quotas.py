"""I9 and F24: quotas and weights are set, changed and removed while masters, agents and frameworks come and go."""

from __future__ import annotations

import attrs
import pytest

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.master.events import ChangeQuota
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.faults import LEADER, Fault
from mesos_py.sim.operators import quota
from mesos_py.sim.plan import Plan
from tests.sim.scenarios import (
    GREEDY,
    PATIENT,
    SLOW,
    SMALL,
    agents,
    asks,
    fault,
    framework,
    guarantee,
    limit,
    limited,
    plan,
    weigh,
    well,
)


class Looks:
    """How many small tasks each framework has under way, at certain times; and what operators have heard."""

    cluster: Cluster

    def __init__(self, *at_s: float) -> None:
        self._at_s = at_s
        self.found: list[tuple[int, ...]] = []
        #: how many of them run on a0, which is slow in some scenarios
        self.on_a0: list[int] = []

    @property
    def answers(self) -> list[str | None]:
        return self.cluster.operators.answers

    def watch(self, cluster: Cluster) -> None:
        self.cluster = cluster
        for at_s in self._at_s:
            cluster.loop.call_in(int(at_s * SECOND), self._look, cluster)

    def _look(self, cluster: Cluster) -> None:
        self.found.append(tuple(len(one.open_records()) for one in cluster.schedulers.values()))
        self.on_a0.append(len(cluster.agents["a0"].tasks()))

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        """Only at those times."""


def test_a_limit_is_reached_and_raised() -> None:
    """Exactly as much as it says, then as much as it says now, then everything."""
    raised = (limit(30, "r1", cpus=2.0), asks(60, ChangeQuota((quota("r1"),), force=False)))
    looks = Looks(29, 59, 89)
    well(limited(*raised, duration_s=90), checkers=(looks,))
    assert looks.found == [(10,), (20,), (50,)]


def test_a_limit_below_what_is_in_use() -> None:
    """Is refused; with force nothing is killed, and nothing more is offered."""
    looks = Looks(29, 59)
    again = attrs.evolve(GREEDY, kill_every_s=20.0)
    made = limited(
        limit(10, "r1", cpus=0.5), limit(20, "r1", cpus=0.5, force=True), duration_s=60,
        frameworks=(framework(behaviour=again, workload=SMALL, role="r1"),),
    )  # fmt: skip
    well(made, checkers=(looks,))
    first, refused, forced, *_ = looks.answers
    assert (first, forced) == (None, None)
    assert refused is not None
    assert "is already consuming" in refused
    assert looks.found[0][0] >= looks.found[1][0] >= 5


def test_a_tight_limit_waits_for_an_agent_that_is_slow_to_return() -> None:
    """Four of five agents are back, which is enough to offer again; but the fifth may have all that is allowed."""
    looks = Looks(24, 60, 100)
    well(limited(*SLOW, duration_s=110), checkers=(looks,))
    assert looks.found == [(10,), (10,), (10,)]


def test_an_agent_that_was_given_up_comes_back_with_what_it_had() -> None:
    """What it ran was begun elsewhere by then: nothing is killed, and nothing is offered, since there is too much."""
    away = fault(24, "partition", "a0", 200, 0.001)
    looks = Looks(20, 200, 250, 290)
    well(limited(away, duration_s=300), checkers=(looks,))
    assert looks.found == [(10,), (12,), (12,), (12,)]


@pytest.mark.parametrize("masters", [1, 3])
def test_a_guarantee_is_held_back_and_honoured(masters: int) -> None:
    """Of twenty tasks' worth fifteen are promised to a framework that is away, then all its, also after a failover."""
    frameworks = (
        framework("f0", behaviour=GREEDY, workload=SMALL, role="r0"),
        framework("f1", behaviour=GREEDY, workload=SMALL, role="r1"),
    )
    faults = (
        fault(0.0, "restart framework", "f1", 60), fault(0.0, "restart agent", "a0", 5),
        fault(0.0, "restart agent", "a1", 5), guarantee(0.1, "r1", cpus=1.5), fault(40, "restart master", LEADER, 3),
        fault(85, "restart master", LEADER, 3),
    )  # fmt: skip
    looks = Looks(39, 59, 84, 119)
    made = plan(*faults, frameworks=frameworks, agents=agents(2), masters=masters, has_zookeeper=masters > 1,
                ends_all=True)  # fmt: skip
    well(made, checkers=(looks,))
    assert looks.found == [(5, 0), (5, 0), (5, 15), (5, 15)]


@pytest.mark.parametrize("guaranteed", [0.0, 1.5])
def test_a_guarantee_is_honoured_with_what_others_leave(guaranteed: float) -> None:
    """One that is given when everything is in use: whatever ends from then on is kept for it until it has all, and not
    half of everything, which would be its fair share."""
    brief = attrs.evolve(SMALL, forever=0.0, run_max_s=10.0)
    frameworks = (
        framework("f0", behaviour=GREEDY, workload=brief, role="r0"),
        framework("f1", behaviour=GREEDY, workload=SMALL, role="r1"),
    )
    faults = (fault(0.0, "restart framework", "f1", 29.5), guarantee(30, "r1", cpus=guaranteed))
    looks = Looks(29, 59)
    well(plan(*faults, frameworks=frameworks, agents=agents(2), duration_s=60, ends_all=True), checkers=(looks,))
    before, after = looks.found
    assert before == (20, 0)
    assert (after[1] >= 15) is (guaranteed > 0)


def test_roles_below_are_counted_and_not_held() -> None:
    """What r1/a has is r1's, and r1 may have what that leaves; those below go on, as in Mesos."""
    frameworks = tuple(
        framework(f"f{number}", behaviour=GREEDY, workload=SMALL, role=role)
        for number, role in enumerate(("r1/a", "r1", "r1/b/c"))
    )
    looks = Looks(29)
    well(limited(frameworks=frameworks, agents=agents(3), duration_s=30), checkers=(looks,))
    below, own, further_below = looks.found[0]
    assert own <= 10 < below + further_below


def with_a_hoarder(*faults: Fault) -> Plan:
    """What is left of a role's limit beside twenty tasks is on offer to a framework that does not answer."""
    frameworks = (
        framework("f0", behaviour=attrs.evolve(GREEDY, target=20), workload=SMALL, role="r1"),
        framework("f1", behaviour=attrs.evolve(PATIENT, hoards=1.0), workload=SMALL, role="r1"),
    )
    made = (fault(0.0, "restart framework", "f1", 20), *faults)
    return plan(*made, frameworks=frameworks, agents=agents(5), duration_s=300)


def test_offers_make_room_for_an_agent_that_was_given_up_and_is_back() -> None:
    """They are taken back as far as the limit does not leave them beside what it still runs."""
    looks = Looks(24, 299)
    well(with_a_hoarder(limit(0.1, "r1", cpus=3.0), fault(24, "partition", "a0", 200, 0.001)), checkers=(looks,))
    assert looks.on_a0[0] > 0
    assert looks.found == [(20, 0), (20, 0)]


def test_a_limit_counts_what_may_come_back() -> None:
    """Set while an agent is slow to return, it takes back what would exceed it with all that the agent may have."""
    looks = Looks(24, 39)
    # Four agents are all in use or on offer by then, and the fifth has one task at least.
    well(with_a_hoarder(*SLOW, limit(40, "r1", force=True, cpus=4.05)), checkers=(looks,))
    assert looks.found == [(20, 0), (20, 0)]
    assert looks.on_a0[0] > 0


def f24(seed: int) -> Plan:
    """Frameworks take their time, and accept what is gone; what they may have changes every two seconds."""
    careless = attrs.evolve(PATIENT, stale=0.3, think=4 * SECOND, target=8, refuse_s=1.0, kill_every_s=20.0)
    brief = attrs.evolve(SMALL, forever=0.3, run_max_s=20.0, cpus_max=0.5)
    frameworks = tuple(
        framework(f"f{number}", behaviour=careless, workload=brief, role=role)
        for number, role in enumerate(("r1", "r1/b", "r2"))
    )
    cpus = (0.3, 2.0, 0.0, 1.0)
    changes = [
        asks(2.0 * number, ChangeQuota(
            (quota("r1", limits={"cpus": cpus[number % 4]}), quota("r2", guarantees={"cpus": cpus[number % 3]})),
            force=number % 3 != 0,
        ))
        for number in range(1, 55)
    ]  # fmt: skip
    weights = [weigh(7.0 * number, r1=number) for number in range(1, 15)]
    gone = [fault(13.0 * number, ("mark gone", "lose host")[number % 2], f"a{number % 3}", 1.0) for number in range(8)]
    kills = [fault(29.0 * number, "restart master", LEADER, 2.0) for number in range(1, 4)]
    faults = sorted([*changes, *weights, *gone, *kills], key=lambda one: one.at_s)
    return plan(*faults, frameworks=frameworks, agents=agents(3, cpus=2.0), offer_timeout_s=15.0, seed=seed)


@pytest.mark.parametrize("seed", range(3))
def test_f24_accepting_while_quotas_change(seed: int) -> None:
    """ACCEPT races RESCIND, agents that go and masters that change: every task has one end, and no limit is passed."""
    looks = Looks()
    report = well(f24(seed), checkers=(looks,))
    assert report.tasks > 50
    assert report.ends.get("LOST", 0) + report.ends.get("DROPPED", 0) > 0, "offers that were taken back were accepted"
    assert None in looks.answers
    assert any("is already consuming" in text for text in looks.answers if text)
