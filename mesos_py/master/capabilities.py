"""What frameworks and agents say they can cope with, as flags that are cheap to ask; and what masters say.

Unknown capabilities of newer peers are ignored. Mesos: src/common/protobuf_utils.hpp framework::Capabilities,
slave::Capabilities.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesos_py.algebra.kinds import Format
from mesos_py.machine.values import value
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.master import MasterInfo

_Framework = FrameworkInfo.Capability.Type
_Agent = AgentInfo.Capability.Type
_Master = MasterInfo.Capability.Type

#: What this program's masters can do, as told to everybody.
MASTER_CAPABILITIES = (_Master.AGENT_UPDATE, _Master.AGENT_DRAINING, _Master.QUOTA_V2)

#: What a master must be able to do to lead with a registry that has quota.
QUOTA = _Master.QUOTA_V2.name


@value
class FrameworkCapabilities:
    revocable_resources: bool = False
    task_killing_state: bool = False
    gpu_resources: bool = False
    shared_resources: bool = False
    partition_aware: bool = False
    multi_role: bool = False
    reservation_refinement: bool = False
    region_aware: bool = False

    @staticmethod
    def of(info: FrameworkInfo) -> FrameworkCapabilities:
        has = {capability.type for capability in info.capabilities}
        return FrameworkCapabilities(
            revocable_resources=_Framework.REVOCABLE_RESOURCES in has,
            task_killing_state=_Framework.TASK_KILLING_STATE in has,
            gpu_resources=_Framework.GPU_RESOURCES in has,
            shared_resources=_Framework.SHARED_RESOURCES in has,
            partition_aware=_Framework.PARTITION_AWARE in has,
            multi_role=_Framework.MULTI_ROLE in has,
            reservation_refinement=_Framework.RESERVATION_REFINEMENT in has,
            region_aware=_Framework.REGION_AWARE in has,
        )

    @property
    def format(self) -> Format:
        """How resources are told to the framework."""
        return Format.POST_REFINEMENT if self.reservation_refinement else Format.PRE_REFINEMENT


@value
class AgentCapabilities:
    multi_role: bool = False
    hierarchical_role: bool = False
    reservation_refinement: bool = False
    resource_provider: bool = False
    resize_volume: bool = False
    agent_operation_feedback: bool = False
    agent_draining: bool = False
    task_resource_limits: bool = False
    #: as the agent told them, for the endpoints
    told: tuple[AgentInfo.Capability, ...] = ()

    @staticmethod
    def of(told: Iterable[AgentInfo.Capability]) -> AgentCapabilities:
        told = tuple(told)
        has = {capability.type for capability in told}
        return AgentCapabilities(
            multi_role=_Agent.MULTI_ROLE in has,
            hierarchical_role=_Agent.HIERARCHICAL_ROLE in has,
            reservation_refinement=_Agent.RESERVATION_REFINEMENT in has,
            resource_provider=_Agent.RESOURCE_PROVIDER in has,
            resize_volume=_Agent.RESIZE_VOLUME in has,
            agent_operation_feedback=_Agent.AGENT_OPERATION_FEEDBACK in has,
            agent_draining=_Agent.AGENT_DRAINING in has,
            task_resource_limits=_Agent.TASK_RESOURCE_LIMITS in has,
            told=told,
        )


def subscribed_roles(info: FrameworkInfo) -> tuple[str, ...]:
    """The roles a framework is subscribed to (Mesos: protobuf::framework::getRoles)."""
    if any(capability.type is _Framework.MULTI_ROLE for capability in info.capabilities):
        return tuple(dict.fromkeys(info.roles))
    return (info.role or "*",)
