"""Deployments that fail and are taken back, and deployments that wait after their canaries: as labels say."""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.legacy import read_given
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.terms import NONE, Terms, problems, terms
from frameworks.marathon_py.views import deployments as views
from frameworks.marathon_py.words import DeploymentChanged, Refused, Started
from mesos_py.machine.values import SECOND
from tests.marathon.world import TaskState, World, world_of

WEB = PathId("/web")
CANARY, CANARY_S = "MARATHON_DEPLOYMENT_CANARY", "MARATHON_DEPLOYMENT_CANARY_SECONDS"
FAILURES, DEADLINE = "MARATHON_DEPLOYMENT_MAX_FAILURES", "MARATHON_DEPLOYMENT_DEADLINE_SECONDS"
BACK = "MARATHON_DEPLOYMENT_AUTO_ROLLBACK"


def updating(labels: dict[str, str], instances: int = 4, least: float = 1, more: float = 1) -> World:
    """An app that runs, and an update of it that has just been asked for."""
    world = world_of()
    strategy = {"minimumHealthCapacity": least, "maximumOverCapacity": more}
    put(world, cmd="run", instances=instances, upgradeStrategy=strategy)
    world.run()
    put(world, cmd="walk", labels=labels)
    return world


def put(world: World, **body: Any) -> None:
    reply = world.tell(words.PutApps((read_given({"id": "/web", **body}),))).reply
    assert isinstance(reply, Started), reply


def commands(world: World) -> list[str]:
    return sorted(str(one.spec.cmd) for one in world.of() if one.condition.value == "Running")  # type: ignore[union-attr]


def deployment(world: World) -> str:
    (name,) = world.core.deployments
    return name


def reasons(world: World) -> list[str | None]:
    return [one.reason for one in world.heard(DeploymentChanged) if one.what == "failed"]


def test_what_labels_mean() -> None:
    said = {CANARY: "2", CANARY_S: "60", FAILURES: "3", DEADLINE: "600", BACK: "true", "other": "x"}
    assert terms(said) == Terms(canaries=2, canary_s=60, failures_max=3, deadline_s=600, is_taken_back=True)
    assert list(problems(said)) == []
    assert terms({"other": "x"}) is NONE
    wrong = {CANARY: "0", CANARY_S: "x", FAILURES: "1.5", DEADLINE: "9999999999", BACK: "yes"}
    assert [name for name, _ in problems(wrong)] == [CANARY, CANARY_S, FAILURES, DEADLINE, BACK]
    assert terms(wrong) == NONE


def test_labels_that_mean_nothing_are_refused() -> None:
    reply = world_of().tell(words.CreateApp({"id": "/web", "cmd": "run", "labels": {CANARY: "some"}})).reply
    assert [(one.path, one.text) for one in reply.details] == [
        (f"/labels/{CANARY}", "must be a whole number from 1 to 1000000000")
    ]
    labels = {"MARATHON_SINGLE_INSTANCE_APP": "true", "MARATHON_DEPLOYMENT_MAX_ADDITIONAL": "1"}
    reply = world_of().tell(words.CreateApp({"id": "/web", "cmd": "run", "labels": labels})).reply
    assert [one.path for one in reply.details] == ["/labels/MARATHON_DEPLOYMENT_MAX_ADDITIONAL"]


# ---- canaries


@pytest.mark.parametrize(("least", "more"), [(1, 1), (1, 0), (0.5, 0), (0, 0)])
def test_canaries_come_first_and_the_rest_when_somebody_says_so(least: float, more: float) -> None:
    world = updating({CANARY: "1"}, least=least, more=more)
    world.settle(5)
    assert commands(world) == ["run"] * 3 + ["walk"]
    one = world.core.deployments[deployment(world)]
    assert one.held == (WEB,)
    assert views.deployment(world.core, one, with_held=True)["held"] == ["/web"]
    assert "held" not in views.deployment(world.core, one)
    assert world.tell(words.Continue(deployment(world))).reply is None
    world.run(6)
    assert commands(world) == ["walk"] * 4
    assert not world.core.deployments


def test_canaries_that_are_not_up_are_waited_for() -> None:
    world = updating({CANARY: "2"})
    world.launch()
    name = deployment(world)
    assert world.core.deployments[name].held == ()
    refused = world.tell(words.Continue(name)).reply
    assert refused == Refused(409, f"DeploymentPlan {name} does not wait for anybody")
    assert world.tell(words.Continue("x")).reply == Refused(404, "DeploymentPlan x does not exist")


