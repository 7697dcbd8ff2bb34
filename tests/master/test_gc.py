"""What the registry forgets, when, and what that means to whoever asks."""

from __future__ import annotations

import pytest

from mesos_py.config import parse
from mesos_py.flags import shown
from mesos_py.machine.values import seconds
from mesos_py.master import changes, registry
from mesos_py.master.calls.gc import FORGOTTEN_AT_ONCE
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.options import Options
from mesos_py.wire.ids import AgentID
from mesos_py.wire.task import TaskState
from tests import builders
from tests.builders import CAPABILITY
from tests.master.world import START, AgentDouble, World

WEEK_S = 7 * 86_400
State = TaskState


def world_after(*lost: tuple[str, str, float], **options: float) -> World:
    """An earlier master lost these agents: how, and how many seconds ago."""
    kept = registry.Registry()
    for name, how, ago_s in lost:
        agent_id, at = AgentID(name), START - seconds(ago_s)
        kept.apply(registry.AdmitAgent(builders.agent_info(agent_id=name, hostname=name)))
        kept.apply(
            registry.MarkAgentGone(agent_id, at) if how == "gone" else registry.MarkAgentUnreachable(agent_id, at)
        )
    world = World(Options(**options), check=len(lost) < 100)  # type: ignore[arg-type]
    world.apply(RegistryRecovered, RegistryRecovered(kept))
    return world


def test_the_old_and_the_surplus_are_forgotten() -> None:
    """Unreachable and gone agents for themselves; the oldest first; not before the interval has passed."""
    lost = [(f"{how}-{weeks}", how, weeks * WEEK_S + 60) for how in ("gone", "unreachable") for weeks in range(4)]
    world = world_after(*lost, registry_max_agent_count=2, registry_max_agent_age_s=2 * WEEK_S)
    world.advance(899)
    assert world.writes() == []
    world.advance(2)
    assert world.writes() == [registry.Prune(("unreachable-3", "unreachable-2"), ("gone-3", "gone-2"))]
    assert list(world.state.unreachable_agents) == ["unreachable-1", "unreachable-0"]
    assert list(world.state.gone_agents) == ["gone-1", "gone-0"]
    (told,) = world.changes(changes.AgentsForgotten)
    assert (len(told.unreachable), len(told.gone)) == (2, 2)
    world.advance(WEEK_S)
    assert list(world.state.gone_agents) == ["gone-0"]
    world.advance(2 * WEEK_S)
    assert (world.state.unreachable_agents, world.state.gone_agents) == ({}, {})
    world.master.check()


def test_with_nothing_to_forget_nothing_is_written() -> None:
    world = world_after(("a", "gone", 60))
    world.advance(10 * 900 + 1)
    assert world.writes() == []


def test_many_are_forgotten_in_slices() -> None:
    """No frame and no write gets long, and none waits for another interval."""
    lost = [(f"a{number}", ("gone", "unreachable")[number % 2], 3 * WEEK_S) for number in range(2500)]
    world = world_after(*lost)
    world.advance(901)
    written = [frame.writes for frame in world.frames if frame.writes]
    sizes = [sum(len(fact.unreachable) + len(fact.gone) for fact in facts) for facts in written]
    assert sizes == [FORGOTTEN_AT_ONCE, FORGOTTEN_AT_ONCE, 500]
    world.master.check()


@pytest.mark.parametrize("aware", [True, False])
def test_tasks_of_forgotten_agents_are_unknown(aware: bool) -> None:
    """Silently; asked about, they are UNKNOWN; their ids are free again, and the agent may still come back."""
    world = world_after(registry_max_agent_count=0)
    agent = world.agent()
    scheduler = world.scheduler(capabilities=(CAPABILITY.PARTITION_AWARE,) if aware else (), failover_timeout=1e6)
    scheduler.launch(builders.task())
    agent.update(scheduler.id, "t", State.TASK_RUNNING)
    task = world.state.frameworks[scheduler.id].tasks["t"].wire()
    agent.fall_silent()
    world.advance(120)
    assert world.state.unreachable_task_count == 1
    scheduler.take()
    world.advance(800)
    assert scheduler.statuses() == []
    assert (world.state.unreachable_agents, world.state.unreachable_task_count) == ({}, 0)
    (status,) = scheduler.reconcile(("t", agent.id))
    assert (status.state, status.message) == (
        State.TASK_UNKNOWN if aware else State.TASK_LOST,
        "Reconciliation: Task is unknown",
    )
    scheduler.take()
    frame = agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert frame.writes == [registry.MarkAgentReachable(agent.info)]
    (status,) = scheduler.statuses()
    assert (status.state, status.message) == (State.TASK_RUNNING, "Unknown agent reregistered")


def test_a_gone_agent_that_is_forgotten_is_unknown() -> None:
    """As in Mesos: two weeks later nobody remembers why it should not come."""
    world = world_after(("a", "gone", 3 * WEEK_S))
    scheduler = world.scheduler(capabilities=(CAPABILITY.PARTITION_AWARE,), failover_timeout=1e6)
    assert [status.state for status in scheduler.reconcile(("t", "a"))] == [State.TASK_GONE_BY_OPERATOR]
    world.advance(901)
    assert [status.state for status in scheduler.reconcile(("t", "a"))] == [State.TASK_UNKNOWN]
    AgentDouble(world, builders.agent_info(agent_id="a")).reregister()
    assert list(world.state.agents) == ["a"]


def test_the_flags() -> None:
    """With Mesos' names and defaults."""
    names = ("registry_gc_interval", "registry_max_agent_age", "registry_max_agent_count")
    assert [shown(Options())[name] for name in names] == ["15mins", "2weeks", "102400"]
    line = parse(["--registry_gc_interval=1mins", "--registry_max_agent_age=3days", "--registry_max_agent_count=7"],
                 [Options])  # fmt: skip
    assert [shown(line.make(Options))[name] for name in names] == ["1mins", "3days", "7"]
