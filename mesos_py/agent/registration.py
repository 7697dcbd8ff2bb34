"""How an agent gets and keeps its master.

::

    RECOVERING --> RECONNECTING --> DISCONNECTED --connected, answered--> RUNNING --> TERMINATING
    (calls/recovery.py)                  ^                                   |
                                         '-- lost, not pinged, "connected" = false

After a random part of the back-off factor the agent registers (without an id) or re-registers (with one, reporting
everything it runs), and repeats that with doubling random delays until it is answered. While it is not RUNNING no
update leaves. A master that gives us another id than we have makes the agent end: the tasks it would report belong to
that id.

Mesos: src/slave/slave.cpp, Slave::detected, doReliableRegistration, registered, reregistered, ping, pingTimeout.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from mesos_py import MESOS_VERSION
from mesos_py.agent import changes, events, words
from mesos_py.agent.checkpoint import facts
from mesos_py.agent.entities import PARTITION_AWARE
from mesos_py.agent.lifecycle import TERMINAL
from mesos_py.agent.options import MASTER_PING_TIMEOUT, REGISTER_RETRY_MAX, REGISTER_RETRY_MIN
from mesos_py.machine.frame import Event, Frame, PeerID
from mesos_py.machine.table import Table
from mesos_py.machine.values import Nanos, seconds, value
from mesos_py.wire import internal
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.checkpoint import Kind
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import Task, TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("registration")

REGISTER = "register"
PINGED = "pinged"

_Type = AgentInfo.Capability.Type
#: In the order in which Mesos shows them.
CAPABILITIES = tuple(
    AgentInfo.Capability(type=type)
    for type in (
        _Type.MULTI_ROLE,
        _Type.HIERARCHICAL_ROLE,
        _Type.RESERVATION_REFINEMENT,
        _Type.RESOURCE_PROVIDER,
        _Type.RESIZE_VOLUME,
        _Type.AGENT_OPERATION_FEEDBACK,
        _Type.AGENT_DRAINING,
        _Type.TASK_RESOURCE_LIMITS,
    )
)


class Phase(enum.Enum):
    #: nothing is known yet
    RECOVERING = "RECOVERING"
    #: executors of a former run may connect again; Mesos has no name for it but a flag
    RECONNECTING = "RECONNECTING"
    DISCONNECTED = "DISCONNECTED"
    RUNNING = "RUNNING"
    TERMINATING = "TERMINATING"


#: Asked for with every event, and quicker by these names.
RUNNING, RECONNECTING = Phase.RUNNING, Phase.RECONNECTING


@value
class RegisterDue:
    """It is time to (re-)register, perhaps again."""


@value
class PingOverdue:
    """The master may not have pinged for its total ping timeout."""


_PONG = internal.Pong()


class Registration:
    """Where the agent stands with its master."""

    __slots__ = ("address", "backoff", "ordered_down", "peer", "phase", "ping_timeout", "pinged_at", "untold")

    def __init__(self) -> None:
        self.phase = Phase.RECOVERING
        #: the connection to the leading master, registered or not
        self.peer: PeerID | None = None
        self.address: str | None = None
        #: bound of the next random delay
        self.backoff: Nanos = 0
        self.ping_timeout: Nanos = MASTER_PING_TIMEOUT
        #: when the master last showed that it takes us for registered
        self.pinged_at: Nanos = 0
        #: the master has told us to kill everything and end
        self.ordered_down = False
        #: ends that nobody acknowledges, of tasks in the report that has not been answered yet
        self.untold: list[internal.StatusUpdate] = []


@rows.on(events.MasterConnected)
def master_connected(agent: Agent, event: Event, out: Frame) -> None:
    """The agent will register over the new connection; what is said on an older one is ignored."""
    registration = agent.registration
    _disconnect(agent, "new connection", out)
    registration.peer, registration.address = event.body.peer, event.body.address
    if registration.phase is Phase.DISCONNECTED:
        start(agent, out)


@rows.on(events.MasterLost)
def master_lost(agent: Agent, event: Event, out: Frame) -> None:
    """Updates wait until there is a master again."""
    if event.body.peer == agent.registration.peer:
        _disconnect(agent, "connection lost", out)
        agent.registration.peer = agent.registration.address = None


@rows.on(RegisterDue)
def register(agent: Agent, event: Event, out: Frame) -> None:
    """Ask to be admitted, and ask again until answered."""
    registration = agent.registration
    if registration.peer is None or registration.phase is not Phase.DISCONNECTED:
        return
    out.send(registration.peer, _reregister(agent) if agent.state.id is not None else _register(agent))
    delay = max(REGISTER_RETRY_MIN, agent.random_part(min(registration.backoff, REGISTER_RETRY_MAX)))
    registration.backoff *= 2
    agent.timers.set(REGISTER, out.now + delay, RegisterDue())


@rows.on(internal.AgentRegistered)
def registered(agent: Agent, event: Event, out: Frame) -> None:
    """The master has admitted us under an id."""
    message: internal.AgentRegistered = event.body
    if not _may_be_answered(agent, event, message.agent_id, out):
        return
    if agent.state.id is None:
        agent.state.admit(message.agent_id)
        out.write(facts.AgentAdmitted(agent.state.info))
    _run(agent, event, message.total_ping_timeout_seconds, out, again=False)


@rows.on(internal.AgentReregistered)
def reregistered(agent: Agent, event: Event, out: Frame) -> None:
    """The master knows us again; tasks only it knew are reported lost."""
    message: internal.AgentReregistered = event.body
    if not _may_be_answered(agent, event, message.agent_id, out):
        return
    _run(agent, event, message.total_ping_timeout_seconds, out, again=True)
    for reconciliation in message.reconciliations:
        _reconcile(agent, reconciliation, out)


@rows.on(internal.ReconcileTasks)
def reconcile_tasks(agent: Agent, event: Event, out: Frame) -> None:
    """Tasks that only the master knows are reported lost."""
    if agent.hears(event):
        _reconcile(agent, event.body, out)


@rows.on(internal.Ping)
def ping(agent: Agent, event: Event, out: Frame) -> None:
    """Answered at once; a master that takes us for disconnected is registered with again."""
    registration = agent.registration
    if event.peer != registration.peer or event.peer is None:
        return
    out.send(event.peer, _PONG, volatile=True)
    if registration.phase is RUNNING:
        if event.body.connected:
            registration.pinged_at = out.now
        else:
            _disconnect(agent, "the master takes us for disconnected", out)
            start(agent, out)


@rows.on(PingOverdue)
def ping_overdue(agent: Agent, event: Event, out: Frame) -> None:
    """The connection is given up: there may be another leader; unless a ping has come since the timer was set."""
    registration = agent.registration
    due = registration.pinged_at + registration.ping_timeout
    if due > out.now:
        agent.timers.set(PINGED, due, PingOverdue())
        return
    if registration.phase is Phase.RUNNING and registration.peer is not None:
        out.close(registration.peer)
        _disconnect(agent, "no ping from the master", out)


# ---- parts


def start(agent: Agent, out: Frame) -> None:
    """Register soon, and again until answered."""
    registration = agent.registration
    factor = agent.options.registration_backoff_factor
    registration.backoff = 2 * factor
    agent.timers.set(REGISTER, out.now + agent.random_part(factor), RegisterDue())


def _disconnect(agent: Agent, why: str, out: Frame) -> None:
    registration = agent.registration
    agent.timers.cancel(REGISTER)
    agent.timers.cancel(PINGED)
    agent.updates.pause()
    if registration.phase is Phase.RUNNING:
        registration.phase = Phase.DISCONNECTED
        out.change(changes.Disconnected(why))


def _may_be_answered(agent: Agent, event: Event, agent_id: str, out: Frame) -> bool:
    registration = agent.registration
    if event.peer != registration.peer or registration.phase is not Phase.DISCONNECTED:
        return False
    if agent.state.id is not None and agent.state.id != agent_id:
        registration.phase = Phase.TERMINATING
        problem = f"Registered but got wrong id: {agent_id} (expected: {agent.state.id}). Committing suicide"
        out.send(words.PROCESS, words.Exit(problem))
        return False
    return True


def _run(agent: Agent, event: Event, ping_timeout_s: float, out: Frame, *, again: bool) -> None:
    registration = agent.registration
    assert registration.peer is not None
    assert agent.state.id is not None
    agent.timers.cancel(REGISTER)
    registration.phase = Phase.RUNNING
    registration.ping_timeout = seconds(ping_timeout_s)
    registration.pinged_at = out.now
    agent.timers.set(PINGED, out.now + registration.ping_timeout, PingOverdue())
    out.change(changes.Registered(agent.state.id, again))
    for update in registration.untold:
        out.send(registration.peer, update)
    registration.untold.clear()
    agent.updates.resume(registration.peer, out)


def _register(agent: Agent) -> internal.RegisterAgent:
    return internal.RegisterAgent(
        agent=agent.state.info,
        pid=agent.pid,
        version=MESOS_VERSION,
        capabilities=CAPABILITIES,
        checkpointed_resources=agent.state.checkpointed.messages(),
    )


def _reregister(agent: Agent) -> internal.ReregisterAgent:
    """Everything we run; executors of command tasks are our own business."""
    agent.registration.untold.clear()
    tasks: list[Task] = []
    executors: list[ExecutorInfo] = []
    for framework in agent.state.frameworks.values():
        agent.state.report_framework(framework)
        for executor in framework.executors.values():
            for held in (executor.queued, executor.launched, executor.terminated):
                tasks += [task.wire() for task in held.values()]
            if executor.kind is not Kind.COMMAND and not executor.is_over:
                executors.append(_with_framework(executor.info, framework.id))
    return internal.ReregisterAgent(
        agent=agent.state.info,
        pid=agent.pid,
        version=MESOS_VERSION,
        capabilities=CAPABILITIES,
        checkpointed_resources=agent.state.checkpointed.messages(),
        tasks=tuple(tasks),
        executors=tuple(executors),
        frameworks=tuple([framework.info for framework in agent.state.frameworks.values()]),
    )


def _with_framework(info: ExecutorInfo, framework_id: str) -> ExecutorInfo:
    return info if info.framework_id is not None else evolve(info, framework_id=framework_id)


def _reconcile(agent: Agent, message: internal.ReconcileTasks, out: Frame) -> None:
    """Mesos: Slave::reregistered; what we have terminated but not been acknowledged is known, not lost.

    An end with a uuid is the one that we told before we were restarted and forgot it: it is told again until it is
    acknowledged.
    """
    aware = any(capability.type is PARTITION_AWARE for capability in message.framework.capabilities)
    state = TaskState.TASK_DROPPED if aware else TaskState.TASK_LOST
    framework = agent.state.frameworks.get(message.framework_id)
    for status in message.statuses:
        known = framework is not None and any(
            executor.task(status.task_id) is not None for executor in framework.executors.values()
        )
        if known or agent.updates.stream(message.framework_id, status.task_id) is not None:
            continue
        if status.uuid is not None and status.state in TERMINAL:
            agent.tell_again(message.framework_id, status, out)
        else:
            agent.drop(
                message.framework_id,
                status.task_id,
                status.executor_id,
                state,
                TaskStatus.Reason.REASON_RECONCILIATION,
                "Reconciliation: task unknown to the agent",
                out,
            )
