"""Agents that do what they are told and remember it, for walks through whole lives of a cluster."""

from __future__ import annotations

from typing import Any

from mesos_py.master.entities import TERMINAL
from mesos_py.wire import internal
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.task import Task, TaskInfo, TaskState, TaskStatus
from tests.master.world import AgentDouble, World


class Running:
    """A task as its agent has it."""

    def __init__(self, info: TaskInfo, framework_id: FrameworkID, executor: ExecutorInfo | None) -> None:
        self.info, self.framework_id, self.executor = info, framework_id, executor
        self.state = TaskState.TASK_STAGING
        self.unacknowledged: TaskStatus | None = None

    def report(self) -> Task:
        return Task(
            name=self.info.name,
            task_id=self.info.task_id,
            framework_id=self.framework_id,
            executor_id=None if self.executor is None else self.executor.executor_id,
            agent_id=self.info.agent_id,
            state=self.state,
            resources=self.info.resources,
        )


class Host:
    """An agent that does what it is told and remembers it."""

    def __init__(self, double: AgentDouble) -> None:
        self.double = double
        self.tasks: dict[tuple[str, str], Running] = {}
        self.executors: dict[tuple[str, str], ExecutorInfo] = {}
        self.infos: dict[str, Any] = {}
        self.connected = True
        self.told_to_exit = False

    def obey(self, world: World) -> None:
        for message in list(self.double.heard):
            if isinstance(message, internal.RunTask):
                self._run(message.framework, message.task, message.task.executor)
            elif isinstance(message, internal.RunTaskGroup):
                self._run_executor(message.framework, message.executor)
                for task in message.task_group.tasks:
                    self._run(message.framework, task, message.executor)
            elif isinstance(message, internal.AcknowledgeUpdate):
                self._acknowledged(message)
            elif isinstance(message, internal.ShutdownFramework):
                assert message.framework_id in world.state.completed_frameworks, "I8"
                self._shut_down(message.framework_id)
            elif isinstance(message, internal.ShutdownAgent):
                self.told_to_exit = True
        self.double.heard.clear()

    def _run_executor(self, framework: Any, executor: ExecutorInfo) -> None:
        self.infos[framework.id] = framework
        self.executors[framework.id, executor.executor_id] = executor

    def _run(self, framework: Any, task: TaskInfo, executor: ExecutorInfo | None) -> None:
        key = (framework.id, task.task_id)
        assert key not in self.tasks, f"I2: {key} is launched while it is here"
        self.infos[framework.id] = framework
        self.tasks[key] = Running(task, framework.id, executor)
        if executor is not None:
            self._run_executor(framework, executor)

    def _acknowledged(self, message: internal.AcknowledgeUpdate) -> None:
        key = (message.framework_id, message.task_id)
        running = self.tasks.get(key)
        if running is None or running.unacknowledged is None or running.unacknowledged.uuid != message.uuid:
            return
        running.unacknowledged = None
        if TERMINAL[running.state]:
            del self.tasks[key]

    def _shut_down(self, framework_id: str) -> None:
        self.tasks = {key: task for key, task in self.tasks.items() if key[0] != framework_id}
        self.executors = {key: executor for key, executor in self.executors.items() if key[0] != framework_id}

    def reregister(self) -> None:
        self.connected = True
        self.double.reregister(
            tasks=tuple(task.report() for task in self.tasks.values()),
            executors=tuple(self.executors.values()),
            frameworks=tuple(self.infos.values()),
        )
        for task in self.tasks.values():
            if task.unacknowledged is not None:
                self.send(task, task.unacknowledged)

    def send(self, task: Running, status: TaskStatus) -> None:
        self.double.say(internal.StatusUpdate(framework_id=task.framework_id, status=status, latest_state=task.state))
