"""Who waits, for how long after a failure, and what is known of the offers meanwhile."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.instances.instance import Condition, Instance
from frameworks.marathon_py.launching import backoff
from frameworks.marathon_py.launching.attempts import Attempt, attempts
from frameworks.marathon_py.launching.backoff import config_of
from frameworks.marathon_py.launching.hooks import Hooks
from frameworks.marathon_py.launching.reasons import FUNNEL
from mesos_py.machine.values import MILLISECOND
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.value import Attribute, TimeInfo, Unavailability, Value
from tests.marathon.app_of import app_of
from tests.marathon.world import SECOND, World, world_of

WEB = PathId("/web")


def delay_s(world: World) -> float | None:
    """How long the next launch is put off."""
    due = backoff.until(world.core, config_of(world.core.specs[WEB]), world.now)
    return None if due is None else (due - world.now) / SECOND


def in_condition(world: World, condition: Condition) -> None:
    """The first instance is in that condition, whatever else that means."""
    (instance, *_) = world.of()
    backoff.heard(world.core, Instance(instance.id, instance.spec, condition=condition), world.now)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition.DROPPED, 20), (Condition.ERROR, 20), (Condition.FAILED, 20), (Condition.GONE, 20),
        (Condition.FINISHED, 20), (Condition.PROVISIONED, 10), (Condition.STAGING, 10), (Condition.STARTING, 10),
        (Condition.RUNNING, 10), (Condition.KILLED, 4), (Condition.UNREACHABLE, 4), (Condition.UNKNOWN, 4),
        (Condition.UNREACHABLE_INACTIVE, 4), (Condition.KILLING, 4), (Condition.SCHEDULED, 4),
    ],
)  # fmt: skip
def test_what_a_condition_makes_of_a_delay(condition: Condition, expected: float) -> None:
    """After a failure and six seconds."""
    world = world_of(app_of(backoffSeconds=10, backoffFactor=2))
    in_condition(world, Condition.FAILED)
    world.now += 6 * SECOND
    in_condition(world, condition)
    assert delay_s(world) == expected


@pytest.mark.parametrize("condition", [Condition.RUNNING, Condition.PROVISIONED, Condition.KILLED])
def test_without_a_failure_there_is_no_delay(condition: Condition) -> None:
    world = world_of(app_of())
    in_condition(world, condition)
    assert (delay_s(world), world.core.delays) == (None, {})


def test_delays_grow_to_a_bound() -> None:
    world = world_of(app_of(backoffSeconds=4, backoffFactor=2, maxLaunchDelaySeconds=10))
    found = []
    for _ in range(4):
        in_condition(world, Condition.FAILED)
        found.append(delay_s(world))
    assert found == [4, 8, 10, 10]


def test_a_first_delay_is_no_longer_than_the_longest() -> None:
    world = world_of(app_of(backoffSeconds=40, maxLaunchDelaySeconds=10))
    in_condition(world, Condition.FAILED)
    assert delay_s(world) == 10


@pytest.mark.parametrize(
    ("state", "expected"), [(TaskState.TASK_KILLED, None), (TaskState.TASK_GONE_BY_OPERATOR, None)]
)
def test_a_drained_agent_is_nobodys_fault(state: TaskState, expected: float | None) -> None:
    """Whatever delay there was is dropped."""
    world = world_of(app_of(backoffSeconds=10))
    world.run()
    in_condition(world, Condition.FAILED)
    assert delay_s(world) == 10
    world.end(world.alive()[0], state, reason=TaskStatus.Reason.REASON_AGENT_DRAINING)
    assert delay_s(world) is expected


def test_an_app_that_fails_waits_longer_each_time_and_is_launched_when_the_time_has_come() -> None:
    """Offers are asked for again when it may be launched, and at no other time."""
    world = world_of(app_of(backoffSeconds=10, backoffFactor=2))
    for expected in (10, 20, 40):
        world.run()
        world.end(world.alive()[0], TaskState.TASK_FAILED)
        assert delay_s(world) == expected
        assert world.wanted == {}, "no offer is of use"
        world.offer_all()
        world.advance(expected * SECOND - MILLISECOND)
        assert world.alive() == []
        world.calls.clear()
        world.advance(MILLISECOND)
        assert [call.type for call in world.calls] == [Call.Type.REVIVE]
    world.run()
    assert len(world.alive()) == 1


def test_while_there_is_a_delay_instances_are_launched_one_by_one() -> None:
    world = world_of(app_of(instances=3, backoffSeconds=10))
    world.run()
    for task_id in world.alive():
        world.end(task_id, TaskState.TASK_FINISHED)
    world.advance(20 * SECOND)
    world.run()
    assert len(world.alive()) == 1
    assert world.wanted == {}
    world.advance(20 * SECOND)
    world.run()
    assert len(world.alive()) == 2


def test_a_delay_that_nothing_happens_to_is_dropped() -> None:
    world = world_of(app_of(backoffSeconds=5, maxLaunchDelaySeconds=30))
    world.run()
    world.end(world.alive()[0], TaskState.TASK_FAILED)
    world.advance(5 * SECOND)
    world.run()
    assert world.core.delays
    world.advance(45 * SECOND)
    assert world.core.delays == {}
    assert "delays" not in world.core.timers


def test_a_delay_can_be_cleared_and_another_configuration_has_none() -> None:
    world = world_of(app_of(backoffSeconds=100))
    world.run()
    world.end(world.alive()[0], TaskState.TASK_FAILED)
    world.run()
    assert world.alive() == []
    assert world.tell(words.ClearDelay(WEB)).reply is None
    world.run()
    assert len(world.alive()) == 1
    world.end(world.alive()[0], TaskState.TASK_FAILED)
    assert delay_s(world) == 100
    world.define(app_of(backoffSeconds=99))
    assert delay_s(world) is None


def test_after_a_quiet_time_delays_begin_anew() -> None:
    world = world_of(app_of(backoffSeconds=5, backoffFactor=2, maxLaunchDelaySeconds=30))
    in_condition(world, Condition.FAILED)
    in_condition(world, Condition.FAILED)
    assert delay_s(world) == 10
    world.now += 31 * SECOND
    in_condition(world, Condition.FAILED)
    assert delay_s(world) == 5


def test_what_is_not_wanted_any_more_waits_for_nothing() -> None:
    world = world_of(app_of(backoffSeconds=100))
    world.run()
    world.end(world.alive()[0], TaskState.TASK_FAILED)
    key = ("delay", config_of(world.core.specs[WEB]))
    assert key in world.core.timers
    world.define(app_of(backoffSeconds=100, instances=0))
    assert key not in world.core.timers
    assert list(attempts(world.core, world.now)) == []


def test_a_new_leader_knows_since_when_somebody_waits() -> None:
    world = world_of(app_of())
    since = attempt(world).since
    world.now += 50 * SECOND
    world.start()
    assert attempt(world).since == since


# ---- statistics


def attempt(world: World) -> Attempt:
    (found,) = attempts(world.core, world.now)
    return found


def steps(found: Any) -> dict[str, tuple[int, int]]:
    """Those that turned something away: how many had come, how many went."""
    assert [one.reason for one in found] == list(FUNNEL)
    return {one.reason: (one.processed, one.declined) for one in found if one.declined}


def test_an_attempt_ends_when_nothing_is_left_to_launch() -> None:
    """What was asked for counts until it is heard of."""
    world = world_of(app_of(instances=2), agents=1, max_instances_per_offer=1)
    assert (attempt(world).count, attempt(world).since) == (2, world.now)
    world.offer_all()
    assert (attempt(world).count, attempt(world).last_used_at) == (2, world.now)
    assert attempt(world).processed == 1
    world.launch()
    assert (attempt(world).count, attempt(world).processed, attempt(world).unused) == (2, 2, 0)
    world.start_tasks()
    world.reconcile()
    assert list(attempts(world.core, world.now)) == []


def test_why_offers_were_of_no_use() -> None:
    """Every offer counts since the attempt began; of each agent the last one is judged."""
    world = world_of(app_of(cpus=1000, mem=10**9), agents=3)
    for round in (1, 2):
        world.now += SECOND
        world.offer_all()
        found = attempt(world)
        assert (found.processed, found.unused, found.last_unused_at) == (3 * round, 3 * round, world.now)
        assert steps(found.all_offers) == {"InsufficientCpus": (3 * round, 3 * round)}
        assert steps(found.last_offers) == {"InsufficientCpus": (3, 3)}
        assert [one.reasons for one in found.offers] == [("InsufficientCpus", "InsufficientMemory")] * 3
        assert {one.at for one in found.offers} == {world.now}


def test_an_offer_that_would_do_is_not_unused() -> None:
    world = world_of(app_of(instances=2), launch_tokens=1)
    world.offer_all()
    assert (attempt(world).count, attempt(world).offers) == (2, ())


def test_an_attempt_is_of_the_definition_that_waits_in_its_role() -> None:
    """A role may be another one by now, while something of the former one waits still."""
    world = world_of(app_of(cpus=1000, role="marathon"))
    world.act(lambda m, out: m.specs.update({WEB: attrs.evolve(m.specs[WEB], role="*")}))
    found = attempt(world)
    assert (found.role, found.spec.role) == ("marathon", "marathon")


def test_offers_of_before_do_not_count() -> None:
    world = world_of(app_of(id="/other", cpus=1000), agents=2)
    world.offer_all()
    world.now += SECOND
    world.define(app_of(cpus=1000))
    assert attempt(world).offers == ()
    assert (attempt(world).processed, attempt(world).last_unused_at) == (0, None)


def offer_with(world: World, **fields: Any) -> None:
    """The only agent's next offers are like that."""
    (agent,) = world.agents.values()
    agent.template = evolve(agent.template, **fields)


