"""Quota after a failover: nobody is offered what agents that have not come back may be running."""

from __future__ import annotations

import pytest

from mesos_py.algebra.quantities import Quantities
from mesos_py.machine.problem import Problem
from mesos_py.master.events import ChangeQuota
from mesos_py.master.registry import UpdateQuota
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.quota import QuotaConfig
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.task import Task, TaskState
from tests import builders
from tests.builders import quota
from tests.master.world import AgentDouble, Scheduler, World

LOOSE = quota("a", {}, {"cpus": 1000})


def infos(count: int) -> list[AgentInfo]:
    """Agents of 4 cpus."""
    return [builders.agent_info(agent_id=f"old-S{number}", hostname=f"h{number}") for number in range(count)]


def taken_over(count: int, *configs: QuotaConfig) -> tuple[World, list[AgentDouble], Scheduler]:
    """A new master of so many agents, and the scheduler of role ``a``."""
    world = World()
    agents = infos(count)
    world.recover(*agents, facts=[UpdateQuota(configs)] if configs else [])
    return world, [AgentDouble(world, info) for info in agents], world.scheduler(roles=("a",), framework_id="old-0001")


def running(scheduler: Scheduler, agent: AgentDouble, cpus: float) -> Task:
    cpu = builders.scalar("cpus", cpus, "a")
    return Task(
        name="t",
        task_id=TaskID(f"task-{agent.id}"),
        framework_id=scheduler.id,
        agent_id=agent.id,
        state=TaskState.TASK_RUNNING,
        resources=(cpu,),
    )


def back(scheduler: Scheduler, agent: AgentDouble, cpus: float = 0) -> None:
    """With a task of so many cpus."""
    tasks = (running(scheduler, agent, cpus),) if cpus else ()
    agent.reregister(tasks=tasks, frameworks=(scheduler.info,))
    agent.world.settle()


def cpus_offered(scheduler: Scheduler) -> float:
    return sum(
        resource.scalar.value
        for offer in scheduler.offers()
        for resource in offer.resources
        if resource.name == "cpus" and resource.scalar is not None
    )


def test_offers_wait_for_most_agents() -> None:
    """int(0.8 n) of them, if there is any quota."""
    world, agents, scheduler = taken_over(4, LOOSE)
    for agent in agents[:2]:
        back(scheduler, agent)
        world.advance(5)
        assert scheduler.offers() == []
    back(scheduler, agents[2])
    assert len(scheduler.offers()) == 3


def test_without_quota_nobody_waits() -> None:
    _, agents, scheduler = taken_over(4)
    back(scheduler, agents[0])
    assert len(scheduler.offers()) == 1


def test_offers_wait_no_longer_than_ten_minutes() -> None:
    """Then those who are away are given up, too, unless they have longer."""
    world, agents, scheduler = taken_over(4, LOOSE)
    back(scheduler, agents[0])
    world.advance(599)
    assert scheduler.offers() == []
    world.advance(2)
    assert len(scheduler.offers()) == 1


def test_nobody_waits_for_agents_that_are_gone() -> None:
    """An operator has looked."""
    world, agents, scheduler = taken_over(2, LOOSE)
    world.advance(1)
    world.mark_gone(agents[0].id)
    back(scheduler, agents[1])
    assert len(scheduler.offers()) == 1


@pytest.mark.parametrize("running_there", [0.0, 4.0])
def test_what_may_come_back_is_room_for_nobody(running_there: float) -> None:
    """I9: four of five agents are back, and the fifth may run 4 of the role's 10 cpus."""
    world, agents, scheduler = taken_over(5, quota("a", {}, {"cpus": 10}))
    for agent in agents[:4]:
        back(scheduler, agent)
    world.advance(5)
    assert cpus_offered(scheduler) == 6
    back(scheduler, agents[4], running_there)
    world.advance(5)
    assert cpus_offered(scheduler) == 10 - running_there
    assert len(scheduler.of(Event.Type.RESCIND)) == 0


def test_who_is_given_up_leaves_room_and_may_exceed_the_limit() -> None:
    """Back after all, nothing is killed; what the limit does not leave is taken back, and not offered again."""
    world, agents, scheduler = taken_over(5, quota("a", {}, {"cpus": 10}))
    for agent in agents[:4]:
        back(scheduler, agent)
    world.advance(605)
    assert cpus_offered(scheduler) == 10
    back(scheduler, agents[4], 4)
    world.advance(5)
    assert world.master.allocator.offered_or_consumed("a").get("cpus") <= 10_000
    assert len(scheduler.of(Event.Type.RESCIND)) > 0
    assert world.state.frameworks[scheduler.id].tasks.keys() == {f"task-{agents[4].id}"}


