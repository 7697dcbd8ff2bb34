"""A host that remembers what a built-in executor asked for, and plays time."""

from __future__ import annotations

from typing import Protocol

from mesos_py.executor.host import empty_check_status
from mesos_py.executor.targets import Target
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire.checkpoint import Progress
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.health import CheckStatusInfo
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus


class Timed(Protocol):
    """What of an executor the clock calls."""

    def timer(self, host: Recorder, container_id: str, what: str) -> None: ...


class Recorder:
    """The Host port: words in order, statuses by task, timers."""

    def __init__(self, *, takes_killing: bool = True) -> None:
        self.now: Nanos = 0
        self.takes_killing = takes_killing
        #: ("run" | "signal 15" | "destroy", container)
        self.asked: list[tuple[str, str]] = []
        self.said: dict[str, list[str]] = {}
        self.messages: list[str | None] = []
        self.reasons: list[TaskStatus.Reason | None] = []
        self.timers: dict[tuple[str, str], Nanos] = {}
        self.finished = False
        self.saved: dict[str, Progress] = {}
        #: of each task, whatever was said of it: kept apart from the host's own memory
        self.statuses: dict[str, list[TaskStatus]] = {}
        #: (container, which check, what it looks at, timeout)
        self.probes: list[tuple[str, str, Target, Nanos | None]] = []

    def update(
        self, task: TaskInfo, state: TaskState, *, container_id: str, message: str | None = None,
        reason: TaskStatus.Reason | None = None, healthy: bool | None = None, exceeded: tuple[Resource, ...] = (),
        data: bytes | None = None,
    ) -> None:  # fmt: skip
        self.said.setdefault(task.task_id, []).append(state.name.removeprefix("TASK_"))
        self.messages.append(message)
        self.reasons.append(reason)
        self.statuses.setdefault(task.task_id, []).append(
            TaskStatus(
                task_id=task.task_id, state=state, message=message, reason=reason, healthy=healthy, data=data,
                source=TaskStatus.Source.SOURCE_EXECUTOR, timestamp=self.now / SECOND,
                check_status=empty_check_status(task),
            )
        )  # fmt: skip

    def last(self, task: TaskInfo) -> TaskStatus | None:
        said = self.statuses.get(task.task_id)
        return said[-1] if said else None

    def repeat(
        self, task: TaskInfo, *, reason: TaskStatus.Reason, healthy: bool | None = None,
        check_status: CheckStatusInfo | None = None,
    ) -> None:  # fmt: skip
        last = self.statuses[task.task_id][-1]
        self.statuses[task.task_id].append(
            evolve(
                last, reason=reason, timestamp=self.now / SECOND,
                healthy=last.healthy if healthy is None else healthy, check_status=check_status or last.check_status,
            )
        )  # fmt: skip

    def probe(self, task: TaskInfo, container_id: str, what: str, target: Target, timeout: Nanos | None) -> None:
        self.probes.append((container_id, what, target, timeout))

    def save(self, task: TaskInfo, progress: Progress) -> None:
        self.saved[task.task_id] = progress

    def run(self, task: TaskInfo, container_id: str) -> None:
        self.asked.append(("run", container_id))

    def signal(self, container_id: str, signum: int) -> None:
        self.asked.append((f"signal {signum}", container_id))

    def destroy(self, container_id: str) -> None:
        self.asked.append(("destroy", container_id))

    def set_timer(self, container_id: str, what: str, at: Nanos) -> None:
        self.timers[container_id, what] = at

    def cancel_timer(self, container_id: str, what: str) -> None:
        self.timers.pop((container_id, what), None)

    def finish(self) -> None:
        self.finished = True

    def advance(self, executor: Timed, duration: Nanos) -> None:
        """Every timer comes when it is due."""
        end = self.now + duration
        while due := sorted((at, key) for key, at in self.timers.items() if at <= end):
            self.now, key = due[0]
            del self.timers[key]
            executor.timer(self, *key)
        self.now = end

    def take(self) -> list[tuple[str, str]]:
        """What was asked for since last time."""
        asked, self.asked = self.asked, []
        return asked


def task(task_id: str = "t", **fields: object) -> TaskInfo:

    given: dict[str, object] = {"command": CommandInfo(value="sleep 1000")} | fields
    return TaskInfo(name=task_id, task_id=TaskID(task_id), agent_id=AgentID("a"), **given)  # type: ignore[arg-type]
