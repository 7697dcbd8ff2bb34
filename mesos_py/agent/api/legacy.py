"""The JSON endpoints of old: /state, /containers, /monitor/statistics, with v0 names (slave_id ...).

Pure functions of the agent's state; shapes and key order are those of Mesos (Mesos: src/slave/http.cpp,
src/common/http.cpp).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mesos_py.agent.core import Agent
from mesos_py.agent.entities import Executor, Framework, Task
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.registration import CAPABILITIES, Phase
from mesos_py.agent.views import container_status, shown_containers
from mesos_py.algebra.kinds import Format
from mesos_py.algebra.resources import Resources
from mesos_py.build import version_json
from mesos_py.wire.checkpoint import Kind
from mesos_py.wire.codec import json
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.stats import ResourceStatistics
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Attribute, Labels, Value

MULTI_ROLE = FrameworkInfo.Capability.Type.MULTI_ROLE
FIRST_NAMES = ("disk", "mem", "gpus", "cpus")  # shown first, and shown when there is nothing of them


def state(agent: Agent, options: AgentOptions, started_s: float) -> dict[str, Any]:
    """/state."""
    known = agent.state
    total = known.total
    used = _sum(executor.used() for executor in known.containers.values() if not executor.is_over)
    shown: dict[str, Any] = dict(_version())
    shown["start_time"] = started_s
    shown["id"] = known.id or ""
    shown["pid"] = agent.pid
    shown["hostname"] = known.info.hostname
    shown["capabilities"] = [capability.type.name for capability in CAPABILITIES if capability.type is not None]
    if known.info.domain is not None:
        shown["domain"] = json.to_value(known.info.domain)
    shown["resources"] = resources(total)
    shown["reserved_resources"] = {role: resources(part) for role, part in total.reservations().items()}
    shown["unreserved_resources"] = resources(total.unreserved())
    shown["reserved_resources_full"] = {role: _full(part) for role, part in total.reservations().items()}
    shown["unreserved_resources_full"] = _full(total.unreserved())
    shown["reserved_resources_allocated"] = {role: resources(part) for role, part in used.reservations().items()}
    shown["unreserved_resources_allocated"] = resources(used.unreserved())
    shown["resource_providers"] = []
    shown["attributes"] = {attribute.name: _attribute(attribute) for attribute in known.info.attributes}
    address = agent.registration.address
    if address is not None and agent.registration.phase is Phase.RUNNING:
        shown["master_hostname"] = address.rpartition(":")[0]
    if options.log_dir is not None:
        shown["log_dir"] = options.log_dir
    shown["flags"] = options.flags()
    shown["frameworks"] = [_framework(framework) for framework in known.frameworks.values()]
    shown["completed_frameworks"] = [_framework(framework) for framework in known.completed_frameworks.values()]
    return shown


def containers(
    agent: Agent, statistics: Mapping[str, ResourceStatistics], wanted: Mapping[str, str], *, nested: bool,
    standalone: bool,
) -> list[dict[str, Any]]:  # fmt: skip
    """/containers; ``wanted`` narrows it to a container, a framework, or one of its executors."""
    shown: list[dict[str, Any]] = []
    for executor in shown_containers(agent.state, nested=nested):
        if (
            wanted.get("container_id", executor.container_id) != executor.container_id
            or wanted.get("framework_id", executor.framework.id) != executor.framework.id
            or wanted.get("executor_id", executor.id) != executor.id
        ):
            continue
        one: dict[str, Any] = {"container_id": executor.container_id, **_names(executor)}
        one["status"] = json.to_value(container_status(executor))
        found = statistics.get(executor.container_id)
        if found is not None:
            one["statistics"] = json.to_value(found)
        shown.append(dict(sorted(one.items())))
        if nested:
            for container_id, status in executor.nested_status.items():
                inner: dict[str, Any] = {"container_id": container_id, "status": json.to_value(status)}
                found = statistics.get(container_id)
                if found is not None:
                    inner["statistics"] = json.to_value(found)
                shown.append(dict(sorted(inner.items())))
    if not wanted:
        for other in agent.api_containers.running(nested=nested, standalone=standalone):
            one = {"container_id": other.record.container_id.value}
            one["status"] = json.to_value(
                ContainerStatus(container_id=other.record.container_id, executor_pid=other.record.pid)
            )
            found = statistics.get(other.key)
            if found is not None:
                one["statistics"] = json.to_value(found)
            shown.append(dict(sorted(one.items())))
    return shown


def monitor_statistics(agent: Agent, statistics: Mapping[str, ResourceStatistics]) -> list[dict[str, Any]]:
    """/monitor/statistics."""
    return [
        {**_names(executor), "statistics": dict(sorted(json.to_value(statistics[executor.container_id]).items()))}
        for executor in shown_containers(agent.state, nested=False)
        if executor.container_id in statistics
    ]


def resources(some: Resources) -> dict[str, Any]:
    """Scalars by name, ranges and sets as text, revocable ones under names of their own."""
    shown: dict[str, Any] = dict.fromkeys(FIRST_NAMES, 0.0)
    scalars: dict[str, int] = {}
    others: dict[str, Any] = {}
    for part, suffix in ((some.nonrevocable(), ""), (some.revocable(), "_revocable")):
        for name, amount in part.quantities().items():
            scalars[name + suffix] = amount
        for kind, value in part:
            if kind.type is not Value.Type.SCALAR:
                name = kind.name + suffix
                others[name] = others[name] + value if kind.type is Value.Type.RANGES and name in others else value
    shown.update({name: amount / 1000 for name, amount in scalars.items()})
    shown.update({name: _amount(value) for name, value in others.items()})
    return shown


def _amount(value: Any) -> str:
    return "{" + ", ".join(sorted(value)) + "}" if isinstance(value, frozenset) else str(value)


def _full(some: Resources) -> list[dict[str, Any]]:
    return [json.to_value(message) for message in some.messages(Format.ENDPOINT)]


def _attribute(attribute: Attribute) -> Any:
    if attribute.scalar is not None:
        return attribute.scalar.value
    if attribute.ranges is not None:
        return "[" + ", ".join(f"{one.begin}-{one.end}" for one in attribute.ranges.range) + "]"
    return attribute.text.value if attribute.text is not None else ""


def _sum(parts: Iterable[Resources]) -> Resources:
    total = Resources()
    for part in parts:
        total += part
    return total.unallocate()


def _version() -> dict[str, Any]:
    shown = version_json()
    return {name: shown[name] for name in ("version", "build_date", "build_time", "build_user") if name in shown}


def _framework(framework: Framework) -> dict[str, Any]:
    info = framework.info
    shown: dict[str, Any] = {
        "id": framework.id,
        "name": info.name,
        "user": info.user,
        "failover_timeout": info.failover_timeout,
        "checkpoint": info.checkpoint,
        "hostname": info.hostname or "",
    }
    if info.principal is not None:
        shown["principal"] = info.principal
    if MULTI_ROLE in framework.capabilities:
        shown["roles"] = list(info.roles)
    else:
        shown["role"] = info.role or "*"
    shown["executors"] = [_executor(executor) for executor in framework.executors.values()]
    shown["completed_executors"] = [_executor(executor) for executor in framework.completed_executors]
    return shown


def _executor(executor: Executor) -> dict[str, Any]:
    info = executor.info
    shown: dict[str, Any] = {
        "id": executor.id,
        "name": info.name or "",
        "source": info.source or "",
        "container": executor.container_id,
        "directory": executor.sandbox,
        "resources": resources(executor.used()),
    }
    role = _role(info.resources)
    if role is not None:
        shown["role"] = role
    if info.labels is not None:
        shown["labels"] = _labels(info.labels)
    if executor.kind is Kind.DEFAULT:
        shown["type"] = "DEFAULT"
    elif info.type is not None:
        shown["type"] = info.type.name
    shown["tasks"] = [_task(task) for task in (*executor.launched.values(), *executor.terminated.values())]
    shown["queued_tasks"] = [_task(task) for task in executor.queued.values()]
    shown["completed_tasks"] = [_task(task) for task in executor.completed]
    return shown


def _task(task: Task) -> dict[str, Any]:
    wire = task.wire()
    shown: dict[str, Any] = {
        "id": wire.task_id,
        "name": wire.name,
        "framework_id": wire.framework_id,
        "executor_id": wire.executor_id or "",
        "slave_id": wire.agent_id,
        "state": wire.state.name,
        "resources": resources(Resources.of(wire.resources)),
    }
    role = _role(wire.resources)
    if role is not None:
        shown["role"] = role
    shown["statuses"] = [_status(status) for status in wire.statuses]
    if wire.user is not None:
        shown["user"] = wire.user
    if wire.labels is not None:
        shown["labels"] = _labels(wire.labels)
    if wire.discovery is not None:
        shown["discovery"] = json.to_value(wire.discovery)
    if wire.container is not None:
        shown["container"] = json.to_value(wire.container)
    if wire.health_check is not None:
        shown["health_check"] = json.to_value(wire.health_check)
    return shown


def _status(status: TaskStatus) -> dict[str, Any]:
    shown: dict[str, Any] = {"state": status.state.name, "timestamp": status.timestamp}
    if status.labels is not None:
        shown["labels"] = _labels(status.labels)
    container = status.container_status
    if container is not None:
        shown["container_status"] = json.to_value(container)
        shown["container_status"].pop("executor_pid", None)
    if status.healthy is not None:
        shown["healthy"] = status.healthy
    return shown


def _labels(labels: Labels) -> list[dict[str, Any]]:
    return [json.to_value(label) for label in labels.labels]


def _role(some: tuple[Resource, ...]) -> str | None:
    for resource in some:
        if resource.allocation_info is not None:
            return resource.allocation_info.role
    return None


def _names(executor: Executor) -> dict[str, Any]:
    return {
        "executor_id": executor.id,
        "executor_name": executor.info.name or "",
        "framework_id": executor.framework.id,
        "source": executor.info.source or "",
    }
