"""Status updates, acknowledgements and kills: every state after every other, and what each costs and frees."""

from __future__ import annotations

import pytest

from mesos_py.algebra.resources import NONE
from mesos_py.flags import Rate
from mesos_py.master import changes
from mesos_py.master.entities import TERMINAL
from mesos_py.master.options import Options
from mesos_py.master.state.tasks import MAX_STATUSES_PER_TASK
from mesos_py.wire import internal
from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID, OperationID, TaskID
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import KillPolicy, TaskState, TaskStatus
from tests import builders
from tests.builders import CAPABILITY
from tests.master.world import AgentDouble, Scheduler, World

State = TaskState
#: What an agent may say of a task.
TOLD = [
    State.TASK_STAGING,
    State.TASK_STARTING,
    State.TASK_RUNNING,
    State.TASK_KILLING,
    State.TASK_FINISHED,
    State.TASK_FAILED,
    State.TASK_KILLED,
    State.TASK_LOST,
    State.TASK_ERROR,
    State.TASK_DROPPED,
    State.TASK_GONE,
    State.TASK_GONE_BY_OPERATOR,
]


def running(**fields: object) -> tuple[World, AgentDouble, Scheduler]:
    """A world with task ``t`` on its only agent."""
    world = World(**fields)  # type: ignore[arg-type]
    agent, scheduler = world.agent(), world.scheduler()
    scheduler.launch(builders.task())
    agent.heard.clear()
    return world, agent, scheduler


@pytest.mark.parametrize("before", TOLD, ids=lambda state: state.name)
@pytest.mark.parametrize("after", TOLD, ids=lambda state: state.name)
def test_every_state_after_every_other(before: TaskState, after: TaskState) -> None:
    """The framework hears both; a task stays in the state it ended in; resources come back once, at its end."""
    world, agent, scheduler = running()
    first = agent.update(scheduler.id, "t", before)
    freed_by_first = world.state.agents[agent.id].used == {}
    assert freed_by_first == TERMINAL[before]
    second = agent.update(scheduler.id, "t", after)
    assert scheduler.statuses() == [first, second]
    task = world.state.frameworks[scheduler.id].tasks[TaskID("t")]
    assert task.state is (before if TERMINAL[before] else after)
    assert (task.status_update_state, task.status_update_uuid) == (after, second.uuid)
    ended = TERMINAL[before] or TERMINAL[after]
    assert world.state.agents[agent.id].total_used() == (NONE if ended else task.resources)
    assert len(task.statuses) == (1 if before is after else 2)


def test_the_agents_latest_state_counts() -> None:
    """The head of the stream is told, the tail is believed: resources come back before the end is told."""
    world, agent, scheduler = running()
    agent.update(scheduler.id, "t", State.TASK_RUNNING, latest=State.TASK_FINISHED)
    task = world.state.frameworks[scheduler.id].tasks[TaskID("t")]
    assert (task.state, task.status_update_state) == (State.TASK_FINISHED, State.TASK_RUNNING)
    assert world.state.agents[agent.id].used == {}
    assert scheduler.reconcile()[0].state is State.TASK_RUNNING


def test_freed_resources_are_offered_before_the_acknowledgement() -> None:
    world, agent, scheduler = running()
    scheduler.take()
    agent.update(scheduler.id, "t", State.TASK_FINISHED)
    other = world.scheduler(name="other")
    world.settle()
    assert other.offers()
    assert "t" in world.state.frameworks[scheduler.id].tasks


def test_equal_states_in_a_row_are_collapsed_and_data_is_dropped() -> None:
    world, agent, scheduler = running()
    for number in range(3):
        status = agent.update(scheduler.id, "t", State.TASK_RUNNING, data=b"x" * number, healthy=bool(number))
    task = world.state.frameworks[scheduler.id].tasks[TaskID("t")]
    assert task.statuses == (evolve(status, data=None),)
    assert scheduler.statuses()[-1].data == b"xx"


def test_statuses_are_bounded() -> None:
    world, agent, scheduler = running()
    for _ in range(MAX_STATUSES_PER_TASK):
        agent.update(scheduler.id, "t", State.TASK_STARTING)
        agent.update(scheduler.id, "t", State.TASK_RUNNING)
    task = world.state.frameworks[scheduler.id].tasks[TaskID("t")]
    assert len(task.statuses) == MAX_STATUSES_PER_TASK


def test_the_wire_form_follows_every_change() -> None:
    world, agent, scheduler = running()
    task = world.state.frameworks[scheduler.id].tasks[TaskID("t")]
    assert task.wire() is task.wire()
    assert task.wire().state is State.TASK_STAGING
    task.json = b"{}"
    status = agent.update(scheduler.id, "t", State.TASK_RUNNING)
    assert task.json is None
    assert (task.wire().state, task.wire().statuses) == (State.TASK_RUNNING, (status,))
    assert task.wire().status_update_uuid == status.uuid


