"""What the master knows about: frameworks, agents, tasks, offers, operations.

These are entities: compared by identity, changed only by the methods of ``State`` (which keeps the indexes and tells
the changes). What travels unchanged is kept as the wire message it came as (infos, statuses); what is computed with
is kept as a value of the domain (``Resources``, nanoseconds, ids).

Mesos: src/master/framework.hpp, src/master/master.hpp (struct Framework, Slave), include/mesos/mesos.proto (Task).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import attrs

from mesos_py.algebra.kinds import Format
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.machine.frame import PeerID
from mesos_py.machine.values import DERIVED, Nanos
from mesos_py.master.capabilities import AgentCapabilities, FrameworkCapabilities
from mesos_py.wire.agent import AgentInfo, DrainInfo
from mesos_py.wire.constraints import OfferConstraints
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.discovery import DiscoveryInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.health import HealthCheck
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, OfferID, TaskID
from mesos_py.wire.operation import Operation
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskState, TaskStatus
from mesos_py.wire.task import Task as WireTask
from mesos_py.wire.value import URL, Labels, Value

#: No other state follows these; indexed by the state's number (Mesos: protobuf::isTerminalState).
TERMINAL: tuple[bool, ...] = tuple(
    TaskState(number)
    in (
        TaskState.TASK_FINISHED,
        TaskState.TASK_FAILED,
        TaskState.TASK_KILLED,
        TaskState.TASK_LOST,
        TaskState.TASK_ERROR,
        TaskState.TASK_DROPPED,
        TaskState.TASK_GONE,
        TaskState.TASK_GONE_BY_OPERATOR,
    )
    for number in range(len(TaskState))
)


@attrs.define(eq=False, kw_only=True)
class Task:
    """One task of one framework on one agent, from launch until its terminal update is acknowledged and beyond."""

    id: TaskID
    framework_id: FrameworkID
    agent_id: AgentID
    #: None for a command task, whose executor is the agent's own
    executor_id: ExecutorID | None
    name: str
    state: TaskState
    #: allocated to the role of the offer it was launched from
    resources: Resources
    #: consecutive updates of one state are collapsed to the last; ``data`` stripped
    statuses: tuple[TaskStatus, ...] = ()
    #: of the latest update forwarded to the framework; may lag behind ``state``
    status_update_state: TaskState | None = None
    status_update_uuid: bytes | None = None
    labels: Labels | None = None
    discovery: DiscoveryInfo | None = None
    container: ContainerInfo | None = None
    user: str | None = None
    health_check: HealthCheck | None = None
    kill_policy: KillPolicy | None = None
    limits: Mapping[str, Value.Scalar] = attrs.field(factory=dict)
    #: the message, None when something changed since it was made
    cached_wire: WireTask | None = attrs.field(default=None, metadata=DERIVED)
    #: its encoding for endpoints, made by views, None when something changed since
    json: bytes | None = attrs.field(default=None, metadata=DERIVED)

    @property
    def is_terminal(self) -> bool:
        return TERMINAL[self.state]

    @property
    def has_told_end(self) -> bool:
        """An agent's own update that it has ended has been forwarded: no other end may follow."""
        return self.status_update_state is not None and TERMINAL[self.status_update_state]

    @property
    def told_end(self) -> TaskStatus | None:
        """That update, if it is remembered."""
        if not self.has_told_end:
            return None
        return next((status for status in self.statuses if status.uuid == self.status_update_uuid), None)

    @property
    def role(self) -> str | None:
        """The role its resources are allocated to."""
        for kind, _ in self.resources:
            return kind.allocated_role
        return None

    def wire(self) -> WireTask:
        """The task as a message, resources in post-refinement format; cached until the task changes."""
        if self.cached_wire is None:
            self.cached_wire = WireTask(
                name=self.name,
                task_id=self.id,
                framework_id=self.framework_id,
                executor_id=self.executor_id,
                agent_id=self.agent_id,
                state=self.state,
                resources=self.resources.messages(Format.POST_REFINEMENT),
                limits=self.limits,
                statuses=self.statuses,
                status_update_state=self.status_update_state,
                status_update_uuid=self.status_update_uuid,
                labels=self.labels,
                discovery=self.discovery,
                container=self.container,
                health_check=self.health_check,
                kill_policy=self.kill_policy,
                user=self.user,
            )
        return self.cached_wire


