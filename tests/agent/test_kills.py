"""Kills and shutdowns, from every state a task can be in."""

from __future__ import annotations

import pytest

from mesos_py.agent import events, words
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.machine.values import SECOND
from mesos_py.wire import executor_api, internal
from mesos_py.wire.ids import ExecutorID
from mesos_py.wire.task import TaskGroupInfo, TaskState, TaskStatus
from tests import builders
from tests.agent.world import (
    AGENT_ID,
    FRAMEWORK_ID,
    PARTITION_AWARE,
    TASK_KILLING_STATE,
    World,
    custom_task,
    framework,
    kill_policy,
    task,
)  # fmt: skip

Reason = TaskStatus.Reason
Said = executor_api.Event


def test_before_the_container_runs() -> None:
    """A task that is not delivered is killed by the agent, and its container with it, fetching or not."""
    world = World()
    world.run(task())
    container_id = world.executor().container_id
    world.kill()
    (status,) = world.statuses()
    assert (status.state, status.reason) == (TaskState.TASK_KILLED, Reason.REASON_TASK_KILLED_DURING_LAUNCH)
    assert status.message == "Killed before delivery to the executor"
    assert status.source is TaskStatus.Source.SOURCE_AGENT
    assert world.to_containers(words.DestroyContainer) == [words.DestroyContainer(container_id)]
    world.exited(9)
    world.acknowledge_all()
    assert world.agent.state.frameworks == {}
    assert world.states() == ["KILLED"]


def test_a_group_that_is_not_delivered_is_killed_as_a_whole() -> None:
    """All members, with the text for groups."""
    world = World()
    custom = builders.executor("e", type=builders.default_executor().type.CUSTOM)  # type: ignore[union-attr]
    world.run_group([task("a"), task("b")], executor=custom)
    world.kill("b")
    for task_id in ("a", "b"):
        (status,) = world.statuses(task_id)
        assert status.state is TaskState.TASK_KILLED
        assert status.message == "A task within the task group was killed before delivery to the executor"
    assert world.executor().state is ExecutorState.TERMINATING


def test_a_command_task_that_runs() -> None:
    """SIGTERM to the tree, SIGKILL after the default grace of 3 s; KILLED whatever the status."""
    world = World()
    world.run(task())
    world.launched()
    world.kill()
    container_id = world.executor().container_id
    assert world.to_containers(words.SignalContainer) == [words.SignalContainer(container_id, 15)]
    assert world.states() == ["STARTING", "RUNNING"]
    world.advance(3 * SECOND - 1)
    assert world.to_containers(words.DestroyContainer) == []
    world.advance(1)
    assert world.to_containers(words.DestroyContainer) == [words.DestroyContainer(container_id)]
    world.exited(9)
    assert world.statuses()[-1].message == "Command terminated with signal Killed"
    assert world.states() == ["STARTING", "RUNNING", "KILLED"]


def test_killing_is_said_to_those_who_know_it() -> None:
    world = World()
    world.run(task(), by=framework(capabilities=(TASK_KILLING_STATE,)))
    world.launched()
    world.kill()
    world.kill()
    world.exited(0)
    assert world.states() == ["STARTING", "RUNNING", "KILLING", "KILLED"]


def test_unknown_tasks() -> None:
    """Dropped where the framework is known, ignored where it is not."""
    world = World()
    world.kill("nope")
    assert world.frame.sends == []
    world.run(task(), by=framework(capabilities=(PARTITION_AWARE,)))
    world.kill("nope")
    (update,) = world.to_master(internal.StatusUpdate)
    assert (update.status.state, update.status.reason) == (
        TaskState.TASK_DROPPED, Reason.REASON_EXECUTOR_TERMINATED
    )  # fmt: skip
    assert update.status.message == "Cannot find executor"


def test_a_kill_that_crosses_the_end() -> None:
    """I3: a task that ended here does not end a second time, acknowledged or not."""
    world = World()
    world.run(custom_task("other"))
    world.run(task())
    world.exited(0, world.executor("t").container_id)
    world.kill()
    assert world.to_master(internal.StatusUpdate) == []
    world.acknowledge_all()
    world.kill()
    assert world.to_master(internal.StatusUpdate) == []


def test_a_custom_executor_is_told() -> None:
    """KILL with the policy; a second kill is a second event."""
    world = World()
    world.run(custom_task())
    world.subscribe()
    policy = kill_policy(5)
    world.kill(policy=policy)
    (event,) = world.events_to()
    assert event == Said(type=Said.Type.KILL, kill=Said.Kill(task_id="t", kill_policy=policy))  # type: ignore[arg-type]


def test_a_custom_executor_that_is_away_is_told_when_it_is_back() -> None:
    world = World()
    world.run(custom_task())
    world.subscribe()
    world.update("t", TaskState.TASK_RUNNING)
    world.tell(events.ExecutorDisconnected("x-1"))
    world.kill()
    world.subscribe("x-2")
    assert [event.type for event in world.events_to("x-2")] == [Said.Type.SUBSCRIBED, Said.Type.KILL]
    world.subscribe("x-3")
    assert [event.type for event in world.events_to("x-3")] == [Said.Type.SUBSCRIBED]


