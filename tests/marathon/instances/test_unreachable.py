"""Instances out of reach, by strategy."""

from __future__ import annotations

import pytest

from frameworks.marathon_py.definitions.pods import complete_pod, read_pod
from mesos_py.machine.values import SECOND
from mesos_py.wire.task import TaskState
from mesos_py.wire.value import TimeInfo
from tests.marathon.app_of import SETTINGS, app_of
from tests.marathon.world import Agent, World, world_of


def lost(strategy: object, instances: int = 1) -> tuple[World, Agent]:
    """The app runs, and the agent of its first task is lost."""
    world = world_of(app_of(instances=instances, unreachableStrategy=strategy), agents=4)
    world.run()
    agent = world.agent_of(world.of()[0].tasks["_app"].id)
    return world, agent


def strategy(inactive: int, expunge: int) -> dict[str, int]:
    return {"inactiveAfterSeconds": inactive, "expungeAfterSeconds": expunge}


def test_by_default_it_is_replaced_and_forgotten_at_once() -> None:
    world, agent = lost(strategy(0, 0))
    (before,) = world.of()
    world.lose(agent)
    (after,) = world.of()
    assert after.id != before.id
    assert world.conditions() == ["Scheduled"]
    world.run()
    world.find(agent)
    world.run()
    assert world.alive() == [f"{after.id}._app.1"], "what has come back is a stranger"


def test_it_counts_then_is_replaced_then_is_forgotten() -> None:
    world, agent = lost(strategy(60, 600))
    (before,) = world.of()
    world.lose(agent)
    assert world.conditions() == ["Unreachable"]
    world.advance(59 * SECOND)
    assert world.conditions() == ["Unreachable"]
    world.advance(1 * SECOND)
    assert world.conditions() == ["UnreachableInactive", "Scheduled"]
    world.advance(540 * SECOND)
    assert before.id not in world.core.instances
    assert world.conditions() == ["Scheduled"]


@pytest.mark.parametrize("at_s", [30, 100])
def test_it_comes_back_in_time(at_s: int) -> None:
    """It counts again; what is too many is killed, which is the youngest."""
    world, agent = lost(strategy(60, 600))
    (before,) = world.of()
    world.lose(agent)
    world.advance(at_s * SECOND)
    world.launch()
    world.start_tasks()
    world.find(agent)
    world.run()
    assert [one.id for one in world.of()] == [before.id]
    assert world.alive() == [f"{before.id}._app.1"]
    world.advance(1_000 * SECOND)
    assert world.conditions() == ["Running"]


def test_with_equal_times_there_is_no_inactive_phase() -> None:
    world, agent = lost(strategy(60, 60))
    (before,) = world.of()
    world.lose(agent)
    world.advance(60 * SECOND)
    assert before.id not in world.core.instances
    assert "UnreachableInactive" not in [getattr(one, "condition", "") for one in world.facts]


def test_disabled_waits_for_ever() -> None:
    world, agent = lost("disabled")
    world.lose(agent)
    world.advance(100_000 * SECOND)
    assert world.conditions() == ["Unreachable"]


def test_the_clock_starts_when_the_agent_was_lost() -> None:
    """The master's time counts, not when we hear of it; a master's clock that is ahead does not count."""
    world, _ = lost(strategy(60, 600))
    task_id = world.of()[0].tasks["_app"].id
    world.update(
        task_id, TaskState.TASK_UNREACHABLE, unreachable_time=TimeInfo(nanoseconds=world.now - 61 * SECOND)
    )
    assert world.conditions() == ["UnreachableInactive", "Scheduled"]
    ahead, _ = lost(strategy(60, 600))
    task_id = ahead.of()[0].tasks["_app"].id
    ahead.update(task_id, TaskState.TASK_UNREACHABLE, unreachable_time=TimeInfo(nanoseconds=ahead.now * 2))
    ahead.advance(60 * SECOND)
    assert ahead.conditions() == ["UnreachableInactive", "Scheduled"]


def test_time_goes_on_while_nobody_leads() -> None:
    """A new leader forgets what has been away for too long, at once."""
    world, agent = lost(strategy(60, 600))
    world.lose(agent)
    world.now += 1_000 * SECOND
    world.start()
    world.go_on(3)
    assert len(world.of()) == 1
    assert world.of()[0].condition.is_active


def test_what_is_to_go_is_forgotten_when_out_of_reach() -> None:
    world, agent = lost("disabled")
    world.define()
    (instance,) = world.of()
    assert instance.is_killed
    world.lose(agent)
    assert world.of() == []
    world.find(agent)
    world.run()
    assert world.alive() == []


def test_of_a_pod_that_is_half_out_of_reach_the_other_half_is_killed() -> None:
    """It counts as unreachable, and is not forgotten while something of it is known to run."""
    container = {"exec": {"command": {"shell": "x"}}, "resources": {"cpus": 0.1, "mem": 32}}
    given = {"id": "/pod", "containers": [{"name": "a", **container}, {"name": "b", **container}]}
    world = world_of(complete_pod(read_pod(given), SETTINGS))
    world.run()
    (instance,) = world.of("/pod")
    world.update(instance.tasks["a"].id, TaskState.TASK_UNREACHABLE)
    assert world.conditions("/pod") == ["Unreachable"]
    world.define()
    assert len(world.of("/pod")) == 1
    world.run()
    assert (world.of("/pod"), world.alive()) == ([], [])
