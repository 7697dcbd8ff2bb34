"""Facts as clients of the event stream know them: a type, and what else is said.

Strict clients end at a type that they do not know.
Source: mesosphere/marathon src/main/scala/mesosphere/marathon/core/event/Events.scala, .../api/v2/json/Formats.scala.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from frameworks.marathon_py import words

Shown = tuple[str, dict[str, Any]]


def _app_posted(fact: words.AppPosted) -> Shown:
    return "api_post_event", {"clientIp": fact.by.client_ip, "uri": fact.by.uri, "appDefinition": fact.app}


def _pod_posted(fact: words.PodPosted) -> Shown:
    return f"pod_{fact.what}_event", {"clientIp": fact.by.client_ip, "uri": fact.by.uri}


def _group_changed(fact: words.GroupChanged) -> Shown:
    shown = {"groupId": fact.group_id, "version": fact.version}
    if fact.reason is None:
        return "group_change_success", shown
    return "group_change_failed", shown | {"reason": fact.reason}


def _deployment_changed(fact: words.DeploymentChanged) -> Shown:
    if fact.what in ("success", "failed"):
        why = {"reason": fact.reason} if fact.reason is not None else {}
        return f"deployment_{fact.what}", {"id": fact.id, "plan": fact.plan, **why}
    return f"deployment_{fact.what}", {"plan": fact.plan, "currentStep": fact.step}


def _task_changed(fact: words.TaskChanged) -> Shown:
    return "status_update_event", {
        "slaveId": fact.agent_id, "taskId": fact.task_id, "taskStatus": fact.state, "message": fact.message,
        "appId": fact.spec_id, "host": fact.hostname, "ports": fact.ports, "version": fact.version,
        "ipAddresses": [{"ipAddress": ip, "protocol": protocol} for ip, protocol in fact.ip_addresses],
    }  # fmt: skip


def _instance_changed(fact: words.InstanceChanged) -> Shown:
    return "instance_changed_event", {
        "instanceId": fact.instance_id, "condition": fact.condition, "runSpecId": fact.spec_id,
        "agentId": fact.agent_id, "host": fact.hostname, "runSpecVersion": fact.version,
    }  # fmt: skip


def _instance_health_changed(fact: words.InstanceHealthChanged) -> Shown:
    return "instance_health_changed_event", {
        "instanceId": fact.instance_id, "runSpecId": fact.spec_id, "healthy": fact.healthy,
        "runSpecVersion": fact.version,
    }  # fmt: skip


def _check_flipped(fact: words.CheckFlipped) -> Shown:
    return "health_status_changed_event", {
        "appId": fact.spec_id, "instanceId": fact.instance_id, "version": fact.version, "alive": fact.alive,
    }  # fmt: skip


def _check_failed(fact: words.CheckFailed) -> Shown:
    """What is called a task's id is the instance's, there as here."""
    return "failed_health_check_event", {
        "appId": fact.spec_id, "taskId": fact.instance_id, "healthCheck": fact.check,
    }  # fmt: skip


def _unhealthy_killed(fact: words.UnhealthyKilled) -> Shown:
    return "unhealthy_instance_kill_event", {
        "appId": fact.spec_id, "taskId": fact.task_id, "instanceId": fact.instance_id, "version": fact.version,
        "reason": fact.reason, "host": fact.hostname, "slaveId": fact.agent_id,
    }  # fmt: skip


def _check_added(fact: words.CheckAdded) -> Shown:
    if fact.version is None:
        return "remove_health_check_event", {"appId": fact.spec_id}
    return "add_health_check_event", {"appId": fact.spec_id, "version": fact.version, "healthCheck": fact.check}


def _stranger_ended(fact: words.StrangerEnded) -> Shown:
    return "unknown_instance_terminated_event", {
        "instanceId": fact.instance_id, "runSpecId": fact.spec_id, "condition": fact.condition,
    }  # fmt: skip


def _spec_gone(fact: words.SpecGone) -> Shown:
    return "app_terminated_event", {"appId": fact.spec_id}


def _message_heard(fact: words.MessageHeard) -> Shown:
    return "framework_message_event", {
        "executorId": fact.executor_id, "slaveId": fact.agent_id, "message": base64.b64encode(fact.data).decode(),
    }  # fmt: skip


def _connection(fact: words.Connection) -> Shown:
    told = {"frameworkId": fact.framework_id, "master": fact.master}
    return f"scheduler_{fact.what}_event", {name: value for name, value in told.items() if value}


_EVENTS: Mapping[type[Any], Callable[[Any], Shown]] = {
    words.AppPosted: _app_posted, words.PodPosted: _pod_posted, words.GroupChanged: _group_changed,
    words.DeploymentChanged: _deployment_changed, words.TaskChanged: _task_changed,
    words.InstanceChanged: _instance_changed, words.InstanceHealthChanged: _instance_health_changed,
    words.CheckFlipped: _check_flipped, words.CheckFailed: _check_failed, words.UnhealthyKilled: _unhealthy_killed,
    words.CheckAdded: _check_added, words.StrangerEnded: _stranger_ended, words.SpecGone: _spec_gone,
    words.MessageHeard: _message_heard, words.Connection: _connection,
}  # fmt: skip


def event(fact: Any) -> Shown | None:
    """Its type, and what else is said of it; None: it is nobody's business."""
    show = _EVENTS.get(type(fact))
    return show(fact) if show is not None else None
