"""Executors: their calls over the executor API, what is delivered to them, and how they are made to end.

An executor speaks for itself only: it is found by framework and executor id, must have subscribed, and its updates
must be about tasks it was given.

Mesos: src/slave/slave.cpp Slave::subscribe, Slave::statusUpdate, Slave::_shutdownExecutor; src/slave/http.cpp
Http::executor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesos_py.agent import changes
from mesos_py.agent.calls import containers
from mesos_py.agent.calls.endings import SHUTDOWN, end_now
from mesos_py.agent.entities import Executor
from mesos_py.agent.events import ExecutorDisconnected
from mesos_py.agent.hosting import ExecutorTimer, Hosting
from mesos_py.agent.lifecycle import EXECUTOR, TASK, Action, ExecutorEvent, ExecutorState, Verdict
from mesos_py.agent.options import EXECUTOR_HEARTBEAT_INTERVAL
from mesos_py.agent.updates import Taken
from mesos_py.algebra.durations import format_duration
from mesos_py.executor.default import DefaultExecutor
from mesos_py.machine.frame import Event, Frame, PeerID
from mesos_py.machine.problem import Kind as ProblemKind
from mesos_py.machine.problem import Problem, bad_request, forbidden
from mesos_py.machine.table import Table
from mesos_py.machine.timers import reprieve
from mesos_py.machine.values import Nanos, value
from mesos_py.wire import executor_api, internal
from mesos_py.wire.checkpoint import Kind, Termination
from mesos_py.wire.ids import ContainerID
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskGroupInfo, TaskState, TaskStatus

if TYPE_CHECKING:
    from mesos_py.agent.core import Agent

rows = Table("executors")

Call, Said = executor_api.Call, executor_api.Event
Reason = TaskStatus.Reason

RESTARTED = "Task launched during agent restart"
HEARTBEAT = Said(type=Said.Type.HEARTBEAT)


@value
class RegistrationOverdue:
    """The executor has not subscribed in time."""

    container_id: str
    at: Nanos


@value
class HeartbeatDue:
    container_id: str


# ---- calls


@rows.on(Call.Subscribe)
def subscribe(agent: Agent, event: Event, out: Frame) -> Problem | None:
    """``event.peer`` is the executor's stream from now on; what waited for it is delivered."""
    call: executor_api.Call = event.body
    executor = _find(agent, call)
    if isinstance(executor, Problem):
        return executor
    assert event.peer is not None
    state, action = EXECUTOR[executor.state, ExecutorEvent.SUBSCRIBE]
    if action is Action.REFUSE:
        return bad_request("Executor cannot be found")
    if executor.peer is not None:
        out.close(executor.peer)
    agent.state.connect_executor(executor, event.peer)
    if action is Action.TURN_AWAY:
        out.send(event.peer, SHUTDOWN)
        return None
    again = action is Action.WELCOME_AGAIN
    agent.state.turn_executor(executor, state, out)
    agent.timers.cancel(("registration", executor.container_id))
    out.send(event.peer, _welcome(agent, executor))
    _beat(agent, executor, out)
    assert call.subscribe is not None
    for update in call.subscribe.unacknowledged_updates:
        _update(agent, executor, update.status, out)
    if again or executor.recovered:
        _settle_lost(agent, executor, call.subscribe, out)
    for task_id, policy in agent.state.take_kills(executor).items():
        out.send(event.peer, Said(type=Said.Type.KILL, kill=Said.Kill(task_id=task_id, kill_policy=policy)))
    deliver(agent, executor, out)
    return None


@rows.on(Call.Update)
def update(agent: Agent, event: Event, out: Frame) -> Problem | None:
    """The update is in its task's stream, and the executor is told so."""
    call: executor_api.Call = event.body
    executor = _find_subscribed(agent, call)
    if isinstance(executor, Problem):
        return executor
    assert call.update is not None
    return _update(agent, executor, call.update.status, out)


@rows.on(Call.Message)
def message(agent: Agent, event: Event, out: Frame) -> Problem | None:
    """The data goes to the framework, or is lost when there is no master."""
    call: executor_api.Call = event.body
    executor = _find_subscribed(agent, call)
    if isinstance(executor, Problem):
        return executor
    assert call.message is not None
    peer = agent.updates.peer
    if peer is None or executor.framework.terminating:
        agent.state.count("slave/invalid_framework_messages")
        return None
    agent.state.count("slave/valid_framework_messages")
    out.send(
        peer,
        internal.ExecutorToFramework(
            framework_id=executor.framework.id, executor_id=executor.id, data=call.message.data
        ),
    )
    return None


