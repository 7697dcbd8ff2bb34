"""Reconciliation: what a framework is told of tasks and operations it asks about, case by case."""

from __future__ import annotations

import pytest

from mesos_py.machine.values import seconds
from mesos_py.master.calls.reconcile import QUESTIONS_MAX, TOLD_AT_ONCE
from mesos_py.master.changes import Dropped
from mesos_py.master.entities import RecoveredAgent
from mesos_py.master.events import RecoveryExpired, ReregisterExpired
from mesos_py.master.registry import AdmitAgent
from mesos_py.wire.ids import AgentID, OperationID, TaskID
from mesos_py.wire.operation import OperationState
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.builders import CAPABILITY
from tests.master.world import Scheduler, World

State = TaskState
Source, Reason = TaskStatus.Source, TaskStatus.Reason


def world_of_agents() -> World:
    """``m-S0`` registered, ``m-S1`` unreachable, ``m-S2`` marked gone."""
    world = World()
    world.agent(hostname="here")
    lost = world.agent(hostname="lost")
    lost.fall_silent()
    world.advance(80)
    assert list(world.state.unreachable_agents) == ["m-S1"]
    world.mark_gone(world.agent(hostname="gone").id)
    return world


def recover_agent(world: World, agent_id: str) -> None:
    """As after a failover of the master: admitted by the registry, not seen yet."""
    info = builders.agent_info(agent_id=agent_id)
    world.master.registry.apply(AdmitAgent(info))
    world.state.recovered_agents[AgentID(agent_id)] = RecoveredAgent(info=info)
    world.master.allocator.expect({AgentID(agent_id): info.resources}, world.now)
    due = world.now + seconds(600)
    world.master.timers.set(("recovery",), due, RecoveryExpired(1))
    world.master.timers.set(("reregister", agent_id), due, ReregisterExpired(AgentID(agent_id)))


UNKNOWN = [
    ("m-S0", State.TASK_GONE, "Reconciliation: Task is unknown to the agent"),
    ("m-S1", State.TASK_UNREACHABLE, "Reconciliation: Task is unreachable"),
    ("m-S2", State.TASK_GONE_BY_OPERATOR, "Reconciliation: Task is gone"),
    ("who?", State.TASK_UNKNOWN, "Reconciliation: Task is unknown"),
    (None, State.TASK_UNKNOWN, "Reconciliation: Task is unknown"),
]


@pytest.mark.parametrize("aware", [True, False], ids=["partition aware", "not aware"])
@pytest.mark.parametrize(("agent_id", "state", "text"), UNKNOWN)
def test_unknown_tasks(agent_id: str | None, state: TaskState, text: str, aware: bool) -> None:
    """What it means depends on the agent; who is not partition aware hears TASK_LOST."""
    world = world_of_agents()
    scheduler = world.scheduler(capabilities=(CAPABILITY.PARTITION_AWARE,) if aware else ())
    (status,) = scheduler.reconcile(("nope", agent_id))
    assert (status.task_id, status.state, status.message) == ("nope", state if aware else State.TASK_LOST, text)
    assert (status.source, status.reason) == (Source.SOURCE_MASTER, Reason.REASON_RECONCILIATION)
    assert (status.agent_id, status.uuid, status.executor_id) == (agent_id, None, None)
    assert status.timestamp == world.now / 1e9
    since = world.state.unreachable_agents[AgentID("m-S1")].since_ns
    unreachable = None if status.unreachable_time is None else status.unreachable_time.nanoseconds
    assert unreachable == (since if agent_id == "m-S1" else None)


def test_an_end_that_was_told_stands_though_the_agent_is_lost() -> None:
    """I3: no other state follows a terminal one (found by the simulator)."""
    world = World()
    agent, scheduler = world.agent(), world.scheduler(capabilities=(CAPABILITY.PARTITION_AWARE,))
    scheduler.launch(builders.task(agent_id=agent.id))
    agent.update(scheduler.id, "t", State.TASK_KILLED)
    agent.fall_silent()
    world.advance(100)
    assert agent.id in world.state.unreachable_agents
    (status,) = scheduler.reconcile(("t", agent.id))
    assert status.state is State.TASK_KILLED


def test_nothing_is_said_while_a_recovered_agent_may_bring_the_task() -> None:
    world = world_of_agents()
    recover_agent(world, "old-S0")
    scheduler = world.scheduler(capabilities=(CAPABILITY.PARTITION_AWARE,))
    assert scheduler.reconcile(("a", "old-S0"), ("b", None)) == []
    assert [status.task_id for status in scheduler.reconcile(("c", "m-S0"), ("d", "who?"))] == ["c", "d"]


def test_known_tasks_are_told_as_last_forwarded() -> None:
    """With what the last status said of health, checks and container; no uuid, no data."""
    world = World()
    agent, scheduler = world.agent(), world.scheduler()
    scheduler.launch(builders.task(), builders.task("u", executor=builders.executor()))
    agent.update(scheduler.id, "t", State.TASK_RUNNING, healthy=True, data=b"x")
    statuses = scheduler.reconcile(("t", None), ("u", "wrong agent"))
    assert [(status.task_id, status.state) for status in statuses] == [
        ("t", State.TASK_RUNNING),
        ("u", State.TASK_STAGING),
    ]
    running, staging = statuses
    assert {status.message for status in statuses} == {"Reconciliation: Latest task state"}
    assert (running.healthy, running.data, running.uuid, running.executor_id) == (True, None, None, None)
    assert (staging.healthy, staging.executor_id, staging.agent_id) == (None, "e", agent.id)


