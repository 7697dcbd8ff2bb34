"""What survives a master: a small set of facts, folded into a ``Registry`` value.

Each fact is one ``out.write``; the store keeps it, and a new leader folds what was kept::

    admitted --MarkAgentUnreachable--> unreachable --MarkAgentReachable--> admitted
        |  \\---MarkAgentGone---> gone <---MarkAgentGone---/     unreachable, gone --Prune--> nothing
        \\------RemoveAgent--> nothing

A fact that cannot be true of the registry it meets is a bug of the core that wrote it, not a refusal: handlers check
before they write, and the fold raises ``Impossible``. Mesos: src/master/registry_operations.cpp.
"""

from __future__ import annotations

from typing import Any

from mesos_py.machine.values import Nanos, value
from mesos_py.wire.agent import AgentInfo, DrainInfo
from mesos_py.wire.ids import AgentID
from mesos_py.wire.registry import Registry as Message
from mesos_py.wire.value import TimeInfo


@value
class AdmitAgent:
    agent: AgentInfo


@value
class UpdateAgent:
    """The admitted agent describes itself differently now."""

    agent: AgentInfo


@value
class MarkAgentUnreachable:
    agent_id: AgentID
    at_ns: Nanos


@value
class MarkAgentReachable:
    """Back from unreachable, or from nowhere: an agent this registry never heard of brings its own info."""

    agent: AgentInfo


@value
class MarkAgentGone:
    """The agent will never be back, whoever says so in its name."""

    agent_id: AgentID
    at_ns: Nanos


@value
class RemoveAgent:
    agent_id: AgentID


@value
class Prune:
    """Agents that were lost are forgotten: there are too many of them, or it is too long ago."""

    unreachable: tuple[AgentID, ...]
    gone: tuple[AgentID, ...]


Write = AdmitAgent | UpdateAgent | MarkAgentUnreachable | MarkAgentReachable | MarkAgentGone | RemoveAgent | Prune


class Impossible(Exception):
    """A fact contradicts the registry."""


@value
class Admitted:
    info: AgentInfo
    drain_info: DrainInfo | None = None
    deactivated: bool = False


@value
class Unreachable:
    since_ns: Nanos
    drain_info: DrainInfo | None = None
    deactivated: bool = False


class Registry:
    """The fold of all writes; ``message`` and ``of`` are its form on the wire."""

    def __init__(self) -> None:
        self.agents: dict[AgentID, Admitted] = {}
        self.unreachable: dict[AgentID, Unreachable] = {}
        self.gone: dict[AgentID, Nanos] = {}

    def apply(self, write: Write) -> None:
        """Fold one fact. Raises Impossible, having changed nothing."""
        match write:
            case AdmitAgent(agent):
                agent_id = _id(agent)
                if agent_id in self.agents or agent_id in self.gone:
                    raise Impossible(f"agent {agent_id} is admitted twice")
                self.agents[agent_id] = Admitted(agent)
            case UpdateAgent(agent):
                agent_id = _id(agent)
                old = self._admitted(agent_id)
                self.agents[agent_id] = Admitted(agent, old.drain_info, old.deactivated)
            case MarkAgentUnreachable(agent_id, at_ns):
                old = self._admitted(agent_id)
                del self.agents[agent_id]
                self.unreachable[agent_id] = Unreachable(at_ns, old.drain_info, old.deactivated)
            case MarkAgentReachable(agent):
                agent_id = _id(agent)
                if agent_id in self.gone:
                    raise Impossible(f"agent {agent_id} is gone")
                if agent_id not in self.agents:
                    lost = self.unreachable.pop(agent_id, Unreachable(0))
                    self.agents[agent_id] = Admitted(agent, lost.drain_info, lost.deactivated)
            case MarkAgentGone(agent_id, at_ns):
                if self.unreachable.pop(agent_id, None) is None:
                    self._admitted(agent_id)
                    del self.agents[agent_id]
                self.gone[agent_id] = at_ns
            case RemoveAgent(agent_id):
                self._admitted(agent_id)
                del self.agents[agent_id]
            case Prune(unreachable, gone):
                for agent_id in unreachable:
                    self.unreachable.pop(agent_id, None)
                for agent_id in gone:
                    self.gone.pop(agent_id, None)

    def _admitted(self, agent_id: AgentID) -> Admitted:
        found = self.agents.get(agent_id)
        if found is None:
            raise Impossible(f"agent {agent_id} is not admitted")
        return found

    def message(self) -> Message:
        """Everything, for GET_* and for backups."""
        return Message(
            agents=Message.Agents(agents=tuple(map(self._agent, self.agents))),
            unreachable=Message.UnreachableAgents(agents=tuple(map(self._unreachable, self.unreachable))),
            gone=Message.GoneAgents(agents=tuple(map(self._gone, self.gone))),
        )

    def messages(self, agent_id: AgentID) -> dict[str, Any]:
        """All there is about one agent, by kind of record; None: there is none of that kind."""
        return {
            "agents": self._agent(agent_id) if agent_id in self.agents else None,
            "unreachable": self._unreachable(agent_id) if agent_id in self.unreachable else None,
            "gone": self._gone(agent_id) if agent_id in self.gone else None,
        }

    def _agent(self, agent_id: AgentID) -> Message.Agent:
        agent = self.agents[agent_id]
        return Message.Agent(info=agent.info, drain_info=agent.drain_info, deactivated=agent.deactivated)

    def _unreachable(self, agent_id: AgentID) -> Message.UnreachableAgent:
        lost = self.unreachable[agent_id]
        return Message.UnreachableAgent(
            id=agent_id,
            timestamp=TimeInfo(nanoseconds=lost.since_ns),
            drain_info=lost.drain_info,
            deactivated=lost.deactivated,
        )

    def _gone(self, agent_id: AgentID) -> Message.GoneAgent:
        return Message.GoneAgent(id=agent_id, timestamp=TimeInfo(nanoseconds=self.gone[agent_id]))

    def copy(self) -> Registry:
        """The same facts, to be folded on from here by somebody else."""
        made = Registry()
        made.agents, made.unreachable, made.gone = dict(self.agents), dict(self.unreachable), dict(self.gone)
        return made

    @staticmethod
    def of(message: Message) -> Registry:
        """What ``message`` says; the inverse of ``message``."""
        made = Registry()
        for agent in message.agents.agents if message.agents is not None else ():
            made.agents[_id(agent.info)] = Admitted(agent.info, agent.drain_info, agent.deactivated)
        for lost in message.unreachable.agents if message.unreachable is not None else ():
            made.unreachable[lost.id] = Unreachable(lost.timestamp.nanoseconds, lost.drain_info, lost.deactivated)
        for gone in message.gone.agents if message.gone is not None else ():
            made.gone[gone.id] = gone.timestamp.nanoseconds
        return made


def _id(agent: AgentInfo) -> AgentID:
    if agent.id is None:
        raise Impossible("an agent without id")
    return agent.id
