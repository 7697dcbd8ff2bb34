"""What the containerizer reports, for command tasks: texts and fields as captured from Mesos."""

from __future__ import annotations

from typing import Any

import pytest

from mesos_py.agent import events, words
from mesos_py.machine.frame import Send
from mesos_py.machine.values import SECOND
from mesos_py.wire import internal
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.image import Image
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.volume import Volume
from tests import builders
from tests.agent.world import PARTITION_AWARE, World, custom_task, framework, task

Reason = TaskStatus.Reason


@pytest.mark.parametrize(
    ("status", "state", "message"),
    [
        (0, TaskState.TASK_FINISHED, "Command exited with status 0"),
        (5 << 8, TaskState.TASK_FAILED, "Command exited with status 5"),
        (127 << 8, TaskState.TASK_FAILED, "Command exited with status 127"),
        (9, TaskState.TASK_FAILED, "Command terminated with signal Killed"),
        (15, TaskState.TASK_FAILED, "Command terminated with signal Terminated"),
        (11 | 0x80, TaskState.TASK_FAILED, "Command terminated with signal Segmentation fault"),
        (None, TaskState.TASK_FAILED, "Failed to get exit status for Command"),
    ],
)
def test_exits(status: int | None, state: TaskState, message: str) -> None:
    """How a command task ends follows from its wait status."""
    world = World()
    world.run(task())
    world.launched()
    world.exited(status)
    last = world.statuses()[-1]
    assert (last.state, last.message, last.reason) == (state, message, None)
    assert last.source is TaskStatus.Source.SOURCE_EXECUTOR
    assert last.container_status is not None
    assert last.container_status.executor_pid is not None
    assert world.to_master(internal.ExitedExecutor) == []


def test_the_container_of_every_status_is_one_message() -> None:
    """STARTING, RUNNING and the end say the same of the container, with pid and address."""
    world = World()
    world.run(task())
    world.launched()
    world.exited(0)
    said = [status.container_status for status in world.statuses()]
    assert said[0] is not None
    assert said[0].container_id is not None
    assert said[0].network_infos == world.agent.network_infos
    assert said[0] == said[1] == said[2]


def test_launch_failures() -> None:
    """The task fails with the containerizer's words; nothing is said of a container that never was."""
    world = World()
    world.run(task())
    text = "Failed to fetch all URIs for container 'c': exited with status 1"
    world.tell(events.ContainerLaunchFailed(world.executor().container_id, text))
    (failed,) = world.statuses()
    assert (failed.state, failed.reason) == (TaskState.TASK_FAILED, Reason.REASON_CONTAINER_LAUNCH_FAILED)
    assert failed.message == f"Failed to launch container: {text}"
    assert failed.source is TaskStatus.Source.SOURCE_AGENT
    assert failed.container_status is None
    assert world.agent.state.counters["slave/container_launch_errors"] == 1


def test_a_custom_executor_that_cannot_be_launched() -> None:
    """The master hears that it exited, with -1."""
    world = World()
    world.run(custom_task())
    world.tell(events.ContainerLaunchFailed(world.executor().container_id, "x"))
    assert [exited.status for exited in world.to_master(internal.ExitedExecutor)] == [-1]


DOCKER = ContainerInfo(type=ContainerInfo.Type.DOCKER, docker=ContainerInfo.DockerInfo(image="x"))
IMAGE = ContainerInfo(
    type=ContainerInfo.Type.MESOS,
    mesos=ContainerInfo.MesosInfo(image=Image(type=Image.Type.DOCKER, docker=Image.Docker(name="x"))),
)
VOLUMES = ContainerInfo(
    type=ContainerInfo.Type.MESOS, volumes=(Volume(container_path="/x", host_path="/", mode=Volume.Mode.RW),)
)