RACK = Attribute(name="rack", type=Value.Type.TEXT, text=Value.Text(value="r1"))


@pytest.mark.parametrize(
    ("app", "fields", "reasons"),
    [
        ({"cpus": 1000}, {}, ("InsufficientCpus",)),
        ({"mem": 10**9}, {}, ("InsufficientMemory",)),
        ({"disk": 10**9}, {}, ("InsufficientDisk",)),
        ({"gpus": 1, "container": {"type": "MESOS"}}, {}, ("InsufficientGpus",)),
        ({"portDefinitions": [{"port": 80}], "requirePorts": True}, {}, ("InsufficientPorts",)),
        ({"portDefinitions": [{"port": 80}], "requirePorts": True, "cpus": 1000}, {}, ("InsufficientCpus",)),
        ({"constraints": [["rack", "LIKE", "r2"]]}, {"attributes": (RACK,)}, ("UnfulfilledConstraint",)),
        ({"constraints": [["rack", "UNIQUE"]]}, {}, ("UnfulfilledConstraint",)),
        ({"acceptedResourceRoles": ["marathon"]}, {},
         ("InsufficientCpus", "InsufficientMemory", "UnfulfilledRole")),
        ({}, {"unavailability": Unavailability(start=TimeInfo(nanoseconds=0))},
         ("UnfulfilledConstraint", "AgentMaintenance")),
        ({"cpus": 1000, "constraints": [["rack", "LIKE", "r2"]]}, {}, ("InsufficientCpus", "UnfulfilledConstraint")),
        ({"cpus": 1000, "constraints": [["rack", "UNIQUE"]]}, {}, ("InsufficientCpus", "UnfulfilledConstraint")),
    ],
)  # fmt: skip
def test_reasons(app: dict[str, Any], fields: dict[str, Any], reasons: tuple[str, ...]) -> None:
    """An offer is counted under the first of the funnel, and lists all of them."""
    world = world_of(app_of(**app), agents=1)
    offer_with(world, **fields)
    world.offer_all()
    (one,) = attempt(world).offers
    assert one.reasons == reasons
    first = min(reasons, key=FUNNEL.index)
    assert steps(attempt(world).last_offers) == steps(attempt(world).all_offers) == {first: (1, 1)}


