"""What is kept of instances, and what a new run makes of it."""

from __future__ import annotations

import attrs
import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.instances.instance import Condition, Goal, Instance, InstanceTask, Placed
from frameworks.marathon_py.instances.records import record, restored
from mesos_py.wire.ids import AgentID, TaskID
from tests.marathon.app_of import app_of
from tests.marathon.world import world_of

SPEC = attrs.evolve(app_of(), version="v3")
NAME = "web.instance-1"


def test_what_is_kept_is_what_was() -> None:
    task = InstanceTask(
        TaskID(f"{NAME}._app.4"), "_app", (31_000, None), Condition.RUNNING, 5, 6, True, (("10.0.0.1", "IPv4"),)
    )
    placed = Placed(AgentID("a1"), "h1", "eu", None, {"rack": "r"})
    before = Instance(
        NAME, SPEC, Goal.STOPPED, Condition.UNREACHABLE, 7, 4, placed, {"_app": task}, 8, True, True, 9, True
    )
    known = {("/web", "v3"): SPEC}
    after = restored(NAME, record(before), lambda spec_id, version: known[spec_id, version])
    assert after is not None
    assert attrs.asdict(after) == attrs.asdict(before)
    assert len(record(before)) < 300


def test_nobody_knows_its_definition() -> None:
    assert restored(NAME, record(Instance(NAME, SPEC)), lambda spec_id, version: None) is None


def test_another_form_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="form 99"):
        restored(NAME, b'[99,"whatever that has"]', lambda spec_id, version: SPEC)


def test_a_new_run_goes_on() -> None:
    world = world_of(app_of(instances=3))
    world.run()
    before = {one.id: record(one) for one in world.of()}
    world.facts.clear()
    world.start()
    assert {one.id: record(one) for one in world.of()} == before
    assert world.facts == [], "nothing has happened"
    world.settle(3)
    assert len(world.alive()) == 3
    assert {one.incarnation for one in world.of()} == {1}


def test_what_was_never_asked_for_waits_for_another_offer() -> None:
    """The run before has ended between keeping the launch and saying it."""
    world = world_of(app_of())
    world.hear = lambda call: None  # type: ignore[method-assign]
    world.offer_all()
    assert world.conditions() == ["Provisioned"]
    del world.hear
    world.start()
    assert world.conditions() == ["Scheduled"]
    world.run()
    assert [one.incarnation for one in world.of()] == [2]
    assert len(world.alive()) == 1


def test_a_task_that_is_nobodys_is_killed() -> None:
    world = world_of(app_of())
    world.run()
    (task_id,) = world.alive()
    for name in list(world.records):
        if "/instance/" in name:
            del world.records[name]
    world.start()
    world.settle(3)
    assert task_id not in world.alive()
    assert len(world.alive()) == 1


def test_what_a_deployment_replaces_stays_as_it_was() -> None:
    """One of the former version was to be launched again when a run ended: the next one does not take it for a new
    one, of which the deployment may want none yet."""
    upgrade = {"minimumHealthCapacity": 1, "maximumOverCapacity": 0}
    world = world_of(app_of(cmd="run", instances=2, upgradeStrategy=upgrade, portDefinitions=[]))
    world.run()
    world.tell(words.PutApps(({"id": "/web", "cmd": "walk"},)))
    (old, *_) = world.of()
    (task,) = old.tasks.values()
    world.agent_of(task.id).tasks.pop(task.id)
    del world.book[task.id]  # as if it had never been asked for
    world.start()
    assert world.core.locked
    assert old.id not in world.core.instances or world.core.instances[old.id].spec.cmd == "run"
    world.settle(6)
    assert world.core.deployments == {}
    assert [one.spec.cmd for one in world.of()] == ["walk", "walk"]
