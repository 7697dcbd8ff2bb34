"""What becomes of an instance when its task starts, ends, is lost or comes back."""

from __future__ import annotations

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.instances.conditions import PRECEDENCE, condition_of, together
from frameworks.marathon_py.instances.instance import Condition
from mesos_py.wire.ids import TaskID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState, TaskStatus
from tests.marathon.app_of import app_of
from tests.marathon.world import ENDS, World, world_of

Reason = TaskStatus.Reason


def killed(world: World) -> list[str]:
    return [call.kill.task_id for call in world.calls if call.type is Call.Type.KILL]


def test_an_app_runs() -> None:
    """Two instances are launched, staged and running; facts come in the order that Marathon promises."""
    world = world_of(app_of(instances=2))
    assert world.conditions() == ["Scheduled", "Scheduled"]
    world.launch()
    assert world.conditions() == ["Provisioned", "Provisioned"]
    world.reconcile()
    assert world.conditions() == ["Staging", "Staging"]
    world.start_tasks()
    world.facts.clear()
    world.reconcile()
    assert world.conditions() == ["Running", "Running"]
    assert [type(one).__name__ for one in world.facts] == ["TaskChanged", "InstanceChanged"] * 2
    task, instance = world.facts[:2]
    version = world.core.specs["/web"].version
    assert (task.state, task.hostname, task.version) == ("TASK_RUNNING", instance.hostname, version)
    assert task.ports == world.of()[0].tasks["_app"].host_ports
    assert (instance.condition, instance.goal) == ("Running", "Running")


@pytest.mark.parametrize("state", sorted(ENDS, key=lambda one: one.name))
def test_whatever_ends_is_launched_again(state: TaskState) -> None:
    """Same instance, next incarnation; the session need not remember the task."""
    world = world_of(app_of(backoffSeconds=0))
    world.run()
    (instance,) = world.of()
    (task_id,) = world.alive()
    world.end(task_id, state)
    assert world.of() == [instance]
    assert (instance.condition, instance.tasks, instance.placed) == (Condition.SCHEDULED, {}, None)
    assert task_id not in world.book
    world.run()
    assert world.alive() == [f"{instance.id}._app.2"]
    assert world.conditions() == ["Running"]


def test_an_end_is_told_before_the_instance_waits() -> None:
    world = world_of(app_of())
    world.run()
    world.facts.clear()
    world.end(world.alive()[0], TaskState.TASK_FAILED, message="exit 1")
    assert [getattr(one, "condition", None) or one.state for one in world.facts] == [
        "TASK_FAILED", "Failed", "Scheduled",
    ]  # fmt: skip
    assert (world.facts[1].agent_id, world.facts[2].agent_id) == (world.facts[0].agent_id, "")


def test_an_update_that_comes_twice_is_told_once() -> None:
    world = world_of(app_of())
    world.run()
    world.facts.clear()
    world.update(world.alive()[0], TaskState.TASK_RUNNING, message="again")
    assert world.facts == []


def test_what_runs_does_not_go_back_to_staging() -> None:
    """What was said before it ran may come late; it would be killed for not coming up."""
    world = world_of(app_of())
    world.run()
    world.facts.clear()
    world.update(world.alive()[0], TaskState.TASK_STAGING)
    assert world.conditions() == ["Running"]
    assert world.facts == []


def test_strangers_are_killed_or_forgotten() -> None:
    """What runs and is nobody's is killed; what has ended is told and not remembered."""
    world = world_of()
    name = "demo_web.instance-1e2c"
    running, ended = TaskID(f"{name}._app.1"), TaskID(f"{name}._app.2")
    world.update(running, TaskState.TASK_RUNNING)
    assert killed(world) == [running]
    assert world.facts == []
    world.update(ended, TaskState.TASK_FAILED)
    assert world.facts == [words.StrangerEnded(name, "/demo/web", "Failed")]
    assert ended not in world.book
    world.update(running, TaskState.TASK_UNREACHABLE)
    assert world.facts[1:] == [words.StrangerEnded(name, "/demo/web", "Unreachable")]
    assert killed(world) == [running]


def test_a_former_task_of_an_instance_is_killed() -> None:
    """It was taken for lost, the instance has another one, and then it is back."""
    world = world_of(app_of(backoffSeconds=0))
    world.run()
    (first,) = world.alive()
    world.update(first, TaskState.TASK_GONE)
    world.launch()
    world.update(first, TaskState.TASK_RUNNING)
    assert killed(world) == [first]
    world.run()
    assert world.alive() == [first.replace("._app.1", "._app.2")]


@pytest.mark.parametrize(
    ("state", "message", "reason", "condition"),
    [
        (TaskState.TASK_LOST, "Reconciliation: Task is unknown to the agent", None, Condition.UNKNOWN),
        (TaskState.TASK_LOST, "", Reason.REASON_TASK_UNKNOWN, Condition.UNKNOWN),
        (TaskState.TASK_LOST, "", Reason.REASON_RECONCILIATION, Condition.UNREACHABLE),
        (TaskState.TASK_LOST, "", Reason.REASON_AGENT_DISCONNECTED, Condition.UNREACHABLE),
        (TaskState.TASK_LOST, "", Reason.REASON_AGENT_REMOVED, Condition.UNREACHABLE),
        (TaskState.TASK_LOST, "", Reason.REASON_INVALID_OFFERS, Condition.GONE),
        (TaskState.TASK_LOST, "", None, Condition.GONE),
        (TaskState.TASK_GONE_BY_OPERATOR, "", None, Condition.GONE),
        (TaskState.TASK_DROPPED, "", None, Condition.DROPPED),
        (TaskState.TASK_KILLING, "", None, Condition.KILLING),
    ],
)
def test_conditions_of_states(
    state: TaskState, message: str, reason: TaskStatus.Reason | None, condition: Condition
) -> None:
    status = TaskStatus(task_id=TaskID("t"), state=state, message=message, reason=reason)
    assert condition_of(status) is condition


def test_every_state_has_a_condition() -> None:
    for state in TaskState:
        assert condition_of(TaskStatus(task_id=TaskID("t"), state=state)) in PRECEDENCE


def test_conditions_together() -> None:
    """Of every two tasks, the condition of the first in the order is the instance's."""
    for at, first in enumerate(PRECEDENCE):
        for second in PRECEDENCE[at:]:
            assert together([second, first]) is together([first, second]) is first
