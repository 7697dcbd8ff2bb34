"""Who may call, and UPDATE_FRAMEWORK: what a subscribed framework may change about itself."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.machine.problem import Kind
from mesos_py.wire import internal
from mesos_py.wire.constraints import AttributeConstraint, OfferConstraints
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import evolve
from tests import builders
from tests.master.world import Scheduler, World


def constraint(role: str, group: tuple[AttributeConstraint, ...]) -> OfferConstraints:
    groups = (OfferConstraints.RoleConstraints.Group(attribute_constraints=group),)
    return OfferConstraints(role_constraints={role: OfferConstraints.RoleConstraints(groups=groups)})


# ---- who may call


def test_calls_of_nobody() -> None:
    world = World()
    scheduler = Scheduler(world, builders.framework_info(framework_id="nobody"))
    problem = scheduler.problem(Call.Type.REVIVE)
    assert (problem.kind, problem.text) == (Kind.BAD_REQUEST, "Framework cannot be found")


def test_calls_while_disconnected() -> None:
    world = World()
    scheduler = world.scheduler()
    scheduler.disconnect()
    problem = scheduler.problem(Call.Type.REVIVE)
    assert (problem.kind, problem.text) == (Kind.FORBIDDEN, "Framework is not subscribed")


def test_calls_without_and_with_a_wrong_stream_id() -> None:
    world = World()
    scheduler = world.scheduler()
    scheduler.peer = None  # type: ignore[assignment]
    assert scheduler.problem(Call.Type.REVIVE).text == (
        "All non-subscribe calls should include the 'Mesos-Stream-Id' header"
    )
    scheduler.peer = "stale"
    assert scheduler.problem(Call.Type.REVIVE).text == (
        "The stream ID 'stale' included in this request didn't match the stream ID currently associated with"
        " framework ID m-0000"
    )


def test_calls_of_another_principal() -> None:
    world = World()
    scheduler = world.scheduler(principal="q")
    scheduler.principal = "p"
    assert scheduler.problem(Call.Type.TEARDOWN).text == (
        "Authenticated principal 'p' does not match principal 'q' set in `FrameworkInfo`"
    )
    assert scheduler.id in world.state.frameworks


def test_an_old_instance_is_fenced_by_its_stream() -> None:
    """F20: after a failover the old scheduler's calls are refused."""
    world = World()
    scheduler = world.scheduler()
    old = scheduler.peer
    scheduler.subscribe()
    scheduler.peer = old
    assert scheduler.problem(Call.Type.TEARDOWN).kind is Kind.BAD_REQUEST


# ---- UPDATE_FRAMEWORK


def update(scheduler: Scheduler, info: FrameworkInfo, **fields: Any) -> Any:
    payload = Call.UpdateFramework(framework_info=info, **fields)
    return scheduler.call(Call.Type.UPDATE_FRAMEWORK, update_framework=payload).reply


@pytest.mark.parametrize(
    ("changed", "fields", "text"),
    [
        ({"roles": ("a", "a")}, {}, "Supplied FrameworkInfo is not valid: 'FrameworkInfo.roles' contains duplicate"),
        ({"principal": "z"}, {}, "FrameworkInfo update is not valid: Changing framework's principal is not allowed."),
        (
            {"user": "b"},
            {},
            (
                "FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported;"
                " attempted to update from 'root' to 'b'"
            ),
        ),
        (
            {"checkpoint": False},
            {},
            (
                "FrameworkInfo update is not valid: Updating 'FrameworkInfo.checkpoint' is unsupported;"
                " attempted to update from 'true' to 'false'"
            ),
        ),
        ({}, {"suppressed_roles": ("x",)}, "'UpdateFramework' call is not valid: Suppressed roles { x } are not"),
        ({}, {"offer_constraints": constraint("x", ())}, "'UpdateFramework' call is not valid: Offer constraints"),
    ],
)
def test_updates_that_are_refused(changed: dict[str, Any], fields: dict[str, Any], text: str) -> None:
    world = World()
    scheduler = world.scheduler()
    before = world.state.frameworks[scheduler.id].info
    reply = update(scheduler, evolve(scheduler.info, **changed), **fields)
    assert reply.kind is Kind.BAD_REQUEST
    assert reply.text.startswith(text)
    assert world.state.frameworks[scheduler.id].info is before


def test_an_update_rescinds_offers_of_roles_left() -> None:
    world = World()
    agents = [world.agent(hostname=hostname) for hostname in "ab"]
    scheduler = world.scheduler(roles=("a", "b"))
    world.settle()
    offers = scheduler.offers()
    lost = [offer.id for offer in offers if offer.allocation_info.role == "a"]  # type: ignore[union-attr]
    scheduler.take()
    assert update(scheduler, evolve(scheduler.info, roles=("b", "c"))) is None
    rescinded = [word.rescind.offer_id for word in scheduler.take() if word.rescind is not None]
    assert rescinded == lost
    assert world.state.frameworks[scheduler.id].roles == ("b", "c")
    for agent in agents:
        assert agent.of(internal.UpdateFramework)


def test_an_update_of_suppression_alone_does_not_bother_agents() -> None:
    world = World()
    agent = world.agent()
    scheduler = world.scheduler()
    assert update(scheduler, scheduler.info, suppressed_roles=("*",)) is None
    assert agent.of(internal.UpdateFramework) == []
    assert list(world.state.frameworks[scheduler.id].suppressed) == ["*"]
