"""What an agent knows: frameworks, their executors, the executors' tasks. Only the methods here change it.

::

    Framework --> Executor (one run = one container) --> queued     not delivered to the executor yet
                                                     --> launched   delivered, not ended
                                                     --> terminated ended, its last update not acknowledged
                                                     --> completed  history (bounded)

Every index is kept by the same methods, ``check`` verifies them. History is bounded: completed tasks per executor,
completed executors per framework, completed frameworks.

Mesos: src/slave/slave.hpp, classes Framework and Executor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from mesos_py.agent import changes
from mesos_py.agent.demand import Demand
from mesos_py.agent.entities import Executor, Framework, Task
from mesos_py.agent.lifecycle import TERMINAL, ExecutorState
from mesos_py.agent.options import MAX_COMPLETED_FRAMEWORKS
from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Frame, PeerID
from mesos_py.machine.usage import Usage
from mesos_py.machine.values import Nanos
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.checkpoint import Termination
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, TaskID
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import KillPolicy, TaskGroupInfo, TaskState, TaskStatus

DROPPED_MAX = 1_000  # tasks; kills cross the ends of their tasks by moments, not by thousands of tasks


class State:
    """Everything an agent knows, and the only code that changes it. Public attributes are read-only outside."""

    def __init__(self, info: AgentInfo, total: Resources, *, max_completed_executors: int) -> None:
        self.info = info
        self.total = total
        #: dynamic reservations and volumes, unallocated
        self.checkpointed = total.checkpointed()
        self.frameworks: dict[FrameworkID, Framework] = {}
        self.completed_frameworks: dict[FrameworkID, Framework] = {}
        #: executors by container, until they are removed
        self.containers: dict[str, Executor] = {}
        #: executors by the container of one of their tasks
        self.nested: dict[str, Executor] = {}
        self.peers: dict[PeerID, Executor] = {}
        #: what has happened since the start, by metric name
        self.counters: dict[str, int] = dict.fromkeys(COUNTERS, 0)
        #: tasks that no executor ever had and whose end was said, oldest first
        self.dropped: dict[tuple[FrameworkID, TaskID], None] = {}
        self._max_completed_executors = max_completed_executors

    @property
    def id(self) -> AgentID | None:
        return self.info.id

    def admit(self, agent_id: AgentID) -> None:
        """The master has given us our id."""
        self.info = evolve(self.info, id=agent_id)

    def count(self, name: str, by: int = 1) -> None:
        self.counters[name] += by

    def count_end(self, state: TaskState) -> None:
        """A task has ended in ``state``."""
        name = TERMINAL_COUNTERS.get(state)
        if name is not None:
            self.counters[name] += 1

    # ---- frameworks

    def add_framework(self, info: FrameworkInfo, out: Frame) -> Framework:
        """A framework becomes active; one with history here keeps it."""
        assert info.id is not None
        assert info.id not in self.frameworks
        framework = self.completed_frameworks.pop(info.id, None)
        if framework is None:
            framework = Framework(info, {}, deque(maxlen=self._max_completed_executors))
        self.frameworks[info.id] = framework
        framework.terminating = framework.awaited = False
        self.update_framework(framework, info)
        out.change(changes.FrameworkAdded(info.id))
        return framework

    def update_framework(self, framework: Framework, info: FrameworkInfo) -> None:
        framework.info = info
        framework.capabilities = frozenset(
            capability.type for capability in info.capabilities if capability.type is not None
        )

    def terminate_framework(self, framework: Framework) -> None:
        framework.terminating = True

    def report_framework(self, framework: Framework) -> None:
        """A master is about to learn which tasks of it there are."""
        framework.awaited = framework.terminating

    def remove_framework(self, framework: Framework, out: Frame) -> None:
        """Nothing of it is left here: it becomes history."""
        assert not framework.executors
        del self.frameworks[framework.id]
        self.completed_frameworks[framework.id] = framework
        if len(self.completed_frameworks) > MAX_COMPLETED_FRAMEWORKS:
            del self.completed_frameworks[next(iter(self.completed_frameworks))]
        out.change(changes.FrameworkRemoved(framework.id))

    # ---- executors

    def add_executor(self, executor: Executor, out: Frame) -> None:
        framework = executor.framework
        assert executor.id not in framework.executors
        framework.executors[executor.id] = executor
        self.containers[executor.container_id] = executor
        out.change(changes.ExecutorAdded(framework.id, executor.id, executor.container_id))

    def turn_executor(self, executor: Executor, state: ExecutorState, out: Frame) -> None:
        if executor.state is not state:
            executor.state = state
            if state is ExecutorState.TERMINATED:
                self.count("slave/executors_terminated")
            out.change(changes.ExecutorTurned(executor.framework.id, executor.id, state.value))

    def connect_executor(self, executor: Executor, peer: PeerID | None) -> None:
        """``peer`` is the executor's only event stream from now on."""
        if executor.peer is not None:
            del self.peers[executor.peer]
        executor.peer = peer
        if peer is not None:
            self.peers[peer] = executor

    def place_executor(self, executor: Executor, pid: int | None, status: ContainerStatus) -> None:
        """Its container runs."""
        executor.pid = pid
        executor.container_status = status

    def end_by(self, executor: Executor, at: Nanos) -> None:
        """It has been told to end; it is ended by force then."""
        executor.ends_at = at

    def end_with(self, executor: Executor, termination: Termination) -> None:
        """Remember why it is ended; the first reason counts."""
        if executor.termination is None:
            executor.termination = termination

    def settle(self, container_id: str, usage: Usage | None) -> None:
        """The container has exited, and that is what it has used: a command task, a task in a group. What a custom
        executor has used is not what its tasks have."""
        executor, of_group = self.containers.get(container_id), self.nested.get(container_id)
        if executor is not None and executor.is_command:
            executor.usage = usage
        elif of_group is not None and usage is not None:
            of_group.task_usage[of_group.nested[container_id]] = usage

    def remove_executor(self, executor: Executor, out: Frame) -> None:
        """The run becomes history; what is left of its tasks too."""
        framework = executor.framework
        assert executor.state is ExecutorState.TERMINATED
        del framework.executors[executor.id]
        del self.containers[executor.container_id]
        for container_id in executor.nested:
            del self.nested[container_id]
        executor.nested.clear()
        executor.nested_status.clear()
        self.connect_executor(executor, None)
        for tasks in (executor.launched, executor.terminated):
            executor.completed.extend(tasks.values())
            tasks.clear()
        executor.queued.clear()
        executor.queued_groups.clear()
        executor.task_usage.clear()
        executor.demand = Demand.of(executor.info)
        executor.builtin = None
        framework.completed_executors.append(executor)
        out.change(changes.ExecutorRemoved(framework.id, executor.id))

    def nest(self, executor: Executor, container_id: str, task_id: TaskID) -> None:
        executor.nested[container_id] = task_id
        self.nested[container_id] = executor

    def place_nested(self, container_id: str, status: ContainerStatus) -> None:
        """The task's container runs."""
        self.nested[container_id].nested_status[container_id] = status

    def unnest(self, container_id: str) -> None:
        """Nothing of the container is left."""
        executor = self.nested.pop(container_id)
        del executor.nested[container_id]
        executor.nested_status.pop(container_id, None)

    # ---- tasks

    def queue_task(self, executor: Executor, task: Task, out: Frame) -> None:
        executor.queued[task.id] = task
        executor.demand.add(task.info)
        self.dropped.pop((task.framework_id, task.id), None)
        out.change(changes.TaskAdded(task.framework_id, task.id))

    def queue_group(self, executor: Executor, group: TaskGroupInfo) -> None:
        executor.queued_groups.append(group)

    def unqueue_group(self, executor: Executor, group: TaskGroupInfo) -> None:
        executor.queued_groups.remove(group)

    def deliver_task(self, executor: Executor, task: Task) -> None:
        """From queued to launched: the executor has it now."""
        del executor.queued[task.id]
        executor.launched[task.id] = task
        executor.ever_delivered = True

    def update_task(self, executor: Executor, task: Task, status: TaskStatus, out: Frame) -> None:
        """The task is in the state ``status`` says; a terminal one moves it to where it waits for acknowledgement."""
        state = status.state
        _hear(task, status)
        if state in TERMINAL:
            task_id = status.task_id
            if (executor.queued.pop(task_id, None) or executor.launched.pop(task_id, None)) is not None:
                executor.demand.remove(task.info)
            executor.terminated[task_id] = task
            self.count_end(state)
        out.change(changes.TaskUpdated(task.framework_id, task.id, state, status.reason, status.message))

    def forwarded(
        self, framework_id: FrameworkID, executor_id: ExecutorID, task_id: TaskID, status: TaskStatus
    ) -> None:
        """The update has left for the master, perhaps again; Mesos: src/slave/slave.cpp Slave::forward."""
        framework = self.frameworks.get(framework_id)
        executor = None if framework is None else framework.executors.get(executor_id)
        task = None if executor is None else executor.task(task_id)
        if task is not None and task.status_update_uuid != status.uuid:
            task.status_update_state, task.status_update_uuid = status.state, status.uuid
            task._wire = None

    def restore_task(
        self, executor: Executor, task: Task, statuses: Sequence[TaskStatus], told: int, *, delivered: bool
    ) -> None:
        """A former agent's task is where it was; ``statuses`` are those it had heard, of which so many may have been
        told."""
        for status in statuses:
            _hear(task, status)
        if told:
            task.status_update_state, task.status_update_uuid = statuses[told - 1].state, statuses[told - 1].uuid
        if task.state in TERMINAL:
            executor.terminated[task.id] = task
        elif delivered:
            executor.launched[task.id] = task
        else:
            executor.queued[task.id] = task
        executor.ever_delivered |= delivered
        if task.state not in TERMINAL:
            executor.demand.add(task.info)

    def remember_kill(self, executor: Executor, task_id: TaskID, policy: KillPolicy | None) -> None:
        """To be said when the executor is back."""
        executor.kills[task_id] = policy

    def take_kills(self, executor: Executor) -> dict[TaskID, KillPolicy | None]:
        """What was remembered, to be said now."""
        kills, executor.kills = executor.kills, {}
        return kills

    def complete_task(self, executor: Executor, task_id: TaskID) -> Task | None:
        """The framework knows how it ended."""
        task = executor.terminated.pop(task_id, None)
        if task is not None:
            executor.completed.append(task)
        return task

    def remember_dropped(self, framework_id: FrameworkID, task_id: TaskID) -> None:
        """Its end has been said; a kill that comes later must not say another."""
        self.dropped[framework_id, task_id] = None
        if len(self.dropped) > DROPPED_MAX:
            del self.dropped[next(iter(self.dropped))]

    # ---- invariants

    def check(self) -> None:
        """All indexes agree. Called after every frame in tests."""
        executors = [executor for framework in self.frameworks.values() for executor in framework.executors.values()]
        assert self.containers == {executor.container_id: executor for executor in executors}
        assert self.peers == {executor.peer: executor for executor in executors if executor.peer is not None}
        assert self.nested == {container_id: executor for executor in executors for container_id in executor.nested}
        assert len(self.completed_frameworks) <= MAX_COMPLETED_FRAMEWORKS
        assert not self.frameworks.keys() & self.completed_frameworks.keys()
        for executor in executors:
            assert executor.framework.executors[executor.id] is executor
            unfinished = [task.info for task in (*executor.queued.values(), *executor.launched.values())]
            assert executor.demand == Demand.of(executor.info, unfinished), executor.id
            where = [*executor.queued, *executor.launched, *executor.terminated]
            assert len(where) == len(set(where)), where
            for task in (*executor.queued.values(), *executor.launched.values()):
                assert task.state not in TERMINAL, task
            for task in executor.terminated.values():
                assert task.state in TERMINAL, task
            grouped = [task.task_id for group in executor.queued_groups for task in group.tasks]
            assert all(task_id in executor.queued for task_id in grouped)
            if executor.state is ExecutorState.TERMINATED:
                assert not executor.queued
                assert not executor.launched
                assert executor.terminated, "nobody waits for it"


