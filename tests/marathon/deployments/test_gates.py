"""What a deployment waits for: that instances are healthy, and that they are ready."""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.instances.instance import Instance
from mesos_py.machine.values import SECOND
from tests.marathon.deployments.asked import WEB, ask, created, given, put, versions
from tests.marathon.world import TaskState, World

CHECK = {"protocol": "MESOS_TCP", "portIndex": 0}
READY = {"portName": "http", "path": "/ready", "intervalSeconds": 10, "timeoutSeconds": 2}
ONE_BY_ONE = {"minimumHealthCapacity": 1, "maximumOverCapacity": 0}


def new(world: World) -> list[Instance]:
    return [one for one in world.of() if one.spec is world.core.specs[WEB]]


def say(world: World, instance: Instance, healthy: bool) -> None:
    """Its agent's check says so."""
    (task,) = instance.tasks.values()
    world.update(task.id, TaskState.TASK_RUNNING, healthy=healthy)


def checked(**body: Any) -> World:
    """Three instances that are well."""
    world = created(instances=3, healthChecks=[CHECK], **body)
    world.run()
    assert world.core.deployments, "an app with health checks is deployed when it is healthy"
    for instance in world.of():
        say(world, instance, True)
    assert not world.core.deployments
    return world


def test_old_ones_stay_until_new_ones_are_healthy() -> None:
    world = checked()
    put(world, cmd="walk")
    world.run()
    assert versions(world) == ["run"] * 3 + ["walk"] * 3
    first, second, third = new(world)
    say(world, first, True)
    say(world, second, False)
    world.run()
    assert versions(world) == ["run"] * 2 + ["walk"] * 3
    say(world, second, True)
    say(world, third, True)
    world.run()
    assert versions(world) == ["walk"] * 3
    assert not world.core.deployments


def test_one_that_falls_ill_again_is_waited_for() -> None:
    world = checked(upgradeStrategy=ONE_BY_ONE)
    put(world, cmd="walk")
    world.run()
    (first,) = new(world)
    say(world, first, True)
    world.run()
    say(world, first, False)
    assert versions(world) == ["run"] * 2 + ["walk"] * 2
    say(world, new(world)[1], True)
    world.run(5)
    assert versions(world) == ["run"] * 2 + ["walk"] * 2  # with the second, as many are healthy as must be
    say(world, first, True)
    world.run()
    assert versions(world) == ["run"] + ["walk"] * 3


def test_old_ones_that_are_ill_go_first() -> None:
    """And do not block what makes them well."""
    world = checked(upgradeStrategy=ONE_BY_ONE)
    ill = world.of()[1]
    say(world, ill, False)
    put(world, cmd="walk")
    world.run()
    (first,) = new(world)
    say(world, first, True)
    world.run()
    assert ill.id not in world.core.instances
    assert versions(world) == ["run"] * 2 + ["walk"] * 2


def test_after_a_change_of_leaders_nobody_is_taken_for_ill() -> None:
    """What the one before has heard is known, or is not known yet; the deployment goes on when it is."""
    world = checked()
    put(world, cmd="walk")
    world.run()
    say(world, new(world)[0], True)
    world.start()
    world.run()
    assert versions(world).count("run") == 2
    for instance in new(world):
        say(world, instance, True)
    world.run()
    assert versions(world) == ["walk"] * 3


@pytest.mark.parametrize("has_checks", [False, True])
def test_a_new_one_must_be_ready_before_an_old_one_goes(has_checks: bool) -> None:
    checks = [CHECK] if has_checks else []
    ports = [{"port": 0, "name": "http"}]
    world = created(
        instances=1, healthChecks=checks, readinessChecks=[READY], portDefinitions=ports, upgradeStrategy=ONE_BY_ONE
    )
    world.look = lambda probe: words.Probed(probe, status=200)
    world.run()
    for instance in world.of() if has_checks else ():
        say(world, instance, True)
    world.advance(11 * SECOND)
    assert not world.core.deployments
    world.look = lambda probe: words.Probed(probe, status=503)
    put(world, cmd="walk")
    world.run()
    if has_checks:
        say(world, new(world)[0], True)
    world.advance(60 * SECOND)
    assert versions(world) == ["run", "walk"]
    world.look = lambda probe: words.Probed(probe, status=200)
    world.advance(11 * SECOND)
    world.run()
    assert versions(world) == ["walk"]


def test_what_depends_on_something_waits_until_that_is_healthy() -> None:
    world = created(instances=0)
    db = given(id="/db", cmd="db", healthChecks=[CHECK])
    ask(world, words.PutApps((given(id="/front", cmd="front", dependencies=["/db"]), db)))
    world.run()
    assert not world.of("/front")
    say(world, world.of("/db")[0], True)
    assert len(world.of("/front")) == 1
