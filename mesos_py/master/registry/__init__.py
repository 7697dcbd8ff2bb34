"""What survives a master: a small set of facts, folded into a ``Registry`` value.

Each fact is one ``out.write``; the store keeps it, and a new leader folds what was kept::

    admitted --MarkAgentUnreachable--> unreachable --MarkAgentReachable--> admitted
        |  \\---MarkAgentGone---> gone <---MarkAgentGone---/     unreachable, gone --Prune--> nothing
        \\------RemoveAgent--> nothing

What operators have said of roles is kept with it: ``UpdateQuota`` and ``UpdateWeights`` put one entry for each role
they name in the place of what was there. A registry that has quota says so among its minimum capabilities, so that a
master from before there were limits refuses to lead with it.

A fact that cannot be true of the registry it meets is a bug of the core that wrote it, not a refusal: handlers check
before they write, and the fold raises ``Impossible``. Mesos: src/master/registry_operations.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from mesos_py.algebra.quota import NO_QUOTA
from mesos_py.machine.values import Nanos, value
from mesos_py.master.capabilities import QUOTA
from mesos_py.master.quotas import guarantee_and_limit, quota_of
from mesos_py.wire.agent import AgentInfo, DrainInfo
from mesos_py.wire.ids import AgentID
from mesos_py.wire.quota import QuotaConfig
from mesos_py.wire.registry import Registry as Message
from mesos_py.wire.role import WeightInfo
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


@value
class UpdateQuota:
    """Roles have these guarantees and limits; one that is given neither has no quota any more."""

    configs: tuple[QuotaConfig, ...]


@value
class UpdateWeights:
    """Roles have these weights; of others nothing is said."""

    weights: Mapping[str, float]


Write = (
    AdmitAgent | UpdateAgent | MarkAgentUnreachable | MarkAgentReachable | MarkAgentGone | RemoveAgent | Prune
    | UpdateQuota | UpdateWeights
)  # fmt: skip


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
    """The fold of all writes; ``message`` and ``of`` are its form on the wire, ``record`` is that of one entry."""

    def __init__(self) -> None:
        self.agents: dict[AgentID, Admitted] = {}
        self.unreachable: dict[AgentID, Unreachable] = {}
        self.gone: dict[AgentID, Nanos] = {}
        #: of roles that have any
        self.quotas: dict[str, QuotaConfig] = {}
        #: of roles that were given one, 1.0 or not
        self.weights: dict[str, float] = {}
        #: names of what a master must be able to do to lead with this
        self.capabilities: dict[str, None] = {}

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
            case UpdateQuota(configs):
                for config in configs:
                    self._set_quota(config)
            case UpdateWeights(weights):
                self.weights.update(weights)

    def _set_quota(self, config: QuotaConfig) -> None:
        if quota_of(config) != NO_QUOTA:
            self.quotas[config.role] = config
        else:
            self.quotas.pop(config.role, None)
        if self.quotas:
            self.capabilities[QUOTA] = None
        else:
            self.capabilities.pop(QUOTA, None)

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
            quota_configs=tuple(self.quotas.values()),
            weights=tuple(map(self._weight, self.weights)),
            minimum_capabilities=tuple(map(self._capability, self.capabilities)),
        )

    def record(self, kind: str, name: str) -> Any:
        """The message of one record; None: there is no such record (any more)."""
        known, message = _RECORDS[kind]
        return message(self, name) if name in known(self) else None

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

    def _quota(self, role: str) -> QuotaConfig:
        return self.quotas[role]

    def _weight(self, role: str) -> Message.Weight:
        return Message.Weight(info=WeightInfo(role=role, weight=self.weights[role]))

    def _capability(self, name: str) -> Message.MinimumCapability:
        return Message.MinimumCapability(capability=name)

    def copy(self) -> Registry:
        """The same facts, to be folded on from here by somebody else."""
        made = Registry()
        made.agents, made.unreachable, made.gone = dict(self.agents), dict(self.unreachable), dict(self.gone)
        made.quotas, made.weights, made.capabilities = dict(self.quotas), dict(self.weights), dict(self.capabilities)
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
        made.capabilities = {each.capability: None for each in message.minimum_capabilities}
        for old in message.quotas:
            made._set_quota(guarantee_and_limit(old.info.role or "", old.info.guarantee))
        for config in message.quota_configs:
            made._set_quota(config)
        made.weights = {each.info.role or "": each.info.weight for each in message.weights}
        return made


#: by kind of record: what there is of it, by name, and how one of them is told
_RECORDS: Mapping[str, tuple[Callable[[Registry], Mapping[Any, Any]], Callable[[Registry, Any], Any]]] = {
    "agents": (attrgetter("agents"), Registry._agent),
    "unreachable": (attrgetter("unreachable"), Registry._unreachable),
    "gone": (attrgetter("gone"), Registry._gone),
    "quota": (attrgetter("quotas"), Registry._quota),
    "weights": (attrgetter("weights"), Registry._weight),
    "capabilities": (attrgetter("capabilities"), Registry._capability),
}


def _id(agent: AgentInfo) -> AgentID:
    if agent.id is None:
        raise Impossible("an agent without id")
    return agent.id
