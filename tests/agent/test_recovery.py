"""Every procedure of several steps is cut after each of them, by the death of the agent, and goes on to the same end.

Frames are kept as a whole or not at all, so there is nothing between steps but words that may not have arrived: each
cut is made twice, once with the last words heard by the containers and once without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mesos_py.agent import events, words
from mesos_py.agent.registration import Phase
from mesos_py.machine.frame import Frame, Send
from mesos_py.machine.values import SECOND
from mesos_py.wire import executor_api, internal
from mesos_py.wire.ids import ExecutorID
from mesos_py.wire.task import TaskState, TaskStatus
from tests import builders
from tests.agent.world import FRAMEWORK_ID, TASK_KILLING_STATE, World, custom_task, framework, kill_policy, status, task

BY = framework(checkpoint=True, capabilities=(TASK_KILLING_STATE,))


class Life(World):
    """Knows which containers there are and what has been done to them, over all agents."""

    def __init__(self, **settings: Any) -> None:
        #: container -> whether the present agent has heard that it runs
        self.running: dict[str, bool] = {}
        #: what containers were told
        self.done: dict[tuple[str, str], None] = {}
        self._last: list[tuple[str, str]] = []
        self.is_subscribed = False
        super().__init__(**settings)

    def apply(self, kind: object, body: object = None, peer: str | None = None) -> Frame:
        frame = super().apply(kind, body, peer)
        before = dict(self.done)
        for word in frame.sends:
            message = word.message if isinstance(word, Send) else None
            if isinstance(message, words.LaunchContainer):
                self.running[message.spec.container_id] = False
            elif isinstance(message, words.SignalContainer):
                self.done["signal", message.container_id] = None
            elif isinstance(message, words.DestroyContainer):
                self.done["destroy", message.container_id] = None
        self._last = [key for key in self.done if key not in before]
        return frame

    def follow(self, former: World) -> None:
        super().follow(former)
        assert isinstance(former, Life)
        self.running, self.done, self.is_subscribed = dict.fromkeys(former.running, True), former.done, False

    def cut(self, *, are_heard: bool) -> Life:
        """The agent dies; the next one has a master, and whoever connects by himself."""
        if not are_heard:
            for key in self._last:
                del self.done[key]
        signalled = [container_id for kind, container_id in self.done if kind == "signal"]
        known = [one.info for held in self.agent.state.containers.values() for one in held.launched.values()]
        after = self.restarted(*self.running, signalled=signalled)
        assert isinstance(after, Life)
        if self.is_subscribed:
            after.subscribe(unacknowledged_tasks=tuple(known))
        if after.agent.registration.phase is Phase.RECONNECTING:
            after.advance(after.agent.options.executor_reregistration_timeout)
        after.register_again()
        return after

    # ---- steps

    def start(self, name: str) -> None:
        """The container of this task has started, which a new agent has seen already."""
        container_id = self.container(name)
        if not self.running[container_id]:
            self.running[container_id] = True
            self.launched(container_id)

    def end(self, name: str, code: int) -> None:
        """Nothing of it is left."""
        container_id = self.container(name)
        del self.running[container_id]
        self.exited(code, container_id)

    def subscribe(self, peer: str = "x-1", **fields: Any) -> Any:
        self.is_subscribed = True
        return super().subscribe(peer, **fields)

    def container(self, name: str) -> str:
        for executor in self.agent.state.containers.values():
            for container_id, task_id in executor.nested.items():
                if task_id == name:
                    return container_id
            if executor.id == name:
                return executor.container_id
        raise AssertionError(f"no container of {name}")


def launch(life: Life) -> None:
    life.run(task("t"), by=BY)


def launch_group(life: Life) -> None:
    life.run_group([task("a"), task("b")], by=BY)


def shut_down(life: Life) -> None:
    (executor,) = life.agent.state.containers.values()
    life.master(internal.ShutdownExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID(executor.id)))


def tear_down(life: Life) -> None:
    life.master(internal.ShutdownFramework(framework_id=FRAMEWORK_ID))


def limited(life: Life) -> None:
    life.run(task("t", max_completion_time=builders.duration(30)), by=BY)


def custom(life: Life) -> None:
    life.run(custom_task("t"), by=BY)


def says_running(life: Life) -> None:
    update = executor_api.Call.Update(status=status("t", TaskState.TASK_RUNNING))
    life.call(update)


Step = Callable[[Life], object]

PROCEDURES: dict[str, tuple[Sequence[Step], dict[str, str]]] = {
    "a task ends": (
        [launch, lambda w: w.start("t"), lambda w: w.end("t", 0)],
        {"t": "STARTING RUNNING FINISHED"},
    ),
    "a kill that is obeyed": (
        [launch, lambda w: w.start("t"), lambda w: w.kill("t", kill_policy(5)), lambda w: w.end("t", 15)],
        {"t": "STARTING RUNNING KILLING KILLED"},
    ),
    "a kill that is not": (
        [
            launch, lambda w: w.start("t"), lambda w: w.kill("t", kill_policy(5)), lambda w: w.advance(3 * SECOND),
            lambda w: w.advance(2 * SECOND), lambda w: w.end("t", 9),
        ],
        {"t": "STARTING RUNNING KILLING KILLED"},
    ),
    "a kill that becomes impatient": (
        [
            launch, lambda w: w.start("t"), lambda w: w.kill("t", kill_policy(60)),
            lambda w: w.kill("t", kill_policy(5)), lambda w: w.advance(5 * SECOND), lambda w: w.end("t", 9),
        ],
        {"t": "STARTING RUNNING KILLING KILLED"},
    ),
    "too long": (
        [limited, lambda w: w.start("t"), lambda w: w.advance(30 * SECOND), lambda w: w.end("t", 9)],
        {"t": "STARTING RUNNING FAILED"},
    ),
    "an executor is shut down": (
        [launch, lambda w: w.start("t"), shut_down, lambda w: w.advance(5 * SECOND), lambda w: w.end("t", 9)],
        {"t": "STARTING RUNNING KILLING KILLED"},
    ),
    "a group fails": (
        [
            launch_group, lambda w: w.start("a"), lambda w: w.start("b"), lambda w: w.end("a", 1 << 8),
            lambda w: w.advance(3 * SECOND), lambda w: w.end("b", 9),
        ],
        {"a": "STARTING RUNNING FAILED", "b": "STARTING RUNNING KILLING KILLED"},
    ),
    "a group is killed": (
        [
            launch_group, lambda w: w.start("a"), lambda w: w.start("b"), lambda w: w.kill("a", kill_policy(5)),
            lambda w: w.end("a", 15), lambda w: w.end("b", 15),
        ],
        {"a": "STARTING RUNNING KILLING KILLED", "b": "STARTING RUNNING KILLING KILLED"},
    ),
    "a member ends before another starts": (
        [
            launch_group, lambda w: w.start("a"), lambda w: w.end("a", 0), lambda w: w.start("b"),
            lambda w: w.end("b", 0),
        ],
        {"a": "STARTING RUNNING FINISHED", "b": "STARTING RUNNING FINISHED"},
    ),
    "a framework's own executor is shut down": (
        [
            custom, lambda w: w.start("e"), lambda w: w.subscribe(), says_running, shut_down,
            lambda w: w.advance(5 * SECOND), lambda w: w.end("e", 9),
        ],
        {"t": "RUNNING FAILED"},
    ),
}  # fmt: skip


def whole(steps: Sequence[Step]) -> Life:
    life = Life()
    for step in steps:
        step(life)
    return life


@pytest.mark.parametrize("name", PROCEDURES)
def test_uninterrupted(name: str) -> None:
    steps, states = PROCEDURES[name]
    life = whole(steps)
    assert {one: " ".join(life.states(one)) for one in states} == states


def _cuts() -> list[Any]:
    """A custom executor that was not subscribed when the agent died has lost what was sent to it, as in Mesos."""
    return [
        pytest.param(name, cut, are_heard, id=f"{name}-{cut}{'' if are_heard else '-unheard'}")
        for name, (steps, _) in PROCEDURES.items()
        for cut in range(3 if "own executor" in name else 1, len(steps))
        for are_heard in (True, False)
    ]


@pytest.mark.parametrize(("name", "cut", "are_heard"), _cuts())
def test_cut(name: str, cut: int, are_heard: bool) -> None:
    """The same is said of every task, in the same order, and containers have been told the same."""
    steps, states = PROCEDURES[name]
    expected = whole(steps)
    life = whole(steps[:cut]).cut(are_heard=are_heard)
    for step in steps[cut:]:
        step(life)
    for one in states:
        assert _brief(life.statuses(one)) == _brief(expected.statuses(one)), one
    assert sorted(kind for kind, _ in life.done) == sorted(kind for kind, _ in expected.done)


def _brief(statuses: Sequence[TaskStatus]) -> list[tuple[str, Any, Any]]:
    return [(status.state.name, status.reason, status.message) for status in statuses]


def test_teardown_under_way() -> None:
    """A framework that is torn down is so after a restart, whatever the master remembers of it."""
    life = whole([launch_group, lambda w: w.start("a"), lambda w: w.start("b"), tear_down])
    after = life.cut(are_heard=False)
    assert after.agent.state.frameworks[FRAMEWORK_ID].terminating
    assert len(after.agent.updates) == 0
    after.advance(5 * SECOND)
    assert sorted(kind for kind, _ in after.done) == ["destroy", "destroy", "signal", "signal"]
    after.end("a", 9)
    after.end("b", 9)
    assert after.agent.state.frameworks == {}
    assert sorted(kind for kind, _ in after.records) == ["agent", "boot"]


def test_a_command_task_that_nobody_knows_to_have_run() -> None:
    """It may have been launched and swept with its supervisor, or never: as in Mesos, that is a failure."""
    life = whole([launch])
    after = life.restarted()
    after.exited(None)
    (last,) = after.statuses()
    assert (last.state, last.reason) == (TaskState.TASK_FAILED, TaskStatus.Reason.REASON_EXECUTOR_TERMINATED)
    assert last.message == "Abnormal executor termination: unknown container"


def test_a_member_that_nobody_knows_to_have_run() -> None:
    life = whole([launch_group, lambda w: w.start("b")])
    a, b = life.container("a"), life.container("b")
    after = life.restarted(b)
    after.exited(None, a)
    assert after.statuses("a")[-1].message == "Unable to retrieve command's termination information"
    assert [word.container_id for word in after.to_containers(words.SignalContainer)] == [b]


def test_a_member_that_was_killed_while_it_was_fetched() -> None:
    """The fetch ended with the agent; the kill is remembered, and the rest of the group goes."""
    life = whole([launch_group, lambda w: w.start("b"), lambda w: w.kill("a")])
    a, b = life.container("a"), life.container("b")
    after = life.restarted(b)
    after.exited(None, a)
    assert after.states("a") == ["STARTING", "KILLED"]
    assert [word.container_id for word in after.to_containers(words.SignalContainer)] == [b]
    after.exited(15, b)
    assert after.states("b") == ["STARTING", "KILLING", "KILLED"]


def test_a_task_that_was_never_delivered() -> None:
    """What the framework's executor does not name when it comes back was lost on the way to it."""
    world = World()
    world.run(custom_task("t"), by=BY)
    world.launched()
    container_id = world.executor().container_id
    after = world.restarted(container_id)
    after.subscribe()
    (last,) = after.statuses()
    assert (last.state, last.reason) == (TaskState.TASK_LOST, TaskStatus.Reason.REASON_AGENT_RESTARTED)
    assert last.message == "Task launched during agent restart"


