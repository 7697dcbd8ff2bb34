"""--agent_removal_rate_limit: how many agents may be given up at once, and who has to wait for that."""

from __future__ import annotations

import itertools

import pytest

from mesos_py.config import UsageError, parse
from mesos_py.flags import Rate, shown
from mesos_py.machine.values import SECOND
from mesos_py.master import changes, registry
from mesos_py.master.options import Options
from mesos_py.master.removals import Removals
from mesos_py.wire import internal
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.task import Task, TaskState, TaskStatus
from mesos_py.wire.value import TimeInfo
from tests import builders
from tests.builders import CAPABILITY
from tests.master.world import START, AgentDouble, Scheduler, World

State, Reason = TaskState, TaskStatus.Reason
A, B, C = AgentID("a"), AgentID("b"), AgentID("c")
TEN_MINUTES = Rate(1, 600)


# ---- the queue


def test_one_after_the_other() -> None:
    """Two in a minute are one every half of it; a turn nobody uses goes to the next, an old one is not saved up."""
    removals = Removals(Rate(2, 60))
    assert removals.admits(A, "", 0)
    assert removals.deadline() is None
    assert not removals.admits(B, "b", 5 * SECOND)
    assert not removals.admits(C, "c", 30 * SECOND)
    assert removals.deadline() == 30 * SECOND
    assert removals.cancel(B)
    assert not removals.cancel(B)
    assert removals.take(31 * SECOND) == (C, "c")
    assert not removals.admits(A, "", 60 * SECOND)
    assert removals.take(61 * SECOND) == (A, "")
    assert [removals.admits(agent_id, "", 1000 * SECOND) for agent_id in (A, B)] == [True, False]


def test_without_a_limit_nobody_waits() -> None:
    removals = Removals(None)
    assert all(removals.admits(agent_id, "", 7) for agent_id in (A, B, C))


def test_the_flag() -> None:
    """As Mesos reads it, and as /flags shows it."""
    options = parse(["--agent_removal_rate_limit=2/3hrs"], [Options]).make(Options)
    assert options.agent_removal_rate_limit == Rate(2, 10_800)
    assert shown(options)["agent_removal_rate_limit"] == "2/3hrs"
    assert "agent_removal_rate_limit" not in shown(Options())


@pytest.mark.parametrize("text", ["", "1", "x/1mins", "1/10", "0/1mins", "-1/1mins", "1/0secs"])
def test_limits_that_make_no_sense(text: str) -> None:
    with pytest.raises(UsageError):
        parse([f"--agent_removal_rate_limit={text}"], [Options]).make(Options)


# ---- what it means


def limited(hostnames: str, *capabilities: CAPABILITY) -> tuple[World, list[AgentDouble], Scheduler]:
    """An agent on each host runs a task named after it; then all fall silent."""
    world = World(Options(agent_removal_rate_limit=TEN_MINUTES))
    agents = [world.agent(hostname=hostname) for hostname in hostnames]
    scheduler = world.scheduler(capabilities=capabilities, failover_timeout=10_000.0)
    for agent, hostname in zip(agents, hostnames, strict=True):
        scheduler.launch(builders.task(hostname, agent.id))
        agent.update(scheduler.id, hostname, State.TASK_RUNNING)
    for agent in agents:
        agent.fall_silent()
    scheduler.take()
    return world, agents, scheduler


def told(scheduler: Scheduler) -> list[tuple[str, State]]:
    return [(status.task_id, status.state) for status in scheduler.statuses()]


def test_tasks_are_lost_at_the_rate() -> None:
    """F16: the first agent goes at once, one more every ten minutes; nothing of any of them is offered meanwhile."""
    world, agents, scheduler = limited("abc")
    world.advance(95)
    assert told(scheduler) == [("a", State.TASK_LOST)]
    assert list(world.state.unreachable_agents) == [agents[0].id]
    assert all(agent.peer in world.closed for agent in agents)
    assert scheduler.offers() == []
    world.advance(585)
    assert told(scheduler) == [("a", State.TASK_LOST)]
    world.advance(20)
    assert told(scheduler)[1:] == [("b", State.TASK_LOST)]
    world.advance(600)
    assert told(scheduler)[2:] == [("c", State.TASK_LOST)]
    assert [word.failure.agent_id for word in scheduler.of(Event.Type.FAILURE)] == [agent.id for agent in agents]  # type: ignore[union-attr]
    marked = [fact.at_ns for fact in world.writes() if isinstance(fact, registry.MarkAgentUnreachable)]
    assert [later - earlier for earlier, later in itertools.pairwise(marked)] == [600 * SECOND] * 2


def test_who_is_partition_aware_does_not_wait() -> None:
    """F16, MESOS-7721: UNREACHABLE is not delayed; reconciliation says the same, with the time it was told."""
    world, agents, scheduler = limited("abc", CAPABILITY.PARTITION_AWARE)
    world.advance(95)
    assert told(scheduler) == [(name, State.TASK_UNREACHABLE) for name in "abc"]
    first, second, _ = scheduler.statuses()
    assert (second.reason, second.message) == (Reason.REASON_AGENT_REMOVED, "health check timed out")
    assert list(world.state.unreachable_agents) == [agents[0].id]
    (again,) = scheduler.reconcile(("b", agents[1].id))
    assert (again.state, again.unreachable_time) == (State.TASK_UNREACHABLE, first.unreachable_time)
    assert scheduler.reconcile() == []
    world.advance(1300)
    assert scheduler.statuses() == []
    assert len(world.state.unreachable_agents) == 3


