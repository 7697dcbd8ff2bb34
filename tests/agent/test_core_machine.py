"""Whatever master, executors and containers do, in whatever order: no task is lost, none ends twice.

Hypothesis draws messages of a master that comes and goes, calls of executors, reports of a containerizer that answers
every launch, and, for a framework that checkpoints, deaths of the agent after any frame, or before its last one was
kept. After every frame all invariants of the core are checked (``World``); on top of that, from what was said alone:

* I3 after a terminal update of a task nothing else is said of it but repetitions
* I4 updates of a task arrive in the order of the core's history of it
* afterwards, when everybody behaves: every task that was accepted has ended, nothing is left running, waiting or kept
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mesos_py.agent import events, words
from mesos_py.agent.checkpoint import records as checkpoint
from mesos_py.agent.checkpoint import recovery
from mesos_py.agent.lifecycle import TERMINAL
from mesos_py.agent.options import EXECUTOR_REREGISTRATION_TIMEOUT_MAX
from mesos_py.agent.registration import Phase
from mesos_py.machine.frame import Frame, Send
from mesos_py.machine.values import SECOND
from mesos_py.wire import executor_api, internal
from mesos_py.wire.ids import ExecutorID
from mesos_py.wire.task import TaskGroupInfo, TaskState
from tests import builders
from tests.agent.world import AGENT_ID, FRAMEWORK_ID, TASK_KILLING_STATE, World, custom_task, framework, status, task

STATUSES = st.sampled_from([0, 1 << 8, 9, 15, None])
SAID = st.sampled_from(
    [TaskState.TASK_STARTING, TaskState.TASK_RUNNING, TaskState.TASK_FINISHED, TaskState.TASK_FAILED]
)


class Listening(World):
    """Remembers which containers there are and what was heard of each task."""

    def __init__(self, **settings: Any) -> None:
        #: launched or being launched; True: it runs
        self.containers: dict[str, bool] = {}
        #: those that SIGTERM has reached
        self.signalled: list[str] = []
        self.heard: dict[str, list[bytes]] = {}
        self.ends: dict[str, list[tuple[TaskState, bytes]]] = {}
        self.peers = 0
        super().__init__(**settings)

    def apply(self, kind: object, body: object = None, peer: str | None = None) -> Frame:
        self._before = copy.deepcopy((self.records, self.containers, self.signalled, self.heard, self.ends))
        frame = super().apply(kind, body, peer)
        for word in frame.sends:
            if not isinstance(word, Send):
                continue
            message = word.message
            if isinstance(message, words.LaunchContainer):
                assert message.spec.container_id not in self.containers
                self.containers[message.spec.container_id] = False
            elif isinstance(message, words.SignalContainer):
                self.signalled.append(message.container_id)
            elif isinstance(message, internal.StatusUpdate):
                uuid = message.status.uuid or b""
                known = self.heard.setdefault(message.status.task_id, [])
                if uuid not in known:
                    assert not self.ends.get(message.status.task_id), "nothing new after the end"
                    known.append(uuid)
                    if message.status.state in TERMINAL:
                        self.ends.setdefault(message.status.task_id, []).append((message.status.state, uuid))
        return frame

    def forget_last(self) -> None:
        """Nothing of the last frame was kept, so nothing of it was said. It was not the one that admitted the agent."""
        if checkpoint.AGENT in self._before[0]:
            self.records, self.containers, self.signalled, self.heard, self.ends = self._before

    def follow(self, former: World) -> None:
        super().follow(former)
        assert isinstance(former, Listening)
        self.containers, self.signalled, self.peers = former.containers, former.signalled, former.peers
        self.heard, self.ends = former.heard, former.ends

    def killed(self, stays: Callable[[], bool], status: Callable[[], int | None]) -> Listening:
        """The next agent, who has heard what became of the containers that did not stay."""
        there = [container_id for container_id in self.containers if stays()]
        self.containers = dict.fromkeys(there, True)
        expected = recovery.expected(checkpoint.state_of(self.records))
        after = self.restarted(*there, signalled=self.signalled)
        assert isinstance(after, Listening)
        for container_id in expected:
            if container_id not in there:
                after.exited(status(), container_id)
        return after


class AgentMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = Listening()
        self.by = framework(capabilities=(TASK_KILLING_STATE,))
        #: tasks whose end was heard of an earlier agent: no master wants them killed
        self.settled: dict[str, None] = {}
        self.tasks = 0
        self.uuids = 100
        self.peer = "master-1"

    @initialize(checkpoint=st.booleans())
    def begin(self, checkpoint: bool) -> None:
        self.by = framework(capabilities=(TASK_KILLING_STATE,), checkpoint=checkpoint)

    @precondition(lambda self: self.by.checkpoint)
    @rule(is_kept=st.booleans(), random=st.randoms(use_true_random=False))
    def restart(self, is_kept: bool, random: Random) -> None:
        """kill -9, and another agent."""
        if not is_kept:
            self.world.forget_last()
        self.settled = dict.fromkeys(self.world.ends)
        self.world = self.world.killed(lambda: random.random() < 0.7, lambda: random.choice([0, 1 << 8, 9, 15, None]))

    # ---- the master

    def say(self, message: object) -> None:
        if self.world.agent.registration.phase is Phase.RUNNING:
            self.world.tell(message, self.peer)

    def fresh(self) -> str:
        self.tasks += 1
        return f"t{self.tasks}"

    @rule()
    def run_command(self) -> None:
        self.say(internal.RunTask(framework=self.by, task=task(self.fresh()), launch_executor=True))

    @rule(executor=st.sampled_from("xy"), launch=st.booleans())
    def run_custom(self, executor: str, launch: bool) -> None:
        info = custom_task(self.fresh(), executor)
        self.say(internal.RunTask(framework=self.by, task=info, launch_executor=launch))

    @rule(executor=st.sampled_from("gh"), launch=st.booleans(), size=st.integers(1, 3))
    def run_group(self, executor: str, launch: bool, size: int) -> None:
        group = tuple(task(self.fresh()) for _ in range(size))
        self.say(
            internal.RunTaskGroup(
                framework=self.by, executor=builders.default_executor(executor),
                task_group=TaskGroupInfo(tasks=group), launch_executor=launch,
            )
        )  # fmt: skip

    @rule(number=st.integers(1, 12))
    def kill(self, number: int) -> None:
        if number <= self.tasks and f"t{number}" not in self.settled:
            self.say(internal.KillTask(framework_id=FRAMEWORK_ID, task_id=f"t{number}"))  # type: ignore[arg-type]

    @rule(executor=st.sampled_from("xygh"))
    def shutdown_executor(self, executor: str) -> None:
        self.say(internal.ShutdownExecutor(framework_id=FRAMEWORK_ID, executor_id=ExecutorID(executor)))

    @rule(all_of_them=st.booleans())
    def acknowledge(self, all_of_them: bool) -> None:
        heads = [stream.pending[0] for stream in self.world.agent.updates if stream.pending]
        for head in heads if all_of_them else heads[:1]:
            if head.uuid in self.world.heard.get(head.task_id, ()):
                self.say(
                    internal.AcknowledgeUpdate(framework_id=FRAMEWORK_ID, task_id=head.task_id, uuid=head.uuid or b"")
                )

    @rule()
    def lose_master(self) -> None:
        self.world.tell(events.MasterLost(self.peer))

    @rule()
    def find_master(self) -> None:
        registration = self.world.agent.registration
        if registration.peer is None:
            self.world.peers += 1
            self.peer = f"master-{self.world.peers + 1}"
            self.world.tell(events.MasterConnected(self.peer, "127.0.0.1:5050"))
        if registration.phase is Phase.DISCONNECTED:
            self.world.tell(
                internal.AgentReregistered(agent_id=AGENT_ID, total_ping_timeout_seconds=1e9), self.peer
            )

    # ---- containers

    @rule(index=st.integers(0, 5), status=STATUSES, how=st.sampled_from(["launch", "exit", "fail", "missing"]))
    def container(self, index: int, status: int | None, how: str) -> None:
        if not self.world.containers:
            return
        container_id = sorted(self.world.containers)[index % len(self.world.containers)]
        runs = self.world.containers[container_id]
        if how == "launch" and not runs:
            self.world.containers[container_id] = True
            self.world.launched(container_id)
        elif how == "exit":
            del self.world.containers[container_id]
            self.world.exited(status, container_id)
        elif not runs and how != "launch":
            del self.world.containers[container_id]
            text = "no such file" if how == "fail" else "Failed to execute 'x': No such file or directory"
            self.world.tell(events.ContainerLaunchFailed(container_id, text))

    # ---- executors

    @rule(executor=st.sampled_from("xy"), knows=st.booleans())
    def subscribe(self, executor: str, knows: bool) -> None:
        self.world.peers += 1
        known = [
            held.info
            for one in self.world.agent.state.containers.values() if one.id == executor and knows
            for held in one.launched.values()
        ]  # fmt: skip
        subscribe = executor_api.Call.Subscribe
        self.world.call(
            subscribe(unacknowledged_tasks=tuple(known)), executor_id=executor, peer=f"x-{self.world.peers}"
        )

    @rule(executor=st.sampled_from("xy"), number=st.integers(1, 12), state=SAID)
    def update(self, executor: str, number: int, state: TaskState) -> None:
        self.uuids += 1
        update = executor_api.Call.Update
        self.world.call(update(status=status(f"t{number}", state, self.uuids)), executor_id=executor)

    @rule(seconds=st.sampled_from([1, 5, 30, 600]))
    def wait(self, seconds: int) -> None:
        self.world.agent.timers.cancel("pinged")
        self.world.advance(seconds * SECOND)

    # ---- what must hold

    @invariant()
    def ends_are_single(self) -> None:
        for task_id, ends in self.world.ends.items():
            assert len(ends) <= 1, task_id

    def teardown(self) -> None:
        """Everybody behaves from now on: everything ends and is told."""
        self.world.agent.timers.cancel("pinged")
        self.world.advance(EXECUTOR_REREGISTRATION_TIMEOUT_MAX)
        self.find_master()
        for framework_ in list(self.world.agent.state.frameworks.values()):
            for executor in list(framework_.executors.values()):
                self.say(internal.ShutdownExecutor(framework_id=FRAMEWORK_ID, executor_id=executor.id))
        while self.world.containers:
            container_id = min(self.world.containers)
            del self.world.containers[container_id]
            self.world.exited(9, container_id)
        for _ in range(100):
            self.acknowledge(all_of_them=True)
        assert len(self.world.agent.updates) == 0
        assert self.world.agent.state.frameworks == {}
        assert set(self.world.records) <= {checkpoint.AGENT, checkpoint.BOOT}
        accepted = {f"t{number + 1}" for number in range(self.tasks)} & set(self.world.heard)
        assert accepted == set(self.world.ends)


TestAgentMachine = pytest.mark.filterwarnings("ignore")(AgentMachine.TestCase)
TestAgentMachine.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
