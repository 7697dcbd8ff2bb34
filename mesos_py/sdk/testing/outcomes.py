"""What becomes of tasks in the simulator: their commands are replaced by their fates when they are launched.

A task of a custom executor keeps its data if that executor is a program of the test, see ``executors``.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from mesos_py.sdk.executor import Executor
from mesos_py.sim.fate import Fate
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskGroupInfo, TaskInfo

Outcomes = Callable[[TaskInfo], Fate]
"""What becomes of a task, by whatever its framework says of it."""

Executors = Callable[[ExecutorInfo], Callable[[], Executor] | None]
"""What makes the program of an executor; None: it is simulated."""


class Fates:
    """Those of one cluster."""

    def __init__(self, outcomes: Outcomes, executors: Executors) -> None:
        self._outcomes, self._executors = outcomes, executors
        #: all who use an executor must say the same of it: by id
        self._commands: dict[str, str] = {}
        self.programs: dict[str, Callable[[], Executor]] = {}

    def into(self, call: Call) -> Call:
        """The call, with what becomes of its tasks in place of their commands."""
        if call.accept is None:
            return call
        operations = tuple(self._operation(one) for one in call.accept.operations)
        return evolve(call, accept=evolve(call.accept, operations=operations))

    def _operation(self, operation: Offer.Operation) -> Offer.Operation:
        if operation.launch is not None:
            tasks = tuple(self._task(task) for task in operation.launch.task_infos)
            return evolve(operation, launch=evolve(operation.launch, task_infos=tasks))
        if operation.launch_group is not None:
            group = TaskGroupInfo(tasks=tuple(self._task(task) for task in operation.launch_group.task_group.tasks))
            return evolve(operation, launch_group=evolve(operation.launch_group, task_group=group))
        return operation

    def _task(self, task: TaskInfo) -> TaskInfo:
        executor = task.executor
        if executor is None or executor.type is ExecutorInfo.Type.DEFAULT:
            fate = attrs.evolve(self._outcomes(task), task=task.task_id)
            return evolve(task, command=CommandInfo(value=fate.command()))
        first = self._commands.setdefault(executor.executor_id, Fate(task=task.task_id, executor=1).command())
        runs = evolve(executor, command=CommandInfo(value=first))
        make = self._executors(executor)
        if make is not None:
            self.programs[executor.executor_id] = make
            return evolve(task, executor=runs)
        fate = attrs.evolve(self._outcomes(task), task=task.task_id)
        return evolve(task, executor=runs, data=fate.command().encode())