def test_gpus_are_for_those_who_want_some() -> None:
    """Unless the flag or a label says otherwise."""
    plenty = "cpus:10;mem:1000;gpus:2;ports:[31000-32000]"
    world = world_of(app_of(), agents=1, resources=plenty)
    world.offer_all()
    assert [one.reasons for one in attempt(world).offers] == [("DeclinedScarceResources",)]
    world = world_of(app_of(labels={"GPU_SCHEDULING_BEHAVIOR": "unrestricted"}), agents=1, resources=plenty)
    world.run()
    assert len(world.alive()) == 1
    world = world_of(app_of(), agents=1, resources=plenty, gpu_scheduling_behavior="unrestricted")
    world.run()
    assert len(world.alive()) == 1
    labelled = app_of(labels={"GPU_SCHEDULING_BEHAVIOR": "restricted"})
    world = world_of(labelled, agents=1, resources=plenty, gpu_scheduling_behavior="unrestricted")
    world.run()
    assert world.alive() == []


@pytest.mark.parametrize(
    ("habits", "start", "runs"),
    [
        ({}, 100, True), ({}, -100, False), ({"draining_seconds": 200.0}, 100, False),
        ({"draining_seconds": 50.0}, 100, True), ({"maintenance_mode": False}, -100, True),
    ],
)  # fmt: skip
def test_maintenance(habits: dict[str, Any], start: int, runs: bool) -> None:
    """An agent is not used in a window, nor ``draining_seconds`` before it, if we care at all."""
    world = world_of(app_of(), agents=1, **habits)
    offer_with(world, unavailability=Unavailability(start=TimeInfo(nanoseconds=world.now + start * SECOND)))
    world.offer_all()
    assert bool(world.alive()) is runs


