"""Quota as the master has it: all or nothing, kept before it is said, offers taken back that it does not allow."""

from __future__ import annotations

import pytest

from mesos_py.algebra.quantities import Limits, Quantities
from mesos_py.algebra.quota import NO_QUOTA, Quota
from mesos_py.machine.problem import Problem
from mesos_py.master.calls.offers import ENDED_AT_ONCE
from mesos_py.master.changes import QuotaUpdated
from mesos_py.master.events import ChangeQuota, RemoveQuota, SetQuota
from mesos_py.master.options import Options
from mesos_py.master.registry import UpdateQuota
from mesos_py.wire.quota import QuotaConfig, QuotaRequest
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.task import TaskState
from tests import builders
from tests.builders import quota
from tests.master.world import Scheduler, World

FORCE = "(use 'force' flag to bypass this check)"


def change(world: World, *configs: QuotaConfig, force: bool = False) -> str | None:
    """An operator's word; the refusal, if it is one."""
    return refusal(world.apply(ChangeQuota, ChangeQuota(configs, force)).reply)


def give(world: World, role: str, force: bool = False, **amounts: float) -> Problem | None:
    request = QuotaRequest(role=role, force=force, guarantee=builders.resources(**amounts))
    reply = world.apply(SetQuota, SetQuota(request)).reply
    assert reply is None or isinstance(reply, Problem)
    return reply


def refusal(reply: object) -> str | None:
    if reply is None:
        return None
    assert isinstance(reply, Problem)
    return reply.text


def cluster(agents: int = 4, **options: object) -> World:
    """Agents of 4 cpus and 4096 MB."""
    world = World(Options(**options))  # type: ignore[arg-type]
    for number in range(agents):
        world.agent(hostname=f"h{number}", cpus=4, mem=4096)
    return world


def rescinded(scheduler: Scheduler) -> int:
    return len(scheduler.of(Event.Type.RESCIND))


# ---- what is kept


def test_a_list_of_roles_is_one_write() -> None:
    """Amounts as they are counted; of a role named twice the last word counts; without any there is no write."""
    world = cluster()
    configs = (quota("a", {"cpus": 1}), quota("b", {"cpus": 0.1234, "mem": 0}, {"cpus": 2, "gpus": 0}), quota("a"))
    assert change(world, *configs) is None
    limited = quota("b", {"cpus": 0.123}, {"cpus": 2, "gpus": 0})
    assert world.frames[-1].writes == [UpdateQuota((quota("a"), limited))]
    assert world.master.registry.quotas == {"b": limited}
    assert world.master.allocator.quota("b") == Quota(Quantities.of(cpus=0.123), Limits.of(cpus=2, gpus=0))
    assert world.master.allocator.quota("a") == NO_QUOTA
    assert {change.role: change.quota == NO_QUOTA for change in world.changes(QuotaUpdated)} == {"a": True, "b": False}
    assert change(world) is None
    assert world.frames[-1].writes == []


def test_a_list_with_one_bad_entry_changes_nothing() -> None:
    world = cluster()
    assert change(world, quota("a", {}, {"cpus": 1}), quota("b", {"cpus": -1})) is not None
    assert (world.frames[-1].writes, world.master.registry.quotas) == ([], {})
    assert world.master.allocator.quota("a") == NO_QUOTA


def test_a_new_master_knows() -> None:
    """And counts with it before anybody registers."""
    world = World()
    world.recover(facts=[UpdateQuota((quota("a", {"cpus": 1}, {"mem": 64}),))])
    assert world.master.allocator.quota("a") == Quota(Quantities.of(cpus=1), Limits.of(mem=64))
    assert change(world, quota("a")) is None
    assert world.master.registry.quotas == {}