@pytest.mark.parametrize("known", [True, False])
def test_shutdown_of_a_framework(known: bool) -> None:
    """Its executors end, what its tasks say interests nobody, and it is history at the end."""
    world = World()
    if known:
        world.run(task())
        world.launched()
    world.master(internal.ShutdownFramework(framework_id=FRAMEWORK_ID))
    assert world.to_master(internal.StatusUpdate) == []
    if known:
        assert [word.signum for word in world.to_containers(words.SignalContainer)] == [15]
        world.exited(15)
        assert world.to_master(internal.StatusUpdate) == []
        assert list(world.agent.state.completed_frameworks) == [FRAMEWORK_ID]
    assert world.agent.state.frameworks == {}
    assert len(world.agent.updates) == 0


def test_a_master_that_has_not_seen_a_framework_removed_hears_of_the_ends_of_its_tasks() -> None:
    """1 torn down; 2 another master hears from our report what still runs; 3 that ends, and nothing is acknowledged."""
    world = World()
    world.run(task())
    world.launched()
    world.master(internal.ShutdownFramework(framework_id=FRAMEWORK_ID))
    assert [one.task_id for one in world.register_again("master-2").tasks] == ["t"]
    frame = world.exited(15)
    (told,) = [send.message for send in frame.sends if isinstance(send.message, internal.StatusUpdate)]
    assert (told.framework_id, told.status.task_id, told.status.state) == (FRAMEWORK_ID, "t", TaskState.TASK_KILLED)
    assert told.status.reason is TaskStatus.Reason.REASON_FRAMEWORK_REMOVED
    assert told.status.uuid is None
    assert world.agent.state.frameworks == {}
    assert len(world.agent.updates) == 0


def test_they_are_told_when_that_master_has_answered_the_report() -> None:
    """1 torn down; 2 reported to another master; 3 ended before its answer; 4 told after that, once."""
    world = World()
    world.run(task())
    world.launched()
    world.master(internal.ShutdownFramework(framework_id=FRAMEWORK_ID))
    world.tell(events.MasterConnected("master-2", "127.0.0.1:5050"))
    world.advance(world.agent.options.registration_backoff_factor)
    world.exited(15)
    assert world.to("master-2", internal.StatusUpdate) == []
    for expected in (["t"], []):
        world.tell(internal.AgentReregistered(agent_id=AGENT_ID, total_ping_timeout_seconds=75.0), "master-2")
        assert [told.status.task_id for told in world.to("master-2", internal.StatusUpdate)] == expected


def test_tasks_of_a_terminating_framework_are_ignored() -> None:
    world = World()
    world.run(task())
    world.launched()
    world.master(internal.ShutdownFramework(framework_id=FRAMEWORK_ID))
    world.run(task("late"))
    assert world.frame.sends == []


def test_shutdown_of_an_executor() -> None:
    """SHUTDOWN, and the end of the container after the executor's own grace period."""
    world = World()
    executor = builders.executor("e", shutdown_grace_period=builders.duration(8))
    world.run(task(executor=executor))
    world.launched()
    world.subscribe()
    world.update("t", TaskState.TASK_RUNNING)
    world.master(internal.ShutdownExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("e")))
    assert world.events_to() == [Said(type=Said.Type.SHUTDOWN)]
    world.advance(8 * SECOND - 1)
    assert world.to_containers(words.DestroyContainer) == []
    world.advance(1)
    assert len(world.to_containers(words.DestroyContainer)) == 1
    world.exited(9)
    assert world.states() == ["RUNNING", "FAILED"]
    status = world.statuses()[-1]
    assert (status.reason, status.message) == (Reason.REASON_EXECUTOR_TERMINATED, "Executor terminated")
    assert world.to_master(internal.ExitedExecutor) == [
        internal.ExitedExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("e"), status=9)
    ]


def test_shutdown_of_a_command_executor_leaves_a_margin() -> None:
    """Its task is killed with the grace period less 2 s."""
    world = World()
    world.run(task())
    world.launched()
    world.master(internal.ShutdownExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("t")))
    assert len(world.to_containers(words.SignalContainer)) == 1
    world.advance(3 * SECOND)
    assert len(world.to_containers(words.DestroyContainer)) == 1
    world.exited(9)
    assert world.states() == ["STARTING", "RUNNING", "KILLED"]


def test_a_queued_group_killed_while_the_executor_runs() -> None:
    """An executor that is away gets its groups later; killed before that, they have the text for tasks."""
    world = World()
    custom = builders.executor("e", type=builders.default_executor().type.CUSTOM)  # type: ignore[union-attr]
    world.run_group([task("a")], executor=custom)
    world.subscribe()
    (event,) = [event for event in world.events_to() if event.type is Said.Type.LAUNCH_GROUP]
    assert event.launch_group is not None
    assert event.launch_group.task_group == TaskGroupInfo(tasks=(task("a"),))
    world.tell(events.ExecutorDisconnected("x-1"))
    world.run_group([task("b"), task("c")], executor=custom, launch=False)
    world.kill("b")
    for task_id in ("b", "c"):
        assert world.statuses(task_id)[-1].message == "Killed before delivery to the executor"
    assert world.executor().state is ExecutorState.RUNNING
