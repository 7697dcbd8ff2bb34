"""The default executor: task groups, each task in a container of its own inside the executor's.

::

    group launched --> every member STARTING --> all containers launched (or failed) --> RUNNING | FAILED
    a member FAILED or KILLED --> the rest of its group is killed; other groups go on
    the last container is gone --> the executor ends

A task's end is decided as in ``command``: a kill decides it whatever the exit status is.

Mesos: src/launcher/default_executor.cpp.
"""

from __future__ import annotations

import attrs

from mesos_py.executor.host import KILL_GRACE_PERIOD, SIGTERM, Host, Killing, exit_text, grace_period
from mesos_py.machine.values import Nanos
from mesos_py.wire.ids import TaskID
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskState, TaskStatus

ESCALATE = "escalate"
MAX_COMPLETION = "max completion time"


@attrs.define(eq=False)
class Member:
    """One task of a group and its container."""

    task: TaskInfo
    container_id: str
    group: Group
    #: the containerizer has answered
    answered: bool = False
    #: why its container never ran
    launch_error: str | None = None
    running: bool = False
    #: nothing of its container is left; how it ended is in ``exit_status``
    gone: bool = False
    exit_status: int | None = None
    ended: bool = False
    killing: Killing | None = None
    #: a kill came before the container ran; it takes effect as soon as it does
    kill_asked: KillPolicy | None = None
    doomed: bool = False
    timed_out: bool = False


@attrs.define(eq=False)
class Group:
    """Tasks that live and die together."""

    members: list[Member] = attrs.Factory(list)


class DefaultExecutor:
    """Decides for all task groups of one executor."""

    __slots__ = ("_members", "_shutting_down", "_tasks")

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        self._tasks: dict[TaskID, Member] = {}
        self._shutting_down = False

    def launch_group(self, host: Host, tasks: tuple[TaskInfo, ...], container_ids: tuple[str, ...]) -> None:
        """Start all tasks; they are RUNNING when all their containers are launched."""
        group = Group()
        for task, container_id in zip(tasks, container_ids, strict=True):
            member = Member(task, container_id, group)
            group.members.append(member)
            self._members[container_id] = self._tasks[task.task_id] = member
        for member in group.members:
            host.update(member.task, TaskState.TASK_STARTING, container_id=member.container_id)
        for member in group.members:
            host.run(member.task, member.container_id)

    def launched(self, host: Host, container_id: str) -> None:
        """The task's process runs."""
        member = self._members[container_id]
        member.answered = member.running = True
        self._answered(host, member.group)

    def launch_failed(self, host: Host, container_id: str, message: str) -> None:
        """The task's process never ran."""
        member = self._members[container_id]
        member.answered, member.launch_error = True, message
        self._answered(host, member.group)

    def kill(self, host: Host, task_id: TaskID, policy: KillPolicy | None = None) -> None:
        """End one task, and with it its group. Unknown and ended tasks are ignored."""
        member = self._tasks.get(task_id)
        if member is not None:
            self._kill(host, member, grace_period(member.task, policy), policy=policy)

    def shutdown(self, host: Host, grace: Nanos) -> None:
        """End everything; the agent destroys what is left after ``grace``."""
        self._shutting_down = True
        for member in list(self._members.values()):
            self._kill(host, member, min(KILL_GRACE_PERIOD, grace))
        self._finish_if_done(host)

    def timer(self, host: Host, container_id: str, what: str) -> None:
        member = self._members.get(container_id)
        if member is None or member.ended:
            return
        if what == MAX_COMPLETION:
            if member.killing is None:
                member.timed_out = True
                self._kill(host, member, 0, tell=False)
        else:
            host.destroy(container_id)

    def exited(self, host: Host, container_id: str, status: int | None) -> None:
        """A task's container is gone: say how it ended, and end its group unless it ended well."""
        member = self._members[container_id]
        member.exit_status, member.gone = status, True
        if not member.answered:  # its launch was cancelled
            member.answered = True
            self._settle(host, member)
            self._answered(host, member.group)
        elif all(other.answered for other in member.group.members):
            self._settle(host, member)

    # ---- parts

    def _answered(self, host: Host, group: Group) -> None:
        """Once every launch has been answered: RUNNING for those that ran, the end for those that did not."""
        if not all(member.answered for member in group.members):
            return
        for member in group.members:
            if member.running and not member.ended and member.killing is None:
                host.update(member.task, TaskState.TASK_RUNNING, container_id=member.container_id)
                limit = member.task.max_completion_time
                if limit is not None:
                    host.set_timer(member.container_id, MAX_COMPLETION, host.now + limit.nanoseconds)
        for member in group.members:
            if member.gone:
                self._settle(host, member)
            elif member.launch_error is not None:
                state = TaskState.TASK_KILLED if member.doomed else TaskState.TASK_FAILED
                self._end(host, member, state, member.launch_error, None)
            elif member.doomed:
                self._kill(host, member, grace_period(member.task, member.kill_asked))

    def _settle(self, host: Host, member: Member) -> None:
        """How it ended, from why it was killed, if it was, and from its exit status."""
        reason = None
        if member.timed_out:
            state, reason = TaskState.TASK_FAILED, TaskStatus.Reason.REASON_MAX_COMPLETION_TIME_REACHED
        elif member.killing is not None or member.doomed:
            state = TaskState.TASK_KILLED
        elif member.exit_status == 0:
            state = TaskState.TASK_FINISHED
        else:
            state = TaskState.TASK_FAILED
        unknown = member.exit_status is None
        message = "Command terminated with unknown status" if unknown else exit_text(member.exit_status)
        self._end(host, member, state, message, reason)

    def _kill(
        self, host: Host, member: Member, grace: Nanos, *, tell: bool = True, policy: KillPolicy | None = None
    ) -> None:
        if member.ended:
            return
        if not member.answered:
            # Nothing to signal yet: cancel the launch, which may be a fetch that hangs.
            if not member.doomed:
                member.doomed, member.kill_asked = True, policy
                host.destroy(member.container_id)
            return
        if member.killing is not None:
            if member.killing.hasten(grace):
                host.set_timer(member.container_id, ESCALATE, member.killing.at)
            return
        if not member.running or member.gone:
            return
        member.killing = Killing(host.now, grace)
        if tell and host.takes_killing:
            host.update(member.task, TaskState.TASK_KILLING, container_id=member.container_id)
        if grace == 0:
            host.destroy(member.container_id)
        else:
            host.signal(member.container_id, SIGTERM)
            host.set_timer(member.container_id, ESCALATE, member.killing.at)

    def _end(
        self, host: Host, member: Member, state: TaskState, message: str, reason: TaskStatus.Reason | None
    ) -> None:
        if member.ended:
            return
        member.ended = True
        host.cancel_timer(member.container_id, ESCALATE)
        host.cancel_timer(member.container_id, MAX_COMPLETION)
        host.update(member.task, state, container_id=member.container_id, message=message, reason=reason)
        del self._members[member.container_id]
        del self._tasks[member.task.task_id]
        if state is not TaskState.TASK_FINISHED and not self._shutting_down:
            for other in list(member.group.members):
                self._kill(host, other, grace_period(other.task, None))
        self._finish_if_done(host)

    def _finish_if_done(self, host: Host) -> None:
        if not self._members:
            host.finish()
