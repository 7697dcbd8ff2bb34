"""The default executor: task groups, each task in a container of its own inside the executor's.

::

    group launched --> every member STARTING --> all containers launched (or failed) --> RUNNING | FAILED
    a member FAILED or KILLED --> the rest of its group is killed; other groups go on
    a health check kills a member --> the same, and whatever of the executor ends from now on ends unhealthy
    the last container is gone --> the executor ends

A task's end is decided as in ``command``: a kill decides it whatever the exit status is. All that is known of a member
is its ``Progress``, saved whenever it changes, so a restarted agent goes on from it (``resume``).

Mesos: src/launcher/default_executor.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from mesos_py.executor import checks
from mesos_py.executor.host import (
    KILL_GRACE_PERIOD,
    SIGTERM,
    Host,
    exit_text,
    grace_period,
    hastened,
    kill_within,
    resumed,
)
from mesos_py.executor.targets import SIGKILLED, Found
from mesos_py.machine.values import Nanos
from mesos_py.wire.checkpoint import Progress, Termination
from mesos_py.wire.ids import TaskID
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskState, TaskStatus

ESCALATE = "escalate"
MAX_COMPLETION = "max completion time"

#: of containers that are gone before anybody heard that they ran; Mesos: WAIT_NESTED_CONTAINER answered with 404
NOT_RETRIEVED = "Unable to retrieve command's termination information"
UNKNOWN_STATUS = "Command terminated with unknown status"


@attrs.define(eq=False)
class Member:
    """One task of a group and its container."""

    task: TaskInfo
    container_id: str
    group: Group
    progress: Progress
    ended: bool = False

    @property
    def answered(self) -> bool:
        """It is known what became of its launch."""
        progress = self.progress
        return progress.launched or progress.exited or progress.launch_error is not None


@attrs.define(eq=False)
class Group:
    """Tasks that live and die together."""

    members: list[Member] = attrs.Factory(list)

    @property
    def is_answered(self) -> bool:
        """It is known what became of every launch: those that run are told to be RUNNING."""
        return all(member.answered for member in self.members)


class DefaultExecutor:
    """Decides for all task groups of one executor."""

    __slots__ = ("_members", "_shutting_down", "_tasks")

    def __init__(self, kept: Iterable[tuple[TaskInfo, Progress]] = (), *, shutting_down: bool = False) -> None:
        """New, or with the tasks that a former agent has left."""
        self._members: dict[str, Member] = {}
        self._tasks: dict[TaskID, Member] = {}
        self._shutting_down = shutting_down
        groups: dict[str | None, Group] = {}
        for task, progress in kept:
            self._add(task, progress, groups.setdefault(progress.group, Group()))

    def launch_group(self, host: Host, tasks: tuple[TaskInfo, ...], container_ids: tuple[str, ...]) -> None:
        """Start all tasks; they are RUNNING when all their containers are launched."""
        group = Group()
        is_unhealthy = any(member.progress.unhealthy for member in self._members.values())
        for task, container_id in zip(tasks, container_ids, strict=True):
            progress = Progress(container_id=container_id, group=container_ids[0], unhealthy=is_unhealthy)
            host.save(task, progress)
            self._add(task, progress, group)
        for member in group.members:
            host.update(member.task, TaskState.TASK_STARTING, container_id=member.container_id)
        for member in group.members:
            host.run(member.task, member.container_id)

    def resume(self, host: Host, running: Mapping[str, bool]) -> None:
        """The agent was restarted. ``running``: containers that run, and whether SIGTERM has reached them.

        The exits of the others will be told as all exits are.
        """
        checked = {one.container_id: None for one in self._members.values() if one.group.is_answered}
        for member in list(self._members.values()):
            progress, container_id = member.progress, member.container_id
            if member.ended or progress.exited or (member.answered and container_id not in running):
                continue
            if not member.answered:
                if container_id in running:
                    self.launched(host, container_id)
                continue
            if progress.limited is not None:
                host.destroy(container_id)
                continue
            if progress.kill is None:
                self._limit(host, member)
                if container_id in checked:
                    checks.resume(host, member.task, container_id)
                continue
            kill = resumed(progress.kill, host.now)
            self._turn(host, member, kill=kill)
            if kill.at <= host.now:
                host.destroy(container_id)
            else:
                if not running[container_id]:
                    host.signal(container_id, SIGTERM)
                host.set_timer(container_id, ESCALATE, kill.at)
        self._finish_if_done(host)

    def launched(self, host: Host, container_id: str) -> None:
        """The task's process runs."""
        member = self._members[container_id]
        self._turn(host, member, launched=True)
        self._answered(host, member.group)

    def launch_failed(self, host: Host, container_id: str, message: str) -> None:
        """The task's process never ran."""
        member = self._members[container_id]
        self._turn(host, member, launch_error=message)
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
            if member.progress.kill is None:
                self._turn(host, member, timed_out=True)
                self._kill(host, member, 0, tell=False)
        elif not checks.make(host, member.task, container_id, what):
            host.destroy(container_id)

    def probed(self, host: Host, container_id: str, what: str, found: Found) -> None:
        """A check has a result; it interests nobody once the task is being killed."""
        member = self._members.get(container_id)
        if member is None or member.ended or member.progress.exited or member.progress.kill is not None:
            return
        check = member.task.health_check if what == checks.HEALTH else member.task.check
        if check is not None and check.command is not None and found.value == SIGKILLED:
            found = Found()  # most likely the task is ending, and what runs next to it with it
        progress, is_to_die = checks.heard(host, member.task, container_id, what, found, member.progress)
        if progress is not member.progress:
            member.progress = progress
            host.save(member.task, progress)
        if is_to_die:
            for other in self._members.values():
                self._turn(host, other, unhealthy=True)
            self._kill(host, member, grace_period(member.task, None))

    def limited(self, host: Host, container_id: str, why: Termination) -> None:
        """The task takes more than it may: that is how it ends."""
        member = self._members[container_id]
        self._turn(host, member, limited=why)
        host.destroy(container_id)

    def exited(self, host: Host, container_id: str, status: int | None) -> None:
        """A task's container is gone: say how it ended, and end its group unless it ended well."""
        member = self._members[container_id]
        was_answered = member.answered  # else its launch was cancelled
        self._turn(host, member, exited=True, exit_status=status)
        if not was_answered:
            self._settle(host, member)
            self._answered(host, member.group)
        elif member.group.is_answered:
            self._settle(host, member)

    # ---- parts

    def _add(self, task: TaskInfo, progress: Progress, group: Group) -> None:
        assert progress.container_id is not None
        member = Member(task, progress.container_id, group, progress)
        group.members.append(member)
        self._members[member.container_id] = self._tasks[task.task_id] = member

    def _turn(self, host: Host, member: Member, **news: Any) -> None:
        member.progress = evolve(member.progress, **news)
        host.save(member.task, member.progress)

    def _answered(self, host: Host, group: Group) -> None:
        """Once every launch has been answered: RUNNING for those that ran, the end for those that did not."""
        if not group.is_answered:
            return
        for member in group.members:
            if member.progress.launched and not member.ended and member.progress.kill is None:
                host.update(member.task, TaskState.TASK_RUNNING, container_id=member.container_id)
                if member.task.max_completion_time is not None or member.task.health_check is not None:
                    self._turn(host, member, running_since=host.now)
                    self._limit(host, member)
                checks.begin(host, member.task, member.container_id)
        for member in group.members:
            if member.progress.exited:
                self._settle(host, member)
            elif member.progress.launch_error is not None:
                state = TaskState.TASK_KILLED if member.progress.doomed else TaskState.TASK_FAILED
                self._end(host, member, state, member.progress.launch_error, None)
            elif member.progress.doomed:
                self._kill(host, member, grace_period(member.task, member.progress.kill_policy))

    def _limit(self, host: Host, member: Member) -> None:
        since, limit = member.progress.running_since, member.task.max_completion_time
        if since is not None and limit is not None:
            host.set_timer(member.container_id, MAX_COMPLETION, min(since, host.now) + limit.nanoseconds)

    def _settle(self, host: Host, member: Member) -> None:
        """How it ended, from why it was killed, if it was, and from its exit status."""
        progress, reason = member.progress, None
        if progress.limited is not None:
            self._end(host, member, progress.limited.state, progress.limited.message, progress.limited.reason)
            return
        if progress.timed_out:
            state, reason = TaskState.TASK_FAILED, TaskStatus.Reason.REASON_MAX_COMPLETION_TIME_REACHED
        elif progress.kill is not None or progress.doomed:
            state = TaskState.TASK_KILLED
        elif progress.exit_status == 0:
            state = TaskState.TASK_FINISHED
        else:
            state = TaskState.TASK_FAILED
        if progress.exit_status is None:
            message = UNKNOWN_STATUS if progress.launched or progress.doomed else NOT_RETRIEVED
        else:
            message = exit_text(progress.exit_status)
        self._end(host, member, state, message, reason)

    def _kill(
        self, host: Host, member: Member, grace: Nanos, *, tell: bool = True, policy: KillPolicy | None = None
    ) -> None:
        if member.ended:
            return
        progress = member.progress
        if not member.answered:
            # Nothing to signal yet: cancel the launch, which may be a fetch that hangs.
            if not progress.doomed:
                self._turn(host, member, doomed=True, kill_policy=policy)
                host.destroy(member.container_id)
            return
        if progress.kill is not None:
            sooner = hastened(progress.kill, grace)
            if sooner is not None:
                self._turn(host, member, kill=sooner)
                host.set_timer(member.container_id, ESCALATE, sooner.at)
            return
        if not progress.launched or progress.exited:
            return
        kill = kill_within(grace, host.now)
        self._turn(host, member, kill=kill)
        checks.end(host, member.task, member.container_id)
        if tell and host.takes_killing:
            host.update(member.task, TaskState.TASK_KILLING, container_id=member.container_id)
        if grace == 0:
            host.destroy(member.container_id)
        else:
            host.signal(member.container_id, SIGTERM)
            host.set_timer(member.container_id, ESCALATE, kill.at)

    def _end(
        self, host: Host, member: Member, state: TaskState, message: str, reason: TaskStatus.Reason | None
    ) -> None:
        if member.ended:
            return
        member.ended = True
        host.cancel_timer(member.container_id, ESCALATE)
        host.cancel_timer(member.container_id, MAX_COMPLETION)
        checks.end(host, member.task, member.container_id)
        progress = member.progress
        host.update(
            member.task,
            state,
            container_id=member.container_id,
            message=message,
            reason=reason,
            healthy=False if progress.unhealthy else None,
            exceeded=() if progress.limited is None else progress.limited.resources,
        )
        del self._members[member.container_id]
        del self._tasks[member.task.task_id]
        if state is not TaskState.TASK_FINISHED and not self._shutting_down:
            for other in list(member.group.members):
                self._kill(host, other, grace_period(other.task, None))
        self._finish_if_done(host)

    def _finish_if_done(self, host: Host) -> None:
        if not self._members:
            host.finish()
