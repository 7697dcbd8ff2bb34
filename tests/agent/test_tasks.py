"""RunTask and RunTaskGroup: what is launched, how, and every reason not to (Mesos: agent semantics, section 4)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from mesos_py.agent import words
from mesos_py.agent.checkpoint import facts
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.algebra.resources import Resources
from mesos_py.wire import internal
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.resource import Resource
from mesos_py.wire.secret import Secret
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.value import Value
from tests import builders
from tests.agent.containerizer.test_persistent import volume
from tests.agent.world import (
    AGENT_ID,
    FRAMEWORK_ID,
    PARTITION_AWARE,
    World,
    custom_task,
    framework,
    kill_policy,
    task,
)  # fmt: skip

Reason = TaskStatus.Reason
Drop = tuple[Callable[[World], None], Reason, str]

LIMITED = (
    "{} limits can only be set on tasks launched in Mesos containers"
    " when the agent has loaded the 'cgroups/{}' isolator"
)
RESERVED = builders.scalar(
    "cpus", 1, "*",
    reservations=(Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="r"),),
)  # fmt: skip


def running(world: World) -> None:
    """A custom executor runs one task."""
    world.run(custom_task("first"))
    world.subscribe()


def limited(name: str) -> Callable[[World], None]:
    return lambda world: void(world.run(task(limits={name: Value.Scalar(value=1.0)})))


def void(_: Any) -> None:
    """For lambdas that only act."""


def exists(world: World) -> None:
    running(world)
    world.run(custom_task())


def reused(world: World) -> None:
    """A command task named like an executor that runs."""
    world.run(custom_task("first", "t"))
    world.run(task("t"))


def terminating(world: World) -> None:
    running(world)
    world.master(internal.ShutdownExecutor(framework_id=FRAMEWORK_ID, executor_id=world.executor().id))
    world.run(custom_task(), launch=False)


def terminated(world: World) -> None:
    running(world)
    world.exited(0)
    world.run(custom_task(), launch=False)


DROPS: dict[str, Drop] = {
    "cpu limit": (
        limited("cpus"), Reason.REASON_GC_ERROR,
        LIMITED.format("CPU", "cpu"),
    ),
    "mem limit": (
        limited("mem"), Reason.REASON_GC_ERROR,
        LIMITED.format("Memory", "mem"),
    ),
    "task resources unknown": (
        lambda world: void(world.run(task(resources=(RESERVED,)))), Reason.REASON_RESOURCES_UNKNOWN,
        "The checkpointed resources being used by the task or task group are unknown to the agent",
    ),
    "executor resources unknown": (
        lambda world: void(world.run(task(executor=builders.executor(resources=(RESERVED,))))),
        Reason.REASON_RESOURCES_UNKNOWN,
        "The checkpointed resources being used by the executor are unknown to the agent",
    ),
    "command executor exists": (
        reused, Reason.REASON_TASK_INVALID, "Cannot reuse an already existing executor for a command task"
    ),
    "executor exists": (
        exists, Reason.REASON_EXECUTOR_TERMINATED, "Master wants to launch executor, but one already exists"
    ),
    "no executor": (
        lambda world: void(world.run(custom_task(), launch=False)), Reason.REASON_EXECUTOR_TERMINATED,
        "No executor is expected to launch and there is none running",
    ),
    "executor terminating": (terminating, Reason.REASON_EXECUTOR_TERMINATED, "Executor terminating"),
    "executor terminated": (terminated, Reason.REASON_EXECUTOR_TERMINATED, "Executor terminated"),
}  # fmt: skip


@pytest.mark.parametrize("name", DROPS)
@pytest.mark.parametrize(("aware", "state"), [(False, TaskState.TASK_LOST), (True, TaskState.TASK_DROPPED)])
def test_drops(name: str, aware: bool, state: TaskState) -> None:
    """Each check that fails has its reason and text; the state is what the framework understands."""
    act, reason, message = DROPS[name]
    world = World()
    by = framework(capabilities=(PARTITION_AWARE,) if aware else ())
    plain = world.run
    world.run = lambda info, **given: plain(info, **given, by=by)  # type: ignore[method-assign]
    act(world)
    (update,) = [update for update in world.to_master(internal.StatusUpdate) if update.status.task_id == "t"]
    status = update.status
    assert (status.state, status.reason, status.message) == (state, reason, message)
    assert status.source is TaskStatus.Source.SOURCE_AGENT
    assert status.uuid is not None
    assert status.executor_id is not None
    assert status.agent_id == AGENT_ID


def test_a_dropped_group_is_dropped_as_a_whole() -> None:
    world = World()
    world.run_group([task("a"), task("b")], launch=False)
    assert [update.status.task_id for update in world.to_master(internal.StatusUpdate)] == ["a", "b"]
    assert world.agent.state.frameworks == {}


def test_the_master_frees_an_executor_that_is_not_launched() -> None:
    """An executor that was to be launched and is not has exited, with -1; a command task's has not."""
    world = World()
    world.run(task(executor=builders.executor(resources=(RESERVED,))))
    exited = internal.ExitedExecutor(framework_id=FRAMEWORK_ID, executor_id="e", status=-1)  # type: ignore[arg-type]
    assert world.to_master(internal.ExitedExecutor) == [exited]
    world.run(custom_task(), launch=False)
    assert world.to_master(internal.ExitedExecutor) == []
    world.run(task(resources=(RESERVED,)))
    assert world.to_master(internal.ExitedExecutor) == []


