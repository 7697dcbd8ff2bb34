"""Agents that cannot be heard: broken connections, unanswered pings, and what becomes of their tasks."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.machine.frame import Frame, Send, Tick
from mesos_py.machine.values import seconds
from mesos_py.master import changes, registry
from mesos_py.master.core import OUTPUT_PER_FRAME
from mesos_py.master.options import Options
from mesos_py.master.pings import ROUND_MAX, ROUNDS
from mesos_py.wire import internal
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.builders import CAPABILITY
from tests.master.world import World, dropped, launched

State, Reason = TaskState, TaskStatus.Reason


# ---- losing the connection


def test_a_broken_connection_takes_offers_but_not_tasks_that_checkpoint() -> None:
    world, agent, scheduler, task = launched()
    world.advance(6)
    (offer,) = scheduler.offers()
    agent.disconnect()
    assert [word.rescind.offer_id for word in scheduler.of(Event.Type.RESCIND)] == [offer.id]  # type: ignore[union-attr]
    assert scheduler.statuses() == []
    assert "t" in world.state.frameworks[scheduler.id].tasks
    world.advance(30)
    assert scheduler.offers() == []
    agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert scheduler.statuses() == []
    world.advance(6)
    assert scheduler.offers()


def test_tasks_that_do_not_checkpoint_are_told_lost() -> None:
    """And so are told back, if the agent brings them; their ids are taken meanwhile."""
    world, agent, scheduler, task = launched(checkpoint=False)
    agent.disconnect()
    (status,) = scheduler.statuses()
    assert (status.state, status.reason, status.message) == (
        State.TASK_LOST,
        Reason.REASON_AGENT_DISCONNECTED,
        "Agent host disconnected",
    )
    framework = world.state.frameworks[scheduler.id]
    assert (framework.tasks, framework.executors, list(framework.unreachable_tasks)) == ({}, {}, ["t"])
    other = world.agent(hostname="other")
    scheduler.take()
    scheduler.launch(builders.task(agent_id=other.id))
    assert scheduler.take()[-1].update.status.message == "Task reuses the ID of an unreachable task: t"  # type: ignore[union-attr]
    agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    (status,) = scheduler.statuses()
    assert (status.state, status.reason) == (State.TASK_RUNNING, Reason.REASON_AGENT_REREGISTERED)
    assert (list(framework.tasks), list(framework.unreachable_tasks)) == (["t"], [])


def test_tasks_told_lost_that_do_not_come_back_are_completed() -> None:
    world, agent, scheduler, _ = launched(checkpoint=False)
    agent.disconnect()
    agent.reregister(frameworks=(scheduler.info,))
    framework = world.state.frameworks[scheduler.id]
    assert ([task.id for task in framework.completed_tasks], framework.unreachable_tasks) == (["t"], {})


def test_an_agent_away_for_too_long_is_unreachable() -> None:
    """Pings count first, 75 seconds; so the ten minutes only matter where pings are slower."""
    world = World(Options(agent_ping_timeout_s=1000))
    agent = world.agent()
    agent.disconnect()
    world.advance(599)
    assert agent.id in world.state.agents
    world.advance(2)
    assert list(world.state.unreachable_agents) == [agent.id]
    assert world.changes(changes.AgentUnreachable)[0].message == (
        "agent did not reregister within 10mins after disconnecting"
    )


# ---- pings


def test_five_pings_without_pong_and_the_agent_is_unreachable() -> None:
    """Seventy-five seconds after the first of them, and not more than a round of pings later."""
    world = World()
    agent = world.agent()
    agent.fall_silent()
    world.advance(74.9)
    assert agent.id in world.state.agents
    assert len(agent.of(internal.Ping)) == 5
    world.advance(0.1 + 15 / ROUNDS)
    assert agent.id not in world.state.agents
    assert agent.peer in world.closed


def test_any_pong_begins_the_count_anew() -> None:
    world = World()
    agent = world.agent()
    agent.fall_silent()
    world.advance(70)
    agent.say(internal.Pong())
    world.advance(76)
    assert agent.id in world.state.agents
    world.advance(15)
    assert agent.id not in world.state.agents


def test_an_agent_that_comes_again_and_again_is_asked_once_a_round() -> None:
    """As after a stop of the master, who finds all its attempts at once: they are not so many unanswered pings."""
    world = World()
    agent = world.agent()
    for _ in range(10):
        agent.reregister()
    world.settle()
    world.frames.clear()
    world.now += seconds(15.1)
    world.apply(Tick)
    assert [len(_pings(frame)) for frame in world.frames] == [1]
    world.settle()
    assert agent.id in world.state.agents


def test_agents_are_asked_in_rounds() -> None:
    """However they came, none is asked again before the interval has passed, and then all of a round in one frame."""
    world = World()
    count, apart_s = 8, 15 / ROUNDS / 20
    for number in range(count):
        world.agent(hostname=f"h{number}")
        world.advance(apart_s)
    world.frames.clear()
    world.advance(15 - count * apart_s)
    assert not any(map(_pings, world.frames))
    world.advance(15 / ROUNDS + count * apart_s)
    for _ in range(3):
        pinged = [frame for frame in world.frames if _pings(frame)]
        assert sum(map(len, map(_pings, pinged))) == count
        assert len(pinged) <= 2
        world.frames.clear()
        world.advance(15)


def test_a_round_is_of_a_bounded_number_of_agents() -> None:
    """However many come at once."""
    world = World(check=False)
    count = ROUND_MAX + 50
    for number in range(count):
        world.agent(hostname=f"h{number}")
    world.frames.clear()
    world.advance(15 + 3 * 15 / ROUNDS)
    assert [len(_pings(frame)) for frame in world.frames if _pings(frame)] == [ROUND_MAX, 50]


def _pings(frame: Frame) -> list[Any]:
    return [word for word in frame.sends if isinstance(word, Send) and isinstance(word.message, internal.Ping)]


def test_pings_pass_the_commit_barrier() -> None:
    world = World()
    world.agent()
    world.advance(16)
    pings = [word for frame in world.frames for word in frame.sends if isinstance(word.message, internal.Ping)]  # type: ignore[union-attr]
    assert len(pings) == 2
    assert all(ping.volatile for ping in pings)  # type: ignore[union-attr]


# ---- unreachable


@pytest.mark.parametrize("aware", [True, False])
def test_tasks_of_an_unreachable_agent(aware: bool) -> None:
    """Told with the time it happened; remembered as unreachable; FAILURE after it; all after it is written."""
    capabilities = (CAPABILITY.PARTITION_AWARE,) if aware else ()
    world, agent, scheduler, _ = launched(capabilities=capabilities)
    world.advance(6)
    agent.fall_silent()
    scheduler.take()
    world.advance(100)
    update, *others = [word for word in scheduler.take() if word.type is not Event.Type.HEARTBEAT]
    status = update.update.status  # type: ignore[union-attr]
    since = world.state.unreachable_agents[agent.id].since_ns
    assert (status.state, status.reason, status.message) == (
        State.TASK_UNREACHABLE if aware else State.TASK_LOST,
        Reason.REASON_AGENT_REMOVED,
        "health check timed out",
    )
    assert status.unreachable_time is not None
    assert (status.unreachable_time.nanoseconds, status.uuid, status.agent_id) == (since, None, agent.id)
    assert [word.type for word in others] == [Event.Type.RESCIND, Event.Type.FAILURE]
    framework = world.state.frameworks[scheduler.id]
    assert (framework.tasks, list(framework.unreachable_tasks)) == ({}, ["t"])
    frame = next(frame for frame in world.frames if any(isinstance(c, changes.AgentUnreachable) for c in frame.changes))
    assert frame.writes == [registry.MarkAgentUnreachable(agent.id, since)]
    assert world.state.unreachable_task_count == 1


def test_a_task_that_has_ended_is_not_told_unreachable() -> None:
    """I3: its end is unacknowledged and will be repeated by the agent if it comes back."""
    world, agent, scheduler, task = launched()
    end = agent.update(scheduler.id, "t", State.TASK_FINISHED)
    scheduler.take()
    agent.fall_silent()
    world.advance(100)
    assert scheduler.statuses() == []
    agent.reregister(tasks=(evolve(task, state=State.TASK_FINISHED),), frameworks=(scheduler.info,))
    assert scheduler.states("t") == [State.TASK_FINISHED]
    agent.say(internal.StatusUpdate(framework_id=scheduler.id, status=end, latest_state=end.state))
    scheduler.acknowledge(end)
    assert [task.id for task in world.state.frameworks[scheduler.id].completed_tasks] == ["t"]


@pytest.mark.parametrize("bound", [0, 2])
def test_unreachable_tasks_are_bounded(bound: int) -> None:
    """Those pushed out are not brought back twice, nor concluded, when their agent is back or gone."""
    world = World(Options(max_unreachable_tasks_per_framework=bound))
    agent, scheduler = world.agent(), world.scheduler()
    scheduler.launch(*[builders.task(f"t{number}", cpus=0.1) for number in range(4)])
    agent.fall_silent()
    world.advance(100)
    assert list(world.state.frameworks[scheduler.id].unreachable_tasks) == ["t2", "t3"][2 - bound :]
    assert world.state.unreachable_task_count == bound
    scheduler.take()
    world.mark_gone(agent.id)
    assert [status.task_id for status in scheduler.statuses()] == ["t2", "t3"][2 - bound :]


def test_what_an_unreachable_agent_says_is_ignored_until_it_reregisters() -> None:
    world, agent, scheduler, _ = launched()
    agent.fall_silent()
    world.advance(100)
    scheduler.take()
    agent.update(scheduler.id, "t", State.TASK_FAILED)
    assert scheduler.statuses() == []
    assert dropped(world) == "agent is not registered"


def test_an_unreachable_agent_that_comes_back_brings_its_tasks() -> None:
    """I7: written as reachable, tasks known again and told, resources used and not offered twice."""
    world, agent, scheduler, task = launched(capabilities=(CAPABILITY.PARTITION_AWARE,))
    agent.fall_silent()
    world.advance(100)
    scheduler.take()
    frame = agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert frame.writes == [registry.MarkAgentReachable(agent.info)]
    (status,) = scheduler.statuses()
    assert (status.state, status.reason, status.message, status.uuid) == (
        State.TASK_RUNNING,
        Reason.REASON_AGENT_REREGISTERED,
        "Unreachable agent re-reregistered",
        None,
    )
    framework = world.state.frameworks[scheduler.id]
    assert (list(framework.tasks), framework.unreachable_tasks) == (["t"], {})
    (word,) = agent.of(internal.AgentReregistered)
    assert (word.agent_id, word.reconciliations) == (agent.id, ())
    world.settle()
    (offer,) = scheduler.offers()
    assert [resource.scalar.value for resource in offer.resources] == [3.0, 896.0]  # type: ignore[union-attr]


def test_many_agents_that_are_lost_at_once_do_not_make_a_long_frame() -> None:
    """F16: the core stops when the frame is long enough, and goes on in the next one."""
    world = World(check=False)
    agents = [world.agent(hostname=str(number), cpus=100, mem=100_000) for number in range(10)]
    scheduler = world.scheduler()
    for agent in agents:
        scheduler.launch(*[builders.task(f"{agent.id}-{number}", agent.id, mem=1) for number in range(100)])
        agent.fall_silent()
    for agent in agents:
        agent.disconnect()
    world.advance(100)
    world.master.check()
    lost = [sum(isinstance(change, changes.AgentUnreachable) for change in frame.changes) for frame in world.frames]
    assert sum(lost) == 10
    assert max(lost) == OUTPUT_PER_FRAME // 300  # each tells, and changes twice, a hundred tasks
