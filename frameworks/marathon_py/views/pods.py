"""Pods as clients see them: the definition, and how their instances are. Those that were never placed are not listed.

==========  ==============================================================================
STABLE      as many instances are stable as are wanted; of an instance: it runs, and is known to be well
DEGRADED    fewer; of an instance: a container is unwell or has not said, or nobody reaches it
PENDING     an instance for which an offer was accepted
STAGING     an instance that is being started
TERMINAL    a pod that is being deleted; an instance that ends, or has ended
==========  ==============================================================================

Source: mesosphere/marathon .../raml/PodStatusConversion.scala, docs/.../types/podStatus.raml.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.fields import show
from frameworks.marathon_py.definitions.network import HOST
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod, PodContainer
from frameworks.marathon_py.definitions.timestamps import timestamp
from frameworks.marathon_py.instances import failures
from frameworks.marathon_py.instances.failures import EndedContainer, EndedInstance
from frameworks.marathon_py.instances.instance import Condition, Instance, InstanceTask
from frameworks.marathon_py.views import tasks
from mesos_py.machine.values import Nanos

STABLE, DEGRADED, PENDING, STAGING, TERMINAL = "STABLE", "DEGRADED", "PENDING", "STAGING", "TERMINAL"
AWAY = "pod instance has become unreachable"
UNWELL = "at least one container is not healthy"

#: a container that has never run is neither well nor unwell
_BEFORE = (Condition.PROVISIONED, Condition.STAGING, Condition.STARTING)
_STATES = {
    Condition.SCHEDULED: PENDING, Condition.PROVISIONED: PENDING, Condition.STAGING: STAGING,
    Condition.STARTING: STAGING, Condition.RUNNING: STABLE, Condition.UNREACHABLE: DEGRADED,
    Condition.UNREACHABLE_INACTIVE: DEGRADED, Condition.KILLING: TERMINAL,
}  # fmt: skip


def status(m: Marathon, pod: Pod, now: Nanos) -> dict[str, Any]:
    """How it is altogether."""
    there = [one for one in m.of(PathId(pod.id)) if one.placed is not None]
    shown = [instance(one, now) for one in there]
    stable = [one for one in shown if one["status"] == STABLE]
    since = max((one.since for one in there), default=None)
    since_text = timestamp(since) if since is not None else pod.version
    state = STABLE if len(stable) >= pod.instances else DEGRADED
    if PathId(pod.id) not in m.specs:
        state = TERMINAL
    return {
        "id": pod.id, "spec": show(pod), "status": state,
        "statusSince": since_text, "instances": shown, "lastUpdated": timestamp(now),
        "terminationHistory": [_ended(one) for one in m.ended.get(PathId(pod.id), ())], "lastChanged": since_text,
    }  # fmt: skip


def instance(one: Instance, now: Nanos) -> dict[str, Any]:
    """One that is, or was, somewhere."""
    pod, where = _pod(one), one.placed
    assert where is not None, one.id
    state, message = _state(one)
    changed = timestamp(one.since)
    shown: dict[str, Any] = {
        "id": one.id, "status": state, "statusSince": changed, "conditions": [], "agentHostname": where.hostname,
        "agentId": where.agent_id, "resources": _together(pod), "networks": _networks(pod, one),
        "containers": [_container(one, container, now) for container in pod.containers if container.name in one.tasks],
        "specReference": f"/v2/pods{pod.id}::versions/{pod.version}", "localVolumes": [], "role": pod.role,
        "lastUpdated": timestamp(now), "lastChanged": changed,
    }  # fmt: skip
    if message is not None:
        shown["message"] = message
    if where.region is not None:
        shown["agentRegion"] = where.region
    if where.zone is not None:
        shown["agentZone"] = where.zone
    return shown


def _pod(one: Instance) -> Pod:
    assert isinstance(one.spec, Pod), one.id
    return one.spec


def _state(one: Instance) -> tuple[str, str | None]:
    """And what is said about it."""
    state = _STATES.get(one.condition, TERMINAL)
    if state == DEGRADED:
        return state, AWAY
    checked = [container.name for container in _pod(one).containers if container.health_check is not None]
    if state == STABLE and any(not one.tasks[name].healthy for name in checked if name in one.tasks):
        return DEGRADED, UNWELL
    return state, None


def _together(pod: Pod) -> dict[str, Any]:
    """Of all containers and their executor."""
    executor, parts = pod.executor_resources, [one.resources for one in pod.containers]
    return {
        "cpus": round(executor.cpus + sum(one.cpus for one in parts), 3),
        "mem": executor.mem + sum(one.mem for one in parts), "disk": executor.disk + sum(one.disk for one in parts),
        "gpus": sum(one.gpus for one in parts),
    }  # fmt: skip


def _networks(pod: Pod, one: Instance) -> list[dict[str, Any]]:
    """Addresses that its containers share."""
    addresses = list(dict.fromkeys(ip for task in one.tasks.values() for ip, _ in task.addresses))
    if not addresses:
        return []
    named = [network for network in pod.networks if network.mode != HOST and network.name is not None]
    if len(named) < 2:
        return [{**({"name": named[0].name} if named else {}), "addresses": addresses}]
    return [{"name": network.name, "addresses": [ip]} for network, ip in zip(named, addresses, strict=False)]


def _container(one: Instance, container: PodContainer, now: Nanos) -> dict[str, Any]:
    task = one.tasks[container.name]
    changed = timestamp(_changed(one, task))
    shown: dict[str, Any] = {
        "name": container.name, "status": tasks.state(task), "statusSince": changed, "containerId": task.id,
        "conditions": list(_conditions(container, task, changed, now)), "endpoints": _endpoints(container, task),
        "resources": show(container.resources), "lastUpdated": timestamp(now), "lastChanged": changed,
    }  # fmt: skip
    if task.condition.is_terminal:
        shown["termination"] = _termination(failures.container(task))
    return shown


def _changed(one: Instance, task: InstanceTask) -> Nanos:
    if task.status is not None and task.status.timestamp is not None:
        return int(task.status.timestamp * 1e9)
    return task.started_at or task.staged_at or one.since


def _conditions(container: PodContainer, task: InstanceTask, changed: str, now: Nanos) -> Iterator[dict[str, Any]]:
    """What its health check says, if it has one, and has run."""
    if container.health_check is None or task.condition in _BEFORE:
        return
    is_known = task.healthy is not None
    yield {
        "name": "healthy", "value": "true" if task.healthy else "false",
        "reason": "health-reported-by-mesos" if is_known else "health-unreported-by-mesos",
        "lastChanged": changed, "lastUpdated": timestamp(now),
    }  # fmt: skip


def _endpoints(container: PodContainer, task: InstanceTask) -> list[dict[str, Any]]:
    """``host_ports`` of the task are in the order of the container's endpoints."""
    found = []
    check = container.health_check
    probe = check.http or check.tcp if check is not None else None
    for index, endpoint in enumerate(container.endpoints):
        shown: dict[str, Any] = {"name": endpoint.name}
        port = task.host_ports[index] if index < len(task.host_ports) else None
        if port is not None:
            shown["allocatedHostPort"] = port
        if probe is not None and probe.endpoint == endpoint.name and task.healthy is not None:
            shown["healthy"] = task.healthy
        found.append(shown)
    return found