@attrs.define(eq=False, kw_only=True)
class Offer:
    """Resources of one agent in the hands of one framework, until answered, rescinded or timed out."""

    id: OfferID
    framework_id: FrameworkID
    agent_id: AgentID
    role: str
    #: allocated to ``role``
    resources: Resources
    #: when it was made
    at_ns: Nanos


@attrs.define(eq=False, kw_only=True)
class Framework:
    """A framework that is subscribed, or was and may come back.

    ``connected`` and ``recovered`` say where its scheduler is (Mesos: CONNECTED, DISCONNECTED, RECOVERED); only an
    ``active`` one gets offers.
    """

    id: FrameworkID
    #: with ``id`` and ``principal`` filled in
    info: FrameworkInfo
    capabilities: FrameworkCapabilities
    #: subscribed roles, in the order given
    roles: tuple[str, ...]
    suppressed: dict[str, None]
    offer_constraints: OfferConstraints | None
    #: its event stream; None while disconnected
    peer: PeerID | None
    connected: bool
    #: known only from agents' reports since this master leads
    recovered: bool
    active: bool
    #: removed, and what it ran is being taken away (calls/teardown)
    is_ending: bool = False
    registered_time_ns: Nanos
    reregistered_time_ns: Nanos | None = None
    #: when it was last torn down
    unregistered_time_ns: Nanos | None = None

    #: launched and not yet acknowledged as terminal
    tasks: dict[TaskID, Task] = attrs.field(factory=dict)
    #: on unreachable agents; bounded, oldest forgotten first
    unreachable_tasks: dict[TaskID, Task] = attrs.field(factory=dict)
    #: bounded ring, oldest first
    completed_tasks: deque[Task] = attrs.field(factory=deque)
    offers: dict[OfferID, Offer] = attrs.field(factory=dict)
    #: the inner dict is the same object as ``Agent.executors[framework id]``
    executors: dict[AgentID, dict[ExecutorID, ExecutorInfo]] = attrs.field(factory=dict)
    #: by tasks and executors, not offers
    used: dict[AgentID, Resources] = attrs.field(factory=dict)
    #: in flight; none as long as ACCEPT refuses all but launches
    operations: dict[bytes, Operation] = attrs.field(factory=dict)
    #: encoding of info and times, emptied at every change of them
    json: bytes | None = attrs.field(default=None, metadata=DERIVED)

    @property
    def principal(self) -> str | None:
        return self.info.principal

    def executor(self, agent_id: AgentID, executor_id: ExecutorID) -> ExecutorInfo | None:
        here = self.executors.get(agent_id)
        return None if here is None else here.get(executor_id)


