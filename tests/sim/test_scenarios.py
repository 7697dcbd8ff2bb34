"""The fault scenarios of a two-level scheduler, each as a plan of its own: what is injected, and what must come of it.

Names carry the number of the scenario in the list of faults that real systems failed at. Here: networks, frameworks,
tasks; masters and agents have files of their own.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from mesos_py.flags import Rate
from mesos_py.machine.values import SECOND
from mesos_py.sim.plan import AgentPlan
from tests.sim.scenarios import BROKEN, LASTING, PATIENT, fault, framework, plan, survived, well

#: of the list of faults: all that concern what can die, hang or be cut off; and those that need real processes, too
SCENARIOS = {*range(1, 28), 31, 32}
REAL = {1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 17, 20, 23, 25, 26, 27}
@pytest.mark.parametrize(("directory", "numbers"), [("sim", SCENARIOS), ("faults", REAL)])
def test_every_scenario_is_there(directory: str, numbers: set[int]) -> None:
    """Each can be found by its number."""
    texts = [path.read_text() for path in (Path(__file__).parents[1] / directory).glob("test_*.py")]
    assert numbers <= {int(number) for text in texts for number in re.findall(r"def test_f(\d\d)_", text)}


def test_calm() -> None:
    """Without faults tasks run and nothing ends them."""
    survived(well(plan()))


@pytest.mark.parametrize("aware", [True, False], ids=["partition aware", "not aware"])
def test_f13_partition_beyond_the_ping_timeout(aware: bool) -> None:
    """The agent is unreachable, then its tasks are back as they are."""
    made = plan(fault(30, "partition", "a0", 200), duration_s=300, frameworks=(framework(partition_aware=aware),))
    survived(well(made))


@pytest.mark.parametrize("kind", ["cut to", "cut from"])
@pytest.mark.parametrize("host", ["a0", "f0"])
def test_f14_one_direction_is_dead(kind: str, host: str) -> None:
    """Noticed by what is not heard; no task suffers."""
    survived(well(plan(fault(30, kind, host, 200), duration_s=300)))


@pytest.mark.parametrize("removals", [None, Rate(1, 60)], ids=["unlimited", "limited"])
def test_f16_half_of_the_agents_vanish(removals: Rate | None) -> None:
    """Their tasks are told unreachable, and lost once other agents stand where they stood."""
    vanishing = [fault(30, "lose host", host, 200) for host in ("a0", "a1")]
    agents = tuple(AgentPlan(host=f"a{number}", cpus=4.0, mem=4096.0) for number in range(4))
    report = well(plan(*vanishing, duration_s=300, agents=agents, removals=removals))
    assert set(report.ends) <= {"OPEN", "FINISHED", *BROKEN}


def test_f17_framework_restarts_within_its_failover_timeout() -> None:
    """With its id: tasks are kept."""
    survived(well(plan(fault(30, "restart framework", "f0", 200), duration_s=300)))


def test_f18_framework_restarts_without_its_id() -> None:
    """It is another framework; the first one's tasks are killed when its time is over."""
    made = plan(fault(30, "replace framework", "f0", 5), frameworks=(framework(failover_timeout_s=60.0),))
    well(made)


def test_f19_framework_restarts_after_its_failover_timeout() -> None:
    """It is told that it was removed, and begins anew; nothing of before still runs."""
    made = plan(fault(30, "restart framework", "f0", 60), frameworks=(framework(failover_timeout_s=30.0),))
    assert "Framework has been removed" in well(made).refusals


def test_f20_two_instances_of_one_framework() -> None:
    """The older one is fenced: its calls are refused by its stream's id."""
    report = well(plan(fault(30, "rival", "f0"), fault(40, "rival", "f0")))
    survived(report)


def test_f21_a_hoarder_does_not_starve_others() -> None:
    """Offers it keeps are taken back after a while; the other framework gets its tasks through."""
    hoarder = framework("f1", behaviour=attrs.evolve(PATIENT, hoards=1.0))
    well(plan(frameworks=(framework(), hoarder), offer_timeout_s=10.0))


def test_f22_a_framework_that_never_acknowledges() -> None:
    """Updates are repeated ever more slowly, and delivered in the end."""
    silent = attrs.evolve(PATIENT, never_acknowledges=True, kill_every_s=10.0)
    well(plan(frameworks=(framework(behaviour=silent),), duration_s=600))


