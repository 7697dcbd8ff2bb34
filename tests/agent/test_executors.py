"""Custom executors over the executor API (Mesos: agent semantics 5.2 to 5.4)."""

from __future__ import annotations

import pytest

from mesos_py.agent import events, words
from mesos_py.agent.calls.containers import LAST_WORDS
from mesos_py.agent.checkpoint import facts, recovery
from mesos_py.agent.checkpoint import records as checkpoint
from mesos_py.agent.lifecycle import ExecutorState
from mesos_py.machine.problem import Kind, Problem
from mesos_py.machine.timers import REPRIEVE
from mesos_py.machine.values import SECOND
from mesos_py.wire import executor_api, internal
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.ids import ContainerID, ExecutorID
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.agent.world import FRAMEWORK_ID, World, custom_task, framework, status, task

Call, Said = executor_api.Call, executor_api.Event
Reason = TaskStatus.Reason
MINUTE = 60 * SECOND


@pytest.fixture
def world() -> World:
    """An executor that has subscribed and runs task ``t``."""
    made = World()
    made.run(custom_task())
    made.launched()
    made.subscribe()
    return made


def types(said: list[executor_api.Event]) -> list[str]:
    return [event.type.name for event in said if event.type is not None]


def test_subscribing(world: World) -> None:
    """SUBSCRIBED tells the executor who it is; what was queued follows at once."""
    subscribed, launch = world.events_to()
    executor = world.executor()
    assert subscribed.subscribed == Said.Subscribed(
        executor_info=executor.info,
        framework_info=framework(),
        agent_info=world.agent.state.info,
        container_id=ContainerID(value=executor.container_id),
    )
    assert executor.info.framework_id == FRAMEWORK_ID
    sent = custom_task(executor=executor.info)  # with the framework's id filled in
    assert launch == Said(type=Said.Type.LAUNCH, launch=Said.Launch(task=sent))
    assert executor.state is ExecutorState.RUNNING


def test_updates_are_completed_delivered_and_acknowledged(world: World) -> None:
    """The agent adds what only it knows; the executor hears that the update is safe."""
    executor = world.executor()
    assert world.update("t", TaskState.TASK_RUNNING, timestamp=1.5, data=b"d", message="m") is None
    (update,) = world.to_master(internal.StatusUpdate)
    assert update.status == status(
        "t", TaskState.TASK_RUNNING, timestamp=1.5, data=b"d", message="m", executor_id=ExecutorID("e"),
        agent_id=world.agent.state.id,
        container_status=ContainerStatus(
            container_id=ContainerID(value=executor.container_id),
            network_infos=(
                NetworkInfo(
                    ip_addresses=(
                        NetworkInfo.IPAddress(protocol=NetworkInfo.Protocol.IPv4, ip_address="10.0.0.1"),
                    )
                ),
            ),
            executor_pid=executor.pid,
        ),
    )  # fmt: skip
    (acknowledged,) = world.events_to()
    assert acknowledged.acknowledged == Said.Acknowledged(task_id=update.status.task_id, uuid=update.status.uuid or b"")
    (held,) = world.executor().launched.values()
    assert held.statuses[-1].data is None  # history does not keep what may be megabytes


def test_an_executors_own_addresses_stay(world: World) -> None:
    own = (NetworkInfo(ip_addresses=(NetworkInfo.IPAddress(ip_address="192.168.0.9"),)),)
    world.update("t", TaskState.TASK_RUNNING, container_status=ContainerStatus(network_infos=own))
    (update,) = world.to_master(internal.StatusUpdate)
    assert update.status.container_status is not None
    assert update.status.container_status.network_infos == own
    assert update.status.container_status.executor_pid == world.executor().pid


