"""ACCEPT: what is launched, how it is told to the agent, what is refused with which words, what is left over."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.algebra.resources import Resources
from mesos_py.master import changes
from mesos_py.wire import internal
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.health import CheckInfo, HealthCheck
from mesos_py.wire.ids import FrameworkID, OperationID
from mesos_py.wire.linux import LinuxInfo
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.offer import Offer
from mesos_py.wire.operation import OperationState
from mesos_py.wire.resource import Resource
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.secret import Secret
from mesos_py.wire.task import KillPolicy, TaskInfo, TaskState, TaskStatus
from mesos_py.wire.value import Parameter, Value
from mesos_py.wire.volume import Volume
from tests import builders
from tests.builders import CAPABILITY
from tests.master.world import Scheduler, World

Variable = Environment.Variable
Reason = TaskStatus.Reason


def cluster() -> tuple[World, Scheduler]:
    world = World()
    world.agent(cpus=8, mem=4096, resources=builders.resources(cpus=8, mem=4096, disk=1000))
    return world, world.scheduler()


def environment(**fields: Any) -> CommandInfo:
    return CommandInfo(value="x", environment=Environment(variables=(Variable(name="A", **fields),)))


def docker(**fields: Any) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.DOCKER, **fields)


def mesos(**fields: Any) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.MESOS, **fields)


def volume(**fields: Any) -> ContainerInfo:
    return mesos(volumes=(Volume(container_path="data", mode=Volume.Mode.RW, **fields),))


def disk(persistence: str | None = None, **fields: Any) -> Resource:
    if persistence is not None:
        fields["persistence"] = Resource.DiskInfo.Persistence(id=persistence)
        fields.setdefault("volume", Volume(container_path="data", mode=Volume.Mode.RW))
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="a")
    return builders.scalar("disk", 10, disk=Resource.DiskInfo(**fields), reservations=(reservation,))


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


def test_refusals_of_invalid_offers_depend_on_partition_awareness() -> None:
    for capabilities, state in (((), TaskState.TASK_LOST), ((CAPABILITY.PARTITION_AWARE,), TaskState.TASK_DROPPED)):
        scheduler = World().scheduler(capabilities=capabilities)
        operations = (
            builders.launch(builders.task("a")),
            builders.launch_group(builders.default_executor(), builders.task("b")),
        )
        scheduler.accept([], *operations)
        assert scheduler.states("a") == scheduler.states("b") == [state]
