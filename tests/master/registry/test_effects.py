"""What a restore is said to mean is what happens: each cell of the table is told, and then carried out by a master."""

from __future__ import annotations

import itertools

import pytest

from mesos_py.coordination import Key
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.registry import (
    AdmitAgent,
    Admitted,
    MarkAgentGone,
    MarkAgentUnreachable,
    Registry,
    UpdateQuota,
    UpdateWeights,
)
from mesos_py.master.registry.effects import FATES, Effect, RoleEffect, Standing, effects, other_changes, role_effects
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.internal import AgentReregistered, ShutdownAgent
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.task import Task, TaskState
from tests import builders
from tests.master.world import AgentDouble, World

ID = AgentID("old-S1")
INFO = builders.agent_info("h", agent_id=ID)
PAIRS = [(now, then) for now, then in itertools.product(Standing, Standing) if now is not then]


def registry(standing: Standing, *, deactivated: bool = False) -> Registry:
    """One that says this of the agent."""
    made = Registry()
    if standing is Standing.UNKNOWN:
        return made
    made.apply(AdmitAgent(INFO))
    made.agents[ID] = Admitted(INFO, None, deactivated)
    if standing is Standing.UNREACHABLE:
        made.apply(MarkAgentUnreachable(ID, 1))
    elif standing is Standing.GONE:
        made.apply(MarkAgentGone(ID, 1))
    return made


def effect(now: Standing, then: Standing) -> Effect:
    (found,) = effects(registry(now), registry(then))
    assert (found.agent_id, found.now, found.then) == (ID, now, then)
    return found


def restored(then: Standing) -> World:
    """A master that leads with the backup."""
    world = World()
    world.apply(RegistryRecovered, RegistryRecovered(registry(then)))
    return world


@pytest.mark.parametrize(("now", "then"), PAIRS, ids=lambda each: each.value)
def test_an_agent_that_runs(now: Standing, then: Standing) -> None:
    """It reregisters with its task: both are kept, or both are ended, and frameworks are told or not, as was said."""
    told = effect(now, then).fate
    world = restored(then)
    scheduler = world.scheduler(framework_id="old-0001")
    agent = AgentDouble(world, INFO)
    running = Task(
        name="t", task_id=TaskID("t"), framework_id=scheduler.id, agent_id=ID, state=TaskState.TASK_RUNNING,
        resources=(builders.scalar("cpus", 1, "*"),),
    )  # fmt: skip
    agent.reregister(tasks=(running,), frameworks=(scheduler.info,))
    assert bool(agent.of(ShutdownAgent)) is told.ends_tasks is (told.tasks == "killed")
    assert bool(agent.of(AgentReregistered)) is not told.ends_tasks
    assert ("t" in world.state.frameworks[scheduler.id].tasks) is not told.ends_tasks
    if now in (Standing.ADMITTED, Standing.UNREACHABLE) and not told.ends_tasks and then is not Standing.ADMITTED:
        assert ("frameworks are told" in told.tasks) is (scheduler.states() == [TaskState.TASK_RUNNING])


@pytest.mark.parametrize(("now", "then"), PAIRS, ids=lambda each: each.value)
def test_an_agent_that_does_not_run(now: Standing, then: Standing) -> None:
    """It is marked unreachable after a while if it was said to be awaited, and otherwise nothing is heard of it."""
    told = effect(now, then).fate.agent
    world = restored(then)
    scheduler = world.scheduler()
    world.advance(601)
    is_marked = any(isinstance(write, MarkAgentUnreachable) for write in world.writes())
    assert is_marked is ("awaited" in told) is bool(scheduler.of(Event.Type.FAILURE))


def test_every_change_has_a_fate() -> None:
    """And what stays as it is has none."""
    assert set(FATES) == set(PAIRS)
    for standing in Standing:
        assert list(effects(registry(standing), registry(standing))) == []


@pytest.mark.parametrize("now", [True, False])
def test_who_is_offered_again_or_no_more(now: bool) -> None:
    """An agent that was deactivated in between, or before."""
    before, after = (registry(Standing.ADMITTED, deactivated=each) for each in (now, not now))
    (found,) = effects(before, after)
    assert found.fate.agent == ("offered again, though it was deactivated" if now else "deactivated again: not offered")
    assert not found.fate.ends_tasks


def test_agents_are_told_in_order_with_the_names_that_are_known() -> None:
    """From whichever of the two registries has it."""
    now, then = Registry(), Registry()
    for made, agent_id, host in ((now, "b", "one"), (then, "a", "two")):
        made.apply(AdmitAgent(builders.agent_info(host, agent_id=AgentID(agent_id))))
    assert [(each.agent_id, each.hostname) for each in effects(now, then)] == [("a", "two"), ("b", "one")]


def test_other_records_are_counted() -> None:
    """Machines and schedules: how many would be others, not who led, nor agents and roles."""
    now: dict[Key, bytes] = {("machines", "a"): b"1", ("machines", "b"): b"1", ("master", ""): b"1"}
    then: dict[Key, bytes] = {("machines", "a"): b"2", ("schedules", ""): b"1", ("master", ""): b"2"}
    then |= {("quota", "c"): b"1", ("weights", "c"): b"1", ("capabilities", "QUOTA_V2"): b"1"}
    assert other_changes(now, then) == {"machines": 2, "schedules": 1}


def test_roles_of_which_something_else_is_said() -> None:
    """Quota and weight, as they are and as they would be; by name."""
    same = builders.quota("same", {"cpus": 1})
    now, then = Registry(), Registry()
    now.apply(UpdateQuota((same, builders.quota("b", {"cpus": 2}, {"cpus": 4, "mem": 512}))))
    now.apply(UpdateWeights({"a": 2.0, "same": 3.0}))
    then.apply(UpdateQuota((same, builders.quota("a", {}, {"cpus": 0}))))
    then.apply(UpdateWeights({"a": 2.5, "same": 3.0}))
    assert list(role_effects(now, then)) == [
        RoleEffect("a", "weighs 2", "limited to cpus:0; weighs 2.5"),
        RoleEffect("b", "guaranteed cpus:2; limited to cpus:4, mem:512", "nothing"),
    ]
    assert list(role_effects(now, now)) == []
