"""What the master says to schedulers, as messages; nothing is decided here.

Which fields a status of the master's own has is part of the API: see each function. Such statuses have no uuid, are
not repeated and must not be acknowledged. Mesos: src/common/protobuf_utils.cpp createStatusUpdate,
createTaskStatus.
"""

from __future__ import annotations

from mesos_py.machine.values import Nanos
from mesos_py.master.entities import Agent, Framework, Offer, Task
from mesos_py.wire.ids import AgentID, ExecutorID, OfferID, OperationID, TaskID
from mesos_py.wire.master import MasterInfo
from mesos_py.wire.offer import Offer as WireOffer
from mesos_py.wire.operation import OperationState, OperationStatus
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.value import URL, Address, TimeInfo

Type = Event.Type
Reason = TaskStatus.Reason
_MASTER = TaskStatus.Source.SOURCE_MASTER

HEARTBEAT = Event(type=Type.HEARTBEAT)


def subscribed(framework: Framework, master: MasterInfo, heartbeat_interval_s: float) -> Event:
    return Event(
        type=Type.SUBSCRIBED,
        subscribed=Event.Subscribed(
            framework_id=framework.id, heartbeat_interval_seconds=heartbeat_interval_s, master_info=master
        ),
    )


def error(text: str) -> Event:
    return Event(type=Type.ERROR, error=Event.Error(message=text))


def rescind(offer_id: OfferID) -> Event:
    return Event(type=Type.RESCIND, rescind=Event.Rescind(offer_id=offer_id))


def update(status: TaskStatus) -> Event:
    return Event(type=Type.UPDATE, update=Event.Update(status=status))


def message(agent_id: AgentID, executor_id: ExecutorID, data: bytes) -> Event:
    return Event(type=Type.MESSAGE, message=Event.Message(agent_id=agent_id, executor_id=executor_id, data=data))


def failure(agent_id: AgentID, executor_id: ExecutorID | None = None, status: int | None = None) -> Event:
    """An agent is lost, or an executor has ended with a raw wait status."""
    return Event(type=Type.FAILURE, failure=Event.Failure(agent_id=agent_id, executor_id=executor_id, status=status))


def operation_status(
    state: OperationState,
    text: str | None,
    operation_id: OperationID | None,
    agent_id: AgentID | None = None,
) -> Event:
    status = OperationStatus(operation_id=operation_id, state=state, message=text, agent_id=agent_id)
    return Event(type=Type.UPDATE_OPERATION_STATUS, update_operation_status=Event.UpdateOperationStatus(status=status))


# ---- statuses of tasks


def status(
    task_id: TaskID,
    state: TaskState,
    reason: TaskStatus.Reason,
    text: str,
    now: Nanos,
    *,
    agent_id: AgentID | None = None,
    executor_id: ExecutorID | None = None,
    unreachable_ns: Nanos | None = None,
) -> TaskStatus:
    """A status of the master's own: no uuid, no executor unless the task has one of its own."""
    return TaskStatus(
        task_id=task_id,
        state=state,
        message=text,
        source=_MASTER,
        reason=reason,
        agent_id=agent_id,
        executor_id=executor_id,
        timestamp=now / 1e9,
        unreachable_time=None if unreachable_ns is None else TimeInfo(nanoseconds=unreachable_ns),
    )


def latest(task: Task, state: TaskState, reason: TaskStatus.Reason, text: str, now: Nanos) -> TaskStatus:
    """Where a known task is, with what its last status said of health, checks and container."""
    last = task.statuses[-1] if task.statuses else None
    return TaskStatus(
        task_id=task.id,
        state=state,
        message=text,
        source=_MASTER,
        reason=reason,
        agent_id=task.agent_id,
        executor_id=task.executor_id,
        timestamp=now / 1e9,
        healthy=None if last is None else last.healthy,
        check_status=None if last is None else last.check_status,
        container_status=None if last is None else last.container_status,
    )


# ---- offers


def offers(made: tuple[WireOffer, ...]) -> Event:
    return Event(type=Type.OFFERS, offers=Event.Offers(offers=made))


def offer(made: Offer, framework: Framework, agent: Agent) -> WireOffer:
    """As this framework wants to read it: capabilities decide the format of reservations and of the allocation.

    Ephemeral ports are the agent's own business and are never shown (Mesos: src/master/master.cpp Master::offer).
    """
    capabilities = framework.capabilities
    if capabilities.multi_role:
        resources = made.resources.messages(capabilities.format)
        allocation = Resource.AllocationInfo(role=made.role)
    else:
        resources = made.resources.unallocate().messages(capabilities.format)
        allocation = None
    if any(resource.name == "ephemeral_ports" for resource in resources):
        resources = tuple(resource for resource in resources if resource.name != "ephemeral_ports")
    executors = agent.executors.get(framework.id)
    return WireOffer(
        id=made.id,
        framework_id=framework.id,
        agent_id=agent.id,
        hostname=agent.info.hostname,
        url=agent.url,
        domain=agent.info.domain,
        resources=resources,
        attributes=agent.info.attributes,
        executor_ids=tuple(executors) if executors else (),
        allocation_info=allocation,
    )


def url_of(hostname: str, pid: str) -> URL | None:
    """``http://hostname:port/slave(1)`` of an agent's pid ``slave(1)@ip:port``; None if it is no such thing."""
    name, at, address = pid.partition("@")
    ip, colon, port = address.rpartition(":")
    if not at or not colon or not port.isdigit():
        return None
    return URL(scheme="http", address=Address(hostname=hostname, ip=ip, port=int(port)), path="/" + name)
