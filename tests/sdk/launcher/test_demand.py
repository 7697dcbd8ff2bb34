"""When offers are wanted, what is done with them, and who is served first."""

from __future__ import annotations

from random import Random

import pytest

from mesos_py.machine.values import SECOND
from mesos_py.sdk.launcher import Habits, Spec, words
from mesos_py.sdk.launcher.instances import State
from mesos_py.sdk.matching import Locality, Request
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskState
from tests.sdk.launcher.world import ONE, TASK, World, hosts, one, types, world_of


def test_offers_are_wanted_exactly_while_something_waits() -> None:
    world = world_of(one())
    assert types(world.calls) == ["REVIVE"]
    world.offer_all()
    assert types(world.calls) == ["REVIVE", "ACCEPT", "DECLINE", "SUPPRESS"]
    world.update(world.launched[0], TaskState.TASK_LOST)
    assert types(world.calls)[4:] == ["REVIVE"]


def test_offers_are_asked_for_again_when_more_is_wanted_than_when_some_were_refused() -> None:
    """At most once in a while, however many come to wait."""
    world = world_of(one(request=Request.of(cpus=9)), revive_every_s=5.0)
    world.advance(5 * SECOND)
    world.offer_all()
    assert types(world.calls) == ["REVIVE", "DECLINE"]
    world.declare(*world.specs, Spec("t", TASK, request=ONE))
    assert types(world.calls)[2:] == ["REVIVE"]
    world.offer_all()
    world.declare(*world.specs, Spec("u", TASK, request=Request.of(cpus=9)))
    assert types(world.calls)[3:] == ["ACCEPT", "DECLINE"]
    world.advance(5 * SECOND)
    assert types(world.calls)[5:] == ["REVIVE"]


def test_roles_are_asked_for_one_by_one() -> None:
    a, b = (Spec(name, TASK, request=Request.of(cpus=1, role=name)) for name in "ab")
    world = World(Random(1), [*hosts(1, role="a"), *hosts(2, role="b")[1:]], [a, b], Habits())
    assert world.calls[-1].revive.roles == ("a", "b")
    world.offer_all("a0")
    assert world.calls[-1].suppress.roles == ("a",)
    world.offer_all()
    assert world.calls[-1].suppress.roles == ("b",)


def test_what_is_refused_comes_again_when_a_task_may_stand_farther_away() -> None:
    near = Locality(hosts=("h9",), zones=("z9",), host_wait_s=4, zone_wait_s=10)
    world = world_of(one(request=Request.of(cpus=1, locality=near)), refuse_s=30.0)
    refusals = []
    for _ in range(3):
        world.advance(2 * SECOND)
        world.offer_all()
        refusals.append(world.calls[-1].decline.filters.refuse_seconds)
        world.advance(2 * SECOND)
    assert refusals == [2, 8, 4]
    assert world.launched == []
    world.advance(2 * SECOND)
    world.offer_all()
    assert world.launched == ["s.0.0"]


def test_the_higher_priority_is_served_first() -> None:
    large = Request.of(cpus=4)
    world = world_of(Spec("low", TASK, request=large), Spec("high", TASK, request=large, priority=1), agents=1)
    world.offer_all()
    assert world.launched == ["high.0.0"]


def test_what_nobody_heard_waits_for_another_offer() -> None:
    world = world_of(one())
    world.is_cut = True
    agent = world.agents["a0"]
    agent.offer = agent.template
    world.tell(MasterEvent.Offers(offers=(agent.template,)))
    assert world.states("s") == [State.WAITING]
    assert world.launched == []


def test_why_something_waits_is_known() -> None:
    world = world_of(one(request=Request.of(cpus=9, mem=1)))
    world.offer_all()
    explanation = world.core.explain("s", world.now)
    assert explanation.text == "0 of 2 hosts fit; 2 refused by resources; nearest is h0: cpus: 9 wanted, 4 found"
    assert world.core.groups["s"].funnel.refused == {"resources": 2}
    with pytest.raises(KeyError):
        world.core.explain("t", world.now)


def test_capabilities_that_somebody_told_are_used() -> None:
    world = world_of(one(request=Request.of(cpus=1, capabilities=["MULTI_ROLE"])))
    world.offer_all()
    assert world.launched == []
    world.tell(words.AgentKnown("a1", ("MULTI_ROLE",)))
    world.offer_all()
    assert [agent_id for agent_id, agent in world.agents.items() if agent.tasks] == ["a1"]