def test_f23_a_framework_that_stops_reading() -> None:
    """It is cut off at the bound at the latest; its tasks stay."""
    survived(well(plan(fault(30, "stall framework", "f0", 200), duration_s=300)))


def test_f24_accepting_what_is_gone() -> None:
    """Accepts race rescinds, expiries and agents that go."""
    careless = attrs.evolve(PATIENT, stale=0.5, think=8 * SECOND, target=6)
    faults = [fault(10.0 * number, "reset", "a0", draw=0.1) for number in range(1, 12)]
    well(plan(*faults, frameworks=(framework(behaviour=careless),), offer_timeout_s=5.0))


def test_f25_task_ids_are_used_twice() -> None:
    """The second is refused, the first does not notice."""
    again = attrs.evolve(PATIENT, reuses=1.0, target=6)
    short = attrs.evolve(LASTING, forever=0.5, run_max_s=20.0)
    well(plan(fault(50, "restart framework", "f0", 5), frameworks=(framework(behaviour=again, workload=short),)))


@pytest.mark.parametrize("kinds", [("command",), ("custom",), ("group",)], ids=lambda kinds: kinds[0])
def test_f26_kills_at_any_time(kinds: tuple[str, ...]) -> None:
    """Before the launch has arrived, while it is under way, twice, and of those that ignore SIGTERM."""
    hasty = attrs.evolve(PATIENT, regrets=0.6, insists=0.8, kill_every_s=10.0, target=6)
    slow = attrs.evolve(LASTING, kinds=kinds, launch_max_s=20.0, stubborn=0.5)
    faults = (fault(60, "kill everything", "f0"), fault(61, "reset", "a0"), fault(100, "kill everything", "f0"))
    well(plan(*faults, frameworks=(framework(behaviour=hasty, workload=slow),), ends_all=True))


def test_f27_executors_die_and_repeat_themselves() -> None:
    """One end for each task, whatever its executor says."""
    wild = attrs.evolve(LASTING, kinds=("custom", "group"), forever=0.3, twice=0.7, flaky=0.7, run_max_s=20.0)
    shared = attrs.evolve(PATIENT, shares=0.7, target=6)
    faults = [fault(8.0 * number, "kill containers", f"a{number % 2}", draw=0.5) for number in range(1, 14)]
    well(plan(*faults, frameworks=(framework(behaviour=shared, workload=wild),)))


def test_f31_clocks_disagree() -> None:
    """An hour off, and running at other rates: nobody compares clocks."""
    agents = (
        AgentPlan(host="a0", cpus=4.0, mem=4096.0, skew=3600 * SECOND, rate_ppm=20_000),
        AgentPlan(host="a1", cpus=4.0, mem=4096.0, skew=-3600 * SECOND, rate_ppm=-20_000),
    )
    survived(well(plan(fault(30, "partition", "a0", 30), agents=agents)))


def test_f32_links_that_come_and_go() -> None:
    """Clogs, cuts and resets on every link, overlapping."""
    hosts = ("a0", "a1", "f0")
    kinds = ("clog", "reset", "flap", "cut to", "partition")
    faults = [
        fault(7.0 * number, kinds[number % 5], hosts[number % 3], 9.0, draw=(number % 10) / 10) for number in range(30)
    ]
    survived(well(plan(*faults, duration_s=240)))


def test_f24_an_agent_dies_while_there_is_no_master() -> None:
    """The next master waits for it, then gives it up; its tasks are accounted for."""
    faults = (fault(30, "restart master", "m0", 20), fault(35, "lose host", "a0", 60))
    well(plan(*faults))


@pytest.mark.parametrize("kind", ["command", "group"])
def test_unhealthy_tasks_are_killed_though_their_agent_is_cut_off(kind: str) -> None:
    """All of them become unhealthy, some while no master hears of it; whoever is killed for it is told KILLED."""
    sick = attrs.evolve(LASTING, kinds=(kind,), sick=1.0)
    made = plan(fault(30, "partition", "a0", 100), duration_s=300, frameworks=(framework(workload=sick),))
    report = well(made)
    assert set(report.ends) <= {"OPEN", "FINISHED", "KILLED"}
    assert report.ends["KILLED"] > 5
