"""Instances replaced a few at a time: what is decided, and where that leads, whatever happens meanwhile."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from frameworks.marathon_py.deployments.rollout import Bounds, Counts, Decision, decide
from tests.marathon.app_of import app_of


def bounds(instances: int, least: float, more: float, is_resident: bool = False) -> Bounds:
    volume = {"containerPath": "p", "mode": "RW", "persistent": {"size": 1}}
    body: dict[str, Any] = {"container": {"type": "MESOS", "volumes": [volume]}} if is_resident else {}
    strategy = {"minimumHealthCapacity": least, "maximumOverCapacity": more}
    return Bounds.of(app_of(cmd="x", instances=instances, upgradeStrategy=strategy, **body))


#: instances, minimumHealthCapacity, maximumOverCapacity -> what is decided first, when all old ones are well
FIRST: dict[tuple[int, float, float], Decision] = {
    (10, 1, 1): Decision(start=10),
    (10, 0.5, 0): Decision(stop_old=5),
    (10, 1, 0): Decision(start=1),
    (10, 0, 0): Decision(stop_old=10),
    (5, 0.9, 0): Decision(start=1),
    (1, 0.5, 0): Decision(start=1),
    (1, 1, 1): Decision(start=1),
    (10, 0.5, 0.5): Decision(start=5, stop_old=5),
    (3, 0.5, 0): Decision(stop_old=1),
    (4, 0.25, 0.25): Decision(start=1, stop_old=3),
}


@pytest.mark.parametrize("case", FIRST, ids=str)
def test_what_is_decided_first(case: tuple[int, float, float]) -> None:
    """Marathon's examples, and some more."""
    assert decide(bounds(*case), Counts(old=case[0])) == FIRST[case]


def test_of_residents_one_fewer_is_healthy_for_a_while() -> None:
    assert decide(bounds(10, 1, 0, is_resident=True), Counts(old=10)) == Decision(stop_old=1)
    assert decide(bounds(1, 0.5, 0, is_resident=True), Counts(old=1)) == Decision(stop_old=1)
    assert decide(bounds(10, 0.5, 0, is_resident=True), Counts(old=10)) == Decision(stop_old=5)


@pytest.mark.parametrize(
    ("fewer", "more", "expected"),
    [(0, 2, Decision(start=2)), (3, 0, Decision(stop_old=3)), (1, 1, Decision(stop_old=1, start=1)),
     (0, 0, Decision(start=1)), (20, None, Decision(stop_old=10, start=10)), (None, 3, Decision(start=3))],
)  # fmt: skip
def test_numbers_instead_of_shares(fewer: int | None, more: int | None, expected: Decision) -> None:
    """Of ten instances all of which are to be healthy, with ten more at most, but for what labels say."""
    labels = {} if fewer is None else {"MARATHON_DEPLOYMENT_MAX_UNAVAILABLE": str(fewer)}
    labels |= {} if more is None else {"MARATHON_DEPLOYMENT_MAX_ADDITIONAL": str(more)}
    assert decide(Bounds.of(app_of(cmd="x", instances=10, labels=labels)), Counts(old=10)) == expected


def test_what_may_run_only_once_never_runs_twice() -> None:
    labels = {"MARATHON_SINGLE_INSTANCE_APP": "true"}
    for more in ({}, {"MARATHON_DEPLOYMENT_MAX_UNAVAILABLE": "0"}):
        at = Bounds.of(app_of(cmd="x", labels=labels | more))
        assert decide(at, Counts(old=1)) == Decision(stop_old=1)
        assert decide(at, Counts(leaving=1)) == Decision()
        assert decide(at, Counts()) == Decision(start=1)


def test_each_new_one_that_is_up_lets_an_old_one_go() -> None:
    at = bounds(10, 1, 1)
    assert decide(at, Counts(old=10, new=10, new_up=3)) == Decision(stop_old=3)
    assert decide(at, Counts(old=7, new=10, new_up=3, leaving=3)) == Decision()
    assert decide(at, Counts(new=10, new_up=10, leaving=1)) == Decision()
    assert decide(at, Counts(new=10, new_up=10)) == Decision(is_done=True)


def test_what_leaves_takes_room() -> None:
    at = bounds(10, 0.5, 0)
    assert decide(at, Counts(old=5, leaving=5)) == Decision()
    assert decide(at, Counts(old=5, leaving=2)) == Decision(start=3)
    assert decide(at, Counts(old=5, leaving=2, new=3)) == Decision()


def test_fewer_instances_are_fewer_at_once() -> None:
    """Of ten there are to be five: five go, though none of the new ones is up."""
    assert decide(bounds(5, 1, 1), Counts(old=10)) == Decision(stop_old=5)
    assert decide(bounds(5, 1, 1), Counts(old=5, leaving=5)) == Decision()
    assert decide(bounds(5, 1, 1), Counts(new=7, new_up=2)) == Decision(stop_new=2)


def test_canaries_first() -> None:
    """No more new ones than that; old ones stay for all others."""
    assert decide(bounds(10, 0.5, 0), Counts(old=10), 2) == Decision(stop_old=2)
    assert decide(bounds(10, 1, 1), Counts(old=10), 2) == Decision(start=2)
    assert decide(bounds(10, 1, 1), Counts(old=10, new=2, new_up=2), 2) == Decision(stop_old=2)
    assert decide(bounds(10, 1, 1), Counts(old=8, new=2, new_up=2), 2) == Decision()
    assert decide(bounds(3, 1, 1), Counts(old=3), 9) == Decision(start=3)


def test_the_bounds_hold_and_there_is_an_end() -> None:
    """Whatever the numbers are, and in whatever order instances come up, end, and fail."""
    rng = random.Random(5)
    for _ in range(1_500):
        _roll(rng)


def _roll(rng: random.Random) -> None:
    count = rng.choice((1, 2, 3, 5, 10, 17))
    least, more = rng.choice((0, 0.1, 0.33, 0.5, 0.9, 1)), rng.choice((0, 0.1, 0.3, 0.5, 1))
    at = bounds(count, least, more)
    old, ill, new, up, leaving = rng.randint(0, 2 * count), 0, 0, 0, 0
    if rng.random() < 0.3:
        ill = rng.randint(0, old)
    healthy_min = math.ceil(count * least)
    for step in range(50 * count):
        was_healthy = old - ill + up
        decision = decide(at, Counts(old=old, new=new, new_up=up, leaving=leaving))
        if decision.is_done:
            assert (old, new, up, leaving) == (0, count, count, 0)
            return
        gone_ill = min(ill, decision.stop_old)  # the worst go first
        old, ill, leaving = old - decision.stop_old, ill - gone_ill, leaving + decision.stop_old
        new += decision.start
        assert old - ill + up >= min(healthy_min, was_healthy)
        if decision.start:
            assert old + new + leaving <= max(math.floor(count * (1 + more)), count + 1)
        event = rng.random()
        if leaving and event < 0.5:
            leaving -= 1
        elif (new > up and event < 0.9) or step > 20 * count:
            up = min(new, up + 1)
            leaving = max(0, leaving - 1)
        elif old and event < 0.95:  # one dies, and is not launched again
            died_ill = ill > 0 and rng.random() < 0.5
            old, ill = old - 1, ill - (1 if died_ill or ill == old else 0)
        elif up:
            up -= 1
    raise AssertionError(f"no end: {count} {least} {more} {(old, ill, new, up, leaving)}")