@rows.on(ExecutorDisconnected)
def executor_disconnected(agent: Agent, event: Event, out: Frame) -> None:
    """It may subscribe again; what is meant for it waits."""
    executor = agent.state.peers.get(event.body.peer)
    if executor is not None:
        agent.state.connect_executor(executor, None)
        agent.timers.cancel(("heartbeat", executor.container_id))


# ---- time


@rows.on(RegistrationOverdue)
def registration_overdue(agent: Agent, event: Event, out: Frame) -> None:
    """The container is destroyed, its tasks fail; not if it may be that we were stopped meanwhile."""
    overdue: RegistrationOverdue = event.body
    executor = agent.state.containers.get(overdue.container_id)
    if executor is None or executor.state is not ExecutorState.REGISTERING:
        return
    again = reprieve(overdue.at, out.now)
    if again is not None:
        _expect_by(agent, executor, again)
        return
    timeout = format_duration(agent.options.executor_registration_timeout)
    agent.state.end_with(
        executor,
        Termination(
            state=TaskState.TASK_FAILED,
            reason=Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT,
            message=f"Executor did not register within {timeout}",
        ),
    )
    give_up(agent, executor, out)


@rows.on(HeartbeatDue)
def heartbeat_due(agent: Agent, event: Event, out: Frame) -> None:
    """The executor's stream is kept alive."""
    executor = agent.state.containers.get(event.body.container_id)
    if executor is not None and executor.peer is not None:
        out.send(executor.peer, HEARTBEAT, volatile=True)
        _beat(agent, executor, out)


@rows.on(ExecutorTimer)
def executor_timer(agent: Agent, event: Event, out: Frame) -> None:
    """A built-in executor is called at the time it asked for."""
    timer: ExecutorTimer = event.body
    executor = agent.state.containers.get(timer.executor_container_id)
    if executor is not None and executor.builtin is not None:
        executor.builtin.timer(Hosting(agent, executor, out), timer.container_id, timer.what)


# ---- what other rows need


def expect(agent: Agent, executor: Executor, out: Frame) -> None:
    """It must run and, if it is the framework's own, subscribe in time."""
    _expect_by(agent, executor, out.now + agent.options.executor_registration_timeout)


def _expect_by(agent: Agent, executor: Executor, at: Nanos) -> None:
    container_id = executor.container_id
    agent.timers.set(("registration", container_id), at, RegistrationOverdue(container_id, at))


def give_up(agent: Agent, executor: Executor, out: Frame) -> None:
    """It has not come in time: its container is destroyed."""
    agent.state.turn_executor(executor, ExecutorState.TERMINATING, out)
    end_now(agent, executor, out)


def deliver(agent: Agent, executor: Executor, out: Frame) -> None:
    """What is queued goes to the executor, if it runs and can hear."""
    if executor.state is not ExecutorState.RUNNING or not executor.queued:
        return
    if executor.kind is Kind.DEFAULT:
        _deliver_default(agent, executor, out)
    elif executor.kind is Kind.CUSTOM and executor.peer is not None:
        _deliver_custom(agent, executor, executor.peer, out)


def run_builtin_default(agent: Agent, executor: Executor, out: Frame) -> None:
    """The default executor is us: it runs as soon as it is wanted."""
    containers.place(agent, executor, None)
    agent.state.turn_executor(executor, ExecutorState.RUNNING, out)
    deliver(agent, executor, out)


# ---- parts


def _find(agent: Agent, call: executor_api.Call) -> Executor | Problem:
    framework = agent.state.frameworks.get(call.framework_id)
    if framework is None:
        return bad_request("Framework cannot be found")
    executor = framework.executors.get(call.executor_id)
    if executor is None or executor.kind is not Kind.CUSTOM:
        return bad_request("Executor cannot be found")
    return executor


def _find_subscribed(agent: Agent, call: executor_api.Call) -> Executor | Problem:
    executor = _find(agent, call)
    if isinstance(executor, Executor) and executor.state is ExecutorState.REGISTERING:
        return forbidden("Executor is not subscribed")
    return executor


def _welcome(agent: Agent, executor: Executor) -> executor_api.Event:
    return Said(
        type=Said.Type.SUBSCRIBED,
        subscribed=Said.Subscribed(
            executor_info=executor.info,
            framework_info=executor.framework.info,
            agent_info=agent.state.info,
            container_id=ContainerID(value=executor.container_id),
        ),
    )