def test_updates_of_strangers_are_dropped() -> None:
    """Unknown agents, unknown frameworks, other agents' tasks: ignored, and nothing is told to anybody."""
    world, agent, scheduler = running()
    other = world.agent(hostname="other")
    scheduler.take()
    status = TaskStatus(task_id=TaskID("t"), state=State.TASK_FAILED, agent_id=other.id, uuid=b"u" * 16)
    message = internal.StatusUpdate(framework_id=scheduler.id, status=status)
    cases = [
        ("nobody", message),
        (agent.peer, internal.StatusUpdate(framework_id=FrameworkID("nobody"), status=status)),
        (agent.peer, message),  # speaks for the other agent
        (other.peer, message),  # the task is not there
    ]
    for peer, forged in cases:
        frame = world.apply(internal.StatusUpdate, forged, peer)
        assert [change.what for change in frame.changes] == ["StatusUpdate"]
    assert scheduler.statuses() == []
    task = world.state.frameworks[scheduler.id].tasks[TaskID("t")]
    assert task.state is State.TASK_STAGING


def test_a_stale_update_of_an_id_used_again_elsewhere_is_put_to_rest() -> None:
    """It is nobody's: the agent may forget it, the framework does not hear of it."""
    world, _, scheduler = running()
    other = world.agent(hostname="other")
    status = other.update(scheduler.id, "t", State.TASK_FAILED)
    assert scheduler.statuses() == []
    (word,) = other.of(internal.AcknowledgeUpdate)
    assert word.uuid == status.uuid


# ---- acknowledgements


def test_a_terminal_update_acknowledged_completes_the_task() -> None:
    world, agent, scheduler = running()
    status = agent.update(scheduler.id, "t", State.TASK_FINISHED)
    scheduler.acknowledge(status)
    (word,) = agent.of(internal.AcknowledgeUpdate)
    assert (word.framework_id, word.task_id, word.uuid) == (scheduler.id, "t", status.uuid)
    framework = world.state.frameworks[scheduler.id]
    assert framework.tasks == {}
    assert [task.id for task in framework.completed_tasks] == ["t"]


def test_an_end_that_nobody_can_acknowledge_completes_the_task() -> None:
    """Agents say so of tasks whose framework was removed by a former master."""
    world, agent, scheduler = running()
    killed = TaskStatus(task_id=TaskID("t"), state=State.TASK_KILLED, agent_id=agent.id)
    agent.say(internal.StatusUpdate(framework_id=scheduler.id, status=killed))
    framework = world.state.frameworks[scheduler.id]
    assert framework.tasks == {}
    assert [task.state for task in framework.completed_tasks] == [State.TASK_KILLED]
    assert world.state.agents[agent.id].used == {}


def test_other_acknowledgements_are_passed_on_and_keep_the_task() -> None:
    """Of an earlier update, or with a foreign uuid: the agent judges."""
    world, agent, scheduler = running()
    early = agent.update(scheduler.id, "t", State.TASK_RUNNING)
    last = agent.update(scheduler.id, "t", State.TASK_FINISHED)
    for status in (early, evolve(last, uuid=b"?" * 16)):
        scheduler.acknowledge(status)
    assert len(agent.of(internal.AcknowledgeUpdate)) == 2
    assert "t" in world.state.frameworks[scheduler.id].tasks


def test_an_acknowledgement_repeated_is_passed_on() -> None:
    """The agent repeats an update whose acknowledgement it did not hear; the task is long gone here."""
    world, agent, scheduler = running()
    status = agent.update(scheduler.id, "t", State.TASK_FINISHED)
    scheduler.acknowledge(status)
    agent.say(internal.StatusUpdate(framework_id=scheduler.id, status=status, latest_state=status.state))
    assert scheduler.statuses() == [status, status]
    scheduler.acknowledge(status)
    assert len(agent.of(internal.AcknowledgeUpdate)) == 2
    assert len(world.state.frameworks[scheduler.id].completed_tasks) == 1


def test_acknowledgements_without_effect() -> None:
    """Nothing forwarded yet, agent away, agent unknown."""
    world, agent, scheduler = running()
    status = TaskStatus(task_id=TaskID("t"), state=State.TASK_RUNNING, agent_id=agent.id, uuid=b"u" * 16)
    assert dropped(scheduler.acknowledge(status)) == "no update of the task has been forwarded"
    agent.disconnect()
    assert dropped(scheduler.acknowledge(status)) == "agent is disconnected"
    assert dropped(scheduler.acknowledge(evolve(status, agent_id=AgentID("x")))) == "agent is not registered"
    assert agent.of(internal.AcknowledgeUpdate) == []
    assert "t" in world.state.frameworks[scheduler.id].tasks


