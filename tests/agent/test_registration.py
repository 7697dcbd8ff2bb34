"""How an agent gets and keeps its master (Mesos: agent semantics, section 1)."""

from __future__ import annotations

import pytest

from mesos_py.agent import events, words
from mesos_py.agent.containerizer import KnownContainer
from mesos_py.agent.options import REGISTER_RETRY_MIN
from mesos_py.agent.registration import Phase
from mesos_py.machine.frame import Event
from mesos_py.machine.values import SECOND
from mesos_py.wire import internal
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import Task, TaskState, TaskStatus
from tests import builders
from tests.agent.world import (
    AGENT_ID,
    FRAMEWORK_ID,
    MASTER,
    PARTITION_AWARE,
    World,
    custom_task,
    framework,
    status,
    task,
)  # fmt: skip


def connect(world: World, peer: str = MASTER) -> None:
    world.tell(events.MasterConnected(peer, "127.0.0.1:5050"))


def test_registers_after_a_random_part_of_the_backoff_factor() -> None:
    """Nothing is said at once, and within the factor everything is said that Register carries."""
    world = World(registered=False)
    world.tell(events.Recovered())
    connect(world)
    assert world.to_master(internal.RegisterAgent) == []
    deadline = world.agent.timers.pending()["register"]
    assert world.now <= deadline <= world.now + SECOND
    world.advance(deadline - world.now)
    (register,) = world.to_master(internal.RegisterAgent)
    assert register.agent.id is None
    assert register.pid == "slave(1)@10.0.0.1:5051"
    assert [capability.type.name for capability in register.capabilities if capability.type] == [
        "MULTI_ROLE", "HIERARCHICAL_ROLE", "RESERVATION_REFINEMENT", "RESOURCE_PROVIDER", "RESIZE_VOLUME",
        "AGENT_OPERATION_FEEDBACK", "AGENT_DRAINING", "TASK_RESOURCE_LIMITS",
    ]  # fmt: skip


def test_repeats_with_doubling_bounds_until_answered() -> None:
    """Delays are random in [5 s, min(b, 1 min)), b starting at twice the factor and doubling."""
    world = World(registered=False)
    world.tell(events.Recovered())
    connect(world)
    bound = 2 * SECOND
    for _ in range(9):
        world.advance(world.agent.timers.pending()["register"] - world.now)
        assert len(world.to_master(internal.RegisterAgent)) == 1
        delay = world.agent.timers.pending()["register"] - world.now
        assert REGISTER_RETRY_MIN <= delay <= max(REGISTER_RETRY_MIN, min(bound, 60 * SECOND))
        bound *= 2
    world.master(internal.AgentRegistered(agent_id=AGENT_ID, total_ping_timeout_seconds=75.0))
    assert "register" not in world.agent.timers.pending()
    assert world.agent.state.id == AGENT_ID


def test_not_before_recovery() -> None:
    """A master that is there early is registered with once recovery is over."""
    world = World(registered=False)
    connect(world)
    assert "register" not in world.agent.timers
    world.tell(events.Recovered())
    assert "register" in world.agent.timers


def test_unknown_containers_are_destroyed_at_recovery() -> None:
    """What a former run left behind and nobody knows does not run on."""
    world = World(registered=False)
    left = [KnownContainer(container_id=name, pid=1, sandbox="/s") for name in ("c1", "c2")]
    world.tell(events.Recovered(tuple(left)))
    assert [word.container_id for word in world.to_containers(words.DestroyContainer)] == ["c1", "c2"]


def test_reregisters_with_everything_it_runs() -> None:
    """Queued tasks as STAGING, launched and terminated ones; a command task's executor is not reported."""
    world = World()
    world.run(task("command"))
    world.launched()
    world.run(custom_task("queued"))
    world.tell(events.MasterLost(MASTER))
    connect(world, "master-2")
    world.advance(SECOND)
    (report,) = world.to("master-2", internal.ReregisterAgent)
    assert {one.task_id: (one.state, one.executor_id) for one in report.tasks} == {
        "command": (TaskState.TASK_RUNNING, None),
        "queued": (TaskState.TASK_STAGING, "e"),
    }
    assert [(one.executor_id, one.framework_id) for one in report.executors] == [("e", FRAMEWORK_ID)]
    assert [one.id for one in report.frameworks] == [FRAMEWORK_ID]
    assert report.agent.id == AGENT_ID


@pytest.mark.parametrize("is_told", [True, False])
def test_it_reports_what_it_has_told_and_not_what_waits_behind_that(is_told: bool) -> None:
    """Else a new master would take an end for told that nobody has heard, and tell of it before what came first."""
    world = World()
    world.run(task())
    if is_told:
        world.launched()
    world.tell(events.MasterLost(MASTER))
    if not is_told:
        world.launched()
    connect(world, "master-2")
    world.advance(SECOND)
    (one,) = world.to("master-2", internal.ReregisterAgent)[0].tasks
    assert one.state is TaskState.TASK_RUNNING
    assert one.status_update_state is (TaskState.TASK_STARTING if is_told else None)
    assert one.status_update_uuid == (one.statuses[0].uuid if is_told else None)


def test_another_id_ends_the_agent() -> None:
    """The tasks it would report belong to the id it has."""
    world = World()
    world.tell(events.MasterLost(MASTER))
    connect(world, "master-2")
    world.tell(internal.AgentReregistered(agent_id="other", total_ping_timeout_seconds=75.0), "master-2")  # type: ignore[arg-type]
    (exit_,) = world.to(words.PROCESS, words.Exit)
    assert exit_.problem is not None
    assert "wrong id: other (expected: m-S0)" in exit_.problem


