"""Tasks of a spec's former version are replaced, a few at a time, and never more than may be missing."""

from __future__ import annotations

from collections import Counter

import attrs
import pytest

from mesos_py.machine.values import SECOND
from mesos_py.sdk.launcher import Spec
from mesos_py.sdk.launcher.instances import State
from mesos_py.wire.task import TaskState
from tests.sdk.launcher.world import ONE, RUNNING, TASK, UNREACHABLE, World, one, world_of


def running(world: World, name: str = "s") -> int:
    return world.states(name).count(State.RUNNING)


def versions(world: World, name: str = "s") -> Counter[str]:
    return Counter(one.version for one in world.core.groups[name].instances.values() if one.is_live)


def begun(count: int = 4, **fields: object) -> World:
    """All of the first version run."""
    world = world_of(one(count=count, version="1", **fields))
    world.settle(3)
    assert (running(world), versions(world)) == (count, {"1": count})
    return world


@pytest.mark.parametrize("away_max", [1, 3])
def test_so_many_are_replaced_at_a_time(away_max: int) -> None:
    """Until all are of the new version; with nothing left to look for."""
    world = begun()
    world.declare(one(count=4, version="2", away_max=away_max))
    for _ in range(40):
        assert running(world) >= 4 - away_max
        world.kill_unwanted()
        world.reconcile()
        world.offer_all()
        world.start_tasks()
        world.reconcile()
        world.advance(SECOND)
    assert (running(world), versions(world)) == (4, {"2": 4})
    assert ("roll", "s") not in world.core.timers


def test_without_another_version_nothing_is_replaced() -> None:
    world = begun()
    launched = len(world.launched)
    world.declare(one(count=4, version="1", request=attrs.evolve(ONE)))
    world.settle()
    assert len(world.launched) == launched


def test_an_update_that_does_not_come_to_run_stops() -> None:
    """And goes on with the next version; what the bad one has left is replaced first."""
    world = begun(count=3)
    world.declare(one(count=3, version="bad"))
    for _ in range(20):
        world.kill_unwanted()
        world.reconcile()
        world.offer_all()
        for task_id in [task_id for task_id, state in world.book.items() if state is TaskState.TASK_STAGING]:
            world.update(task_id, TaskState.TASK_FAILED)
        world.advance(SECOND)
    assert running(world) == 2 and versions(world)["1"] == 2
    world.declare(one(count=3, version="3"))
    world.settle()
    assert (running(world), versions(world)) == (3, {"3": 3})


def test_it_goes_on_after_a_crash() -> None:
    """Of the next run's tasks nobody knows at first that they run: not all of them are replaced at once."""
    world = begun()
    world.declare(one(count=4, version="2"))
    world.kill_unwanted()
    world.start()
    alive = [task_id for task_id in world.running("s") if task_id not in world.unwanted]
    assert len(alive) >= 2
    world.settle()
    assert (running(world), versions(world)) == (4, {"2": 4})


def test_declared_by_the_next_run() -> None:
    """Who changes the program and starts it again declares another version by that."""
    world = begun()
    world.specs = (one(count=4, version="2", away_max=2),)
    world.start()
    assert len(world.unwanted) == 2
    world.settle()
    assert versions(world) == {"2": 4}


def test_what_nobody_can_reach_is_replaced_when_it_is_back() -> None:
    world = begun(count=2, unreachable_s=None)
    task_id = world.launched[0]
    world.update(task_id, UNREACHABLE)
    world.declare(one(count=2, version="2", unreachable_s=None))
    world.advance(60 * SECOND)
    assert world.unwanted == {}, "one is missing already"
    world.update(task_id, RUNNING)
    world.settle()
    assert versions(world) == {"2": 2}


def test_a_gang_is_replaced_as_a_whole() -> None:
    specs = [Spec(name, TASK, count=2, request=ONE, gang="g", version="1") for name in ("x", "y")]
    world = world_of(*specs)
    world.settle(3)
    assert running(world, "x") == running(world, "y") == 2
    world.declare(attrs.evolve(specs[0], version="2"), specs[1])
    assert len(world.unwanted) == 4
    world.settle()
    assert (versions(world, "x"), versions(world, "y")) == ({"2": 2}, {"1": 2})
    assert running(world, "x") == running(world, "y") == 2


def test_what_is_not_declared_any_more_is_not_looked_for() -> None:
    world = begun()
    world.declare(one(count=4, version="2"))
    world.declare()
    world.settle()
    assert not world.core.groups and world.core.deadline() is None