def test_canaries_that_have_been_up_for_long_enough() -> None:
    """One that ends meanwhile is up again, and the time begins anew."""
    world = updating({CANARY: "1", CANARY_S: "60"})
    world.run()
    world.advance(59 * SECOND)
    (canary,) = [one for one in world.of() if one.spec is world.core.specs[WEB]]
    world.end(next(iter(canary.tasks.values())).id)
    world.advance(2 * SECOND)
    world.run()
    assert commands(world) == ["run"] * 3 + ["walk"]
    assert world.core.deployments[deployment(world)].held == ()  # nobody has to say anything
    world.advance(61 * SECOND)
    world.settle(5)
    assert commands(world) == ["walk"] * 4


def test_all_of_few_instances_are_no_canaries() -> None:
    world = updating({CANARY: "4"})
    world.run()
    assert commands(world) == ["walk"] * 4


def test_who_takes_over_knows_what_was_said() -> None:
    world = updating({CANARY: "1"}, least=1, more=0)
    world.run()
    world.start()
    world.run()
    assert commands(world) == ["run"] * 3 + ["walk"]
    world.tell(words.Continue(deployment(world)))
    world.start()
    world.run(6)
    assert commands(world) == ["walk"] * 4


def test_canaries_are_taken_back() -> None:
    world = updating({CANARY: "1"})
    world.run()
    assert isinstance(world.tell(words.CancelDeployment(deployment(world))).reply, Started)
    world.run()
    assert commands(world) == ["run"] * 4
    assert not world.core.deployments


# ---- failures


def fail_new(world: World, state: TaskState = TaskState.TASK_FAILED) -> None:
    """After whatever delay its failures have brought."""
    world.settle(3, by=2 * SECOND)
    new = next(one for one in world.of() if one.spec is world.core.specs[WEB])
    world.end(next(iter(new.tasks.values())).id, state)


def test_too_many_failures_end_a_deployment() -> None:
    """It stops where it is."""
    world = updating({FAILURES: "2", CANARY: "1"})
    fail_new(world)
    assert world.core.deployments
    fail_new(world)
    assert not world.core.deployments
    assert reasons(world) == ["new instances of /web have ended 2 times"]
    assert world.core.specs[WEB].cmd == "walk"  # type: ignore[union-attr]


def test_or_take_it_back() -> None:
    """What ran before goes on, and what has failed is no more; a crash in between forgets nothing."""
    world = updating({FAILURES: "2", BACK: "true", CANARY: "1"})
    old = {one.id for one in world.of() if one.condition.value == "Running"}
    fail_new(world)
    world.start()
    fail_new(world)
    assert world.core.specs[WEB].cmd == "run"  # type: ignore[union-attr]
    world.run()
    assert commands(world) == ["run"] * 4
    assert not world.core.deployments
    assert len(old & {one.id for one in world.of()}) == 3  # the canary had replaced one


def test_other_ends_do_not_count() -> None:
    """Of old instances, of those that are killed, and of those whose agents are gone."""
    world = updating({FAILURES: "1", CANARY: "1"}, least=1, more=1)
    old = next(one for one in world.of() if one.spec is not world.core.specs[WEB])
    world.end(next(iter(old.tasks.values())).id)
    for state in (TaskState.TASK_KILLED, TaskState.TASK_GONE, TaskState.TASK_DROPPED):
        fail_new(world, state)
    assert world.core.deployments


def test_a_deployment_that_is_not_over_in_time_has_failed() -> None:
    world = updating({DEADLINE: "100", BACK: "true"}, least=1, more=0)
    world.advance(60 * SECOND)
    world.start()  # the time is not forgotten
    world.advance(39 * SECOND)
    assert world.core.specs[WEB].cmd == "walk"  # type: ignore[union-attr]
    world.advance(2 * SECOND)
    assert reasons(world) == ["it was not over in time"]
    assert world.core.specs[WEB].cmd == "run"  # type: ignore[union-attr]
    world.run()
    assert commands(world) == ["run"] * 4


def test_what_takes_back_has_no_terms() -> None:
    """Else the one would take back the other, for ever."""
    world = world_of()
    labels = {DEADLINE: "10", BACK: "true"}
    put(world, cmd="run", instances=2, labels=labels)
    world.run()
    put(world, cmd="walk")
    world.advance(11 * SECOND)
    assert world.core.specs[WEB].cmd == "run"  # type: ignore[union-attr]
    world.advance(30 * SECOND)
    world.run()
    assert not world.core.deployments
    assert commands(world) == ["run"] * 2


def test_in_time() -> None:
    world = updating({DEADLINE: "100", BACK: "true"})
    world.run()
    assert not world.core.deployments
    world.advance(200 * SECOND)
    assert commands(world) == ["walk"] * 4
    assert reasons(world) == []