def test_repeated_updates_are_acknowledged_again_and_not_delivered_again(world: World) -> None:
    """Duplicates, and whatever comes after the end, are harmless."""
    world.update("t", TaskState.TASK_FINISHED, 7)
    for uuid in (7, 8):
        world.update("t", TaskState.TASK_FINISHED, uuid)
        assert world.to_master(internal.StatusUpdate) == []
        assert types(world.events_to()) == ["ACKNOWLEDGED"]
    world.acknowledge_all()
    world.update("t", TaskState.TASK_RUNNING, 9)
    assert world.to_master(internal.StatusUpdate) == []
    assert types(world.events_to()) == ["ACKNOWLEDGED"]
    assert world.states() == ["FINISHED"]


def test_an_executor_speaks_for_its_own_tasks_only(world: World) -> None:
    """Tasks of another executor are refused, tasks nobody has are not delivered."""
    world.run(task("theirs"))
    world.launched(world.executor("theirs").container_id)
    world.acknowledge_all()
    before = world.agent.state.counters["slave/invalid_status_updates"]
    problem = world.update("theirs", TaskState.TASK_KILLED)
    assert isinstance(problem, Problem)
    assert problem.kind is Kind.FORBIDDEN
    assert world.frame.sends == []
    assert world.update("nobodys", TaskState.TASK_KILLED) is None
    assert world.to_master(internal.StatusUpdate) == []
    assert world.agent.state.counters["slave/invalid_status_updates"] == before + 2
    assert world.states("theirs") == ["STARTING", "RUNNING"]


@pytest.mark.parametrize("payload", [Call.Subscribe(), Call.Update(status=status("t", TaskState.TASK_RUNNING)),
                                     Call.Message(data=b"x")])  # fmt: skip
def test_who_is_not_known_is_refused(payload: object) -> None:
    """By framework, by executor, and executors that are ours."""
    world = World()
    world.run(task("command"))
    assert world.call(payload, by="nope") == Problem(Kind.BAD_REQUEST, "Framework cannot be found")
    assert world.call(payload, executor_id="nope") == Problem(Kind.BAD_REQUEST, "Executor cannot be found")
    assert world.call(payload, executor_id="command") == Problem(Kind.BAD_REQUEST, "Executor cannot be found")


def test_subscribing_comes_first() -> None:
    """A call of an executor that has not subscribed is refused."""
    world = World()
    world.run(custom_task())
    refused = Problem(Kind.FORBIDDEN, "Executor is not subscribed")
    assert world.update("t", TaskState.TASK_RUNNING) == refused
    assert world.call(Call.Message(data=b"x")) == refused


def test_messages_both_ways(world: World) -> None:
    """From the executor while there is a master, to the executor while it runs; counted either way."""
    world.call(Call.Message(data=b"up"))
    assert world.to_master(internal.ExecutorToFramework) == [
        internal.ExecutorToFramework(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("e"), data=b"up")
    ]
    down = internal.FrameworkToExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("e"), data=b"down")
    world.master(down)
    assert world.events_to() == [Said(type=Said.Type.MESSAGE, message=Said.Message(data=b"down"))]
    world.tell(events.MasterLost("master-1"))
    world.call(Call.Message(data=b"lost"))
    assert world.frame.sends == []
    counters = world.agent.state.counters
    assert counters["slave/valid_framework_messages"] == 2
    assert counters["slave/invalid_framework_messages"] == 1


def test_a_message_before_subscribing_is_lost() -> None:
    world = World()
    world.run(custom_task())
    world.master(internal.FrameworkToExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID("e"), data=b"x"))
    assert world.frame.sends == []
    assert world.agent.state.counters["slave/invalid_framework_messages"] == 1


