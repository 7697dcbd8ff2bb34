"""Agents come, go and are removed; what their executors say.

::

    RegisterAgent --> registered --connection lost--> disconnected --too long--> unreachable   (calls/liveness)
                         |  ^---------ReregisterAgent------+-----------------------/           (calls/reregister)
                         \\--UnregisterAgent, another agent at its address--> removed

An agent whose registration is refused is not answered: it asks again with back-off, and an operator reads the log.

Mesos: src/master/master.cpp Master::registerSlave, unregisterSlave, removeSlave, exitedExecutor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame, PeerID
from mesos_py.machine.table import Table
from mesos_py.master import words
from mesos_py.master.calls.liveness import ping
from mesos_py.master.calls.losses import conclude, recover, settle_lost, strip, tell_allocator, tell_failure, unwatch
from mesos_py.master.capabilities import AgentCapabilities
from mesos_py.master.changes import Dropped, Removal
from mesos_py.master.entities import Agent
from mesos_py.master.registry import AdmitAgent, RemoveAgent
from mesos_py.master.state.agents import add_agent, move_agent, remove_agent
from mesos_py.master.state.executors import remove_executor
from mesos_py.master.state.tasks import remove_task
from mesos_py.master.validation.agent import refused_agent, total_resources
from mesos_py.wire.internal import (
    AgentRegistered,
    ExecutorToFramework,
    ExitedExecutor,
    RegisterAgent,
    UnregisterAgent,
)
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("agents")


@table.on(RegisterAgent)
def register_agent(m: Master, event: Event, out: Frame) -> None:
    """The agent is admitted under a new id and told so."""
    message: RegisterAgent = event.body
    peer = event.peer
    assert peer is not None
    why = refused_agent(message, event.principal, m.options, m.info.domain)
    if why is not None:
        out.change(Dropped("RegisterAgent", why))
        return
    known = m.state.agent_of(peer) or m.state.addresses.get((message.agent.hostname, message.pid))
    if known is not None and known.connected and (known.peer == peer or not (known.tasks or known.executors)):
        # It has not heard that it is registered: the answer is lost, or on its way on a connection it gave up.
        _move(m, known, peer, out)
        _welcome(m, known, out)
        return
    if known is not None:
        remove(m, known, Removal.REGISTERED, "a new agent registered at the same address", out)
    agent_id = m.ids.agent()
    info = evolve(message.agent, id=agent_id)
    agent = Agent(
        id=agent_id,
        info=info,
        pid=message.pid,
        peer=peer,
        version=message.version,
        capabilities=AgentCapabilities.of(message.capabilities),
        total=total_resources(info.resources, message.checkpointed_resources),
        registered_time_ns=out.now,
        url=words.url_of(info.hostname, message.pid),
    )
    m.persist(AdmitAgent(info), out)
    add_agent(m.state, agent, out, returning=False)
    tell_allocator(m, agent)
    _welcome(m, agent, out)
    ping(m, agent, out)


def _move(m: Master, agent: Agent, peer: PeerID, out: Frame) -> None:
    if agent.peer != peer:
        out.close(agent.peer)
        move_agent(m.state, agent, peer)


def _welcome(m: Master, agent: Agent, out: Frame) -> None:
    timeout_s = m.options.total_ping_timeout_s
    out.send(agent.peer, AgentRegistered(agent_id=agent.id, total_ping_timeout_seconds=timeout_s))


@table.on(UnregisterAgent)
def unregister_agent(m: Master, event: Event, out: Frame) -> None:
    """The agent leaves for good; its tasks are lost."""
    message: UnregisterAgent = event.body
    agent = m.state.agent_of(event.peer)
    if agent is None or agent.id != message.agent_id:
        out.change(Dropped("UnregisterAgent", "not from that agent", agent_id=message.agent_id))
        return
    remove(m, agent, Removal.UNREGISTERED, "the agent unregistered", out)


def remove(m: Master, agent: Agent, cause: Removal, text: str, out: Frame) -> None:
    """The agent is not ours any more: tasks lost, offers rescinded, every framework told."""
    m.persist(RemoveAgent(agent.id), out)
    unwatch(m, agent.id, out)
    lost, reason = TaskState.TASK_LOST, TaskStatus.Reason.REASON_AGENT_REMOVED
    text = f"Agent {agent.hostname} removed: {text}"
    for tasks in tuple(agent.tasks.values()):
        for task in tuple(tasks.values()):
            conclude(m, task, lost, reason, text, out)
            remove_task(m.state, task, out)
    settle_lost(m, agent, lost, reason, text, out)
    strip(m, agent, out)
    remove_agent(m.state, agent, cause, out)
    tell_failure(m, agent.id, out)


# ---- executors


@table.on(ExitedExecutor)
def exited_executor(m: Master, event: Event, out: Frame) -> None:
    """The executor has ended: what it used is free, and its framework is told, once."""
    message: ExitedExecutor = event.body
    agent = m.state.agent_of(event.peer)
    framework = m.state.frameworks.get(message.framework_id)
    if agent is None or framework is None or agent.executor(framework.id, message.executor_id) is None:
        why = f"executor {message.executor_id} is unknown"
        agent_id = None if agent is None else agent.id
        out.change(Dropped("ExitedExecutor", why, framework_id=message.framework_id, agent_id=agent_id))
        return
    freed = remove_executor(m.state, framework, agent, message.executor_id, out)
    recover(m, framework.id, agent.id, freed, out)
    m.say(framework, words.failure(agent.id, message.executor_id, message.status), out)


@table.on(ExecutorToFramework)
def executor_to_framework(m: Master, event: Event, out: Frame) -> None:
    """The scheduler gets the executor's message if it is connected; nothing is guaranteed."""
    message: ExecutorToFramework = event.body
    agent = m.state.agent_of(event.peer)
    framework = m.state.frameworks.get(message.framework_id)
    if agent is None or framework is None or not framework.connected:
        why = "framework is not connected" if agent is not None else "agent is not registered"
        out.change(Dropped("ExecutorToFramework", why, framework_id=message.framework_id))
        return
    m.say(framework, words.message(agent.id, message.executor_id, message.data), out)
