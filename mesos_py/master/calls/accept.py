"""ACCEPT: offers are turned into tasks, and what is not used goes back.

::

    offers valid? --no--> offers discarded, every task TASK_DROPPED/LOST, every operation with an id OPERATION_ERROR
        | yes
    pool = what the offers hold; the offers are gone
        for each operation, in order: refused (the framework is told, the next one goes on) or done: pool -= used
    used --> the allocator knows it as used; the rest of the pool --> declined with the call's filters

Only launches are done as yet; any other operation is refused and leaves the pool as it is. RESERVE and its kin belong
into ``Acceptance.perform``: they replace a part of the pool by what it is converted to.

The agent of a live offer is always connected (an agent that is not has its offers rescinded), so Mesos' refusals for
vanished agents (REASON_AGENT_REMOVED, REASON_AGENT_DISCONNECTED) cannot come up here.

Mesos: src/master/master.cpp Master::accept, _accept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mesos_py.algebra.resources import NONE, Resources
from mesos_py.algebra.validation import validate_all
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table
from mesos_py.master import words
from mesos_py.master.calls.callers import known_caller
from mesos_py.master.calls.offers import end, refuse_seconds
from mesos_py.master.changes import Accepted, OfferEnd, TaskRefused
from mesos_py.master.entities import Agent, Framework, task_of
from mesos_py.master.state.executors import add_executor
from mesos_py.master.state.offers import remove_offer
from mesos_py.master.state.tasks import add_task
from mesos_py.master.validation.executor import (
    invalid_executor,
    invalid_launch_executor,
    invalid_task_and_executor,
)
from mesos_py.master.validation.group import invalid_group
from mesos_py.master.validation.offers import invalid_offers
from mesos_py.master.validation.task import invalid_task
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.health import HealthCheck
from mesos_py.wire.internal import RunTask, RunTaskGroup
from mesos_py.wire.offer import Offer as WireOffer
from mesos_py.wire.operation import OperationState
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskGroupInfo, TaskInfo, TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.master.core import Master

table = Table("accept")
Operation = WireOffer.Operation
_Reason = TaskStatus.Reason
_EITHER = "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"


@table.on(Call.Type.ACCEPT, check=known_caller)
def accept(m: Master, event: Event, out: Frame) -> None:
    """The offers are gone; each operation is done or refused, and what was not used is declined."""
    call: Call = event.body
    asked = call.accept
    assert asked is not None
    framework = m.state.frameworks[call.framework_id]  # type: ignore[index]
    launches = sum(bool(tasks_of(operation)) for operation in asked.operations)
    out.changes.append(Accepted(framework.id, tuple(operation.type for operation in asked.operations), launches))
    text = invalid_offers(asked.offer_ids, m.state.offer, framework.id)
    if text is not None:
        _refuse_all(m, framework, asked, text, out)
        return
    offers = [m.state.offers[offer_id] for offer_id in asked.offer_ids]
    pool = NONE
    for offer in offers:
        pool += offer.resources
        m.timers.cancel(("offer", offer.id))
        remove_offer(m.state, offer, OfferEnd.ACCEPTED, out)
    acceptance = Acceptance(m, framework, m.state.agents[offers[0].agent_id], offers[0].role, pool, out)
    for operation in asked.operations:
        acceptance.perform(operation)
    if acceptance.used:
        m.allocator.use(framework.id, acceptance.agent.id, acceptance.used)
    rest = acceptance.remaining
    refuse_s = refuse_seconds(asked.filters)
    m.allocator.recover(framework.id, acceptance.agent.id, rest, out.now, refuse_s=refuse_s)


def _refuse_all(m: Master, framework: Framework, asked: Call.Accept, text: str, out: Frame) -> None:
    """Nothing is launched. The framework's own offers among those named are discarded without a filter.

    Mesos discards those of other frameworks as well, which would let one framework take offers from another.
    """
    for offer_id in asked.offer_ids:
        offer = m.state.offer(offer_id)
        if offer is not None and offer.framework_id == framework.id:
            end(m, offer, OfferEnd.DISCARDED, out)
    state = TaskState.TASK_DROPPED if framework.capabilities.partition_aware else TaskState.TASK_LOST
    for operation in asked.operations:
        tasks = tasks_of(operation)
        _refuse(m, framework, tasks, state, _Reason.REASON_INVALID_OFFERS,
                f"Task launched with invalid offers: {text}", out)  # fmt: skip
        if not tasks:
            _refuse_operation(m, framework, operation, f"Operation attempted with invalid offers: {text}", out)


def tasks_of(operation: Operation) -> tuple[TaskInfo, ...]:
    """The tasks an operation would launch."""
    if operation.type is Operation.Type.LAUNCH and operation.launch is not None:
        return operation.launch.task_infos
    if operation.type is Operation.Type.LAUNCH_GROUP and operation.launch_group is not None:
        return operation.launch_group.task_group.tasks
    return ()


def _refuse(
    m: Master,
    framework: Framework,
    tasks: Iterable[TaskInfo],
    state: TaskState,
    reason: TaskStatus.Reason,
    text: str,
    out: Frame,
) -> None:
    """The framework is told of each task that it will not be."""
    for task in tasks:
        status = words.status(task.task_id, state, reason, text, out.now, agent_id=task.agent_id)
        m.say(framework, words.update(status), out)
        out.change(TaskRefused(task.task_id, framework.id, status))


def _refuse_operation(m: Master, framework: Framework, operation: Operation, text: str, out: Frame) -> None:
    """The framework is told if it asked for feedback by giving an id."""
    launches = (Operation.Type.LAUNCH, Operation.Type.LAUNCH_GROUP)
    if operation.id is not None and operation.type and operation.type not in launches:
        m.say(framework, words.operation_status(OperationState.OPERATION_ERROR, text, operation.id), out)


class Acceptance:
    """The operations of one ACCEPT at work on one pool of resources."""

    __slots__ = ("agent", "framework", "m", "out", "remaining", "role", "used")

    def __init__(self, m: Master, framework: Framework, agent: Agent, role: str, pool: Resources, out: Frame) -> None:
        self.m, self.framework, self.agent, self.role, self.out = m, framework, agent, role, out
        self.remaining = pool
        self.used = NONE

    def perform(self, operation: Operation) -> None:
        """Do it, or tell the framework why not."""
        if operation.type is Operation.Type.LAUNCH:
            self._launch(operation)
        elif operation.type is Operation.Type.LAUNCH_GROUP:
            self._launch_group(operation)
        elif operation.type:
            text = f"Operation {operation.type.name} is not supported by this master"
            _refuse_operation(self.m, self.framework, operation, text, self.out)

    # ---- LAUNCH: each task for itself

    def _launch(self, operation: Operation) -> None:
        tasks = tasks_of(operation)
        text = validate_all([resource for task in tasks for resource in _resources_of(task)])
        if operation.id is not None:
            text = "The `id` field cannot be set on LAUNCH operations"
        if text is not None:
            self._error(tasks, _Reason.REASON_TASK_INVALID, text)
            return
        for task in tasks:
            self._launch_task(task)

    def _launch_task(self, asked: TaskInfo) -> None:
        task, resources = self._normalised(asked)
        text = invalid_task(task, resources, self.framework, self.agent)
        if text is None and (task.executor is None) == (task.command is None):
            text = _EITHER
        executor, executor_resources, is_new = task.executor, NONE, False
        if executor is not None and text is None:
            executor_resources = Resources.of(executor.resources)
            text = invalid_executor(executor, executor_resources, self.framework, self.agent)
            text = text or invalid_launch_executor(executor, executor_resources)
            is_new = self.agent.executor(self.framework.id, executor.executor_id) is None
        text = text or invalid_task_and_executor(task, resources, executor_resources, self.remaining, is_new)
        if text is not None:
            self._error((asked,), _Reason.REASON_TASK_INVALID, text)
            return
        if executor is not None and is_new:
            self._add_executor(executor, executor_resources)
        self._add_task(task, executor, resources)
        launch_executor = is_new or executor is None
        word = RunTask(framework=self.framework.info, task=task, launch_executor=launch_executor)
        self.out.send(self.agent.peer, word)

    # ---- LAUNCH_GROUP: all or nothing

    def _launch_group(self, operation: Operation) -> None:
        asked = tasks_of(operation)
        if operation.launch_group is None or not asked:
            return  # Mesos would launch an executor for nothing, which nobody then ends
        executor = operation.launch_group.executor
        resources = [resource for task in asked for resource in _resources_of(task)]
        text = validate_all((*executor.resources, *resources))
        if operation.id is not None:
            text = "The `id` field cannot be set on LAUNCH_GROUP operations"
        if text is not None:
            self._error(asked, _Reason.REASON_TASK_GROUP_INVALID, text)
            return
        executor_resources = _allocated(executor.resources, self.role)
        executor = evolve(executor, resources=executor_resources.messages())
        tasks = [self._normalised(task, executor) for task in asked]
        text = invalid_group(tasks, executor, executor_resources, self.framework, self.agent, self.remaining)
        if text is not None:
            self._error(asked, _Reason.REASON_TASK_GROUP_INVALID, text)
            return
        is_new = self.agent.executor(self.framework.id, executor.executor_id) is None
        if is_new:
            self._add_executor(executor, executor_resources)
        for task, task_resources in tasks:
            self._add_task(task, executor, task_resources)
        word = RunTaskGroup(
            framework=self.framework.info,
            executor=executor,
            task_group=TaskGroupInfo(tasks=tuple(task for task, _ in tasks)),
            launch_executor=is_new,
        )
        self.out.send(self.agent.peer, word)

    # ---- shared

    def _normalised(self, task: TaskInfo, group: ExecutorInfo | None = None) -> tuple[TaskInfo, Resources]:
        """The task with everything filled in that a scheduler may leave out, and its resources."""
        resources = _allocated(task.resources, self.role)
        executor = task.executor
        if executor is not None:
            executor = evolve(
                executor,
                resources=_allocated(executor.resources, self.role).messages(),
                framework_id=executor.framework_id or (self.framework.id if group is None else None),
            )
        else:
            executor = group
        check = task.health_check
        if check is not None and check.type is None:
            check = evolve(check, type=_type_of(check))
        messages = resources.messages()
        return evolve(task, resources=messages, executor=executor, health_check=check), resources

    def _add_executor(self, executor: ExecutorInfo, resources: Resources) -> None:
        add_executor(self.m.state, self.framework, self.agent, executor, self.out)
        self.remaining -= resources
        self.used += resources

    def _add_task(self, info: TaskInfo, executor: ExecutorInfo | None, resources: Resources) -> None:
        executor_id = None if executor is None else executor.executor_id
        add_task(self.m.state, task_of(info, self.framework, executor_id, resources), self.out)
        self.remaining -= resources
        self.used += resources

    def _error(self, tasks: Sequence[TaskInfo], reason: TaskStatus.Reason, text: str) -> None:
        _refuse(self.m, self.framework, tasks, TaskState.TASK_ERROR, reason, text, self.out)


def _resources_of(task: TaskInfo) -> tuple[Resource, ...]:
    return task.resources if task.executor is None else task.resources + task.executor.resources


def _allocated(messages: tuple[Resource, ...], role: str) -> Resources:
    """Allocated to ``role`` where the scheduler has not said to which."""
    resources = Resources.of(messages)
    if all(kind.allocated_role is None for kind, _ in resources):
        return resources.allocate(role)
    return Resources(
        (kind if kind.allocated_role is not None else kind.allocate(role), amount) for kind, amount in resources
    )


def _type_of(check: HealthCheck) -> HealthCheck.Type | None:
    """Older schedulers give no type (Mesos: src/master/master.cpp: for backwards compatibility)."""
    if check.command is not None:
        return HealthCheck.Type.COMMAND
    return HealthCheck.Type.HTTP if check.http is not None else None
