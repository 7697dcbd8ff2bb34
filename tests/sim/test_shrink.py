"""From many faults to the few that matter, in a bounded number of runs, and how that is told."""

from __future__ import annotations

from collections.abc import Callable, Collection

import attrs
import pytest

from mesos_py.agent.checkpoint import facts
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.faults import Fault
from mesos_py.sim.observe import Violation
from mesos_py.sim.plan import Plan, draw
from mesos_py.sim.run import Report, run
from mesos_py.sim.shrink import RUNS_MAX, replay_command, shrink
from tests.sim.scenarios import fault, plan
from tests.sim.test_sabotage import forgets

MANY = Plan(faults=tuple(Fault(at_s=float(number), kind="restart master", host="m0", for_s=1) for number in range(24)))


class Runs:
    """Runs that fail as ``how`` says of the faults they are left with, by number."""

    def __init__(self, how: Callable[[Collection[int]], str]) -> None:
        self.how, self.count = how, 0

    def __call__(self, plan: Plan) -> Report:
        self.count += 1
        return report(plan, self.how([int(fault.at_s) for fault in plan.faults if not fault.is_left_out]))


def report(of: Plan, signature: str, virtual_s: float = 100.0) -> Report:
    return Report(
        plan=of, violation=signature or None, signature=signature, digest="", events=0, virtual_s=virtual_s, tasks=0,
        ends={}, refusals={}, endings={}, reigns=(),
    )  # fmt: skip


BROKEN = report(MANY, "broken")


def needing(*numbers: int) -> Runs:
    return Runs(lambda left: "broken" if set(numbers) <= set(left) else "")


@pytest.mark.parametrize("needed", [(), (0,), (23,), (3, 17), (5, 6, 7), (0, 11, 12)], ids=str)
def test_what_is_needed_is_left(needed: tuple[int, ...]) -> None:
    """All of it and nothing else."""
    runs = needing(*needed)
    assert shrink(BROKEN, runs).kept == needed
    assert runs.count <= RUNS_MAX


def test_another_failure_is_another_story() -> None:
    """Without the first fault the run fails for another reason: that one is not followed."""
    runs = Runs(lambda left: "broken" if 0 in left else "something else")
    assert shrink(BROKEN, runs).kept == (0,)


def test_one_bug_breaks_several_invariants() -> None:
    """Which of them is seen first is chance: all are one reason, and what the last one showed is told."""
    seen = ["not settled I11 ", "Violation I4 sim/checkers/updates.py:118", "Violation I3 sim/checkers/updates.py:128"]
    found = shrink(report(MANY, seen[-1]), Runs(lambda left: seen[len(left) % 3] if {3, 17} <= set(left) else ""))
    assert found.kept == (3, 17)
    assert found.report.signature == seen[2]
    broken = Runs(lambda left: "AssertionError  master/invariants.py:80" if len(left) > 1 else seen[1])
    assert len(shrink(report(MANY, "AssertionError  master/invariants.py:80"), broken).kept) == 2


def test_what_had_not_begun_is_left_out_at_once() -> None:
    """It cannot be what the run failed of; of two dozen faults that leaves three, in one run."""
    runs = needing(0, 1, 2)
    assert shrink(report(MANY, "broken", 2.5), runs).kept == (0, 1, 2)
    assert runs.count <= 6


class EndsAt:
    """Stops a run after so long."""

    def __init__(self, at: Nanos) -> None:
        self._at = at

    def watch(self, cluster: Cluster) -> None:
        cluster.loop.call_in(self._at, self._end)

    def _end(self) -> None:
        raise Violation("I0", "it is time")

    def applied(self, process: str, event: Event, frame: Frame, at: Nanos) -> None:
        """Events may be what they like."""


def test_until_the_first_fault_that_is_left_out_the_run_is_the_same() -> None:
    """To the last event: later faults have no part in it, nor has the number of faults."""
    drawn = next(drawn for drawn in map(draw, range(100)) if len(drawn.faults) > 15)
    whole = attrs.evolve(drawn, lateness_max=0)
    ends = EndsAt(round(whole.faults[8].at_s * SECOND) - 1)
    begun = tuple(range(8))
    runs = [run(whole.keeping(kept), checkers=(ends,)) for kept in (tuple(range(16)), begun, (*begun, 12), ())]
    assert all(one.violation is not None and "it is time" in one.violation for one in runs)
    assert runs[0].digest == runs[1].digest == runs[2].digest != runs[3].digest


def test_of_a_real_bug_the_faults_that_show_it_are_left() -> None:
    """Agents that do not keep what was acknowledged have to be started again for that to be seen, nothing else."""

    def attempt(plan: Plan) -> Report:
        return run(plan, forgets(facts.UpdatesAcknowledged))

    noise = [fault(2.0 + 5 * number, "reset", f"a{number % 2}", draw=number / 20) for number in range(16)]
    kills = [fault(33.0 + 20 * number, "restart agent", f"a{number % 2}", 1.0) for number in range(4)]
    failed = attempt(plan(*noise, *kills, check_every=1_000))
    found = shrink(failed, attempt)
    assert {failed.plan.faults[index].kind for index in found.kept} == {"restart agent"}
    assert len(found.kept) <= 2
    assert attempt(failed.plan.keeping(found.kept)) == found.report, "so it is shown again"


def test_one_that_only_its_successor_needed_goes_as_well() -> None:
    """What could not be left out at first can be, once the fault that came after it is gone."""
    runs = Runs(lambda left: "broken" if 2 in left and (1 in left or 5 not in left) else "")
    assert shrink(BROKEN, runs).kept == (2,)


def test_it_ends_whatever_is_needed() -> None:
    """All of them, in so many runs that they would take too long: what has been found by then is told."""
    runs = Runs(lambda left: "broken" if len(left) % 2 == 0 and len(left) > 2 else "")
    kept = shrink(report(Plan(faults=MANY.faults * 4), "broken"), runs).kept
    assert runs.count <= RUNS_MAX
    assert len(kept) > 2


def test_the_command_that_shows_it_again() -> None:
    """With all faults, with those that are left, with none."""
    assert replay_command(7) == "mesos-py sim --seed=7"
    assert replay_command(7, (1, 4)) == "mesos-py sim --seed=7 --faults=1,4"
    assert replay_command(7, ()) == "mesos-py sim --seed=7 --faults=none"
