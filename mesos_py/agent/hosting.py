"""The agent as its built-in executors see it during one frame (mesos_py/executor/host.py).

What they ask for becomes words to the containerizer, timers, and updates that take the same way as those of any other
executor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.agent import specs, words
from mesos_py.agent.checkpoint import facts
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.entities import Executor
from mesos_py.executor.host import empty_check_status
from mesos_py.executor.targets import Target
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import Nanos, value
from mesos_py.wire.checkpoint import Progress
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.health import CheckStatusInfo
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.resource import Resource, TaskResourceLimitation
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent


REPEATED_MAX = 1_000  # updates of one task waiting for acknowledgement beyond which its checks add no more


@value
class ExecutorTimer:
    """A built-in executor wanted to be called now."""

    executor_container_id: str
    container_id: str
    what: str


class Hosting:
    """One executor's view of the agent; made for each frame that calls the executor."""

    __slots__ = ("_agent", "_executor", "_out", "finished")

    def __init__(self, agent: Agent, executor: Executor, out: Frame) -> None:
        self._agent = agent
        self._executor = executor
        self._out = out
        #: the executor has said that it ends
        self.finished = False

    @property
    def now(self) -> Nanos:
        return self._out.now

    @property
    def takes_killing(self) -> bool:
        return self._executor.framework.takes_killing

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
        agent, executor = self._agent, self._executor
        known = executor.launched.get(task.task_id)
        if known is None:
            return
        status = TaskStatus(
            task_id=task.task_id,
            state=state,
            message=message,
            data=data,
            source=TaskStatus.Source.SOURCE_EXECUTOR,
            reason=reason,
            agent_id=agent.state.id,
            executor_id=executor.id,
            timestamp=self._out.now / 1e9,
            uuid=agent.new_uuid(),
            healthy=healthy,
            check_status=empty_check_status(task) if task.check is not None else None,
            container_status=self._container_status(container_id),
            limitation=TaskResourceLimitation(resources=exceeded) if exceeded else None,
        )
        agent.take(executor, known, status, self._out)

    def last(self, task: TaskInfo) -> TaskStatus | None:
        known = self._executor.launched.get(task.task_id)
        return known.statuses[-1] if known is not None and known.statuses else None

    def repeat(
        self,
        task: TaskInfo,
        *,
        reason: TaskStatus.Reason,
        healthy: bool | None = None,
        check_status: CheckStatusInfo | None = None,
    ) -> None:
        """Not while too many wait for acknowledgement: a check that flaps leaves room for the end of its task."""
        agent, executor, last = self._agent, self._executor, self.last(task)
        stream = agent.updates.stream(executor.framework.id, task.task_id)
        if last is None or (stream is not None and len(stream.pending) >= REPEATED_MAX):
            return
        status = evolve(
            last,
            reason=reason,
            timestamp=self._out.now / 1e9,
            uuid=agent.new_uuid(),
            healthy=last.healthy if healthy is None else healthy,
            check_status=check_status or last.check_status,
        )
        agent.take(executor, executor.launched[task.task_id], status, self._out)

    def probe(self, task: TaskInfo, container_id: str, what: str, target: Target, timeout: Nanos | None) -> None:
        beside = specs.beside(self._spec(task, container_id), target) if isinstance(target, CommandInfo) else target
        self._out.send(words.CONTAINERS, words.Probe(container_id, what, beside, timeout))

    def save(self, task: TaskInfo, progress: Progress) -> None:
        executor = self._executor
        if executor.checkpoint and task.task_id in executor.launched:
            fact = facts.ProgressSaved(executor.framework.id, executor.container_id, task.task_id, progress)
            self._out.write(fact)

    def run(self, task: TaskInfo, container_id: str) -> None:
        self._agent.state.nest(self._executor, container_id, task.task_id)
        self._agent.launch(self._spec(task, container_id), task.command, self._out)

    def signal(self, container_id: str, signum: int) -> None:
        self._out.send(words.CONTAINERS, words.SignalContainer(container_id, signum))

    def destroy(self, container_id: str) -> None:
        self._out.send(words.CONTAINERS, words.DestroyContainer(container_id))

    def set_timer(self, container_id: str, what: str, at: Nanos) -> None:
        event = ExecutorTimer(self._executor.container_id, container_id, what)
        self._agent.timers.set((container_id, what), at, event)

    def cancel_timer(self, container_id: str, what: str) -> None:
        self._agent.timers.cancel((container_id, what))

    def finish(self) -> None:
        self.finished = True

    def _spec(self, task: TaskInfo, container_id: str) -> ContainerSpec:
        """What runs in the container of ``task``."""
        agent, executor = self._agent, self._executor
        if container_id == executor.container_id:
            return specs.command_task(agent.options, agent.executor_environment(executor), executor, task)
        return specs.nested_task(agent.options, executor, task, container_id, agent.ip)

    def _container_status(self, container_id: str) -> ContainerStatus | None:
        executor = self._executor
        if container_id == executor.container_id:
            return executor.container_status
        running = executor.nested_status.get(container_id)
        if running is not None:
            return running
        parent = ContainerID(value=executor.container_id)
        return ContainerStatus(container_id=ContainerID(value=container_id, parent=parent))
