"""Agents of a master's state, in the order of their lives.

::

    recovered --add--> registered --disconnect--> away --reconnect--> registered
                           |                        |
                           +--remove                +--lose--> unreachable --add--> registered
    any of them --mark_gone--> gone

Unreachable and gone ones are forgotten in the end.
"""

from __future__ import annotations

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Frame, PeerID
from mesos_py.master import changes
from mesos_py.master.capabilities import AgentCapabilities
from mesos_py.master.changes import Removal
from mesos_py.master.entities import Agent, RecoveredAgent, UnreachableAgent
from mesos_py.master.registry import Registry
from mesos_py.master.state import State
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.ids import AgentID
from mesos_py.wire.value import URL


def recover(state: State, registry: Registry) -> None:
    """Agents that earlier masters knew; nothing else is known yet."""
    for agent_id, agent in registry.agents.items():
        state.recovered_agents[agent_id] = RecoveredAgent(
            info=agent.info, drain_info=agent.drain_info, deactivated=agent.deactivated
        )
    for agent_id, lost in sorted(registry.unreachable.items(), key=lambda item: item[1].since_ns):
        state.unreachable_agents[agent_id] = UnreachableAgent(
            since_ns=lost.since_ns, drain_info=lost.drain_info, deactivated=lost.deactivated
        )
    state.gone_agents.update(sorted(registry.gone.items(), key=lambda item: item[1]))


def add_agent(state: State, agent: Agent, out: Frame, *, returning: bool) -> None:
    """Admitted, or back: recovered, unreachable or unknown to this master until now."""
    state.recovered_agents.pop(agent.id, None)
    before = state.unreachable_agents.pop(agent.id, None)
    if before is not None:
        agent.lost, agent.killed = before.lost, before.killed
    state.agents[agent.id] = agent
    state.peers[agent.peer] = agent
    state.addresses[agent.address] = agent
    state.agents_connected += agent.connected
    state.agents_active += agent.active
    state.total.add(agent.total)
    out.changes.append(changes.AgentAdded(agent.id, agent, returning))


def reconnect_agent(
    state: State,
    agent: Agent,
    out: Frame,
    *,
    peer: PeerID,
    info: AgentInfo,
    pid: str,
    version: str,
    capabilities: AgentCapabilities,
    total: Resources,
    url: URL | None,
) -> None:
    """A registered agent has reregistered: everything it says about itself replaces what was known."""
    state.leave(agent.peer, agent)
    state.peers[peer] = agent
    if state.addresses.get(agent.address) is agent:
        del state.addresses[agent.address]
    state.agents_connected += not agent.connected
    active = not agent.deactivated
    state.agents_active += active - agent.active
    agent.peer, agent.info, agent.pid, agent.version = peer, info, pid, version
    agent.url = url
    state.addresses[agent.address] = agent
    agent.capabilities, agent.connected, agent.active = capabilities, True, active
    agent.reregistered_time_ns = out.now
    agent.unanswered = 0
    if total != agent.total:
        state.total.add(agent.total, -1)
        state.total.add(total)
        agent.total = total
    agent.json = None
    out.changes.append(changes.AgentUpdated(agent.id, agent))


def move_agent(state: State, agent: Agent, peer: PeerID) -> None:
    """``peer`` is the connected agent's channel from now on."""
    state.leave(agent.peer, agent)
    agent.peer = peer
    state.peers[peer] = agent


def pinged(agent: Agent) -> int:
    """Once more; how many pings before it are unanswered."""
    before = agent.unanswered
    agent.unanswered = before + 1
    return before


def ponged(agent: Agent) -> None:
    agent.unanswered = 0


def disconnect_agent(state: State, agent: Agent, out: Frame) -> None:
    """Its connection is gone; it keeps its tasks and is given time to come back."""
    state.leave(agent.peer, agent)
    state.agents_connected -= agent.connected
    state.agents_active -= agent.active
    agent.connected = agent.active = False
    agent.json = None
    out.changes.append(changes.AgentDisconnected(agent.id, agent))


def remove_agent(state: State, agent: Agent, cause: Removal, out: Frame) -> None:
    """Gone for good as far as this master knows."""
    _forget_agent(state, agent)
    out.changes.append(changes.AgentRemoved(agent.id, agent, cause))


def lose_agent(state: State, agent_id: AgentID, message: str, out: Frame) -> None:
    """A registered or recovered agent becomes unreachable."""
    recovered = state.recovered_agents.pop(agent_id, None)
    lost = recovered or state.agents[agent_id]
    unreachable = UnreachableAgent(since_ns=out.now, drain_info=lost.drain_info, deactivated=lost.deactivated)
    if isinstance(lost, Agent):
        _forget_agent(state, lost)
        unreachable.lost, unreachable.killed = lost.lost, lost.killed
    state.unreachable_agents[agent_id] = unreachable
    out.changes.append(changes.AgentUnreachable(agent_id, message, recovered is not None))


def mark_gone(state: State, agent_id: AgentID, out: Frame) -> None:
    """An agent, wherever it was, will never be back; it has no tasks left here, live or lost."""
    if agent_id in state.agents:
        _forget_agent(state, state.agents[agent_id])
    else:
        state.recovered_agents.pop(agent_id, None)
        state.unreachable_agents.pop(agent_id, None)
    state.gone_agents[agent_id] = out.now
    out.changes.append(changes.AgentGone(agent_id))


def forget_agents(state: State, unreachable: tuple[AgentID, ...], gone: tuple[AgentID, ...], out: Frame) -> None:
    """They are unknown from now on, and so are the tasks they were lost with."""
    for agent_id in unreachable:
        for framework_id, task_id in state.unreachable_agents.pop(agent_id).lost:
            del state.frameworks[framework_id].unreachable_tasks[task_id]
            state.unreachable_task_count -= 1
    for agent_id in gone:
        del state.gone_agents[agent_id]
    out.changes.append(changes.AgentsForgotten(unreachable, gone))


def _forget_agent(state: State, agent: Agent) -> None:
    """Tasks, executors and offers are gone already."""
    state.leave(agent.peer, agent)
    state.agents_connected -= agent.connected
    state.agents_active -= agent.active
    agent.connected = agent.active = False
    state.total.add(agent.total, -1)
    if state.addresses.get(agent.address) is agent:
        del state.addresses[agent.address]
    del state.agents[agent.id]
