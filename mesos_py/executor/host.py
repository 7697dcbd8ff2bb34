"""What a built-in executor may ask of the agent that owns it, and what both built-in executors need.

Mesos: src/launcher/executor.cpp, src/launcher/default_executor.cpp.
"""

from __future__ import annotations

import signal
from typing import Final, Protocol

from mesos_py.executor.targets import Target
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire.checkpoint import Kill, Progress
from mesos_py.wire.health import CheckInfo, CheckStatusInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskState, TaskStatus

KILL_GRACE_PERIOD: Final[Nanos] = 3 * SECOND  # Mesos: src/launcher/executor.cpp, default of the kill policy
SHUTDOWN_MARGIN: Final[Nanos] = 2 * SECOND  # a command executor's kill leaves that much of the shutdown grace period

SIGKILL: Final = int(signal.SIGKILL)
SIGTERM: Final = int(signal.SIGTERM)


class Host(Protocol):
    """The agent, during one frame. Calls append to the frame; none of them fails or calls back."""

    @property
    def now(self) -> Nanos: ...

    @property
    def takes_killing(self) -> bool:
        """The framework understands TASK_KILLING."""

    def update(
        self,
        task: TaskInfo,
        state: TaskState,
        *,
        container_id: str,
        message: str | None = None,
        reason: TaskStatus.Reason | None = None,
        healthy: bool | None = None,
        exceeded: tuple[Resource, ...] = (),
        data: bytes | None = None,
    ) -> None:
        """Report ``state`` of ``task``, which runs or ran in this container."""

    def last(self, task: TaskInfo) -> TaskStatus | None:
        """What was reported of it last, by this agent or a former one; None: nobody waits for more."""

    def repeat(
        self,
        task: TaskInfo,
        *,
        reason: TaskStatus.Reason,
        healthy: bool | None = None,
        check_status: CheckStatusInfo | None = None,
    ) -> None:
        """Report that again, for ``reason`` and with what is given here; so attached information stays."""

    def probe(self, task: TaskInfo, container_id: str, what: str, target: Target, timeout: Nanos | None) -> None:
        """Call ``probed(host, container_id, what, found)`` when it is known; there is one probe of a name at a time."""

    def save(self, task: TaskInfo, progress: Progress) -> None:
        """It survives a restart of the agent, before anything asked for in this frame is done."""

    def run(self, task: TaskInfo, container_id: str) -> None:
        """Start the task's command in a new container inside the executor's."""

    def signal(self, container_id: str, signum: int) -> None:
        """To the whole process tree."""

    def destroy(self, container_id: str) -> None:
        """SIGKILL until nothing is left; its exit will be reported."""

    def set_timer(self, container_id: str, what: str, at: Nanos) -> None:
        """Call ``timer(host, container_id, what)`` at that time; replaces an earlier one of the same name."""

    def cancel_timer(self, container_id: str, what: str) -> None: ...

    def finish(self) -> None:
        """The executor has nothing left to do and ends."""


def grace_period(task: TaskInfo, asked: KillPolicy | None, default: Nanos = KILL_GRACE_PERIOD) -> Nanos:
    """Between SIGTERM and SIGKILL: as the kill says, else as the task says, else ``default``."""
    for policy in (asked, task.kill_policy):
        if policy is not None and policy.grace_period is not None:
            return max(0, policy.grace_period.nanoseconds)
    return default


def exit_text(status: int | None, what: str = "Command") -> str:
    """How a command, or a container of docker, ended, in Mesos' words; ``status`` is a wait(2) word."""
    if status is None:
        return f"Failed to get exit status for {what}"
    signum = status & 0x7F
    if signum == 0:
        return f"{what} exited with status {(status >> 8) & 0xFF}"
    try:
        name = signal.strsignal(signum)
    except ValueError:
        name = None
    return f"{what} terminated with signal {name or signum}"


def empty_check_status(task: TaskInfo) -> CheckStatusInfo | None:
    """Statuses of a task with a check always say of which kind it is (Mesos: createTaskStatus)."""
    check = task.check
    if check is None or check.type is None:
        return None
    return CheckStatusInfo(
        type=check.type,
        command=CheckStatusInfo.Command() if check.type is CheckInfo.Type.COMMAND else None,
        http=CheckStatusInfo.Http() if check.type is CheckInfo.Type.HTTP else None,
        tcp=CheckStatusInfo.Tcp() if check.type is CheckInfo.Type.TCP else None,
    )


def kill_within(grace: Nanos, now: Nanos) -> Kill:
    """A kill that begins now."""
    return Kill(since=now, at=now + grace)


def hastened(kill: Kill, grace: Nanos) -> Kill | None:
    """Another kill brings the end forward, counted from the first; None: it would not."""
    at = kill.since + grace
    return Kill(since=kill.since, at=at) if at < kill.at else None


def resumed(kill: Kill, now: Nanos) -> Kill:
    """What is left of it after a restart; a clock that was set back meanwhile prolongs it to no more than its grace."""
    late = max(0, kill.since - now)
    return Kill(since=kill.since - late, at=kill.at - late)
