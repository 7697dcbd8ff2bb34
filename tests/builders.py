"""Short words for long messages: what tests need of a task, an agent or a framework, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mesos_py.algebra.quantities import from_milli, to_milli
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.offer import Offer
from mesos_py.wire.quota import QuotaConfig
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskGroupInfo, TaskInfo
from mesos_py.wire.value import DurationInfo, Value

CAPABILITY = FrameworkInfo.Capability.Type
AGENT_CAPABILITY = AgentInfo.Capability.Type

NONE: Mapping[str, float] = MappingProxyType({})

#: What our own agents can do.
AGENT_CAPABILITIES = tuple(
    AgentInfo.Capability(type=capability)
    for capability in AGENT_CAPABILITY
    if capability is not AGENT_CAPABILITY.UNKNOWN
)


def scalar(name: str, amount: float, role: str | None = None, **fields: Any) -> Resource:
    allocation = None if role is None else Resource.AllocationInfo(role=role)
    amount = from_milli(to_milli(amount))
    return Resource(
        name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=amount), allocation_info=allocation, **fields
    )


def ports(*ranges: tuple[int, int]) -> Resource:
    return Resource(
        name="ports",
        type=Value.Type.RANGES,
        ranges=Value.Ranges(range=tuple(Value.Range(begin=begin, end=end) for begin, end in ranges)),
    )


def resources(cpus: float = 0, mem: float = 0, disk: float = 0, **others: float) -> tuple[Resource, ...]:
    """Scalars, those that are not 0."""
    amounts = {"cpus": cpus, "mem": mem, "disk": disk} | others
    return tuple(scalar(name, amount) for name, amount in amounts.items() if amount)


def quota(role: str, guarantees: Mapping[str, float] = NONE, limits: Mapping[str, float] = NONE) -> QuotaConfig:
    return QuotaConfig(
        role=role,
        guarantees={name: Value.Scalar(value=amount) for name, amount in guarantees.items()},
        limits={name: Value.Scalar(value=amount) for name, amount in limits.items()},
    )


def master_info(master_id: str = "m", **fields: Any) -> MasterInfo:
    return MasterInfo(id=master_id, ip=16777343, port=5050, hostname="localhost", version="1.12.0", **fields)


def framework_info(
    name: str = "f",
    *,
    roles: tuple[str, ...] = ("*",),
    capabilities: tuple[CAPABILITY, ...] = (),
    framework_id: str | None = None,
    **fields: Any,
) -> FrameworkInfo:
    """A MULTI_ROLE framework that keeps its tasks for a minute when it is away."""
    given: dict[str, Any] = {"user": "root", "failover_timeout": 60.0, "checkpoint": True}
    return FrameworkInfo(
        name=name,
        roles=roles,
        id=None if framework_id is None else FrameworkID(framework_id),
        capabilities=tuple(
            FrameworkInfo.Capability(type=capability) for capability in (CAPABILITY.MULTI_ROLE, *capabilities)
        ),
        **given | fields,
    )


def agent_info(
    hostname: str = "host", *, agent_id: str | None = None, cpus: float = 4, mem: float = 1024, **fields: Any
) -> AgentInfo:
    return AgentInfo(
        hostname=hostname,
        id=None if agent_id is None else AgentID(agent_id),
        resources=fields.pop("resources", resources(cpus=cpus, mem=mem)),
        **fields,
    )


def task(task_id: str = "t", agent_id: str = "m-S0", *, cpus: float = 1, mem: float = 128, **fields: Any) -> TaskInfo:
    """A command task; give ``executor`` for another."""
    given = {"resources": resources(cpus=cpus, mem=mem)} | fields
    if "executor" not in given and "command" not in given:
        given["command"] = CommandInfo(value="sleep 1")
    return TaskInfo(name=task_id, task_id=TaskID(task_id), agent_id=AgentID(agent_id), **given)


def executor(executor_id: str = "e", *, cpus: float = 0.1, mem: float = 32, **fields: Any) -> ExecutorInfo:
    """A custom executor."""
    given = {"resources": resources(cpus=cpus, mem=mem), "command": CommandInfo(value="./executor")} | fields
    return ExecutorInfo(executor_id=ExecutorID(executor_id), **given)  # type: ignore[arg-type]


def default_executor(executor_id: str = "e", framework_id: str = "m-0000", **fields: Any) -> ExecutorInfo:
    given = {"resources": resources(cpus=0.1, mem=32, disk=10)} | fields
    return ExecutorInfo(
        type=ExecutorInfo.Type.DEFAULT,
        executor_id=ExecutorID(executor_id),
        framework_id=FrameworkID(framework_id),
        **given,
    )


def launch(*tasks: TaskInfo, **fields: Any) -> Offer.Operation:
    operation = Offer.Operation
    return operation(type=operation.Type.LAUNCH, launch=operation.Launch(task_infos=tasks), **fields)


def launch_group(group_executor: ExecutorInfo, *tasks: TaskInfo, **fields: Any) -> Offer.Operation:
    operation = Offer.Operation
    group = operation.LaunchGroup(executor=group_executor, task_group=TaskGroupInfo(tasks=tasks))
    return operation(type=operation.Type.LAUNCH_GROUP, launch_group=group, **fields)


def duration(seconds: float) -> DurationInfo:
    return DurationInfo(nanoseconds=round(seconds * 1e9))