@pytest.mark.parametrize("capabilities", [(), (CAPABILITY.PARTITION_AWARE,)], ids=["plain", "aware"])
def test_whoever_comes_back_in_time_stays(capabilities: tuple[CAPABILITY, ...]) -> None:
    """Its turn goes to the next; who was told UNREACHABLE is told RUNNING, who was told nothing is told nothing."""
    world, agents, scheduler = limited("abc", *capabilities)
    tasks = {name: task.wire() for name, task in world.state.frameworks[scheduler.id].tasks.items()}
    world.advance(300)
    scheduler.take()
    agents[1].reregister(tasks=(tasks["b"],), frameworks=(scheduler.info,))
    assert told(scheduler) == ([("b", State.TASK_RUNNING)] if capabilities else [])
    assert world.changes(changes.AgentRemovalCanceled) == [changes.AgentRemovalCanceled(agents[1].id)]
    world.advance(400)
    assert list(world.state.unreachable_agents) == [agents[0].id, agents[2].id]
    assert list(world.state.agents) == [agents[1].id]
    assert "b" in world.state.frameworks[scheduler.id].tasks
    assert not any(isinstance(fact, registry.MarkAgentReachable) for fact in world.writes())


def test_a_task_the_agent_came_back_without_is_gone() -> None:
    world, agents, scheduler = limited("ab", CAPABILITY.PARTITION_AWARE)
    world.advance(300)
    scheduler.take()
    agents[1].reregister(frameworks=(scheduler.info,))
    (status,) = scheduler.statuses()
    assert (status.state, status.message) == (State.TASK_GONE, "Reconciliation: Task is unknown to the agent")
    framework = world.state.frameworks[scheduler.id]
    assert [task.state for task in framework.completed_tasks] == [State.TASK_GONE]


def test_agents_that_do_not_reregister_wait_as_well() -> None:
    """After a broken connection, where pings are slow to notice."""
    world = World(Options(agent_removal_rate_limit=TEN_MINUTES, agent_ping_timeout_s=900))
    agents = [world.agent(hostname=hostname) for hostname in "ab"]
    for agent in agents:
        agent.disconnect()
    world.advance(601)
    assert list(world.state.unreachable_agents) == [agents[0].id]
    world.advance(600)
    assert list(world.state.unreachable_agents) == [agent.id for agent in agents]


def test_agents_that_a_new_master_waited_for_wait_as_well() -> None:
    world = World(Options(agent_removal_rate_limit=TEN_MINUTES))
    infos = [builders.agent_info(agent_id=f"old-{name}", hostname=name) for name in "abc"]
    world.recover(*infos)
    world.advance(601)
    assert list(world.state.recovered_agents) == ["old-b", "old-c"]
    AgentDouble(world, infos[1]).reregister()
    world.advance(600)
    assert (list(world.state.unreachable_agents), list(world.state.agents)) == (["old-a", "old-c"], ["old-b"])


@pytest.mark.parametrize("aware", [True, False], ids=["aware", "plain"])
def test_who_is_partition_aware_may_ask_about_those_that_a_new_master_waited_for(aware: bool) -> None:
    """F16, I5: nobody knows what they run, so nobody is told by itself; asked, it is unreachable, before its turn.

    Who may have been told so is told RUNNING when the agent is back after all.
    """
    world = World(Options(agent_removal_rate_limit=TEN_MINUTES))
    infos = [builders.agent_info(agent_id=f"old-{name}", hostname=name) for name in "ab"]
    world.recover(*infos)
    scheduler = world.scheduler(capabilities=(CAPABILITY.PARTITION_AWARE,) if aware else ())
    questions = ("t", "old-b"), ("t", None)
    world.advance(599)
    assert scheduler.reconcile(*questions) == []
    world.advance(2)
    assert list(world.state.recovered_agents) == ["old-b"]
    answers = [(status.state, status.unreachable_time) for status in scheduler.reconcile(*questions)]
    since = TimeInfo(nanoseconds=START + 600 * SECOND)
    assert answers == ([(State.TASK_UNREACHABLE, since), (State.TASK_UNKNOWN, None)] if aware else [])
    scheduler.take()
    task = Task(
        name="t", task_id=TaskID("t"), framework_id=scheduler.id, agent_id=AgentID("old-b"),
        state=State.TASK_RUNNING, resources=(builders.scalar("cpus", 1, "*"),),
    )  # fmt: skip
    AgentDouble(world, infos[1]).reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert told(scheduler) == ([("t", State.TASK_RUNNING)] if aware else [])


@pytest.mark.parametrize("end", ["gone", "replaced"])
def test_who_goes_otherwise_does_not_wait(end: str) -> None:
    world, agents, scheduler = limited("ab")
    world.advance(300)
    scheduler.take()
    if end == "gone":
        world.mark_gone(agents[1].id)
    else:
        AgentDouble(world, builders.agent_info(hostname="b")).register()
    assert told(scheduler) == [("b", State.TASK_LOST)]
    assert world.changes(changes.AgentRemovalCanceled) == [changes.AgentRemovalCanceled(agents[1].id)]
    world.advance(700)
    assert list(world.state.unreachable_agents) == [agents[0].id]


def test_a_silent_agent_is_scheduled_once() -> None:
    """However many more pings it leaves unanswered; words of its old connection mean nothing."""
    world, agents, scheduler = limited("ab")
    world.advance(500)
    agents[1].say(internal.Pong())
    agents[1].update(scheduler.id, "b", State.TASK_FINISHED)
    scheduled = [change.agent_id for change in world.changes(changes.AgentRemovalScheduled)]
    assert scheduled == [agent.id for agent in agents]
    assert told(scheduler) == [("a", State.TASK_LOST)]
