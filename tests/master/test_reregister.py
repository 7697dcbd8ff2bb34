"""Agents that come back, or come from elsewhere: what they report is made to agree with what is known."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.machine.frame import Disconnected
from mesos_py.master import registry
from mesos_py.wire import internal
from mesos_py.wire.ids import AgentID, FrameworkID, TaskID
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import Task, TaskState, TaskStatus
from tests import builders
from tests.master.world import START, AgentDouble, World, dropped, launched

State, Reason = TaskState, TaskStatus.Reason


# ---- reregistering


def test_an_agent_nobody_knows_is_taken_in() -> None:
    """After a failover of the master without a registry: it brings its id and everything else."""
    world = World()
    scheduler = world.scheduler(framework_id="old-0001")
    agent = AgentDouble(world, builders.agent_info(agent_id="old-S7"))
    task = Task(
        name="t", task_id=TaskID("t"), framework_id=scheduler.id, agent_id=agent.id,
        state=State.TASK_RUNNING, resources=(builders.scalar("cpus", 1, "*"),),
    )  # fmt: skip
    executor = builders.executor(framework_id=scheduler.id, resources=(builders.scalar("cpus", 1, "*"),))
    frame = agent.reregister(tasks=(task,), executors=(executor,), frameworks=(scheduler.info,))
    assert frame.writes == [registry.MarkAgentReachable(agent.info)]
    (status,) = scheduler.statuses()
    assert status.message == "Unknown agent reregistered"
    assert world.state.used.plain == {"cpus": 2000}
    assert world.state.agents[agent.id].registered_time_ns == START


def test_a_recovered_agent_is_no_news_to_frameworks() -> None:
    """The registry admits it already; only its info is written if it has changed."""
    world = World()
    scheduler = world.scheduler(framework_id="old-0001")
    info = builders.agent_info(agent_id="old-S0")
    world.recover(info)
    agent = AgentDouble(world, info)
    task = Task(
        name="t", task_id=TaskID("t"), framework_id=scheduler.id, agent_id=agent.id,
        state=State.TASK_RUNNING, resources=(builders.scalar("cpus", 1, "*"),),
    )  # fmt: skip
    frame = agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert (frame.writes, scheduler.statuses()) == ([], [])
    assert world.state.recovered_agents == {}
    assert "t" in world.state.frameworks[scheduler.id].tasks


def test_what_the_agent_does_not_name_it_is_asked_about() -> None:
    """Executors it lacks are forgotten at once, tasks when it has answered."""
    world = World()
    agent, scheduler = world.agent(), world.scheduler()
    scheduler.launch(builders.task(executor=builders.executor()))
    agent.disconnect()
    agent.reregister(frameworks=(scheduler.info,))
    (word,) = agent.of(internal.AgentReregistered)
    (question,) = word.reconciliations
    assert (question.framework_id, [status.task_id for status in question.statuses]) == (scheduler.id, ["t"])
    assert world.state.used.plain == {"cpus": 1000, "mem": 128_000}
    agent.update(scheduler.id, "t", State.TASK_LOST)
    assert world.state.used.plain == {"cpus": 0, "mem": 0}


def test_an_end_that_was_told_and_forgotten_is_told_again() -> None:
    """A restarted agent is reminded of the very update that its framework has not acknowledged: there is one end."""
    world = World()
    agent, scheduler = world.agent(), world.scheduler()
    scheduler.launch(builders.task())
    told = agent.update(scheduler.id, "t", State.TASK_DROPPED, message="no")
    agent.disconnect()
    agent.reregister(frameworks=(scheduler.info,))
    (word,) = agent.of(internal.AgentReregistered)
    (question,) = word.reconciliations
    assert question.statuses == (told,)


def test_what_the_master_lacks_is_added() -> None:
    world = World()
    agent, scheduler = world.agent(), world.scheduler()
    task = Task(
        name="t", task_id=TaskID("t"), framework_id=scheduler.id, agent_id=agent.id,
        state=State.TASK_RUNNING, resources=(builders.scalar("cpus", 4, "*"),),
    )  # fmt: skip
    agent.disconnect()
    agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert scheduler.states() == [State.TASK_RUNNING]
    world.advance(2)
    assert [[resource.name for resource in offer.resources] for offer in scheduler.offers()] == [["mem"]]


def test_a_change_of_the_agent_is_written_and_offered() -> None:
    world = World()
    agent, scheduler = world.agent(), world.scheduler()
    agent.disconnect()
    agent.info = evolve(agent.info, resources=builders.resources(cpus=16, mem=64))
    frame = agent.reregister()
    assert frame.writes == [registry.UpdateAgent(agent.info)]
    world.settle()
    (offer,) = scheduler.offers()
    assert [resource.scalar.value for resource in offer.resources] == [16.0, 64.0]  # type: ignore[union-attr]
    assert world.state.total.plain == {"cpus": 16_000, "mem": 64_000}


def test_an_agent_that_has_less_than_is_used_is_offered_again_when_enough_has_ended() -> None:
    """Tasks go on as they are: what to do about it is the framework's business."""
    world = World()
    agent, scheduler = world.agent(cpus=4), world.scheduler()
    scheduler.launch(*[builders.task(name, agent.id, cpus=2, mem=128) for name in "ab"])
    tasks = tuple(task.wire() for task in world.state.frameworks[scheduler.id].tasks.values())
    agent.disconnect()
    agent.info = evolve(agent.info, resources=builders.resources(cpus=3, mem=128))
    agent.reregister(tasks=tasks, frameworks=(scheduler.info,))
    world.advance(10)
    assert (scheduler.offers(), len(world.state.frameworks[scheduler.id].tasks)) == ([], 2)
    agent.update(scheduler.id, "a", State.TASK_FINISHED)
    world.advance(10)
    (offer,) = scheduler.offers()
    assert [(resource.name, resource.scalar.value) for resource in offer.resources] == [("cpus", 1.0)]  # type: ignore[union-attr]


