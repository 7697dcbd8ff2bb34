"""Feedback about offer operations: what schedulers ask and acknowledge.

This master has no operations in flight yet, since ACCEPT refuses all but launches; so every operation asked about is
unknown, and what that means depends on its agent. Mesos: src/master/master.cpp Master::reconcileOperations,
acknowledgeOperationStatus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.master import words
from mesos_py.master.calls.callers import known_caller
from mesos_py.master.changes import Dropped
from mesos_py.wire.ids import AgentID
from mesos_py.wire.operation import OperationState
from mesos_py.wire.scheduler_api import Call

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("operations")
_State = OperationState


@table.on(Call.Type.RECONCILE_OPERATIONS, check=known_caller)
def reconcile_operations(m: Master, event: Event, out: Frame) -> None:
    """The framework is told what became of the operations it names."""
    call: Call = event.body
    assert call.reconcile_operations is not None
    framework = m.state.frameworks[call.framework_id]  # type: ignore[index]
    for asked in call.reconcile_operations.operations:
        state, text = _unknown(m, asked.agent_id)
        m.say(framework, words.operation_status(state, text, asked.operation_id, asked.agent_id), out)


def _unknown(m: Master, agent_id: AgentID | None) -> tuple[OperationState, str]:
    """What an unknown operation on this agent is."""
    if agent_id is None:
        return _State.OPERATION_UNKNOWN, "Reconciliation: Operation is unknown and no 'agent_id' was provided"
    if agent_id in m.state.recovered_agents:
        return _State.OPERATION_RECOVERING, "Reconciliation: Agent is recovered but has not re-registered"
    if agent_id in m.state.agents:
        return _State.OPERATION_UNKNOWN, "Reconciliation: Operation is unknown"
    if agent_id in m.state.unreachable_agents:
        return _State.OPERATION_UNREACHABLE, "Reconciliation: Agent is unreachable"
    if agent_id in m.state.gone_agents:
        return _State.OPERATION_GONE_BY_OPERATOR, "Reconciliation: Agent marked gone by operator"
    return _State.OPERATION_UNKNOWN, "Reconciliation: Both operation and agent are unknown"


@table.on(Call.Type.ACKNOWLEDGE_OPERATION_STATUS, check=known_caller)
def acknowledge_operation_status(m: Master, event: Event, out: Frame) -> None:
    """Nothing: no status that asks for an acknowledgement has been sent."""
    call: Call = event.body
    assert call.acknowledge_operation_status is not None
    acknowledged = call.acknowledge_operation_status
    why = f"operation {acknowledged.operation_id} is unknown"
    out.change(
        Dropped("ACKNOWLEDGE_OPERATION_STATUS", why, framework_id=call.framework_id, agent_id=acknowledged.agent_id)
    )