# ---- what is refused


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (quota("x"), "Invalid QuotaConfig: 'x' is not on the roles whitelist"),
        (quota("a/b"), "Updating quota on nested role 'a/b' is not supported yet"),
        (
            quota("a", {"cpus": 2}, {"cpus": 1}),
            ("Invalid QuotaConfig: 'QuotaConfig.guarantees' { cpus: 2 } is not contained within the"
            " 'QuotaConfig.limits' { cpus: 1 }"),
        ),
        (
            quota("a", {"cpus": 17}),
            ("Invalid QuotaConfig: total quota guarantees 'cpus:17' exceed cluster capacity 'cpus:16; mem:16384'"
            f" {FORCE}"),
        ),
    ],
)
def test_what_no_role_here_may_have(config: QuotaConfig, text: str) -> None:
    world = cluster(roles=("a", "a/b"))
    assert change(world, config) == text
    assert world.frames[-1].writes == []


def test_guarantees_of_all_roles_must_be_there() -> None:
    """Those there were and those that are asked for; what a role had before does not count with what it is given."""
    world = cluster()
    assert change(world, quota("a", {"cpus": 10}), quota("b", {"cpus": 6})) is None
    text = "Invalid QuotaConfig: total quota guarantees 'cpus:17' exceed cluster capacity 'cpus:16; mem:16384'"
    assert change(world, quota("b", {"cpus": 7})) == f"{text} {FORCE}"
    assert change(world, quota("b", {"cpus": 7}), force=True) is None
    assert change(world, quota("a", {"cpus": 9})) is None


def test_a_limit_below_what_is_used_wants_force() -> None:
    """The tasks run on."""
    world = cluster()
    scheduler = world.scheduler(roles=("a/b",))
    scheduler.launch(builders.task(cpus=3, mem=96))
    text = "Invalid QuotaConfig: Role 'a' is already consuming 'cpus:3; mem:96'; this is more than the requested limits"
    assert change(world, quota("a", {}, {"cpus": 2.5})) == f"{text} 'cpus:2.5' {FORCE}"
    assert change(world, quota("a", {}, {"cpus": 1}), quota("a", {}, {"cpus": 3})) is None
    assert change(world, quota("a", {}, {"cpus": 2.5}), force=True) is None
    assert list(world.state.frameworks[scheduler.id].tasks) == ["t"]


# ---- what is taken back


def test_offers_beyond_the_limit_are_taken_back() -> None:
    """Of the role and those below it, as many as it takes; in the frame in which the quota is kept."""
    world = cluster()
    inside, below, outside = (world.scheduler(name=role, roles=(role,)) for role in ("a", "a/b", "b"))
    world.settle()
    held = len(inside.offers()) + len(below.offers())
    assert held >= 2
    assert change(world, quota("a", {}, {"cpus": 4})) is None
    assert rescinded(inside) + rescinded(below) == held - 1
    assert rescinded(outside) == 0
    assert world.master.allocator.offered_or_consumed("a") == Quantities.of(cpus=4, mem=4096)


@pytest.mark.parametrize(
    ("limits", "count"), [({"cpus": 16}, 0), ({"gpus": 0}, 0), ({"mem": 0}, 4), ({"cpus": 11.9}, 2)]
)
def test_no_more_is_taken_back_than_has_to_be(limits: dict[str, float], count: int) -> None:
    """An offer that has nothing of what is too much stays; what is used counts."""
    world = cluster()
    scheduler = world.scheduler(roles=("a",))
    world.settle()
    assert change(world, quota("a", {}, limits)) is None
    assert rescinded(scheduler) == count


def test_what_others_are_offered_is_taken_back_for_a_guarantee() -> None:
    """As much as the role is missing, not counting what it has or is offered."""
    world = cluster()
    other = world.scheduler(name="other", roles=("b",))
    world.settle()
    assert len(other.offers()) == 4
    assert change(world, quota("a", {"cpus": 6})) is None
    assert rescinded(other) == 2


