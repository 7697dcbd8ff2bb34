"""Task groups: one container per task inside the executor's, and they live and die together (5.6)."""

from __future__ import annotations

from mesos_py.agent import events, words
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.machine.values import SECOND
from mesos_py.wire import internal
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.health import CheckInfo, CheckStatusInfo
from mesos_py.wire.ids import ContainerID, ExecutorID
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.agent.world import FRAMEWORK_ID, TASK_KILLING_STATE, World, framework, task

Reason = TaskStatus.Reason


def group(world: World, *task_ids: str, launch: bool = True) -> dict[str, str]:
    """Run a group; returns the containers by task."""
    world.run_group([task(task_id) for task_id in task_ids], launch=launch)
    return containers(world)


def containers(world: World) -> dict[str, str]:
    return {task_id: container_id for container_id, task_id in world.executor().nested.items()}


def running(world: World, *task_ids: str) -> dict[str, str]:
    found = group(world, *task_ids)
    for container_id in found.values():
        world.launched(container_id)
    return found


def test_containers_inside_the_executors() -> None:
    """Sandboxes nest, the executor's environment is not inherited, all launches leave in one frame."""
    world = World()
    variables = Environment(variables=(Environment.Variable(name="A", value="1"),))
    world.run_group([task("a", command=CommandInfo(value="true", environment=variables)), task("b")])
    specs = [launch.spec for launch in world.to_containers(words.LaunchContainer)]
    executor = world.executor()
    assert executor.state is ExecutorState.RUNNING
    for spec in specs:
        assert spec.parent_id == executor.container_id
        assert spec.sandbox == f"{executor.sandbox}/containers/{spec.container_id}"
    assert dict(specs[0].env) == {
        "A": "1",
        "MESOS_ALLOCATION_ROLE": "*",
        "MESOS_CONTAINER_IP": "10.0.0.1",
        "MESOS_SANDBOX": specs[0].sandbox,
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    assert world.to_containers(words.MakeSandbox) == [
        words.MakeSandbox(
            executor.container_id, executor.sandbox, executor.sandbox.rpartition("/")[0] + "/latest", executor.user
        )
    ]


def test_running_when_all_are_launched() -> None:
    """STARTING names the container alone; RUNNING, with pid and address, is said when every launch is answered."""
    world = World()
    found = group(world, "a", "b")
    parent = ContainerID(value=world.executor().container_id)
    bare = ContainerStatus(container_id=ContainerID(value=found["a"], parent=parent))
    assert world.statuses("a")[-1].container_status == bare
    world.launched(found["a"])
    assert world.states("a") == ["STARTING"]
    assert world.to(words.DISK, words.LinkTask) == [
        words.LinkTask(world.executor().sandbox, "a", found["a"])  # type: ignore[arg-type]
    ]
    world.launched(found["b"])
    assert world.states("a") == world.states("b") == ["STARTING", "RUNNING"]
    status = world.statuses("a")[-1].container_status
    assert status is not None
    assert status.container_id == ContainerID(value=found["a"], parent=parent)
    assert status.network_infos == world.agent.network_infos
    assert status.executor_pid is not None


def test_the_end_of_a_group() -> None:
    """FINISHED disturbs nobody; with the last container the executor ends, with status 0."""
    world = World()
    found = running(world, "a", "b")
    world.exited(0, found["a"])
    assert world.states("b") == ["STARTING", "RUNNING"]
    assert world.to_containers(words.SignalContainer) == []
    world.exited(0, found["b"])
    assert world.states("a") == world.states("b") == ["STARTING", "RUNNING", "FINISHED"]
    assert world.statuses("a")[-1].message == "Command exited with status 0"
    assert world.to_master(internal.ExitedExecutor) == [
        internal.ExitedExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("e"), status=0)
    ]
    world.acknowledge_all()
    assert world.agent.state.frameworks == {}


def test_one_dies_all_die() -> None:
    """A member that fails takes its group along; other groups go on."""
    world = World()
    found = running(world, "a", "b")
    world.run_group([task("c")], launch=False)
    other = containers(world)["c"]
    world.launched(other)
    world.exited(1 << 8, found["a"])
    assert world.states("a")[-1] == "FAILED"
    assert world.to_containers(words.SignalContainer) == [words.SignalContainer(found["b"], 15)]
    world.exited(15, found["b"])
    last = world.statuses("b")[-1]
    assert (last.state, last.message) == (TaskState.TASK_KILLED, "Command terminated with signal Terminated")
    assert world.states("c") == ["STARTING", "RUNNING"]
    assert world.executor().state is ExecutorState.RUNNING


def test_killing_one_kills_all() -> None:
    """KILLING for those who know it, SIGTERM, SIGKILL after the grace; the siblings follow when it is dead."""
    world = World()
    by = framework(capabilities=(TASK_KILLING_STATE,))
    world.run_group([task("a"), task("b")], by=by)
    found = containers(world)
    for container_id in found.values():
        world.launched(container_id)
    world.kill("a")
    world.kill("a")
    assert world.states("a") == ["STARTING", "RUNNING", "KILLING"]
    world.advance(3 * SECOND)
    assert world.to_containers(words.DestroyContainer) == [words.DestroyContainer(found["a"])]
    world.exited(9, found["a"])
    assert world.states("b") == ["STARTING", "RUNNING", "KILLING"]
    world.exited(15, found["b"])
    assert world.states("a") == world.states("b") == ["STARTING", "RUNNING", "KILLING", "KILLED"]


