"""A deployment is taken back, wherever it is: what ran before it and still runs stays, and the rest runs again."""

from __future__ import annotations

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.groups import read_update
from frameworks.marathon_py.definitions.paths import ROOT, PathId
from frameworks.marathon_py.instances.instance import Goal
from mesos_py.machine.values import SECOND
from tests.marathon.deployments.asked import ask
from tests.marathon.world import World, world_of

APP = {"cpus": 0.1, "mem": 16, "cmd": "run"}
BEFORE = {"id": "/", "apps": [
    {"id": "/db", "instances": 2, **APP}, {"id": "/api", "instances": 2, "dependencies": ["/db"], **APP},
    {"id": "/gone", "instances": 2, **APP}, {"id": "/fewer", "instances": 3, "dependencies": ["/api"], **APP},
]}  # fmt: skip
#: something is stopped, made, changed, and scaled either way, one thing after the other
AFTER = {"id": "/", "apps": [
    {"id": "/db", "instances": 2, **APP, "cmd": "new"}, {"id": "/api", "instances": 3, "dependencies": ["/db"], **APP},
    {"id": "/made", "instances": 2, "dependencies": ["/api"], **APP},
    {"id": "/fewer", "instances": 1, "dependencies": ["/made"], **APP},
]}  # fmt: skip
ROUNDS = 14  # of the world, in which all of it is done


def put(world: World, given: dict[str, object]) -> words.Started:
    reply = ask(world, words.PutGroup(ROOT, read_update(given)))
    assert isinstance(reply, words.Started), reply
    return reply


def deployed() -> World:
    world = world_of()
    put(world, BEFORE)
    world.run(20)
    assert not world.core.deployments
    return world


def round_(world: World) -> None:
    """A little happens: kills, ends, launches and starts, each in turn, in a second."""
    world.advance(SECOND)
    world.kill_unwanted()
    world.reconcile()
    world.launch()
    world.reconcile()
    world.start_tasks()
    world.reconcile()


def test_so_many_rounds_are_enough() -> None:
    world = deployed()
    put(world, AFTER)
    steps = {deployment.current for deployment in world.core.deployments.values()}
    for _ in range(ROUNDS):
        round_(world)
        steps |= {deployment.current for deployment in world.core.deployments.values()}
    assert not world.core.deployments
    assert steps == {1, 3, 5, 6}, "the others take no time here"


@pytest.mark.parametrize("is_crashed", [False, True], ids=["", "and the leader changes"])
@pytest.mark.parametrize("rounds", range(ROUNDS))
def test_a_deployment_is_taken_back_at_any_step(rounds: int, is_crashed: bool) -> None:
    """Definitions are the former ones, and so are instances that were not told to go; nothing else runs."""
    world = deployed()
    before, specs = dict(world.core.instances), dict(world.core.specs)
    deployment = put(world, AFTER).deployment_id
    for _ in range(rounds):
        round_(world)
    reply = ask(world, words.CancelDeployment(deployment))
    if isinstance(reply, words.Refused):
        assert reply.status == 404 and not world.core.deployments
        return
    if is_crashed:
        world.start()
    kept = [name for name in before if name in world.core.instances
            and world.core.instances[name].goal is Goal.RUNNING]  # fmt: skip
    for _ in range(2 * ROUNDS):
        round_(world)
    assert not world.core.deployments
    assert {id: spec.version for id, spec in world.core.specs.items()} == {id: one.version for id, one in specs.items()}
    assert {id: len(world.alive(id)) for id in specs} == {id: spec.instances for id, spec in specs.items()}
    assert not world.alive("/made")
    assert PathId("/made") not in world.core.specs
    assert all(world.core.instances[name].goal is Goal.RUNNING for name in kept)
