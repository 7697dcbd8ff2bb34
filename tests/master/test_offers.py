"""Offers: what they look like to whom, and the four ways they end."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.machine.frame import Tick
from mesos_py.master import changes
from mesos_py.master.options import Options
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import OfferID
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.value import Attribute, Value
from tests import builders
from tests.builders import CAPABILITY
from tests.master.world import World

Reservation = Resource.ReservationInfo
RACK = Attribute(name="rack", type=Value.Type.TEXT, text=Value.Text(value="r1"))


def rescinded(words: list[Event]) -> list[OfferID]:
    return [word.rescind.offer_id for word in words if word.rescind is not None]


def ends(world: World) -> list[str]:
    return [change.end.value for change in world.changes(changes.OfferEnded)]


# ---- what they look like


def test_an_offer_tells_the_agent() -> None:
    world = World()
    agent = world.agent(hostname="a", port=5055, attributes=(RACK,))
    scheduler = world.scheduler(roles=("eng",))
    world.settle()
    (offer,) = scheduler.offers()
    assert (offer.id, offer.framework_id, offer.agent_id) == ("m-O0", scheduler.id, agent.id)
    assert (offer.hostname, offer.attributes, offer.executor_ids) == ("a", (RACK,), ())
    assert offer.url is not None
    assert (offer.url.scheme, offer.url.address.ip, offer.url.address.port) == ("http", "127.0.0.1", 5055)
    assert (offer.url.address.hostname, offer.url.path) == ("a", "/slave(1)")
    assert offer.allocation_info == Resource.AllocationInfo(role="eng")


RESERVED = builders.scalar(
    "cpus", 2, reservations=(Reservation(type=Reservation.Type.DYNAMIC, role="eng", principal="ops"),)
)
REFINED = builders.scalar(
    "cpus",
    2,
    reservations=(
        Reservation(type=Reservation.Type.STATIC, role="eng"),
        Reservation(type=Reservation.Type.DYNAMIC, role="eng/web", principal="ops"),
    ),
)


@pytest.mark.parametrize(
    ("capabilities", "role", "expected"),
    [
        ((CAPABILITY.RESERVATION_REFINEMENT,), None, (None, "eng", True)),
        ((), None, ("*", "eng", False)),
        (None, "eng", ("*", None, False)),
    ],
    ids=["refinement", "multi role", "single role"],
)
def test_the_format_follows_the_capabilities(
    capabilities: tuple[CAPABILITY, ...] | None, role: str | None, expected: tuple[Any, ...]
) -> None:
    """Post-refinement only for those who know it; no allocation for those who do not know MULTI_ROLE."""
    world = World()
    world.agent(resources=(*builders.resources(cpus=1, mem=64), RESERVED))
    if capabilities is None:
        info = FrameworkInfo(user="root", name="old", role=role)
    else:
        info = builders.framework_info(roles=("eng",), capabilities=capabilities)
    scheduler = world.scheduler(info)
    world.settle()
    (offer,) = scheduler.offers()
    plain = next(resource for resource in offer.resources if resource.name == "mem")
    held = next(resource for resource in offer.resources if resource.reservations or resource.reservation)
    role_shown, allocated, refined = expected
    assert plain.role == role_shown
    for shown in (plain.allocation_info, held.allocation_info, offer.allocation_info):
        assert (None if shown is None else shown.role) == allocated
    assert bool(held.reservations) == refined
    assert held.role == (None if refined else "eng")


def test_refined_reservations_are_not_for_those_who_cannot_read_them() -> None:
    world = World()
    world.agent(resources=(*builders.resources(mem=64), REFINED))
    scheduler = world.scheduler(roles=("eng/web",))
    world.settle()
    (offer,) = scheduler.offers()
    assert [resource.name for resource in offer.resources] == ["mem"]


def test_ephemeral_ports_are_not_shown_but_offered_and_returned() -> None:
    world = World()
    hidden = builders.ports((32768, 57344))
    hidden = Resource(name="ephemeral_ports", type=hidden.type, ranges=hidden.ranges)
    world.agent(resources=(*builders.resources(cpus=1, mem=64), hidden))
    scheduler = world.scheduler()
    world.settle()
    (offer,) = scheduler.offers()
    assert [resource.name for resource in offer.resources] == ["cpus", "mem"]
    scheduler.decline(offer.id, refuse_s=0)


def test_executors_of_the_framework_are_listed() -> None:
    world = World()
    world.agent()
    scheduler = world.scheduler()
    scheduler.launch(builders.task(executor=builders.executor("e1")), refuse_s=0)
    scheduler.take()
    world.advance(1)
    (offer,) = scheduler.offers()
    assert offer.executor_ids == ("e1",)


def test_one_event_for_many_agents() -> None:
    world = World()
    for number in range(5):
        world.agent(hostname=f"h{number}")
    scheduler = world.scheduler()
    world.settle()
    assert len(scheduler.of(Event.Type.OFFERS)) == 1
    assert len(scheduler.offers()) == 5


def test_thousands_of_agents_are_offered_in_slices() -> None:
    """No frame makes more than a slice of offers; what is left follows at once."""
    world = World(check=False)
    for number in range(1200):
        world.agent(hostname=f"h{number}")
    scheduler = world.scheduler()
    world.settle()
    sizes = [len(word.offers.offers) for word in scheduler.take() if word.offers is not None]
    assert sum(sizes) == 1200
    assert max(sizes) <= 500


# ---- how they end


def test_declined_resources_come_again_after_refuse_seconds() -> None:
    world = World()
    world.agent()
    scheduler = world.scheduler()
    world.settle()
    scheduler.decline(scheduler.offers()[0].id, refuse_s=30)
    scheduler.take()
    world.advance(29)
    assert scheduler.offers() == []
    world.advance(3)
    assert len(scheduler.offers()) == 1


@pytest.mark.parametrize(("refuse_s", "until"), [(None, 5), (-1.0, 5), (0.0, 0)])
def test_default_negative_and_zero_refusals(refuse_s: float | None, until: float) -> None:
    """Absent and invalid mean five seconds, zero means none beyond the next run."""
    world = World()
    world.agent()
    scheduler = world.scheduler()
    world.settle()
    scheduler.decline(scheduler.offers()[0].id, refuse_s=refuse_s)
    world.advance(max(until - 0.1, 0))
    assert scheduler.offers() == []
    world.advance(1.2)
    assert len(scheduler.offers()) == 1


def test_what_one_declines_another_gets_at_once() -> None:
    world = World()
    world.agent()
    first, second = world.scheduler(name="a"), world.scheduler(name="b")
    world.settle()
    holder, other = (first, second) if first.offers() else (second, first)
    holder.decline(holder.offers()[0].id, refuse_s=60)
    world.settle()
    assert len(other.offers()) == 1


def test_offers_of_others_cannot_be_declined() -> None:
    world = World()
    world.agent()
    first, second = world.scheduler(name="a"), world.scheduler(name="b")
    world.settle()
    holder, other = (first, second) if first.offers() else (second, first)
    (offer,) = holder.offers()
    frame = other.decline(offer.id, OfferID("nope"))
    assert [type(change) for change in frame.changes] == [changes.Dropped, changes.Dropped]
    assert holder.offers() == [offer]


def test_an_offer_times_out() -> None:
    """RESCIND and no filter: it is offered again, to whom it is due."""
    world = World(Options(offer_timeout_s=10))
    world.agent()
    scheduler = world.scheduler()
    world.settle()
    (offer,) = scheduler.offers()
    world.advance(9.9)
    assert scheduler.offers() == [offer]
    world.advance(0.2)
    assert rescinded(scheduler.take()) == [offer.id]
    world.advance(1)
    assert len(world.state.offers) == 1
    assert ends(world) == ["rescinded"]


def test_without_offer_timeout_offers_are_kept() -> None:
    world = World()
    world.agent()
    scheduler = world.scheduler()
    world.settle()
    world.advance(10_000)
    assert len(scheduler.offers()) == 1


def test_accept_after_rescind_launches_nothing() -> None:
    """F24, I2: the offer is gone, each task is told so, nothing leaks."""
    world = World(Options(offer_timeout_s=1))
    agent = world.agent()
    scheduler = world.scheduler(capabilities=(CAPABILITY.PARTITION_AWARE,))
    world.settle()
    (offer,) = scheduler.offers()
    world.now += 2 * 10**9
    world.apply(Tick)
    scheduler.take()
    scheduler.accept([offer], builders.launch(builders.task("a"), builders.task("b")))
    assert [(status.state, status.reason) for status in scheduler.statuses()] == [
        (TaskState.TASK_DROPPED, TaskStatus.Reason.REASON_INVALID_OFFERS)
    ] * 2
    assert not world.state.agents[agent.id].tasks


def test_a_second_accept_of_one_offer_launches_nothing() -> None:
    world = World()
    world.agent()
    scheduler = world.scheduler()
    world.settle()
    (offer,) = scheduler.offers()
    scheduler.accept([offer], builders.launch(builders.task("a")))
    scheduler.accept([offer], builders.launch(builders.task("b")))
    assert scheduler.states("a") == []
    assert scheduler.states("b") == [TaskState.TASK_LOST]
    assert list(world.state.frameworks[scheduler.id].tasks) == ["a"]


def test_a_framework_cannot_take_or_destroy_offers_of_another() -> None:
    """Mesos would discard them; here only the task is refused."""
    world = World()
    world.agent()
    first, second = world.scheduler(name="a"), world.scheduler(name="b")
    world.settle()
    holder, thief = (first, second) if first.offers() else (second, first)
    (offer,) = holder.offers()
    thief.accept([offer], builders.launch(builders.task()))
    (status,) = thief.statuses()
    assert status.message == (
        f"Task launched with invalid offers: Offer {offer.id} has invalid framework {holder.id}"
        f" while framework {thief.id} is expected"
    )
    assert holder.offers() == [offer]


def test_offers_of_two_roles_or_agents_cannot_be_joined() -> None:
    world = World()
    agents = [world.agent(hostname=hostname) for hostname in "ab"]
    scheduler = world.scheduler(roles=("a", "b"))
    world.settle()
    offers = scheduler.offers()
    assert len(offers) == 2
    scheduler.accept(offers, builders.launch(builders.task(agent_id=agents[0].id)))
    (status,) = scheduler.statuses()
    joined = "Task launched with invalid offers: Aggregated offers must "
    assert status.message is not None
    assert status.message.startswith((f"{joined}be allocated to the same role.", f"{joined}belong to one single"))
    assert not scheduler.offers(), "all of them are discarded"


def test_offers_of_one_agent_can_be_joined() -> None:
    """What two offers hold together can be used by one task."""
    world = World()
    agent = world.agent(cpus=4)
    scheduler = world.scheduler()
    scheduler.launch(builders.task("first", cpus=3), refuse_s=0)
    world.advance(1)
    (small,) = scheduler.offers()
    agent.update(scheduler.id, "first", TaskState.TASK_FINISHED)
    world.advance(1)
    offers = scheduler.offers()
    assert len(offers) == 2
    assert small in offers
    scheduler.accept(offers, builders.launch(builders.task("second", cpus=4)))
    assert "second" in world.state.frameworks[scheduler.id].tasks


# ---- suppress and revive


def test_suppressed_roles_get_nothing_until_revived() -> None:
    world = World()
    scheduler = world.scheduler(roles=("a", "b"))
    scheduler.call(Call.Type.SUPPRESS, suppress=Call.Suppress(roles=("a",)))
    for hostname in "xyz":
        world.agent(hostname=hostname)
    world.settle()
    assert {offer.allocation_info.role for offer in scheduler.offers()} == {"b"}  # type: ignore[union-attr]
    scheduler.call(Call.Type.SUPPRESS)
    assert list(world.state.frameworks[scheduler.id].suppressed) == ["a", "b"]
    assert len(scheduler.offers()) == 3, "outstanding offers stay"
    scheduler.decline(*[offer.id for offer in scheduler.offers()], refuse_s=3600)
    world.advance(60)
    assert scheduler.offers() == []
    scheduler.call(Call.Type.REVIVE, revive=Call.Revive(roles=("a",)))
    world.settle()
    assert {offer.allocation_info.role for offer in scheduler.offers()} == {"a"}  # type: ignore[union-attr]
    assert list(world.state.frameworks[scheduler.id].suppressed) == ["b"]


@pytest.mark.parametrize("role", ["..", "z", ""])
@pytest.mark.parametrize("type_", [Call.Type.SUPPRESS, Call.Type.REVIVE])
def test_one_bad_role_makes_the_whole_call_void(type_: Call.Type, role: str) -> None:
    world = World()
    scheduler = world.scheduler(roles=("a",))
    name = type_.name.lower()
    payload = {"suppress": Call.Suppress, "revive": Call.Revive}[name](roles=("a", role))
    frame = scheduler.call(type_, **{name: payload})
    assert frame.reply is None
    assert [type(change) for change in frame.changes] == [changes.Dropped]
    assert not world.state.frameworks[scheduler.id].suppressed


def test_suppressed_from_the_start() -> None:
    world = World()
    world.agent()
    scheduler = world.scheduler(builders.framework_info(framework_id="x"))
    scheduler.subscribe(suppressed_roles=("*",))
    world.advance(10)
    assert scheduler.offers() == []


def test_two_frameworks_share_by_dominant_resource() -> None:
    """Equal tasks, offers taken as they come: each ends with half of the cluster, within one task."""
    world = World()
    for number in range(4):
        world.agent(hostname=f"h{number}", cpus=4, mem=4096)
    schedulers = [world.scheduler(name="a", roles=("a",)), world.scheduler(name="b", roles=("b",))]
    launched = [0, 0]
    for _ in range(60):
        world.settle()
        for index, scheduler in enumerate(schedulers):
            for offer in scheduler.offers():
                if any(r.name == "cpus" and r.scalar is not None and r.scalar.value >= 1 for r in offer.resources):
                    task = builders.task(f"t{launched[index]}", offer.agent_id, cpus=1, mem=128)
                    scheduler.accept([offer], builders.launch(task), refuse_s=0)
                    launched[index] += 1
        world.advance(1)
    assert sum(launched) == 16
    assert abs(launched[0] - launched[1]) <= 1, launched


def test_weights_shift_the_shares() -> None:
    """Whole agents go to whom they are due: three to one."""
    world = World(Options(weights={"heavy": 3.0}))
    world.recover()
    for number in range(8):
        world.agent(hostname=f"h{number}", cpus=4, mem=4096)
    schedulers = {role: world.scheduler(name=role, roles=(role,)) for role in ("heavy", "light")}
    world.settle()
    assert {role: len(scheduler.offers()) for role, scheduler in schedulers.items()} == {"heavy": 6, "light": 2}