@pytest.mark.parametrize(
    ("home", "constraints", "runs"),
    [
        ("here", [], True), ("there", [], False), (None, [], True), ("there", [["@region", "IS", "here"]], True),
        ("there", [["@zone", "UNIQUE"]], True), ("there", [["hostname", "UNIQUE"]], False),
    ],
)  # fmt: skip
def test_regions(home: str | None, constraints: list[list[str]], runs: bool) -> None:
    """Agents of another region than the master's are for those who say so; refused without a word."""
    world = world_of(app_of(constraints=constraints), agents=1)
    world.tell(words.Connection("registered", "f", "m:5050", home))
    world.offer_all()
    assert bool(world.alive()) is runs
    if not runs:
        (one,) = attempt(world).offers
        assert one.reasons == ()
        assert steps(attempt(world).last_offers) == {}


# ---- secrets


def test_an_app_waits_for_its_secret() -> None:
    """Nobody has it yet; somebody has it later; it is looked for from time to time, while anybody waits."""
    known: dict[str, bytes] = {}
    world = world_of()
    world.core.hooks = Hooks(find_secret=known.get)
    world.define(app_of(env={"A": {"secret": "s"}}, secrets={"s": {"source": "/a/b"}}))
    world.run()
    assert (world.alive(), world.wanted) == ([], {})
    assert (attempt(world).count, attempt(world).offers) == (1, ())
    world.advance(60 * SECOND)
    world.run()
    assert world.alive() == []
    known["/a/b"] = b"x"
    world.advance(60 * SECOND)
    world.run()
    assert len(world.alive()) == 1
    assert world.infos[world.alive()[0]].command is not None
    world.advance(60 * SECOND)
    assert "hindered" not in world.core.timers
