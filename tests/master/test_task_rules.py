"""Why a task is refused: every rule and its words, beyond those captured from a C++ master."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.master import changes
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.health import CheckInfo, HealthCheck
from mesos_py.wire.linux import LinuxInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.secret import Secret
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import Parameter, Value
from mesos_py.wire.volume import Volume
from tests import builders
from tests.master.parts import cluster, disk, docker, environment, mesos, volume
from tests.master.world import World

Variable = Environment.Variable
Reason = TaskStatus.Reason


ENVIRONMENT = "Task's `CommandInfo` is invalid: Environment variable 'A' of type "
CONTAINER = "Task's `ContainerInfo` is invalid: "
SOURCE = Volume.Source
ONE_OF = f"{CONTAINER}Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'"

#: What is not among the captures of a C++ master.
REFUSED_TASKS: list[tuple[TaskInfo, str]] = [
    (builders.task("a\nb"), "'a\nb' contains invalid characters"),
    (builders.task(".."), "'..' is disallowed"),
    (
        builders.task(check=CheckInfo(type=CheckInfo.Type.HTTP)),
        "Task uses invalid check: Expecting 'http' to be set for HTTP check",
    ),
    (
        builders.task(check=CheckInfo(type=CheckInfo.Type.HTTP, http=CheckInfo.Http(port=1, path="x"))),
        "Task uses invalid check: The path 'x' of HTTP check must start with '/'",
    ),
    (
        builders.task(check=CheckInfo(type=CheckInfo.Type.TCP, tcp=CheckInfo.Tcp(port=1), delay_seconds=-1.0)),
        "Task uses invalid check: Expecting 'delay_seconds' to be non-negative",
    ),
    (
        builders.task(health_check=HealthCheck(type=HealthCheck.Type.UNKNOWN)),
        "Task uses invalid health check: 'UNKNOWN' is not a valid health check type",
    ),
    (
        builders.task(health_check=HealthCheck(type=HealthCheck.Type.TCP)),
        "Task uses invalid health check: Expecting 'tcp' to be set for TCP health check",
    ),
    (
        builders.task(
            health_check=HealthCheck(type=HealthCheck.Type.HTTP, http=HealthCheck.HTTPCheckInfo(port=80, scheme="ftp"))
        ),
        "Task uses invalid health check: Unsupported HTTP health check scheme: 'ftp'",
    ),
    (
        builders.task(resources=(*builders.resources(cpus=1), builders.scalar("gpus", 0.5))),
        "Task uses invalid resources: The 'gpus' resource must be an unsigned integer",
    ),
    (
        builders.task(resources=(disk("v", volume=None),)),
        "Task uses invalid resources: Expecting 'volume' to be set for persistent volume",
    ),
    (
        builders.task(resources=(disk(),)),
        "Task uses invalid resources: DiskInfo is set but empty",
    ),
    (
        builders.task(resources=(disk("v"), disk("v"))),
        "Task uses duplicate persistence ID: Persistence ID 'v' is not unique",
    ),
    (
        builders.task(resources=(builders.scalar("cpus", 1, "a"), builders.scalar("mem", 1, "b"))),
        "Invalid task resources: The resources have multiple allocation roles ('b' and 'a')",
    ),
    (
        builders.task(
            resources=(
                builders.scalar("cpus", 1),
                builders.scalar("cpus", 1, revocable=Resource.RevocableInfo()),
            )
        ),
        (
            "Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable 'cpus'"
            " at the same time"
        ),
    ),
    (
        builders.task(command=environment(value="x", secret=Secret())),
        f"{ENVIRONMENT}'VALUE' must not have a secret set",
    ),
    (builders.task(command=environment(type=Variable.Type.SECRET)), f"{ENVIRONMENT}'SECRET' must have a secret set"),
    (
        builders.task(command=environment(type=Variable.Type.SECRET, value="x")),
        f"{ENVIRONMENT}'SECRET' must not have a value set",
    ),
    (
        builders.task(command=environment(type=Variable.Type.UNKNOWN)),
        "Task's `CommandInfo` is invalid: Environment variable of type 'UNKNOWN' is not allowed",
    ),
    (builders.task(container=volume()), ONE_OF),
    (builders.task(container=volume(host_path="/x", source=SOURCE())), ONE_OF),
    (
        builders.task(container=volume(source=SOURCE(type=SOURCE.Type.SANDBOX_PATH))),
        f"{CONTAINER}Invalid volume: 'source.sandbox_path' is not set for SANDBOX_PATH volume",
    ),
    (
        builders.task(container=docker()),
        f"{CONTAINER}DockerInfo 'docker' is not set for DOCKER typed ContainerInfo",
    ),
    (
        builders.task(
            container=docker(docker=ContainerInfo.DockerInfo(image="i", parameters=(Parameter(key="name", value="x"),)))
        ),
        f"{CONTAINER}Parameter in DockerInfo must not be 'name'",
    ),
    (
        builders.task(limits={"disk": Value.Scalar(value=1.0)}),
        "Only cpus and mem may be included in a task's resource limits",
    ),
    (
        builders.task(cpus=0, limits={"cpus": Value.Scalar(value=1.0)}),
        "When a CPU limit is specified, a CPU request must also be specified",
    ),
    (
        builders.task(cpus=2, limits={"cpus": Value.Scalar(value=1.0)}),
        "The cpu limit must be greater than or equal to the cpu request",
    ),
    (
        builders.task(mem=2, limits={"mem": Value.Scalar(value=1.0)}),
        "The memory limit must be greater than or equal to the memory request",
    ),
    (
        builders.task(container=mesos(linux_info=LinuxInfo(share_cgroups=False))),
        "Only tasks in a task group may have 'share_cgroups' set to 'false'",
    ),
    (
        builders.task(executor=builders.executor(shutdown_grace_period=builders.duration(-1))),
        "ExecutorInfo's 'shutdown_grace_period' must be non-negative",
    ),
    (builders.task(executor=builders.executor("a/b")), "'a/b' contains invalid characters"),
    (builders.task(executor=builders.executor(command=None)), "'ExecutorInfo.command' must be set"),
    (
        builders.task(executor=builders.executor(type=ExecutorInfo.Type.DEFAULT)),
        "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
    ),
    (
        builders.task(
            executor=builders.executor(resources=(builders.scalar("cpus", 0.1, "a"), builders.scalar("mem", 32, "b")))
        ),
        "Invalid executor resources: The resources have multiple allocation roles ('b' and 'a')",
    ),
]


@pytest.mark.parametrize(("task", "text"), REFUSED_TASKS, ids=[text[-50:] for _, text in REFUSED_TASKS])
def test_bad_tasks_are_told_why(task: TaskInfo, text: str) -> None:
    """TASK_ERROR with the rule's words; the offer is declined, nothing is launched."""
    world, scheduler = cluster()
    frame = scheduler.launch(task)
    (status,) = scheduler.statuses()
    assert (status.state, status.reason, status.message) == (TaskState.TASK_ERROR, Reason.REASON_TASK_INVALID, text)
    assert world.state.frameworks[scheduler.id].tasks == {}
    assert [change.status for change in frame.changes if isinstance(change, changes.TaskRefused)] == [status]