def test_resubscribing_closes_the_old_stream(world: World) -> None:
    """Unacknowledged updates are taken as updates; a task that was lost with the old stream is dropped."""
    world.run(custom_task("arrived"), launch=False)
    world.run(custom_task("lost"), launch=False)
    world.subscribe(
        "x-2",
        unacknowledged_tasks=(custom_task("arrived"), custom_task("t")),
        unacknowledged_updates=(Call.Update(status=status("t", TaskState.TASK_RUNNING)),),
    )
    assert world.closed() == ["x-1"]
    assert types(world.events_to("x-2")) == ["SUBSCRIBED", "ACKNOWLEDGED"]
    assert world.states("t") == ["RUNNING"]
    assert world.states("arrived") == []
    (lost,) = world.statuses("lost")
    assert (lost.state, lost.reason) == (TaskState.TASK_LOST, Reason.REASON_AGENT_RESTARTED)
    assert lost.message == "Task launched during agent restart"


def test_tasks_wait_for_an_executor_that_is_away(world: World) -> None:
    world.tell(events.ExecutorDisconnected("x-1"))
    world.run(custom_task("later"), launch=False)
    assert world.to("x-1", executor_api.Event) == []
    world.subscribe("x-2", unacknowledged_tasks=(custom_task("t"),))
    assert types(world.events_to("x-2")) == ["SUBSCRIBED", "LAUNCH"]


def test_the_loss_of_an_old_stream_means_nothing(world: World) -> None:
    world.subscribe("x-2", unacknowledged_tasks=(custom_task("t"),))
    world.tell(events.ExecutorDisconnected("x-1"))
    assert world.executor().peer == "x-2"


def test_heartbeats(world: World) -> None:
    """Every 30 minutes, as words without facts."""
    for _ in range(2):
        world.acknowledge_all()
        world.agent.timers.cancel("pinged")
        world.advance(30 * MINUTE)
        assert types(world.events_to()) == ["HEARTBEAT"]


def test_registration_timeout() -> None:
    """Not subscribed a minute after the launch began: the container is destroyed and the task fails."""
    world = World()
    world.run(custom_task())
    world.launched()
    world.advance(MINUTE)
    assert len(world.to_containers(words.DestroyContainer)) == 1
    assert world.executor().state is ExecutorState.TERMINATING
    world.exited(9)
    (failed,) = world.statuses()
    assert (failed.state, failed.reason) == (TaskState.TASK_FAILED, Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT)
    assert failed.message == "Executor did not register within 1mins"


def test_the_time_in_which_the_agent_hung_does_not_count() -> None:
    """The executor came in time, and was not read: it is given a moment to be heard, and given up after that."""
    for is_there in (True, False):
        world = World()
        world.run(custom_task())
        world.launched()
        world.hang(10 * MINUTE)
        assert world.to_containers(words.DestroyContainer) == []
        if is_there:
            world.subscribe()
            assert types(world.events_to())[:2] == ["SUBSCRIBED", "LAUNCH"]
        world.agent.timers.cancel("pinged")
        world.advance(REPRIEVE)
        assert (world.executor().state is ExecutorState.RUNNING) == is_there
        assert len(world.to_containers(words.DestroyContainer)) == (not is_there)


def test_an_executor_that_comes_too_late_is_told_to_end() -> None:
    world = World()
    world.run(custom_task())
    world.advance(MINUTE)
    world.subscribe()
    assert types(world.events_to()) == ["SHUTDOWN"]


def test_the_exit_of_an_executor(world: World) -> None:
    """Its unfinished tasks fail, the master is told, and it is history when the framework knows."""
    world.run(custom_task("second"), launch=False)
    world.exited(1 << 8)
    assert world.closed() == ["x-1"]
    (exited,) = world.to_master(internal.ExitedExecutor)
    assert exited.status == 256
    for task_id in ("t", "second"):
        (failed,) = world.statuses(task_id)
        assert (failed.state, failed.reason) == (TaskState.TASK_FAILED, Reason.REASON_EXECUTOR_TERMINATED)
        assert failed.message == "Executor terminated"
        assert failed.container_status is None
        assert failed.source is TaskStatus.Source.SOURCE_AGENT
    assert world.executor().state is ExecutorState.TERMINATED
    assert isinstance(world.subscribe("x-9"), Problem)
    world.acknowledge_all()
    assert world.agent.state.frameworks == {}
    assert len(world.agent.collector) == 1


