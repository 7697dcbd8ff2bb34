"""The command executor: one command task, whose process is the executor's container.

::

    launched --> STARTING, RUNNING --exit--> FINISHED | FAILED    (without a value: it gives up)
                     |
                     '-- kill --> (KILLING) SIGTERM, after the grace period SIGKILL --exit--> KILLED
                     '-- max_completion_time --> SIGKILL --exit--> FAILED

A kill decides the end whatever the exit status is. Before the container is launched there is nothing to kill: the
agent drops the task by itself then.

Mesos: src/launcher/executor.cpp.
"""

from __future__ import annotations

from mesos_py.executor.host import SHUTDOWN_MARGIN, SIGTERM, Host, Killing, exit_text, grace_period
from mesos_py.machine.values import Nanos
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskState, TaskStatus

ESCALATE = "escalate"
MAX_COMPLETION = "max completion time"


class CommandExecutor:
    """Decides for one command task; the agent calls it and carries out what it asks of its host."""

    __slots__ = ("_container_id", "_ended", "_killing", "_started", "_task", "_timed_out")

    def __init__(self, container_id: str, task: TaskInfo) -> None:
        self._container_id = container_id
        self._task = task
        self._started = False
        self._ended = False
        self._killing: Killing | None = None
        self._timed_out = False

    def started(self, host: Host) -> None:
        """The command runs."""
        self._started = True
        host.update(self._task, TaskState.TASK_STARTING, container_id=self._container_id)
        command = self._task.command
        if command is None or command.value is None:
            host.finish()  # Mesos' executor gives up here, too
            return
        host.update(self._task, TaskState.TASK_RUNNING, container_id=self._container_id)
        limit = self._task.max_completion_time
        if limit is not None:
            host.set_timer(self._container_id, MAX_COMPLETION, host.now + limit.nanoseconds)

    def kill(self, host: Host, policy: KillPolicy | None = None) -> None:
        """End the command gently, then by force."""
        self._kill(host, grace_period(self._task, policy), tell=True)

    def shutdown(self, host: Host, grace: Nanos) -> None:
        """The agent ends the executor in ``grace``: the command has a little less."""
        self._kill(host, max(0, grace - SHUTDOWN_MARGIN), tell=True)

    def timer(self, host: Host, container_id: str, what: str) -> None:
        if self._ended:
            return
        if what == MAX_COMPLETION:
            if self._killing is None:
                self._timed_out = True
                self._kill(host, 0, tell=False)
        else:
            host.destroy(container_id)

    def exited(self, host: Host, container_id: str, status: int | None) -> None:
        """Nothing of the command runs any more: say how it ended."""
        assert container_id == self._container_id
        if self._ended:
            return
        self._ended = True
        host.cancel_timer(container_id, ESCALATE)
        host.cancel_timer(container_id, MAX_COMPLETION)
        reason = None
        if self._timed_out:
            state, reason = TaskState.TASK_FAILED, TaskStatus.Reason.REASON_MAX_COMPLETION_TIME_REACHED
        elif self._killing is not None:
            state = TaskState.TASK_KILLED
        elif status == 0:
            state = TaskState.TASK_FINISHED
        else:
            state = TaskState.TASK_FAILED
        host.update(self._task, state, container_id=container_id, message=exit_text(status), reason=reason)

    def _kill(self, host: Host, grace: Nanos, *, tell: bool) -> None:
        if self._ended or not self._started:
            return
        if self._killing is not None:
            if self._killing.hasten(grace):
                host.set_timer(self._container_id, ESCALATE, self._killing.at)
            return
        self._killing = Killing(host.now, grace)
        if tell and host.takes_killing:
            host.update(self._task, TaskState.TASK_KILLING, container_id=self._container_id)
        if grace == 0:
            host.destroy(self._container_id)
        else:
            host.signal(self._container_id, SIGTERM)
            host.set_timer(self._container_id, ESCALATE, self._killing.at)