def test_an_executor_that_should_not_exist_is_shut_down() -> None:
    world = World()
    exists(world)
    assert world.executor().state is ExecutorState.TERMINATING


def test_a_volume_that_an_executor_was_not_launched_with() -> None:
    """It could not be mounted: the task fails and says so; with those that are there, tasks may come and go."""
    there, late = volume("there"), volume("late")
    world = World()
    world.agent.state.checkpointed = Resources.of((there, late))
    world.run(custom_task("first", resources=(there,)))
    world.run(custom_task("second", resources=(there,)), launch=False)
    world.run(custom_task("third", resources=(late,)), launch=False)
    assert list(world.executor().queued) == ["first", "second"]
    (update,) = world.to_master(internal.StatusUpdate)
    failed = update.status
    assert (failed.task_id, failed.state, failed.reason, failed.message) == (
        "third", TaskState.TASK_FAILED, Reason.REASON_CONTAINER_UPDATE_FAILED,
        "Persistent volume 'late' cannot be mounted into the container of an executor that runs already",
    )  # fmt: skip


def test_a_task_id_in_use_changes_nothing() -> None:
    """A stream cannot tell two tasks of one id apart; the master never does it."""
    world = World()
    running(world)
    world.run(custom_task("first"), launch=False)
    assert world.frame.sends == []
    assert world.agent.state.frameworks[FRAMEWORK_ID].executors


@pytest.mark.parametrize("name", ["..", ".", "a/b", "/etc", "a\0", ""])
def test_ids_that_are_no_names_are_refused(name: str) -> None:
    """They would name directories outside the work directory."""
    world = World()
    world.run(task(name))
    assert world.frame.sends == []
    world.run(custom_task("t", name))
    assert world.frame.sends == []


def test_tasks_for_other_agents_are_ignored() -> None:
    world = World()
    world.run(builders.task("t", "m-S9"))
    assert world.frame.sends == []


def test_missing_allocation_is_the_frameworks_role() -> None:
    """Mesos: injectAllocationInfo."""
    world = World()
    world.run(task(resources=(builders.scalar("cpus", 1),)), by=framework(roles=("eng",)))
    (held,) = world.executor().queued.values()
    assert [resource.allocation_info for resource in held.info.resources] == [Resource.AllocationInfo(role="eng")]
    assert world.spec().env["MESOS_ALLOCATION_ROLE"] == "eng"


# ---- what is launched


def test_a_command_task_is_its_executors_container() -> None:
    """Sandbox layout, link, argv and the environment of an executor and its task."""
    world = World()
    command = CommandInfo(
        value="echo $A",
        environment=Environment(variables=(Environment.Variable(name="A", value="1"),)),
        uris=(CommandInfo.URI(value="http://x/y"),),
    )
    world.run(task(command=command))
    spec = world.spec()
    runs = "/w/slaves/m-S0/frameworks/m-0000/executors/t/runs"
    assert spec.sandbox == f"{runs}/{spec.container_id}"
    assert spec.latest_link == f"{runs}/latest"
    assert (spec.executable, spec.argv) == ("/bin/sh", ("sh", "-c", "echo $A"))
    assert spec.uris == command.uris
    assert dict(spec.env) == {
        "A": "1",
        "LIBPROCESS_IP": "10.0.0.1",
        "LIBPROCESS_PORT": "0",
        "MESOS_AGENT_ENDPOINT": "10.0.0.1:5051",
        "MESOS_ALLOCATION_ROLE": "*",
        "MESOS_CHECKPOINT": "0",
        "MESOS_DIRECTORY": spec.sandbox,
        "MESOS_EXECUTOR_ID": "t",
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs",
        "MESOS_FRAMEWORK_ID": "m-0000",
        "MESOS_HTTP_COMMAND_EXECUTOR": "0",
        "MESOS_SANDBOX": spec.sandbox,
        "MESOS_SLAVE_ID": "m-S0",
        "MESOS_SLAVE_PID": "slave(1)@10.0.0.1:5051",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }


@pytest.mark.parametrize(
    ("command", "executable", "argv"),
    [
        (CommandInfo(value="true"), "/bin/sh", ("sh", "-c", "true")),
        (CommandInfo(shell=False, value="/bin/true", arguments=("t", "1")), "/bin/true", ("t", "1")),
        (CommandInfo(shell=False, value="true"), "true", ("true",)),
        (CommandInfo(), "/", ("/",)),
        (CommandInfo(shell=False, arguments=("t",)), "/", ("/",)),
    ],
)
def test_command_lines(command: CommandInfo, executable: str, argv: tuple[str, ...]) -> None:
    """The shell runs the value, or the value is executed with exactly its arguments."""
    world = World()
    world.run(task(command=command))
    assert (world.spec().executable, world.spec().argv) == (executable, argv)