def test_each_role_of_a_list_has_its_own_taken_back() -> None:
    """What is freed for the guarantee of one is not counted as another's."""
    world = cluster()
    other = world.scheduler(name="other", roles=("c",))
    world.settle()
    assert change(world, quota("a", {"cpus": 4}), quota("b", {"cpus": 4}), quota("c", {}, {"mem": 12000})) is None
    assert rescinded(other) == 2 + 0
    assert world.master.allocator.offered_or_consumed("c") == Quantities.of(cpus=8, mem=8192)


def test_what_is_on_its_way_back_is_not_taken_twice() -> None:
    """Offers end in slices (``calls/offers``): those that nobody can accept any more count as free already."""
    world = World(check=False)
    for number in range(ENDED_AT_ONCE + 8):
        world.agent(hostname=f"h{number}", cpus=4, mem=4096)
    scheduler = world.scheduler(roles=("a",))
    world.settle()
    offered = scheduler.offers()
    assert len(offered) == ENDED_AT_ONCE + 8
    assert change(world, quota("a", {}, {"cpus": 8})) is None
    assert rescinded(scheduler) == ENDED_AT_ONCE
    assert change(world, quota("a", {}, {"cpus": 4})) is None
    world.settle()
    assert rescinded(scheduler) == len(offered) - 1
    assert [offer.id for offer in offered if offer.id in world.state.offers] == [offered[-1].id]
    world.master.check()


def test_reservations_count_whether_they_are_offered_or_not() -> None:
    """To take an offer of them back would change nothing."""
    world = World()
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.STATIC, role="a")
    resources = (builders.scalar("cpus", 4, reservations=(reservation,)), builders.scalar("mem", 512))
    world.agent(resources=resources)
    scheduler = world.scheduler(roles=("a",))
    world.settle()
    assert len(scheduler.offers()) == 1
    text = "Invalid QuotaConfig: Role 'a' is already consuming 'cpus:4'; this is more than the requested limits"
    assert change(world, quota("a", {}, {"cpus": 1})) == f"{text} 'cpus:1' {FORCE}"
    assert change(world, quota("a", {}, {"cpus": 1}), force=True) is None
    assert rescinded(scheduler) == 0


def test_who_accepts_too_late_hears_of_each_task_once() -> None:
    """F24: the offer is taken back while the ACCEPT is on its way. Nothing is used, and one update ends the task."""
    world = cluster(agents=1)
    scheduler = world.scheduler(roles=("a",))
    world.settle()
    (offer,) = scheduler.offers()
    assert change(world, quota("a", {}, {"cpus": 1})) is None
    scheduler.accept([offer], builders.launch(builders.task(agent_id=offer.agent_id)))
    world.advance(60)
    assert scheduler.states() == [TaskState.TASK_LOST]
    assert world.state.used.plain.get("cpus", 0) == 0


def test_who_accepts_in_time_is_counted() -> None:
    """F24, the other order: the task runs, and the new limit has to reckon with it."""
    world = cluster(agents=1)
    scheduler = world.scheduler(roles=("a",))
    scheduler.launch(builders.task(cpus=3))
    assert "already consuming" in (change(world, quota("a", {}, {"cpus": 1})) or "")
    assert scheduler.states() == []
    assert world.master.allocator.consumed("a").get("cpus") == 3000


# ---- what it comes to


def test_a_framework_at_its_limit_goes_on_when_that_is_raised() -> None:
    """It is offered what is left of the limit, then nothing, then what the higher limit adds."""
    world = cluster()
    assert change(world, quota("a", {}, {"cpus": 5})) is None
    scheduler = world.scheduler(roles=("a",))
    world.settle()
    assert _offered(world, scheduler).get("cpus") == 5000
    for offer in scheduler.offers():
        cpus = sum(each.scalar.value for each in offer.resources if each.name == "cpus" and each.scalar is not None)
        if cpus:
            scheduler.accept([offer], builders.launch(builders.task(offer.id, offer.agent_id, cpus=cpus)), refuse_s=0)
    world.advance(60)
    assert _offered(world, scheduler).get("cpus") == 0
    assert world.master.allocator.consumed("a").get("cpus") == 5000
    assert change(world, quota("a", {}, {"cpus": 7})) is None
    world.advance(2)
    assert _offered(world, scheduler).get("cpus") == 2000


