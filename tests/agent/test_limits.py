"""Limits of containers: what they are made of, how they follow the tasks, and what is said when one is exceeded."""

from __future__ import annotations

import pytest

from mesos_py.agent import events, words
from mesos_py.agent.calls.containers import LAST_WORDS
from mesos_py.agent.demand import Demand
from mesos_py.machine.usage import Usage
from mesos_py.machine.values import SECOND
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.linux import LinuxInfo
from mesos_py.wire.resource import Resource, TaskResourceLimitation
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import Value
from tests import builders
from tests.agent.world import World, custom_task, framework, task

INF = float("inf")
MEMORY = TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY
TAKEN = (builders.scalar("mem", 32),)
CGROUPS = "cgroups/cpu,cgroups/mem"


def limited(container_id: str) -> events.ContainerLimited:
    return events.ContainerLimited(container_id, MEMORY, "Memory limit exceeded: ...", TAKEN)


def with_limits(info: TaskInfo, **limits: float) -> TaskInfo:
    return evolve(info, limits={name: Value.Scalar(value=value) for name, value in limits.items()})


def amounts(resources: tuple[Resource, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in resources:
        assert one.scalar is not None
        found[one.name] = found.get(one.name, 0) + one.scalar.value
    return found


@pytest.mark.parametrize(
    ("cfs", "limits", "expected"),
    [
        (False, [{}, {}], {}),
        (False, [{"mem": 64}, {}], {"mem": 64 + 32 + 16}),
        (False, [{"mem": 64}, {"mem": INF}], {"mem": INF}),
        (True, [{"cpus": 2}, {}], {"cpus": 2 + 1 + 0.5}),
        (False, [{"cpus": 2}, {}], {"cpus": INF}),
        (False, [{"cpus": 2}, {"cpus": 3}], {"cpus": 2 + 3 + 0.5}),
    ],
)
def test_limits_of_an_executor_are_its_tasks(
    cfs: bool, limits: list[dict[str, float]], expected: dict[str, float]
) -> None:
    """Also when others have come and gone meanwhile."""
    tasks = [with_limits(task(), **one) for one in limits]
    others = [with_limits(task(), cpus=INF), with_limits(task(), mem=7), task()]
    demand = Demand.of(builders.executor(cpus=0.5, mem=16), (*others, *tasks))
    for one in others:
        demand.remove(one)
    found = demand.limits(enable_cfs=cfs)
    assert {name: scalar.value for name, scalar in found.items()} == expected


def test_a_command_task_that_takes_too_much() -> None:
    """1 told; 2 destroyed; 3 the exit ends the task with the reason, the text, and what it took."""
    world = World()
    world = World()
    world.run(task())
    world.launched()
    container_id = world.executor().container_id
    world.tell(limited(container_id))
    assert world.to_containers(words.DestroyContainer) == [words.DestroyContainer(container_id)]
    world.exited(9)
    last = world.statuses()[-1]
    assert (last.state, last.reason, last.message) == (TaskState.TASK_FAILED, MEMORY, "Memory limit exceeded: ...")
    assert last.source is TaskStatus.Source.SOURCE_AGENT
    assert last.limitation == TaskResourceLimitation(resources=TAKEN)


def test_the_reason_survives_the_agent() -> None:
    world = World()
    world.run(task(), by=framework(checkpoint=True))
    world.launched()
    container_id = world.executor().container_id
    world.tell(limited(container_id))
    after = world.restarted(container_id)
    after.advance(SECOND)
    assert words.DestroyContainer(container_id) in after.to_containers(words.DestroyContainer)
    after.exited(9)
    assert after.statuses()[-1].reason is MEMORY
    assert after.statuses()[-1].limitation == TaskResourceLimitation(resources=TAKEN)


def test_a_group_ends_with_what_its_executor_took() -> None:
    """The executor's container is its tasks' containers: all of them end, with one reason."""
    world = World()
    world.run_group([task("a"), task("b")])
    executor = world.executor()
    for container_id in executor.nested:
        world.launched(container_id)
    world.tell(limited(executor.container_id))
    assert {one.container_id for one in world.to_containers(words.DestroyContainer)} == set(executor.nested)
    for task_id in ("a", "b"):
        assert (world.states(task_id)[-1], world.statuses(task_id)[-1].reason) == ("FAILED", MEMORY)
    for container_id in list(executor.nested):
        world.exited(9, container_id)
    assert words.DestroyContainer(executor.container_id) in world.to_containers(words.DestroyContainer)
    assert [world.states(task_id)[-1] for task_id in ("a", "b")] == ["FAILED", "FAILED"]


def test_a_task_with_cgroups_of_its_own_ends_and_its_group_is_killed() -> None:
    own = ContainerInfo(type=ContainerInfo.Type.MESOS, linux_info=LinuxInfo(share_cgroups=False))
    world = World()
    world.run_group([task("a", container=own), task("b", container=own)])
    names = {task_id: container_id for container_id, task_id in world.executor().nested.items()}
    for container_id in names.values():
        world.launched(container_id)
    world.tell(limited(names["a"]))
    assert world.to_containers(words.DestroyContainer) == [words.DestroyContainer(names["a"])]
    world.exited(9, names["a"])
    assert (world.states("a")[-1], world.statuses("a")[-1].reason) == ("FAILED", MEMORY)
    assert world.statuses("a")[-1].limitation == TaskResourceLimitation(resources=TAKEN)
    assert [one.container_id for one in world.to_containers(words.SignalContainer)] == [names["b"]]


def test_that_survives_the_agent_too() -> None:
    """1 told; 2 the agent dies before the container has; 3 it is destroyed again, and its group ends with it."""
    own = ContainerInfo(type=ContainerInfo.Type.MESOS, linux_info=LinuxInfo(share_cgroups=False))
    world = World()
    world.run_group([task("a", container=own), task("b", container=own)], by=framework(checkpoint=True))
    names = {task_id: container_id for container_id, task_id in world.executor().nested.items()}
    for container_id in names.values():
        world.launched(container_id)
    world.tell(limited(names["a"]))
    after = world.restarted(*names.values())
    assert after.to_containers(words.DestroyContainer) == [words.DestroyContainer(names["a"])]
    after.exited(9, names["a"])
    assert (after.states("a")[-1], after.statuses("a")[-1].reason) == ("FAILED", MEMORY)
    assert [one.container_id for one in after.to_containers(words.SignalContainer)] == [names["b"]]


def test_a_limit_of_nobody_is_no_concern() -> None:
    world = World()
    world.tell(limited("nobody"))
    assert world.frame.sends == []


def test_an_executors_container_follows_its_tasks() -> None:
    """1 launched with the first; 2 a second comes, with limits; 3 the first ends; 4 said again after a restart."""
    world = World(isolation=CGROUPS)
    checkpointing = framework(checkpoint=True)
    world.run(custom_task("a"), by=checkpointing)
    assert amounts(world.spec().resources)["cpus"] == pytest.approx(1 + 0.1)
    world.launched()
    world.subscribe()
    world.run(with_limits(custom_task("b"), mem=256), launch=False, by=checkpointing)
    (update,) = world.to_containers(words.UpdateContainer)
    assert update.container_id == world.executor().container_id
    assert amounts(update.resources)["cpus"] == pytest.approx(2 + 0.1)
    assert update.limits["mem"].value == 256 + 32 + 32
    world.update("a", TaskState.TASK_FINISHED)
    (update,) = world.to_containers(words.UpdateContainer)
    assert amounts(update.resources)["cpus"] == pytest.approx(1 + 0.1)
    after = world.restarted(world.executor().container_id)
    (again,) = after.to_containers(words.UpdateContainer)
    assert again == update


@pytest.mark.parametrize("name", ["cpus", "mem"])
def test_limits_need_the_isolator(name: str) -> None:
    world = World()
    world.run(with_limits(task(), **{name: 64.0}))
    assert world.said[-1].status.reason is TaskStatus.Reason.REASON_GC_ERROR  # sic
    world = World(isolation=CGROUPS)
    world.run(with_limits(task(), **{name: 64.0}))
    assert world.spec().limits[name].value == 64 + {"cpus": 0.1, "mem": 32}[name]


USAGE = Usage(2_000_000, 500_000, 30 << 20)


@pytest.mark.parametrize("is_limited", [False, True])
def test_the_end_of_a_command_says_what_it_has_used(is_limited: bool) -> None:
    """Whoever says how it has ended: its executor, or the agent, who has ended it."""
    world = World()
    world.run(task())
    world.launched()
    container_id = world.executor().container_id
    if is_limited:
        world.tell(limited(container_id))
    world.tell(events.ContainerExited(container_id, 9 if is_limited else 0, usage=USAGE))
    *before, last = world.statuses()
    assert Usage.of(last) == USAGE
    assert last.state is (TaskState.TASK_FAILED if is_limited else TaskState.TASK_FINISHED)
    assert [one.labels for one in before] == [None, None]


def test_the_end_of_a_task_in_a_group_says_what_it_has_used() -> None:
    """Each its own, also one whose end is told later than it came: when it is known what became of all launches."""
    world = World()
    world.run_group([task("a"), task("b")])
    a, b = world.executor().nested
    world.launched(a)
    world.tell(events.ContainerExited(a, 0, usage=USAGE))
    assert world.states("a") == ["STARTING"]
    world.launched(b)
    more = Usage(1, 2, 3 << 20, 4 << 20)
    world.tell(events.ContainerExited(b, 256, usage=more))
    assert [Usage.of(world.statuses(task_id)[-1]) for task_id in "ab"] == [USAGE, more]
    assert (world.states("a")[-1], world.states("b")[-1]) == ("FINISHED", "FAILED")
    assert [one.labels for one in world.statuses("a")[:-1]] == [None] * (len(world.statuses("a")) - 1)


def test_what_a_custom_executor_has_used_is_not_what_its_tasks_have() -> None:
    world = World()
    world.run(custom_task())
    world.subscribe()
    world.tell(events.ContainerExited(world.executor().container_id, 0, usage=USAGE))
    world.advance(LAST_WORDS)
    assert world.statuses()[-1].state is TaskState.TASK_FAILED
    assert Usage.of(world.statuses()[-1]) is None
