"""A master takes over: agents of earlier masters are waited for, and given up in the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mesos_py.config import UsageError, parse
from mesos_py.flags import shown
from mesos_py.machine.frame import Disconnected
from mesos_py.master import registry
from mesos_py.master.calls.recovery import RemovalLimitExceeded
from mesos_py.master.changes import AgentUnreachable
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.options import Options
from mesos_py.master.server import MasterServer
from mesos_py.wire import internal
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.task import Task, TaskState
from tests import builders
from tests.master.over_http import AgentLink
from tests.master.world import START, AgentDouble, World

ONE = builders.agent_info(agent_id="old-S1")
TWO = builders.agent_info(agent_id="old-S2", hostname="two")


def test_who_comes_back_in_time_is_as_before() -> None:
    """Its tasks are known again, nobody is told that anything was wrong, and nothing is written."""
    world = World()
    world.recover(ONE, TWO)
    scheduler = world.scheduler(framework_id="old-0001")
    agent = AgentDouble(world, ONE)
    task = Task(
        name="t",
        task_id=TaskID("t"),
        framework_id=scheduler.id,
        agent_id=AgentID("old-S1"),
        state=TaskState.TASK_RUNNING,
        resources=(builders.scalar("cpus", 1, "*"),),
    )
    world.advance(599)
    agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    world.advance(30)
    assert world.state.agents.keys() == {"old-S1"}
    assert world.state.unreachable_agents.keys() == {"old-S2"}
    assert [type(write) for write in world.writes()] == [registry.MarkAgentUnreachable]
    assert world.state.frameworks[scheduler.id].tasks["t"].state is TaskState.TASK_RUNNING
    assert scheduler.statuses() == []


def test_who_stays_away_is_unreachable() -> None:
    """After --agent_reregister_timeout every framework hears of it; it may still come back."""
    world = World(Options(agent_reregister_timeout_s=900))
    world.recover(ONE, TWO)
    scheduler = world.scheduler()
    world.advance(899)
    assert world.state.recovered_agents.keys() == {"old-S1", "old-S2"}
    world.advance(2)
    assert world.state.recovered_agents == {}
    assert [change.message for change in world.changes(AgentUnreachable)] == [
        "agent did not reregister within 15mins after master failover"
    ] * 2
    assert [word.failure.agent_id for word in scheduler.take() if word.failure] == ["old-S1", "old-S2"]
    AgentDouble(world, ONE).reregister()
    assert world.state.agents.keys() == {"old-S1"}
    assert world.master.registry.unreachable.keys() == {"old-S2"}


def test_whoever_was_lost_before_is_still_lost() -> None:
    """Unreachable since when, gone for ever: a new master knows, and keeps the order of being forgotten."""
    kept = registry.Registry()
    for number, info in enumerate((ONE, TWO)):
        kept.apply(registry.AdmitAgent(info))
        kept.apply(registry.MarkAgentUnreachable(info.id, START - number))  # type: ignore[arg-type]
    kept.gone[AgentID("old-S3")] = START
    world = World(Options(registry_max_agent_count=2))
    world.apply(RegistryRecovered, RegistryRecovered(kept))
    assert {key: lost.since_ns for key, lost in world.state.unreachable_agents.items()} == {
        "old-S1": START,
        "old-S2": START - 1,
    }
    gone = AgentDouble(world, builders.agent_info(agent_id="old-S3"))
    gone.reregister()
    assert [type(word) for word in gone.heard] == [internal.ShutdownAgent]
    world.agent().disconnect()
    world.advance(901)
    assert list(world.state.unreachable_agents) == ["old-S1", "m-S0"]


def test_all_of_many_that_stay_away_are_given_up() -> None:
    """More than fit into one frame."""
    world = World(check=False)
    world.recover(*(builders.agent_info(agent_id=f"old-S{number}") for number in range(450)))
    world.advance(601)
    assert len(world.state.unreachable_agents) == 450
    world.master.check()


# ---- --recovery_agent_removal_limit


def recovered(limit: float, back: int) -> World:
    """Ten agents of an earlier master, of which so many come back in time."""
    world = World(Options(recovery_agent_removal_limit=limit))
    infos = [builders.agent_info(agent_id=f"old-S{number}", hostname=str(number)) for number in range(10)]
    world.recover(*infos)
    for info in infos[:back]:
        AgentDouble(world, info).reregister()
    return world


@pytest.mark.parametrize(("limit", "back"), [(0.0, 10), (30.0, 7), (55.5, 5), (100.0, 0)])
def test_up_to_the_limit_agents_are_given_up(limit: float, back: int) -> None:
    world = recovered(limit, back)
    world.advance(601)
    assert (len(world.state.agents), len(world.state.unreachable_agents)) == (back, 10 - back)


def test_beyond_it_the_master_ends_and_gives_up_none() -> None:
    """It says how many, which ones, and what to do."""
    world = recovered(30.0, 6)
    with pytest.raises(RemovalLimitExceeded) as caught:
        world.advance(601)
    assert str(caught.value) == (
        "Post-recovery agent removal limit exceeded! After 10mins there were 4 (40%) agents recovered from the registry"
        " that did not reregister: old-S6, old-S7, old-S8, old-S9. The configured removal limit is 30%."
        " Please investigate or increase this limit to proceed further"
    )
    assert world.writes() == []
    world.master.check()


def test_agents_marked_gone_are_not_missing() -> None:
    """An operator has looked."""
    world = recovered(0.0, 9)
    world.mark_gone("old-S9")
    world.advance(601)
    assert len(world.state.agents) == 9


def test_who_is_lost_later_does_not_count() -> None:
    world = recovered(0.0, 10)
    world.advance(601)
    world.advance(601)
    for agent_id in list(world.state.agents):
        world.apply(Disconnected, peer=world.state.agents[agent_id].peer)
    world.advance(700)
    assert len(world.state.unreachable_agents) == 10


async def test_a_master_that_must_stop_says_why_and_keeps_its_registry(tmp_path: Path) -> None:
    """The next one waits for the same agents."""
    options = Options(
        port=0, work_dir=str(tmp_path), agent_reregister_timeout_s=0.2, recovery_agent_removal_limit=50.0
    )
    async with MasterServer(options) as master, AgentLink(master):
        (agent_id,) = master.core.state.agents
    async with MasterServer(options) as master:
        problem = await asyncio.wait_for(master.wait(), 60)
        assert problem is not None
        assert problem.startswith("RemovalLimitExceeded: Post-recovery agent removal limit exceeded! After 200ms")
    async with MasterServer(options) as master:
        assert list(master.core.state.recovered_agents) == [agent_id]


@pytest.mark.parametrize(("text", "shown_as"), [("50%", "50%"), ("12.5", "12.5%"), ("0", "0%"), ("100%", "100%")])
def test_the_limit_as_a_flag(text: str, shown_as: str) -> None:
    options = parse([f"--recovery_agent_removal_limit={text}"], [Options]).make(Options)
    assert shown(options)["recovery_agent_removal_limit"] == shown_as


@pytest.mark.parametrize("text", ["", "x%", "101%", "-1%", "nan"])
def test_limits_that_make_no_sense(text: str) -> None:
    with pytest.raises(UsageError):
        parse([f"--recovery_agent_removal_limit={text}"], [Options]).make(Options)
