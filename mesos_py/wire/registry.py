"""What survives a master, with v1 names.

Mesos: src/master/registry.proto, src/resource_provider/registry.proto.
"""

from __future__ import annotations

from mesos_py.wire.agent import AgentInfo, DrainInfo
from mesos_py.wire.ids import AgentID, ResourceProviderID
from mesos_py.wire.maintenance import MachineInfo, Schedule
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.quota import QuotaConfig, QuotaInfo
from mesos_py.wire.role import WeightInfo
from mesos_py.wire.schema import message, opt, rep, req
from mesos_py.wire.value import TimeInfo


@message
class RegisteredProvider:
    """A provider that an agent has admitted."""

    id: ResourceProviderID = req(1)
    type: str | None = opt(2)
    name: str | None = opt(3)


@message
class ProviderRegistry:
    """Providers admitted and removed."""

    resource_providers: tuple[RegisteredProvider, ...] = rep(1)
    removed_resource_providers: tuple[RegisteredProvider, ...] = rep(2)


@message
class Registry:
    """Everything a master must not forget."""

    @message
    class Master:
        info: MasterInfo = req(1)

    @message
    class Agent:
        info: AgentInfo = req(1)
        drain_info: DrainInfo | None = opt(2)
        deactivated: bool = opt(3, default=False)

    @message
    class Agents:
        agents: tuple[Registry.Agent, ...] = rep(1)

    @message
    class UnreachableAgent:
        id: AgentID = req(1)
        timestamp: TimeInfo = req(2)
        drain_info: DrainInfo | None = opt(3)
        deactivated: bool = opt(4, default=False)

    @message
    class UnreachableAgents:
        agents: tuple[Registry.UnreachableAgent, ...] = rep(1)

    @message
    class GoneAgent:
        id: AgentID = req(1)
        timestamp: TimeInfo = req(2)

    @message
    class GoneAgents:
        agents: tuple[Registry.GoneAgent, ...] = rep(1)

    @message
    class Machine:
        info: MachineInfo = req(1)

    @message
    class Machines:
        machines: tuple[Registry.Machine, ...] = rep(1)

    @message
    class Quota:
        info: QuotaInfo = req(1)

    @message
    class Weight:
        info: WeightInfo = req(1)

    @message
    class MinimumCapability:
        #: name of MasterInfo.Capability.Type
        capability: str = req(1)

    master: Master | None = opt(1)
    agents: Agents | None = opt(2)
    machines: Machines | None = opt(3)
    schedules: tuple[Schedule, ...] = rep(4)
    #: pre-1.9 only
    quotas: tuple[Quota, ...] = rep(5)
    weights: tuple[Weight, ...] = rep(6)
    unreachable: UnreachableAgents | None = opt(7)
    gone: GoneAgents | None = opt(8)
    resource_provider_registry: ProviderRegistry | None = opt(9)
    minimum_capabilities: tuple[MinimumCapability, ...] = rep(10)
    quota_configs: tuple[QuotaConfig, ...] = rep(11)
