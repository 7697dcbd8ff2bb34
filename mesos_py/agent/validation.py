"""Calls that make no sense, with the texts Mesos refuses them with.

Mesos: src/slave/validation.cpp (executor::call::validate, agent::call::validate).
"""

from __future__ import annotations

from mesos_py.agent.container_validation import invalid_containers
from mesos_py.wire import agent_api, executor_api
from mesos_py.wire.health import CheckInfo, CheckStatusInfo
from mesos_py.wire.task import TaskState, TaskStatus

EXECUTOR_PREFIX = "Failed to validate Executor::Call: "
AGENT_PREFIX = "Failed to validate agent::Call: "

UUID_BYTES = 16

_Executor = executor_api.Call.Type
_Agent = agent_api.Call.Type


def executor_call(call: executor_api.Call) -> str | None:
    """What is wrong with an executor's call, None when nothing is."""
    problem = _executor_call(call)
    return None if problem is None else EXECUTOR_PREFIX + problem


def _executor_call(call: executor_api.Call) -> str | None:
    if call.type is None:
        return _missing("type")
    if call.type is _Executor.SUBSCRIBE:
        if call.subscribe is None:
            return _missing("subscribe")
        for update in call.subscribe.unacknowledged_updates:
            problem = _status(call, update.status)
            if problem is not None:
                return problem
        return None
    if call.type is _Executor.UPDATE:
        return _missing("update") if call.update is None else _status(call, call.update.status)
    if call.type is _Executor.MESSAGE and call.message is None:
        return _missing("message")
    return None


def _status(call: executor_api.Call, status: TaskStatus) -> str | None:
    who = f"executor {call.executor_id} of framework {call.framework_id}"
    if status.uuid is None:
        return _missing("uuid")
    if len(status.uuid) != UUID_BYTES:
        return "Not a valid UUID"
    if status.executor_id is not None and status.executor_id != call.executor_id:
        return f"ExecutorID in Call: {call.executor_id} does not match ExecutorID in TaskStatus: {status.executor_id}"
    if status.source is not TaskStatus.Source.SOURCE_EXECUTOR:
        return f"Received Call from {who} with invalid source, expecting 'SOURCE_EXECUTOR'"
    if status.state is TaskState.TASK_STAGING:
        return f"Received TASK_STAGING from {who} which is not allowed"
    if status.check_status is not None:
        return _check_status(status.check_status)
    return None


def _check_status(status: CheckStatusInfo) -> str | None:
    """Mesos: src/checks/checks_types / common/validation.cpp validateCheckStatusInfo."""
    if status.type is None:
        return "CheckStatusInfo must specify 'type'"
    if status.type is CheckInfo.Type.UNKNOWN:
        return "'UNKNOWN' is not a valid check's status type"
    wanted = {
        CheckInfo.Type.COMMAND: status.command,
        CheckInfo.Type.HTTP: status.http,
        CheckInfo.Type.TCP: status.tcp,
    }[status.type]
    if wanted is None:
        name = status.type.name
        return f"Expecting '{name.lower()}' to be set for {name} check's status"
    return None


#: Calls whose payload must be there.
_PAYLOADS = (
    _Agent.GET_METRICS,
    _Agent.SET_LOGGING_LEVEL,
    _Agent.LIST_FILES,
    _Agent.READ_FILE,
    _Agent.LAUNCH_NESTED_CONTAINER,
    _Agent.WAIT_NESTED_CONTAINER,
    _Agent.KILL_NESTED_CONTAINER,
    _Agent.REMOVE_NESTED_CONTAINER,
    _Agent.LAUNCH_NESTED_CONTAINER_SESSION,
    _Agent.ATTACH_CONTAINER_INPUT,
    _Agent.ATTACH_CONTAINER_OUTPUT,
    _Agent.LAUNCH_CONTAINER,
    _Agent.WAIT_CONTAINER,
    _Agent.KILL_CONTAINER,
    _Agent.REMOVE_CONTAINER,
    _Agent.ADD_RESOURCE_PROVIDER_CONFIG,
    _Agent.UPDATE_RESOURCE_PROVIDER_CONFIG,
    _Agent.REMOVE_RESOURCE_PROVIDER_CONFIG,
    _Agent.MARK_RESOURCE_PROVIDER_GONE,
)


def agent_call(call: agent_api.Call) -> str | None:
    """What is wrong with an operator's call, None when nothing is."""
    if call.type is None:
        return AGENT_PREFIX + _missing("type")
    if call.type in _PAYLOADS:
        name = call.type.name.lower()
        if getattr(call, name) is None:
            return AGENT_PREFIX + _missing(name)
    text = invalid_containers(call)
    return None if text is None else AGENT_PREFIX + text


def _missing(name: str) -> str:
    return f"Expecting '{name}' to be present"
