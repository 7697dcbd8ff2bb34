"""Instances with data are replaced where it is."""

from __future__ import annotations

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.instances.instance import APP, Goal, InstanceTask, Placed
from mesos_py.machine.frame import Frame
from mesos_py.wire.task import TaskInfo
from tests.marathon.agents import Task
from tests.marathon.deployments.asked import WEB, ask, created, put, versions
from tests.marathon.world import TaskState, World


def resident(instances: int, **strategy: float) -> World:
    """Instances with data that run, by hand."""
    volume = {"containerPath": "data", "mode": "RW", "persistent": {"size": 10}}
    body = {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0, **strategy}
    container = {"type": "MESOS", "volumes": [volume]}
    world = created(instances=instances, role="marathon", container=container, upgradeStrategy=body)
    launch_residents(world)
    assert world.conditions() == ["Running"] * instances
    return world


def launch_residents(world: World) -> None:
    """Reservations are somebody else's business: here, whoever waits is where he was, or anywhere."""
    world.kill_unwanted()
    world.reconcile()
    agent = next(iter(world.agents.values()))

    def launch(m: Marathon, out: Frame) -> None:
        for one in world.of():
            if one.wants_offer:
                info = TaskInfo(name="web", task_id=one.next_task_id(), agent_id=agent.template.agent_id)
                agent.tasks[info.task_id] = Task(info, state=TaskState.TASK_RUNNING)
                world.book[info.task_id] = TaskState.TASK_STAGING
                placed = Placed(agent.template.agent_id, agent.template.hostname)
                m.launched(one, placed, [InstanceTask(info.task_id, APP, staged_at=out.now)], out)

    world.act(launch)
    world.reconcile()


def test_residents_are_replaced_in_place() -> None:
    """The same instances, with another definition, half of them at a time."""
    world = resident(4)
    before = [one.id for one in world.of()]
    put(world, cmd="walk")
    assert len([one for one in world.of() if one.goal is Goal.STOPPED]) == 2
    launch_residents(world)
    assert versions(world) == ["run", "run", "walk", "walk"]
    launch_residents(world)
    launch_residents(world)
    assert versions(world) == ["walk"] * 4
    assert [one.id for one in world.of()] == before
    assert not world.core.deployments


def test_of_residents_that_must_all_be_healthy_one_is_replaced_at_a_time() -> None:
    world = resident(3, minimumHealthCapacity=1)
    put(world, cmd="walk")
    assert len([one for one in world.of() if one.goal is Goal.STOPPED]) == 1
    for _ in range(6):
        launch_residents(world)
    assert versions(world) == ["walk"] * 3


def test_residents_that_are_stopped_keep_their_data_and_come_first_again() -> None:
    world = resident(3)
    before = [one.id for one in world.of()]
    put(world, instances=1)
    launch_residents(world)
    assert not world.core.deployments
    assert sorted(one.goal.value for one in world.of()) == ["Running", "Stopped", "Stopped"]
    put(world, instances=2)
    launch_residents(world)
    assert [one.id for one in world.of()] == before
    assert sorted(one.goal.value for one in world.of()) == ["Running", "Running", "Stopped"]
    ask(world, words.DeleteApp(WEB))
    launch_residents(world)
    assert not world.of()
