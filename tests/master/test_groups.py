"""LAUNCH_GROUP: launched whole, or refused whole and why."""

from __future__ import annotations

import pytest

from mesos_py.wire import internal
from mesos_py.wire.command import Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.health import HealthCheck
from mesos_py.wire.linux import LinuxInfo
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.task import TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import Value
from tests import builders
from tests.master.parts import cluster, docker, mesos
from tests.master.world import Scheduler

Variable = Environment.Variable
Reason = TaskStatus.Reason


# ---- task groups


def group(scheduler: Scheduler, executor: ExecutorInfo, *tasks: TaskInfo) -> list[TaskStatus]:
    scheduler.world.settle()
    scheduler.accept(scheduler.offers(), builders.launch_group(executor, *tasks), refuse_s=0)
    return scheduler.statuses()


def test_a_group_is_launched_whole() -> None:
    world, scheduler = cluster()
    assert group(scheduler, builders.default_executor(), builders.task("a"), builders.task("b")) == []
    agent = next(iter(world.state.agents.values()))
    (run,) = [message for message in world.heard[agent.peer] if isinstance(message, internal.RunTaskGroup)]
    assert [task.task_id for task in run.task_group.tasks] == ["a", "b"]
    assert {task.executor for task in run.task_group.tasks} == {run.executor}
    assert run.launch_executor
    tasks = world.state.frameworks[scheduler.id].tasks
    assert {task.executor_id for task in tasks.values()} == {"e"}
    assert world.state.used.plain == {"cpus": 2100, "mem": 288_000, "disk": 10_000}


REFUSED_GROUPS: list[tuple[ExecutorInfo, tuple[TaskInfo, ...], str]] = [
    (
        builders.default_executor(),
        (builders.task("a"), builders.task("a/b")),
        "Task 'a/b' is invalid: 'a/b' contains invalid characters",
    ),
    (
        builders.default_executor(),
        (builders.task("a"), builders.task("a")),
        "Task 'a' is invalid: Task has duplicate ID: a",
    ),
    (
        builders.default_executor(),
        (builders.task("a", container=docker(docker=ContainerInfo.DockerInfo(image="i"))),),
        "Task 'a' is invalid: Docker ContainerInfo is not supported on the task",
    ),
    (
        builders.default_executor(),
        (
            builders.task(
                "a",
                container=mesos(network_infos=(NetworkInfo(),)),
                health_check=HealthCheck(type=HealthCheck.Type.TCP, tcp=HealthCheck.TCPCheckInfo(port=1)),
            ),
        ),
        (
            "Task 'a' is invalid: HTTP and TCP health checks are not supported for nested containers not joining"
            " parent's network"
        ),
    ),
    (
        builders.default_executor(),
        (builders.task("a", limits={"cpus": Value.Scalar(value=1.0)}),),
        (
            "Task 'a' is invalid: Resource limits may only be set for tasks within a task group when"
            " 'share_cgroups' is set to 'false'."
        ),
    ),
    (builders.executor(), (builders.task("a"),), "'ExecutorInfo.type' must be set"),
    (
        builders.default_executor(framework_id="zz"),
        (builders.task("a"),),
        "ExecutorInfo has an invalid FrameworkID (Actual: zz vs Expected: m-0000)",
    ),
    (
        builders.default_executor(container=docker()),
        (builders.task("a"),),
        "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor",
    ),
    (
        builders.default_executor(resources=builders.resources(mem=32, disk=1)),
        (builders.task("a"),),
        "Executor resources 0 cpus is less than the minimum 0.01",
    ),
    (
        builders.default_executor(resources=builders.resources(cpus=1, mem=31, disk=1)),
        (builders.task("a"),),
        "Executor resources 31 mem is less than the minimum 32MB",
    ),
    (
        builders.default_executor(resources=builders.resources(cpus=1, mem=32)),
        (builders.task("a"),),
        "'disk' is not set in executor resources",
    ),
    (
        builders.default_executor(),
        (builders.task("a", executor=builders.default_executor("other")),),
        "The `ExecutorInfo` of task 'a' is different from executor 'e'",
    ),
    (
        builders.default_executor(),
        (builders.task("a"), builders.task("b", container=mesos(linux_info=LinuxInfo(share_cgroups=False)))),
        (
            "If set, the value of 'share_cgroups' must be the same for all tasks in each task group"
            " and under a single executor"
        ),
    ),
    (
        builders.default_executor(),
        (builders.task("a", cpus=4), builders.task("b", cpus=4)),
        (
            "Total resources cpus(allocated: *):8.1; mem(allocated: *):288; disk(allocated: *):10 required by task"
            " group and its executor are more than available cpus(allocated: *):8; mem(allocated: *):4096;"
            " disk(allocated: *):1000"
        ),
    ),
]


@pytest.mark.parametrize(
    ("executor", "tasks", "text"), REFUSED_GROUPS, ids=[text[-50:] for _, _, text in REFUSED_GROUPS]
)
def test_a_bad_group_is_refused_whole(executor: ExecutorInfo, tasks: tuple[TaskInfo, ...], text: str) -> None:
    """Every task hears the first reason."""
    world, scheduler = cluster()
    statuses = group(scheduler, executor, *tasks)
    assert [status.task_id for status in statuses] == [task.task_id for task in tasks]
    assert {status.message for status in statuses} == {text}
    assert {(status.state, status.reason) for status in statuses} == {
        (TaskState.TASK_ERROR, Reason.REASON_TASK_GROUP_INVALID)
    }
    assert world.state.frameworks[scheduler.id].tasks == {}


def test_a_second_group_joins_the_executor() -> None:
    world, scheduler = cluster()
    group(scheduler, builders.default_executor(), builders.task("a"))
    world.advance(1)
    assert group(scheduler, builders.default_executor(), builders.task("b")) == []
    assert world.state.used.plain == {"cpus": 2100, "mem": 288_000, "disk": 10_000}


def test_an_empty_group_launches_nothing() -> None:
    """Not even its executor."""
    world, scheduler = cluster()
    assert group(scheduler, builders.default_executor()) == []
    assert world.state.used.plain == {}