@pytest.mark.parametrize(
    "fields",
    [
        {"limits": {"cpus": Value.Scalar(value=float("inf")), "mem": Value.Scalar(value=4096.0)}},
        {"kill_policy": KillPolicy(grace_period=builders.duration(0)), "max_completion_time": builders.duration(0)},
        {"health_check": HealthCheck(http=HealthCheck.HTTPCheckInfo(port=80))},
        {"container": mesos(volumes=(Volume(container_path="a", host_path="/b", mode=Volume.Mode.RO),))},
        {"command": CommandInfo(shell=True)},
        {"resources": (builders.scalar("cpus", 0), *builders.resources(mem=10))},
    ],
)
def test_what_looks_odd_but_is_launched(fields: dict[str, Any]) -> None:
    world, scheduler = cluster()
    scheduler.launch(builders.task(**fields))
    assert scheduler.statuses() == []
    assert list(world.state.frameworks[scheduler.id].tasks) == ["t"]


def test_limits_need_an_agent_that_knows_them() -> None:
    world = World()
    agent = world.agent()
    world.state.agents[agent.id].capabilities = type(world.state.agents[agent.id].capabilities)()
    scheduler = world.scheduler()
    scheduler.launch(builders.task(limits={"cpus": Value.Scalar(value=1.0)}))
    assert scheduler.statuses()[0].message == "Agent is not capable of handling task resource limits"