def dropped(frame: object) -> str:
    (change,) = frame.changes  # type: ignore[attr-defined]
    assert isinstance(change, changes.Dropped)
    return change.why


def test_completed_tasks_are_bounded() -> None:
    world = World(Options(max_completed_tasks_per_framework=2))
    agent, scheduler = world.agent(), world.scheduler()
    for number in range(4):
        scheduler.launch(builders.task(f"t{number}", cpus=0.1), refuse_s=0)
        scheduler.acknowledge(agent.update(scheduler.id, f"t{number}", State.TASK_FINISHED))
        world.advance(1)
    assert [task.id for task in world.state.frameworks[scheduler.id].completed_tasks] == ["t2", "t3"]


def test_a_task_id_is_taken_until_its_end_is_acknowledged() -> None:
    """F25: while it runs and while its end is unacknowledged; then it is free again."""
    world, agent, scheduler = running()
    world.advance(6)
    scheduler.launch(builders.task(), refuse_s=0)
    assert scheduler.statuses()[-1].message == "Task has duplicate ID: t"
    status = agent.update(scheduler.id, "t", State.TASK_FINISHED)
    scheduler.take()
    world.advance(6)
    scheduler.launch(builders.task(), refuse_s=0)
    assert scheduler.statuses()[-1].message == "Task has duplicate ID: t"
    scheduler.acknowledge(status)
    scheduler.take()
    world.advance(6)
    scheduler.launch(builders.task(), refuse_s=0)
    assert scheduler.statuses() == []


# ---- kills


def test_every_kill_is_passed_on() -> None:
    """F26: again and again, with the policy it comes with."""
    _, agent, scheduler = running()
    policy = KillPolicy(grace_period=builders.duration(1))
    scheduler.kill("t")
    scheduler.call(Call.Type.KILL, kill=Call.Kill(task_id=TaskID("t"), kill_policy=policy))
    assert [message.kill_policy for message in agent.of(internal.KillTask)] == [None, policy]


def test_a_kill_with_the_wrong_agent_is_ignored() -> None:
    world, agent, scheduler = running()
    other = world.agent(hostname="other")
    frame = scheduler.kill("t", other.id)
    assert dropped(frame) == f"the task is on agent {agent.id}"
    assert agent.of(internal.KillTask) == other.of(internal.KillTask) == []


def test_a_kill_of_an_unknown_task_is_answered_like_a_reconciliation() -> None:
    _, _, scheduler = running()
    scheduler.kill("nope")
    (status,) = scheduler.statuses()
    assert (status.state, status.message) == (State.TASK_LOST, "Reconciliation: Task is unknown")


@pytest.mark.parametrize("aware", [True, False], ids=["aware", "plain"])
@pytest.mark.parametrize("away", ["disconnected", "waits", "unreachable"])
@pytest.mark.parametrize("is_asked_before", [True, False], ids=["before", "meanwhile"])
def test_a_kill_waits_for_an_agent_that_is_away(away: str, is_asked_before: bool, aware: bool) -> None:
    """F26: whether it is asked for just before or meanwhile; repeated with its policy until the task has ended."""
    world = World(Options(agent_removal_rate_limit=Rate(1, 600)))
    other, agent = world.agent(hostname="other"), world.agent()
    scheduler = world.scheduler(capabilities=(CAPABILITY.PARTITION_AWARE,) if aware else ())
    scheduler.launch(*[builders.task(name, agent.id) for name in ("t", "lives")])
    tasks = tuple(task.wire() for task in world.state.frameworks[scheduler.id].tasks.values())
    policy = KillPolicy(grace_period=builders.duration(60))

    def kill() -> None:
        scheduler.call(Call.Type.KILL, kill=Call.Kill(task_id=TaskID("t"), kill_policy=policy))

    if is_asked_before:
        kill()
    if away == "disconnected":
        agent.disconnect()
    if away == "waits":
        other.fall_silent()
        world.advance(10)
    if away != "disconnected":
        agent.fall_silent()
        world.advance(100)
    if not is_asked_before:
        kill()
    assert (agent.id in world.state.unreachable_agents) == (away == "unreachable")
    agent.heard.clear()
    for _ in range(2):
        agent.reregister(tasks=tasks, frameworks=(scheduler.info,))
        (repeated,) = agent.of(internal.KillTask)
        assert (repeated.task_id, repeated.kill_policy) == ("t", policy)
        agent.heard.clear()
    agent.update(scheduler.id, "t", State.TASK_KILLED)
    agent.reregister(tasks=tasks, frameworks=(scheduler.info,))
    assert agent.of(internal.KillTask) == []


