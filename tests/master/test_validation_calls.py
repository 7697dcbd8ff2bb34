"""What a call must hold: every type with and without its payload, and the few that must hold more."""

from __future__ import annotations

import pytest

from mesos_py.master.validation.calls import MASTER_PAYLOADS, NO_TYPE, SCHEDULER_PAYLOADS, master_call, scheduler_call
from mesos_py.wire import master_api, scheduler_api
from mesos_py.wire.ids import AgentID, FrameworkID, OperationID, TaskID
from mesos_py.wire.schema import payload_field
from tests import builders

Call = scheduler_api.Call
F = FrameworkID("f")


@pytest.mark.parametrize("kind", [kind for kind in Call.Type if kind is not Call.Type.SUBSCRIBE])
def test_schedulers_say_who_they_are(kind: Call.Type) -> None:
    assert scheduler_call(Call(type=kind), None) == "Expecting 'framework_id' to be present"


@pytest.mark.parametrize("kind", list(Call.Type))
def test_scheduler_calls_without_payload(kind: Call.Type) -> None:
    """TEARDOWN, REVIVE, SUPPRESS and what nobody knows need none."""
    refusal = scheduler_call(Call(type=kind, framework_id=F), None)
    if kind in SCHEDULER_PAYLOADS or kind is Call.Type.SUBSCRIBE:
        assert refusal == f"Expecting '{payload_field(kind)}' to be present"
    else:
        assert refusal is None


@pytest.mark.parametrize("kind", list(master_api.Call.Type))
def test_operator_calls_without_payload(kind: master_api.Call.Type) -> None:
    refusal = master_call(master_api.Call(type=kind))
    assert refusal == (f"Expecting '{payload_field(kind)}' to be present" if kind in MASTER_PAYLOADS else None)


def test_every_payload_of_the_operator_api_is_required() -> None:
    """A call whose message has a field of its name is not understood without it."""
    fields = set(master_api.Call.__annotations__)
    assert {kind for kind in master_api.Call.Type if payload_field(kind) in fields} == set(MASTER_PAYLOADS)


def test_a_call_without_type() -> None:
    assert scheduler_call(Call(), None) == NO_TYPE
    assert master_call(master_api.Call()) == NO_TYPE


@pytest.mark.parametrize(("uuid", "is_good"), [(b"u" * 16, True), (b"", False), (b"u" * 15, False), (b"u" * 17, False)])
def test_acknowledgements_name_an_update(uuid: bytes, is_good: bool) -> None:
    acknowledge = Call.Acknowledge(agent_id=AgentID("a"), task_id=TaskID("t"), uuid=uuid)
    refusal = scheduler_call(Call(type=Call.Type.ACKNOWLEDGE, framework_id=F, acknowledge=acknowledge), None)
    assert (refusal is None) is is_good
    operation = Call.AcknowledgeOperationStatus(agent_id=AgentID("a"), uuid=uuid, operation_id=OperationID("o"))
    call = Call(type=Call.Type.ACKNOWLEDGE_OPERATION_STATUS, framework_id=F, acknowledge_operation_status=operation)
    assert (scheduler_call(call, None) is None) is is_good


def test_operations_are_acknowledged_by_agent() -> None:
    operation = Call.AcknowledgeOperationStatus(uuid=b"u" * 16, operation_id=OperationID("o"))
    call = Call(type=Call.Type.ACKNOWLEDGE_OPERATION_STATUS, framework_id=F, acknowledge_operation_status=operation)
    assert scheduler_call(call, None) == "Expecting 'agent_id' to be present"


@pytest.mark.parametrize(
    ("outer", "inner", "is_good"),
    [(None, None, True), ("f", "f", True), (None, "f", False), ("f", None, False), ("f", "g", False)],
)
def test_the_two_ids_of_a_subscription_agree(outer: str | None, inner: str | None, is_good: bool) -> None:
    info = builders.framework_info(framework_id=inner)
    call = Call(
        type=Call.Type.SUBSCRIBE,
        framework_id=None if outer is None else FrameworkID(outer),
        subscribe=Call.Subscribe(framework_info=info),
    )
    refusal = scheduler_call(call, None)
    assert refusal == (None if is_good else "'framework_id' differs from 'subscribe.framework_info.id'")


@pytest.mark.parametrize(
    ("authenticated", "said", "is_good"),
    [(None, None, True), (None, "p", True), ("p", None, True), ("p", "", True), ("p", "p", True), ("p", "q", False)],
)
def test_principals_agree(authenticated: str | None, said: str | None, is_good: bool) -> None:
    info = builders.framework_info(framework_id="f", principal=said)
    text = "Authenticated principal 'p' does not match principal 'q' set in `FrameworkInfo`"
    for call in (
        Call(type=Call.Type.SUBSCRIBE, framework_id=F, subscribe=Call.Subscribe(framework_info=info)),
        Call(
            type=Call.Type.UPDATE_FRAMEWORK, framework_id=F, update_framework=Call.UpdateFramework(framework_info=info)
        ),
    ):
        assert scheduler_call(call, authenticated) == (None if is_good else text)
