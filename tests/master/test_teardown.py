"""The end of a framework: small ones at once, large ones in slices, and what may happen meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mesos_py.algebra.resources import Resources
from mesos_py.machine.frame import Tick
from mesos_py.machine.problem import Problem
from mesos_py.machine.timers import REPRIEVE
from mesos_py.machine.values import SECOND
from mesos_py.master import changes
from mesos_py.master.calls.teardown import TAKEN_AT_ONCE
from mesos_py.master.events import TeardownFramework
from mesos_py.master.options import Options
from mesos_py.wire import internal
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as Word
from mesos_py.wire.task import Task, TaskState, TaskStatus
from tests import builders
from tests.master.world import AgentDouble, Scheduler, World

State = TaskState
TASKS = 2 * TAKEN_AT_ONCE + 100


def test_after_the_failover_timeout_everything_is_removed() -> None:
    """I8: every agent is told, tasks end as TASK_KILLED without an event, the id is refused from now on."""
    world = World()
    agents = [world.agent(hostname=hostname) for hostname in "ab"]
    scheduler = world.scheduler()
    scheduler.launch(builders.task(executor=builders.executor()))
    scheduler.disconnect()
    world.advance(60)
    assert scheduler.id not in world.state.frameworks
    for agent in agents:
        assert [message.framework_id for message in agent.of(internal.ShutdownFramework)] == [scheduler.id]
    completed = world.state.completed_frameworks[scheduler.id]
    (task,) = completed.completed_tasks
    (status,) = task.statuses
    assert (task.state, status.reason, status.message) == (
        TaskState.TASK_KILLED,
        TaskStatus.Reason.REASON_FRAMEWORK_REMOVED,
        f"Framework {scheduler.id} removed",
    )
    assert completed.unregistered_time_ns == world.now
    scheduler.subscribe()
    assert scheduler.errors() == ["Framework has been removed"]


def test_the_time_in_which_the_master_hung_does_not_count() -> None:
    """I8: the framework came back in time, and was not read. One that does not come is removed a moment later."""
    for is_there in (True, False):
        world = World()
        world.agent()
        scheduler = world.scheduler(failover_timeout=60.0)
        scheduler.launch(builders.task())
        scheduler.disconnect()
        world.hang(120)
        assert scheduler.id in world.state.frameworks
        if is_there:
            scheduler.subscribe()
        world.advance(REPRIEVE / SECOND)
        assert (scheduler.id in world.state.frameworks) == is_there


def test_without_failover_timeout_the_end_of_the_stream_is_the_end() -> None:
    world = World()
    scheduler = world.scheduler(failover_timeout=0.0)
    scheduler.disconnect()
    assert scheduler.id in world.state.completed_frameworks


def test_teardown_kills_tasks_and_frees_everything() -> None:
    world = World()
    agent = world.agent()
    scheduler, other = world.scheduler(), world.scheduler(name="other")
    scheduler.launch(builders.task(cpus=4, mem=1024))
    world.settle()
    frame = scheduler.call(Call.Type.TEARDOWN)
    assert frame.reply is None
    assert scheduler.peer in world.closed
    assert scheduler.take()[-1].type is not Word.Type.UPDATE
    assert agent.of(internal.ShutdownFramework)
    world.settle()
    assert [offer.agent_id for offer in other.offers()] == [agent.id]


# ---- many tasks


class Large:
    """A framework with many tasks on two agents, half of them with executors of their own; torn down, not yet gone."""

    def __init__(self, **fields: Any) -> None:
        self.world = World(Options(max_completed_tasks_per_framework=10), check=False)
        self.agents = [self.world.agent(hostname=hostname, cpus=2000, mem=1_000_000) for hostname in "ab"]
        self.scheduler = self.world.scheduler(**fields)
        for agent in self.agents:
            tasks = [self._task(f"{agent.id}-{number}", agent, number % 2 == 0) for number in range(TASKS // 2)]
            self.scheduler.launch(*tasks)
        self.reports: dict[str, list[Task]] = {agent.id: [] for agent in self.agents}
        for task in self.framework.tasks.values():
            self.reports[task.agent_id].append(task.wire())
        self.scheduler.take()

    @staticmethod
    def _task(name: str, agent: AgentDouble, is_custom: bool) -> Any:
        extra = {"executor": builders.executor(f"e-{name}", cpus=0.1, mem=1)} if is_custom else {}
        return builders.task(name, agent.id, cpus=1, mem=1, **extra)

    @property
    def framework(self) -> Any:
        return self.world.state.frameworks[self.scheduler.id]

    def tear_down(self) -> None:
        self.world.apply(TeardownFramework, TeardownFramework(self.scheduler.id))
        self.world.master.check()

    def end(self) -> int:
        """All slices; returns how many."""
        slices = 0
        while self.scheduler.id in self.world.state.frameworks:
            self.world.now += 1
            self.world.apply(Tick)
            self.world.master.check()
            slices += 1
        return slices


def test_a_large_framework_is_taken_away_in_slices() -> None:
    """Told to agents and its scheduler at once; every task is killed and completed, once; then it is removed."""
    large = Large()
    scheduler, world = large.scheduler, large.world
    large.tear_down()
    assert scheduler.peer in world.closed
    for agent in large.agents:
        assert [word.framework_id for word in agent.of(internal.ShutdownFramework)] == [scheduler.id]
    assert len(large.framework.tasks) == TASKS - TAKEN_AT_ONCE
    assert world.changes(changes.FrameworkRemoved) == []
    assert large.end() == 3
    killed = [change.task_id for change in world.changes(changes.TaskUpdated) if change.state is State.TASK_KILLED]
    assert len(killed) == len(set(killed)) == TASKS
    for frame in world.frames:
        assert sum(isinstance(change, changes.TaskRemoved) for change in frame.changes) <= TAKEN_AT_ONCE
    assert isinstance(world.frames[-1].changes[-1], changes.FrameworkRemoved)
    completed = world.state.completed_frameworks[scheduler.id]
    assert (len(completed.completed_tasks), completed.tasks, completed.executors) == (10, {}, {})
    assert (world.state.used.plain["cpus"], scheduler.statuses()) == (0, [])


def test_what_it_had_is_offered_again() -> None:
    large = Large()
    other = large.world.scheduler(name="other")
    large.tear_down()
    large.end()
    large.world.advance(2)
    assert sum(Resources.of(offer.resources).scalar("cpus") for offer in other.offers()) == 4_000_000


def test_it_is_as_good_as_gone_meanwhile() -> None:
    """Its calls, its id and a second end are refused; a new framework of the same name is another one."""
    large = Large(framework_id="old-0001")
    scheduler, world = large.scheduler, large.world
    large.tear_down()
    assert scheduler.problem(Call.Type.REVIVE) == Problem(400, "Framework cannot be found")  # type: ignore[arg-type]
    assert scheduler.problem(Call.Type.TEARDOWN) == Problem(400, "Framework cannot be found")  # type: ignore[arg-type]
    reply = world.apply(TeardownFramework, TeardownFramework(scheduler.id)).reply
    assert reply == Problem(400, "No framework found with specified ID")  # type: ignore[arg-type]
    again = Scheduler(world, scheduler.info)
    again.subscribe()
    assert again.errors() == ["Framework has been removed"]
    world.master.check()
    large.end()


def updates_come(large: Large) -> None:
    """Of tasks that are still there and of those that are not."""
    agent = large.agents[1]
    for number in (0, TASKS // 2 - 1):
        agent.update(large.scheduler.id, f"{agent.id}-{number}", State.TASK_KILLED)
    agent.say(
        internal.ExitedExecutor(
            framework_id=large.scheduler.id, executor_id=ExecutorID(f"e-{agent.id}-{TASKS // 2 - 2}"), status=9
        )
    )


def agent_disconnects(large: Large) -> None:
    large.agents[1].disconnect()


def agent_is_lost(large: Large) -> None:
    large.agents[1].disconnect()
    large.agents[1].reregister(frameworks=(large.scheduler.info,))
    large.world.mark_gone(large.agents[0].id)
    large.agents[1].say(internal.UnregisterAgent(agent_id=large.agents[1].id))


def agent_comes_back(large: Large) -> None:
    """With everything; it is told to shut the framework down, and nothing it says of it is taken in."""
    agent = large.agents[1]
    agent.disconnect()
    agent.reregister(
        tasks=tuple(large.reports[agent.id]),
        executors=(builders.executor("new", framework_id=large.scheduler.id, resources=()),),
        frameworks=(large.scheduler.info,),
    )
    assert [word.framework_id for word in agent.of(internal.ShutdownFramework)] == [large.scheduler.id]
    assert [word.reconciliations for word in agent.of(internal.AgentReregistered)] == [()]


def agent_comes_back_empty(large: Large) -> None:
    large.agents[1].disconnect()
    large.agents[1].reregister()
    assert [word.reconciliations for word in large.agents[1].of(internal.AgentReregistered)] == [()]


@pytest.mark.parametrize("checkpoint", [True, False])
@pytest.mark.parametrize(
    "happens", [updates_come, agent_disconnects, agent_is_lost, agent_comes_back, agent_comes_back_empty]
)
def test_whatever_happens_meanwhile(happens: Callable[[Large], None], checkpoint: bool) -> None:
    """Everything adds up after each slice, and in the end there is nothing left."""
    large = Large(checkpoint=checkpoint)
    large.tear_down()
    happens(large)
    large.world.master.check()
    large.end()
    assert all(not agent.tasks and not agent.executors for agent in large.world.state.agents.values())
    assert large.world.state.used.plain["cpus"] == 0
    assert large.world.state.unreachable_task_count == 0


def test_one_that_was_away_for_too_long_goes_the_same_way() -> None:
    large = Large(failover_timeout=30.0)
    large.scheduler.disconnect()
    large.world.advance(31)
    large.world.master.check()
    assert list(large.world.state.completed_frameworks) == [large.scheduler.id]


# ---- what is remembered of those that ended


@pytest.mark.parametrize("bound", [0, 2])
def test_completed_frameworks_and_tasks_are_bounded(bound: int) -> None:
    """The oldest are forgotten first."""
    world = World(Options(max_completed_frameworks=bound, max_completed_tasks_per_framework=bound))
    agent = world.agent()
    names = ["t0", "t1", "t2"]
    ids = []
    for _ in range(3):
        scheduler = world.scheduler()
        scheduler.launch(*[builders.task(name, agent.id, cpus=0.1) for name in names])
        for name in names:
            scheduler.acknowledge(agent.update(scheduler.id, name, State.TASK_FINISHED))
        kept = world.state.frameworks[scheduler.id].completed_tasks
        assert [task.id for task in kept] == names[3 - bound :]
        scheduler.call(Call.Type.TEARDOWN)
        ids.append(scheduler.id)
    assert list(world.state.completed_frameworks) == ids[3 - bound :]


def test_agents_that_come_back_know_removed_frameworks_that_nobody_shows_any_longer() -> None:
    """I12: many short ones have ended while the agent was away; it is told of the one it still runs all the same."""
    world = World(Options(max_completed_frameworks=1))
    agent, scheduler = world.agent(), world.scheduler()
    scheduler.launch(builders.task())
    task = world.state.frameworks[scheduler.id].tasks["t"].wire()
    agent.disconnect()
    scheduler.call(Call.Type.TEARDOWN)
    for _ in range(3):
        world.scheduler().call(Call.Type.TEARDOWN)
    assert scheduler.id not in world.state.completed_frameworks
    agent.reregister(tasks=(task,), frameworks=(scheduler.info,))
    assert [word.framework_id for word in agent.of(internal.ShutdownFramework)] == [scheduler.id]
    assert (world.state.frameworks, world.state.agents[agent.id].tasks) == ({}, {})


def test_a_removed_id_that_is_not_shown_any_longer_may_be_used_again() -> None:
    """As in Mesos; from then on agents' reports of it are taken in again."""
    world = World(Options(max_completed_frameworks=0))
    scheduler = world.scheduler()
    scheduler.call(Call.Type.TEARDOWN)
    scheduler.subscribe()
    assert scheduler.errors() == []
    assert list(world.state.frameworks) == [scheduler.id]
    assert world.state.removed_frameworks == {}


def test_a_recovered_framework_can_be_removed_by_an_operator() -> None:
    """Nothing else ends it, if its scheduler never comes (as in Mesos)."""
    world = World()
    agent = AgentDouble(world, builders.agent_info(agent_id="old-S1"))
    info = builders.framework_info(framework_id="old-0001", failover_timeout=10.0)
    task = Task(
        name="t", task_id=TaskID("t"), framework_id=FrameworkID("old-0001"), agent_id=agent.id,
        state=State.TASK_RUNNING, resources=(builders.scalar("cpus", 1, "*"),),
    )  # fmt: skip
    agent.reregister(tasks=(task,), frameworks=(info,))
    world.advance(1000)
    assert list(world.state.frameworks["old-0001"].tasks) == ["t"]
    world.apply(TeardownFramework, TeardownFramework(FrameworkID("old-0001")))
    assert [word.framework_id for word in agent.of(internal.ShutdownFramework)] == ["old-0001"]
    assert (world.state.frameworks, world.state.used.plain) == ({}, {"cpus": 0})