def test_a_kill_is_forgotten_with_its_task() -> None:
    """Once the agent is back without it, or the bound has pushed it out: another task may be called so."""
    for bound, report in ((1000, ()), (1, None)):
        world = World(Options(max_unreachable_tasks_per_framework=bound))
        agent, scheduler = world.agent(), world.scheduler(capabilities=(CAPABILITY.PARTITION_AWARE,))
        scheduler.launch(*[builders.task(name, agent.id) for name in ("t", "u")])
        tasks = tuple(task.wire() for task in world.state.frameworks[scheduler.id].tasks.values())
        scheduler.kill("t")
        agent.fall_silent()
        world.advance(100)
        agent.heard.clear()
        agent.reregister(tasks=tasks if report is None else report, frameworks=(scheduler.info,))
        assert agent.of(internal.KillTask) == []
        assert world.state.agents[agent.id].killed == {}


# ---- executors and messages


def test_messages_go_both_ways_and_are_dropped_when_nobody_is_there() -> None:
    world, agent, scheduler = running()
    payload = Call.Message(agent_id=agent.id, executor_id=ExecutorID("e"), data=b"hi")
    scheduler.call(Call.Type.MESSAGE, message=payload)
    assert [message.data for message in agent.of(internal.FrameworkToExecutor)] == [b"hi"]
    answer = internal.ExecutorToFramework(framework_id=scheduler.id, executor_id=ExecutorID("e"), data=b"ho")
    agent.say(answer)
    (word,) = scheduler.of(Event.Type.MESSAGE)
    assert word.message == Event.Message(agent_id=agent.id, executor_id=ExecutorID("e"), data=b"ho")
    unknown = Call.Message(agent_id=AgentID("x"), executor_id=ExecutorID("e"), data=b"")
    assert dropped(scheduler.call(Call.Type.MESSAGE, message=unknown)) == "agent is not registered"
    scheduler.disconnect()
    assert dropped(agent.say(answer)) == "framework is not connected"
    assert dropped(world.apply(type(answer), answer, "stranger")) == "agent is not registered"


def test_shutdown_is_passed_on() -> None:
    _, agent, scheduler = running()
    scheduler.call(Call.Type.SHUTDOWN, shutdown=Call.Shutdown(executor_id=ExecutorID("e"), agent_id=agent.id))
    assert [message.executor_id for message in agent.of(internal.ShutdownExecutor)] == ["e"]
    gone = Call.Shutdown(executor_id=ExecutorID("e"), agent_id=AgentID("x"))
    assert dropped(scheduler.call(Call.Type.SHUTDOWN, shutdown=gone)) == "agent is not registered"


def test_an_exited_executor_is_a_failure_once_and_frees_what_it_used() -> None:
    world = World()
    agent, scheduler = world.agent(), world.scheduler()
    scheduler.launch(builders.task(executor=builders.executor()))
    exited = internal.ExitedExecutor(framework_id=scheduler.id, executor_id=ExecutorID("e"), status=256)
    agent.say(exited)
    (word,) = scheduler.of(Event.Type.FAILURE)
    assert word.failure == Event.Failure(agent_id=agent.id, executor_id=ExecutorID("e"), status=256)
    assert world.state.used.plain == {"cpus": 1000, "mem": 128_000}
    assert dropped(agent.say(exited)) == "executor e is unknown"
    assert len(scheduler.of(Event.Type.FAILURE)) == 1


# ---- calls that do nothing yet, or never


@pytest.mark.parametrize(
    ("type_", "payload"),
    [
        (Call.Type.REQUEST, {"request": Call.Request()}),
        (Call.Type.ACCEPT_INVERSE_OFFERS, {"accept_inverse_offers": Call.AcceptInverseOffers()}),
        (Call.Type.DECLINE_INVERSE_OFFERS, {"decline_inverse_offers": Call.DeclineInverseOffers()}),
        (
            Call.Type.ACKNOWLEDGE_OPERATION_STATUS,
            {
                "acknowledge_operation_status": Call.AcknowledgeOperationStatus(
                    uuid=b"u" * 16, operation_id=OperationID("op"), agent_id=AgentID("m-S0")
                )
            },
        ),
    ],
)
def test_harmless_calls(type_: Call.Type, payload: dict[str, object]) -> None:
    _, _, scheduler = running()
    frame = scheduler.call(type_, **payload)
    assert (frame.reply, frame.sends, frame.writes) == (None, [], [])
