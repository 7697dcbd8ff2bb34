"""What a call must hold before it reaches a core: pure checks of schedulers' and operators' calls.

Each returns the reason, without the prefix its endpoint puts before it (``Failed to validate scheduler::Call: ``), or
None. Required fields have been seen to by the decoder. Mesos: src/master/validation.cpp scheduler::call::validate,
master::call::validate.
"""

from __future__ import annotations

from mesos_py.wire import master_api, scheduler_api
from mesos_py.wire.schema import payload_field

_Scheduler = scheduler_api.Call.Type
_Master = master_api.Call.Type

UUID_BYTES = 16

NO_TYPE = "Expecting 'type' to be present"

#: Payload that a scheduler's call must have; TEARDOWN, REVIVE and SUPPRESS need none.
SCHEDULER_PAYLOADS: dict[scheduler_api.Call.Type, str] = {
    kind: payload_field(kind)
    for kind in (
        _Scheduler.ACCEPT,
        _Scheduler.DECLINE,
        _Scheduler.ACCEPT_INVERSE_OFFERS,
        _Scheduler.DECLINE_INVERSE_OFFERS,
        _Scheduler.KILL,
        _Scheduler.SHUTDOWN,
        _Scheduler.ACKNOWLEDGE,
        _Scheduler.ACKNOWLEDGE_OPERATION_STATUS,
        _Scheduler.RECONCILE,
        _Scheduler.RECONCILE_OPERATIONS,
        _Scheduler.MESSAGE,
        _Scheduler.REQUEST,
        _Scheduler.UPDATE_FRAMEWORK,
    )
}

#: Payload that an operator's call must have; the others need none.
MASTER_PAYLOADS: dict[master_api.Call.Type, str] = {
    kind: payload_field(kind)
    for kind in (
        _Master.GET_METRICS,
        _Master.SET_LOGGING_LEVEL,
        _Master.LIST_FILES,
        _Master.READ_FILE,
        _Master.UPDATE_WEIGHTS,
        _Master.RESERVE_RESOURCES,
        _Master.UNRESERVE_RESOURCES,
        _Master.CREATE_VOLUMES,
        _Master.DESTROY_VOLUMES,
        _Master.GROW_VOLUME,
        _Master.SHRINK_VOLUME,
        _Master.UPDATE_MAINTENANCE_SCHEDULE,
        _Master.START_MAINTENANCE,
        _Master.STOP_MAINTENANCE,
        _Master.DRAIN_AGENT,
        _Master.DEACTIVATE_AGENT,
        _Master.REACTIVATE_AGENT,
        _Master.UPDATE_QUOTA,
        _Master.SET_QUOTA,
        _Master.REMOVE_QUOTA,
        _Master.TEARDOWN,
        _Master.MARK_AGENT_GONE,
    )
}


def scheduler_call(call: scheduler_api.Call, principal: str | None) -> str | None:
    """Why a scheduler's call cannot be one; ``principal`` is the authenticated one, if any."""
    kind = call.type
    if kind is None:
        return NO_TYPE
    if kind is _Scheduler.SUBSCRIBE:
        return _subscribe(call, principal)
    if call.framework_id is None:
        return "Expecting 'framework_id' to be present"
    payload = SCHEDULER_PAYLOADS.get(kind)
    if payload is not None and getattr(call, payload) is None:
        return f"Expecting '{payload}' to be present"
    if kind is _Scheduler.ACKNOWLEDGE:
        assert call.acknowledge is not None
        return _uuid(call.acknowledge.uuid)
    if kind is _Scheduler.ACKNOWLEDGE_OPERATION_STATUS:
        assert call.acknowledge_operation_status is not None
        wrong = _uuid(call.acknowledge_operation_status.uuid)
        if wrong is None and call.acknowledge_operation_status.agent_id is None:
            return "Expecting 'agent_id' to be present"
        return wrong
    if kind is _Scheduler.UPDATE_FRAMEWORK:
        assert call.update_framework is not None
        if call.update_framework.framework_info.id != call.framework_id:
            return "'framework_id' differs from 'update_framework.framework_info.id'"
        return _principals(principal, call.update_framework.framework_info.principal)
    return None


def _subscribe(call: scheduler_api.Call, principal: str | None) -> str | None:
    subscribe = call.subscribe
    if subscribe is None:
        return "Expecting 'subscribe' to be present"
    if subscribe.framework_info.id != call.framework_id:
        return "'framework_id' differs from 'subscribe.framework_info.id'"
    return _principals(principal, subscribe.framework_info.principal)


def _principals(authenticated: str | None, said: str | None) -> str | None:
    if authenticated is not None and said and said != authenticated:
        return f"Authenticated principal '{authenticated}' does not match principal '{said}' set in `FrameworkInfo`"
    return None


def _uuid(uuid: bytes) -> str | None:
    return None if len(uuid) == UUID_BYTES else f"Not a valid UUID: expecting {UUID_BYTES} bytes, found {len(uuid)}"


def master_call(call: master_api.Call) -> str | None:
    """Why an operator's call cannot be one."""
    kind = call.type
    if kind is None:
        return NO_TYPE
    payload = MASTER_PAYLOADS.get(kind)
    if payload is not None and getattr(call, payload) is None:
        return f"Expecting '{payload}' to be present"
    if (kind is _Master.GROW_VOLUME and call.grow_volume is not None and call.grow_volume.agent_id is None) or (
        kind is _Master.SHRINK_VOLUME and call.shrink_volume is not None and call.shrink_volume.agent_id is None
    ):
        return "Expecting 'agent_id' to be present; only agent default resources are supported right now"
    return None
