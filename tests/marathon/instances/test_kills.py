"""Instances that are to end."""

from __future__ import annotations

from frameworks.marathon_py import words
from frameworks.marathon_py.words import Refused, Started
from mesos_py.machine.values import SECOND
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState
from tests.marathon.app_of import app_of
from tests.marathon.world import World, world_of

APP = {"cmd": "run", "portDefinitions": []}


def kills_said(world: World) -> list[str]:
    return [call.kill.task_id for call in world.calls if call.type is Call.Type.KILL]


def test_a_killed_instance_is_launched_again() -> None:
    world = world_of(app_of())
    world.run()
    (instance,) = world.of()
    assert world.kill(instance.id, "web.instance-nobody") == (instance.id,)
    assert kills_said(world) == [f"{instance.id}._app.1"]
    world.run()
    assert world.alive() == [f"{instance.id}._app.2"]
    assert not instance.is_killed


def test_a_wiped_instance_is_replaced_by_another() -> None:
    world = world_of(app_of())
    world.run()
    (instance,) = world.of()
    world.kill(instance.id, wipe=True)
    world.run()
    assert len(world.alive()) == 1
    assert instance.id not in world.core.instances


def test_so_many_kills_at_a_time() -> None:
    """Each end lets the next one be killed."""
    world = world_of(app_of(instances=5), kill_chunk_size=2)
    world.run()
    world.kill(*[one.id for one in world.of()])
    assert len(kills_said(world)) == 2
    world.kill_unwanted()
    world.reconcile()
    assert len(kills_said(world)) == 4
    world.run()
    assert len({*kills_said(world)}) == 5
    assert [one.incarnation for one in world.of()] == [2] * 5


def test_what_is_out_of_reach_does_not_hold_up_kills() -> None:
    world = world_of(app_of(instances=2, unreachableStrategy="disabled"), kill_chunk_size=1, agents=2)
    world.run()
    first, second = world.of()
    world.agent_of(first.tasks["_app"].id)
    world.kill(first.id, second.id)
    world.update(first.tasks["_app"].id, TaskState.TASK_UNREACHABLE)
    assert len(kills_said(world)) == 2


def test_a_kill_is_repeated_until_it_has_worked() -> None:
    world = world_of(app_of(), kill_retry_timeout_s=10)
    world.run()
    world.kill(world.of()[0].id)
    world.advance(25 * SECOND)
    assert len(kills_said(world)) == 3
    world.run()
    world.advance(100 * SECOND)
    assert len(kills_said(world)) == 3


def test_a_kill_survives_a_crash_and_a_partition() -> None:
    """The session forgets what it was to kill; we say it again."""
    world = world_of(app_of(unreachableStrategy="disabled"))
    world.run()
    (instance,) = world.of()
    world.kill(instance.id)
    world.start()
    assert len(kills_said(world)) == 2
    (task_id,) = world.alive()
    agent = world.agent_of(task_id)
    world.lose(agent)
    assert world.conditions() == ["Unreachable"]
    world.unwanted.clear()
    world.find(agent)
    assert len(kills_said(world)) == 3
    world.run()
    assert world.alive() == [f"{instance.id}._app.2"]


def test_what_does_not_come_up_is_killed() -> None:
    """Not confirmed for five minutes, or not running five minutes after that."""
    world = world_of(app_of())
    world.launch()
    world.advance(299 * SECOND)
    assert kills_said(world) == []
    world.advance(1 * SECOND)
    (task_id,) = kills_said(world)
    world.end(task_id, TaskState.TASK_KILLED)
    world.launch()
    world.reconcile()
    assert world.conditions() == ["Staging"]
    world.advance(300 * SECOND)
    assert len(kills_said(world)) == 2
    world.settle(1)
    assert world.conditions() == ["Running"]
    world.advance(1_000 * SECOND)
    assert len(kills_said(world)) == 2


def test_those_that_are_named_go_and_nobody_takes_their_place() -> None:
    """Not whom a scaling would choose; the definition says fewer."""
    world = world_of(app_of(**APP, instances=4), app_of(**APP | {"id": "/other"}))
    world.run()
    oldest, second, *others = world.of()
    reply = world.kill(oldest.id, second.id, scale=True)
    assert isinstance(reply, Started)
    assert world.core.specs["/web"].instances == 2
    world.run()
    assert {one.id for one in world.of()} == {one.id for one in others}
    assert world.core.deployments == {}
    assert len(world.alive()) == 3


def test_nobody_goes_when_a_deployment_is_in_the_way() -> None:
    world = world_of(app_of(**APP, instances=2))
    world.run()
    world.tell(words.PutApps(({"id": "/web", "cmd": "walk"},)))
    said = kills_said(world)
    first = world.of()[0]
    reply = world.kill(first.id, scale=True)
    assert isinstance(reply, Refused)
    assert reply.status == 409
    assert kills_said(world) == said
    world.settle(10)
    assert len(world.alive()) == 2
