"""Faults of frameworks, by their numbers in the list of faults, as instances see them.

F18, F20 to F23: tests/marathon/simulated/test_faults.py. F35: tests/marathon/deployments.
"""

from __future__ import annotations

from mesos_py.wire.ids import TaskID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState, TaskStatus
from tests.marathon.app_of import app_of
from tests.marathon.world import World, world_of


def running(instances: int = 2, **body: object) -> World:
    world = world_of(app_of(instances=instances, **body))
    world.run()
    world.facts.clear()
    return world


def kills(world: World) -> list[TaskID]:
    return [call.kill.task_id for call in world.calls if call.type is Call.Type.KILL]


def test_f17_a_framework_is_killed_and_another_goes_on() -> None:
    """Tasks are kept, and an end that nobody had dealt with is dealt with."""
    world = running()
    first, second = world.alive()
    world.agent_of(first).tasks[first].state = TaskState.TASK_FAILED
    world.start()
    world.settle(5)
    assert second in world.alive()
    assert first not in world.alive()
    assert len(world.alive()) == 2
    assert kills(world) == []


def test_f19_a_framework_was_away_for_too_long() -> None:
    """Its master has killed everything and forgotten it: the session says so of every task."""
    world = running()
    for agent in world.agents.values():
        agent.tasks.clear()
    world.start()
    for task_id in list(world.book):
        world.update(
            task_id, TaskState.TASK_GONE, reason=TaskStatus.Reason.REASON_FRAMEWORK_REMOVED,
            message="Framework f removed",
        )  # fmt: skip
    assert world.conditions() == ["Scheduled", "Scheduled"]
    world.settle(5)
    assert [one.incarnation for one in world.of()] == [2, 2]
    assert len(world.alive()) == 2


def test_f24_an_offer_was_gone_before_it_was_accepted() -> None:
    """One end for each task, and then another launch."""
    world = world_of(app_of())
    for agent in world.agents.values():
        agent.away_since = world.now - 1  # what is accepted there comes to nothing
    world.agents["a0"].away_since = None
    world.offer_all()
    (instance,) = world.of()
    (launched,) = world.infos
    world.agents["a0"].tasks.clear()
    world.update(launched, TaskState.TASK_LOST, reason=TaskStatus.Reason.REASON_INVALID_OFFERS)
    assert world.conditions() == ["Scheduled"]
    world.settle(3)
    assert world.alive() == [f"{instance.id}._app.2"]


def test_f25_no_id_is_used_twice() -> None:
    """Whatever ends and whoever takes over: the world refuses a second launch of any id."""
    world = running(1)
    for _ in range(5):
        world.end(world.alive()[0])
        world.start()
        world.settle(2)
    assert len(world.alive()) == 1
    assert len(world.infos) == 6


def test_f26_a_kill_comes_before_its_launch_and_again() -> None:
    """Nobody knows the task yet; it is killed when it is there, and another is launched."""
    world = world_of(app_of(), kill_retry_timeout_s=30)
    world.offer_all()
    (instance,) = world.of()
    (task_id,) = world.alive()
    world.kill(instance.id)
    world.kill(instance.id)
    assert kills(world) == [task_id], "once is enough"
    world.unwanted.clear()  # it has come too early
    world.reconcile()
    assert world.conditions() == ["Staging"]
    world.settle(6)
    assert kills(world)[1:] == [task_id]
    assert world.alive() == [f"{instance.id}._app.2"]


def test_f27_an_executor_dies_before_its_update_is_acknowledged_and_its_end_comes_twice() -> None:
    """One end counts: of a task that has a successor, a second end changes nothing."""
    world = running(1)
    (instance,) = world.of()
    (task_id,) = world.alive()
    world.end(task_id, TaskState.TASK_FAILED, message="first")
    world.update(task_id, TaskState.TASK_FINISHED, message="second")
    world.settle(3)
    world.update(task_id, TaskState.TASK_FINISHED, message="third")
    assert instance.incarnation == 2
    assert world.core.failures["/web"].message == "first"
    assert world.alive() == [f"{instance.id}._app.2"]


def test_f38_who_is_to_go_ends_by_itself() -> None:
    """It is gone, and nobody else goes in its place."""
    world = running(3)
    world.define(app_of(instances=2))
    (doomed,) = kills(world)
    world.end(doomed, TaskState.TASK_FINISHED)
    world.settle(3)
    assert len(world.alive()) == 2
    assert kills(world) == [doomed]
