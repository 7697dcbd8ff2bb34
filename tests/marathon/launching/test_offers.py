"""From offers to launches: what is used, what is given back, and how much of it."""

from __future__ import annotations

from random import Random

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Habits, Marathon
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.launching.attempts import attempts
from frameworks.marathon_py.launching.hooks import Hooks
from frameworks.marathon_py.launching.offers import LAUNCHES_MAX
from frameworks.marathon_py.views.why import why
from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Event, Frame
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo
from tests.marathon.app_of import app_of
from tests.marathon.world import SECOND, TaskState, World, hosts, world_of


def accepts(world: World) -> list[Call.Accept]:
    return [call.accept for call in world.calls if call.accept is not None]


def declines(world: World) -> list[Call.Decline]:
    return [call.decline for call in world.calls if call.decline is not None]


def test_an_app_is_launched_and_what_is_of_no_use_is_given_back() -> None:
    world = world_of(app_of(cmd="x"), agents=3)
    world.offer_all()
    (accept,) = accepts(world)
    (decline,) = declines(world)
    assert len(decline.offer_ids) == 2
    assert decline.filters.refuse_seconds == accept.filters.refuse_seconds == 120
    (info,) = accept.operations[0].launch.task_infos
    (instance,) = world.of()
    assert info.task_id == instance.tasks["_app"].id == f"{instance.id}._app.1"
    assert instance.placed is not None
    assert instance.placed.agent_id == info.agent_id
    assert (info.name, info.command.value, info.command.shell) == ("web", "x", True)
    assert instance.tasks["_app"].host_ports == (info.discovery.ports.ports[0].number,)


def test_one_offer_is_used_for_so_many_instances_and_offered_again() -> None:
    world = world_of(app_of(instances=12), agents=1, max_instances_per_offer=5)
    world.offer_all()
    assert [len(one.operations[0].launch.task_infos) for one in accepts(world)] == [5]
    assert accepts(world)[0].filters.refuse_seconds == 0
    world.launch()
    assert [len(one.operations[0].launch.task_infos) for one in accepts(world)] == [5, 5, 2]
    assert accepts(world)[-1].filters.refuse_seconds == 120


def test_one_turn_has_so_many_launches_and_the_rest_is_offered_again() -> None:
    """The loop does not stand still for long, however many fit."""
    world = world_of(app_of(instances=200, cpus=0.1), agents=3, max_instances_per_offer=100, launch_tokens=1000)
    world.offer_all("a0")
    world.offer_all("a1", "a2")
    assert [sum(len(one.launch.task_infos) for one in call.operations) for call in accepts(world)] == [100, 50, 50]
    world = world_of(app_of(instances=300, cpus=0.1), agents=3, max_instances_per_offer=200, launch_tokens=1000)
    world.offer_all()
    assert len(world.infos) == LAUNCHES_MAX
    assert {one.filters.refuse_seconds for one in (*accepts(world), *declines(world))} == {0}
    world.launch()
    assert len(world.infos) == 300
    assert accepts(world)[-1].filters.refuse_seconds == 120


def test_what_nobody_wants_more_of_is_not_offered_again_at_once() -> None:
    world = world_of(app_of(instances=5), agents=1, max_instances_per_offer=5)
    world.offer_all()
    assert [one.filters.refuse_seconds for one in accepts(world)] == [120]


def test_instances_of_one_spec_are_spread() -> None:
    """As evenly as there is room, over those that run already, too."""
    world = world_of(app_of(instances=4), agents=4)
    world.offer_all("a0", "a1")
    world.offer_all()
    assert sorted(len(agent.tasks) for agent in world.agents.values()) == [0, 0, 2, 2]
    world.define(app_of(instances=8))
    world.launch()
    assert [len(agent.tasks) for agent in world.agents.values()] == [2, 2, 2, 2]


def test_no_app_is_always_the_first_and_no_agent() -> None:
    names, places = set(), set()
    for seed in range(20):
        world = world_of(app_of(id="/a", cpus=60), app_of(id="/b", cpus=60), agents=1, seed=seed)
        world.offer_all()
        (info,) = world.infos.values()
        names.add(info.name)
        world = world_of(app_of(), agents=2, seed=seed)
        world.offer_all()
        (info,) = world.infos.values()
        places.add(info.agent_id)
    assert names == {"a", "b"}
    assert places == {"a0", "a1"}


def test_two_protocols_may_share_a_port_of_the_host() -> None:
    mappings = [{"containerPort": 53, "hostPort": 31_053, "protocol": protocol} for protocol in ("tcp", "udp")]
    container = {"type": "DOCKER", "docker": {"image": "i"}, "portMappings": mappings}
    world = world_of(app_of(container=container, networks=[{"mode": "container/bridge"}]), agents=1)
    world.run()
    (instance,) = world.of()
    assert instance.tasks["_app"].host_ports == (31_053, 31_053)


def test_specs_take_turns() -> None:
    """A large app does not keep small ones waiting."""
    world = world_of(app_of(id="/large", instances=50), app_of(id="/small", instances=2), agents=1)
    world.offer_all()
    (accept,) = accepts(world)
    names = [info.name for info in accept.operations[0].launch.task_infos]
    assert sorted(names) == ["large", "large", "large", "small", "small"]


