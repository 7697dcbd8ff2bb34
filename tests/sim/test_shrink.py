"""From many faults to the few that matter, in a bounded number of runs, and how that is told."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from mesos_py.sim.faults import Fault
from mesos_py.sim.plan import Plan
from mesos_py.sim.run import Report
from mesos_py.sim.shrink import RUNS_MAX, replay_command, shrink

MANY = Plan(faults=tuple(Fault(at_s=float(number), kind="restart master", host="m0", for_s=1) for number in range(24)))


class Runs:
    """Runs that fail as ``how`` says of the faults they are left with, by number."""

    def __init__(self, how: Callable[[Collection[int]], str]) -> None:
        self.how, self.count = how, 0

    def __call__(self, plan: Plan) -> Report:
        self.count += 1
        signature = self.how([int(fault.at_s) for fault in plan.faults])
        return Report(
            plan=plan, violation=signature or None, signature=signature, digest="", events=0, virtual_s=0.0, tasks=0,
            ends={}, refusals={}, endings={}, reigns=(),
        )  # fmt: skip


def needing(*numbers: int) -> Runs:
    return Runs(lambda left: "broken" if set(numbers) <= set(left) else "")


@pytest.mark.parametrize("needed", [(), (0,), (23,), (3, 17), (5, 6, 7), (0, 11, 12)], ids=str)
def test_what_is_needed_is_left(needed: tuple[int, ...]) -> None:
    """All of it and nothing else."""
    runs = needing(*needed)
    assert shrink(MANY, "broken", runs) == needed
    assert runs.count <= RUNS_MAX


def test_another_failure_is_another_story() -> None:
    """Without the first fault the run fails for another reason: that one is not followed."""
    runs = Runs(lambda left: "broken" if 0 in left else "something else")
    assert shrink(MANY, "broken", runs) == (0,)


def test_one_that_only_its_successor_needed_goes_as_well() -> None:
    """What could not be left out at first can be, once the fault that came after it is gone."""
    runs = Runs(lambda left: "broken" if 2 in left and (1 in left or 5 not in left) else "")
    assert shrink(MANY, "broken", runs) == (2,)


def test_it_ends_whatever_is_needed() -> None:
    """All of them, in so many runs that they would take too long: what has been found by then is told."""
    runs = Runs(lambda left: "broken" if len(left) % 2 == 0 and len(left) > 2 else "")
    kept = shrink(Plan(faults=MANY.faults * 4), "broken", runs)
    assert runs.count <= RUNS_MAX
    assert len(kept) > 2


def test_the_command_that_shows_it_again() -> None:
    """With all faults, with those that are left, with none."""
    assert replay_command(7) == "mesos-py sim --seed=7"
    assert replay_command(7, (1, 4)) == "mesos-py sim --seed=7 --faults=1,4"
    assert replay_command(7, ()) == "mesos-py sim --seed=7 --faults=none"
