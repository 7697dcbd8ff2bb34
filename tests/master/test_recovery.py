"""A master takes over: agents of earlier masters are waited for, and given up in the end."""

from __future__ import annotations

from mesos_py.master import registry
from mesos_py.master.changes import AgentUnreachable
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.options import Options
from mesos_py.wire import internal
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.task import Task, TaskState
from tests import builders
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
    world.advance(700)
    assert "old-S2" not in world.state.unreachable_agents
    assert len(world.state.unreachable_agents) == 2


def test_all_of_many_that_stay_away_are_given_up() -> None:
    """More than fit into one frame."""
    world = World(check=False)
    world.recover(*(builders.agent_info(agent_id=f"old-S{number}") for number in range(450)))
    world.advance(601)
    assert len(world.state.unreachable_agents) == 450
    world.master.check()