def test_tokens_stop_launches_until_tasks_run_or_time_has_passed() -> None:
    world = world_of(
        app_of(instances=10), agents=2, launch_tokens=4, launch_token_refresh_interval_s=30.0,
        min_revive_offers_interval_s=1.0,
    )  # fmt: skip
    world.launch()
    assert len(world.alive()) == 4
    assert world.core.tokens == 0
    world.start_tasks()
    world.calls.clear()
    world.advance(2 * SECOND)
    world.reconcile()
    assert world.core.tokens == 4
    assert any(call.type is Call.Type.REVIVE for call in world.calls), "what was refused is wanted again"
    world.launch()
    assert len(world.alive()) == 8
    world.advance(30 * SECOND)
    assert world.core.tokens == 4
    world.launch()
    assert len(world.alive()) == 10
    world.start_tasks()
    world.reconcile()
    assert world.core.tokens == 4, "never more than at the beginning"
    assert "tokens" not in world.core.timers


def test_a_token_that_does_not_come_back_is_not_waited_for() -> None:
    world = world_of(app_of(), launch_tokens=3)
    world.offer_all()
    world.end(world.alive()[0], TaskState.TASK_FAILED)
    assert (world.core.tokens, world.core.unconfirmed) == (2, {})


def test_a_checked_instance_gives_its_token_back_when_it_is_healthy() -> None:
    check = {"protocol": "COMMAND", "command": {"value": "true"}}
    world = world_of(app_of(healthChecks=[check]), launch_tokens=1)
    world.launch()
    world.start_tasks()
    world.reconcile()
    assert (world.conditions(), world.core.tokens) == (["Running"], 0)
    (instance,) = world.of()

    def is_healthy(m: Marathon, out: Frame) -> None:
        instance.healthy = True
        m.changed(instance, out)

    world.act(is_healthy)
    assert world.core.tokens == 1


def test_nothing_is_wanted_when_nothing_waits() -> None:
    world = world_of(app_of())
    assert world.wanted == {"marathon": None}
    world.run()
    assert world.wanted == {}


def test_more_is_wanted_after_something_was_refused() -> None:
    """Whoever comes later does not wait for the filters of those before him."""
    world = world_of(app_of(id="/large", cpus=1000), min_revive_offers_interval_s=1.0)
    world.offer_all()
    world.calls.clear()
    world.advance(2 * SECOND)
    world.define(app_of(id="/large", cpus=1000), app_of(id="/small"))
    assert [call.type for call in world.calls] == [Call.Type.REVIVE]


def test_what_is_left_of_a_used_offer_counts_as_refused() -> None:
    world = world_of(app_of(id="/large", cpus=1000), app_of(id="/small"), agents=1, min_revive_offers_interval_s=1.0)
    world.offer_all()
    assert declines(world) == []
    world.calls.clear()
    world.advance(2 * SECOND)
    world.define(app_of(id="/large", cpus=1000), app_of(id="/small"), app_of(id="/other"))
    assert [call.type for call in world.calls] == [Call.Type.REVIVE]


def test_offers_in_a_role_in_which_nothing_waits_are_given_back() -> None:
    world = world_of(app_of())
    (offer, *_) = hosts(1, role="other")
    frame = world.tell(MasterEvent.Offers(offers=(offer,)))
    (send,) = frame.sends
    assert send.message.decline.offer_ids == (offer.id,)  # type: ignore[union-attr]
    assert world.conditions() == ["Scheduled"]


def test_a_launch_that_nobody_heard_never_was() -> None:
    """The instance waits as before, with the same incarnation, and no token is lost."""
    world = world_of(app_of(), launch_tokens=1)
    world.is_cut = True
    (offer, *_) = [agent.template for agent in world.agents.values()]
    world.tell(MasterEvent.Offers(offers=(offer,)))
    (instance,) = world.of()
    assert (instance.condition.value, instance.incarnation, instance.placed) == ("Scheduled", 0, None)
    assert world.core.tokens == 1
    world.is_cut = False
    world.run()
    assert world.alive() == [f"{instance.id}._app.1"]


