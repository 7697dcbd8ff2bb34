"""Agents: admitted, lost, back; what frameworks hear of it, and what is written before they do."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.master import changes, registry
from mesos_py.master.entities import RecoveredAgent
from mesos_py.master.events import Disconnected
from mesos_py.master.options import Options
from mesos_py.wire import internal
from mesos_py.wire.ids import AgentID, FrameworkID, TaskID
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import Task, TaskState, TaskStatus
from mesos_py.wire.value import DomainInfo
from mesos_py.wire.volume import Volume
from tests import builders
from tests.builders import CAPABILITY
from tests.master.world import START, AgentDouble, Scheduler, World

State, Reason = TaskState, TaskStatus.Reason
REGION = DomainInfo(
    fault_domain=DomainInfo.FaultDomain(
        region=DomainInfo.FaultDomain.RegionInfo(name="r"), zone=DomainInfo.FaultDomain.ZoneInfo(name="z")
    )
)


def launched(**fields: Any) -> tuple[World, AgentDouble, Scheduler, Task]:
    """Task ``t``, running, as its agent would report it."""
    world = World()
    agent = world.agent()
    scheduler = world.scheduler(**fields)
    scheduler.launch(builders.task())
    agent.update(scheduler.id, "t", State.TASK_RUNNING)
    scheduler.take()
    return world, agent, scheduler, world.state.frameworks[scheduler.id].tasks[TaskID("t")].wire()


def dropped(world: World) -> str:
    return world.changes(changes.Dropped)[-1].why


# ---- registration


def test_an_agent_is_admitted_before_it_is_told_so() -> None:
    """AdmitAgent is written in the frame that says AgentRegistered; ids count up."""
    world = World()
    agent = world.agent()
    frame = world.frames[-1]
    assert frame.writes == [registry.AdmitAgent(agent.info)]
    (word,) = agent.of(internal.AgentRegistered)
    assert (word.agent_id, word.total_ping_timeout_seconds) == ("m-S0", 75.0)
    assert isinstance(frame.changes[0], changes.AgentAdded)
    assert world.agent(hostname="b").id == "m-S1"


@pytest.mark.parametrize(
    ("fields", "info", "why"),
    [
        ({"version": "0.28.2"}, {}, "version 0.28.2 is older than 1.0.0"),
        ({"version": "new"}, {}, "version 'new' cannot be parsed"),
        ({}, {"domain": REGION}, "agent has a domain but the master has none"),
        (
            {},
            {"resources": (builders.scalar("cpus", -1),)},
            "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0",
        ),
    ],
)
def test_agents_that_are_not_admitted(fields: dict[str, Any], info: dict[str, Any], why: str) -> None:
    """They are not answered; the reason goes to the log."""
    world = World()
    message = internal.RegisterAgent(
        agent=builders.agent_info(**info), pid="slave(1)@127.0.0.1:5051", **{"version": "1.12.0"} | fields
    )
    frame = world.apply(internal.RegisterAgent, message, "agent")
    assert (frame.sends, frame.writes, dropped(world)) == ([], [], why)


def test_unauthenticated_agents_where_authentication_is_required() -> None:
    world = World(Options(authenticate_agents=True))
    agent = AgentDouble(world, builders.agent_info())
    agent.register()
    assert dropped(world) == "agent is not authenticated"


def test_registering_again_on_the_same_connection_repeats_the_answer() -> None:
    world = World()
    agent = world.agent()
    frame = agent.register()
    assert frame.writes == []
    assert [word.agent_id for word in agent.of(internal.AgentRegistered)] == ["m-S0", "m-S0"]


def test_an_agent_that_lost_the_answer_gets_it_on_its_new_connection() -> None:
    """It has nothing to lose yet; the old connection is closed."""
    world = World()
    agent = world.agent()
    old = agent.peer
    agent.peer = world.peer("agent")
    agent.register()
    assert agent.of(internal.AgentRegistered)[0].agent_id == "m-S0"
    assert old in world.closed
    assert list(world.state.agents) == ["m-S0"]


def test_another_agent_at_the_same_address_takes_the_place_of_the_first() -> None:
    """The host has lost its memory: what ran there is lost."""
    world, agent, scheduler, _ = launched()
    agent.disconnect()
    new = world.agent()
    assert list(world.state.agents) == [new.id] == ["m-S1"]
    (status,) = scheduler.statuses()
    assert (status.state, status.reason, status.message) == (
        State.TASK_LOST,
        Reason.REASON_AGENT_REMOVED,
        "Agent host removed: a new agent registered at the same address",
    )
    assert [word.failure.agent_id for word in scheduler.of(Event.Type.FAILURE)] == ["m-S0"]  # type: ignore[union-attr]
    assert world.changes(changes.AgentRemoved)[0].cause is changes.Removal.REGISTERED


def test_reservations_the_agent_remembers_are_carved_out_of_its_total() -> None:
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="a", principal="p")
    reserved = builders.scalar("cpus", 1, reservations=(reservation,))
    volume = builders.scalar(
        "disk",
        10,
        reservations=(reservation,),
        disk=Resource.DiskInfo(
            persistence=Resource.DiskInfo.Persistence(id="v"),
            volume=Volume(container_path="d", mode=Volume.Mode.RW),
        ),
    )
    world = World()
    agent = AgentDouble(world, builders.agent_info(resources=builders.resources(cpus=4, mem=64, disk=100)))
    too_much = builders.scalar("mem", 65, reservations=(reservation,))
    agent.register(checkpointed_resources=(reserved, volume, too_much))
    total = world.state.agents[agent.id].total
    assert str(total) == (
        "cpus:3; mem:64; disk:90; cpus(reservations: [(DYNAMIC,a,p)]):1; disk(reservations: [(DYNAMIC,a,p)])[v:d]:10"
    )


# ---- leaving


def test_an_agent_that_unregisters() -> None:
    world, agent, scheduler, _ = launched()
    world.settle()
    other = world.scheduler(name="other")
    frame = agent.say(internal.UnregisterAgent(agent_id=agent.id))
    assert frame.writes == [registry.RemoveAgent(agent.id)]
    (status,) = scheduler.statuses()
    assert status.message == "Agent host removed: the agent unregistered"
    assert [task.state for task in world.state.frameworks[scheduler.id].completed_tasks] == [State.TASK_LOST]
    assert other.of(Event.Type.FAILURE)
    assert list(world.state.removed_agents) == [agent.id]
    assert world.changes(changes.AgentRemoved)[0].cause is changes.Removal.UNREGISTERED


def test_nobody_can_unregister_another() -> None:
    world = World()
    first, second = world.agent(hostname="a"), world.agent(hostname="b")
    second.say(internal.UnregisterAgent(agent_id=first.id))
    assert len(world.state.agents) == 2


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
    """Seventy-five seconds after the first of them."""
    world = World()
    agent = world.agent()
    agent.fall_silent()
    world.advance(74.9)
    assert agent.id in world.state.agents
    assert len(agent.of(internal.Ping)) == 5
    world.advance(0.2)
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


def test_pings_pass_the_commit_barrier() -> None:
    world = World()
    world.agent()
    world.advance(15)
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


def test_unreachable_tasks_are_bounded() -> None:
    world = World(Options(max_unreachable_tasks_per_framework=2))
    agent, scheduler = world.agent(), world.scheduler()
    scheduler.launch(*[builders.task(f"t{number}", cpus=0.1) for number in range(4)])
    agent.fall_silent()
    world.advance(100)
    assert list(world.state.frameworks[scheduler.id].unreachable_tasks) == ["t2", "t3"]
    assert world.state.unreachable_task_count == 2


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
    world.master.registry.apply(registry.AdmitAgent(info))
    world.state.recovered_agents[AgentID("old-S0")] = RecoveredAgent(info=info)
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
    world.state.gone_agents[AgentID("x")] = 0
    agent = AgentDouble(world, builders.agent_info(agent_id="x"))
    agent.reregister()
    assert [word.message for word in agent.of(internal.ShutdownAgent)] == ["Agent has been marked gone"]
    assert world.state.agents == {}


def report(**fields: Any) -> Task:
    made = {
        "name": "t", "task_id": TaskID("t"), "framework_id": FrameworkID("f"), "agent_id": AgentID("x"),
        "state": State.TASK_RUNNING, "resources": builders.resources(cpus=1),
    } | fields  # fmt: skip
    return Task(**made)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"tasks": (report(agent_id=AgentID("y")),)}, "task t is of agent y"),
        ({"tasks": (report(),), "frameworks": ()}, "task t is of framework f, which is not reported"),
        ({"tasks": (report(), report())}, "task t is reported twice"),
        ({"tasks": (report(resources=(builders.scalar("cpus", -1),)),)}, "Resource 'cpus:-1' is invalid: Invalid"),
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


def test_removed_agents_are_remembered_up_to_a_bound() -> None:
    world = World(Options(max_removed_agents=2))
    for hostname in "abc":
        agent = world.agent(hostname=hostname)
        agent.say(internal.UnregisterAgent(agent_id=agent.id))
    assert list(world.state.removed_agents) == ["m-S1", "m-S2"]