def test_a_quota_that_is_set_meanwhile_counts_with_them_too() -> None:
    """There was none when the master took over, so nobody waited. What is on offer is taken back but for what a limit
    leaves beside an agent that may run 4 of the role's 5 cpus."""
    world, agents, scheduler = taken_over(2)
    back(scheduler, agents[0])
    assert cpus_offered(scheduler) == 4
    world.apply(ChangeQuota, ChangeQuota((quota("a", {}, {"cpus": 5}),), False))
    world.agent(hostname="new", cpus=4)
    world.advance(5)
    assert cpus_offered(scheduler) == 1
    back(scheduler, agents[1])
    world.advance(5)
    assert cpus_offered(scheduler) == 5


def test_a_guarantee_is_kept_for_who_comes_back() -> None:
    """The first to subscribe is not offered what another role is guaranteed."""
    world, agents, scheduler = taken_over(5, quota("b", {"cpus": 8}))
    for agent in agents:
        back(scheduler, agent)
    world.advance(5)
    assert cpus_offered(scheduler) == 12
    other = world.scheduler(roles=("b",))
    world.settle()
    assert cpus_offered(other) == 8


def test_reservations_of_who_comes_back_are_consumed() -> None:
    """An agent that is given up returns with a reservation of the role."""
    world = World()
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.STATIC, role="a")
    resources = (builders.scalar("cpus", 4, reservations=(reservation,)), builders.scalar("mem", 512))
    reserving = builders.agent_info(agent_id="old-S9", hostname="h9", resources=resources)
    world.recover(reserving, facts=[UpdateQuota((quota("a", {}, {"cpus": 4}),))])
    world.advance(605)
    scheduler = world.scheduler(roles=("a",))
    world.agent(hostname="new", cpus=4)
    world.settle()
    assert cpus_offered(scheduler) == 4
    AgentDouble(world, reserving).reregister()
    world.advance(5)
    offered = {offer.agent_id: {resource.name for resource in offer.resources} for offer in scheduler.offers()}
    assert offered == {AgentID("old-S9"): {"cpus", "mem"}, AgentID("m-S0"): {"mem"}}
    assert world.master.allocator.offered_or_consumed("a") == Quantities.of(cpus=4, mem=512 + 1024)


def refused(world: World, *configs: QuotaConfig, force: bool = False) -> str | None:
    """The text, if an operator's quota is refused."""
    reply = world.apply(ChangeQuota, ChangeQuota(configs, force)).reply
    assert reply is None or isinstance(reply, Problem)
    return None if reply is None else reply.text


def test_a_limit_that_may_be_exceeded_by_who_comes_back_wants_force() -> None:
    """Agents may bring as much as they have; once they are back, only what they brought counts."""
    world, agents, scheduler = taken_over(2)
    back(scheduler, agents[0])
    text = "Invalid QuotaConfig: Role 'a' may be consuming 'cpus:4' with 1 agents yet to come back; this is more than"
    force = "(use 'force' flag to bypass this check)"
    assert refused(world, quota("a", {}, {"cpus": 3})) == f"{text} the requested limits 'cpus:3' {force}"
    assert refused(world, quota("a", {}, {"cpus": 4})) is None
    back(scheduler, agents[1])
    assert refused(world, quota("a", {}, {"cpus": 3})) is None


def test_a_limit_that_is_not_lowered_is_not_refused_for_that() -> None:
    """Whoever says the same again after a failover is answered as before it."""
    world, _, _ = taken_over(2, quota("a", {}, {"cpus": 1}))
    assert refused(world, quota("a", {}, {"cpus": 1})) is None
    assert refused(world, quota("a", {}, {"cpus": 2})) is None
    assert refused(world, quota("a", {}, {"cpus": 1})) is not None
    assert refused(world, quota("a", {}, {"cpus": 1}), force=True) is None


def test_agents_that_have_yet_to_come_back_are_capacity() -> None:
    """As they were before, and until they are given up."""
    world, agents, scheduler = taken_over(2)
    back(scheduler, agents[0])
    assert refused(world, quota("a", {"cpus": 8})) is None
    assert refused(world, quota("a", {"cpus": 8.1})) is not None
    world.advance(601)
    assert refused(world, quota("a", {"cpus": 8})) is not None