def test_implicit_reconciliation_tells_all_live_tasks_and_no_others() -> None:
    """Terminal but unacknowledged ones count; completed and unreachable ones do not."""
    world = World()
    agents = [world.agent(hostname=hostname) for hostname in "ab"]
    scheduler = world.scheduler()
    scheduler.launch(*[builders.task(name, agents[0].id, cpus=1) for name in ("run", "end", "done")])
    scheduler.launch(builders.task("lost", agents[1].id))
    agents[0].update(scheduler.id, "end", State.TASK_FAILED)
    scheduler.acknowledge(agents[0].update(scheduler.id, "done", State.TASK_FINISHED))
    agents[1].fall_silent()
    world.advance(100)
    assert [(status.task_id, status.state) for status in scheduler.reconcile()] == [
        ("run", State.TASK_STAGING),
        ("end", State.TASK_FAILED),
    ]


def test_many_tasks_are_told_in_slices() -> None:
    """Every live task once, in order, however many; what ends meanwhile is left out; a second question starts over."""
    world = World()
    agent = world.agent(cpus=100, mem=100_000)
    scheduler = world.scheduler()
    names = [f"t{number}" for number in range(2 * TOLD_AT_ONCE + 10)]
    scheduler.launch(*[builders.task(name, agent.id, cpus=0.01, mem=1) for name in names])

    def told_soon() -> list[str]:
        scheduler.take()
        world.advance(0.05)
        return [status.task_id for status in scheduler.statuses()]

    assert [status.task_id for status in scheduler.reconcile()] == names[:TOLD_AT_ONCE]
    scheduler.acknowledge(agent.update(scheduler.id, names[-1], State.TASK_FINISHED))
    assert told_soon() == names[TOLD_AT_ONCE:-1]
    scheduler.reconcile()
    assert [status.task_id for status in scheduler.reconcile()] == names[:TOLD_AT_ONCE]
    assert told_soon() == names[TOLD_AT_ONCE:-1]
    assert len(scheduler.reconcile(*[(name, None) for name in names[:-1]])) == TOLD_AT_ONCE
    assert len(scheduler.reconcile(("nope", None))) == TOLD_AT_ONCE
    assert told_soon() == [*names[2 * TOLD_AT_ONCE : -1], "nope"]
    scheduler.reconcile()
    scheduler.disconnect()
    world.master.check()


def test_who_asks_faster_than_is_answered_is_not_remembered_for_ever() -> None:
    world = World()
    scheduler = world.scheduler()
    asked = Call.Reconcile(tasks=(Call.Reconcile.Task(task_id=TaskID("t")),) * (QUESTIONS_MAX * 2 // 3))
    assert not any(
        isinstance(change, Dropped) for change in scheduler.call(Call.Type.RECONCILE, reconcile=asked).changes
    )
    (dropped,) = scheduler.call(Call.Type.RECONCILE, reconcile=asked).changes
    assert isinstance(dropped, Dropped)
    waiting = world.master.timers.take(("reconcile", scheduler.id, True))
    assert len(waiting.questions) == QUESTIONS_MAX - TOLD_AT_ONCE


# ---- operations


OPERATIONS = [
    ("old-S0", OperationState.OPERATION_RECOVERING, "Reconciliation: Agent is recovered but has not re-registered"),
    ("m-S0", OperationState.OPERATION_UNKNOWN, "Reconciliation: Operation is unknown"),
    ("m-S1", OperationState.OPERATION_UNREACHABLE, "Reconciliation: Agent is unreachable"),
    ("m-S2", OperationState.OPERATION_GONE_BY_OPERATOR, "Reconciliation: Agent marked gone by operator"),
    ("who?", OperationState.OPERATION_UNKNOWN, "Reconciliation: Both operation and agent are unknown"),
    (
        None,
        OperationState.OPERATION_UNKNOWN,
        "Reconciliation: Operation is unknown and no 'agent_id' was provided",
    ),
]


def ask(scheduler: Scheduler, *operations: Call.ReconcileOperations.Operation) -> list[Event]:
    scheduler.take()
    asked = Call.ReconcileOperations(operations=operations)
    scheduler.call(Call.Type.RECONCILE_OPERATIONS, reconcile_operations=asked)
    return scheduler.of(Event.Type.UPDATE_OPERATION_STATUS)


@pytest.mark.parametrize(("agent_id", "state", "text"), OPERATIONS)
def test_unknown_operations(agent_id: str | None, state: OperationState, text: str) -> None:
    world = world_of_agents()
    recover_agent(world, "old-S0")
    given = None if agent_id is None else AgentID(agent_id)
    operation = Call.ReconcileOperations.Operation(operation_id=OperationID("op"), agent_id=given)
    (word,) = ask(world.scheduler(), operation)
    assert word.update_operation_status is not None
    status = word.update_operation_status.status
    assert (status.operation_id, status.state, status.message, status.agent_id) == ("op", state, text, given)
    assert status.uuid is None


def test_implicitly_there_are_no_operations() -> None:
    assert ask(World().scheduler()) == []


def test_ids_of_tasks_asked_about_may_be_anything() -> None:
    """They are echoed, not judged."""
    scheduler = World().scheduler()
    assert scheduler.reconcile(("", None), ("a/b", None))[1].task_id == TaskID("a/b")
