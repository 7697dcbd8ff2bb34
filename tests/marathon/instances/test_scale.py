"""What there is, is what is defined."""

from __future__ import annotations

from frameworks.marathon_py.instances.instance import APP, Goal, InstanceTask, Placed
from mesos_py.machine.values import SECOND
from mesos_py.wire.ids import AgentID
from mesos_py.wire.task import TaskState
from tests.marathon.app_of import app_of
from tests.marathon.world import world_of


def test_too_few_and_too_many() -> None:
    world = world_of(app_of(instances=2))
    world.run()
    world.define(app_of(instances=5))
    world.run()
    assert len(world.alive("/web")) == 5
    world.define(app_of(instances=1))
    world.run()
    assert len(world.alive("/web")) == 1
    assert len(world.of()) == 1


def test_what_is_defined_no_more_is_stopped() -> None:
    world = world_of(app_of(id="/a"), app_of(id="/b", instances=3))
    world.run()
    world.define(app_of(id="/a"))
    world.run()
    assert [one.id for one in world.of("/b")] == []
    assert len(world.alive()) == 1


def test_what_a_deployment_works_on_is_left_alone() -> None:
    world = world_of(app_of(instances=1))
    world.run()
    world.act(lambda m, out: m.locked.update({"/web": "d"}))
    world.define(app_of(instances=3))
    assert len(world.of()) == 1
    world.core.locked.clear()
    world.advance(14 * SECOND)
    assert len(world.of()) == 1
    world.advance(1 * SECOND)
    assert len(world.of()) == 3, "it is looked at 15 seconds after the beginning"


def test_a_lost_replacement_is_made_up_for() -> None:
    """A crash between the record of what goes and that of what comes in its place; the next look finds it."""
    world = world_of(app_of(instances=2))
    world.run()
    world.records.pop(next(name for name in world.records if "/instance/" in name))
    world.start()
    assert len(world.of()) == 1
    world.advance(15 * SECOND)
    assert len(world.of()) == 2
    world.run()
    assert len(world.alive()) == 2


def test_of_residents_the_stopped_ones_come_back_first() -> None:
    """They have their data: scaled down they are kept, scaled up they are launched again, and deleted they are gone."""
    volumes = [{"containerPath": "data", "mode": "RW", "persistent": {"size": 10}}]
    body = {"cmd": "run", "container": {"type": "MESOS", "volumes": volumes}}
    world = world_of(app_of(instances=2, **body))
    for instance in world.of():  # by hand: reservations are not made yet
        task = InstanceTask(instance.next_task_id(), APP)
        where = Placed(AgentID("a0"), "h0")
        world.act(lambda m, out, one=instance, task=task, where=where: m.launched(one, where, [task], out))
        world.update(task.id, TaskState.TASK_RUNNING)
    before = {one.id for one in world.of()}
    world.define(app_of(instances=0, **body))
    for instance in world.of():
        world.end(instance.tasks[APP].id, TaskState.TASK_KILLED)
    assert world.conditions() == ["Killed", "Killed"]
    world.start()
    assert [one.goal for one in world.of()] == [Goal.STOPPED, Goal.STOPPED]
    world.define(app_of(instances=3, **body))
    assert before < {one.id for one in world.of()}
    assert world.conditions() == ["Scheduled"] * 3
    world.define()
    assert world.of() == []