def _beat(agent: Agent, executor: Executor, out: Frame) -> None:
    container_id = executor.container_id
    agent.timers.set(("heartbeat", container_id), out.now + EXECUTOR_HEARTBEAT_INTERVAL, HeartbeatDue(container_id))


def _settle_lost(agent: Agent, executor: Executor, subscribe: executor_api.Call.Subscribe, out: Frame) -> None:
    """Tasks that were sent on the old stream and never arrived."""
    arrived = {task.task_id for task in subscribe.unacknowledged_tasks}
    for task in list(executor.launched.values()):
        if task.state is TaskState.TASK_STAGING and task.id not in arrived:
            state = executor.framework.dropped()
            agent.end_task(executor, task, state, Reason.REASON_AGENT_RESTARTED, RESTARTED, out)


def _update(agent: Agent, executor: Executor, status: TaskStatus, out: Frame) -> Problem | None:
    task = executor.launched.get(status.task_id) or executor.terminated.get(status.task_id)
    if task is None:
        return _update_of_other(agent, executor, status, out)
    if TASK[task.state, status.state] is Verdict.TAKE:
        taken = agent.take(executor, task, _completed(agent, executor, status, out), out)
        if taken is Taken.FULL:
            text = f"Too many updates of task {status.task_id} are not acknowledged"
            return Problem(ProblemKind.UNAVAILABLE, text)
    _acknowledge(executor, status, out)
    return None


def _update_of_other(agent: Agent, executor: Executor, status: TaskStatus, out: Frame) -> Problem | None:
    """A task it has not: of another executor, or one that has long ended."""
    agent.state.count("slave/invalid_status_updates")
    framework = executor.framework
    out.change(changes.Refused("update", framework.id, status.task_id, "the executor has no such task"))
    for other in framework.executors.values():
        if other is not executor and other.task(status.task_id) is not None:
            return forbidden(f"Executor {executor.id} of framework {framework.id} has no task {status.task_id}")
    _acknowledge(executor, status, out)
    return None


def _completed(agent: Agent, executor: Executor, status: TaskStatus, out: Frame) -> TaskStatus:
    """With what only the agent knows; what the executor says about its own network stays."""
    ours = executor.container_status
    said = status.container_status
    if said is not None and ours is not None:
        ours = evolve(
            said,
            container_id=said.container_id or ours.container_id,
            network_infos=said.network_infos or ours.network_infos,
            executor_pid=ours.executor_pid,
        )
    return evolve(
        status,
        agent_id=agent.state.id,
        executor_id=executor.id,
        source=TaskStatus.Source.SOURCE_EXECUTOR,
        timestamp=out.now / 1e9 if status.timestamp is None else status.timestamp,
        container_status=ours or said,
    )


def _acknowledge(executor: Executor, status: TaskStatus, out: Frame) -> None:
    if executor.peer is not None and status.uuid is not None:
        said = Said.Acknowledged(task_id=status.task_id, uuid=status.uuid)
        out.send(executor.peer, Said(type=Said.Type.ACKNOWLEDGED, acknowledged=said))


def _deliver_default(agent: Agent, executor: Executor, out: Frame) -> None:
    assert isinstance(executor.builtin, DefaultExecutor)
    host = Hosting(agent, executor, out)
    for group in list(executor.queued_groups):
        agent.state.unqueue_group(executor, group)
        for task in group.tasks:
            agent.state.deliver_task(executor, executor.queued[task.task_id])
        executor.builtin.launch_group(host, group.tasks, tuple([agent.new_id() for _ in group.tasks]))


def _deliver_custom(agent: Agent, executor: Executor, peer: PeerID, out: Frame) -> None:
    grouped: dict[str, TaskGroupInfo] = {
        task.task_id: group for group in executor.queued_groups for task in group.tasks
    }
    for task in list(executor.queued.values()):
        agent.state.deliver_task(executor, task)
        group = grouped.get(task.id)
        if group is None:
            out.send(peer, Said(type=Said.Type.LAUNCH, launch=Said.Launch(task=task.info)))
        elif group.tasks[-1].task_id == task.id:
            agent.state.unqueue_group(executor, group)
            out.send(peer, Said(type=Said.Type.LAUNCH_GROUP, launch_group=Said.LaunchGroup(task_group=group)))