def test_a_launch_that_fails() -> None:
    """Told when all launches are answered: FAILED with what was wrong, and the others are killed."""
    world = World()
    found = group(world, "a", "b")
    world.tell(events.ContainerLaunchFailed(found["a"], "no"))
    assert world.states("a") == ["STARTING"]
    world.launched(found["b"])
    assert world.states("a") == ["STARTING", "FAILED"]
    assert world.statuses("a")[-1].message == "Failed to launch container: no"
    assert world.states("b") == ["STARTING", "RUNNING"]
    world.exited(15, found["b"])
    assert world.states("b") == ["STARTING", "RUNNING", "KILLED"]


def test_an_agent_that_is_told_to_end_ends_with_the_last_launch_that_fails() -> None:
    """It has no container whose exit could be waited for (seed 700029: a full disk, and the agent marked gone)."""
    world = World()
    found = group(world, "a", "b")
    world.master(internal.ShutdownAgent(message="go"))
    world.tell(events.ContainerLaunchFailed(found["a"], "no"))
    assert world.to(words.PROCESS, words.Exit) == []
    world.tell(events.ContainerLaunchFailed(found["b"], "no"))
    assert world.to(words.PROCESS, words.Exit) == [words.Exit(None)]


def test_a_launch_that_hangs_is_killed() -> None:
    """The launch is cancelled, the whole group ends."""
    world = World()
    found = group(world, "a", "b")
    world.launched(found["a"])
    world.kill("b")
    assert world.to_containers(words.DestroyContainer) == [words.DestroyContainer(found["b"])]
    world.exited(9, found["b"])
    assert world.states("b") == ["STARTING", "KILLED"]
    assert world.to_containers(words.SignalContainer) == [words.SignalContainer(found["a"], 15)]
    world.exited(15, found["a"])
    assert world.states("a")[-1] == "KILLED"
    world.acknowledge_all()
    assert world.agent.state.frameworks == {}


def test_an_exit_while_a_sibling_is_on_its_way() -> None:
    """The exit is told after RUNNING, which waits for the sibling."""
    world = World()
    found = group(world, "a", "b")
    world.launched(found["a"])
    world.exited(0, found["a"])
    assert world.states("a") == ["STARTING"]
    world.launched(found["b"])
    assert world.states("a") == ["STARTING", "RUNNING", "FINISHED"]
    assert world.states("b") == ["STARTING", "RUNNING"]


def test_a_program_that_does_not_exist() -> None:
    world = World()
    found = group(world, "a")
    world.tell(events.ContainerLaunchFailed(found["a"], "Failed to execute 'x': no"))
    assert world.states("a") == ["STARTING", "RUNNING", "FAILED"]
    assert world.statuses("a")[-1].message == "Command exited with status 1"


def test_shutdown() -> None:
    """All containers are told, and destroyed when the grace period is over; the executor ends with the last."""
    world = World()
    found = running(world, "a", "b")
    world.master(internal.ShutdownExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("e")))
    assert len(world.to_containers(words.SignalContainer)) == 2
    world.advance(3 * SECOND)
    assert {word.container_id for word in world.to_containers(words.DestroyContainer)} == set(found.values())
    for container_id in found.values():
        world.exited(9, container_id)
    assert world.states("a")[-1] == world.states("b")[-1] == "KILLED"
    assert len(world.to_master(internal.ExitedExecutor)) == 1


def test_no_sandbox() -> None:
    """The tasks were never launched; what was begun is destroyed."""
    world = World()
    found = group(world, "a")
    world.tell(events.DirectoryFailed(world.executor().container_id, "Failed to create executor directory 'x'"))
    assert world.to_containers(words.DestroyContainer) == [words.DestroyContainer(found["a"])]
    last = world.statuses("a")[-1]
    assert (last.state, last.reason) == (TaskState.TASK_LOST, Reason.REASON_EXECUTOR_TERMINATED)
    world.exited(9, found["a"])
    assert world.executor().state is ExecutorState.TERMINATED
    assert world.states("a") == ["STARTING", "LOST"]


def test_max_completion_time() -> None:
    world = World()
    world.run_group([task("a", max_completion_time=builders.duration(5)), task("b")])
    found = containers(world)
    for container_id in found.values():
        world.launched(container_id)
    world.advance(5 * SECOND)
    world.exited(9, found["a"])
    last = world.statuses("a")[-1]
    assert (last.state, last.reason) == (TaskState.TASK_FAILED, Reason.REASON_MAX_COMPLETION_TIME_REACHED)


def test_a_checked_task_says_so() -> None:
    """Every status of a task with a check carries its kind, empty as long as there is no result."""
    world = World()
    world.run_group([task("a", check=CheckInfo(type=CheckInfo.Type.HTTP, http=CheckInfo.Http(port=80)))])
    empty = CheckStatusInfo(type=CheckInfo.Type.HTTP, http=CheckStatusInfo.Http())
    assert world.statuses("a")[-1].check_status == empty


def test_a_task_without_a_command_fails_alone() -> None:
    """The master lets it pass, since it has an executor; there is nothing to execute (Mesos: exit status 1)."""
    world = World()
    world.run_group([task("a", command=None), task("b")])
    bad, good = [launch.spec for launch in world.to_containers(words.LaunchContainer)]
    world.launched(good.container_id)
    world.tell(events.ContainerLaunchFailed(bad.container_id, f"Failed to execute '{bad.executable}': Is a directory"))
    assert world.states("a") == ["STARTING", "RUNNING", "FAILED"]
    assert world.statuses("a")[-1].message == "Command exited with status 1"
    assert world.states("b") == ["STARTING", "RUNNING"]