def test_updates_of_an_executor_that_missed_the_answer() -> None:
    """It says them again; those acknowledged by the framework before are known, too."""
    world = World()
    world.run(custom_task("t"), by=BY)
    world.launched()
    world.subscribe()
    world.update("t", TaskState.TASK_STARTING, 1)
    world.update("t", TaskState.TASK_RUNNING, 2)
    world.acknowledge(world.said[0].status)
    again = [status("t", TaskState.TASK_STARTING, 1), status("t", TaskState.TASK_RUNNING, 2)]
    new = status("t", TaskState.TASK_FINISHED, 3)
    after = world.restarted(world.executor().container_id)
    updates = tuple(executor_api.Call.Update(status=one) for one in (*again, new))
    after.subscribe(unacknowledged_tasks=(custom_task("t"),), unacknowledged_updates=updates)
    assert after.states() == ["STARTING", "RUNNING", "FINISHED"]
    acknowledged = [event.acknowledged.uuid for event in after.events_to() if event.acknowledged is not None]
    assert acknowledged == [one.uuid for one in (*again, new)]
    after.register_again()
    assert after.said[-1].status.uuid == again[1].uuid


@pytest.mark.parametrize("aware", [False, True])
def test_executors_that_do_not_come_back(aware: bool) -> None:
    """Others are not waited for: recovery ends when all are back or given up."""
    capabilities = (builders.CAPABILITY.PARTITION_AWARE,) if aware else ()
    world = World()
    world.run(custom_task("t"), by=framework(checkpoint=True, capabilities=capabilities))
    world.launched()
    world.subscribe()
    world.update("t", TaskState.TASK_RUNNING)
    container_id = world.executor().container_id
    after = world.restarted(container_id, executor_reregistration_timeout=3 * SECOND)
    after.tell(events.MasterConnected("master-2", "127.0.0.1:5050"))
    after.advance(3 * SECOND - 1)
    assert after.agent.registration.phase is Phase.RECONNECTING
    after.advance(1)
    assert after.to_containers(words.DestroyContainer) == [words.DestroyContainer(container_id)]
    assert after.agent.registration.phase is Phase.DISCONNECTED
    after.subscribe()
    assert after.events_to()[-1].type is executor_api.Event.Type.SHUTDOWN
    after.exited(9)
    last = after.statuses()[-1]
    assert last.state is (TaskState.TASK_GONE if aware else TaskState.TASK_LOST)
    assert last.reason is TaskStatus.Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT
    assert last.message == "Executor did not reregister within 3secs"


def test_executors_that_come_back_while_the_agent_hangs() -> None:
    """Their words wait to be read: nobody is given up before, and recovery is over with the last of them."""
    world = World()
    world.run(custom_task("t"), by=BY)
    world.launched()
    world.subscribe()
    world.update("t", TaskState.TASK_RUNNING)
    after = world.restarted(world.executor().container_id)
    after.hang(60 * SECOND)
    assert after.agent.registration.phase is Phase.RECONNECTING
    after.subscribe(unacknowledged_tasks=(custom_task("t"),))
    assert after.agent.registration.phase is Phase.DISCONNECTED
    assert after.to_containers(words.DestroyContainer) == []
    assert after.states() == ["RUNNING"]


def test_cleanup() -> None:
    """Executors end, nothing is told to anybody, and the next agent is another one."""
    life = whole([launch, lambda w: w.start("t")])
    after = life.restarted(*life.running, recover="cleanup")
    assert after.agent.registration.phase is Phase.TERMINATING
    assert after.to_containers(words.SignalContainer)
    after.exited(15)
    assert after.to(words.PROCESS, words.Exit) == [words.Exit(None)]
    assert [kind for kind, _ in after.records] == ["boot"]