def _ended(one: EndedInstance) -> dict[str, Any]:
    """One that is over, as it is remembered."""
    shown = {
        "instanceID": one.instance_id, "startedAt": timestamp(one.started_at or one.at),
        "terminatedAt": timestamp(one.at),
        "containers": [
            {"containerId": found.task_id, "lastKnownState": found.state, "termination": _termination(found)}
            for found in one.containers
        ],
    }  # fmt: skip
    return shown | ({"message": one.message} if one.message else {})


def _termination(one: EndedContainer) -> dict[str, Any]:
    found = {"exitCode": one.exit_code, "message": one.message or None}
    return {name: value for name, value in found.items() if value is not None}


def ended(one: Instance) -> dict[str, Any]:
    """An instance that is killed, as the answer to who asked for that has it."""
    where = one.placed
    shown: dict[str, Any] = {
        "instanceId": {"idString": one.id}, "runSpecVersion": one.spec.version,
        "state": {
            "condition": one.condition.value, "since": timestamp(one.since),
            "goal": one.goal.value,
        },
        "unreachableStrategy": _unreachable(one),
    }  # fmt: skip
    if one.active_since is not None:
        shown["state"]["activeSince"] = timestamp(one.active_since)
    if one.healthy is not None:
        shown["state"]["healthy"] = one.healthy
    if where is not None:
        attributes = [{"name": name, "text": value} for name, value in where.attributes.items()]
        about = {"host": where.hostname, "agentId": where.agent_id, "region": where.region, "zone": where.zone}
        shown["agentInfo"] = {name: value for name, value in about.items() if value is not None}
        shown["agentInfo"]["attributes"] = attributes
    return shown


def _unreachable(one: Instance) -> Any:
    spec = one.spec
    strategy = spec.scheduling.unreachable_strategy if isinstance(spec, Pod) else spec.unreachable_strategy
    return strategy if isinstance(strategy, str) or strategy is None else show(strategy)
