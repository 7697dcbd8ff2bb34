"""One instance: what is wanted of it, how it is, and its tasks.

=================  =================================================  =======  =========
condition          from                                               active   terminal
=================  =================================================  =======  =========
SCHEDULED          made, or to be launched again: waits for an offer  no       no
PROVISIONED        an offer was accepted, nothing was heard           yes      no
STAGING..KILLING   the task's state                                   yes      no
UNREACHABLE        out of reach, its strategy still waits             yes      no
UNREACHABLE_INACTIVE  out of reach for too long: replaced             no       no
FINISHED..UNKNOWN  the task's state                                   no       yes
=================  =================================================  =======  =========

Source: mesosphere/marathon .../core/instance/Instance.scala, .../core/condition/Condition.scala.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping

import attrs

from frameworks.marathon_py.definitions import paths
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from mesos_py.machine.values import Nanos
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.task import TaskStatus

APP = "_app"  # stands for the container in the id of an app's task
_INSTANCE_ID = re.compile(r"(.+)\.(instance-|marathon-)([^.]+)", re.ASCII)
_TASK_ID = re.compile(r"(.+\.(?:instance-|marathon-)[^.]+)\.([^.]+)\.(\d{1,12})", re.ASCII)


class Goal(enum.Enum):
    """What is wanted of an instance."""

    RUNNING = "Running"
    #: it is to end; its data is kept (residents)
    STOPPED = "Stopped"
    #: it is to end and to be forgotten
    DECOMMISSIONED = "Decommissioned"


class Condition(enum.Enum):
    """How an instance is; the value is what events say."""

    SCHEDULED = "Scheduled"
    PROVISIONED = "Provisioned"
    STAGING = "Staging"
    STARTING = "Starting"
    RUNNING = "Running"
    KILLING = "Killing"
    UNREACHABLE = "Unreachable"
    UNREACHABLE_INACTIVE = "UnreachableInactive"
    FINISHED = "Finished"
    FAILED = "Failed"
    ERROR = "Error"
    KILLED = "Killed"
    GONE = "Gone"
    DROPPED = "Dropped"
    UNKNOWN = "Unknown"

    @property
    def is_active(self) -> bool:
        """It takes room somewhere, as far as anybody knows."""
        return self in _ACTIVE

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


_ACTIVE = frozenset({
    Condition.PROVISIONED, Condition.STAGING, Condition.STARTING, Condition.RUNNING, Condition.KILLING,
    Condition.UNREACHABLE,
})  # fmt: skip
_TERMINAL = frozenset({
    Condition.FINISHED, Condition.FAILED, Condition.ERROR, Condition.KILLED, Condition.GONE, Condition.DROPPED,
    Condition.UNKNOWN,
})  # fmt: skip


@attrs.define(eq=False)
class InstanceTask:
    """The task of an app's instance, or of one container of a pod's."""

    id: TaskID
    #: the container's name; ``APP`` for apps
    container: str
    #: as allocated, in the order of the definition's ports; None: that one has none on the host
    host_ports: tuple[int | None, ...] = ()
    condition: Condition = Condition.PROVISIONED
    #: when an offer was accepted for it, and when it was heard to run
    staged_at: Nanos = 0
    started_at: Nanos | None = None
    #: as its agent's checks have found it, the last time they said something; None: they have not
    healthy: bool | None = None
    #: of the container: address, and IPv4 or IPv6
    addresses: tuple[tuple[str, str], ...] = ()
    #: the last that was heard in this run; None: nothing
    status: TaskStatus | None = None


@attrs.frozen
class HealthResult:
    """What one health check of ours has found so far."""

    consecutive_failures: int = 0
    first_success: Nanos | None = None
    last_success: Nanos | None = None
    last_failure: Nanos | None = None
    #: why it has failed the last time
    cause: str = ""

    @property
    def is_alive(self) -> bool:
        return self.last_success is not None and (self.last_failure is None or self.last_success > self.last_failure)

    def succeeded(self, now: Nanos) -> HealthResult:
        last = max(now, (self.last_failure or 0) + 1)
        return attrs.evolve(self, consecutive_failures=0, first_success=self.first_success or now, last_success=last)

    def failed(self, now: Nanos, cause: str) -> HealthResult:
        last = max(now, self.last_success or 0)
        return attrs.evolve(
            self, consecutive_failures=self.consecutive_failures + 1, last_failure=last, cause=cause,
        )  # fmt: skip


@attrs.frozen
class ReadinessResult:
    """What the readiness check has found the last time; of the answer what is to be shown."""

    name: str
    is_ready: bool
    status: int | None = None
    content_type: str = ""
    body: str = ""


@attrs.frozen
class Placed:
    """Where an instance is."""

    agent_id: AgentID
    hostname: str
    region: str | None = None
    zone: str | None = None
    #: what constraints look at: attributes of the agent as text
    attributes: Mapping[str, str] = attrs.Factory(dict)


@attrs.define(eq=False)
class Instance:
    """Changed by ``core.Marathon`` only."""

    id: str
    #: the definition it runs, or is to run when an offer comes
    spec: App | Pod
    goal: Goal = Goal.RUNNING
    condition: Condition = Condition.SCHEDULED
    #: when the condition became what it is
    since: Nanos = 0
    #: number of its last launch; 0: none yet
    incarnation: int = 0
    #: None: it is not placed
    placed: Placed | None = None
    #: by container; those of the last incarnation
    tasks: dict[str, InstanceTask] = attrs.Factory(dict)
    #: since when it has been running without an end
    active_since: Nanos | None = None
    #: all health checks say so; None: some have not said anything, or there are none
    healthy: bool | None = None
    #: the readiness check has been positive once
    is_ready: bool = False
    #: since when it has been out of reach, as its agent's master says
    unreachable_since: Nanos | None = None
    #: a kill was asked for and nothing terminal was heard
    is_killed: bool = False
    #: somebody has asked for its end, and for nobody in its place: it goes before others. Of this frame
    is_sentenced: bool = False
    #: of health checks that we make ourselves, by their places in the definition; none: nothing has been found yet
    health: dict[int, HealthResult] = attrs.Factory(dict)
    #: why a health check of ours has it killed; "": none has
    unhealthy_because: str = ""
    #: in this run; None: it was not asked
    readiness: ReadinessResult | None = None

    @property
    def spec_id(self) -> PathId:
        return PathId(self.spec.id)

    @property
    def open_tasks(self) -> list[InstanceTask]:
        """Those that are not known to have ended."""
        return [task for task in self.tasks.values() if not task.condition.is_terminal]

    @property
    def wants_offer(self) -> bool:
        return self.goal is Goal.RUNNING and self.condition is Condition.SCHEDULED

    @property
    def is_active(self) -> bool:
        return self.condition.is_active

    @property
    def is_current(self) -> bool:
        """It counts for its spec: it runs, or is to."""
        return self.goal is Goal.RUNNING and self.condition is not Condition.UNREACHABLE_INACTIVE

    @property
    def is_well(self) -> bool:
        """It runs, and its checks, if it has any, say that it is healthy."""
        is_healthy = self.healthy is True if is_checked(self.spec) else self.healthy is not False
        return self.condition is Condition.RUNNING and is_healthy

    def next_task_id(self, container: str = APP) -> TaskID:
        """Of the next incarnation."""
        return TaskID(f"{self.id}.{container}.{self.incarnation + 1}")


def is_checked(spec: App | Pod) -> bool:
    """Somebody looks whether its instances are healthy."""
    if isinstance(spec, Pod):
        return any(container.health_check is not None for container in spec.containers)
    return bool(spec.health_checks)


def instance_id(spec_id: PathId, uuid: str) -> str:
    """``/demo/web`` becomes ``demo_web.instance-UUID``."""
    return f"{paths.safe(spec_id)}.instance-{uuid}"


def spec_of(name: str) -> PathId | None:
    """The spec of an instance's id; None for what is no such id."""
    found = _INSTANCE_ID.fullmatch(name)
    return paths.from_safe(found[1]) if found is not None else None


def instance_of(task_id: TaskID) -> str | None:
    """The id of the instance whose task this is; None for what is nobody's."""
    found = _TASK_ID.fullmatch(task_id)
    return found[1] if found is not None else None
