"""Agents: admitted, refused, gone for good; what frameworks hear of it, and what is written before they do."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.master import changes, registry
from mesos_py.master.options import Options
from mesos_py.master.validation.records import RECORD_BYTES_MAX
from mesos_py.wire import internal
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.value import DomainInfo
from mesos_py.wire.volume import Volume
from tests import builders
from tests.master.world import AgentDouble, World, dropped, launched

State, Reason = TaskState, TaskStatus.Reason
REGION = DomainInfo(
    fault_domain=DomainInfo.FaultDomain(
        region=DomainInfo.FaultDomain.RegionInfo(name="r"), zone=DomainInfo.FaultDomain.ZoneInfo(name="z")
    )
)


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


@pytest.mark.parametrize("kind", [internal.RegisterAgent, internal.ReregisterAgent])
def test_an_agent_too_large_for_the_registry_is_not_admitted(kind: Any) -> None:
    """A store would fail on its record, and that would end the master."""
    world = World()
    agent_id = "x-S0" if kind is internal.ReregisterAgent else None
    info = builders.agent_info(hostname="h" * RECORD_BYTES_MAX, agent_id=agent_id)
    frame = world.apply(kind, kind(agent=info, pid="slave(1)@127.0.0.1:5051", version="1.12.0"), "agent")
    assert (frame.sends, frame.writes) == ([], [])
    assert str(dropped(world)).endswith(f"bytes, more than {RECORD_BYTES_MAX}")


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
    assert world.state.agents == {}
    assert world.changes(changes.AgentRemoved)[0].cause is changes.Removal.UNREGISTERED


def test_nobody_can_unregister_another() -> None:
    world = World()
    first, second = world.agent(hostname="a"), world.agent(hostname="b")
    second.say(internal.UnregisterAgent(agent_id=first.id))
    assert len(world.state.agents) == 2
