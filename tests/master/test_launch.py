"""ACCEPT: what is launched, how it is told to the agent, what is left over, and operations that are refused."""

from __future__ import annotations

import pytest

from mesos_py.algebra.resources import Resources
from mesos_py.master import changes
from mesos_py.wire import internal
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.health import HealthCheck
from mesos_py.wire.ids import FrameworkID, OperationID
from mesos_py.wire.offer import Offer
from mesos_py.wire.operation import OperationState
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.builders import CAPABILITY
from tests.master.parts import cluster
from tests.master.world import World

Variable = Environment.Variable
Reason = TaskStatus.Reason


# ---- what the agent is told


def test_a_command_task() -> None:
    """RunTask with everything filled in; STAGING; used by the framework from now on."""
    world = World()
    agent = world.agent()
    scheduler = world.scheduler(roles=("eng",))
    info = builders.task(
        health_check=HealthCheck(command=CommandInfo(value="true")), command=CommandInfo(value="x", user="bob")
    )
    frame = scheduler.launch(info)
    (run,) = agent.of(internal.RunTask)
    assert run.launch_executor
    assert run.framework is world.state.frameworks[scheduler.id].info
    assert {resource.allocation_info.role for resource in run.task.resources} == {"eng"}  # type: ignore[union-attr]
    assert run.task.health_check is not None
    assert run.task.health_check.type is HealthCheck.Type.COMMAND
    task = world.state.frameworks[scheduler.id].tasks[info.task_id]
    assert (task.state, task.executor_id, task.user, task.role) == (TaskState.TASK_STAGING, None, "bob", "eng")
    assert world.state.agents[agent.id].used == {scheduler.id: Resources.of(run.task.resources)}
    assert [type(change) for change in frame.changes] == [
        changes.Accepted,
        changes.OfferEnded,
        changes.TaskAdded,
    ]


def test_a_custom_executor_is_launched_once() -> None:
    """Its framework id is filled in; the second task finds it running and pays for itself only."""
    world, scheduler = cluster()
    executor = builders.executor()
    scheduler.launch(builders.task("a", executor=executor), builders.task("b", executor=executor), refuse_s=0)
    agent = next(iter(world.state.agents.values()))
    runs = [message for message in world.heard[agent.peer] if isinstance(message, internal.RunTask)]
    assert [run.launch_executor for run in runs] == [True, False]
    assert {run.task.executor.framework_id for run in runs} == {scheduler.id}  # type: ignore[union-attr]
    assert world.state.used.plain == {"cpus": 2100, "mem": 288_000}
    scheduler.take()
    world.advance(1)
    scheduler.launch(builders.task("c", executor=builders.executor(cpus=0.2)))
    (status,) = scheduler.statuses()
    assert status.message is not None
    assert status.message.startswith("ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.")


def test_the_framework_id_of_an_executor_must_be_right() -> None:
    _, scheduler = cluster()
    scheduler.launch(builders.task(executor=builders.executor(framework_id=FrameworkID("zz"))))
    assert scheduler.statuses()[0].message == (
        "ExecutorInfo has an invalid FrameworkID (Actual: zz vs Expected: m-0000)"
    )


def test_tasks_are_taken_in_order_until_the_offer_is_used_up() -> None:
    """One too large is refused, those after it that fit go on; what is left is declined."""
    world, scheduler = cluster()
    scheduler.launch(builders.task("a", cpus=6), builders.task("b", cpus=3), builders.task("c", cpus=2), refuse_s=3600)
    assert [(status.task_id, status.state) for status in scheduler.statuses()] == [("b", TaskState.TASK_ERROR)]
    assert list(world.state.frameworks[scheduler.id].tasks) == ["a", "c"]
    world.advance(60)
    assert scheduler.offers() == []
    other = world.scheduler(name="other")
    world.settle()
    (offer,) = other.offers()
    assert Resources.of(offer.resources).quantities().get("cpus") == 0


def test_one_operation_with_a_malformed_resource_is_refused_whole() -> None:
    _, scheduler = cluster()
    bad = builders.task("bad", resources=(builders.scalar("cpus", -1),))
    scheduler.launch(builders.task("good"), bad)
    assert [(status.task_id, status.message) for status in scheduler.statuses()] == [
        ("good", "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"),
        ("bad", "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"),
    ]


def test_an_accept_without_tasks_is_a_decline() -> None:
    world, scheduler = cluster()
    world.settle()
    scheduler.accept(scheduler.offers(), builders.launch(), refuse_s=60)
    world.advance(59)
    assert scheduler.offers() == []
    world.advance(2)
    assert len(scheduler.offers()) == 1


@pytest.mark.parametrize("operation", ["launch", "group"])
def test_launches_have_no_ids(operation: str) -> None:
    _, scheduler = cluster()
    scheduler.world.settle()
    task, given = builders.task(), OperationID("op")
    executor = builders.default_executor()
    made = builders.launch(task, id=given) if operation == "launch" else builders.launch_group(executor, task, id=given)
    scheduler.accept(scheduler.offers(), made)
    (status,) = scheduler.statuses()
    assert status.message is not None
    assert status.message.startswith("The `id` field cannot be set on LAUNCH")
    assert scheduler.of(Event.Type.UPDATE_OPERATION_STATUS) == []


# ---- operations this master does not do


@pytest.mark.parametrize("type_", [type_ for type_ in Offer.Operation.Type if "LAUNCH" not in type_.name and type_])
def test_other_operations_are_refused_and_cost_nothing(type_: Offer.Operation.Type) -> None:
    """OPERATION_ERROR without uuid and agent if there is an id; the launch after it still finds everything."""
    world, scheduler = cluster()
    world.settle()
    offers = scheduler.offers()
    refused = Offer.Operation(type=type_, id=OperationID("op"))
    scheduler.accept(offers, refused, Offer.Operation(type=type_), builders.launch(builders.task(cpus=8)))
    (word,) = scheduler.of(Event.Type.UPDATE_OPERATION_STATUS)
    status = word.update_operation_status.status  # type: ignore[union-attr]
    assert (status.operation_id, status.state) == ("op", OperationState.OPERATION_ERROR)
    assert (status.uuid, status.agent_id) == (None, None)
    assert type_.name in (status.message or "")
    assert list(world.state.frameworks[scheduler.id].tasks) == ["t"]


def test_operations_on_invalid_offers() -> None:
    _, scheduler = cluster()
    refused = Offer.Operation(type=Offer.Operation.Type.RESERVE, id=OperationID("op"))
    scheduler.accept([], refused)
    (word,) = scheduler.of(Event.Type.UPDATE_OPERATION_STATUS)
    status = word.update_operation_status.status  # type: ignore[union-attr]
    assert status.message == "Operation attempted with invalid offers: No offers specified"


def test_unknown_operations_are_ignored() -> None:
    world, scheduler = cluster()
    world.settle()
    scheduler.accept(scheduler.offers(), Offer.Operation(), Offer.Operation(type=Offer.Operation.Type.UNKNOWN))
    assert scheduler.take()[-1].type is Event.Type.OFFERS


def test_refusals_of_invalid_offers_depend_on_partition_awareness() -> None:
    for capabilities, state in (((), TaskState.TASK_LOST), ((CAPABILITY.PARTITION_AWARE,), TaskState.TASK_DROPPED)):
        scheduler = World().scheduler(capabilities=capabilities)
        operations = (
            builders.launch(builders.task("a")),
            builders.launch_group(builders.default_executor(), builders.task("b")),
        )
        scheduler.accept([], *operations)
        assert scheduler.states("a") == scheduler.states("b") == [state]