@pytest.mark.parametrize("told", ["nothing", "one end", "every end"])
def test_the_last_words_of_an_executor(world: World, told: str) -> None:
    """F27: it has told how its tasks ended, and has not waited for the answer: that is how they ended.

    Its exit is heard first, since its call comes on a connection of its own, and is not acknowledged before.
    """
    world.run(custom_task("second"), launch=False)
    container_id = world.executor().container_id
    ends = {"nothing": (), "one end": ("t",), "every end": ("t", "second")}[told]
    world.tell(events.ContainerExited(container_id, 0))
    assert world.to_containers(words.AcknowledgeExit) == []
    for task_id in ends:
        assert world.update(task_id, TaskState.TASK_FINISHED) is None
    world.advance(LAST_WORDS)
    assert world.to_containers(words.AcknowledgeExit) == [words.AcknowledgeExit(container_id)]
    assert world.executor().state is ExecutorState.TERMINATED
    for task_id in ("t", "second"):
        assert world.states(task_id)[-1] == ("FINISHED" if task_id in ends else "FAILED")


def test_an_agent_that_dies_before_the_last_words_are_over_hears_of_the_exit_again(world: World) -> None:
    """What had been said by then is known to the next one; the rest fails."""
    by = framework(checkpoint=True)
    world = World()
    world.run(custom_task("t"), by=by)
    world.launched()
    world.subscribe()
    world.run(custom_task("second"), launch=False, by=by)
    container_id = world.executor().container_id
    world.tell(events.ContainerExited(container_id, 0))
    world.update("t", TaskState.TASK_FINISHED)
    after = world.restarted()
    assert container_id in recovery.expected(checkpoint.state_of(world.records))
    after.exited(0, container_id)
    assert (after.states("t"), after.states("second")) == (["FINISHED"], ["FAILED"])


def test_completed_tasks_are_bounded(world: World) -> None:
    """The last 200 of an executor are kept."""
    for number in range(250):
        world.run(custom_task(f"t{number}"), launch=False)
        world.update(f"t{number}", TaskState.TASK_FINISHED)
        world.acknowledge_all()
    assert len(world.executor().completed) == 200


def test_completed_executors_and_frameworks_are_bounded() -> None:
    world = World(max_completed_executors_per_framework=3)
    for number in range(5):
        world.run(task(f"t{number}"))
        world.exited(0)
        world.acknowledge_all()
    (completed,) = world.agent.state.completed_frameworks.values()
    assert [executor.id for executor in completed.completed_executors] == ["t2", "t3", "t4"]
    for number in range(60):
        info = builders.framework_info(framework_id=f"f{number}")
        world.run(task(resources=()), by=info)
        world.exited(0)
        world.master(internal.ShutdownFramework(framework_id=info.id))  # type: ignore[arg-type]
    assert len(world.agent.state.completed_frameworks) == 50


def test_what_a_checkpointing_executor_leaves_on_disk() -> None:
    """Its process, every update, and nothing any more of what has ended and is acknowledged."""
    world = World()
    world.run(custom_task(), by=framework(checkpoint=True))
    world.launched()
    assert [type(fact) for fact in world.frame.writes] == [facts.ExecutorSaved]
    world.subscribe()
    assert world.frame.writes == []
    world.update("t", TaskState.TASK_FINISHED)
    (received,) = world.frame.writes
    assert isinstance(received, facts.UpdateReceived)
    world.acknowledge(received.status)
    assert [type(fact) for fact in world.frame.writes] == [facts.UpdatesForgotten, facts.TaskForgotten]
    world.exited(0)
    assert [type(fact) for fact in world.frame.writes] == [
        facts.ExecutorSaved, facts.ExecutorForgotten, facts.FrameworkForgotten,
    ]  # fmt: skip