def test_what_is_taken_back_goes_to_whom_it_is_guaranteed() -> None:
    """Who had it is offered the rest again, and not what is kept free."""
    world = cluster()
    other = world.scheduler(name="other", roles=("b",))
    world.settle()
    guaranteed = world.scheduler(name="guaranteed", roles=("a",))
    assert change(world, quota("a", {"cpus": 8}, {"cpus": 8})) is None
    world.advance(2)
    assert (_offered(world, guaranteed).get("cpus"), _offered(world, other).get("cpus")) == (8000, 8000)


def _offered(world: World, scheduler: Scheduler) -> Quantities:
    alive = world.state.frameworks[scheduler.id].offers.values()
    return sum((offer.resources.quantities() for offer in alive), Quantities())


# ---- as before Mesos 1.9


def test_a_guarantee_is_the_limit_too() -> None:
    """Once: who wants another one has to remove the first."""
    world = cluster()
    assert give(world, "a", cpus=2, mem=64) is None
    assert world.master.registry.quotas == {"a": quota("a", {"cpus": 2, "mem": 64}, {"cpus": 2, "mem": 64})}
    again = give(world, "a", cpus=1)
    assert again is not None
    assert again.text == "Failed to validate set quota request: Cannot set quota for role 'a' which already has quota"
    world.apply(RemoveQuota, RemoveQuota("a"))
    assert world.master.registry.quotas == {}
    assert give(world, "a", cpus=1) is None


def test_more_than_there_is_wants_force() -> None:
    world = cluster(agents=1)
    refused = give(world, "a", cpus=5)
    assert refused is not None
    assert (refused.kind, refused.text) == (
        409,
        ("Quota guarantees overcommit the cluster (use 'force' to bypass this check): Total quota guarantees 'cpus:5'"
        " exceed cluster capacity 'cpus:4; mem:4096'"),
    )
    assert give(world, "a", force=True, cpus=5) is None


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (RemoveQuota("a"), "Failed to remove quota: Role 'a' has no quota set"),
        (RemoveQuota("x"), "Failed to remove quota: Role 'x' has no quota set"),
        (RemoveQuota("a", "/quota/a"), "Failed to remove quota for path '/quota/a': Role 'a' has no quota set"),
        (RemoveQuota("x", "/quota/x"), "Failed to validate remove quota request for path '/quota/x': Unknown role 'x'"),
    ],
)
def test_only_what_is_there_is_removed(event: RemoveQuota, text: str) -> None:
    """C++ masters end at the first of these."""
    world = cluster(roles=("a",))
    assert refusal(world.apply(RemoveQuota, event).reply) == text
    assert world.frames[-1].writes == []


@pytest.mark.parametrize(
    ("role", "guarantee", "text"),
    [
        ("x", builders.resources(cpus=1), "Failed to validate set quota request: Unknown role 'x'"),
        ("a/b", builders.resources(cpus=1), "Setting quota on nested role 'a/b' is not supported yet"),
        (
            "a",
            (builders.scalar("mem", 2.0**41),),
            ("Failed to validate set quota request: Invalid 'QuotaConfig.guarantees': {'mem': 2199023255552} is"
            " invalid: values greater than 1 exabyte (1099511627776) are not supported"),
        ),
        ("a", (), "Failed to validate set quota request: QuotaInfo with empty 'guarantee'"),
    ],
)
def test_what_cannot_be_given(role: str, guarantee: tuple[Resource, ...], text: str) -> None:
    world = cluster(roles=("a", "a/b"))
    request = QuotaRequest(role=role, guarantee=guarantee)
    assert refusal(world.apply(SetQuota, SetQuota(request)).reply) == text
    assert world.master.registry.quotas == {}
