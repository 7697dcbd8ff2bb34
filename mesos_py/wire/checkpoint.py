"""What survives an agent: one tree of messages, and in what pieces it is kept.

::

    AgentState --> Framework --> Executor (one run) --> Task --> updates
              '--> Container (launched over the container API, whatever it is nested in)

On disk every message is a record of its own, without those below it (agent/checkpoint/records.py). Times are
nanoseconds since the epoch, on the clock of the agent that wrote them.
Mesos keeps the same in files of their own: src/slave/state.hpp, src/slave/paths.hpp.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import WireEnum, mapping, message, opt, rep, req
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import Value


class Kind(WireEnum):
    """Who runs the tasks."""

    #: one command task, run by executor/command.py
    COMMAND = 1
    #: task groups, run by executor/default.py
    DEFAULT = 2
    #: the framework's own program, over the executor API
    CUSTOM = 3


@message
class Termination:
    """Why we ended an executor: told about its unfinished tasks unless the container knows better."""

    state: TaskState = req(1)
    reason: TaskStatus.Reason = req(2)
    message: str = req(3)
    #: of which it had taken too much
    resources: tuple[Resource, ...] = rep(4)


@message
class Kill:
    """A kill under way: SIGTERM was sent at ``since``, SIGKILL follows at ``at``."""

    since: int = req(1)
    at: int = req(2)


@message
class Progress:
    """What a built-in executor knows of one task, beyond its updates."""

    #: of the task in a group: its own container
    container_id: str | None = opt(1)
    #: the same for all tasks of one group
    group: str | None = opt(2)
    #: its process ran
    launched: bool = opt(3, default=False)
    #: why it never ran
    launch_error: str | None = opt(4)
    #: nothing of its container is left
    exited: bool = opt(5, default=False)
    #: wait(2) status word, None when it is not known
    exit_status: int | None = opt(6)
    kill: Kill | None = opt(7)
    #: a kill came before the container ran; it takes effect as soon as it does
    doomed: bool = opt(8, default=False)
    #: the policy of that kill
    kill_policy: KillPolicy | None = opt(9)
    #: its maximal completion time is over, which counts from ``running_since``
    timed_out: bool = opt(10, default=False)
    #: kept when something counts from it: the maximal completion time, the grace period of the health check
    running_since: int | None = opt(11)
    #: its health check has succeeded once, so its grace period is over
    succeeded: bool = opt(12, default=False)
    #: of its health check, in a row until now
    failures: int = opt(13, default=0)
    #: a health check has ended a task of the executor: this one's end is told as unhealthy
    unhealthy: bool = opt(14, default=False)
    #: it took more than it may, and is being destroyed for that
    limited: Termination | None = opt(15)


@message
class Task:
    """A task whose last update is not acknowledged yet."""

    info: TaskInfo = req(1)
    progress: Progress | None = opt(2)
    #: the latest ones, oldest first; numbered from ``first`` on
    updates: tuple[TaskStatus, ...] = rep(3)
    first: int = opt(4, default=0)
    #: those with a smaller number are acknowledged
    acknowledged: int = opt(5, default=0)


@message
class Executor:
    """One run of an executor."""

    info: ExecutorInfo = req(1)
    kind: Kind = req(2)
    container_id: str = req(3)
    #: unix user it runs as
    user: str | None = opt(4)
    #: of its container's first process, once it was launched
    pid: int | None = opt(5)
    #: it has been told to end, and is ended by force then
    ends_at: int | None = opt(6)
    termination: Termination | None = opt(7)
    #: nothing of it is alive; its tasks wait for acknowledgement
    ended: bool = opt(8, default=False)
    tasks: tuple[Task, ...] = rep(9)


@message
class Framework:
    info: FrameworkInfo = req(1)
    #: being torn down
    terminating: bool = opt(2, default=False)
    executors: tuple[Executor, ...] = rep(3)


@message
class Container:
    """A nested or standalone container that was launched over the API; those it is nested in may be executors'."""

    container_id: ContainerID = req(1)
    #: what the containerizer calls it
    key: str = req(2)
    #: what it calls the one this is nested in, and the outermost one; nothing: this is a standalone container
    parent: str | None = opt(3)
    root: str | None = opt(4)
    sandbox: str = req(5)
    #: unix user it runs as
    user: str | None = opt(6)
    command: CommandInfo | None = opt(7)
    container: ContainerInfo | None = opt(8)
    resources: tuple[Resource, ...] = rep(9)
    limits: Mapping[str, Value.Scalar] = mapping(10)
    #: it runs inside its parent, for whoever asked for it, and ends with that connection
    is_session: bool = opt(11, default=False)
    #: of its first process, once it was launched
    pid: int | None = opt(12)
    #: nothing of it is left
    ended: bool = opt(13, default=False)
    #: wait(2) status word, None when it is not known
    exit_status: int | None = opt(14)
    #: why we ended it
    termination: Termination | None = opt(15)
    #: what the containerizer says of its end
    message: str | None = opt(16)


@message
class AgentState:
    """Everything an agent must not forget."""

    #: the boot of the host during which it was written
    boot_id: str | None = opt(1)
    #: with the agent's id; None: it was never admitted
    info: AgentInfo | None = opt(2)
    frameworks: tuple[Framework, ...] = rep(3)
    containers: tuple[Container, ...] = rep(4)


@message
class Boot:
    """A record: the boot of the host during which the others are written."""

    id: str = req(1)


@message
class Acknowledged:
    """A record: so many updates of a task are acknowledged."""

    count: int = req(1)
