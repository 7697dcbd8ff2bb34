"""The command executor: one command task, whose process is the executor's container.

::

    launched --> STARTING, RUNNING --exit--> FINISHED | FAILED    (without a value: it gives up)
                     |
                     '-- kill --> (KILLING) SIGTERM, after the grace period SIGKILL --exit--> KILLED
                     |-- max_completion_time --> SIGKILL --exit--> FAILED
                     '-- health check --> as a kill, and unhealthy

A kill decides the end whatever the exit status is. Before the container is launched there is nothing to kill: the
agent drops the task by itself then. What is under way survives the agent as ``Progress``; ``resume`` goes on with it.

Mesos: src/launcher/executor.cpp.
"""

from __future__ import annotations

from typing import Any

from mesos_py.executor import checks
from mesos_py.executor.host import (
    KILL_GRACE_PERIOD,
    SHUTDOWN_MARGIN,
    SIGTERM,
    Host,
    exit_text,
    grace_period,
    hastened,
    kill_within,
    resumed,
)
from mesos_py.executor.targets import Found
from mesos_py.machine.values import Nanos
from mesos_py.wire.checkpoint import Progress
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskState, TaskStatus

ESCALATE = "escalate"
MAX_COMPLETION = "max completion time"


class CommandExecutor:
    """Decides for one command task; the agent calls it and carries out what it asks of its host."""

    __slots__ = ("_container_id", "_ended", "_grace", "_progress", "_started", "_task", "_what")

    def __init__(
        self, container_id: str, task: TaskInfo, *, progress: Progress | None = None, started: bool = False,
        what: str = "Command", grace: Nanos = KILL_GRACE_PERIOD,
    ) -> None:  # fmt: skip
        """New, or as a former agent has left it. ``what`` it is that exits; ``grace`` of kills that say nothing."""
        self._container_id = container_id
        self._task = task
        self._progress = progress or Progress()
        self._started = started
        self._ended = False
        self._what = what
        self._grace = grace

    def started(self, host: Host, data: bytes | None = None) -> None:
        """The command runs; ``data`` is told with that."""
        self._started = True
        host.update(self._task, TaskState.TASK_STARTING, container_id=self._container_id)
        command = self._task.command
        if (command is None or command.value is None) and not _may_have_command(self._task):
            host.finish()  # Mesos' executor gives up here, too
            return
        host.update(self._task, TaskState.TASK_RUNNING, container_id=self._container_id, data=data)
        if self._task.max_completion_time is not None or self._task.health_check is not None:
            self._turn(host, running_since=host.now)
            self._limit(host)
        checks.begin(host, self._task, self._container_id)

    def resume(self, host: Host, *, is_signalled: bool) -> None:
        """The command has been running since before the agent was restarted; SIGTERM may have reached it."""
        kill = self._progress.kill
        if kill is None:
            self._limit(host)
            checks.resume(host, self._task, self._container_id)
            return
        kill = resumed(kill, host.now)
        self._turn(host, kill=kill)
        if kill.at <= host.now:
            host.destroy(self._container_id)
            return
        if not is_signalled:
            host.signal(self._container_id, SIGTERM)
        host.set_timer(self._container_id, ESCALATE, kill.at)

    def kill(self, host: Host, policy: KillPolicy | None = None) -> None:
        """End the command gently, then by force."""
        self._kill(host, grace_period(self._task, policy, self._grace), tell=True)

    def shutdown(self, host: Host, grace: Nanos) -> None:
        """The agent ends the executor in ``grace``: the command has a little less."""
        self._kill(host, max(0, grace - SHUTDOWN_MARGIN), tell=True)

    def timer(self, host: Host, container_id: str, what: str) -> None:
        if self._ended:
            return
        if what == MAX_COMPLETION:
            if self._progress.kill is None:
                self._turn(host, timed_out=True)
                self._kill(host, 0, tell=False)
        elif not checks.make(host, self._task, container_id, what):
            host.destroy(container_id)

    def probed(self, host: Host, container_id: str, what: str, found: Found) -> None:
        """A check has a result; it interests nobody once the command is being killed."""
        if self._ended or self._progress.kill is not None:
            return
        progress, is_to_die = checks.heard(host, self._task, container_id, what, found, self._progress)
        if progress is not self._progress:
            self._progress = progress
            host.save(self._task, progress)
        if is_to_die:
            self._turn(host, unhealthy=True)
            self._kill(host, grace_period(self._task, None, self._grace), tell=True)

    def exited(self, host: Host, container_id: str, status: int | None, message: str = "") -> None:
        """Nothing of the command runs any more: say how it ended, or ``message``."""
        assert container_id == self._container_id
        if self._ended:
            return
        self._ended = True
        host.cancel_timer(container_id, ESCALATE)
        host.cancel_timer(container_id, MAX_COMPLETION)
        checks.end(host, self._task, container_id)
        reason = None
        if self._progress.timed_out:
            state, reason = TaskState.TASK_FAILED, TaskStatus.Reason.REASON_MAX_COMPLETION_TIME_REACHED
        elif self._progress.kill is not None:
            state = TaskState.TASK_KILLED
        elif status == 0:
            state = TaskState.TASK_FINISHED
        else:
            state = TaskState.TASK_FAILED
        host.update(
            self._task,
            state,
            container_id=container_id,
            message=message or exit_text(status, self._what),
            reason=reason,
            healthy=False if self._progress.unhealthy else None,
        )

    # ---- parts

    def _turn(self, host: Host, **news: Any) -> None:
        self._progress = evolve(self._progress, **news)
        host.save(self._task, self._progress)

    def _limit(self, host: Host) -> None:
        since, limit = self._progress.running_since, self._task.max_completion_time
        if since is not None and limit is not None:
            at = min(since, host.now) + limit.nanoseconds
            host.set_timer(self._container_id, MAX_COMPLETION, at)

    def _kill(self, host: Host, grace: Nanos, *, tell: bool) -> None:
        if self._ended or not self._started:
            return
        kill = self._progress.kill
        if kill is not None:
            sooner = hastened(kill, grace)
            if sooner is not None:
                self._turn(host, kill=sooner)
                host.set_timer(self._container_id, ESCALATE, sooner.at)
            return
        kill = kill_within(grace, host.now)
        self._turn(host, kill=kill)
        checks.end(host, self._task, self._container_id)
        if tell and host.takes_killing:
            host.update(self._task, TaskState.TASK_KILLING, container_id=self._container_id)
        if grace == 0:
            host.destroy(self._container_id)
        else:
            host.signal(self._container_id, SIGTERM)
            host.set_timer(self._container_id, ESCALATE, kill.at)


def _may_have_command(task: TaskInfo) -> bool:
    """An image may say what is to be run."""
    container = task.container
    if container is None:
        return False
    return container.docker is not None or (container.mesos is not None and container.mesos.image is not None)
