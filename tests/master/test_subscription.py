"""A framework's life: SUBSCRIBE and its refusals, failing over, being away, coming back, being torn down."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mesos_py.machine.frame import Disconnected
from mesos_py.master import changes
from mesos_py.master.options import Options
from mesos_py.wire import internal
from mesos_py.wire.constraints import AttributeConstraint, OfferConstraints
from mesos_py.wire.framework import FrameworkInfo, OfferFilters
from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState
from mesos_py.wire.value import Value
from tests import builders
from tests.builders import CAPABILITY
from tests.master.world import Scheduler, World

Word = Event.Type


def single_role(**fields: Any) -> FrameworkInfo:
    """A framework that has never heard of MULTI_ROLE."""
    return FrameworkInfo(**{"user": "root", "name": "old"} | fields)


def minimum(*quantities: dict[str, float]) -> dict[str, OfferFilters]:
    made = tuple(
        OfferFilters.ResourceQuantities(quantities={name: Value.Scalar(value=amount) for name, amount in each.items()})
        for each in quantities
    )
    return {"*": OfferFilters(min_allocatable_resources=OfferFilters.MinAllocatableResources(quantities=made))}


REFUSED = [
    (
        builders.framework_info(role="x"),
        "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
    ),
    (
        single_role(roles=("x",)),
        "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
    ),
    (
        builders.framework_info(roles=("a", "b", "a", "b")),
        "'FrameworkInfo.roles' contains duplicate items: { a, b }",
    ),
    (
        builders.framework_info(roles=("a/..",)),
        "'FrameworkInfo.roles' contains invalid role: Role 'a/..' cannot include '..' as a component",
    ),
    (single_role(role="/x"), "'FrameworkInfo.role' is not a valid role: Role '/x' cannot start with a slash"),
    (builders.framework_info(framework_id="a/b"), "'a/b' contains invalid characters"),
    (builders.framework_info(framework_id=".."), "'..' is disallowed"),
    (builders.framework_info(framework_id="x" * 256), "ID must not be greater than 255 characters"),
    (
        builders.framework_info(offer_filters=minimum({})),
        "Resource quantities must contain at least one quantity",
    ),
    (
        builders.framework_info(offer_filters=minimum({"cpus": 1}, {"mem": -1})),
        "Invalid resource quantity for 'mem': Negative values are not supported",
    ),
    (
        builders.framework_info(offer_filters=minimum({"mem": math.nan})),
        "Invalid resource quantity for 'mem': NaN values are not supported",
    ),
    (builders.framework_info(failover_timeout=1e300), "The framework failover_timeout (1e+300) is invalid"),
    (builders.framework_info(failover_timeout=-1e10), "The framework failover_timeout (-1e+10) is invalid"),
    (builders.framework_info(failover_timeout=math.nan), "The framework failover_timeout (nan) is invalid"),
    (
        builders.framework_info(roles=("allowed", "b", "a")),
        "Roles { a, b } are not present in the master's --roles",
    ),
    (
        builders.framework_info(user="root", roles=("allowed",)),
        "User 'root' is not allowed to run frameworks without --root_submissions set",
    ),
]


@pytest.mark.parametrize(("info", "text"), REFUSED, ids=[text[:40] for _, text in REFUSED])
def test_a_bad_framework_is_told_why_and_its_stream_ends(info: FrameworkInfo, text: str) -> None:
    """ERROR, end of stream, and nothing remembered."""
    options = Options()
    if "--roles" in text:
        options = Options(roles=("allowed",))
    if "root_submissions" in text:
        options = Options(roles=("allowed",), root_submissions=False)
    world = World(options)
    scheduler = Scheduler(world, info)
    frame = scheduler.subscribe()
    assert scheduler.errors() == [text]
    assert scheduler.peer in world.closed
    assert frame.changes == []
    assert not world.state.frameworks


def test_the_first_rule_broken_is_told() -> None:
    """Rules are in an order: roles before the failover timeout."""
    world = World()
    scheduler = Scheduler(world, builders.framework_info(roles=("a", "a"), failover_timeout=1e300))
    scheduler.subscribe()
    assert "duplicate items" in scheduler.errors()[0]


def constraint(role: str, group: tuple[AttributeConstraint, ...]) -> OfferConstraints:
    groups = (OfferConstraints.RoleConstraints.Group(attribute_constraints=group),)
    return OfferConstraints(role_constraints={role: OfferConstraints.RoleConstraints(groups=groups)})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"suppressed_roles": ("b", "a", "*")},
            "Suppressed roles { a, b } are not contained in the set of roles",
        ),
        (
            {"offer_constraints": constraint("z", ())},
            "Offer constraints specify `role_constraints` for a role 'z'not contained in the set of roles",
        ),
    ],
)
def test_suppressed_roles_and_constraints_are_of_subscribed_roles(fields: dict[str, Any], text: str) -> None:
    scheduler = Scheduler(World(), builders.framework_info())
    scheduler.subscribe(**fields)
    assert scheduler.errors() == [text]


def test_constraints_that_make_no_sense_are_refused() -> None:
    scheduler = Scheduler(World(), builders.framework_info())
    scheduler.subscribe(offer_constraints=constraint("*", ()))
    assert scheduler.errors()[0].startswith("Offer constraints are not valid: ")


@pytest.mark.parametrize(
    "info",
    [
        builders.framework_info(roles=()),
        builders.framework_info(failover_timeout=-5.0),
        builders.framework_info(roles=("a", "a/b", "*")),
        single_role(),
        single_role(role="x"),
        single_role(capabilities=(FrameworkInfo.Capability(type=None),)),
        builders.framework_info(offer_filters={"other": OfferFilters()}),
    ],
)
def test_what_looks_odd_but_is_legal(info: FrameworkInfo) -> None:
    scheduler = World().scheduler(info)
    assert scheduler.errors() == []
    assert scheduler.id == "m-0000"


def test_subscribed_then_heartbeats() -> None:
    """SUBSCRIBED tells id, interval and master; a HEARTBEAT follows at once and then every 15 seconds."""
    world = World()
    scheduler = Scheduler(world, builders.framework_info())
    frame = scheduler.subscribe()
    subscribed = frame.sends[0].message.subscribed  # type: ignore[union-attr]
    assert (subscribed.framework_id, subscribed.heartbeat_interval_seconds) == ("m-0000", 15.0)
    assert subscribed.master_info is world.master.info
    assert [word.type for word in scheduler.take()] == [Word.HEARTBEAT]
    world.advance(14.9)
    assert scheduler.take() == []
    world.advance(30.2)
    assert [word.type for word in scheduler.take()] == [Word.HEARTBEAT] * 3
    assert all(send.volatile for send in world.frames[-1].sends)  # type: ignore[union-attr]


def test_framework_ids_count_up() -> None:
    world = World()
    assert [world.scheduler(name=name).id for name in "ab"] == ["m-0000", "m-0001"]


def test_principal_is_taken_from_the_connection() -> None:
    """An omitted principal is the authenticated one."""
    world = World()
    scheduler = Scheduler(world, builders.framework_info())
    scheduler.principal = "ops"
    scheduler.subscribe()
    assert world.state.frameworks[scheduler.id].principal == "ops"
    assert scheduler.call(Call.Type.REVIVE).reply is None


# ---- failing over and coming back


def test_a_new_stream_takes_over() -> None:
    """The old one hears so and ends; offers are discarded in silence; agents learn of the new info."""
    world = World()
    agent = world.agent()
    scheduler = world.scheduler()
    world.settle()
    (offer,) = scheduler.offers()
    old = scheduler.peer
    scheduler.take()
    scheduler.info = evolve(scheduler.info, name="renamed", user="nobody", checkpoint=False)
    scheduler.subscribe()
    assert [word.type for word in world.heard[old]] == [Word.ERROR]
    assert world.heard[old][0].error.message == "Framework failed over"
    assert old in world.closed
    assert offer.id not in world.state.offers
    framework = world.state.frameworks[scheduler.id]
    assert (framework.info.name, framework.info.user, framework.info.checkpoint) == ("renamed", "root", True)
    assert framework.reregistered_time_ns == world.now
    assert [message.framework for message in agent.of(internal.UpdateFramework)] == [framework.info]
    ends = [change.end for change in world.changes(changes.OfferEnded)]
    assert ends == [changes.OfferEnd.DISCARDED]
    world.settle()
    assert len(scheduler.offers()) == 1


def test_the_end_of_a_replaced_stream_means_nothing() -> None:
    world = World()
    scheduler = world.scheduler()
    old = scheduler.peer
    scheduler.subscribe()
    frame = world.apply(Disconnected, peer=old)
    assert frame.changes == []
    assert world.state.frameworks[scheduler.id].connected


def test_tasks_survive_a_failover() -> None:
    """I8: a framework that comes back within its failover timeout finds its tasks untouched."""
    world = World()
    agent = world.agent()
    scheduler = world.scheduler()
    scheduler.launch(builders.task())
    agent.update(scheduler.id, "t", TaskState.TASK_RUNNING)
    scheduler.disconnect()
    world.advance(59)
    assert agent.of(internal.ShutdownFramework) == []
    scheduler.subscribe()
    world.advance(600)
    assert scheduler.reconcile()[0].state is TaskState.TASK_RUNNING
    assert agent.of(internal.ShutdownFramework) == []


def test_an_update_that_came_meanwhile_is_not_forwarded_but_remembered() -> None:
    """Nothing is queued in the master: the agent says it again."""
    world = World()
    agent = world.agent()
    scheduler = world.scheduler()
    scheduler.launch(builders.task())
    scheduler.disconnect()
    status = agent.update(scheduler.id, "t", TaskState.TASK_FINISHED)
    scheduler.subscribe()
    assert scheduler.statuses() == []
    agent.say(internal.StatusUpdate(framework_id=scheduler.id, status=status, latest_state=status.state))
    assert scheduler.statuses() == [status]


def test_changing_the_principal_is_refused_and_changes_nothing() -> None:
    world = World()
    scheduler = world.scheduler(principal="a")
    stream = scheduler.peer
    scheduler.info = evolve(scheduler.info, principal="b", name="other")
    scheduler.subscribe()
    assert scheduler.errors() == ["Changing framework's principal is not allowed."]
    framework = world.state.frameworks[scheduler.id]
    assert (framework.peer, framework.info.principal, framework.info.name) == (stream, "a", "f")


def test_an_unknown_id_is_taken_at_its_word() -> None:
    """It subscribed to a master before this one."""
    world = World()
    scheduler = world.scheduler(framework_id="earlier-0007")
    assert scheduler.id == "earlier-0007"
    framework = world.state.frameworks[scheduler.id]
    assert framework.registered_time_ns == framework.reregistered_time_ns == world.now


def test_roles_may_change_when_subscribing_again() -> None:
    """Even from single-role to MULTI_ROLE."""
    world = World()
    world.agent()
    scheduler = world.scheduler(single_role(role="a", failover_timeout=60.0))
    scheduler.info = builders.framework_info(roles=("b", "c"), framework_id=scheduler.id)
    scheduler.subscribe()
    world.settle()
    allocation = scheduler.offers()[0].allocation_info
    assert allocation is not None
    assert allocation.role in ("b", "c")


# ---- being away, and the end


def test_a_disconnected_framework_gets_no_offers_and_loses_those_it_has() -> None:
    world = World()
    world.agent()
    scheduler = world.scheduler()
    world.settle()
    scheduler.disconnect()
    assert not world.state.offers
    assert world.changes(changes.OfferEnded)[-1].end is changes.OfferEnd.RESCINDED
    world.advance(30)
    assert not world.state.offers


def test_a_recovered_framework_waits_without_a_deadline() -> None:
    """Known from an agent's report only; its calls are refused until it subscribes."""
    world = World()
    agent = world.agent()
    agent.disconnect()
    info = builders.framework_info(framework_id="x-0001", capabilities=(CAPABILITY.PARTITION_AWARE,))
    agent.reregister(frameworks=(info,))
    framework = world.state.frameworks[FrameworkID("x-0001")]
    assert (framework.recovered, framework.connected, framework.active) == (True, False, False)
    assert Scheduler(world, info).problem(Call.Type.REVIVE).text == "Framework is not subscribed"
    world.advance(100_000)
    assert "x-0001" in world.state.frameworks
    scheduler = world.scheduler(info)
    assert not framework.recovered
    assert framework.registered_time_ns == framework.reregistered_time_ns == world.now
    world.settle()
    assert scheduler.offers()