def secret(**fields: Any) -> CommandInfo:
    variable = Environment.Variable(name="S", type=Environment.Variable.Type.SECRET, secret=Secret(**fields))
    return CommandInfo(value="true", environment=Environment(variables=(variable,)))


def test_a_secret_given_as_value_is_in_the_environment() -> None:
    """Mesos: the default secret resolver; bytes that are no text arrive as they are."""
    world = World()
    world.run(task(command=secret(type=Secret.Type.VALUE, value=Secret.Value(data=b"hush\xff"))))
    assert os.fsencode(world.spec().env["S"]) == b"hush\xff"


def test_a_secret_that_cannot_be_resolved_fails_its_task() -> None:
    """Without it the task would be another one."""
    world = World()
    world.run(task(command=secret(type=Secret.Type.REFERENCE, reference=Secret.Reference(name="vault"))))
    world.advance(0)
    (status,) = world.statuses("t")
    assert status.reason is Reason.REASON_CONTAINER_LAUNCH_FAILED
    assert status.message == "Failed to launch container: Default resolver cannot resolve references"


def test_checkpointing_shows_in_the_environment() -> None:
    """Executors that outlive the agent learn how long to wait for it."""
    world = World()
    world.run(custom_task(), by=framework(checkpoint=True))
    env = world.spec().env
    assert (env["MESOS_CHECKPOINT"], env["MESOS_RECOVERY_TIMEOUT"]) == ("1", "15mins")
    assert env["MESOS_SUBSCRIPTION_BACKOFF_MAX"] == "2secs"


def test_a_custom_executor_does_not_get_its_tasks_environment() -> None:
    world = World(executor_environment_variables={"PATH": "/opt", "X": "y"})
    world.run(custom_task())
    env = world.spec().env
    assert (env["PATH"], env["X"]) == ("/opt", "y")
    assert "MESOS_ALLOCATION_ROLE" not in env


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (CommandInfo(value="true"), "sh -c 'true'"),
        (CommandInfo(value="x" * 15), f"sh -c '{'x' * 15}'"),
        (CommandInfo(value="echo hello; sleep"), "sh -c 'echo hello; ...'"),
        (CommandInfo(), "NO COMMAND"),
        (CommandInfo(shell=False), "NO EXECUTABLE"),
        (CommandInfo(shell=False, value="/bin/nonexistent"), "[/bin/nonexis...]"),
        (CommandInfo(shell=False, value="ls", arguments=("a", "b")), "[ls, a, b]"),
    ],
)
def test_names_of_command_executors(command: CommandInfo, shown: str) -> None:
    """As Mesos shows them."""
    world = World()
    world.run(task(command=command))
    assert world.executor().info.name == f"Command Executor (Task: t) (Command: {shown})"


def test_command_executors_as_they_are_shown() -> None:
    """Overhead with the task's role, source, and a shutdown grace period beyond the task's own."""
    world = World()
    world.run(task(kill_policy=kill_policy(7)))
    info = world.executor().info
    assert info.source == "t"
    assert info.resources == (builders.scalar("cpus", 0.1, "*"), builders.scalar("mem", 32, "*"))
    assert info.shutdown_grace_period == builders.duration(9)
    assert world.spec().resources == (*info.resources, *task().resources)


def test_facts_are_written_before_the_launch_is_said() -> None:
    """A restarted agent knows of everything that was launched; without checkpointing nothing is written."""
    world = World()
    world.run(task(), by=framework(checkpoint=True))
    assert [type(fact) for fact in world.frame.writes] == [facts.FrameworkSaved, facts.ExecutorSaved, facts.TaskSaved]
    world.launched()
    assert [type(fact) for fact in world.frame.writes] == [
        facts.ExecutorSaved, facts.UpdateReceived, facts.UpdateReceived,
    ]  # fmt: skip
    plain = World()
    plain.run(task())
    assert plain.frame.writes == []


def test_the_sandbox_can_be_read_under_three_names() -> None:
    world = World()
    world.run(task())
    (attach,) = world.to(words.DISK, words.AttachSandbox)
    assert attach.path == world.executor().sandbox
    assert attach.latest == "/w/slaves/m-S0/frameworks/m-0000/executors/t/runs/latest"
    assert attach.virtual == "/frameworks/m-0000/executors/t/runs/latest"


def test_a_scheduler_that_has_just_come_hears_what_was_not_acknowledged() -> None:
    """The master says that the framework is connected again; it need not wait for the next repetition."""
    world = World()
    world.run(task())
    world.launched()
    first = world.said[-1].status
    world.master(internal.UpdateFramework(framework=framework()))
    (again,) = world.to_master(internal.StatusUpdate)
    assert again.status == first
