"""The agent as its built-in executors see it during one frame (mesos_py/executor/host.py).

What they ask for becomes words to the containerizer, timers, and updates that take the same way as those of any other
executor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.agent import facts, specs, words
from mesos_py.agent.entities import Executor
from mesos_py.executor.host import empty_check_status
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import Nanos, value
from mesos_py.wire.checkpoint import Progress
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent


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
    ) -> None:
        agent, executor = self._agent, self._executor
        known = executor.launched.get(task.task_id)
        if known is None:
            return
        status = TaskStatus(
            task_id=task.task_id,
            state=state,
            message=message,
            source=TaskStatus.Source.SOURCE_EXECUTOR,
            reason=reason,
            agent_id=agent.state.id,
            executor_id=executor.id,
            timestamp=self._out.now / 1e9,
            uuid=agent.new_uuid(),
            healthy=healthy,
            check_status=empty_check_status(task) if task.check is not None else None,
            container_status=self._container_status(container_id),
        )
        agent.take(executor, known, status, self._out)

    def save(self, task: TaskInfo, progress: Progress) -> None:
        executor = self._executor
        if executor.checkpoint and task.task_id in executor.launched:
            fact = facts.ProgressSaved(executor.framework.id, executor.container_id, task.task_id, progress)
            self._out.write(fact)

    def run(self, task: TaskInfo, container_id: str) -> None:
        agent, executor = self._agent, self._executor
        agent.state.nest(executor, container_id, task.task_id)
        spec = specs.nested_task(executor, task, container_id, agent.ip)
        agent.launch(spec, task.command, self._out)

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

    def _container_status(self, container_id: str) -> ContainerStatus | None:
        executor = self._executor
        if container_id == executor.container_id:
            return executor.container_status
        running = executor.nested_status.get(container_id)
        if running is not None:
            return running
        parent = ContainerID(value=executor.container_id)
        return ContainerStatus(container_id=ContainerID(value=container_id, parent=parent))
