"""Tasks of apps, as clients see them. Instances that were never placed have none.

Source: mesosphere/marathon docs/docs/rest-api/public/api/v2/types/task.raml, .../raml/TaskConversion.scala.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.service_ports import service_ports
from frameworks.marathon_py.definitions.timestamps import timestamp
from frameworks.marathon_py.instances.failures import EndedTask
from frameworks.marathon_py.instances.instance import Condition, Instance, InstanceTask
from mesos_py.wire.health import CheckStatusInfo
from mesos_py.wire.task import TaskState

STAGING, RUNNING = TaskState.TASK_STAGING.name, TaskState.TASK_RUNNING.name
_STATES = {
    Condition.STARTING: TaskState.TASK_STARTING, Condition.RUNNING: TaskState.TASK_RUNNING,
    Condition.KILLING: TaskState.TASK_KILLING, Condition.UNREACHABLE: TaskState.TASK_UNREACHABLE,
    Condition.UNREACHABLE_INACTIVE: TaskState.TASK_UNREACHABLE, Condition.FINISHED: TaskState.TASK_FINISHED,
    Condition.FAILED: TaskState.TASK_FAILED, Condition.ERROR: TaskState.TASK_ERROR,
    Condition.KILLED: TaskState.TASK_KILLED, Condition.GONE: TaskState.TASK_GONE,
    Condition.DROPPED: TaskState.TASK_DROPPED, Condition.UNKNOWN: TaskState.TASK_UNKNOWN,
}  # fmt: skip


def state(task: InstanceTask) -> str:
    """Mesos' name of it; what has none reads as staging."""
    known = _STATES.get(task.condition)
    return known.name if known is not None else STAGING


def placed(instances: Iterable[Instance]) -> Iterator[tuple[Instance, InstanceTask]]:
    """Every task of instances that are, or were, somewhere. One that waits to be launched again has none."""
    for instance in instances:
        if instance.placed is not None and instance.condition is not Condition.SCHEDULED:
            for task in instance.tasks.values():
                yield instance, task


def task(m: Marathon, instance: Instance, one: InstanceTask, with_service_ports: bool = True) -> dict[str, Any]:
    spec, where = instance.spec, instance.placed
    shown: dict[str, Any] = {
        "appId": spec.id, "id": one.id, "state": state(one), "role": spec.role,
        "host": where.hostname if where is not None else "", "slaveId": where.agent_id if where is not None else None,
        "ipAddresses": [{"ipAddress": ip, "protocol": protocol} for ip, protocol in one.addresses],
        "servicePorts": list(service_ports(spec)) if with_service_ports and isinstance(spec, App) else [],
        "healthCheckResults": list(health(instance, one)), "localVolumes": [],
    }  # fmt: skip
    if where is not None and where.region is not None:
        shown["region"] = where.region
    if where is not None and where.zone is not None:
        shown["zone"] = where.zone
    if instance.is_active:
        shown |= {
            "stagedAt": timestamp(one.staged_at), "version": spec.version,
            "ports": [port for port in one.host_ports if port is not None],
        }  # fmt: skip
        if one.started_at is not None:
            shown["startedAt"] = timestamp(one.started_at)
    if one.status is not None and one.status.check_status is not None:
        result = check_result(one.status.check_status)
        if result is not None:
            shown["checkResult"] = result
    return shown


def check_result(found: CheckStatusInfo) -> dict[str, Any] | None:
    """None: there is none yet."""
    if found.http is not None and found.http.status_code is not None:
        return {"http": {"statusCode": found.http.status_code}}
    if found.tcp is not None and found.tcp.succeeded is not None:
        return {"tcp": {"succeeded": found.tcp.succeeded}}
    if found.command is not None and found.command.exit_code is not None:
        return {"command": {"exitCode": found.command.exit_code}}
    return None


def health(instance: Instance, one: InstanceTask) -> Iterator[dict[str, Any]]:
    """What is known of its health: of checks that we make everything, of the agent's what it has told last."""
    for found in instance.health.values():
        shown: dict[str, Any] = {
            "alive": found.is_alive, "consecutiveFailures": found.consecutive_failures, "instanceId": instance.id,
        }  # fmt: skip
        moments = (
            ("firstSuccess", found.first_success), ("lastSuccess", found.last_success),
            ("lastFailure", found.last_failure),
        )  # fmt: skip
        shown |= {name: timestamp(moment) for name, moment in moments if moment is not None}
        if found.cause:
            shown["lastFailureCause"] = found.cause
        yield shown
    if one.healthy is not None:
        yield {"alive": one.healthy, "consecutiveFailures": int(not one.healthy), "instanceId": instance.id}


def last_failure(m: Marathon, app: PathId) -> dict[str, Any] | None:
    """How a task of the app has failed the last time; None: none has."""
    found = m.failures.get(app)
    return None if found is None else _ended(app, found)


def history(m: Marathon, app: PathId) -> list[dict[str, Any]]:
    """How its tasks have ended by themselves, the last ones first."""
    return [
        _ended(app, one) | ({"startedAt": timestamp(one.started_at)} if one.started_at is not None else {})
        for one in reversed(m.histories.get(app, ()))
    ]  # fmt: skip


def _ended(app: PathId, found: EndedTask) -> dict[str, Any]:
    shown = {
        "appId": app, "host": found.hostname, "message": found.message, "state": found.state, "taskId": found.task_id,
        "timestamp": timestamp(found.at), "version": found.version,
    }  # fmt: skip
    return shown | ({"slaveId": found.agent_id} if found.agent_id else {})


def readiness(instance: Instance, one: InstanceTask) -> dict[str, Any] | None:
    """What its readiness check has found; None: it was not asked."""
    found = instance.readiness
    if found is None:
        return None
    shown: dict[str, Any] = {"name": found.name, "taskId": one.id, "ready": found.is_ready}
    if found.status is not None:
        shown["lastResponse"] = {"status": found.status, "contentType": found.content_type, "body": found.body}
    return shown


def all_readiness(instances: Iterable[Instance]) -> list[dict[str, Any]]:
    return [shown for pair in placed(instances) if (shown := readiness(*pair)) is not None]
