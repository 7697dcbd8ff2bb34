"""Agents that an operator has marked gone: who is told what, and what a later master still knows."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from mesos_py.cli import call as cli_call
from mesos_py.config import parse
from mesos_py.machine.problem import Problem
from mesos_py.master import changes, registry
from mesos_py.master.events import RegistryRecovered
from mesos_py.master.options import Options
from mesos_py.master.server import MasterServer
from mesos_py.master.subscribe import event_of
from mesos_py.transport.channel import decode_batch
from mesos_py.wire import internal
from mesos_py.wire.codec import protobuf
from mesos_py.wire.ids import AgentID
from mesos_py.wire.master_api import Call
from mesos_py.wire.master_api import Event as OperatorEvent
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.builders import CAPABILITY
from tests.master.over_http import API, AgentLink, call
from tests.master.world import START, AgentDouble, World, launched
from tests.web.raw import exchange, post

State, Reason = TaskState, TaskStatus.Reason
AWARE = (CAPABILITY.PARTITION_AWARE,)


# ---- what it means for whom


def test_a_registered_agent_is_shut_down_and_what_it_had_is_nobodys() -> None:
    """All that is said waits for the write; tasks are completed, resources not counted, nothing is offered again."""
    world, agent, scheduler, _ = launched(capabilities=AWARE)
    world.advance(6)
    scheduler.take()
    frame = world.mark_gone(agent.id)
    assert frame.writes == [registry.MarkAgentGone(agent.id, world.now)]
    assert [word.message for word in agent.of(internal.ShutdownAgent)] == ["Agent has been marked gone"]
    assert [word.type for word in scheduler.take()] == [Event.Type.UPDATE, Event.Type.RESCIND, Event.Type.FAILURE]
    framework = world.state.frameworks[scheduler.id]
    assert ([task.state for task in framework.completed_tasks], framework.tasks) == ([State.TASK_GONE_BY_OPERATOR], {})
    assert (world.state.total.plain, world.state.used.plain) == ({"cpus": 0, "mem": 0}, {"cpus": 0, "mem": 0})
    world.advance(700)
    assert scheduler.offers() == []
    assert world.state.gone_agents == {agent.id: frame.now}


def test_operators_hear_of_its_tasks_alone() -> None:
    """As captured from a C++ master: no AGENT_REMOVED, neither for an agent that is lost nor for one that is gone."""
    world, agent, _, _ = launched(capabilities=AWARE)
    other = world.agent(hostname="other")
    other.fall_silent()
    before = len(world.frames)
    world.mark_gone(agent.id)
    world.advance(100)
    told = [event_of(change) for frame in world.frames[before:] for change in frame.changes]
    assert [(event.type, event.task_updated.state) for event in told if event is not None] == [  # type: ignore[union-attr]
        (OperatorEvent.Type.TASK_UPDATED, State.TASK_GONE_BY_OPERATOR)
    ]
    assert other.id in world.state.unreachable_agents


def test_a_disconnected_agent_is_told_when_it_comes_back() -> None:
    world, agent, scheduler, task = launched()
    agent.disconnect()
    world.mark_gone(agent.id)
    assert scheduler.states() == [State.TASK_LOST]
    agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert [type(word) for word in agent.heard] == [internal.ShutdownAgent]
    assert (world.state.agents, scheduler.states()) == ({}, [State.TASK_LOST])


@pytest.mark.parametrize("aware", [True, False])
def test_tasks_of_an_unreachable_agent_end(aware: bool) -> None:
    """Told once more, and not FAILURE again."""
    world, agent, scheduler, _ = launched(capabilities=AWARE if aware else ())
    agent.fall_silent()
    world.advance(100)
    scheduler.take()
    frame = world.mark_gone(agent.id)
    assert frame.writes == [registry.MarkAgentGone(agent.id, world.now)]
    (word,) = scheduler.take()
    status = word.update.status  # type: ignore[union-attr]
    assert (status.state, status.reason, status.message) == (
        (State.TASK_GONE_BY_OPERATOR, Reason.REASON_AGENT_REMOVED_BY_OPERATOR, "Agent has been marked gone")
        if aware
        else (State.TASK_LOST, Reason.REASON_AGENT_REMOVED, "Agent has been marked gone")
    )
    framework = world.state.frameworks[scheduler.id]
    assert ([task.id for task in framework.completed_tasks], framework.unreachable_tasks) == (["t"], {})
    assert (world.state.unreachable_agents, world.state.unreachable_task_count) == ({}, 0)


def test_a_recovered_agent_is_only_remembered_as_gone() -> None:
    """What it ran is not known to this master; reconciliation no longer waits for it."""
    world = World()
    world.recover(builders.agent_info(agent_id="old-S1"))
    scheduler = world.scheduler(capabilities=AWARE)
    frame = world.mark_gone("old-S1")
    assert (frame.writes, frame.sends) == ([registry.MarkAgentGone(AgentID("old-S1"), START)], [])
    (status,) = scheduler.reconcile(("t", "old-S1"))
    assert status.state is State.TASK_GONE_BY_OPERATOR
    scheduler.take()
    world.advance(700)
    assert scheduler.of(Event.Type.FAILURE) == []


def test_nobody_hears_of_another_end_than_the_first() -> None:
    """I3: what the agent itself has told stands; what it was still to tell is told in its place."""
    world = World()
    agent, scheduler = world.agent(), world.scheduler(capabilities=AWARE)
    scheduler.launch(*[builders.task(name, cpus=0.1) for name in ("told", "untold")])
    agent.update(scheduler.id, "told", State.TASK_FAILED)
    agent.update(scheduler.id, "untold", State.TASK_RUNNING, latest=State.TASK_FINISHED)
    scheduler.take()
    world.mark_gone(agent.id)
    assert [(status.task_id, status.state) for status in scheduler.statuses()] == [("untold", State.TASK_FINISHED)]
    completed = world.state.frameworks[scheduler.id].completed_tasks
    assert [task.state for task in completed] == [State.TASK_FAILED, State.TASK_FINISHED]


def test_a_gone_agent_stays_gone_and_an_unknown_one_is_not_found() -> None:
    world = World()
    agent = world.agent()
    world.mark_gone(agent.id)
    again = world.mark_gone(agent.id)
    assert (again.reply, again.writes, again.sends, again.changes) == (None, [], [], [])
    reply = world.mark_gone("nope").reply
    assert isinstance(reply, Problem)
    assert (reply.kind, reply.text) == (404, "Agent 'nope' not found")
    assert world.changes(changes.AgentGone) == [changes.AgentGone(agent.id)]


def test_whoever_comes_from_the_same_host_is_another_agent() -> None:
    world = World()
    agent = world.agent()
    world.mark_gone(agent.id)
    other = AgentDouble(world, builders.agent_info())
    other.register()
    assert world.state.agents.keys() == {other.id} != {agent.id}


def test_the_next_master_knows() -> None:
    kept = registry.Registry()
    for name in ("old-S1", "old-S2"):
        kept.apply(registry.AdmitAgent(builders.agent_info(agent_id=name)))
    for name, at in (("old-S2", START - 1), ("old-S1", START)):
        kept.apply(registry.MarkAgentGone(AgentID(name), at))
    world = World()
    world.apply(RegistryRecovered, RegistryRecovered(kept))
    assert list(world.state.gone_agents) == ["old-S2", "old-S1"]
    agent = AgentDouble(world, builders.agent_info(agent_id="old-S1"))
    agent.reregister()
    assert [type(word) for word in agent.heard] == [internal.ShutdownAgent]


# ---- as an operator calls it


def gone(agent_id: str) -> bytes:
    return call("MARK_AGENT_GONE", mark_agent_gone={"agent_id": {"value": agent_id}})


async def test_over_http(tmp_path: Path) -> None:
    """200 without a body, again and again, in JSON and protobuf; the fact survives the master."""
    options = Options(port=0, work_dir=str(tmp_path))
    async with MasterServer(options) as master, AgentLink(master) as link:
        (agent_id,) = master.core.state.agents
        answer = await exchange(master.port, gone("nope"))
        assert (answer.status, answer.text) == (404, "Agent 'nope' not found")
        message = Call(type=Call.Type.MARK_AGENT_GONE, mark_agent_gone=Call.MarkAgentGone(agent_id=agent_id))
        request = post(API, protobuf.encode(message), content_type="application/x-protobuf")
        for asked in (request, gone(agent_id)):
            answer = await exchange(master.port, asked)
            assert (answer.status, answer.body) == (200, b"")
        heard = decode_batch(await link.socket.receive_bytes(timeout=60))
        assert internal.ShutdownAgent(message="Agent has been marked gone") in heard
        listed = json.loads((await exchange(master.port, call("GET_AGENTS"))).body)["get_agents"]
        assert listed == {"agents": [], "recovered_agents": []}
    async with MasterServer(options) as master:
        assert list(master.core.state.gone_agents) == [agent_id]
        assert list(master.core.registry.gone) == [agent_id]


async def test_from_the_command_line() -> None:
    async with MasterServer(Options(port=0)) as master, AgentLink(master):
        (agent_id,) = master.core.state.agents
        words = ["mark-agent-gone", json.dumps({"agent_id": {"value": agent_id}}), f"--master=127.0.0.1:{master.port}"]
        assert await asyncio.wait_for(cli_call.main(parse(words, cli_call.COMMAND.options)), 60) == 0
        assert agent_id in master.core.state.gone_agents