@pytest.mark.parametrize(
    ("container", "reason", "message"),
    [
        (DOCKER, Reason.REASON_EXECUTOR_TERMINATED, "Abnormal executor termination: unknown container"),
        (IMAGE, Reason.REASON_CONTAINER_LAUNCH_FAILED,
         "Failed to launch container: Container root filesystems not supported"),
        (VOLUMES, Reason.REASON_CONTAINER_LAUNCH_FAILED,
         "Failed to launch container: Volumes in ContainerInfo is not supported"),
    ],
)  # fmt: skip
def test_containers_nobody_here_can_run(container: ContainerInfo, reason: TaskStatus.Reason, message: str) -> None:
    """Without its image or volumes a task is another task: it fails."""
    world = World()
    world.run(task(container=container))
    assert world.to_containers(words.LaunchContainer) == []
    world.advance(0)
    (failed,) = world.statuses()
    assert (failed.state, failed.reason, failed.message) == (TaskState.TASK_FAILED, reason, message)
    world.run_group([task("a", container=container), task("b")])
    (launch,) = world.to_containers(words.LaunchContainer)
    world.advance(0)
    world.launched(launch.spec.container_id)
    assert world.states("a") == ["STARTING", "FAILED"]


@pytest.mark.parametrize(
    ("capabilities", "state"), [((), TaskState.TASK_LOST), ((PARTITION_AWARE,), TaskState.TASK_DROPPED)]
)
def test_no_sandbox_no_launch(capabilities: tuple[Any, ...], state: TaskState) -> None:
    """Without a sandbox the task was never launched, which is no failure of its own (docs/decisions/isolation.md)."""
    world = World()
    world.run(task(), by=framework(capabilities=capabilities))
    text = "Failed to create executor directory '/w/x': Failed to chown directory to 'nosuchuser': No such user"
    world.tell(events.ContainerLaunchFailed(world.executor().container_id, text))
    (end,) = world.statuses()
    assert (end.state, end.reason, end.message) == (state, Reason.REASON_EXECUTOR_TERMINATED, text)


def test_a_program_that_does_not_exist() -> None:
    """It ran for a moment and exited with 1, as in Mesos; what was wrong is in its stderr."""
    world = World()
    world.run(task(command=CommandInfo(shell=False, value="/bin/nonexistent")))
    world.tell(events.ContainerLaunchFailed(world.executor().container_id, "Failed to execute '/bin/nonexistent': no"))
    assert world.states() == ["STARTING", "RUNNING", "FAILED"]
    assert world.statuses()[-1].message == "Command exited with status 1"


def test_a_command_without_a_value() -> None:
    """STARTING, and then its executor gives up."""
    world = World()
    world.run(task(command=CommandInfo()))
    world.launched()
    assert len(world.to_containers(words.DestroyContainer)) == 1
    world.exited(0)
    assert world.states() == ["STARTING", "FAILED"]
    last = world.statuses()[-1]
    assert (last.message, last.reason) == ("Executor terminated", Reason.REASON_EXECUTOR_TERMINATED)
    assert last.container_status is None


def test_max_completion_time() -> None:
    """Killed at once when its time is over: FAILED with the reason, KILLING is not said."""
    world = World()
    world.run(task(max_completion_time=builders.duration(10)))
    world.launched()
    world.advance(10 * SECOND)
    assert len(world.to_containers(words.DestroyContainer)) == 1
    world.exited(9)
    assert world.states() == ["STARTING", "RUNNING", "FAILED"]
    assert world.statuses()[-1].reason is Reason.REASON_MAX_COMPLETION_TIME_REACHED


def test_unknown_containers_mean_nothing() -> None:
    """What comes about a container that is gone changes nothing; one that comes to life is destroyed."""
    world = World()
    world.tell(events.ContainerExited("gone", 0))
    assert world.frame.sends == [Send(words.CONTAINERS, words.AcknowledgeExit("gone"))]
    world.tell(events.ContainerLaunchFailed("gone", "x"))
    assert world.frame.sends == []
    world.tell(events.ContainerLaunched("gone", 1))
    assert world.to_containers(words.DestroyContainer) == [words.DestroyContainer("gone")]


def test_gone_before_it_was_launched() -> None:
    """A container destroyed from outside before its process ran: the task fails."""
    world = World()
    world.run(task())
    world.exited(None)
    (failed,) = world.statuses()
    assert (failed.state, failed.reason) == (TaskState.TASK_FAILED, Reason.REASON_EXECUTOR_TERMINATED)