@pytest.mark.parametrize("seed", range(30))
def test_every_offer_is_answered_once_and_no_port_is_given_twice(seed: int) -> None:
    """Random apps on random agents: the world refuses to give what it has not."""
    rng = Random(seed)
    apps = [
        app_of(
            id=f"/app{index}", instances=rng.randint(0, 9), cpus=rng.choice([0.1, 1, 3]),
            portDefinitions=[{"port": 0} for _ in range(rng.randint(0, 3))],
            constraints=rng.choice([[], [["hostname", "UNIQUE"]], [["hostname", "MAX_PER", "2"]]]),
        )
        for index in range(rng.randint(1, 5))
    ]  # fmt: skip
    world = World(rng, hosts(rng.randint(1, 4), "cpus:8;mem:4000;disk:1000;ports:[31000-31020]", role="marathon"),
                  Habits(max_instances_per_offer=rng.randint(1, 5), launch_tokens=rng.choice([3, 100])))  # fmt: skip
    world.define(*apps)
    for _ in range(rng.randint(2, 6)):
        made: list[Offer] = []
        for agent in world.agents.values():
            whole = agent.free.messages()
            if whole and not agent.offers:
                parts = [whole[:1], whole[1:]] if rng.random() < 0.3 else [whole]
                for part in parts:
                    world._offers += 1
                    name = type(agent.template.id)(f"o{world._offers}")
                    made.append(evolve(agent.template, id=name, resources=part))
                    agent.offers[name] = made[-1]
        world.calls.clear()
        world.tell(MasterEvent.Offers(offers=tuple(made)))
        answered = [one for call in (*accepts(world), *declines(world)) for one in call.offer_ids]
        assert sorted(answered) == sorted(offer.id for offer in made)
        world.start_tasks()
        world.reconcile()
        if world.alive() and rng.random() < 0.5:
            world.end(rng.choice(world.alive()), TaskState.TASK_FINISHED)
        world.advance(rng.randint(0, 40) * SECOND)
    for agent in world.agents.values():
        ports = [
            port for task in agent.alive for resource in task.info.resources if resource.name == "ports"
            for one in resource.ranges.range for port in range(one.begin, one.end + 1)
        ]  # fmt: skip
        assert len(ports) == len({*ports})
    for app in apps:
        places = [world.core.tasks[task_id].placed for task_id in world.alive(app.id)]
        if app.constraints:
            most = 1 if app.constraints[0][1] == "UNIQUE" else 2
            names = [place.hostname for place in places if place is not None]
            assert all(names.count(name) <= most for name in names)


def test_offers_that_come_before_anything_is_known_are_given_back() -> None:
    world = world_of()
    (offer, *_) = hosts(1)
    frame = world.core.apply(Event(MasterEvent.Offers, MasterEvent.Offers(offers=(offer,))), world.now)
    assert [send.message.type for send in frame.sends] == [Call.Type.DECLINE]  # type: ignore[union-attr]


def test_clearing_a_delay_that_there_is_not() -> None:
    world = world_of()
    assert world.tell(words.ClearDelay("/web")).reply == words.Refused(
        404, "Application /web not found in tasks queue."
    )  # fmt: skip


def test_what_is_reserved_for_the_role_goes_first_and_is_named() -> None:
    """Every part of a task, each of its ports included, keeps the role that it came from."""
    has = "cpus(marathon):0.5;cpus:4;mem:1000;ports(marathon):[31000-31000];ports:[40000-40000]"
    world = world_of(app_of(cpus=1, ports=[0, 0]), agents=1, resources=has)
    world.run()
    (info,) = world.infos.values()
    assert str(Resources.of(info.resources).allocate(None)) == (
        "cpus(reservations: [(STATIC,marathon)]):0.5; cpus:0.5; mem:128; "
        "ports(reservations: [(STATIC,marathon)]):[31000-31000]; ports:[40000-40000]"
    )
    world = world_of(app_of(cpus=1, ports=[0], acceptedResourceRoles=["*"]), agents=1, resources=has)
    world.run()
    (instance,) = world.of()
    assert instance.tasks["_app"].host_ports == (40_000,)


# ---- plug-ins


def with_hooks(world: World, hooks: Hooks) -> World:
    world.core.hooks = hooks
    return world


def test_a_plug_in_says_where_a_spec_may_be_launched() -> None:
    """Of each spec by itself, though they ask for the same; it is no reason that Marathon has a word for."""
    world = with_hooks(
        world_of(app_of(id="/a"), app_of(id="/b"), agents=2),
        Hooks(accepts=lambda spec, host: (spec.id, host.hostname) == ("/a", "h1")),
    )
    world.run()
    (task_id,) = world.alive()
    instance = world.core.tasks[task_id]
    assert instance.placed is not None
    assert (instance.spec_id, instance.placed.hostname) == ("/a", "h1")
    (found,) = attempts(world.core, world.now)
    assert [one.reasons for one in found.offers] == [(), ()]
    sentences = why(world.core, PathId("/b"), world.now)
    assert sentences is not None
    assert sentences[-1].endswith("one instance would run there if a plug-in let it.")


def test_a_plug_in_may_change_what_is_launched() -> None:
    def renamed(app: App, info: TaskInfo) -> TaskInfo:
        return evolve(info, name=f"{info.name}-of-{app.role}")

    world = with_hooks(world_of(app_of()), Hooks(edit_task=renamed))
    world.run()
    assert [info.name for info in world.infos.values()] == ["web-of-marathon"]


def test_hosts_are_not_overfilled_by_specs_that_a_plug_in_looks_at() -> None:
    world = with_hooks(
        world_of(app_of(id="/a", instances=4), app_of(id="/b", instances=4), agents=1, max_instances_per_offer=5),
        Hooks(accepts=lambda spec, host: True),
    )
    world.offer_all()
    assert [len(one.operations[0].launch.task_infos) for one in accepts(world)] == [5]
