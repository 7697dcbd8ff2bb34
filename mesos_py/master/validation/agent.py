"""Why an agent is not admitted, and what it has.

A refusal is not told to the agent; it goes to the log. Mesos: src/master/validation.cpp namespace master::message,
src/master/master.cpp Master::registerSlave.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mesos_py.algebra.conversions import destroy
from mesos_py.algebra.resources import Resources
from mesos_py.algebra.roles import invalid_role
from mesos_py.algebra.validation import validate_all
from mesos_py.master.entities import Framework
from mesos_py.master.options import Options
from mesos_py.master.validation.framework import invalid_info
from mesos_py.master.validation.records import too_much
from mesos_py.validation.ids import invalid_id
from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.internal import RegisterAgent, ReregisterAgent
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import DomainInfo

MINIMUM_VERSION = (1, 0, 0)  # mesos src/master/constants.hpp MINIMUM_AGENT_VERSION

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:[-+][0-9A-Za-z.+-]*)?")


def refused_agent(
    message: RegisterAgent | ReregisterAgent, principal: str | None, options: Options, domain: DomainInfo | None
) -> str | None:
    """Why the agent may not be of this cluster; None if it may."""
    if options.authenticate_agents and principal is None:
        return "agent is not authenticated"
    return (
        invalid_resources(message)
        or invalid_version(message.version)
        or too_much("agent's info", message.agent)
        or ("agent has a domain but the master has none" if message.agent.domain and not domain else None)
    )


def invalid_resources(message: RegisterAgent | ReregisterAgent) -> str | None:
    return validate_all((*message.agent.resources, *message.checkpointed_resources))


def invalid_version(version: str) -> str | None:
    matched = _VERSION.fullmatch(version)
    if matched is None:
        return f"version '{version}' cannot be parsed"
    if tuple(int(part or 0) for part in matched.groups()) < MINIMUM_VERSION:
        return f"version {version} is older than 1.0.0"
    return None


def invalid_report(message: ReregisterAgent, known: Mapping[FrameworkID, Framework]) -> str | None:
    """What an agent says it runs must be its own, once each, and belong to a framework it names.

    Frameworks that are known as reported have been judged before: a new leader hears the same of ten thousand agents.
    """
    agent_id = message.agent.id
    if agent_id is None:
        return "agent has no id"
    if (text := invalid_id(agent_id)) is not None:
        return text
    for info in message.frameworks:
        if info.id is None:
            return "a framework has no id"
        before = known.get(info.id)
        if (before is None or before.info != info) and (text := invalid_info(info)) is not None:
            return f"framework {info.id}: {text}"
    frameworks = {info.id for info in message.frameworks}
    seen: dict[tuple[str, str], None] = {}
    for task in message.tasks:
        if task.agent_id != agent_id:
            return f"task {task.task_id} is of agent {task.agent_id}"
        if task.framework_id not in frameworks:
            return f"task {task.task_id} is of framework {task.framework_id}, which is not reported"
        if (task.framework_id, task.task_id) in seen:
            return f"task {task.task_id} is reported twice"
        seen[task.framework_id, task.task_id] = None
        if (text := _invalid_use(task.resources)) is not None:
            return f"task {task.task_id}: {text}"
    for executor in message.executors:
        if executor.framework_id not in frameworks:
            return f"executor {executor.executor_id} is of a framework that is not reported"
        if (text := _invalid_use(executor.resources)) is not None:
            return f"executor {executor.executor_id}: {text}"
    return None


def _invalid_use(resources: tuple[Resource, ...]) -> str | None:
    """What is used was offered to one role of a framework."""
    text = validate_all(resources)
    if text is not None:
        return text
    for resource in resources:
        role = None if resource.allocation_info is None else resource.allocation_info.role
        if not role:
            return "resources that are used must be allocated to a role"
        if (text := invalid_role(role)) is not None:
            return text
    return None


def total_resources(configured: Iterable[Resource], checkpointed: Iterable[Resource]) -> Resources:
    """Configured resources with the dynamic reservations and volumes the agent remembers carved out of them.

    What does not fit any more is dropped, as in Mesos' applyCheckpointedResources, but without failing the agent.
    """
    total = Resources.of(configured).unallocate()
    for kind, amount in Resources.of(checkpointed).unallocate():
        carved = Resources([(kind, amount)])
        origin = destroy(carved.messages())[0].produced if kind.is_persistent else carved
        while any(part.is_dynamically_reserved for part, _ in origin):
            origin = origin.pop_reservation()
        if origin <= total:
            total = total - origin + carved
    return total