def test_offers_of_an_agent_that_changed_are_rescinded() -> None:
    """F24: it had not been seen to disconnect; who accepts them all the same is refused."""
    world = World()
    agent, scheduler = world.agent(), world.scheduler()
    world.settle()
    (offer,) = scheduler.offers()
    agent.info = evolve(agent.info, resources=builders.resources(cpus=1, mem=64))
    agent.reregister()
    assert [word.rescind.offer_id for word in scheduler.take() if word.rescind] == [offer.id]
    scheduler.accept([offer], builders.launch(builders.task()))
    (status,) = scheduler.statuses()
    assert status.reason is Reason.REASON_INVALID_OFFERS
    assert agent.of(internal.RunTask) == []


def test_what_an_agent_turns_out_to_use_is_not_on_offer() -> None:
    world, agent, scheduler, task = launched()
    world.advance(6)
    assert len(scheduler.offers()) == 1
    other = evolve(task, task_id=TaskID("other"))
    agent.reregister(tasks=(task, other), frameworks=(scheduler.info,))
    world.advance(2)
    (offer,) = scheduler.offers()
    assert [resource.scalar.value for resource in offer.resources] == [2.0, 768.0]  # type: ignore[union-attr]


def test_an_agent_that_repeats_itself_keeps_its_offers() -> None:
    """Its answer was slow, or lost."""
    world, agent, scheduler, task = launched()
    world.advance(6)
    (offer,) = scheduler.offers()
    agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert scheduler.offers() == [offer]


@pytest.mark.parametrize("changed", [{"hostname": "other"}, {"pid": "slave(1)@10.0.0.9:5051"}])
def test_an_agent_cannot_move(changed: dict[str, str]) -> None:
    """X18: another host with the id of a registered agent is told to shut down, and changes nothing."""
    world = World()
    agent = world.agent()
    thief = AgentDouble(world, evolve(agent.info, hostname=changed.get("hostname", "host")))
    thief.pid = changed.get("pid", thief.pid)
    thief.reregister()
    (word,) = thief.of(internal.ShutdownAgent)
    assert word.message == "Agent attempted to reregister with different IP / hostname"
    assert world.state.agents[agent.id].peer == agent.peer


def test_a_gone_agent_is_told_to_shut_down() -> None:
    world = World()
    world.mark_gone(world.agent().id)
    agent = AgentDouble(world, builders.agent_info(agent_id="m-S0"))
    agent.reregister()
    assert [word.message for word in agent.of(internal.ShutdownAgent)] == ["Agent has been marked gone"]
    assert world.state.agents == {}


def report(**fields: Any) -> Task:
    made: dict[str, Any] = {
        "name": "t", "task_id": TaskID("t"), "framework_id": FrameworkID("f"), "agent_id": AgentID("x"),
        "state": State.TASK_RUNNING, "resources": (builders.scalar("cpus", 1, "*"),),
    } | fields  # fmt: skip
    return Task(**made)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"tasks": (report(agent_id=AgentID("y")),)}, "task t is of agent y"),
        ({"tasks": (report(),), "frameworks": ()}, "task t is of framework f, which is not reported"),
        ({"tasks": (report(), report())}, "task t is reported twice"),
        ({"tasks": (report(resources=(builders.scalar("cpus", -1),)),)}, "task t: Resource 'cpus:-1' is invalid"),
        ({"tasks": (report(resources=builders.resources(cpus=1)),)}, "task t: resources that are used must be"),
        (
            {"frameworks": (builders.framework_info(framework_id="f", roles=("a//b",)),)},
            "framework f: 'FrameworkInfo.roles' contains invalid role",
        ),
        ({"executors": (builders.executor(),)}, "executor e is of a framework that is not reported"),
        ({"frameworks": (builders.framework_info(),)}, "a framework has no id"),
    ],
)
def test_reports_that_make_no_sense(fields: dict[str, Any], why: str) -> None:
    world = World()
    agent = AgentDouble(world, builders.agent_info(agent_id="x"))
    agent.reregister(**{"frameworks": (builders.framework_info(framework_id="f"),)} | fields)
    assert dropped(world).startswith(why)
    assert (world.state.agents, world.state.frameworks) == ({}, {})


def test_what_a_completed_framework_left_behind_is_shut_down() -> None:
    world, agent, scheduler, task = launched(failover_timeout=0.0)
    agent.disconnect()
    scheduler.disconnect()
    agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert [word.framework_id for word in agent.of(internal.ShutdownFramework)] == [scheduler.id]
    assert world.state.agents[agent.id].tasks == {}


def test_a_framework_that_changed_meanwhile_is_told_to_the_agent() -> None:
    world, agent, scheduler, task = launched()
    before = scheduler.info
    agent.disconnect()
    scheduler.info = evolve(scheduler.info, name="new")
    scheduler.subscribe()
    agent.reregister(tasks=(task,), frameworks=(before,))
    assert [word.framework.name for word in agent.of(internal.UpdateFramework)] == ["new"]
    assert world.state.frameworks[scheduler.id].info.name == "new"


def test_reregistering_while_connected_replaces_the_connection() -> None:
    """Half-open: the agent has given the old connection up before we knew."""
    world, agent, scheduler, task = launched()
    old = agent.peer
    agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert old in world.closed
    frame = world.apply(Disconnected, peer=old)
    assert frame.changes == []
    assert world.state.agents[agent.id].connected