def test_other_masters_are_ignored() -> None:
    """Only the leader's connection is listened to."""
    world = World()
    world.tell(internal.RunTask(framework=framework(), task=task(), launch_executor=True), "master-0")
    assert world.frame.sends == []
    world.tell(internal.Ping(connected=False), "master-0")
    assert world.frame.sends == []


def test_pings_are_answered_and_awaited() -> None:
    """Pong always; without a ping for the total timeout the connection is given up."""
    world = World()
    world.advance(70 * SECOND)
    world.master(internal.Ping(connected=True))
    assert world.to_master(internal.Pong) == [internal.Pong()]
    world.advance(74 * SECOND)
    assert world.agent.registration.phase is Phase.RUNNING
    world.advance(2 * SECOND)
    assert world.agent.registration.phase is Phase.DISCONNECTED
    assert world.closed() == [MASTER]


def test_a_master_that_takes_us_for_disconnected_is_registered_with_again() -> None:
    world = World()
    world.master(internal.Ping(connected=False))
    assert world.to_master(internal.Pong) == [internal.Pong()]
    assert world.agent.registration.phase is Phase.DISCONNECTED
    world.advance(SECOND)
    assert len(world.to_master(internal.ReregisterAgent)) == 1


@pytest.mark.parametrize(
    ("aware", "state"), [((), TaskState.TASK_LOST), ((PARTITION_AWARE,), TaskState.TASK_DROPPED)]
)
def test_tasks_only_the_master_knows(aware: tuple[builders.CAPABILITY, ...], state: TaskState) -> None:
    """They are reported lost, reliably; tasks we know are not."""
    world = World()
    world.run(task("known"))
    world.tell(events.MasterLost(MASTER))
    connect(world)
    world.advance(SECOND)
    statuses = (status("known", TaskState.TASK_RUNNING), status("unknown", TaskState.TASK_RUNNING))
    reconcile = internal.ReconcileTasks(
        framework_id=FRAMEWORK_ID, framework=framework(capabilities=aware), statuses=statuses
    )
    world.master(
        internal.AgentReregistered(
            agent_id=AGENT_ID, total_ping_timeout_seconds=75.0, reconciliations=(reconcile,)
        )
    )
    (update,) = world.to_master(internal.StatusUpdate)
    assert update.status.task_id == "unknown"
    assert update.status.state is state
    assert update.status.reason is TaskStatus.Reason.REASON_RECONCILIATION
    assert update.status.message == "Reconciliation: task unknown to the agent"
    assert update.status.source is TaskStatus.Source.SOURCE_AGENT
    assert update.status.uuid is not None


def test_an_end_that_was_told_before_a_restart_is_told_as_it_was() -> None:
    """The master remembers it for us; it is repeated until it is acknowledged."""
    world = World()
    told = evolve(status("refused", TaskState.TASK_DROPPED), uuid=b"u" * 16)
    reconcile = internal.ReconcileTasks(framework_id=FRAMEWORK_ID, framework=framework(), statuses=(told,))
    world.tell(events.MasterLost(MASTER))
    connect(world)
    world.advance(SECOND)
    world.master(
        internal.AgentReregistered(agent_id=AGENT_ID, total_ping_timeout_seconds=75.0, reconciliations=(reconcile,))
    )
    assert [update.status for update in world.to_master(internal.StatusUpdate)] == [told]
    world.advance(10 * SECOND)
    assert [update.status for update in world.to_master(internal.StatusUpdate)] == [told]
    world.master(internal.AcknowledgeUpdate(framework_id=FRAMEWORK_ID, task_id=told.task_id, uuid=b"u" * 16))
    world.advance(60 * SECOND)
    assert world.to_master(internal.StatusUpdate) == []


def test_updates_wait_for_the_master() -> None:
    """Nothing leaves while there is none; on registration every head leaves at once."""
    world = World()
    world.run(task())
    world.tell(events.MasterLost(MASTER))
    world.launched()
    assert [word for word in world.frame.sends if word.peer == MASTER] == []
    connect(world, "master-2")
    world.advance(SECOND)
    world.tell(internal.AgentReregistered(agent_id=AGENT_ID, total_ping_timeout_seconds=75.0), "master-2")
    (update,) = world.to("master-2", internal.StatusUpdate)
    assert update.status.state is TaskState.TASK_STARTING
    assert update.latest_state is TaskState.TASK_RUNNING


def test_shutdown_by_the_master_kills_everything_and_ends() -> None:
    world = World()
    world.run(task())
    world.launched()
    world.master(internal.ShutdownAgent(message="go"))
    assert [word.signum for word in world.to_containers(words.SignalContainer)] == [15]
    assert world.to(words.PROCESS, words.Exit) == []
    world.exited(15)
    assert world.to(words.PROCESS, words.Exit) == [words.Exit(None)]


def test_unregistering() -> None:
    """The master is told, then the process ends."""
    world = World()
    world.tell(events.StopRequested(unregister=True))
    assert world.to_master(internal.UnregisterAgent) == [internal.UnregisterAgent(agent_id=AGENT_ID)]
    assert world.to(words.PROCESS, words.Exit) == [words.Exit(None)]


def test_unknown_kinds_are_bugs() -> None:
    """A kind without a row cannot be ignored silently."""
    world = World()
    with pytest.raises(KeyError):
        world.agent.apply(Event(Task), world.now)