def _hear(task: Task, status: TaskStatus) -> None:
    """Consecutive statuses of one state are collapsed to the last, and shown without their data."""
    shown = status if status.data is None else evolve(status, data=None)
    if task.statuses and task.statuses[-1].state is status.state:
        task.statuses = (*task.statuses[:-1], shown)
    else:
        task.statuses = (*task.statuses, shown)
    task.state = status.state
    task._wire = None


TERMINAL_COUNTERS: Final[dict[TaskState, str]] = {
    TaskState.TASK_FINISHED: "slave/tasks_finished",
    TaskState.TASK_FAILED: "slave/tasks_failed",
    TaskState.TASK_KILLED: "slave/tasks_killed",
    TaskState.TASK_LOST: "slave/tasks_lost",
    TaskState.TASK_GONE: "slave/tasks_gone",
}

COUNTERS: Final = (
    *TERMINAL_COUNTERS.values(),
    "slave/executors_terminated",
    "slave/executors_preempted",
    "slave/container_launch_errors",
    "slave/valid_status_updates",
    "slave/invalid_status_updates",
    "slave/valid_framework_messages",
    "slave/invalid_framework_messages",
    "slave/recovery_errors",
    "gc/path_removals_succeeded",
    "gc/path_removals_failed",
    "containerizer/fetcher/task_fetches_succeeded",
    "containerizer/fetcher/task_fetches_failed",
)