@attrs.define(eq=False, kw_only=True)
class Agent:
    """An agent that is registered with this master, connected or not."""

    id: AgentID
    #: with ``id`` filled in
    info: AgentInfo
    #: "slave(1)@ip:port", where its own endpoints are
    pid: str
    #: its channel; the last one while disconnected
    peer: PeerID
    version: str
    capabilities: AgentCapabilities
    #: configured resources with dynamic reservations and volumes applied; not allocated
    total: Resources
    connected: bool = True
    #: may be offered: connected and not deactivated
    active: bool = True
    #: by the operator
    deactivated: bool = False
    drain_info: DrainInfo | None = None
    registered_time_ns: Nanos
    reregistered_time_ns: Nanos | None = None

    #: by tasks and executors, per framework
    used: dict[FrameworkID, Resources] = attrs.field(factory=dict)
    offers: dict[OfferID, Offer] = attrs.field(factory=dict)
    tasks: dict[FrameworkID, dict[TaskID, Task]] = attrs.field(factory=dict)
    #: the inner dict is the same object as ``Framework.executors[agent id]``
    executors: dict[FrameworkID, dict[ExecutorID, ExecutorInfo]] = attrs.field(factory=dict)
    #: kills to repeat when the agent reregisters, of tasks that live or are lost, with the policy last asked for
    killed: dict[tuple[FrameworkID, TaskID], KillPolicy | None] = attrs.field(factory=dict)
    #: tasks told lost though it may still run them: among the unreachable ones of their frameworks
    lost: dict[tuple[FrameworkID, TaskID], None] = attrs.field(factory=dict)
    #: in flight; none as long as ACCEPT refuses all but launches
    operations: dict[bytes, Operation] = attrs.field(factory=dict)
    #: pings since the last pong
    unanswered: int = 0
    #: of its HTTP endpoints, as offers show it
    url: URL | None = None
    #: encoding of info and times, emptied at every change of them
    json: bytes | None = attrs.field(default=None, metadata=DERIVED)

    @property
    def hostname(self) -> str:
        return self.info.hostname

    @property
    def address(self) -> tuple[str, str]:
        """Where it is; another agent at the same address takes its place."""
        return self.info.hostname, self.pid

    def total_used(self) -> Resources:
        """By all frameworks together."""
        return sum(self.used.values(), NONE)

    def total_offered(self) -> Resources:
        return sum((offer.resources for offer in self.offers.values()), NONE)

    def executor(self, framework_id: FrameworkID, executor_id: ExecutorID) -> ExecutorInfo | None:
        here = self.executors.get(framework_id)
        return None if here is None else here.get(executor_id)


@attrs.define(eq=False, kw_only=True)
class RecoveredAgent:
    """Admitted according to the registry, not yet back since this master leads."""

    info: AgentInfo
    drain_info: DrainInfo | None = None
    deactivated: bool = False


@attrs.define(eq=False, kw_only=True)
class UnreachableAgent:
    """Lost by its observer; may come back."""

    since_ns: Nanos
    drain_info: DrainInfo | None = None
    deactivated: bool = False
    #: tasks it was lost with, as far as this master knew and still remembers them
    lost: dict[tuple[FrameworkID, TaskID], None] = attrs.field(factory=dict)
    #: which of these are to be killed when it is back
    killed: dict[tuple[FrameworkID, TaskID], KillPolicy | None] = attrs.field(factory=dict)


def task_of(info: TaskInfo, framework: Framework, executor_id: ExecutorID | None, resources: Resources) -> Task:
    """A task about to be launched (Mesos: protobuf::createTask)."""
    user = None  # the framework's, which need not be said of each task
    if info.command is not None and info.command.user is not None:
        user = info.command.user
    elif info.executor is not None and info.executor.command is not None and info.executor.command.user is not None:
        user = info.executor.command.user
    return Task(
        id=info.task_id,
        framework_id=framework.id,
        agent_id=info.agent_id,
        executor_id=executor_id,
        name=info.name,
        state=TaskState.TASK_STAGING,
        resources=resources.interned(),
        labels=info.labels,
        discovery=info.discovery,
        container=info.container,
        user=user,
        health_check=info.health_check,
        kill_policy=info.kill_policy,
        limits=info.limits,
    )


def task_of_report(report: WireTask, framework: Framework, agent: Agent) -> Task:
    """A task of the framework as its reregistering agent reports it; what others have as well it shares with them."""
    return Task(
        id=report.task_id,
        framework_id=framework.id,
        agent_id=agent.id,
        executor_id=report.executor_id,
        name=report.name,
        state=report.state,
        resources=Resources.of(report.resources).interned(),
        statuses=report.statuses,
        status_update_state=report.status_update_state,
        status_update_uuid=report.status_update_uuid,
        labels=report.labels,
        discovery=report.discovery,
        container=report.container,
        user=report.user,
        health_check=report.health_check,
        kill_policy=report.kill_policy,
        limits=report.limits,
    )
